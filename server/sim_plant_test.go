package server

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"leasehold/ha"
	"leasehold/lease"
	"leasehold/lease/faultfs"
)

// A simulation that finds nothing proves something only if it finds what is
// there: each bug that is planted here has to be reported by the checker that
// watches for it.
func TestSimulationFindsPlantedBugs(t *testing.T) {
	calm := func(o *simOptions) {
		o.backup, o.extensions, o.rogues, o.faults = false, [2]bool{true, true}, 0, 0
		o.valid, o.faulty = 3600, 5*time.Minute
		o.undivided, o.lopsided = false, false
	}
	lopsided := func(o *simOptions) {
		calm(o)
		o.balancing, o.undivided, o.lopsided = true, true, true
	}
	for _, c := range []struct {
		name, checker string
		options       func(*simOptions)
		plant         func(*sim)
	}{
		{"skip the acknowledgement", "on-both", calm, func(s *sim) {
			s.net.plant = func(c *simCall) []byte {
				if x := c.send.Action.Command; len(x.Changes) > 0 {
					return ha.BatchReply(len(x.Changes), nil).Append(nil)
				}
				return nil
			}
		}},
		{"swap the hash", "one-answers, scopes", func(o *simOptions) { calm(o); o.balancing = true }, func(s *sim) { s.swapped = true }},
		{"give from the whole pool", "halves", func(o *simOptions) {
			calm(o)
			o.balancing, o.undivided = true, true
		}, func(s *sim) { s.whole = true }},
		{"keep what was ceded", "halves", lopsided, func(s *sim) {
			s.net.plant = func(c *simCall) []byte {
				if x := c.send.Action.Command; x.Name == ha.PoolShare {
					return cedeAll(x, c.from.index)
				}
				return nil
			}
		}},
		{"move before the answer", "halves", lopsided, func(s *sim) {
			s.net.plant = func(c *simCall) []byte {
				x := c.send.Action.Command
				if x.Name != ha.PoolShare || c.from.index != 0 {
					return nil
				}
				// The partner hears of it when it is done.
				c.to.soon(time.Second, func() { c.to.receive(c.body, func([]byte) {}) })
				for i := range x.Shares {
					x.Shares[i].Boundary++
				}
				return cedeAll(x, -1)
			}
		}},
		{"lose a sync page", "equal, two-clients", calm, func(s *sim) {
			s.net.plant = func(c *simCall) []byte {
				name := c.send.Action.Command.Name
				if !strings.HasSuffix(name, "-get-page") {
					return nil
				}
				return []byte(`[ { "arguments": { "count": 0, "leases": [  ] }, "result": 3, "text": "0 lease(s) found." } ]`)
			}
			// A new disk, so that the pages matter.
			s.in(3*time.Minute, func() { s.nodes[0].replaceDisk() })
		}},
		{"forget a deletion", "equal", calm, func(s *sim) {
			s.net.plant = func(c *simCall) []byte {
				x := c.send.Action.Command
				for i := range x.Changes {
					if x.Changes[i].Delete || x.Changes[i].Lease.State == lease.Released {
						return ha.BatchReply(len(x.Changes), nil).Append(nil)
					}
				}
				return nil
			}
			// Clients that do not come back for the same address.
			s.in(4*time.Minute, func() {
				for _, c := range s.clients[:3] {
					if c.quiet = true; c.phase == clientBound {
						c.release()
					}
				}
			})
		}},
		{"lose what was missed", "equal, two-clients, heals, on-both", func(o *simOptions) {
			calm(o)
			o.unacked, o.balancing = 0, false
		}, func(s *sim) {
			s.net.plant = func(c *simCall) []byte {
				x := c.send.Action.Command
				if x.Name != ha.LeaseChanges || x.Point.Seq == 0 {
					return nil
				}
				at := ha.Point{Epoch: x.Point.Epoch, Seq: max(x.Point.Seq, c.to.store.Seq())}
				return ha.ChangesReply(nil, at, false, false).Append(nil)
			}
			// The clients of a minute are given to one server alone.
			s.in(10*time.Second, func() { s.nodes[1].crash(faultfs.Kept, false) })
			s.in(70*time.Second, s.nodes[1].start)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for seed := range uint64(20) {
				s := newSim(seed+1, c.options)
				c.plant(s)
				s.run()
				if v := s.check.violations; len(v) > 0 {
					if !strings.Contains(c.checker, v[0].checker) {
						t.Errorf("found by %q: %s", v[0].checker, s.report())
					}
					return
				}
			}
			t.Error("not found")
		})
	}
}

// cedeAll answers a request for larger shares: all is the asker's, or nothing
// more than it asked for.
func cedeAll(x *ha.Command, asker int) []byte {
	b := []byte(`[ { "arguments": { "pools": [ `)
	for i, p := range x.Shares {
		switch asker {
		case 0:
			p.Boundary = 1 << 8
		case 1:
			p.Boundary = 0
		}
		if i > 0 {
			b = append(b, ", "...)
		}
		b = fmt.Appendf(b, `{ "subnet-id": %d, "first": %q, "last": %q, "boundary": %d }`, p.Subnet, p.First, p.Last, p.Boundary)
	}
	return append(b, ` ] }, "result": 0, "text": "" } ]`...)
}

// The same seed is the same run, to the last byte.
func TestSimulationIsDecidedByItsSeed(t *testing.T) {
	var runs [2]bytes.Buffer
	for i := range runs {
		s := newSim(11, func(o *simOptions) { o.faulty = 4 * time.Minute })
		s.printf = func(line string) { fmt.Fprintln(&runs[i], line) }
		s.run()
	}
	if !bytes.Equal(runs[0].Bytes(), runs[1].Bytes()) {
		a, b := strings.Split(runs[0].String(), "\n"), strings.Split(runs[1].String(), "\n")
		for i := range a {
			if i >= len(b) || a[i] != b[i] {
				t.Fatalf("line %d: %s\nand %s", i, a[i], b[min(i, len(b)-1)])
			}
		}
	}
}
