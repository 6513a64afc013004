package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/server/testnet"
)

// What the server of the tests with clients is told. T1 and T2 are short: most
// clients cannot be told to renew.
const config6 = `{ "Dhcp6": {
	"interfaces-config": { "interfaces": [ "lan" ] },
	"lease-database": { "type": "memfile", "name": "%LEASES%", "lfc-interval": 0 },
	"cache-threshold": 0.0,
	"preferred-lifetime": 500, "valid-lifetime": 600, "renew-timer": 3, "rebind-timer": 8,
	"option-data": [
		{ "name": "dns-servers", "data": "2001:db8::53, 2001:db8::54" },
		{ "name": "domain-search", "data": "example.org, lab.example.org" }
	],
	"subnet6": [ {
		"id": 1, "subnet": "2001:db8:1::/64", "interface": "lan",
		"pools": [ { "pool": "2001:db8:1::10 - 2001:db8:1::20" } ],
		"pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56 } ]
	} ]
} }`

const (
	squatted6 = "2001:db8:1::10" // the first address that the server finds
	free6     = "2001:db8:1::11" // the second
	prefix6   = "2001:db8:8000::"
	inside6   = "2001:db8:8000:1:" // of a /64 that a router takes from prefix6
)

// client6 is how a test handles one DHCPv6 client, which asks for an address
// and a prefix.
type client6 struct {
	program  string
	declines bool     // an address that somebody else has, also in a kernel that removes it then
	rebinds  bool     // at T2, even if it is below 30 seconds, and then knows its new server
	routes   bool     // configures its inner interface from the prefix
	bound    []string // the script's events, each of which must come
	kept     []string // events after RENEW or REBIND, one of which must come
	options  map[string]string
	script   string
	start    func(h *host, s *script)
	release  func(h *host)
}

func dhclient6(t *testing.T) client6 {
	dir := t.TempDir()
	conf := filepath.Join(dir, "dhclient.conf")
	testnet.Must(t, os.WriteFile(conf, []byte("request dhcp6.name-servers, dhcp6.domain-search;\n"), 0o644))
	args := func(s *script, more ...string) []string {
		return append(append([]string{"dhclient", "-6", "-N", "-P"}, more...), "-cf", conf, "-lf", filepath.Join(dir, "leases"),
			"-pf", "/run/dhclient.pid", "-sf", s.path, "eth0")
	}
	var used *script
	return client6{
		program:  "dhclient",
		declines: true,
		rebinds:  true,
		bound:    []string{"BOUND6"},
		kept:     []string{"RENEW6", "REBIND6"},
		options: map[string]string{
			"new_dhcp6_name_servers":  "2001:db8::53 2001:db8::54",
			"new_dhcp6_domain_search": "example.org. lab.example.org.",
		},
		// It sends a DECLINE when its script answers 3.
		script: `
	[ "$event:$new_ip6_address" = BOUND6:` + squatted6 + ` ] && return 3
	case $event in
	BOUND6|RENEW6|REBIND6)
		[ -z "$new_ip6_address" ] || ip -6 address replace "$new_ip6_address/128" dev "$interface" nodad ;;
	esac`,
		start:   func(h *host, s *script) { used = s; h.start(args(s, "-d")...) },
		release: func(h *host) { h.run(args(used, "-r")...) },
	}
}

func dhcpcd6(t *testing.T) client6 {
	conf := filepath.Join(t.TempDir(), "dhcpcd.conf")
	testnet.Must(t, os.WriteFile(conf, []byte(`
ipv6only
noipv6rs
duid
option dhcp6_name_servers, dhcp6_domain_search
interface eth0
	ia_na 1
	ia_pd 2/::/56 inner/1/64
`), 0o644))
	return client6{
		program: "dhcpcd",
		routes:  true,
		rebinds: true,
		bound:   []string{"BOUND6"},
		kept:    []string{"RENEW6", "REBIND6"},
		options: map[string]string{
			"new_dhcp6_name_servers":  "2001:db8::53 2001:db8::54",
			"new_dhcp6_domain_search": "example.org lab.example.org",
		},
		start:   func(h *host, s *script) { h.start("dhcpcd", "-6", "-B", "-d", "-f", conf, "-c", s.path, "eth0") },
		release: func(h *host) { stopDhcpcd(h, "-6") },
	}
}

