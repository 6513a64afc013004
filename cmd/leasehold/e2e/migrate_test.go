package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"leasehold/server/testnet"
)

// foreign is a server whose place ours takes.
type foreign struct {
	program string
	format  string // of its lease file
	ready   string // what it says when it serves
	args    func(dir string) []string
	conf    string
}

const (
	foreignLeases = "foreign.leases"
	foreignConf   = "foreign.conf"
)

func dhcpd(family, conf string) foreign {
	return foreign{program: "dhcpd", format: "isc", ready: "Server starting service", conf: conf, args: func(dir string) []string {
		return []string{family, "-f", "-d", "-cf", filepath.Join(dir, foreignConf), "-lf", filepath.Join(dir, foreignLeases),
			"-pf", filepath.Join(dir, "pid"), "lan"}
	}}
}

func dnsmasq() foreign {
	return foreign{program: "dnsmasq", format: "dnsmasq", ready: "DHCP, sockets bound", args: func(dir string) []string {
		return []string{"-k", "-C", "/dev/null", "-p", "0", "-u", "root", "-x", filepath.Join(dir, "pid"), "--log-facility=-",
			"--no-ping", "-l", filepath.Join(dir, foreignLeases), "-i", "lan", "--bind-dynamic", "-F", "10.0.1.0,10.0.2.254,2h"}
	}}
}

// The clients of ISC's server and of dnsmasq keep their addresses and prefixes
// when ours takes their place: its lease file is imported, and then serves.
func TestEndToEndMigrate(t *testing.T) {
	if !isolate(t, "dhcpd", "perfdhcp") {
		migrate(t, dhcpd("-4", `authoritative; ping-check false; default-lease-time 7200;
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.2.254; }
`), configLoad4, "-4", "-l", "eth0", "-b", "mac=00:0c:01:00:00:01")
	}
}

func TestEndToEndMigrate6(t *testing.T) {
	if !isolate(t, "dhcpd", "perfdhcp") {
		migrate(t, dhcpd("-6", `default-lease-time 7200;
subnet6 2001:db8:1::/64 { range6 2001:db8:1::1:0 2001:db8:1::1:ffff; prefix6 2001:db8:8000:: 2001:db8:8000:ff00:: /56; }
`), configLoad6, "-6", "-l", "eth0", "-e", "address-and-prefix", "-b", "duid=0001000132951340000c01000001")
	}
}

func TestEndToEndMigrateDnsmasq(t *testing.T) {
	if !isolate(t, "dnsmasq", "perfdhcp") {
		migrate(t, dnsmasq(), configLoad4, "-4", "-l", "eth0", "-b", "mac=00:0c:01:00:00:01")
	}
}

func migrate(t *testing.T, from foreign, config string, load ...string) {
	bridge(t, "lan", "10.0.0.1/16", "2001:db8:1::1/64")
	s := prepare(t, "leasehold", config)
	leases := filepath.Join(s.dir(), foreignLeases)
	testnet.Must(t, os.WriteFile(leases, nil, 0o600))
	testnet.Must(t, os.WriteFile(filepath.Join(s.dir(), foreignConf), []byte(from.conf), 0o600))
	old := testnet.Start(t, from.program, exec.Command(from.program, from.args(s.dir())...))
	old.Await(from.ready)
	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	perfdhcp(h, load...)
	old.Signal(syscall.SIGTERM)
	old.Wait()

	imported := exec.Command(testnet.Program(t), "leases", "import", "--from", from.format, "-c", s.config, leases)
	said, err := imported.CombinedOutput()
	if err != nil || !strings.Contains(string(said), " leases taken over, 0 not") {
		t.Fatalf("import: %v\n%s", err, said)
	}
	before := s.rows()
	if n := held(before); n < exchanges {
		t.Fatalf("%d leases of %d clients were imported", n, exchanges)
	}

	s.start()
	perfdhcp(h, load...)
	after := s.rows()
	if len(after) != len(before) {
		t.Errorf("%d addresses and prefixes are leased, %d were before", len(after), len(before))
	}
	for addr, b := range before {
		if a := after[addr]; !a.held() || a["hwaddr"] != b["hwaddr"] && b["hwaddr"] != "" || a["duid"] != b["duid"] || a["iaid"] != b["iaid"] {
			t.Errorf("%s was %v, is %v", addr, b, a)
		}
	}
	s.stop()
}
