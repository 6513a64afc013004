package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// A new configuration comes into force with SIGHUP; a broken one does not, and
// clients are served all the while.
func TestEndToEndReload(t *testing.T) {
	if isolate(t, "udhcpc") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24")
	s := serve(t, "leasehold", config4)
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	c := udhcpc()
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	bound := script.await("bound")

	s.configure(strings.ReplaceAll(config4, "192.0.2.123", "192.0.2.124"))
	s.Signal(syscall.SIGHUP)
	s.Await("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
	c.renew(h)
	script.await("renew").check(t, map[string]string{"ip": bound.env["ip"], "ntpsrv": "192.0.2.124"})

	s.configure(`{ "Dhcp4": { "subnet4": [ { "subnet": "nonsense" } ] } }`)
	s.Signal(syscall.SIGHUP)
	s.Await("DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
	c.renew(h)
	script.await("renew").check(t, map[string]string{"ip": bound.env["ip"], "ntpsrv": "192.0.2.124"})
	s.stop()
}

// A second copy on the same lease file does not start.
func TestEndToEndSecondCopy(t *testing.T) {
	if isolate(t) {
		return
	}
	bridge(t, "lan", "10.0.0.1/16")
	first := serve(t, "leasehold", configLoad4)
	second := first.copy()
	if code := second.Wait(); code == 0 {
		t.Errorf("a second copy ends with exit code %d", code)
	}
	if said := second.Text(); !strings.Contains(said, first.leases) {
		t.Errorf("the second copy does not name the lease file:\n%s", said)
	}
	first.stop()
}

// The server needs no more privileges than Kea's unit gives: not root, two
// capabilities.
func TestEndToEndCapabilities(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become somebody else")
	}
	if isolate(t, "udhcpc") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24")
	s := prepare(t, "kea-dhcp4", config4)
	const nobody = 65534
	testnet.Must(t, os.Chmod(filepath.Dir(s.dir()), 0o711))
	testnet.Must(t, os.Chown(s.dir(), nobody, nobody))
	s.rights = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: nobody, Gid: nobody},
		AmbientCaps: []uintptr{unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE},
	}
	s.start()
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	c := udhcpc()
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	addr := script.await("bound").env["ip"]
	c.renew(h)
	script.await("renew").check(t, map[string]string{"ip": addr})
	s.stop()
}

// One process serves both families from two files; a client that wants no
// address of DHCPv6 gets the options alone.
func TestEndToEndBothFamilies(t *testing.T) {
	if isolate(t, "udhcpc", "dhclient", "tshark") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24", "2001:db8:1::1/64")
	wire := record(t, "lan")
	s := prepare(t, "leasehold", config4)
	s.also = filepath.Join(s.dir(), "config6.json")
	leases6 := filepath.Join(s.dir(), "leases6.csv")
	testnet.Must(t, os.WriteFile(s.also, []byte(strings.ReplaceAll(config6, "%LEASES%", leases6)), 0o644))
	s.start()
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)

	c4 := udhcpc()
	script4 := newScript(t, c4.program, c4.script)
	c4.start(h, script4)
	script4.await("bound").check(t, c4.options)

	c6 := dhclient6(t)
	script6 := newScript(t, c6.program, c6.script)
	h.start("dhclient", "-6", "-S", "-d", "-lf", "/run/leases", "-pf", "/run/dhclient.pid", "-sf", script6.path, "eth0")
	script6.await("RENEW6").check(t, map[string]string{"new_dhcp6_name_servers": c6.options["new_dhcp6_name_servers"]})
	if rows := readLeases(t, leases6); len(rows) != 0 {
		t.Errorf("a client that asked for no address has %v", rows)
	}
	s.stop()
	wire.wellFormed(answers4)
	wire.wellFormed(answers6)
}
