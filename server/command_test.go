package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/engine"
)

// allHooks is a configuration that provides every command.
const allHooks = `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ ] },
  "lease-database": { "type": "memfile", "persist": false },
  "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_stat_cmds.so" },
    { "library": "libdhcp_host_cmds.so" }, { "library": "libdhcp_subnet_cmds.so" }, { "library": "libdhcp_class_cmds.so" } ],
  "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.19" } ] } ]
} }`

func TestEngineAndTableKnowTheSameCommands(t *testing.T) {
	for _, version := range []int{4, 6} {
		var theirs []string
		for name, c := range commands[version] {
			if c.run == nil {
				theirs = append(theirs, name)
			}
			if c.doc == "" {
				t.Errorf("%s has no description", name)
			}
		}
		ours := slices.DeleteFunc(engine.CommandNames(version), func(name string) bool { return name == "status-get" })
		slices.Sort(theirs)
		slices.Sort(ours)
		if !slices.Equal(theirs, ours) {
			t.Errorf("DHCPv%d: table %v\nengine %v", version, theirs, ours)
		}
	}
}

func TestListCommandsIsWhatIsAnswered(t *testing.T) {
	for _, tt := range []struct{ name, text string }{
		{"every hook", allHooks},
		{"no hook", `{ "Dhcp4": { "interfaces-config": { "interfaces": [ ] }, "lease-database": { "type": "memfile", "persist": false } } }`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newServer(t, "test", []byte(tt.text), nil)
			listed := tell(t, s, 4, `{"command":"list-commands"}`)
			for name := range commands[4] {
				if name == "shutdown" || name == "config-write" {
					continue
				}
				answer := tell(t, s, 4, fmt.Sprintf(`{"command":%q}`, name))
				supported := !strings.Contains(answer, "command not supported")
				if supported != strings.Contains(listed, `"`+name+`"`) {
					t.Errorf("%s is answered %s; list-commands: %s", name, answer, listed)
				}
			}
		})
	}
}

func TestRolesOfCommands(t *testing.T) {
	for name, want := range map[string]control.Role{
		"config-get": control.Read, "lease4-get-all": control.Read, "lease6-update": control.Operate, "dhcp-disable": control.Operate,
		"config-set": control.Change, "shutdown": control.Change, "subnet6-del": control.Change, "nosuch": control.Read,
	} {
		if got := Role(name); got != want {
			t.Errorf("%s demands %d, want %d", name, got, want)
		}
	}
}

// Who may only look is not told how to become somebody who may change things.
func TestPasswordsAreForThoseWhoMayChangeThem(t *testing.T) {
	text := strings.Replace(allHooks, `"subnet4"`, `"control-sockets": [ { "socket-type": "http", "socket-address": "127.0.0.1", "socket-port": 8004,
		"authentication": { "type": "basic", "clients": [ { "user": "boss", "password": "s3cret" }, { "user": "eye", "password": "w0rd", "role": "read" } ] } } ], "subnet4"`, 1)
	s := newServer(t, "test", []byte(text), nil)
	for role, told := range map[control.Role]bool{control.Read: false, control.Operate: false, control.Change: true} {
		c := &control.Command{Name: "config-get", Caller: control.Caller{Role: role}}
		answer := string(s.Handler(4).Handle(context.Background(), c).Append(nil))
		if strings.Contains(answer, "s3cret") != told || strings.Contains(answer, "w0rd") != told || !strings.Contains(answer, `"user": "eye"`) {
			t.Errorf("role %s is told %s", role, answer)
		}
	}
	if text := string(fileText(s.v4.cfg.Load())); !strings.Contains(text, "s3cret") {
		t.Error("config-write would lose the passwords")
	}
}

// timers are set off by the test.
type timers struct{ funcs []func() }

type timer struct{}

func (timer) Stop() bool { return true }

func (x *timers) after(_ time.Duration, f func()) interface{ Stop() bool } {
	x.funcs = append(x.funcs, f)
	return timer{}
}

func fromFile(t *testing.T, change func(*Options)) (*Server, string) {
	file := filepath.Join(t.TempDir(), "kea.conf")
	if err := os.WriteFile(file, []byte(allHooks), 0o600); err != nil {
		t.Fatal(err)
	}
	return newServer(t, file, []byte(allHooks), change), file
}

// with is a config-set of allHooks with one subnet more.
func with(extra string) string {
	text := strings.Replace(allHooks, `"subnet4": [`, `"subnet4": [ { "id": 2, "subnet": "198.51.100.0/24" },`, 1)
	text = strings.TrimSuffix(strings.TrimSpace(text), "}")
	return `{"command":"config-set","arguments":` + text + extra + `}}`
}

func contains(t *testing.T, answer string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(answer, p) {
			t.Errorf("%s\nis without %s", answer, p)
		}
	}
}