func dibbler(t *testing.T) client6 {
	return client6{
		program: "dibbler-client",
		bound:   []string{"add"},
		kept:    []string{"update"},
		options: map[string]string{"SRV_OPTION23": "2001:db8::53 2001:db8::54", "SRV_OPTION24": "example.org lab.example.org"},
		start: func(h *host, s *script) {
			conf := `log-level 7
script "` + s.path + `"
iface eth0 {
	ia
	pd
	option dns-server
	option domain
}
`
			h.run("sh", "-c", "cat >/etc/dibbler/client.conf <<'END'\n"+conf+"END")
			h.start("dibbler-client", "run")
		},
		release: func(h *host) { h.run("sh", "-c", "kill -TERM $(cat /var/lib/dibbler/client.pid)") },
	}
}

func dhcp6c(t *testing.T) client6 {
	conf := filepath.Join(t.TempDir(), "dhcp6c.conf")
	return client6{
		program: "dhcp6c",
		routes:  true,
		bound:   []string{"NBI"},
		kept:    []string{"NBI"},
		options: map[string]string{
			"new_domain_name_servers": "2001:db8::53 2001:db8::54",
			"new_domain_name":         "example.org. lab.example.org.",
		},
		start: func(h *host, s *script) {
			testnet.Must(t, os.WriteFile(conf, []byte(`
interface eth0 {
	send ia-na 1;
	send ia-pd 2;
	request domain-name-servers;
	request domain-name;
	script "`+s.path+`";
};
id-assoc na 1 { };
id-assoc pd 2 {
	prefix-interface inner { sla-id 1; sla-len 8; };
};
`), 0o644))
			h.start("dhcp6c", "-f", "-D", "-c", conf, "-p", "/run/dhcp6c.pid", "eth0")
		},
		release: func(h *host) { h.run("sh", "-c", "kill -TERM $(cat /run/dhcp6c.pid)") },
	}
}

func TestEndToEndDhclient6(t *testing.T) {
	if !isolate(t, "dhclient", "tshark") {
		talk6(t, dhclient6(t), "kea-dhcp6")
	}
}

func TestEndToEndDhcpcd6(t *testing.T) {
	if !isolate(t, "dhcpcd", "tshark") {
		talk6(t, dhcpcd6(t), "leasehold")
	}
}

func TestEndToEndDibbler(t *testing.T) {
	if !isolate(t, "dibbler-client", "tshark") {
		talk6(t, dibbler(t), "leasehold")
	}
}

func TestEndToEndDhcp6c(t *testing.T) {
	if !isolate(t, "dhcp6c", "tshark") {
		talk6(t, dhcp6c(t), "leasehold")
	}
}

