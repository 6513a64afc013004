package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// TestTraps: legal texts that do not do what they seem to say; "" is a text
// that is near the trap and harmless.
func TestTraps(t *testing.T) {
	pair := func(mode, second, pools string) string {
		return sub4(pools) + `, "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ { "this-server-name": "a", "mode": "` + mode + `",
  "peers": [ { "name": "a", "url": "http://192.0.2.1:1/", "role": "primary" }, { "name": "b", "url": "http://192.0.2.2:1/", "role": "` + second + `" } ] } ] } } ]`
	}
	reserved := `"reservations": [ { "hw-address": "010203040506", "ip-address": "192.0.2.15", "client-classes": [ "given" ] } ], "pools": [ { "pool": "192.0.2.10-192.0.2.20" } ]`
	for _, row := range []struct{ name, text, code string }{
		{"global reservations nobody looks up", `"reservations": [ { "duid": "01", "hostname": "x" } ], ` + sub4(""), "global-reservations-unused"},
		{"global reservations one subnet looks up", `"reservations": [ { "duid": "01", "hostname": "x" } ], ` + sub4(`"reservations-global": true`), ""},
		{"identifier that is not looked up", host4(`"flex-id": "'x'"`), "identifier-unused"},
		{"identifier that is", `"host-reservation-identifiers": [ "flex-id" ], ` + host4(`"flex-id": "'x'"`), ""},
		{"guard by an unknown class", sub4(`"client-classes": [ "nobody" ]`), "class-undefined"},
		{"guard by a class of a vendor", sub4(`"client-classes": [ "VENDOR_CLASS_x", "KNOWN" ]`), ""},
		{"guard by a class of a reservation", sub4(`"client-classes": [ "given" ], ` + reserved), ""},
		{"reserved address in a pool against the promise", sub4(`"reservations-out-of-pool": true, ` + reserved), "reserved-in-pool"},
		{"reserved address in a pool", sub4(reserved), ""},
		{"load balancing with one pool for both", pair("load-balancing", "secondary", `"pools": [ { "pool": "192.0.2.10-192.0.2.20" } ]`), "ha-pool-shared"},
		{"load balancing with split pools", pair("load-balancing", "secondary", `"pools": [ { "pool": "192.0.2.10-192.0.2.20", "client-classes": [ "HA_a" ] }, { "pool": "192.0.2.30-192.0.2.40", "client-classes": [ "HA_b" ] } ]`), ""},
		{"hot standby with one pool", pair("hot-standby", "standby", `"pools": [ { "pool": "192.0.2.10-192.0.2.20" } ]`), ""},
		{"heartbeats as rare as the patience", strings.Replace(pair("hot-standby", "standby", ""), `"mode"`, `"heartbeat-delay": 10000, "max-response-delay": 15000, "mode"`, 1), "ha-timers"},
		{"failover at the first pause", strings.Replace(pair("hot-standby", "standby", ""), `"mode"`, `"max-unacked-clients": 0, "heartbeat-delay": 1000, "max-response-delay": 5000, "mode"`, 1), "ha-timers"},
		{"failover without unacked clients after long", strings.Replace(pair("hot-standby", "standby", ""), `"mode"`, `"max-unacked-clients": 0, "mode"`, 1), ""},
		{"no heartbeats", strings.Replace(pair("hot-standby", "standby", ""), `"mode"`, `"heartbeat-delay": 0, "mode"`, 1), ""},
		{"option 43 without content", `"option-data": [ { "name": "vendor-encapsulated-options" } ]`, "option-43-empty"},
		{"option 43 with content", `"option-data": [ { "code": 43, "data": "0102aabb", "csv-format": false } ]`, ""},
		{"a comma in a string", `"option-data": [ { "name": "boot-file-name", "data": "http://x/a,b" } ]`, "option-comma"},
		{"an escaped comma in a string", `"option-data": [ { "name": "boot-file-name", "data": "http://x/a\\,b" } ]`, ""},
		{"DHCPv4 over DHCPv6", `"dhcp4o6-port": 6767`, "no-effect"},
		{"subnet of DHCPv4 over DHCPv6", sub4(`"4o6-interface": "eth0"`), "no-effect"},
		{"pair without persistence", `"lease-database": { "type": "memfile", "persist": false }, ` + pair("hot-standby", "standby", ""), "ha-no-persistence"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := Parse("f", fmt.Appendf(nil, `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, %s } }`, row.text))
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case row.code == "" && len(c.Warnings) > 0:
				t.Errorf("warned: %v", c.Warnings)
			case row.code != "" && (len(c.Warnings) != 1 || c.Warnings[0].Code != row.code):
				t.Errorf("want %s, got %v", row.code, c.Warnings)
			}
		})
	}
}

// The cure for a shared pool can be pasted.
func TestPoolSplit(t *testing.T) {
	rel := &Relationship{Peers: []Peer{{Name: "a"}, {Name: "b"}}}
	for _, row := range []struct{ first, last, want string }{
		{"192.0.2.10", "192.0.2.20", `{ "pool": "192.0.2.10 - 192.0.2.15", "client-class": "HA_a" }, { "pool": "192.0.2.16 - 192.0.2.20", "client-class": "HA_b" }`},
		{"192.0.2.10", "192.0.2.11", `{ "pool": "192.0.2.10 - 192.0.2.10", "client-class": "HA_a" }, { "pool": "192.0.2.11 - 192.0.2.11", "client-class": "HA_b" }`},
		{"192.0.2.10", "192.0.2.10", "a pool of two addresses or more"},
		{"2001:db8::", "2001:db8::ffff", `{ "pool": "2001:db8:: - 2001:db8::7fff", "client-class": "HA_a" }, { "pool": "2001:db8::8000 - 2001:db8::ffff", "client-class": "HA_b" }`},
	} {
		p := &Pool{First: netip.MustParseAddr(row.first), Last: netip.MustParseAddr(row.last)}
		if got := p.split(rel); got != row.want {
			t.Errorf("%s - %s: %s", row.first, row.last, got)
		}
	}
}

func TestInterfaceWithoutAddress(t *testing.T) {
	opts := Options{
		InterfaceExists:    func(string) bool { return true },
		InterfaceAddressed: func(name string, version int) bool { return name == "eth0" && version == 4 },
	}
	for name, code := range map[string]string{"eth0": "", "eth1": "interface-no-address"} {
		c, err := ParseWith(opts, "f", fmt.Appendf(nil, `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "%s" ] } } }`, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(c.Warnings); got != len(code)/max(len(code), 1) || got > 0 && c.Warnings[0].Code != code {
			t.Errorf("%s: %v", name, c.Warnings)
		}
	}
}
