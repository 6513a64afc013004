package engine

import (
	"testing"

	"leasehold/config"
)

// The digest of a configuration depends on what clients get, not on how it is
// written or on what is a server's own.
func TestConfigDigest(t *testing.T) {
	parse := func(members string) string {
		c, err := config.Parse("test", []byte(`{ "Dhcp4": { `+members+` } }`))
		if err != nil {
			t.Fatal(err)
		}
		return configDigest(c.V4)
	}
	const first = `"interfaces-config": { "interfaces": [ "eth0" ] }, "valid-lifetime": 600, "subnet4": [
		{ "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.19" }, { "pool": "192.0.2.64/26" } ],
		  "option-data": [ { "name": "routers", "data": "192.0.2.1" } ], "reservations": [ { "hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.5" } ] },
		{ "id": 2, "subnet": "198.51.100.0/24" } ]`
	for _, tt := range []struct {
		name, members string
		same          bool
	}{
		{"written in another way", `"interfaces-config": { "interfaces": [ "eth1" ] }, "subnet4": [
			{ "id": 2, "subnet": "198.51.100.0/24", "valid-lifetime": 600 },
			{ "id": 1, "subnet": "192.0.2.0/24", "valid-lifetime": 600, "pools": [ { "pool": "192.0.2.64 - 192.0.2.127" }, { "pool": "192.0.2.10-192.0.2.19" } ],
			  "option-data": [ { "code": 3, "data": "192.0.2.1" } ], "reservations": [ { "hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.5" } ] } ]`, true},
		{"another lifetime", `"valid-lifetime": 601, ` + first[len(`"interfaces-config": { "interfaces": [ "eth0" ] }, "valid-lifetime": 600, `):], false},
		{"another suffix for names", `"ddns-qualifying-suffix": "example.org", ` + first, false},
		{"other characters in names", `"hostname-char-set": "[^a-z]", ` + first, false},
		{"a class", `"client-classes": [ { "name": "phones", "test": "substring(option[60].hex,0,3) == 'abc'" } ], ` + first, false},
		{"probation of what is declined", `"decline-probation-period": 5, ` + first, false},
		{"lease caching", `"cache-threshold": 0.3, ` + first, false},
		{"one subnet", `"valid-lifetime": 600, "subnet4": [ { "id": 2, "subnet": "198.51.100.0/24" } ]`, false},
	} {
		if got := parse(tt.members) == parse(first); got != tt.same {
			t.Errorf("%s: same %t", tt.name, got)
		}
	}
	class := func(test, lifetime string) string {
		return parse(`"client-classes": [ { "name": "phones", "test": "` + test + `", "valid-lifetime": ` + lifetime + ` } ], ` + first)
	}
	one := class("substring(option[60].hex,0,3) == 'abc'", "600")
	if one != class("substring(option[60].hex,0,3)  ==  'abc'", "600") {
		t.Error("blanks in a test of a class make a difference")
	}
	if one == class("substring(option[60].hex,0,3) == 'abd'", "600") || one == class("substring(option[60].hex,0,3) == 'abc'", "700") {
		t.Error("another test, or lifetime, of a class makes no difference")
	}
}
