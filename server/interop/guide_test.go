package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/server/testnet"
)

// guide returns the commands of our program that a chapter of the README shows.
func guide(t *testing.T, heading string) (commands [][]string) {
	t.Helper()
	text := string(testnet.Must1(os.ReadFile("../../README.md"))(t))
	_, text, found := strings.Cut(text, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README.md has no chapter %q", heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for i, block := range strings.Split(text, "\n```\n") {
		if i%2 == 0 {
			continue
		}
		for line := range strings.Lines(block) {
			command, _, _ := strings.Cut(line, "   ") // what it does stands beside it
			if words := strings.Fields(command); len(words) > 0 && words[0] == "leasehold" {
				commands = append(commands, words[1:])
			}
		}
	}
	return commands
}

// operate runs a command of the guide against a server.
func (n *node) operate(words []string) string {
	n.t.Helper()
	h := &host{t: n.t, pid: os.Getpid(), dir: n.dir, name: "operator"}
	words = append([]string{testnet.Program(n.t)}, words...)
	if n.set.family == 6 {
		words = append(words, "-6")
	}
	return h.run(append(words, "--socket", n.socket())...)
}

const singleText = `{ "Dhcp4": { // the file of one server, as the guide finds it
	"interfaces-config": { "interfaces": [ "eth0" ] },
	"control-socket": { "socket-type": "unix", "socket-name": "/tmp/kea4-ctrl-socket" },
	"lease-database": { "type": "memfile", "name": "leases.csv", "lfc-interval": 0 },
	"valid-lifetime": 3600,
	"subnet4": [ { "id": 1, "subnet": "10.77.0.0/16", "pools": [ { "pool": "10.77.1.0 - 10.77.8.255" } ] } ],
	"loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }`

// TestInteropFirstPair: the commands of README.md make a pair of the
// configuration of one server, show it, and rehearse a failover, which clients
// hardly notice.
func TestInteropFirstPair(t *testing.T) {
	if isolate(t) {
		return
	}
	w := newWire(t, "10.77.0.3/16")
	commands := guide(t, "A pair")
	desk := &host{t: t, pid: os.Getpid(), dir: w.dir, name: "desk"}
	testnet.Must(t, os.WriteFile(filepath.Join(w.dir, "kea-dhcp4.conf"), []byte(singleText), 0o644))
	local := strings.NewReplacer("192.0.2.", "10.77.0.", "/etc/kea/", w.dir+"/")
	line := strings.Fields(local.Replace(strings.Join(commands[0], " ")))
	if line[1] != "init" {
		t.Fatalf("the guide begins with %v", line)
	}
	t.Logf("%s", desk.run(append([]string{testnet.Program(t)}, line...)...))

	p := &pair{t: t, wire: w, set: setting{family: 4, mode: hotStandby}, clients: newClients(t, 4)}
	for i, name := range []string{"server1", "server2"} {
		h := w.newHost(name, byte(i+1), []string{"10.77.0.1/16", "10.77.0.2/16"}[i])
		p.nodes[i] = &node{host: h, t: t, runs: ours, set: &p.set, config: filepath.Join(h.dir, "kea-dhcp4.conf"), ownTmp: true}
		testnet.Must(t, copyFile(p.nodes[i].config, filepath.Join(w.dir, name+".conf")))
	}
	p.start()
	p.undisturbed(func() { p.serve(p.add(5)) })
	// The drill's clients hear at the port of relay agents; so do ours.
	p.clients.conn.Close()
	for _, line := range commands[1:5] {
		n := p.nodes[1] // the standby takes over in the drill
		out := n.operate(line)
		t.Logf("leasehold %s\n%s", strings.Join(line, " "), out)
		for _, want := range map[string][]string{
			"status": {"server1", "server2", "hot-standby"},
			"why":    {"server2 (this server)\n  standby, hot-standby", "server1 (partner, as it says itself", "waiting  syncing"},
			"diff":   {"mean the same"},
			"drill":  {"server2 takes the load of server1 for 5s", "both servers are in the state hot-standby again", "longest time without an answer, taking over"},
		}[line[1]] {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), strings.Join(strings.Fields(want), " ")) {
				t.Errorf("leasehold %s does not say %q", strings.Join(line, " "), want)
			}
		}
	}
	p.normal()
	p.same()
}

// TestInteropDrill: a failover is rehearsed with partners of either make, and
// in either family.
func TestInteropDrill(t *testing.T) {
	for _, c := range []combination{{4, hotStandby, [2]product{ours, kea}}, {4, loadBalancing, [2]product{kea, ours}},
		{6, hotStandby, [2]product{ours, ours}}, {6, loadBalancing, [2]product{ours, kea}}} {
		if !testnet.Chosen(t, c.String()) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			if isolate(t, "kea-dhcp4", "kea-dhcp6") {
				return
			}
			p := newPair(t, setting{family: c.family, mode: c.mode}, c.runs[:]...)
			p.start()
			p.clients.conn.Close() // the drill's clients hear at the same port
			n := p.nodes[0]
			if n.runs == kea {
				n = p.nodes[1]
			}
			line := []string{"ha", "drill", "--for", "2s"}
			if c.family == 6 {
				line = append(line, "--interface", "lan")
			}
			said := n.operate(line)
			t.Logf("%s", said)
			if !strings.Contains(said, "both servers are in the state "+c.mode+" again") {
				t.Error("the pair is not as it was")
			}
		})
	}
}

// TestInteropDrillEnds: whatever ends a drill early, the pair is in its normal
// state after it.
func TestInteropDrillEnds(t *testing.T) {
	if isolate(t) {
		return
	}
	p := newPair(t, setting{family: 4, mode: loadBalancing}, ours, ours)
	p.start()
	p.clients.conn.Close()
	h := &host{t: t, pid: os.Getpid(), dir: p.dir, name: "operator"}
	cmd := h.command(testnet.Program(t), "ha", "drill", "--for", "1h", "--socket", p.nodes[0].socket(), "--subnet", "10.77.0.0/16")
	drill := h.start("drill", cmd)
	drill.Mentions("a takes the load of b")
	p.nodes[1].awaitState("in-maintenance")
	testnet.Must(t, cmd.Process.Signal(os.Interrupt))
	drill.Mentions("both servers are in the state load-balancing again")
	if drill.Wait() == 0 {
		t.Error("a drill that was ended early is a success")
	}
	p.normal()

	// Nothing is begun where clients are not answered.
	cmd = h.command(testnet.Program(t), "ha", "drill", "--socket", p.nodes[0].socket(), "--subnet", "192.0.2.0/24")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "nothing was changed") {
		t.Errorf("a drill in a subnet that is not served: %v\n%s", err, out)
	}
	p.normal()
}
