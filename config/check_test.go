package config

import (
	"fmt"
	"strings"
	"testing"
)

// A row of a check: the number of the rule in the list of Kea's checks, what is
// tried, and the code and words of the first problem; no code means "loads".
type checkRow struct {
	rule    int
	name    string
	version int
	text    string // members of the top map
	code    string
	words   string
}

// sub4 and sub6 write a subnet with some members more.
func sub4(more string) string {
	return `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24"` + comma(more) + ` } ]`
}

func sub6(more string) string {
	return `"subnet6": [ { "id": 1, "subnet": "2001:db8::/64"` + comma(more) + ` } ]`
}

func comma(more string) string {
	if more == "" {
		return ""
	}
	return ", " + more
}

func host4(members string) string { return sub4(`"reservations": [ { ` + members + ` } ]`) }
func host6(members string) string { return sub6(`"reservations": [ { ` + members + ` } ]`) }

func net4(network, subnets string) string {
	return `"shared-networks": [ { "name": "n"` + comma(network) + `, "subnet4": [ ` + subnets + ` ] } ]`
}

func class4(members string) string { return `"client-classes": [ { ` + members + ` } ]` }

func socket(members string) string { return `"control-sockets": [ { ` + members + ` } ]` }

var checkRows = []checkRow{
	{1, "subnet missing", 4, `"subnet4": [ { "id": 1 } ]`, "missing-key", "missing parameter 'subnet'"},
	{2, "no length", 4, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0" } ]`, "subnet-prefix", "prefix/len"},
	{2, "length no integer", 4, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/x" } ]`, "subnet-prefix", "length"},
	{2, "length out of range", 4, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/33" } ]`, "subnet-prefix", "length"},
	{2, "other family", 4, `"subnet4": [ { "id": 1, "subnet": "2001:db8::/32" } ]`, "subnet-prefix", "IPv4"},
	{2, "host bits may be set", 4, `"subnet4": [ { "id": 1, "subnet": " 192.0.2.1 / 24" } ]`, "", ""},
	{3, "id too large", 4, `"subnet4": [ { "id": 4294967295, "subnet": "192.0.2.0/24" } ]`, "out-of-range", "id"},
	{3, "id negative", 4, `"subnet4": [ { "id": -1, "subnet": "192.0.2.0/24" } ]`, "out-of-range", "id"},
	{3, "id 0 is automatic", 4, `"subnet4": [ { "id": 0, "subnet": "192.0.2.0/24" } ]`, "", ""},
	{4, "same id twice", 4, sub4("") + `, "shared-networks": [ { "name": "n", "subnet4": [ { "id": 1, "subnet": "10.0.0.0/8" } ] } ]`, "subnet-id", "ID of the new IPv4 subnet '1' is already in use"},
	{5, "same prefix twice", 4, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24" }, { "id": 2, "subnet": "192.0.2.0/24" } ]`, "subnet-duplicate", "subnet with the prefix of '192.0.2.0/24' already exists"},
	{5, "other host bits are another subnet", 4, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24" }, { "id": 2, "subnet": "192.0.2.1/24" } ]`, "", ""},
	{6, "pool neither range nor prefix", 4, sub4(`"pools": [ { "pool": "192.0.2.1" } ]`), "pool-syntax", "Failed to create pool defined by"},
	{7, "range reversed", 4, sub4(`"pools": [ { "pool": "192.0.2.9-192.0.2.1" } ]`), "pool-syntax", "Failed to create pool defined by"},
	{8, "pool outside", 4, sub4(`"pools": [ { "pool": "192.0.3.1-192.0.3.20" } ]`), "pool-outside", "subnet configuration failed: a pool of type V4, with the following address range: 192.0.3.1-192.0.3.20 does not match the prefix of a subnet: 192.0.2.0/24 to which it is being added"},
	{8, "pool partly outside", 4, sub4(`"pools": [ { "pool": "192.0.2.200-192.0.3.20" } ]`), "pool-outside", "does not match"},
	{8, "pool outside v6", 6, sub6(`"pools": [ { "pool": "2001:db9::1-2001:db9::5" } ]`), "pool-outside", "a pool of type IA_NA, with the following address range: 2001:db9::1-2001:db9::5"},
	{9, "pools overlap", 4, sub4(`"pools": [ { "pool": "192.0.2.1-192.0.2.20" }, { "pool": "192.0.2.10-192.0.2.30" } ]`), "pool-overlap", "192.0.2.10-192.0.2.30 overlaps with an existing pool in the subnet: 192.0.2.0/24 to which it is being added"},
	{9, "a wide pool overlaps a later one behind another", 4, sub4(`"pools": [ { "pool": "192.0.2.1-192.0.2.90" }, { "pool": "192.0.2.100-192.0.2.110" }, { "pool": "192.0.2.80-192.0.2.85" } ]`), "pool-overlap", "192.0.2.80-192.0.2.85"},
	{9, "prefix pools overlap", 6, sub6(`"pd-pools": [ { "prefix": "3000::", "prefix-len": 48, "delegated-len": 64 }, { "prefix": "3000::", "prefix-len": 49, "delegated-len": 64 } ]`), "pool-overlap", "a pool of type IA_PD, with the following address range: 3000::-3000::7fff:ffff:ffff:ffff:ffff overlaps"},
	{10, "pools of two subnets may overlap", 4, `"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8", "pools": [ { "pool": "10.0.0.1-10.0.0.9" } ] }, { "id": 2, "subnet": "10.0.0.0/9", "pools": [ { "pool": "10.0.0.5-10.0.0.19" } ] } ]`, "", ""},
	{11, "prefix pool outside the subnet", 6, sub6(`"pd-pools": [ { "prefix": "3000::", "prefix-len": 48, "delegated-len": 64 } ]`), "", ""},
	{12, "delegated-len too short", 6, sub6(`"pd-pools": [ { "prefix": "3000::", "prefix-len": 48, "delegated-len": 40 } ]`), "pd-pool", "Delegated length (40) must be longer"},
	{12, "delegated-len missing", 6, sub6(`"pd-pools": [ { "prefix": "3000::", "prefix-len": 48 } ]`), "missing-key", "delegated-len"},
	{12, "excluded too short", 6, sub6(`"pd-pools": [ { "prefix": "3000::", "prefix-len": 48, "delegated-len": 64, "excluded-prefix": "3000::", "excluded-prefix-len": 64 } ]`), "pd-excluded", "longer"},
	{12, "excluded elsewhere", 6, sub6(`"pd-pools": [ { "prefix": "3000::", "prefix-len": 48, "delegated-len": 64, "excluded-prefix": "3001::", "excluded-prefix-len": 72 } ]`), "pd-excluded", "same prefix"},
	{13, "interface and interface-id", 6, sub6(`"interface": "eth0", "interface-id": "x"`), "interface-and-id", "mutually exclusive"},
	{14, "interface unknown", 4, sub4(`"interface": "nosuch0"`), "interface-unknown", "nosuch0"},
	{15, "network without name", 4, `"shared-networks": [ { "subnet4": [ ] } ]`, "network-name", "missing 'name'"},
	{15, "network name twice", 4, `"shared-networks": [ { "name": "n" }, { "name": "n" } ]`, "network-name", "duplicate"},
	{16, "members differ in authoritative", 4, net4("", `{ "id": 1, "subnet": "10.0.0.0/8" }, { "id": 2, "subnet": "11.0.0.0/8", "authoritative": true }`), "network-member", "authoritative"},
	{16, "members differ in rapid-commit", 6, `"shared-networks": [ { "name": "n", "subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "rapid-commit": true }, { "id": 2, "subnet": "2001:db8:2::/64" } ] } ]`, "network-member", "rapid-commit"},
	{16, "members differ in interface", 4, net4("", `{ "id": 1, "subnet": "10.0.0.0/8", "interface": "eth0" }, { "id": 2, "subnet": "11.0.0.0/8", "interface": "eth1" }`), "network-member", "interface"},
	{17, "relay of the wrong family", 4, sub4(`"relay": { "ip-addresses": [ "2001:db8::1" ] }`), "relay", "IPv4"},
	{17, "relay repeated", 4, sub4(`"relay": { "ip-addresses": [ "10.0.0.1", "10.0.0.1" ] }`), "relay", "twice"},
	{17, "relay without addresses", 4, sub4(`"relay": { "user-context": { } }`), "relay", "ip-addresses"},
	{17, "relay of Kea 2.2", 4, sub4(`"relay": { "ip-address": "10.0.0.1" }`), "", ""},
	{18, "pool-id 0", 4, sub4(`"pools": [ { "pool": "192.0.2.1-192.0.2.2", "pool-id": 0 } ]`), "out-of-range", "pool-id"},
	{19, "both class guards", 4, sub4(`"client-class": "a", "client-classes": [ "b" ]`), "two-spellings", "client-class"},
	{19, "both lists of additional classes", 4, sub4(`"require-client-classes": [ "a" ], "evaluate-additional-classes": [ "b" ]`), "two-spellings", "require-client-classes"},
	{20, "allocator unknown", 4, `"allocator": "best"`, "unknown-word", "best"},
	{20, "flq for IPv6 addresses", 6, `"allocator": "flq"`, "allocator", "flq"},
	{20, "flq for prefixes", 6, `"pd-allocator": "flq"`, "", ""},
	{20, "shared-flq with memfile", 4, `"allocator": "shared-flq"`, "allocator", "SQL"},
	{21, "4o6-subnet", 4, sub4(`"4o6-subnet": "2001:db8::1"`), "4o6-subnet", "prefix/len"},
	{21, "4o6-subnet too long", 4, sub4(`"4o6-subnet": "2001:db8::1/129"`), "4o6-subnet", "128"},
	{22, "server-hostname too long", 4, `"server-hostname": "` + strings.Repeat("x", 64) + `"`, "server-hostname", "63"},
	{22, "boot-file-name too long", 4, `"boot-file-name": "` + strings.Repeat("x", 128) + `"`, "boot-file-name", "127"},
	{22, "boot-file-name of 128 bytes in a subnet", 4, sub4(`"boot-file-name": "` + strings.Repeat("x", 128) + `"`), "", ""},
	{23, "next-server", 4, sub4(`"next-server": "x"`), "next-server", "invalid parameter next-server"},
	{23, "next-server, global", 4, `"next-server": "::1"`, "next-server", "invalid parameter next-server"},

	{24, "min above default", 4, `"valid-lifetime": 10, "min-valid-lifetime": 100`, "lifetime-bounds", "the value of min-valid-lifetime (100) is not less than (default) valid-lifetime (10)"},
	{24, "default above max", 4, `"valid-lifetime": 100, "max-valid-lifetime": 10`, "lifetime-bounds", "max-valid-lifetime"},
	{24, "across levels", 4, `"valid-lifetime": 100, ` + sub4(`"min-valid-lifetime": 200`), "lifetime-bounds", "200"},
	{24, "min above the built-in default", 4, `"min-valid-lifetime": 8000`, "lifetime-bounds", "7200"},
	{25, "bounds without default", 6, `"min-preferred-lifetime": 1, "max-preferred-lifetime": 2`, "lifetime-bounds", "have min-preferred-lifetime and max-preferred-lifetime but no preferred-lifetime"},
	{26, "t1 not below t2", 4, `"calculate-tee-times": true, "t1-percent": 0.9, "t2-percent": 0.8`, "tee-percent", "t1-percent"},
	{26, "t1 out of range", 4, `"calculate-tee-times": true, "t1-percent": 1.5`, "tee-percent", "t1-percent"},
	{26, "not looked at when off", 4, `"calculate-tee-times": false, "t1-percent": 1.5`, "", ""},
	{27, "cache-threshold", 4, `"cache-threshold": 1.0`, "cache-threshold", "1.0"},
	{27, "cache-threshold 0 is off", 4, `"cache-threshold": 0.0`, "", ""},
	{28, "negative timer", 4, `"renew-timer": -1`, "out-of-range", "renew-timer"},
	{28, "lifetime beyond 32 bits", 4, `"valid-lifetime": 4294967296`, "out-of-range", "valid-lifetime"},
	{28, "renew above rebind is a warning", 4, sub4(`"renew-timer": 100, "rebind-timer": 10`), "", ""},
	{29, "preferred above valid", 6, `"preferred-lifetime": 100, "valid-lifetime": 10`, "", ""},
	{30, "adaptive threshold", 4, `"adaptive-lease-time-threshold": 0.0`, "adaptive-threshold", "0"},
	{31, "ddns-ttl with another", 4, `"ddns-ttl": 1, "ddns-ttl-min": 1`, "ddns-ttl", "cannot specify both"},
	{31, "ddns-ttl-max below min", 4, `"ddns-ttl-min": 5, "ddns-ttl-max": 4`, "ddns-ttl", "must be greater"},

	{32, "option without name and code", 4, `"option-data": [ { "data": "x" } ]`, "option-unidentified", "neither name nor code"},
	{33, "option name unknown", 4, `"option-data": [ { "name": "nosuch", "data": "x" } ]`, "option-unknown", "does not exist"},
	{34, "option data does not fit", 4, `"option-data": [ { "name": "routers", "data": "x" } ]`, "option-data", "does not match option definition"},
	{35, "neither hexadecimal nor quoted", 4, `"option-data": [ { "code": 6, "csv-format": false, "data": "10.0.0.1" } ]`, "option-data-hex", "not a valid string of hexadecimal digits"},
	{35, "quoted text where octets are asked for", 4, `"option-data": [ { "code": 15, "csv-format": false, "data": "'example.org'" } ]`, "", ""},
	{36, "space of the other family", 4, `"option-data": [ { "code": 1, "space": "dhcp6", "data": "x" } ]`, "option-space", "dhcp6"},
	{37, "standard code defined again", 4, `"option-def": [ { "name": "x", "code": 3, "type": "string" } ]`, "option-def", "3"},
	{38, "class name empty", 4, class4(`"name": ""`), "class-name", "empty"},
	{38, "class name missing", 4, class4(`"test": "1 == 1"`), "missing-key", "name"},
	{38, "class name twice", 4, `"client-classes": [ { "name": "a" }, { "name": "a" } ]`, "class-name", "already been defined"},
	{38, "expression empty", 4, class4(`"name": "a", "test": ""`), "class-expression", "expression: [] error:"},
	{38, "expression wrong", 4, class4(`"name": "a", "test": "option[1"`), "class-expression", "expression: [option[1] error:"},
	{38, "expression not boolean", 4, class4(`"name": "a", "test": "option[1].hex"`), "class-expression", "error:"},
	{38, "member of a later class", 4, class4(`"name": "a", "test": "member('b')"`), "class-expression", "'b'"},
	{38, "member of itself", 4, class4(`"name": "a", "test": "member('a')"`), "class-expression", "'a'"},
	{39, "test and template-test", 4, class4(`"name": "a", "test": "member('ALL')", "template-test": "option[1].hex"`), "class-two-tests", "cannot use both"},
	{40, "built-in class with test", 4, class4(`"name": "KNOWN", "test": "member('ALL')"`), "class-builtin", "must be empty"},
	{40, "built-in class additional", 4, class4(`"name": "DROP", "only-if-required": true`), "class-builtin", "must be false"},
	{40, "DROP with test", 4, class4(`"name": "DROP", "test": "member('KNOWN')"`), "", ""},
	{41, "class option-def of another code", 4, class4(`"name": "a", "option-def": [ { "name": "x", "code": 100, "type": "string" } ]`), "option-def-in-class", "not allowed option definition"},
	{41, "class option-def in v6", 6, class4(`"name": "a", "option-def": [ { "name": "x", "code": 43, "type": "string" } ]`), "unknown-key", "option-def"},
	{42, "class next-server", 4, class4(`"name": "a", "next-server": "255.255.255.255"`), "next-server", "invalid next-server"},

	{43, "no identifier", 4, host4(`"ip-address": "192.0.2.1"`), "host-identifier", "hw-address"},
	{43, "two identifiers", 4, host4(`"hw-address": "010203040506", "duid": "01:02"`), "host-identifier", "mutually exclusive"},
	{43, "identifier with dashes", 4, host4(`"hw-address": "01-02-03-04-05-06"`), "host-identifier", "invalid value"},
	{43, "identifier empty", 4, host4(`"hw-address": ""`), "host-identifier", "empty"},
	{43, "identifier too long", 4, host4(`"hw-address": "` + strings.Repeat("01", 21) + `"`), "host-identifier", "at most 20"},
	{44, "identifier of the other family", 6, host6(`"circuit-id": "01"`), "unknown-key", `"circuit-id"`},
	{45, "no resource", 4, host4(`"hw-address": "01:02:03:04:05:06"`), "", ""},
	{46, "same identifier twice", 4, sub4(`"reservations": [ { "hw-address": "01:02:03:04:05:06", "ip-address": "192.0.2.1" }, { "hw-address": "1:2:3:4:5:6", "ip-address": "192.0.2.2" } ]`), "host-duplicate", "failed to add new host using the HW address '01:02:03:04:05:06' to the IPv4 subnet id '1' as this host has already been added"},
	{46, "same DUID twice", 6, sub6(`"reservations": [ { "duid": "01:02:03" }, { "duid": "010203" } ]`), "host-duplicate", "failed to add new host using the DUID '01:02:03' to the IPv6 subnet id '1' as this host has already been added"},
	{47, "same address twice", 4, sub4(`"reservations": [ { "hw-address": "01:02:03:04:05:06", "ip-address": "192.0.2.1" }, { "hw-address": "01:02:03:04:05:07", "ip-address": "192.0.2.1" } ]`), "host-address-taken", "failed to add new host using the HW address '01:02:03:04:05:07 and DUID '(null)' to the IPv4 subnet id '1' for the address 192.0.2.1: There's already a reservation for this address"},
	{47, "same address twice, v6", 6, sub6(`"reservations": [ { "duid": "01:02", "ip-addresses": [ "2001:db8::1" ] }, { "duid": "01:03", "ip-addresses": [ "2001:db8::1" ] } ]`), "host-address-taken", "failed to add address reservation for host using the HW address '(null) and DUID '01:03' to the IPv6 subnet id '1' for address/prefix 2001:db8::1: There's already reservation for this address/prefix"},
	{47, "allowed if not unique", 4, `"ip-reservations-unique": false, ` + sub4(`"reservations": [ { "hw-address": "01:02:03:04:05:06", "ip-address": "192.0.2.1" }, { "hw-address": "01:02:03:04:05:07", "ip-address": "192.0.2.1" } ]`), "", ""},
	{48, "address outside", 4, host4(`"hw-address": "01:02:03:04:05:06", "ip-address": "192.0.3.1"`), "host-outside", "specified reservation '192.0.3.1' is not within the IPv4 subnet '192.0.2.0/24'"},
	{49, "empty address", 4, host4(`"hw-address": "01:02:03:04:05:06", "ip-address": ""`), "host-address", "Failed to convert string to address ''"},
	{49, "0.0.0.0", 4, host4(`"hw-address": "01:02:03:04:05:06", "ip-address": "0.0.0.0"`), "host-address", "must not make reservation"},
	{49, "network address", 4, host4(`"hw-address": "01:02:03:04:05:06", "ip-address": "192.0.2.0"`), "", ""},
	{50, "prefix without length", 6, host6(`"duid": "01", "prefixes": [ "3000::" ]`), "host-prefix", "requires prefix length"},
	{50, "prefix length 0", 6, host6(`"duid": "01", "prefixes": [ "::/0" ]`), "host-prefix", "length"},
	{50, "prefix with host bits is a warning", 6, host6(`"duid": "01", "prefixes": [ "3000::1/64" ]`), "", ""},
	{51, "excluded-prefixes alone", 6, host6(`"duid": "01", "excluded-prefixes": [ "3000::/80" ]`), "host-excluded", "match"},
	{51, "excluded-prefixes none", 6, host6(`"duid": "01", "prefixes": [ "3000::/64" ], "excluded-prefixes": [ "" ]`), "", ""},
	{52, "global address outside every subnet", 4, `"reservations": [ { "hw-address": "01:02:03:04:05:06", "ip-address": "10.0.0.1" } ]`, "", ""},
	{53, "no host identifiers", 4, `"host-reservation-identifiers": [ ]`, "host-identifiers", "empty"},
	{53, "host identifier twice", 4, `"host-reservation-identifiers": [ "duid", "duid" ]`, "host-identifiers", "duplicate"},
	{53, "host identifier unknown", 6, `"host-reservation-identifiers": [ "client-id" ]`, "host-identifiers", "client-id"},
	{53, "auto with others", 4, `"host-reservation-identifiers": [ "auto", "duid" ]`, "host-identifiers", "auto"},

	{54, "interface unknown", 4, `"interfaces-config": { "interfaces": [ "nosuch0" ] }`, "interface-unknown", "nosuch0"},
	{54, "* twice", 4, `"interfaces-config": { "interfaces": [ "*", "*" ] }`, "interface-twice", "*"},
	{54, "interface twice", 4, `"interfaces-config": { "interfaces": [ "eth0", "eth0" ] }`, "interface-twice", "eth0"},
	{54, "interface once with and once without address", 4, `"interfaces-config": { "interfaces": [ "eth0", "eth0/10.0.0.1" ] }`, "interface-twice", "eth0"},
	{54, "two addresses of an interface", 4, `"interfaces-config": { "interfaces": [ "eth0/10.0.0.2", "eth0/10.0.0.1" ] }`, "", ""},
	{54, "v6 interface with unicast address", 6, `"interfaces-config": { "interfaces": [ "eth0", "eth0/2001:db8::1" ] }`, "", ""},
	{54, "address on *", 4, `"interfaces-config": { "interfaces": [ "*/10.0.0.1" ] }`, "interface-name", "*"},
	{54, "v6 with dhcp-socket-type", 6, `"interfaces-config": { "dhcp-socket-type": "raw" }`, "unknown-key", "dhcp-socket-type"},
	{55, "loopback", 4, `"interfaces-config": { "interfaces": [ "lo" ] }`, "", ""},
	{56, "lease database without type", 4, `"lease-database": { "persist": true }`, "missing-key", "type"},
	{56, "lease database unknown", 4, `"lease-database": { "type": "tape" }`, "lease-backend", "tape"},
	{56, "lease database SQL", 4, `"lease-database": { "type": "mysql" }`, "lease-backend", "no SQL backend"},
	{56, "sqlite", 4, `"lease-database": { "type": "sqlite", "name": "x.db", "durability": "flush" }`, "", ""},
	{58, "reservations in a lease file", 4, `"hosts-database": { "type": "memfile" }`, "not-supported", "hosts-database"},
	{58, "configuration in a lease file", 4, `"config-control": { "config-databases": [ { "type": "memfile" } ] }`, "not-supported", "config-control"},
	{57, "both spellings of hosts-databases", 4, `"hosts-database": { "type": "mysql" }, "hosts-databases": [ { "type": "mysql" } ]`, "not-supported", "hosts-database"},
	{59, "dhcp-ddns without enable-updates", 4, `"dhcp-ddns": { "server-port": 1 }`, "missing-key", "enable-updates"},
	{59, "sender is the server", 4, `"dhcp-ddns": { "enable-updates": true, "sender-ip": "127.0.0.1", "sender-port": 53001 }`, "d2-address", "D2 client config error"},
	{59, "families differ", 4, `"dhcp-ddns": { "enable-updates": true, "sender-ip": "::1" }`, "d2-address", "D2 client config error"},
	{59, "TCP", 4, `"dhcp-ddns": { "enable-updates": true, "ncr-protocol": "TCP" }`, "unknown-word", "TCP"},
	{60, "ddns-replace-client-name boolean", 4, `"ddns-replace-client-name": true`, "wrong-type", "boolean"},
	{61, "hostname-char-set", 4, `"hostname-char-set": "[a"`, "hostname-char-set", "not a valid regular expression"},
	{62, "expired-leases-processing negative", 4, `"expired-leases-processing": { "max-reclaim-leases": -1 }`, "out-of-range", "max-reclaim-leases"},
	{62, "max-reclaim-time", 4, `"expired-leases-processing": { "max-reclaim-time": 10001 }`, "out-of-range", "max-reclaim-time"},
	{63, "thread-pool-size", 4, `"multi-threading": { "enable-multi-threading": true, "thread-pool-size": 65536 }`, "out-of-range", "thread-pool-size"},
	{64, "sanity-checks", 4, `"sanity-checks": { "lease-checks": "pray" }`, "unknown-word", "pray"},
	{65, "socket without type", 4, socket(`"socket-name": "x"`), "missing-key", "socket-type"},
	{65, "socket type unknown", 4, socket(`"socket-type": "tcp"`), "unknown-word", "tcp"},
	{65, "socket without name", 4, socket(`"socket-type": "unix"`), "control-socket", "socket-name"},
	{65, "two unix sockets", 4, `"control-sockets": [ { "socket-type": "unix", "socket-name": "a" }, { "socket-type": "unix", "socket-name": "b" } ]`, "control-socket", "more than one"},
	{65, "key of the other kind", 4, socket(`"socket-type": "unix", "socket-name": "a", "socket-port": 1`), "control-socket", "socket-port"},
	{65, "https without TLS", 4, socket(`"socket-type": "https"`), "control-socket", "trust-anchor"},
	{65, "address", 4, socket(`"socket-type": "http", "socket-address": "x"`), "address", "x"},
	{65, "port", 4, socket(`"socket-type": "http", "socket-port": 65536`), "out-of-range", "socket-port"},
	{66, "authentication type", 4, socket(`"socket-type": "http", "authentication": { "realm": "x" }`), "missing-key", "type"},
	{66, "user empty", 4, socket(`"socket-type": "http", "authentication": { "type": "basic", "clients": [ { "user": "" } ] }`), "credential", "user"},
	{66, "user with colon", 4, socket(`"socket-type": "http", "authentication": { "type": "basic", "clients": [ { "user": "a:b" } ] }`), "credential", "':'"},
	{66, "user and user-file", 4, socket(`"socket-type": "http", "authentication": { "type": "basic", "clients": [ { "user": "a", "user-file": "b" } ] }`), "credential", "mutually exclusive"},
	{66, "password and password-file", 4, socket(`"socket-type": "http", "authentication": { "type": "basic", "clients": [ { "user": "a", "password": "x", "password-file": "b" } ] }`), "credential", "mutually exclusive"},
	{67, "well-known password is a warning", 4, socket(`"socket-type": "http", "authentication": { "type": "basic", "clients": [ { "user": "a", "password": "1234" } ] }`), "", ""},
	{68, "logger without name", 4, `"loggers": [ { "severity": "INFO" } ]`, "missing-key", "name"},
	{68, "debuglevel", 4, `"loggers": [ { "name": "kea-dhcp4", "debuglevel": 100 } ]`, "out-of-range", "debuglevel"},
	{68, "output missing", 4, `"loggers": [ { "name": "kea-dhcp4", "output-options": [ { "flush": true } ] } ]`, "missing-key", "output"},
	{68, "both spellings", 4, `"loggers": [ { "name": "kea-dhcp4", "output-options": [ ], "output_options": [ ] } ]`, "two-spellings", "output_options"},
	{68, "severity unknown is a warning", 4, `"loggers": [ { "name": "kea-dhcp4", "severity": "LOUD" } ]`, "", ""},
	{68, "severity in lower case", 4, `"loggers": [ { "name": "kea-dhcp4", "severity": "debug" } ]`, "", ""},
	{69, "server-id type", 6, `"server-id": { "type": "UUID" }`, "unknown-word", "UUID"},
	{69, "server-id identifier", 6, `"server-id": { "type": "EN", "identifier": "xyz" }`, "server-id", "xyz"},
	{70, "mac-sources empty", 6, `"mac-sources": [ ]`, "mac-sources", "empty"},
	{70, "mac-sources unknown", 6, `"mac-sources": [ "x" ]`, "mac-sources", `"x"`},
	{70, "mac-sources repeated by another name", 6, `"mac-sources": [ "remote-id", "rfc4649" ]`, "mac-sources", "twice"},
	{71, "relay-supplied-options unknown", 6, `"relay-supplied-options": [ "x" ]`, "relay-supplied", `"x"`},
	{71, "relay-supplied-options negative", 6, `"relay-supplied-options": [ "-1" ]`, "relay-supplied", "-1"},
	{71, "relay-supplied-options by name", 6, `"relay-supplied-options": [ "dns-servers" ]`, "", ""},
	{72, "user-context no map", 4, `"user-context": "x"`, "wrong-type", "map"},
	{73, "paths anywhere", 4, `"lease-database": { "type": "memfile", "name": "/srv/x/leases.csv" }, ` + socket(`"socket-type": "unix", "socket-name": "/srv/x/sock"`), "", ""},
	{74, "data-directory", 6, `"data-directory": "/srv/x"`, "", ""},
	{75, "http without authentication is a warning", 4, socket(`"socket-type": "http"`), "", ""},
}

func TestChecks(t *testing.T) {
	opts := Options{ReadFile: fakeSecrets, InterfaceExists: func(name string) bool { return !strings.HasPrefix(name, "nosuch") }}
	for _, row := range checkRows {
		t.Run(fmt.Sprintf("%d %s", row.rule, row.name), func(t *testing.T) {
			text := fmt.Sprintf(`{ "Dhcp%d": { %s } }`, row.version, row.text)
			_, err := ParseWith(opts, "f.json", []byte(text))
			if row.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil {
				t.Fatalf("loads, want %s", row.code)
			}
			p := err.(Problems).errors()[0]
			if !strings.HasPrefix(p.Code, row.code) || !strings.Contains(p.What+" "+p.Path, row.words) {
				t.Errorf("code %s: %v\nwant %s with %q", p.Code, p, row.code, row.words)
			}
			if p.Pos.Line != 1 || p.Pos.Col < 2 || !strings.HasPrefix(p.Path, fmt.Sprintf("Dhcp%d", row.version)) {
				t.Errorf("place %v, path %q", p.Pos, p.Path)
			}
		})
	}
}

// TestEveryProblemInOneRun: an operator corrects a file in one go.
func TestEveryProblemInOneRun(t *testing.T) {
	_, err := Parse("f.json", []byte(`{ "Dhcp4": {
  "valid-lifetim": 1,
  "renew-timer": "x",
  "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "10.0.0.1-10.0.0.2" }, { "pool": "x" } ],
    "reservations": [ { "ip-address": "192.0.2.1" } ] } ]
} }`))
	ps := err.(Problems).errors()
	want := []string{"unknown-key", "wrong-type", "pool-outside", "pool-syntax", "host-identifier"}
	if len(ps) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(ps), len(want), err)
	}
	for i, p := range ps {
		if p.Code != want[i] {
			t.Errorf("problem %d is %s, want %s", i, p.Code, want[i])
		}
	}
	if got := ps[0].Error(); got != `f.json:2:3: Dhcp4: got unexpected keyword "valid-lifetim" in Dhcp4 map: did you mean "valid-lifetime"?` {
		t.Error(got)
	}
	if got := ps[3].Path; got != "Dhcp4/subnet4[0]/pools[1]" {
		t.Error(got)
	}
}

// TestLastLine: the two forms that Kea's -t ends with.
func TestLastLine(t *testing.T) {
	for text, want := range map[string]string{
		`{ "Dhcp4": { "foo": 1 } }`:             `Syntax check failed with: f.json:1.14: got unexpected keyword "foo" in Dhcp4 map`,
		`{ "Dhcp4": { } }`:                      `Syntax check failed with: f.json:1.12: empty map`,
		`{ "Dhcp4": { "valid-lifetime": 1 }`:    `Syntax check failed with: f.json:1.35: unexpected end of text, expecting ',' or '}'`,
		`{ "Dhcp4": { "valid-lifetime": -1 } }`: `Error encountered: valid-lifetime is -1, not within the expected range: 0 - 4294967295 (f.json:1:32)`,
	} {
		_, err := Parse("f.json", []byte(text))
		if err == nil {
			t.Fatalf("%s loads", text)
		}
		if got := LastLine(err); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}
