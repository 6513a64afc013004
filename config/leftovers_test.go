package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestLeftoversAreNamed: what this server does not do, of what a configuration
// of Kea may ask for, is refused or warned of, with its name and the reason.
// Silence would be the one wrong answer.
func TestLeftoversAreNamed(t *testing.T) {
	for _, row := range []struct {
		name    string
		version int
		text    string // members of the top map
		refused bool
		want    string
	}{
		{"a lease database on another host", 4, `"lease-database": { "type": "mysql", "name": "kea" }`, true, "mysql"},
		{"reservations in a database", 4, `"hosts-databases": [ { "type": "mysql" } ]`, true, "hosts-databases is not supported"},
		{"the older form of it", 6, `"hosts-database": { "type": "postgresql" }`, true, "hosts-database is not supported"},
		{"configuration in a database", 6, `"config-control": { "config-databases": [ { "type": "mysql" } ] }`, true, "config-control is not supported"},
		{"its server tag", 4, `"server-tag": "a"`, false, "server-tag has no effect"},
		{"its metadata", 4, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "metadata": { "x": 1 } } ]`, false, "metadata has no effect"},
		{"DHCPv4 over DHCPv6", 4, `"dhcp4o6-port": 6767`, false, "DHCPv6"},
		{"threads", 4, `"multi-threading": { "enable-multi-threading": true, "thread-pool-size": 4 }`, false, "multi-threading has no effect"},
		{"a queue", 6, `"dhcp-queue-control": { "enable-queue": true }`, false, "dhcp-queue-control has no effect"},
		{"a library of somebody", 4, `"hooks-libraries": [ { "library": "/opt/lib/mine.so" } ]`, true, "none of this name is built in"},
		{"a script that is waited for", 4, `"hooks-libraries": [ { "library": "libdhcp_run_script.so", "parameters": { "name": "/x", "sync": true } } ]`, true, "'sync' cannot be true"},
		{"a legal log in a database", 4, `"hooks-libraries": [ { "library": "libdhcp_legal_log.so", "parameters": { "type": "postgresql" } } ]`, true, "legal logging to postgresql is not built in"},
		{"a legal log in syslog", 4, `"hooks-libraries": [ { "library": "libdhcp_legal_log.so", "parameters": { "type": "syslog" } } ]`, true, "legal logging to syslog is not built in"},
	} {
		t.Run(row.name, func(t *testing.T) {
			text := fmt.Sprintf(`{ "Dhcp%d": { "interfaces-config": { "interfaces": [ ] }, %s } }`, row.version, row.text)
			c, err := Parse("f", []byte(text))
			if (err != nil) != row.refused {
				t.Fatalf("refused: %v", err)
			}
			said := fmt.Sprint(err)
			if !row.refused {
				said = c.Warnings.Error()
			}
			if !strings.Contains(said, row.want) || !strings.HasPrefix(said, "f:1:") {
				t.Errorf("said: %s\nwant: %s", said, row.want)
			}
		})
	}
}

// TestLibrariesOfKeaAreKnown: each that is not built in is refused for a reason
// of its own.
func TestLibrariesOfKeaAreKnown(t *testing.T) {
	// What Kea 2.2 to 3.3 install, test and example libraries aside.
	for _, name := range strings.Fields(`bootp class_cmds cb_cmds ddns_tuning flex_id flex_option ha host_cache host_cmds lease_cmds lease_query
		legal_log limits mysql pgsql mysql_cb pgsql_cb perfmon ping_check radius rbac run_script stat_cmds subnet_cmds user_chk forensic_log`) {
		library := "libdhcp_" + name + ".so"
		if builtinHooks[library] == (missingHooks[library] != "") {
			t.Errorf("%s: built in %v, missing %q", library, builtinHooks[library], missingHooks[library])
		}
		if missingHooks[library] == "" {
			continue
		}
		_, err := Parse("f", fmt.Appendf(nil, `{ "Dhcp4": { "interfaces-config": { "interfaces": [ ] }, "hooks-libraries": [ { "library": "/usr/lib/kea/hooks/%s" } ] } }`, library))
		if err == nil || !strings.Contains(err.Error(), "hooks library "+library+" is not supported: "+missingHooks[library]) {
			t.Errorf("%s: %v", library, err)
		}
	}
}
