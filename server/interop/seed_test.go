package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/server/testnet"
)

const seeds = "../../testdata/seeds/"

// TestInteropSeedPair: Kea's own example of a DHCPv6 pair, word for word, makes
// a pair that serves. Only the name of the server differs on the other one, as
// the example says. What it takes for granted is there: an interface eth0, the
// addresses, and a control agent at them.
func TestInteropSeedPair(t *testing.T) {
	if isolate(t) {
		return
	}
	text := testnet.Must1(os.ReadFile(seeds + "kea6-ha-hot-standby.json"))(t)
	w := newWire(t, "192.168.56.3/24", "2001:db8:1::3/64")
	p := &pair{t: t, wire: w, set: setting{family: 6, mode: hotStandby}, clients: newClients(t, 6)}
	p.bare = true // the example delegates no prefixes
	for i, row := range []struct{ name, address string }{{"server1", "192.168.56.33"}, {"server2", "192.168.56.66"}} {
		h := w.newHost(row.name, byte(i+1), row.address+"/24", fmt.Sprintf("2001:db8:1::%d/64", i+1))
		n := &node{host: h, t: t, runs: ours, set: &p.set, config: filepath.Join(h.dir, "config.json"), ownTmp: true}
		own := bytes.Replace(text, []byte(`"this-server-name": "server2"`), []byte(`"this-server-name": "`+row.name+`"`), 1)
		testnet.Must(t, os.WriteFile(n.config, own, 0o644))
		n.withAgent(row.address, 8000)
		p.nodes[i] = n
	}
	p.start()
	p.undisturbed(func() { p.serve(p.add(10)) })
	p.same()
	p.undisturbed(p.keep)
	p.same()
	for _, c := range p.list {
		if c.from != p.list[0].from {
			t.Errorf("%s and %s both answer", c.from, p.list[0].from)
		}
	}
	// The address range of the example is the pool.
	for _, c := range p.list {
		if s := c.addr.String(); !strings.HasPrefix(s, "2001:db8:1::1") {
			t.Errorf("%s is none of the first addresses of the pool", s)
		}
	}
}

// threeText is a hot-standby pair with a backup server. The names of the
// servers are those of the seed commands.
const threeText = `{ "Dhcp4": {
	"interfaces-config": { "interfaces": [ "eth0" ] },
	"control-socket": { "socket-type": "unix", "socket-name": "%DIR%/s" },
	"lease-database": { "type": "memfile", "name": "%DIR%/leases.csv", "lfc-interval": 0 },
	"multi-threading": { "enable-multi-threading": true },
	"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
		"this-server-name": "%NAME%", "mode": "hot-standby", "restrict-commands": false,
		"heartbeat-delay": 300, "max-response-delay": 20000, "max-ack-delay": 100, "max-unacked-clients": 0,
		"multi-threading": { "enable-multi-threading": true, "http-dedicated-listener": true },
		"peers": [
			{ "name": "server1", "url": "http://10.77.0.1:8000/", "role": "primary" },
			{ "name": "server2", "url": "http://10.77.0.2:8000/", "role": "standby" },
			{ "name": "server3", "url": "http://10.77.0.4:8000/", "role": "backup" } ] } ] } } ],
	"subnet4": [ { "id": 1, "subnet": "10.77.0.0/16", "pools": [ { "pool": "10.77.1.0 - 10.77.8.255" } ] } ],
	"loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }`

// TestInteropSeedCommands: the commands of Kea's manual, word for word, through
// every way in, on active servers and on a backup.
func TestInteropSeedCommands(t *testing.T) {
	if isolate(t) {
		return
	}
	w := newWire(t, "10.77.0.3/16")
	set := setting{family: 4, mode: hotStandby}
	clients := newClients(t, 4)
	addresses := []string{"10.77.0.1", "10.77.0.2", "10.77.0.4"}
	var nodes []*node
	for i, name := range []string{"server1", "server2", "server3"} {
		h := w.newHost(name, byte(0x11+i), addresses[i]+"/16")
		n := &node{host: h, t: t, runs: ours, set: &set, config: filepath.Join(h.dir, "config.json")}
		testnet.Must(t, os.WriteFile(n.config, []byte(fill(threeText, map[string]string{"DIR": h.dir, "NAME": name})), 0o644))
		n.withAgent(addresses[i], 8001)
		n.start()
		nodes = append(nodes, n)
	}
	nodes[0].awaitState(hotStandby)
	nodes[1].awaitState(hotStandby)
	nodes[2].awaitState("backup")
	clients.serve(clients.add(5))

	read := func(name string) string { return string(testnet.Must1(os.ReadFile(seeds + name))(t)) }
	for i, n := range nodes {
		post := func(port string) func(string) answer {
			return func(request string) answer { return post(t, "http://"+addresses[i]+":"+port+"/", request) }
		}
		for way, send := range map[string]func(string) answer{"unix socket": n.raw, "listener": post("8000"), "control agent": post("8001")} {
			t.Logf("%s of %s", way, n.host.name)
			n.scoped(send, read("ha-scopes.json"), 2)
			n.scoped(send, read("ha-scopes-none.json"), 0)
			a := send(read("ha-sync.json"))
			if want := map[bool]int{true: 1}[n.host.name == "server2"]; a.Result != want { // not with itself
				t.Errorf("%s of %s: ha-sync.json: %d %s", way, n.host.name, a.Result, a.Text)
			}
			if got := n.leases(); len(got) != 5 {
				t.Errorf("%s of %s: %d leases after ha-sync.json, want 5", way, n.host.name, len(got))
			}
		}
	}
	// A backup that is told to serves the clients of its scopes.
	if a := nodes[2].raw(read("ha-scopes.json")); a.Result != 0 {
		t.Errorf("backup: %d %s", a.Result, a.Text)
	}
}

// post sends a command by HTTP; the answer is the first of a list.
func post(t *testing.T, url, request string) answer {
	t.Helper()
	r := testnet.Must1(http.Post(url, "application/json", strings.NewReader(request)))(t)
	defer r.Body.Close()
	said := testnet.Must1(io.ReadAll(r.Body))(t)
	var list []answer
	if err := json.Unmarshal(said, &list); err != nil || len(list) != 1 {
		t.Fatalf("%s answers %s (%v)", url, said, err)
	}
	return list[0]
}