func TestConfigSetSaysWhatChanged(t *testing.T) {
	s, _ := fromFile(t, nil)
	tell(t, s, 4, `{"command":"lease4-add","arguments":{"ip-address":"192.0.2.15","hw-address":"02:00:00:00:00:01"}}`)
	tell(t, s, 4, `{"command":"lease4-add","arguments":{"ip-address":"192.0.2.99","hw-address":"02:00:00:00:00:02"}}`)
	contains(t, tell(t, s, 4, with(`, "valid-lifetime": 0`)), `"text": "Unsupported 'valid-lifetime' parameter."`)
	answer := tell(t, s, 4, with(""))
	contains(t, answer, `"leases-outside-pools": 1`, `"subnets-added": [ 2 ]`, `"subnets-changed": [  ]`, `"text": "Configuration successful."`)
	contains(t, answer, s.v4.cfg.Load().Hash)
	contains(t, tell(t, s, 4, `{"command":"subnet4-list"}`), "2 IPv4 subnets found")
	contains(t, tell(t, s, 4, `{"command":"lease4-get","arguments":{"ip-address":"192.0.2.15"}}`), "IPv4 lease found.")
}

func TestRefusedConfigurationChangesNothing(t *testing.T) {
	s, _ := fromFile(t, nil)
	before := tell(t, s, 4, `{"command":"config-get"}`)
	for _, change := range []string{`"subnet": "nonsense"`, `"subnet": "192.0.2.0/24", "pools": [ { "pool": "10.0.0.0/24" } ]`} {
		text := `{"command":"config-set","arguments":{ "Dhcp4": { "subnet4": [ { "id": 1, ` + change + ` } ] } } }`
		contains(t, tell(t, s, 4, text), `"result": 1`)
	}
	contains(t, tell(t, s, 4, `{"command":"config-set","arguments":{ "Dhcp4": { "lease-database": { "type": "memfile", "name": "/nowhere/at/all" } } } }`),
		`"result": 1`, "open lease file /nowhere/at/all: ")
	if after := tell(t, s, 4, `{"command":"config-get"}`); after != before {
		t.Errorf("the configuration is now %s", after)
	}
}

func TestUnconfirmedConfigurationReturns(t *testing.T) {
	var pending timers
	s, _ := fromFile(t, func(o *Options) { o.AfterFunc = pending.after })
	contains(t, tell(t, s, 4, with(`, "confirm-within": 60`)), `"result": 0`)
	contains(t, tell(t, s, 4, `{"command":"subnet4-list"}`), "2 IPv4 subnets found")
	pending.funcs[0]()
	contains(t, tell(t, s, 4, `{"command":"subnet4-list"}`), "1 IPv4 subnet found")
	contains(t, tell(t, s, 4, `{"command":"config-confirm"}`), `"result": 3`)

	tell(t, s, 4, with(`, "confirm-within": 60`))
	contains(t, tell(t, s, 4, `{"command":"config-confirm"}`), `"result": 0`)
	pending.funcs[1]()
	contains(t, tell(t, s, 4, `{"command":"subnet4-list"}`), "2 IPv4 subnets found")
	contains(t, tell(t, s, 4, with(`, "confirm-within": 0`)), `"result": 1`)
}

func TestConfigWriteReplacesTheFileAndKeepsItsMode(t *testing.T) {
	s, file := fromFile(t, nil)
	tell(t, s, 4, with(""))
	contains(t, tell(t, s, 4, `{"command":"config-write"}`), `"result": 0`, file)
	written, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if written.V4.Hash != s.v4.cfg.Load().Hash {
		t.Error("the file reads back as another configuration")
	}
	for _, name := range []string{file, LastGood(file)} {
		i, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]os.FileMode{true: 0o600, false: defaultMode}[name == file]; i.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, i.Mode().Perm(), want)
		}
	}
	contains(t, tell(t, s, 4, `{"command":"config-write","arguments":{"filename":"other.conf"}}`), filepath.Join(filepath.Dir(file), "other.conf"))
	for _, bad := range []string{"/etc/passwd", "../x", "", "/"} {
		contains(t, tell(t, s, 4, fmt.Sprintf(`{"command":"config-write","arguments":{"filename":%q}}`, bad)), `"result": 1`)
	}
}

func TestConfigReloadReadsTheFile(t *testing.T) {
	s, file := fromFile(t, nil)
	text := strings.Replace(allHooks, "192.0.2.19", "192.0.2.29", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, tell(t, s, 4, `{"command":"config-reload"}`), `"result": 0`, `"subnets-changed": [ 1 ]`)
	if err := os.WriteFile(file, []byte(`{ "Dhcp4": { "nonsense": 1 } }`), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, tell(t, s, 4, `{"command":"config-reload"}`), `"result": 1`, "Config reload failed: configuration error using file '"+file)
	if err := s.Reload(); err == nil {
		t.Error("SIGHUP took a broken file")
	}
	contains(t, tell(t, s, 4, `{"command":"subnet4-get","arguments":{"id":1}}`), "192.0.2.29")
	if _, err := config.Load(LastGood(file)); err != nil {
		t.Errorf("last good configuration: %v", err)
	}
}

