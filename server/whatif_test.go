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
		{`"hw-address": "02:00:00:00:00:01", "relay": "192.0.2.1"`, `"name": "routers", "data": "c0000201"`},
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