// talk6 is the life of a client: it declines the address of somebody else, gets
// one with a prefix and options, renews them, rebinds them to another server
// with the same leases, and gives them back.
func talk6(t *testing.T, c client6, as string) {
	bridge(t, "lan", "2001:db8:1::1/64")
	bridge(t, "home") // what the client is a router of
	wire := record(t, "lan")
	s := serve(t, as, config6)

	addr := squatted6
	if c.declines {
		addr = free6
		squatter := newHost(t, "squatter")
		squatter.plug("eth0", "lan", squatterMAC, squatted6+"/64")
	}
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	h.plug("inner", "home", net.HardwareAddr{2, 0, 0, 0, 0, 0x11})

	script := newScript(t, c.program, c.script)
	c.start(h, script)
	if c.declines {
		s.awaitRow(squatted6, "declined", row.declined)
	}
	s.awaitRow(addr, "assigned", row.held)
	for _, name := range c.bound {
		e := script.await(name)
		for e.env["new_ip6_address"] == squatted6 {
			e = script.await(name) // the script of dhclient hears of it before it is declined
		}
		e.check(t, c.options)
	}
	if p := s.rows()[prefix6]; !p.held() || p["prefix_len"] != "56" {
		t.Errorf("lease file: prefix %v", p)
	}
	script.await(c.kept...)
	h.awaitAddress("eth0", addr+"/")
	if c.routes {
		h.awaitAddress("inner", inside6) // of a prefix from prefix6
	}

	s.stop()
	if c.rebinds {
		s.forgetIdentity()
	}
	before := s.rows()
	script.forget()
	s.start()
	for _, a := range []string{addr, prefix6} {
		s.awaitRow(a, "kept", func(r row) bool { return r.held() && r["expire"] > before[a]["expire"] })
	}
	script.await(c.kept...) // a client releases nothing that it is renewing
	if c.rebinds && wire.tshark(rebind6) == "" {
		t.Error("there was no REBIND")
	}

	c.release(h)
	for _, a := range []string{addr, prefix6} {
		s.awaitRow(a, "released", func(r row) bool { return !r.held() })
	}
	s.stop()
	wire.wellFormed(answers6)
}

// A second client finds its address in use on the wire and declines it. (It
// ends then.) The address is endless, because Linux removes one that ends when
// it turns out to be somebody else's, and the client never learns.
func TestEndToEndDeclineDibbler(t *testing.T) {
	if isolate(t, "dibbler-client", "tshark") {
		return
	}
	bridge(t, "lan", "2001:db8:1::1/64")
	wire := record(t, "lan")
	s := serve(t, "leasehold", strings.Replace(config6,
		`"preferred-lifetime": 500, "valid-lifetime": 600`, `"preferred-lifetime": 4294967295, "valid-lifetime": 4294967295`, 1))
	squatter := newHost(t, "squatter")
	squatter.plug("eth0", "lan", squatterMAC, squatted6+"/64")
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	h.plug("inner", "lan", net.HardwareAddr{2, 0, 0, 0, 0, 0x11})
	c := dibbler(t)
	c.start(h, newScript(t, c.program, c.script))
	s.awaitRow(squatted6, "declined", row.declined)
	s.stop()
	wire.wellFormed(answers6)
}

// A client with a reservation by its hardware address, which is in its DUID,
// gets the address and the prefix that are reserved.
func TestEndToEndReservation6(t *testing.T) {
	if isolate(t, "dhclient", "tshark") {
		return
	}
	const addr, prefix = "2001:db8:1::77", "2001:db8:9000::"
	bridge(t, "lan", "2001:db8:1::1/64")
	wire := record(t, "lan")
	s := serve(t, "leasehold", strings.Replace(config6, `"pools"`, `"reservations": [ {
			"hw-address": "`+clientMAC.String()+`",
			"ip-addresses": [ "`+addr+`" ], "prefixes": [ "`+prefix+`/56" ],
			"option-data": [ { "name": "dns-servers", "data": "2001:db8::99" } ]
		} ],
		"pools"`, 1))
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	c := dhclient6(t)
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	script.await("BOUND6").check(t, map[string]string{"new_dhcp6_name_servers": "2001:db8::99"})
	rows := s.rows()
	if r := rows[addr]; !r.held() {
		t.Errorf("lease file: address %v", r)
	}
	if r := rows[prefix]; !r.held() || r["prefix_len"] != "56" {
		t.Errorf("lease file: prefix %v", r)
	}
	s.stop()
	wire.wellFormed(answers6)
}

// forgetIdentity makes the server another one at its next start.
func (s *server) forgetIdentity() {
	s.t.Helper()
	files := testnet.Must1(filepath.Glob(filepath.Join(s.dir(), "*serverid*")))(s.t)
	if len(files) == 0 {
		s.t.Error("the server keeps its identifier nowhere")
	}
	for _, f := range files {
		testnet.Must(s.t, os.Remove(f))
	}
}
