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
