package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// haText is a valid hot-standby pair; %s is placed into the relationship, and
// the members that it gives replace those of the text.
const haText = `{ "Dhcp4": { "control-sockets": [ { "socket-type": "unix", "socket-name": "x" } ], "hooks-libraries": [
  { "library": "/opt/lib/kea/hooks/libdhcp_lease_cmds.so" },
  { "library": "/opt/lib/kea/hooks/libdhcp_ha.so", "parameters": { "high-availability": [ { %s } ] } } ] } }`

const (
	haThis     = `"this-server-name": "server1"`
	haPrimary  = `{ "name": "server1", "url": "http://192.0.2.1:8000/", "role": "primary" }`
	haStandby  = `{ "name": "server2", "url": "http://192.0.2.2:8000/", "role": "standby" }`
	haBackup   = `{ "name": "server3", "url": "http://192.0.2.3:8000/", "role": "backup" }`
	haStandard = haThis + `, "mode": "hot-standby", "peers": [ ` + haPrimary + `, ` + haStandby + ` ]`
)

func haPeers(mode string, peers ...string) string {
	return haThis + `, "mode": "` + mode + `", "peers": [ ` + strings.Join(peers, ", ") + ` ]`
}

func second(members string) string { return haPeers("hot-standby", haPrimary, "{ "+members+" }") }

