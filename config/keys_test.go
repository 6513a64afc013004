package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestEveryKeyOfKeaIsClassified: each key of Kea's examples with all keys, at
// its level, is in the table.
func TestEveryKeyOfKeaIsClassified(t *testing.T) {
	for _, version := range []int{4, 6} {
		file := fmt.Sprintf("testdata/config/kea/kea%d/all-keys.json", version)
		v, _, err := ParseValue(file, content(t, file), false)
		if err != nil {
			t.Fatal(err)
		}
		keys := 0
		var visit func(v *Value, l level, path string)
		visit = func(v *Value, l level, path string) {
			for _, m := range v.Members {
				k := keysAt(version, l)[m.Key]
				if k == nil {
					t.Errorf("%s/%s is not in the table", path, m.Key)
					continue
				}
				keys++
				switch {
				case k.is.of == 0:
				case m.Value.Kind == Map:
					visit(m.Value, k.is.of, path+"/"+m.Key)
				default:
					for _, e := range m.Value.List {
						visit(e, k.is.of, path+"/"+m.Key)
					}
				}
			}
		}
		visit(v.Members[0].Value, lvGlobal, v.Members[0].Key)
		if keys < 200 {
			t.Errorf("only %d keys seen", keys)
		}
	}
}

func TestKeyTableIsSound(t *testing.T) {
	for _, table := range [][]key{serverKeys, scopeKeys, mapKeys} {
		for i := range table {
			k := &table[i]
			if k.at == 0 {
				t.Errorf("%s is legal nowhere", k.name)
			}
			if (k.stand != supported) != (k.why != "") {
				t.Errorf("%s: standing %d needs a reason and only it", k.name, k.stand)
			}
			if k.def == "" {
				continue
			}
			w := &walker{version: 4, told: make(map[string]bool)}
			if v := defaultValue(k); !w.shape(v, &k.is, nil, k.name) {
				t.Errorf("default of %s: %v", k.name, w.ps)
			}
		}
	}
}

// TestRowsDoNotOverlap: one key at one level of one family has one row.
func TestRowsDoNotOverlap(t *testing.T) {
	seen := make(map[string]bool)
	for _, table := range [][]key{serverKeys, scopeKeys, mapKeys} {
		for _, k := range table {
			for _, version := range []int{4, 6} {
				for l := range levelCount {
					if k.at&(1<<l) == 0 || k.family != 0 && k.family != version {
						continue
					}
					id := fmt.Sprint(k.name, version, l)
					if seen[id] {
						t.Errorf("%s has two rows at level %s of Dhcp%d", k.name, levelNames[1<<l], version)
					}
					seen[id] = true
				}
			}
		}
	}
}

func TestNearestKey(t *testing.T) {
	for _, row := range []struct {
		level      level
		name, want string
	}{
		{lvGlobal, "valid-lifetme", "valid-lifetime"},
		{lvGlobal, "Valid-Lifetime", "valid-lifetime"},
		{lvGlobal, "interfaces_config", "interfaces-config"},
		{lvSubnet, "pool", "pools"},
		{lvHost, "hwaddress", "hw-address"},
		{lvGlobal, "bananas", ""},
		{lvGlobal, strings.Repeat("x", 1000), ""},
	} {
		if got := nearestKey(4, row.level, row.name); got != row.want {
			t.Errorf("%.20s: %q, want %q", row.name, got, row.want)
		}
	}
}

func TestUnknownKeyIsSentWhereItBelongs(t *testing.T) {
	for text, cure := range map[string]string{
		`"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8", "hw-address": "x" } ]`: "it belongs into: reservation",
		`"rapid-commit": true`: "it belongs into: shared network, subnet",
		`"mac-sources": [ ]`:   "it is a key of Dhcp6",
	} {
		version := 4
		if strings.Contains(text, "rapid") {
			version = 6
		}
		_, err := Parse("f", fmt.Appendf(nil, `{ "Dhcp%d": { %s } }`, version, text))
		if err == nil || err.(Problems).errors()[0].Cure != cure {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestOlderSpellings: Kea 2.2's form of a thing means what today's form means.
func TestOlderSpellings(t *testing.T) {
	for _, row := range []struct{ name, older, newer string }{
		{"reservation-mode all", `"reservation-mode": "all"`, `"reservations-in-subnet": true`},
		{"reservation-mode global", `"reservation-mode": "global"`, `"reservations-global": true, "reservations-in-subnet": false`},
		{"reservation-mode out-of-pool", `"reservation-mode": "out-of-pool"`, `"reservations-out-of-pool": true`},
		{"reservation-mode disabled", `"reservation-mode": "disabled"`, `"reservations-in-subnet": false`},
		{"conflict resolution", `"ddns-use-conflict-resolution": false`, `"ddns-conflict-resolution-mode": "no-check-with-dhcid"`},
		{"names in dhcp-ddns", `"dhcp-ddns": { "enable-updates": true, "qualifying-suffix": "x.", "replace-client-name": "always" }`,
			`"ddns-qualifying-suffix": "x.", "ddns-replace-client-name": "always"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			var params [2]string
			for i, text := range []string{row.older, row.newer} {
				c, err := Parse("f", fmt.Appendf(nil, `{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, %s } }`, text))
				if err != nil {
					t.Fatal(err)
				}
				if hasWarning := len(c.Warnings) > 0; hasWarning != (i == 0) && row.name != "names in dhcp-ddns" {
					t.Errorf("warnings of %s: %v", text, c.Warnings)
				}
				c.V4.Params.DDNS.CharSet = nil
				params[i] = fmt.Sprintf("%+v", c.V4.Params)
			}
			if params[0] != params[1] {
				t.Errorf("older %s\nnewer %s", params[0], params[1])
			}
		})
	}
}

// TestWarningsAreGivenOnce: ten thousand subnets of an older text are one warning.
func TestWarningsAreGivenOnce(t *testing.T) {
	c, err := Parse("f", []byte(`{ "Dhcp4": { "interfaces-config": { "interfaces": [ "*" ] }, "client-classes": [ { "name": "a" } ], "subnet4": [
  { "id": 1, "subnet": "10.0.0.0/24", "require-client-classes": [ "a" ] }, { "id": 2, "subnet": "10.0.1.0/24", "require-client-classes": [ "a" ] } ] } }`))
	if err != nil || len(c.Warnings) != 1 {
		t.Error(err, c.Warnings)
	}
}
