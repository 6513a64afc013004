package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// combination is one of the pairs that a test is made for.
type combination struct {
	family int
	mode   string
	runs   [2]product
}

func (c combination) String() string {
	return fmt.Sprintf("v%d-%s-%s-%s", c.family, c.mode, c.runs[0], c.runs[1])
}

// TestInteropPair: one of us and a Kea, in either role, are a pair. It serves
// its clients while everything happens that a pair is for: each server dies
// and returns, is taken out for maintenance, and is told its scopes.
func TestInteropPair(t *testing.T) {
	for _, family := range []int{4, 6} {
		for _, mode := range []string{hotStandby, loadBalancing} {
			for _, runs := range [][2]product{{ours, kea}, {kea, ours}, {ours, ours}} {
				c := combination{family, mode, runs}
				if !testnet.Chosen(t, c.String()) {
					continue
				}
				t.Run(c.String(), func(t *testing.T) {
					if isolate(t, "kea-dhcp4", "kea-dhcp6", "perfdhcp", "udhcpc", "dhclient") {
						return
					}
					p := newPair(t, setting{family: family, mode: mode}, runs[:]...)
					p.start()
					p.serving(t)
					p.foreign(t)
					for i := range p.nodes {
						p.dies(t, i)
					}
					for i := range p.nodes {
						if long || c.runs[i] == kea || c.runs == [2]product{ours, ours} {
							p.maintained(t, i)
						}
					}
					p.told(t)
				})
			}
		}
	}
}

// serving: exactly one server answers each client, and both know of it.
func (p *pair) serving(t *testing.T) {
	t.Helper()
	fresh := 12
	if long {
		fresh = 200
	}
	p.undisturbed(func() { p.serve(p.add(fresh)) })
	p.same()
	by := map[string]int{}
	p.undisturbed(func() {
		p.keep()
		clear(by)
		for _, c := range p.list {
			by[c.from]++
		}
	})
	p.same()
	if want := map[string]int{hotStandby: 1, loadBalancing: 2}[p.set.mode]; len(by) != want {
		t.Errorf("clients were served by %v, want %d servers", by, want)
	}
	gone := p.list[0]
	p.list = p.list[1:]
	addr := gone.addr
	gone.release()
	for _, n := range p.nodes {
		n.awaitFree(addr)
	}
}

var (
	obtained4 = regexp.MustCompile(`lease of (\S+) obtained`)
	obtained6 = regexp.MustCompile(`iaaddr (\S+) `)
	drops     = regexp.MustCompile(`(?m)^drops: ([1-9]\d*)`)
)

// foreign: clients of others are served, and both servers know of them.
func (p *pair) foreign(t *testing.T) {
	t.Helper()
	h := p.newHost("client", 0x20, "10.77.0.32/16")
	n := "100"
	if long {
		n = "2000"
	}
	// A client that gets no answer asks again; perfdhcp sends nothing twice. So it
	// begins again, and what the servers have counted tells who was silent.
	load := []string{"perfdhcp", "-" + fmt.Sprint(p.set.family), "-r", "50", "-n", n, "-R", n, "-W", "10000000", "-d", "60", "-l", "eth0"}
	for begin := time.Now(); ; {
		out, err := h.command(load...).CombinedOutput()
		if err == nil && !drops.Match(out) {
			break
		}
		if !drops.Match(out) || time.Since(begin) > testnet.Patience {
			t.Fatalf("perfdhcp: %v\n%s", err, out)
		}
		t.Logf("perfdhcp begins again:\n%s", out)
		for _, node := range p.nodes {
			t.Logf("%s: %s", node.who(), node.counts())
		}
	}
	var got []string
	if p.set.family == 4 {
		out := h.run("udhcpc", "-f", "-q", "-n", "-t", "100", "-T", "1", "-i", "eth0", "-s", "/bin/true")
		got = obtained4.FindStringSubmatch(out)
	} else {
		leases := filepath.Join(h.dir, "leases")
		h.run("dhclient", "-6", "-1", "-cf", "/dev/null", "-lf", leases, "-pf", filepath.Join(h.dir, "pid"), "-sf", "/bin/true", "eth0")
		got = obtained6.FindStringSubmatch(string(testnet.Must1(os.ReadFile(leases))(t)))
	}
	if got == nil {
		t.Fatal("the client got no address")
	}
	p.same()
	for _, node := range p.nodes {
		found := false
		for _, l := range node.leases() {
			found = found || l["ip-address"] == got[1]
		}
		if !found {
			t.Errorf("%s does not know the lease of %s", node.who(), got[1])
		}
	}
}

// dies: a server is killed, the other one takes over, and when the first one
// is back it learns what happened.
func (p *pair) dies(t *testing.T, i int) {
	t.Helper()
	victim, survivor := p.nodes[i], p.nodes[1-i]
	victim.Kill()
	survivor.awaitState("partner-down")
	p.keep()
	p.serve(p.add(3))
	victim.start()
	p.normal()
	p.same()
	p.undisturbed(p.keep)
	p.same()
}

