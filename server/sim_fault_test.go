package server

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"leasehold/ha"
	"leasehold/lease/faultfs"
)

// faultSet is the kinds of faults of a run.
type faultSet uint

const (
	faultLoss     faultSet = 1 << iota // datagrams of clients get lost
	faultDeaf                          // a server hears no clients, or they do not hear it
	faultCut                           // servers do not reach each other, in one or both directions
	faultSlow                          // commands take long and overtake each other
	faultKill                          // a process ends
	faultPower                         // a host loses power, and what was not synced
	faultDisk                          // a disk refuses to write
	faultFreeze                        // a host does not run for a while
	faultStep                          // a wall clock is set
	faultDrift                         // clocks run at different speeds
	faultOperator                      // commands
	faultLeases                        // lease commands on one server
	faultReload
	faultLeave // a server is shut down
	faultKinds = iota
)

var faultNames = []string{"loss", "deaf", "cut", "slow", "kill", "power", "disk", "freeze", "step", "drift", "operator", "leases", "reload", "leave"}

func (f faultSet) has(x faultSet) bool { return f&x != 0 }

func (f faultSet) String() string {
	var names []string
	for i, name := range faultNames {
		if f.has(1 << i) {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// drawFaults: few kinds at a time find more than all at once.
func drawFaults(rnd *rand.Rand) (f faultSet) {
	p := []float64{0, .1, .25, .5}[rnd.IntN(4)]
	for i := range faultKinds {
		if rnd.Float64() < p {
			f |= 1 << i
		}
	}
	return f
}

// scheduleFaults lets every kind happen again and again, each for a minimum of
// time, until the first part of the run is over.
func (s *sim) scheduleFaults() {
	for i := range faultKinds {
		kind := faultSet(1 << i)
		if !s.o.faults.has(kind) || kind == faultDrift {
			continue
		}
		var next func()
		next = func() {
			if s.healing {
				return
			}
			s.strike(kind)
			s.in(s.between(5*time.Second, 3*time.Minute), next)
		}
		s.in(s.between(20*time.Second, 3*time.Minute), next)
	}
}

// strike makes one fault happen.
func (s *sim) strike(kind faultSet) {
	n := s.nodes[s.rnd.IntN(len(s.nodes))]
	d := s.between(100*time.Millisecond, []time.Duration{2 * time.Second, 20 * time.Second, 3 * time.Minute}[s.rnd.IntN(3)])
	s.note("fault %v at %s for %v", kind, n.name, d)
	later := func(undo func()) { s.in(d, undo) }
	switch kind {
	case faultLoss:
		s.net.loss = s.rnd.Float64() * .5
		later(func() { s.net.loss = 0 })
	case faultDeaf:
		which := s.net.deaf
		if s.chance(.5) {
			which = s.net.mute
		}
		which[n.index] = true
		later(func() { which[n.index] = false })
	case faultCut:
		i, j := s.rnd.IntN(2), s.rnd.IntN(3)
		out, in := &s.net.links[i][1-i], &s.net.links[1-i][i]
		out.cut++
		if j > 0 {
			in.cut++
		}
		later(func() {
			out.cut--
			if j > 0 {
				in.cut--
			}
		})
	case faultSlow:
		s.net.slow = s.upTo(2 * time.Second)
		later(func() { s.net.slow = 0 })
	case faultKill:
		n.crash(faultfs.Kept, false)
		later(n.start)
	case faultPower:
		n.crash(faultfs.Survival(s.rnd.IntN(4)), true)
		later(func() { n.dead = false; n.start() })
	case faultDisk:
		p := []float64{.1, 1}[s.rnd.IntN(2)]
		rnd := rand.New(rand.NewPCG(s.rnd.Uint64(), 2))
		fs := n.fs
		fs.Fail(func(int, string, string) error {
			if rnd.Float64() < p {
				return faultfs.ErrInjected
			}
			return nil
		})
		later(func() { fs.Fail(nil) })
	case faultFreeze:
		if n.up {
			n.freeze(d)
		}
	case faultStep:
		step := s.upTo(20*time.Second) - 10*time.Second
		if s.chance(.3) {
			step = s.upTo(20*time.Minute) - 10*time.Minute
		}
		s.note("clock of %s is set by %v", n.name, step)
		n.clock.wall += step
		s.check.jumped = s.now
	case faultOperator:
		s.operate(n)
	case faultLeases:
		s.alter(n)
	case faultReload:
		n.reload()
	case faultLeave:
		n.shutdown(func() { s.in(d, n.start) })
	}
}

// operate is an operator who tries things.
func (s *sim) operate(n *simNode) {
	other := s.nodes[s.rnd.IntN(len(s.nodes))].name
	switch s.rnd.IntN(9) {
	case 0:
		n.tell("ha-maintenance-start", "")
		s.in(s.between(5*time.Second, time.Minute), func() { n.tell("ha-maintenance-cancel", "") })
	case 1:
		n.tell("ha-maintenance-cancel", "")
	case 2:
		n.tell("ha-sync", fmt.Sprintf(`{ "server-name": %q, "max-period": %d }`, other, 1+s.rnd.IntN(30)))
	case 3:
		lists := []string{`[ ]`, `[ "a" ]`, `[ "HA_b" ]`, `[ "a", "b" ]`, `[ "nobody" ]`}
		n.scoped = true
		n.tell("ha-scopes", `{ "scopes": `+lists[s.rnd.IntN(len(lists))]+` }`)
	case 4:
		n.tell("ha-continue", "")
	case 5:
		n.tell("ha-reset", "")
	case 6:
		n.tell("dhcp-disable", fmt.Sprintf(`{ "max-period": %d }`, 1+s.rnd.IntN(60)))
	case 7:
		n.tell("dhcp-enable", "")
	case 8:
		n.tell("ha-heartbeat", "")
	}
}

// alter deletes a lease on one server only, as no operator of a pair should.
func (s *sim) alter(n *simNode) {
	c := s.clients[s.rnd.IntN(len(s.clients))]
	if !c.addr.IsValid() {
		return
	}
	if s.check.tampered == nil {
		s.check.tampered = map[netip.Addr]simTime{}
	}
	s.check.tampered[c.addr] = s.now
	n.tell(fmt.Sprintf("lease%d-del", s.o.family), fmt.Sprintf(`{ "ip-address": %q }`, c.addr))
}

// heal ends all faults, and the traces that operators left.
func (s *sim) heal() {
	s.healing = true
	s.note("faults end: %s", s.states())
	s.net.loss, s.net.slow = 0, 0
	clear(s.net.deaf)
	clear(s.net.mute)
	for i := range s.net.links {
		for j := range s.net.links[i] {
			s.net.links[i][j].cut = 0
		}
	}
	for _, n := range s.nodes {
		n.fs.Fail(nil)
		n.dead = false
		if n.frozen {
			n.thaw()
		}
		if n.clock.wall != 0 {
			n.clock.wall = 0
			s.check.jumped = s.now
		}
		n.start()
	}
	s.tend()
}

// tend is an operator who puts in order what only operators can.
func (s *sim) tend() {
	for _, n := range s.nodes[:2] {
		g := n.gauges()
		if g == nil {
			n.start()
			continue
		}
		p, partner := &g.Pairs[0], s.nodes[1-n.index]
		stuck := s.now-n.since > 15*time.Second
		switch {
		case p.State == ha.PartnerInMaintenance && stuck:
			n.tell("ha-maintenance-cancel", "")
		case p.State == ha.InMaintenance && partner.state != ha.PartnerInMaintenance && stuck && !n.leaving:
			n.tell("ha-reset", "")
		case p.State == ha.Terminated && !s.o.ours() && stuck:
			// Kea's manual: both are restarted.
			n.crash(faultfs.Kept, false)
			s.in(time.Second, n.start)
		case n.scoped && (p.State == ha.LoadBalancing || p.State == ha.HotStandby):
			want := `[ "a" ]`
			if n.index == 1 {
				want = `[ ]`
				if s.o.balancing {
					want = `[ "b" ]`
				}
			}
			n.tell("ha-scopes", `{ "scopes": `+want+` }`)
			n.scoped = false
		case len(g.Disabled) > 0 && g.Disabled[0] == ha.UserOrigin:
			n.tell("dhcp-enable", "")
		}
	}
	s.in(5*time.Second, s.tend)
}