func TestShutdownEndsRunWithItsValue(t *testing.T) {
	for value, want := range map[string]Exit{"": 0, `,"arguments":{"exit-value":7}`: 7} {
		s := newServer(t, "test", []byte(allHooks), nil)
		ctx, stop := context.WithCancelCause(context.Background())
		s.stop = stop
		contains(t, tell(t, s, 4, `{"command":"shutdown"`+value+`}`), "Shutting down.")
		if err := context.Cause(ctx); !errors.Is(err, want) {
			t.Errorf("shutdown%s ends with %v", value, err)
		}
	}
}

func TestStatusGet(t *testing.T) {
	s := newServer(t, "test", []byte(allHooks), nil)
	tell(t, s, 4, `{"command":"dhcp-disable","arguments":{"origin-id":2000}}`)
	contains(t, tell(t, s, 4, `{"command":"status-get"}`),
		`{ "arguments": { "dhcp-state": { "disabled-by-db-connection": [  ], "disabled-by-local-command": [  ], "disabled-by-remote-command": [ 2000 ], "disabled-by-user": false, "globally-disabled": true }, `+
			`"multi-threading-enabled": `, `"pid": `, `"reload": 0, "sockets": { "status": "ready" }`, `"uptime": 0 }, "result": 0 }`)
}

// A statistic too many or too few fails tests of tools that count them.
func TestStatisticsOfOneSubnet(t *testing.T) {
	text := strings.Replace(allHooks, "192.0.2.10 - 192.0.2.19", "192.0.2.1 - 192.0.2.10", 1)
	answer := tell(t, newServer(t, "test", []byte(text), nil), 4, `{"command":"statistic-get-all"}`)
	want, err := os.ReadFile("testdata/statistics4.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := strings.Fields(string(want))
	for _, name := range names {
		contains(t, answer, `"`+name+`": [ [ `)
	}
	if got := strings.Count(answer, " ] ]"); got != len(names) {
		t.Errorf("%d statistics, want %d:\n%s", got, len(names), answer)
	}
	contains(t, answer, `"subnet[1].total-addresses": [ [ 10, `, `"subnet[1].pool[0].total-addresses": [ [ 10, `)
}

func FuzzCommand(f *testing.F) {
	for _, file := range []string{"kea4.txt", "kea6.txt", "edit4.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata/commands", file))
		if err != nil {
			f.Fatal(err)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if request, ok := strings.CutPrefix(line, "> "); ok {
				f.Add([]byte(request))
			}
		}
	}
	v4 := newServer(f, "test", []byte(allHooks), nil)
	v6 := example(f, "kea6.json", nil)
	f.Fuzz(func(t *testing.T, request []byte) {
		v, _, err := config.ParseValue("<wire>", request, false)
		if err != nil {
			return
		}
		c := &control.Command{Name: stringOf(v, "command"), Arguments: v.Get("arguments")}
		for version, s := range map[int]*Server{4: v4, 6: v6} {
			a := s.Handler(version).Handle(context.Background(), c)
			text := a.Append(nil)
			if !json.Valid(text) {
				t.Errorf("the answer is no JSON: %s", text)
			}
		}
	})
}

func TestLeaseWriteMakesALeaseFile(t *testing.T) {
	s := newServer(t, "test", []byte(allHooks), nil)
	for _, a := range []string{"192.0.2.10", "192.0.2.11"} {
		contains(t, tell(t, s, 4, fmt.Sprintf(`{"command":"lease4-add","arguments":{"ip-address":%q,"hw-address":"02:00:00:00:00:01"}}`, a)), `"result": 0`)
	}
	file := filepath.Join(s.o.DataDir, "copy.csv")
	contains(t, tell(t, s, 4, `{"command":"lease4-write","arguments":{"filename":"copy.csv"}}`), "IPv4 lease database into '"+file+"'.")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	contains(t, string(text), "address,hwaddr,client_id", "\n192.0.2.10,02:00:00:00:00:01,", "\n192.0.2.11,02:00:00:00:00:01,")
	left, err := os.ReadDir(s.o.DataDir)
	if err != nil || len(left) != 1 {
		t.Errorf("beside the file there is %v, %v", left, err)
	}
	for _, bad := range []string{"", "/tmp/x", "../x"} {
		contains(t, tell(t, s, 4, fmt.Sprintf(`{"command":"lease4-write","arguments":{"filename":%q}}`, bad)), `"result": 1`, "'filename' parameter is invalid")
	}
}