// maintained: a server hands its clients to the other one, takes them back
// without having been away, and hands them over again to be restarted.
func (p *pair) maintained(t *testing.T, i int) {
	t.Helper()
	out, stays := p.nodes[i], p.nodes[1-i]
	handOver := func() {
		t.Helper()
		stays.want("ha-maintenance-start", "")
		stays.awaitState("partner-in-maintenance")
		out.awaitState("in-maintenance")
	}
	handOver()
	p.keep()
	p.takeBack(out, stays)
	p.undisturbed(p.keep)
	handOver()
	out.stop()
	stays.awaitState("partner-down")
	p.keep()
	p.serve(p.add(2))
	out.start()
	p.normal()
	p.same()
	p.undisturbed(p.keep)
}

// takeBack ends a maintenance. A Kea up to 2.7.4 may take what it was answered
// just before for the state after, and go into maintenance again: then once more.
func (p *pair) takeBack(out, stays *node) {
	p.t.Helper()
	for begin := time.Now(); ; {
		stays.want("ha-maintenance-cancel", "")
		stays.awaitState(p.set.mode, "partner-in-maintenance")
		out.awaitState(p.set.mode, "in-maintenance")
		p.keep()
		if !in(out.Lines(), "in-maintenance") {
			return
		}
		stays.awaitState("partner-in-maintenance")
		if time.Since(begin) > testnet.Patience {
			p.t.Fatalf("%s stays in maintenance", out.who())
		}
	}
}

// told: scopes and synchronization are what an operator says.
func (p *pair) told(t *testing.T) {
	t.Helper()
	for i, n := range p.nodes {
		n.scoped(n.raw, `{ "command": "ha-scopes", "arguments": { "scopes": [ ] } }`, 0)
		n.scoped(n.raw, `{ "command": "ha-scopes", "arguments": { "scopes": [ "a", "b" ] } }`, 2)
		if a := n.tell("ha-scopes", `{ "scopes": [ "c" ] }`); a.Result != 1 {
			t.Errorf("%s: scope c: %d %s", n.who(), a.Result, a.Text)
		}
		n.want("ha-sync", fmt.Sprintf(`{ "server-name": %q, "max-period": 60 }`, p.nodes[1-i].host.name))
	}
	p.same()
	// A new start of the machines gives them their own scopes again.
	for _, n := range p.nodes {
		n.want("ha-reset", "")
	}
	p.undisturbed(p.keep)
	p.same()
}

// TestInteropAgent: the peers' URLs are those of control agents, as in every
// pair of Kea 2.2, or of an http control socket, as in Kea 3.
func TestInteropAgent(t *testing.T) {
	const socket = `"control-sockets": [ { "socket-type": "unix", "socket-name": "%DIR%/s" },
		{ "socket-type": "http", "socket-address": "10.77.0.2", "socket-port": 8000 } ]`
	for _, row := range []struct {
		name   string
		family int
		socket string
	}{{"v4-agent", 4, ""}, {"v6-agent", 6, ""}, {"v4-control-socket", 4, socket}, {"v6-control-socket", 6, socket}} {
		if !testnet.Chosen(t, row.name) {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			if isolate(t, "kea-dhcp4", "kea-dhcp6", "kea-ctrl-agent") {
				return
			}
			s := setting{family: row.family, mode: hotStandby, agent: [2]bool{true, true}, control: [2]string{"", row.socket},
				relay: `"sync-page-limit": 3,`} // leases go by pages, both ways
			p := newPair(t, s, kea, ours)
			p.nodes[0].withAgent("10.77.0.1", 8000)
			if row.socket == "" {
				p.nodes[1].withAgent("10.77.0.2", 8000)
			}
			p.start()
			p.serving(t)
			p.dies(t, 0) // and its agent does not
			p.dies(t, 1)
			p.told(t)
		})
	}
}

// TestInteropMigration: a pair of Keas becomes a pair of ours by the commands
// of README.md, one server at a time, while clients renew all the time and keep
// their addresses.
func TestInteropMigration(t *testing.T) {
	for _, c := range []combination{{4, hotStandby, [2]product{kea, kea}}, {6, hotStandby, [2]product{kea, kea}},
		{4, loadBalancing, [2]product{kea, kea}}, {6, loadBalancing, [2]product{kea, kea}}} {
		if !testnet.Chosen(t, c.String()) {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			if isolate(t, "kea-dhcp4", "kea-dhcp6") {
				return
			}
			p := newPair(t, setting{family: c.family, mode: c.mode}, kea, kea)
			p.start()
			p.serve(p.add(20))
			stop := p.renewing()
			commands := guide(t, "A pair")
			begin, look := commands[len(commands)-2], commands[len(commands)-1]
			for _, i := range []int{1, 0} {
				out, stays := p.nodes[i], p.nodes[1-i]
				stays.operate(begin)
				stays.awaitState("partner-in-maintenance")
				out.awaitState("in-maintenance")
				out.stop()
				stays.awaitState("partner-down")
				out.runs = ours
				out.start()
				p.normal()
				if said := stays.operate(look); strings.Count(said, c.mode) < 2 {
					t.Errorf("leasehold %s says\n%s", strings.Join(look, " "), said)
				}
			}
			t.Logf("all clients renewed %d times during the migration", stop())
			p.same()
			p.undisturbed(p.keep)
			p.same()
			if n := len(p.nodes[0].leases()); n < len(p.list) {
				t.Errorf("%d leases of %d clients", n, len(p.list))
			}
			// Now both speak more than Kea's protocol: who stops says so.
			p.nodes[0].stop()
			p.nodes[1].Mentions("PARTNER-DOWN", "partner said goodbye")
			p.keep()
		})
	}
}

func (n *node) who() string { return n.Process.Name }
