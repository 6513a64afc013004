package server

import (
	"strings"
	"testing"
)

const whatIfConfig = `{ "Dhcp4": { "lease-database": { "type": "memfile", "persist": false },
  "interfaces-config": { "interfaces": [ ] }, "option-data": [ { "name": "routers", "data": "192.0.2.1" } ],
  "client-classes": [ { "name": "voice", "test": "option[60].text == 'phone'" } ],
  "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" } ],
  "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.11" } ] },
    { "id": 2, "subnet": "198.51.100.0/24", "client-classes": [ "voice" ], "pools": [ { "pool": "198.51.100.10/32" } ] } ] } }`

// What would happen is told, with the leases there are; nothing happens.
func TestWhatIf(t *testing.T) {
	s := newServer(t, "whatif", []byte(whatIfConfig), nil)
	tell(t, s, 4, `{ "command": "lease4-add", "arguments": { "ip-address": "192.0.2.10", "hw-address": "02:00:00:00:00:09", "subnet-id": 1 } }`)
	before := tell(t, s, 4, `{ "command": "statistic-get-all" }`)
	for _, row := range []struct{ arguments, want string }{
		{`"hw-address": "02:00:00:00:00:01", "relay": "192.0.2.1"`, `DHCPOFFER 192.0.2.11 for 7200 s sent`},
		{`"hw-address": "02:00:00:00:00:09", "relay": "192.0.2.1"`, `DHCPOFFER 192.0.2.10 for 7200 s sent`},
		{`"hw-address": "02:00:00:00:00:01", "relay": "192.0.2.1"`, `"name": "routers", "data": "c0000201", "value": "192.0.2.1", "level": "global", "file": `},
		{`"hw-address": "02:00:00:00:00:01", "relay": "198.51.100.1"`, `no answer: no subnet`},
		{`"hw-address": "02:00:00:00:00:01", "relay": "198.51.100.1", "vendor-class": "phone", "hostname": "p"`, `DHCPOFFER 198.51.100.10 for`},
		{`"hw-address": "02:00:00:00:00:01", "relay": "192.0.2.1", "type": "request", "requested": "192.0.2.10"`, `no answer: unknown client in INIT-REBOOT`},
		{`"hw-address": "x"`, `read hw-address`},
		{`"hw-address": "02:00:00:00:00:01", "giaddr": "192.0.2.1"`, `\"giaddr\" describes nothing`},
		{`"hw-address": "02:00:00:00:00:01", "relay": "::1"`, `relay is no IPv4 address`},
		{`"hw-address": "02:00:00:00:00:01", "client-id": "0"`, `read client-id`},
	} {
		answer := tell(t, s, 4, `{ "command": "leasehold-what-if", "arguments": { `+row.arguments+` } }`)
		if !strings.Contains(answer, row.want) {
			t.Errorf("%s\n got %s\nwant %s", row.arguments, answer, row.want)
		}
	}
	if after := tell(t, s, 4, `{ "command": "statistic-get-all" }`); after != before {
		t.Error("statistics have changed")
	}
	if answer := tell(t, s, 4, `{ "command": "leasehold-explain" }`); !strings.Contains(answer, "0 decision(s)") {
		t.Errorf("it is remembered: %s", answer)
	}
	if answer := tell(t, s, 4, `{ "command": "lease4-get-all" }`); !strings.Contains(answer, "1 IPv4 lease(s)") {
		t.Errorf("leases have changed: %s", answer)
	}
}

const whatIfConfig6 = `{ "Dhcp6": { "lease-database": { "type": "memfile", "persist": false },
  "interfaces-config": { "interfaces": [ ] }, "preferred-lifetime": 300, "valid-lifetime": 400,
  "server-id": { "type": "EN", "enterprise-id": 2495, "identifier": "0102030405", "persist": false },
  "option-data": [ { "name": "dns-servers", "data": "2001:db8::53" } ],
  "client-classes": [ { "name": "voice", "test": "option[16].exists",
    "option-data": [ { "name": "sntp-servers", "data": "2001:db8::123" } ] } ],
  "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" } ],
  "shared-networks": [ { "name": "hall", "option-data": [ { "name": "domain-search", "data": "hall.example" } ],
  "subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "eth7",
    "pools": [ { "pool": "2001:db8:1::10 - 2001:db8:1::11", "option-data": [ { "name": "nis-servers", "data": "2001:db8::1" } ] } ],
    "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56 } ],
    "reservations": [ { "duid": "00:03:00:01:02:00:00:00:00:07", "ip-addresses": [ "2001:db8:1::77" ],
      "option-data": [ { "name": "preference", "data": "7" } ] } ] } ] } ] } }`

// DHCPv6 is evaluated as well, and every option has its level and line.
func TestWhatIf6(t *testing.T) {
	s := newServer(t, "whatif", []byte(whatIfConfig6), nil)
	const client = `"duid": "00:03:00:01:02:00:00:00:00:01"`
	for _, row := range []struct{ arguments, want string }{
		{client + `, "interface": "eth7"`, `ADVERTISE 2001:db8:1::10 for 400 s sent`},
		{client + `, "relay": "2001:db8:1::1", "prefix": true`, `ADVERTISE 2001:db8:1::10 for 400 s and 1 more sent`},
		{client + `, "relay": "2001:db8:1::1", "requested": "2001:db8:1::11", "type": "request"`, `REPLY 2001:db8:1::11 for 400 s sent`},
		{client + `, "relay": "2001:db8:1::1", "type": "renew", "requested": "2001:db8:8000::/56"`, `2001:db8:8000::`},
		{client + `, "relay": "2001:db8:9::1"`, `no subnet: nothing fits by relay address`},
		{`"hw-address": "02:00:00:00:00:07", "interface": "eth7"`, `reservation by duid: 2001:db8:1::77`},
		{`"hw-address": "02:00:00:00:00:07", "interface": "eth7"`, `"name": "preference", "data": "07", "value": "7", "level": "reservation", "file": `},
		{client + `, "interface": "eth7"`, `"name": "dns-servers", "data": "20010db8000000000000000000000053", "value": "2001:db8::53", "level": "global", "file": `},
		{client + `, "interface": "eth7"`, `"value": "hall.example.", "level": "shared-network hall", "file": `},
		{client + `, "interface": "eth7"`, `"value": "2001:db8::1", "level": "pool 2001:db8:1::10 - 2001:db8:1::11", "file": `},
		{client + `, "interface": "eth7", "vendor-class": "phone"`, `"value": "2001:db8::123", "level": "class voice", "file": `},
		{client + `, "interface": "eth7", "hostname": "pc.example."`, `ADVERTISE`},
		{client + `, "interface": "eth7", "type": "information-request"`, `REPLY`},
		{`"duid": "0"`, `is no DUID`},
		{`"interface": "eth7"`, `described by its duid`},
		{client + `, "type": "discover"`, `type is solicit`},
		{client + `, "relay": "192.0.2.1"`, `relay is no IPv6 address`},
		{client + `, "giaddr": "::1"`, `describes nothing`},
	} {
		answer := tell(t, s, 6, `{ "command": "leasehold-what-if", "arguments": { `+row.arguments+` } }`)
		if !strings.Contains(answer, row.want) {
			t.Errorf("%s\n got %s\nwant %s", row.arguments, answer, row.want)
		}
	}
	if answer := tell(t, s, 6, `{ "command": "lease6-get-all" }`); !strings.Contains(answer, "0 IPv6 lease(s)") {
		t.Errorf("leases have changed: %s", answer)
	}
}
