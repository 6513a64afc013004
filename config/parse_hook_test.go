package config

import (
	"strings"
	"testing"
)

// hookText is a configuration with one hook, its parameters from column 1 of line 2.
func hookText(version, library, parameters string) string {
	return `{ "Dhcp` + version + `": { "interfaces-config": { "interfaces": [ ] }, "hooks-libraries": [ { "library": "/x/` + library + `", "parameters":` + "\n" + parameters + " } ] } }"
}

func TestHookParametersAreChecked(t *testing.T) {
	for _, c := range []struct{ name, library, parameters, want string }{
		{"flex_id without expression", "libdhcp_flex_id.so", `{ "replace-client-id": true }`, "2:1: Dhcp4/hooks-libraries[0]/parameters: missing parameter 'identifier-expression'"},
		{"a wrong expression", "libdhcp_flex_id.so", `{ "identifier-expression": "option[60" }`, "2:28: Dhcp4/hooks-libraries[0]/parameters/identifier-expression: expression: [option[60] error"},
		{"a test where a string belongs", "libdhcp_flex_id.so", `{ "identifier-expression": "option[60].exists" }`, "2:28: "},
		{"a wrong type", "libdhcp_flex_id.so", `{ "identifier-expression": "option[60].hex", "replace-client-id": 1 }`, "'replace-client-id' must be a boolean"},
		{"a misspelt parameter", "libdhcp_flex_id.so", `{ "identifier-expression": "option[60].hex", "replace-clientid": true }`, `did you mean "replace-client-id"?`},
		{"no map", "libdhcp_flex_id.so", `7`, ""},
		{"flex_option without options", "libdhcp_flex_option.so", `{ }`, "'options' parameter must be a list"},
		{"an entry that is no map", "libdhcp_flex_option.so", `{ "options": [ 1 ] }`, "option element is not a map"},
		{"neither code nor name", "libdhcp_flex_option.so", `{ "options": [ { "add": "'a'" } ] }`, "'code' or 'name' must be specified"},
		{"a code out of range", "libdhcp_flex_option.so", `{ "options": [ { "code": 255, "add": "'a'" } ] }`, "'code' must be an integer from 1 to 254"},
		{"an unknown name", "libdhcp_flex_option.so", `{ "options": [ { "name": "nonsense", "add": "'a'" } ] }`, "no known 'nonsense' option in 'dhcp4' space"},
		{"code and name apart", "libdhcp_flex_option.so", `{ "options": [ { "code": 5, "name": "routers", "add": "'a'" } ] }`, "is 'name-servers', not 'routers'"},
		{"two actions", "libdhcp_flex_option.so", `{ "options": [ { "code": 5, "add": "'a'", "remove": "'a' == 'a'" } ] }`, "multiple actions"},
		{"no action", "libdhcp_flex_option.so", `{ "options": [ { "code": 5 } ] }`, "no action"},
		{"csv without definition", "libdhcp_flex_option.so", `{ "options": [ { "code": 222, "add": "'a'", "csv-format": true } ] }`, "no known csv format"},
		{"a wrong sub-option", "libdhcp_flex_option.so", `{ "options": [ { "code": 43, "sub-options": [ { "code": 1 } ] } ] }`, "options[0]/sub-options[0]: no action"},
		{"run_script without a name", "libdhcp_run_script.so", `{ "sync": false }`, "The 'name' parameter must be specified"},
		{"run_script that waits", "libdhcp_run_script.so", `{ "name": "/x", "sync": true }`, "'sync' cannot be true"},
		{"legal_log to a database", "libdhcp_legal_log.so", `{ "type": "mysql" }`, "legal logging to mysql is not built in"},
		{"no ping at all", "libdhcp_ping_check.so", `{ "min-ping-requests": 0 }`, "'min-ping-requests' must be an integer from 1 to"},
		{"an unknown ping parameter", "libdhcp_ping_check.so", `{ "reply-timeot": 1 }`, `did you mean "reply-timeout"?`},
		{"an unknown unit of time", "libdhcp_legal_log.so", `{ "time-unit": "week" }`, "admitted: second, day, month, year"},
		{"a wrong legal expression", "libdhcp_legal_log.so", `{ "request-parser-format": "pkt4.nonsense" }`, "expression: [pkt4.nonsense] error"},
		{"sub-options and an action", "libdhcp_flex_option.so", `{ "options": [ { "code": 43, "add": "'a'", "sub-options": [ ] } ] }`, "stands instead of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse("test", []byte(hookText("4", c.library, c.parameters)))
			if err == nil {
				t.Fatal("taken")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestRates(t *testing.T) {
	for _, c := range []struct {
		text string
		n    uint32
		per  string
	}{
		{"3 packets per second", 3, "1s"}, {" 1  packet per minute ", 1, "1m0s"}, {"0 packets per hour", 0, "1h0m0s"},
		{"4294967295 packets per year", 4294967295, "8760h0m0s"}, {"4294967296 packets per year", 0, ""}, {"packets per second", 0, ""},
		{"3 packets per fortnight", 0, ""}, {"-1 packets per day", 0, ""}, {"3 per day", 0, ""},
	} {
		n, per, ok := parseRate(c.text)
		if ok != (c.per != "") || ok && (n != c.n || per.String() != c.per) {
			t.Errorf("%q: %d per %s, %v", c.text, n, per, ok)
		}
	}
}

func TestLimitsAreChecked(t *testing.T) {
	for _, c := range []struct{ name, limits, want string }{
		{"no number", `{ "address-limit": "1" }`, "'address-limit' must be an integer"},
		{"no rate", `{ "rate-limit": "often" }`, "is no rate"},
	} {
		text := `{ "Dhcp4": { "interfaces-config": { "interfaces": [ ] }, "hooks-libraries": [ { "library": "libdhcp_limits.so" } ],
			"client-classes": [ { "name": "a", "user-context": { "limits": ` + c.limits + ` } } ] } }`
		if _, err := Parse("test", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func FuzzRate(f *testing.F) {
	f.Add("3 packets per second")
	f.Fuzz(func(t *testing.T, text string) {
		if n, per, ok := parseRate(text); !ok && n != 0 && per == 0 {
			t.Errorf("%d per %s of %q", n, per, text)
		}
	})
}
