package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"leasehold/lease"
	"leasehold/server/testnet"
)

// inDatabase is a configuration with its leases in an SQLite database, which
// answers lease commands.
func inDatabase(config, path, socket string) string {
	config = strings.ReplaceAll(asDatabase(config), "%LEASES%", path)
	return strings.Replace(config, `"lease-database"`, `"control-socket": { "socket-type": "unix", "socket-name": "`+socket+`" },
	"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" } ],
	"lease-database"`, 1)
}

// readDatabase returns the leases of a family in a database.
func readDatabase(t *testing.T, path string, version int) map[string]lease.Lease {
	t.Helper()
	found := map[string]lease.Lease{}
	testnet.Must(t, lease.ReadDB(path, version, func(l lease.Lease) error {
		found[l.Addr.String()] = l
		return nil
	}))
	return found
}

// One database holds the leases of both families while real clients are served:
// it survives a kill, is copied while it is in use, and serves from the copy.
func TestEndToEndOneDatabase(t *testing.T) {
	if isolate(t, "udhcpc", "dhclient") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24", "2001:db8:1::1/64")
	s := prepare(t, "leasehold", "")
	db, socket4, socket6 := filepath.Join(s.dir(), "leases.db"), filepath.Join(s.dir(), "4"), filepath.Join(s.dir(), "6")
	s.also = filepath.Join(s.dir(), "config6.json")
	serveFrom := func(path string) {
		t.Helper()
		s.configure(inDatabase(config4, path, socket4))
		testnet.Must(t, os.WriteFile(s.also, []byte(inDatabase(config6, path, socket6)), 0o644))
		s.start()
	}
	serveFrom(db)
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	c4 := udhcpc()
	script4 := newScript(t, c4.program, c4.script)
	c4.start(h, script4)
	addr := script4.await("bound").env["ip"]
	c6 := dhclient6(t)
	script6 := newScript(t, c6.program, c6.script)
	c6.start(h, script6)
	addr6 := script6.await("BOUND6").env["new_ip6_address"]
	for addr6 == squatted6 { // which the client's script declines
		addr6 = script6.await("BOUND6").env["new_ip6_address"]
	}

	s.Signal(syscall.SIGKILL)
	s.Wait()
	check := func(path string) {
		t.Helper()
		four, six := readDatabase(t, path, 4), readDatabase(t, path, 6)
		if l := four[addr]; l.HWAddr != string(clientMAC) || l.State != lease.Default {
			t.Errorf("%s: %s is %+v", filepath.Base(path), addr, l)
		}
		if l := six[addr6]; l.ClientID == "" || l.State != lease.Default {
			t.Errorf("%s: %s is %+v", filepath.Base(path), addr6, l)
		}
		if l := six[prefix6]; l.Type != lease.PD || l.PrefixLen != 56 {
			t.Errorf("%s: %s is %+v", filepath.Base(path), prefix6, l)
		}
	}
	check(db)

	s.start()
	c4.renew(h)
	script4.await("renew").check(t, map[string]string{"ip": addr})
	runs(t, testnet.Program(t), "leases", "backup", "--socket", socket4, "copy.db")
	check(filepath.Join(s.dir(), "copy.db"))
	c4.renew(h)
	script4.await("renew").check(t, map[string]string{"ip": addr})
	s.stop()

	serveFrom(filepath.Join(s.dir(), "copy.db"))
	c4.renew(h)
	script4.await("renew").check(t, map[string]string{"ip": addr})
	script6.await(c6.kept...)
	check(filepath.Join(s.dir(), "copy.db"))
	s.stop()
}
