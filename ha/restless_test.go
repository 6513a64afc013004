package ha

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	firstSeed = flag.Int("seed", 0, "first seed of TestRestlessPairsComeToRest")
	seedCount = flag.Int("seeds", 400, "how many seeds")
)

// TestRestlessPairsComeToRest lets a seed choose leases, cuts, crashes, stalls
// and operators, then heals everything and demands that both servers reach the
// normal state, that nothing waits for ever, and, between two of us, that both
// hold the same leases.
func TestRestlessPairsComeToRest(t *testing.T) {
	setups := []string{
		"mode hot-standby unacked=0",
		"mode hot-standby unacked=0 page=2",
		"mode hot-standby unacked=0 rejected=0 kea=b",
		"mode hot-standby unacked=0 rejected=0 kea=a",
		"mode hot-standby unacked=0 family=6",
		"mode hot-standby unacked=0 latency=150ms rejected=0",
		"mode load-balancing unacked=0 delayed=3",
		"mode load-balancing unacked=0 delayed=3 latency=90ms",
		"mode load-balancing unacked=0 delayed=3 rejected=0 kea=both",
		"mode load-balancing unacked=0 family=6 delayed=5 rejected=0 kea=a",
	}
	for seed := *firstSeed; seed < *firstSeed+*seedCount; seed++ {
		setup := setups[seed%len(setups)]
		if !t.Run(fmt.Sprintf("seed %d: %s", seed, setup), func(t *testing.T) { restless(t, uint64(seed), setup) }) {
			return
		}
	}
}

func restless(t *testing.T, seed uint64, setup string) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	p := &pairTest{t: t, now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	p.begin = p.now
	p.script("%s", setup)
	p.script("start a")
	p.script("start b")
	for range 60 {
		p.disturb(rnd)
		p.script("run %dms", rnd.IntN(4000))
		p.check()
	}
	p.script("heal")
	for _, name := range []string{"a", "b"} {
		p.script("set %s stall=no", name)
		if !p.nodes[name].up {
			p.script("start %s", name)
		}
	}
	p.script("run 60s")
	for _, name := range []string{"a", "b"} {
		if s := p.nodes[name].m.State(); s == PartnerInMaintenance {
			p.script("command %s ha-maintenance-cancel", name)
		}
	}
	p.script("run 1s")
	for _, name := range []string{"a", "b"} { // what no heartbeat ends in Kea either
		if s := p.nodes[name].m.State(); s == InMaintenance {
			p.script("command %s ha-reset", name)
		}
	}
	p.script("run 120s")
	for _, name := range []string{"a", "b"} {
		n := p.nodes[name]
		n.switches.Expire(p.now)
		if !n.m.State().normal() || !n.switches.On() || len(n.parked) > 0 || n.m.queueing || len(n.m.backlog.changes) > 0 {
			t.Errorf("%s is %s, service %v, parked %v, queue %d", name, n.m.State(), n.switches.On(), n.parked, len(n.m.backlog.changes))
		}
		if u := &n.m.updates; len(u.outbox) > 0 || u.sent != 0 || len(u.carrying) > 0 || len(u.free) != len(u.list) {
			t.Errorf("%s: updates left over: outbox %d, sent %d, addresses %d, held %d", name, len(u.outbox), u.sent, len(u.carrying), len(u.list)-len(u.free))
		}
	}
	for _, name := range []string{"a", "b"} {
		p.nodes[name].beats = 0
	}
	p.script("run 60s")
	for _, name := range []string{"a", "b"} {
		if n := p.nodes[name]; n.beats > int(time.Minute/n.rel.HeartbeatDelay)+1 {
			t.Errorf("%s sends %d heartbeats a minute, and nothing happens", name, n.beats)
		}
	}
	if a, b := p.nodes["a"], p.nodes["b"]; !a.kea && !b.kea {
		for _, addr := range append(a.addresses(), b.addresses()...) {
			if a.store[addr] != b.store[addr] {
				t.Errorf("%s differs: %+v and %+v", addr, a.store[addr], b.store[addr])
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", p.out.String())
	}
}

func (p *pairTest) script(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintf(&p.out, "# %s\n", line)
	p.do(fieldsOf(line))
}

// disturb does one thing of many.
func (p *pairTest) disturb(rnd *rand.Rand) {
	name := []string{"a", "b"}[rnd.IntN(2)]
	n := p.nodes[name]
	addr := fmt.Sprintf("192.0.2.%d", 10+rnd.IntN(6))
	if n.family == 6 {
		addr = fmt.Sprintf("2001:db8::%d", 10+rnd.IntN(6))
	}
	serving := n.up && n.switches.On() && len(n.m.Scopes(nil)) > 0
	switch k := rnd.IntN(26); {
	case k < 10:
		if serving {
			p.script("lease %s %s", name, addr)
		}
	case k < 13:
		if serving && n.holds(addr) {
			p.script("release %s %s", name, addr)
		}
	case k < 15:
		p.script("cut")
	case k < 18:
		p.script("heal")
	case k == 18 && n.up:
		p.script("kill %s", name)
	case k == 19 && !n.up:
		p.script("start %s", name)
	case k == 20 && n.up:
		p.script("set %s stall=yes", name)
	case k == 21:
		p.script("set %s stall=no", name)
	case k == 24 && n.up:
		p.script("set %s refuse=yes", name)
	case k == 25:
		p.script("set %s refuse=no", name)
	case k == 22 && n.up:
		p.script("command %s %s", name, []string{"ha-maintenance-start", "ha-maintenance-cancel", "ha-reset"}[rnd.IntN(3)])
	case k == 23 && n.up:
		p.script("command %s ha-sync \"server-name\":%q", name, n.other().name)
	}
}

// check holds at all times: where both are in the normal state of hot-standby,
// one serves.
func (p *pairTest) check() {
	a, b := p.nodes["a"], p.nodes["b"]
	if a.up && b.up && a.m.State() == HotStandby && b.m.State() == HotStandby {
		if len(a.m.Scopes(nil)) != 1 || len(b.m.Scopes(nil)) != 0 {
			p.t.Errorf("hot-standby serves %v and %v", a.m.Scopes(nil), b.m.Scopes(nil))
		}
	}
	for _, n := range []*node{a, b} {
		if n.up && (len(n.m.partner.clients) > maxConnecting || len(n.m.backlog.changes) > max(n.m.backlog.limit, 0)) {
			p.t.Errorf("%s is beyond its limits", n.name)
		}
	}
}
