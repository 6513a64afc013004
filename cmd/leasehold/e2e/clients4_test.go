package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"leasehold/server/testnet"
)

// What the server of the tests with clients is told. The first address of the
// pool belongs to somebody who does not ask.
const config4 = `{ "Dhcp4": {
	"interfaces-config": { "interfaces": [ "lan" ] },
	"lease-database": { "type": "memfile", "name": "%LEASES%", "lfc-interval": 0 },
	"cache-threshold": 0.0,
	"valid-lifetime": 600, "renew-timer": 3, "rebind-timer": 400,
	"option-data": [
		{ "name": "routers", "data": "192.0.2.1" },
		{ "name": "domain-name-servers", "data": "192.0.2.53, 192.0.2.54" },
		{ "name": "domain-name", "data": "example.org" },
		{ "name": "ntp-servers", "data": "192.0.2.123" },
		{ "name": "tftp-server-name", "data": "boot.example.org" },
		{ "name": "boot-file-name", "data": "loader.efi" },
		{ "name": "domain-search", "data": "example.org, lab.example.org" },
		{ "code": 121, "csv-format": false, "data": "18c63364c0000201" }
	],
	"subnet4": [ {
		"id": 1, "subnet": "192.0.2.0/24",
		"pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ],
		"reservations": [ {
			"hw-address": "02:00:00:00:77:77", "ip-address": "192.0.2.77", "hostname": "printer",
			"option-data": [ { "name": "domain-name", "data": "reserved.example.org" } ]
		} ]
	} ]
} }`

const (
	squatted = "192.0.2.10" // the first address that the server finds
	free     = "192.0.2.11" // the second
	reserved = "192.0.2.77"
)

var (
	serverMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	clientMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 0x10}
	squatterMAC = net.HardwareAddr{2, 0, 0, 0, 0, 0x20}
	reservedMAC = net.HardwareAddr{2, 0, 0, 0, 0x77, 0x77}
)

// client4 is how a test handles one DHCPv4 client.
type client4 struct {
	program string
	names   struct{ bound, renewed []string } // of the script's events
	address string                            // variable with the address
	options map[string]string                 // variables with config4's options
	script  string                            // see newScript
	start   func(h *host, s *script) *testnet.Process
	renew   func(h *host) // nil: it renews at T1
	release func(h *host) // and end
}

// configureAddress is what the script of a client does that leaves the
// interface to it.
const configureAddress = `
	case $event in
	deconfig|PREINIT|EXPIRE|FAIL)
		ip link set dev "$interface" up && ip -4 address flush dev "$interface" ;;
	bound|renew|BOUND|RENEW|REBIND|REBOOT)
		ip address replace "${ip:-$new_ip_address}/${mask:-$new_subnet_mask}" dev "$interface" ;;
	esac`

// dhclient sends a DHCPDECLINE when its script refuses an address.
const refuseSquatted = `
	[ "$event:$new_ip_address" = BOUND:` + squatted + ` ] && return 1`

func udhcpc() client4 {
	const pid = "/run/udhcpc.pid"
	c := client4{
		program: "udhcpc",
		address: "ip",
		script:  configureAddress,
		options: map[string]string{
			"router": "192.0.2.1", "dns": "192.0.2.53 192.0.2.54", "domain": "example.org", "ntpsrv": "192.0.2.123",
			"tftp": "boot.example.org", "bootfile": "loader.efi", "search": "example.org lab.example.org",
			"staticroutes": "198.51.100.0/24 192.0.2.1",
		},
		start: func(h *host, s *script) *testnet.Process {
			args := []string{"udhcpc", "-f", "-R", "-a200", "-A", "1", "-t", "10", "-T", "1", "-i", "eth0", "-p", pid, "-s", s.path}
			for _, name := range []string{"ntpsrv", "tftp", "bootfile", "search", "staticroutes"} {
				args = append(args, "-O", name)
			}
			return h.start(args...)
		},
		renew:   func(h *host) { h.run("sh", "-c", "kill -USR1 $(cat "+pid+")") },
		release: func(h *host) { h.run("sh", "-c", "kill -TERM $(cat "+pid+")") },
	}
	c.names.bound, c.names.renewed = []string{"bound"}, []string{"renew"}
	return c
}

func dhclient(t *testing.T) client4 {
	dir := t.TempDir()
	conf := filepath.Join(dir, "dhclient.conf")
	testnet.Must(t, os.WriteFile(conf, []byte(`
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
request subnet-mask, broadcast-address, routers, domain-name, domain-name-servers, domain-search, host-name,
	ntp-servers, tftp-server-name, bootfile-name, rfc3442-classless-static-routes;
retry 1;
initial-interval 1;
`), 0o644))
	args := func(s *script, more ...string) []string {
		return append(append([]string{"dhclient", "-4"}, more...), "-cf", conf, "-lf", filepath.Join(dir, "leases"),
			"-pf", "/run/dhclient.pid", "-sf", s.path, "eth0")
	}
	var used *script
	c := client4{
		program: "dhclient",
		address: "new_ip_address",
		script:  refuseSquatted + configureAddress,
		options: map[string]string{
			"new_routers": "192.0.2.1", "new_domain_name_servers": "192.0.2.53 192.0.2.54", "new_domain_name": "example.org",
			"new_ntp_servers": "192.0.2.123", "new_tftp_server_name": "boot.example.org", "new_bootfile_name": "loader.efi",
			"new_domain_search":                   "example.org. lab.example.org.",
			"new_rfc3442_classless_static_routes": "24 198 51 100 192 0 2 1",
		},
		start:   func(h *host, s *script) *testnet.Process { used = s; return h.start(args(s, "-d")...) },
		release: func(h *host) { h.run(args(used, "-r")...) },
	}
	c.names.bound, c.names.renewed = []string{"BOUND", "REBOOT"}, []string{"RENEW"}
	return c
}

