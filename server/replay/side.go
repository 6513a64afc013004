package replay

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/wire"
)

// Side is one configuration with leases that answers queries.
type Side struct {
	Family *config.Family
	engine *engine.Engine
	o      Options
	fx     engine.Effects
	now    time.Time
	wake   time.Time

	own     []netip.Addr
	local   map[string][]netip.Addr // by interface of the capture
	duid    []byte
	ifaces  map[string]*wire.Interface
	clients map[string]*client // whom the Side gave other leases than the capture
}

// Options are what a Side needs beside configuration and leases.
type Options struct {
	Now  time.Time // before the first query
	Seed uint64    // of random choices
	// Iface is where queries come in; "": as the capture says, or the one
	// interface that the configuration names.
	Iface string
	// Adapt has clients go on with what this Side gave them, where the capture
	// has them ask for what another server gave.
	Adapt bool
}

// NewSide returns a Side with the leases of store, which it owns from now on.
// High availability is left out: every client is served, in the class of the
// server that it belongs to.
func NewSide(f *config.Family, store *lease.Store, o Options) *Side {
	return &Side{
		Family: f, o: o, now: o.Now, local: map[string][]netip.Addr{}, ifaces: map[string]*wire.Interface{}, clients: map[string]*client{},
		engine: engine.New(f, store, engine.Options{Now: o.Now, Seed: o.Seed, Diskless: true, Alone: true}),
	}
}

// Engine returns the engine, for commands.
func (s *Side) Engine() *engine.Engine { return s.engine }

// Reply is what a Side makes of a query.
type Reply struct {
	Data     []byte // nil: no answer
	Decision engine.Decision
}

// KnowAddress makes an IPv4 address one of the Side's own: queries that name it
// are meant for the Side. It belongs to an interface of the capture, if iface is
// not "". What comes in there by broadcast is answered from, and located by, the
// first address of the interface, or else the first of all.
func (s *Side) KnowAddress(a netip.Addr, iface string) {
	if slices.Contains(s.local[iface], a) {
		return
	}
	s.local[iface] = append(s.local[iface], a)
	clear(s.ifaces)
	if !slices.Contains(s.own, a) {
		s.own = append(s.own, a)
		s.step(engine.Addresses{Own: s.own})
	}
}

// KnowDUID is KnowAddress for DHCPv6: the last one counts.
func (s *Side) KnowDUID(duid []byte) {
	if len(duid) > 0 && !bytes.Equal(s.duid, duid) {
		s.duid = slices.Clone(duid)
		s.step(engine.Identity{DUID: s.duid})
	}
}

// DUID is what KnowDUID learned; nil if nothing.
func (s *Side) DUID() []byte { return s.duid }

func (s *Side) step(in engine.Input) {
	s.fx.Reset()
	s.engine.Step(s.now, []engine.Input{in}, &s.fx)
	s.wake = s.fx.Wake
}

// mostTicks bounds how often time passes between two queries: a capture may have
// a gap of years.
const mostTicks = 1000

// Elapse lets time pass. Time does not go back.
func (s *Side) Elapse(now time.Time) {
	for range mostTicks {
		if s.wake.IsZero() || s.wake.After(now) {
			break
		}
		if s.wake.After(s.now) {
			s.now = s.wake
		}
		s.step(engine.Tick{})
	}
	if now.After(s.now) {
		s.now = now
	}
}

// Ask puts a query to the Side.
func (s *Side) Ask(m *Message) Reply {
	s.Elapse(m.At)
	q := &engine.Query{Data: slices.Clone(m.Payload), Arrival: s.arrival(m)}
	var c *client
	if s.o.Adapt {
		c = s.client(m)
		c.adapt(q.Data)
	}
	if m.Version == 4 {
		q.Decode4()
	} else {
		q.Decode6()
	}
	s.step(q)
	var r Reply
	if len(s.fx.Responses) > 0 {
		r.Data = slices.Clone(s.fx.Responses[0].Response)
	}
	if c != nil && r.Data != nil {
		c.note(m.Version, r.Data)
	}
	last := config.NewMap(config.M("limit", config.NewInt(1)))
	s.step(&engine.CommandReceived{Name: "leasehold-explain", Arguments: last})
	for _, a := range s.fx.Answers {
		if x := a.Answer.Explanation; x != nil && len(x.Decisions) > 0 {
			r.Decision = x.Decisions[0]
		}
	}
	return r
}

// arrival says how the query came to the server.
func (s *Side) arrival(m *Message) wire.Arrival {
	dst := m.Dst.Addr().Unmap()
	a := wire.Arrival{
		Iface: s.iface(m), Src: netip.AddrPortFrom(m.Src.Addr().Unmap(), m.Src.Port()), Dst: netip.AddrPortFrom(dst, m.Dst.Port()),
		Local: dst, HWSrc: m.HWSrc, Link: m.HasHW && m.Version == 4,
	}
	if m.Version == 6 {
		a.Multi = dst.IsMulticast()
		return a
	}
	relayed := !bytes.Equal(m.Payload[24:28], []byte{0, 0, 0, 0})
	a.Multi = dst == broadcast4 || !relayed && !slices.Contains(s.own, dst)
	if a.Multi {
		a.Local = netip.IPv4Unspecified()
		if len(a.Iface.V4) > 0 {
			a.Local = a.Iface.V4[0].Addr()
		}
	}
	return a
}

var broadcast4 = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// iface is the interface on which a query came in.
func (s *Side) iface(m *Message) *wire.Interface {
	if i := s.ifaces[m.Iface]; i != nil {
		return i
	}
	i := &wire.Interface{Name: s.ifaceName(m.Iface), Index: 1}
	for _, a := range slices.Concat(s.local[m.Iface], s.own) {
		i.V4 = append(i.V4, netip.PrefixFrom(a, 32))
	}
	if len(s.ifaces) < 1000 {
		s.ifaces[m.Iface] = i
	}
	return i
}

func (s *Side) ifaceName(seen string) string {
	named := Interfaces(s.Family)
	switch {
	case s.o.Iface != "":
		return s.o.Iface
	case slices.Contains(named, seen):
		return seen
	case len(named) == 1:
		return named[0]
	}
	return seen
}

// Interfaces are the names of the interfaces that a configuration mentions,
// sorted.
func Interfaces(f *config.Family) []string {
	var names []string
	for _, i := range f.Interfaces.Interfaces {
		names = append(names, i.Name)
	}
	for _, x := range f.Subnets {
		if x.Interface != "" {
			names = append(names, x.Interface)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Adopt makes leases that another server gave, or took, those of the Side.
func (s *Side) Adopt(changes []lease.Change) { s.step(engine.Adopt{Changes: changes}) }
