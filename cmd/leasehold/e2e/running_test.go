package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
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
	s.signal(syscall.SIGHUP)
	s.await("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
	c.renew(h)
	script.await("renew").check(t, map[string]string{"ip": bound.env["ip"], "ntpsrv": "192.0.2.124"})

	s.configure(`{ "Dhcp4": { "subnet4": [ { "subnet": "nonsense" } ] } }`)
	s.signal(syscall.SIGHUP)
	s.await("DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
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
	if code := second.wait(); code == 0 {
		t.Errorf("a second copy ends with exit code %d", code)
	}
	if said := second.all(); !strings.Contains(said, first.leases) {
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
	must(t, os.Chmod(filepath.Dir(s.dir()), 0o711))
	must(t, os.Chown(s.dir(), nobody, nobody))
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