// haRows: what a real Kea 2.2.0 was seen to do (ha-captures/25); words are of
// its message. Numbers that only the limits of 2.2 refuse are accepted, as 3.3 does.
var haRows = []struct{ name, change, words string }{
	{"baseline", haStandard, ""},
	{"no mode", haThis + `, "peers": [ ` + haPrimary + `, ` + haStandby + ` ]`, "missing parameter 'mode'"},
	{"bad mode", haPeers("x", haPrimary, haStandby), "unsupported value 'x' for mode parameter"},
	{"no this-server-name", `"mode": "hot-standby", "peers": [ ` + haPrimary + `, ` + haStandby + ` ]`, "missing parameter 'this-server-name'"},
	{"empty this-server-name", strings.Replace(haStandard, `"server1"`, `""`, 1), "'this-server-name' value must not be empty"},
	{"this-server-name not in peers", strings.Replace(haStandard, `"server1"`, `"serverX"`, 1), "no peer configuration specified for the 'serverX'"},
	{"no peers", haThis + `, "mode": "hot-standby"`, "'peers' parameter missing"},
	{"peers map", haThis + `, "mode": "hot-standby", "peers": { }`, "'peers' parameter must be a list"},
	{"duplicate peer name", haPeers("hot-standby", haPrimary, haPrimary), "peer with name 'server1' already specified"},
	{"bad role", second(`"name": "server2", "url": "http://192.0.2.2:8000/", "role": "x"`), "unsupported value 'x' for role parameter"},
	{"two primaries", second(`"name": "server2", "url": "http://192.0.2.2:8000/", "role": "primary"`), "multiple primary servers specified"},
	{"secondary in hot-standby", second(`"name": "server2", "url": "http://192.0.2.2:8000/", "role": "secondary"`), "standby server required in the hot standby configuration"},
	{"only backup partner", haPeers("hot-standby", haPrimary, haBackup), "standby server required in the hot standby configuration"},
	{"bad url", second(`"name": "server2", "url": "foo", "role": "standby"`), "invalid URL: url foo lacks http or https scheme for server server2"},
	{"host name", second(`"name": "server2", "url": "http://host.example/", "role": "standby"`), "bad url 'http://host.example/'"},
	{"https without TLS", second(`"name": "server2", "url": "https://192.0.2.2:8001/", "role": "standby"`), "https scheme is not supported for server server2 where TLS is disabled"},
	{"url without port", second(`"name": "server2", "url": "http://192.0.2.2/", "role": "standby"`), ""},
	{"url without slash", second(`"name": "server2", "url": "http://192.0.2.2:8000", "role": "standby"`), ""},
	{"url of IPv6", second(`"name": "server2", "url": "http://[2001:db8::1]:8000/", "role": "standby"`), ""},
	{"no url", second(`"name": "server2", "role": "standby"`), "missing parameter 'url'"},
	{"no role", second(`"name": "server2", "url": "http://192.0.2.2:8000/"`), "missing parameter 'role'"},
	{"no name", second(`"url": "http://192.0.2.2:8000/", "role": "standby"`), "missing parameter 'name'"},
	{"empty name", second(`"name": "", "url": "http://192.0.2.2:8000/", "role": "standby"`), "peer name must not be empty"},
	{"wait-backup-ack", haStandard + `, "wait-backup-ack": true`, "'wait-backup-ack' must be set to false in the hot standby configuration"},
	{"delayed-updates-limit", haStandard + `, "delayed-updates-limit": 5`, "'delayed-updates-limit' must be set to 0 in the hot standby configuration"},
	{"heartbeat 0", haStandard + `, "heartbeat-delay": 0`, ""},
	{"heartbeat negative", haStandard + `, "heartbeat-delay": -1`, "'heartbeat-delay' must not be negative"},
	{"heartbeat 70000", haStandard + `, "heartbeat-delay": 70000`, ""},
	{"heartbeat too large", haStandard + `, "heartbeat-delay": 4294967296`, "'heartbeat-delay' must not be greater than 4294967295"},
	{"heartbeat string", haStandard + `, "heartbeat-delay": "1"`, "invalid type specified for parameter 'heartbeat-delay'"},
	{"sync-page-limit 0", haStandard + `, "sync-page-limit": 0`, "every synchronization"},
	{"sync-timeout 0", haStandard + `, "sync-timeout": 0`, ""},
	{"unknown key", haStandard + `, "unknown": 1`, ""},
	{"max-rejected-lease-updates", haStandard + `, "max-rejected-lease-updates": 5`, ""},
	{"bad pause", haStandard + `, "state-machine": { "states": [ { "state": "ready", "pause": "x" } ] }`, "unsupported value 'x' for pause parameter"},
	{"bad state", haStandard + `, "state-machine": { "states": [ { "state": "x", "pause": "once" } ] }`, "unknown state x"},
	{"state twice", haStandard + `, "state-machine": { "states": [ { "state": "ready", "pause": "once" }, { "state": "ready", "pause": "once" } ] }`, "duplicated configuration for the 'ready' state"},
	{"states no list", haStandard + `, "state-machine": { "states": 1 }`, "'states' must be a list"},
	{"two relationships", haStandard + ` }, { ` + haStandard, "peer 'server1' is in two relationships"},
	{"two relationships, not hot-standby", haStandard + ` }, { ` + strings.ReplaceAll(haPeers("passive-backup", haPrimary), "server1", "server9"), "several relationships must all be hot-standby"},
	{"only cert-file", haStandard + `, "cert-file": "x"`, "bad TLS config for server server1"},
	{"user with colon", second(`"name": "server2", "url": "http://192.0.2.2:8000/", "role": "standby", "basic-auth-user": "a:b"`), "user 'a:b' must not contain a ':' in peer 'server2'"},
	{"password and file", second(`"name": "server2", "url": "http://192.0.2.2:8000/", "role": "standby", "basic-auth-user": "a", "basic-auth-password": "b", "basic-auth-password-file": "c"`), "only one of basic-auth-password and basic-auth-password-file parameter can be configured in peer 'server2'"},
	{"standby in load-balancing", haPeers("load-balancing", haPrimary, haStandby), "secondary server required in the load balancing configuration"},
	{"passive-backup alone", haPeers("passive-backup", haPrimary), ""},
	{"passive-backup with wait-backup-ack", haPeers("passive-backup", haPrimary, haBackup) + `, "wait-backup-ack": true`, ""},
	{"passive-backup with standby", haPeers("passive-backup", haPrimary, haStandby), "standby servers not allowed in the passive backup configuration"},
}

func TestHighAvailability(t *testing.T) {
	for _, row := range haRows {
		t.Run(row.name, func(t *testing.T) {
			c, err := ParseWith(Options{ReadFile: fakeSecrets}, "f.json", fmt.Appendf(nil, haText, row.change))
			switch {
			case row.words == "" && err != nil:
				t.Error(err)
			case row.words == "" && len(c.V4.Relationships) != 1:
				t.Error("no relationship")
			case row.words != "" && err == nil:
				t.Errorf("accepted, want %q", row.words)
			case row.words != "" && !strings.Contains(err.(Problems).errors()[0].What, row.words):
				t.Errorf("got %v\nwant %q", err, row.words)
			}
		})
	}
}

