package engine

import "leasehold/ha"

// Gauges are what an Engine holds at the moment.
type Gauges struct {
	Pairs    []ha.Gauges
	Parked   int // responses that wait for the disk or a peer
	Awaited  int // of these, and commands, what waits for a peer; responses at most parked-packet-limit
	Commands int // answers to commands that wait for the disk
	Serving  bool
	Disabled []uint32 // origins that have switched the service off
	// Boundaries are those of the pools that a pair divides, in order.
	Boundaries []uint64
}

// Gauges reads the gauges.
func (e *Engine) Gauges() Gauges {
	e.mu.Lock()
	defer e.mu.Unlock()
	g := Gauges{
		Parked: len(e.parked.queue), Awaited: len(e.tokens), Commands: len(e.parked.answers),
		Serving: e.service.On(), Disabled: e.service.Off(nil, 0, ^uint32(0)),
	}
	for _, p := range e.pairs {
		x := p.machine.Gauges()
		x.Serves = append([]bool(nil), x.Serves...)
		g.Pairs = append(g.Pairs, x)
	}
	for _, s := range e.ordered {
		for _, p := range s.allPools() {
			if p.divided {
				g.Boundaries = append(g.Boundaries, p.boundary)
			}
		}
	}
	return g
}
