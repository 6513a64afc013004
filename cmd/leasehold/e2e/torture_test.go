package e2e

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// kills is how often each torture kills its server; TORTURE says otherwise.
func kills(t *testing.T) int {
	n := 4
	if v := os.Getenv("TORTURE"); v != "" {
		n = testnet.Must1(strconv.Atoi(v))(t)
	}
	return n
}

// asDatabase is a configuration with its leases in SQLite.
func asDatabase(config string) string {
	return strings.Replace(config, `"type": "memfile"`, `"type": "sqlite"`, 1)
}

// A server that is killed at any moment of its work, again and again under
// load, has every lease that it granted when it is back.
func TestEndToEndKill(t *testing.T) {
	if !isolate(t) {
		torture(t, 4, configLoad4)
	}
}

func TestEndToEndKill6(t *testing.T) {
	if !isolate(t) {
		torture(t, 6, configLoad6)
	}
}

func TestEndToEndKillSQLite(t *testing.T) {
	if !isolate(t) {
		torture(t, 4, asDatabase(configLoad4))
	}
}

func TestEndToEndKillSQLite6(t *testing.T) {
	if !isolate(t) {
		torture(t, 6, asDatabase(configLoad6))
	}
}

func torture(t *testing.T, version int, config string) {
	bridge(t, "lan", "10.0.0.1/16", "2001:db8:1::1/64")
	acked := countAcks(t, "lan", version)
	s := serve(t, "leasehold", config)
	granted := map[string]string{}
	rounds := kills(t)
	for round := range rounds {
		if round > 0 {
			s.start()
			acked.kept(t, granted, s.holds(version))
		}
		h := newHost(t, "load")
		h.plug("eth0", "lan", net.HardwareAddr{2, 0, 0, 1, byte(round >> 8), byte(round)}, "10.0.0.2/16")
		loadClients(h, version, 100_000*(round+1), 100_000)
		acked.more(t, 1+rand.IntN(200))
		s.Signal(syscall.SIGKILL)
		s.Wait()
		granted = acked.sofar(t)
		h.shutDown()
	}
	s.keptFor(t, version, config, acked, granted)
	t.Logf("%d leases were granted, none is lost after %d kills", len(granted), rounds)
}

// keptFor starts the server after its last kill, and Kea before it if it can: what
// a killed server leaves is a lease file for Kea, too. All that was granted must be
// there.
func (s *server) keptFor(t *testing.T, version int, config string, acked *acks, granted map[string]string) {
	t.Helper()
	if !strings.Contains(config, "sqlite") {
		kea := s.asKea(t, version)
		acked.kept(t, granted, s.holds(version))
		kea.Signal(syscall.SIGKILL)
		kea.Wait()
	}
	s.start()
	acked.kept(t, granted, s.holds(version))
	s.stop()
}

// holds asks the running server for its leases. Kea answers, too.
func (s *server) holds(version int) map[string]row {
	s.t.Helper()
	out := filepath.Join(s.dir(), "export.csv")
	args := []string{"leases", "export", "--force", "--socket", filepath.Join(s.dir(), "s"), out}
	if version == 6 {
		args = append(args, "-6")
	}
	runs(s.t, testnet.Program(s.t), args...)
	return readLeases(s.t, out)
}

// asKea starts ISC's server on the files of ours.
func (s *server) asKea(t *testing.T, version int) *testnet.Process {
	t.Helper()
	name := "kea-dhcp" + strconv.Itoa(version)
	testnet.Need(t, name)
	cmd := keaCommand(name, s.config, s.dir())
	p := testnet.Start(t, "Kea", cmd)
	p.Await("DHCP" + strconv.Itoa(version) + "_STARTED")
	return p
}

// What Kea has granted until it is killed is there when ours takes its place.
func TestEndToEndAfterKea(t *testing.T) {
	if !isolate(t, "kea-dhcp4") {
		afterKea(t, 4, configLoad4)
	}
}

func TestEndToEndAfterKea6(t *testing.T) {
	if !isolate(t, "kea-dhcp6") {
		afterKea(t, 6, configLoad6)
	}
}

func afterKea(t *testing.T, version int, config string) {
	bridge(t, "lan", "10.0.0.1/16", "2001:db8:1::1/64")
	acked := countAcks(t, "lan", version)
	s := prepare(t, "leasehold", config)
	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	kea := s.asKea(t, version)
	loadClients(h, version, 1_000_000, 1_000_000)
	acked.more(t, 300)
	kea.Signal(syscall.SIGKILL)
	kea.Wait()
	granted := acked.sofar(t)
	s.start()
	acked.kept(t, granted, s.holds(version))
	acked.more(t, 300)
	s.stop()
}

// When the disk is full or can only be read nothing is granted that is not
// stored; when there is room again, clients are served again.
func TestEndToEndFullDisk(t *testing.T) {
	if !isolate(t) {
		fullDisk(t, 4, configLoad4)
	}
}

func TestEndToEndFullDisk6(t *testing.T) {
	if !isolate(t) {
		fullDisk(t, 6, configLoad6)
	}
}

func TestEndToEndFullDiskSQLite(t *testing.T) {
	if !isolate(t) {
		fullDisk(t, 4, asDatabase(configLoad4))
	}
}

func fullDisk(t *testing.T, version int, config string) {
	bridge(t, "lan", "10.0.0.1/16", "2001:db8:1::1/64")
	acked := countAcks(t, "lan", version)
	disk := t.TempDir()
	testnet.Must(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=256k"))
	t.Cleanup(func() { unix.Unmount(disk, unix.MNT_DETACH) })
	s := prepare(t, "leasehold", strings.ReplaceAll(config, "%LEASES%", filepath.Join(disk, "leases")))
	s.leases = filepath.Join(disk, "leases")
	s.start()

	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	loadClients(h, version, 1, 1_000_000)
	s.Await("LEASEHOLD_LEASE_STORE_FAIL")
	full := acked.sofar(t)
	if len(full) == 0 {
		t.Error("nothing was granted before the disk was full")
	}
	acked.kept(t, full, s.holds(version))

	testnet.Must(t, unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=64m"))
	if !strings.Contains(config, "sqlite") { // which has its files open all the time
		// A file that is open to be written keeps a disk from being made read-only,
		// as the lock would. So it is hidden by itself, read-only.
		testnet.Must(t, unix.Mount(disk, disk, "", unix.MS_BIND, ""))
		testnet.Must(t, unix.Mount("", disk, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		h.shutDown()
		h = newHost(t, "vain")
		h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
		none := len(acked.sofar(t))
		loadClients(h, version, 2_000_000, 100).Wait()
		if n := len(acked.sofar(t)); n != none {
			t.Errorf("%d leases were granted on a disk that can only be read", n-none)
		}
		testnet.Must(t, unix.Unmount(disk, 0))
	}
	s.Await("LEASEHOLD_LEASE_STORE_RECOVERED")
	h.shutDown()
	h = newHost(t, "again")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	loadClients(h, version, 3_000_000, 1_000_000)
	acked.more(t, 200)
	s.Signal(syscall.SIGKILL)
	s.Wait()
	s.keptFor(t, version, config, acked, acked.sofar(t))
}
