package config

import (
	"os"
	"path/filepath"
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

// A text of Kea 3 in the place of a Kea has its files where that Kea has them;
// one of Kea 2.2, or one that is somewhere else, where it likes.
func TestFilesOfKea3AreBesideItsConfiguration(t *testing.T) {
	const plural, singular = `"control-sockets": [ ], `, `"control-socket": { "socket-type": "unix", "socket-name": "/tmp/s" }, `
	const leases = `"lease-database": { "type": "memfile", "name": "/srv/leases.csv" }`
	for _, tt := range []struct {
		name, file, members string
		dirs                Dirs
		want                string
	}{
		{"Kea 3", "/opt/x/etc/kea/kea-dhcp4.conf", plural + leases, Dirs{}, "invalid path specified: '/srv', supported path is '/opt/x/var/lib/kea'"},
		{"Kea 3, Debian's", "/etc/kea/kea-dhcp4.conf", plural + leases, Dirs{}, "supported path is '/var/lib/kea'"},
		{"Kea 3, in its place", "/srv/etc/kea/kea-dhcp4.conf", plural + `"lease-database": { "type": "memfile", "name": "/srv/var/lib/kea/leases.csv" }`, Dirs{}, ""},
		{"Kea 3, told otherwise", "/etc/kea/kea-dhcp4.conf", plural + leases, Dirs{Data: "/srv"}, ""},
		{"Kea 3, somewhere else", "/home/x/kea-dhcp4.conf", plural + leases, Dirs{}, ""},
		{"Kea 3, by its loggers", "/etc/kea/kea-dhcp4.conf",
			`"loggers": [ { "name": "kea-dhcp4", "output-options": [ { "output": "/tmp/k.log" } ] } ]`, Dirs{}, "supported path is '/var/log/kea'"},
		{"Kea 2.2", "/etc/kea/kea-dhcp4.conf", singular + leases, Dirs{}, ""},
		{"either", "/etc/kea/kea-dhcp4.conf", leases, Dirs{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseWith(Options{Dirs: tt.dirs, Kea3: DirsBeside(tt.file)}, tt.file, []byte(`{ "Dhcp4": { `+tt.members+` } }`))
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v\nwant %q", err, tt.want)
			}
		})
	}
}

// A link or a mount gives a directory a second name.
func TestOneDirectoryWithTwoNames(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := Within(dir, link+"/x.csv"); err != nil {
		t.Error(err)
	}
	if err := WithinByName(dir, link+"/x.csv"); err == nil {
		t.Error("a second name is taken where the first is demanded")
	}
	if !Same(dir+"/x.csv", link+"/x.csv") || Same(dir+"/x.csv", link+"/y.csv") || Same(dir+"/x.csv", "/x.csv") {
		t.Error("files are compared wrongly")
	}
}