func TestHighAvailabilityListIsRequired(t *testing.T) {
	for text, words := range map[string]string{
		`{ }`:                              "missing parameter 'high-availability'",
		`{ "high-availability": { } }`:     "HA configuration must be a list",
		`{ "high-availability": [ ] }`:     "empty",
		`{ "high-availability": [ 1 ] }`:   "must be a map",
		`{ "high-availability": [ { } ] }`: "missing parameter",
	} {
		_, err := Parse("f.json", []byte(`{ "Dhcp4": { "hooks-libraries": [ { "library": "libdhcp_ha.so", "parameters": `+text+` } ] } }`))
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestUnknownParametersAreWarnedAbout: Kea ignores them without a word.
func TestUnknownParametersAreWarnedAbout(t *testing.T) {
	c, err := Parse("f.json", fmt.Appendf(nil, haText, haStandard+`, "max-unacked-client": 5`))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range c.Warnings {
		if w.Code == "ha-unknown-key" && w.Cure == `did you mean "max-unacked-clients"?` {
			return
		}
	}
	t.Error(c.Warnings)
}

// TestHubAndSpoke: several relationships in one server.
func TestHubAndSpoke(t *testing.T) {
	c, err := LoadWith(Options{ReadFile: fakeSecrets}, "testdata/config/ha/3.3/hub-v4-hub.json")
	if err != nil {
		t.Fatal(err)
	}
	f := c.V4
	if len(f.Relationships) != 2 || f.Relationships[1].Index != 1 || f.Relationships[1].ThisServer != "server4" {
		t.Errorf("%+v", f.Relationships)
	}
	if f.Subnets[0].HAServer != "server1" || f.Subnets[1].HAServer != "server3" {
		t.Errorf("%q %q", f.Subnets[0].HAServer, f.Subnets[1].HAServer)
	}
	same := strings.NewReplacer("server1", "server3", "server2", "server4").Replace(haStandard)
	if _, err := Parse("f.json", fmt.Appendf(nil, haText, haStandard+" }, { "+same)); err == nil || !strings.Contains(err.Error(), "two relationships listen on http://192.0.2.1:8000/") {
		t.Error(err)
	}
}

func TestRelationshipDefaults(t *testing.T) {
	c, err := Parse("f.json", fmt.Appendf(nil, haText, haPeers("hot-standby", haBackup, haStandby, haPrimary)))
	if err != nil {
		t.Fatal(err)
	}
	rel := c.V4.Relationships[0]
	if rel.HeartbeatDelay != 10*time.Second || rel.MaxResponse != time.Minute || rel.MaxAck != 10*time.Second || rel.SyncTimeout != time.Minute ||
		rel.SyncPageLimit != 10000 || rel.MaxUnacked != 10 || rel.MaxRejected != 10 || rel.DelayedUpdates != 0 || !rel.SendUpdates || !rel.SyncLeases ||
		!rel.RequireClientCerts || !rel.MultiThreading || !rel.Listener || !rel.RestrictCommands {
		t.Errorf("%+v", rel)
	}
	for i, name := range []string{"server1", "server2", "server3"} {
		if p := rel.Peers[i]; p.Name != name || !p.AutoFailover {
			t.Errorf("peer %d is %+v", i, p)
		}
	}
	if rel.Partner().Name != "server2" {
		t.Errorf("partner %+v", rel.Partner())
	}
}

// TestOlderTextsHaveNoListener: a text for Kea 2.2 names the URLs of control agents.
func TestOlderTextsHaveNoListener(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(haText, haStandard), `"control-sockets": [ { "socket-type": "unix", "socket-name": "x" } ]`, `"control-socket": { "socket-type": "unix", "socket-name": "x" }`, 1)
	for _, row := range []struct {
		threads  string
		listener bool
	}{{"", false}, {`"multi-threading": { "enable-multi-threading": true }, `, true}, {`"multi-threading": { "enable-multi-threading": false }, `, false}} {
		c, err := Parse("f.json", []byte(strings.Replace(text, `"hooks-libraries"`, row.threads+`"hooks-libraries"`, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if rel := c.V4.Relationships[0]; rel.Listener != row.listener || rel.MultiThreading != row.listener {
			t.Errorf("with %q: listener %v, threads %v", row.threads, rel.Listener, rel.MultiThreading)
		}
	}
}
