package config

import (
	"strings"
	"testing"
)

func TestFilesAreConfinedToTheDirectoriesOfKea3(t *testing.T) {
	dirs := Dirs{Data: "/data", Log: "/log", Socket: "/run", Hooks: "/hooks", LegalLog: "/legal"}
	for _, tt := range []struct{ name, members, want string }{
		{"all at home", `"lease-database": { "type": "memfile", "name": "/data/x.csv" }, "control-sockets": [ { "socket-type": "unix", "socket-name": "/run/s" } ],
			"hooks-libraries": [ { "library": "/hooks/libdhcp_legal_log.so", "parameters": { "path": "/legal/" } } ],
			"loggers": [ { "name": "kea-dhcp4", "output-options": [ { "output": "/log/k.log" }, { "output": "stderr" } ] } ]`, ""},
		{"names without a directory", `"lease-database": { "type": "memfile", "name": "x.csv" }, "control-sockets": [ { "socket-type": "unix", "socket-name": "s" } ],
			"hooks-libraries": [ { "library": "libdhcp_legal_log.so" } ]`, ""},
		{"leases", `"lease-database": { "type": "memfile", "name": "/tmp/x.csv" }`, "Unable to open database: invalid path specified: '/tmp', supported path is '/data'"},
		{"leases below", `"lease-database": { "type": "memfile", "name": "/data/sub/x.csv" }`, "invalid path specified: '/data/sub'"},
		{"leases by a detour", `"lease-database": { "type": "memfile", "name": "/data/../etc/x.csv" }`, "invalid path specified: '/etc'"},
		{"leases not kept", `"lease-database": { "type": "memfile", "name": "/tmp/x.csv", "persist": false }`, ""},
		{"socket", `"control-sockets": [ { "socket-type": "unix", "socket-name": "/tmp/s" } ]`, "'socket-name' is invalid: invalid path specified: '/tmp', supported path is '/run'"},
		{"library", `"hooks-libraries": [ { "library": "/tmp/libdhcp_stat_cmds.so" } ]`, "hooks library configuration error: invalid path specified: '/tmp'"},
		{"legal log", `"hooks-libraries": [ { "library": "libdhcp_legal_log.so", "parameters": { "path": "/tmp/" } } ]`, "An error occurred loading the library: invalid path specified: '/tmp'"},
		{"log", `"loggers": [ { "name": "kea-dhcp4", "output-options": [ { "output": "/tmp/k.log" } ] } ]`, "invalid path specified: '/tmp', supported path is '/log'"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := []byte(`{ "Dhcp4": { ` + tt.members + ` } }`)
			if _, err := Parse("f.json", text); err != nil {
				t.Errorf("unconfined: %v", err)
			}
			_, err := ParseWith(Options{Dirs: dirs}, "f.json", text)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v\nwant %q", err, tt.want)
			}
		})
	}
}