func dhcpcd(t *testing.T) client4 {
	conf := filepath.Join(t.TempDir(), "dhcpcd.conf")
	testnet.Must(t, os.WriteFile(conf, []byte(`
ipv4only
noipv6rs
noipv4ll
nohook resolv.conf
option domain_name_servers, domain_name, domain_search, classless_static_routes, host_name
option ntp_servers, tftp_server_name, bootfile_name, routers
require dhcp_server_identifier
`), 0o644))
	c := client4{
		program: "dhcpcd",
		address: "new_ip_address",
		options: map[string]string{
			"new_routers": "192.0.2.1", "new_domain_name_servers": "192.0.2.53 192.0.2.54", "new_domain_name": "example.org",
			"new_ntp_servers": "192.0.2.123", "new_tftp_server_name": "boot.example.org", "new_bootfile_name": "loader.efi",
			"new_domain_search": "example.org lab.example.org", "new_classless_static_routes": "198.51.100.0/24 192.0.2.1",
		},
		start: func(h *host, s *script) *testnet.Process {
			return h.start("dhcpcd", "-4", "-B", "-d", "-f", conf, "-c", s.path, "eth0")
		},
		renew:   func(h *host) { h.run("dhcpcd", "-4", "-N", "eth0") },
		release: func(h *host) { stopDhcpcd(h, "-4") },
	}
	c.names.bound, c.names.renewed = []string{"BOUND", "REBOOT"}, []string{"RENEW"}
	return c
}

// stopDhcpcd tells dhcpcd to release what it has and end. A signal that reaches
// it at a bad moment is lost: it gets a second one. The lease file tells whether
// it did.
func stopDhcpcd(h *host, family string) {
	stop := []string{"dhcpcd", family, "-k", "eth0"}
	if err := h.command(stop...).Run(); err != nil {
		_ = h.command(stop...).Run()
	}
}

func TestEndToEndUdhcpc(t *testing.T) {
	if !isolate(t, "udhcpc", "tshark") {
		talk4(t, udhcpc(), "leasehold")
	}
}

func TestEndToEndDhclient(t *testing.T) {
	if !isolate(t, "dhclient", "tshark") {
		talk4(t, dhclient(t), "kea-dhcp4")
	}
}

func TestEndToEndDhcpcd(t *testing.T) {
	if !isolate(t, "dhcpcd", "tshark") {
		talk4(t, dhcpcd(t), "leasehold")
	}
}

// talk4 is the life of a client: it declines the address of somebody else, gets
// one with all options, keeps it by renewing while the server restarts, gives
// it back and gets it again; with another address of its card it gets what is
// reserved.
func talk4(t *testing.T, c client4, as string) {
	bridge(t, "lan", "192.0.2.1/24")
	wire := record(t, "lan")
	s := serve(t, as, config4)

	squatter := newHost(t, "squatter")
	squatter.plug("eth0", "lan", squatterMAC, squatted+"/24")

	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	script := newScript(t, c.program, c.script)
	got := func(names []string, want string) event {
		t.Helper()
		for {
			e := script.await(names...)
			if e.env[c.address] == squatted && want != squatted {
				continue // the script of dhclient hears of it before it is declined
			}
			if e.env[c.address] != want {
				t.Fatalf("%s: %s %s, want %s", c.program, e.name, e.env[c.address], want)
			}
			return e
		}
	}
	bound := func(want string) event { t.Helper(); return got(c.names.bound, want) }

	running := c.start(h, script)
	s.awaitRow(squatted, "declined", row.declined)
	bound(free).check(t, c.options)
	if r := s.rows()[free]; !r.held() || r["hwaddr"] != clientMAC.String() {
		t.Errorf("lease file: %v", r)
	}

	renew := func() {
		t.Helper()
		before := s.rows()[free]["expire"]
		if c.renew != nil {
			c.renew(h)
		}
		got(c.names.renewed, free)
		if after := s.rows()[free]; !after.held() || after["expire"] < before {
			t.Errorf("after renewing, the lease file says %v", after)
		}
	}
	renew()
	s.stop()
	s.start()
	if r := s.rows()[free]; !r.held() {
		t.Errorf("after a restart, the lease file says %v", r)
	}
	renew()

	release := func() {
		t.Helper()
		c.release(h)
		s.awaitRow(free, "released", func(r row) bool { return !r.held() })
		running.Wait()
	}
	release()
	running = c.start(h, script)
	bound(free)
	release()

	h.ip("link set eth0 down")
	h.ip("link set eth0 address " + reservedMAC.String())
	h.ip("link set eth0 up")
	c.start(h, script)
	bound(reserved).check(t, map[string]string{c.domain(): "reserved.example.org"})
	if r := s.rows()[reserved]; !r.held() || r["hostname"] != "printer" {
		t.Errorf("lease file: %v", r)
	}
	s.stop()
	wire.wellFormed(answers4)
}

// domain is the variable with option 15.
func (c *client4) domain() string {
	for name, value := range c.options {
		if value == "example.org" {
			return name
		}
	}
	panic(fmt.Sprintf("%s has no name for option 15", c.program))
}
