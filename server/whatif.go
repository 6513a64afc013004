package server

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/control"
	"leasehold/server/engine"
	"leasehold/server/wire"
)

// whatIfMost bounds how many leases are copied for one evaluation.
const whatIfMost = 200_000

// whatIf decides about a described query as the server would, in an engine of
// its own with a copy of the leases: nothing is stored, counted, sent or told to a
// partner. High availability is left out: the answer is that of the server whose
// client it is.
func whatIf(ctx context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	describe := describedQuery4
	if f.version == 6 {
		describe = describedQuery6
	}
	data, err := describe(f, c.Arguments)
	if err != nil {
		return failure("%v", err)
	}
	twin, err := f.twin(ctx)
	if err != nil {
		return failure("%v", err)
	}
	q := &engine.Query{Data: data}
	if f.version == 6 {
		q.Arrival = f.describedArrival6(c.Arguments)
		q.Decode6()
	} else {
		q.Arrival = f.describedArrival4(c.Arguments, data)
		q.Decode4()
	}
	fx := &engine.Effects{}
	now := f.now()
	twin.Step(now, []engine.Input{engine.Addresses{Own: f.ownAddresses()}, q}, fx)
	explained := &engine.Effects{}
	twin.Step(now, []engine.Input{&engine.CommandReceived{Name: "leasehold-explain", Arguments: config.NewMap(config.M("limit", config.NewInt(1)))}}, explained)
	x := explained.Answers[0].Answer.Explanation
	if len(x.Decisions) == 0 {
		return failure("the query was not decided")
	}
	members := []config.Member{config.M("decision", x.Decisions[0].Value())}
	if len(fx.Responses) > 0 {
		members = append(members, config.M("options", responseOptions(f.cfg.Load(), twin, fx.Responses[0])))
	}
	return control.Answer{Arguments: arguments(members...), Text: "evaluated; nothing was stored or sent"}
}

// twin returns an engine with the configuration and a copy of the leases.
func (f *family) twin(ctx context.Context) (*engine.Engine, error) {
	store := lease.NewStore(f.version, 1)
	in := engine.CommandReceived{Name: fmt.Sprintf("lease%d-get-all", f.version)}
	for {
		a, err := f.ask(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range a.Leases {
			store.Put(a.Leases[i])
		}
		if store.Len() > whatIfMost {
			return nil, fmt.Errorf("there are more than %d leases: too many to be copied for this", whatIfMost)
		}
		if a.Next == nil {
			break
		}
		in.Next = a.Next
	}
	cfg := *f.cfg.Load()
	cfg.Leasehold.Records = 1
	return engine.New(&cfg, store, engine.Options{
		Now: f.now(), Seed: uint64(f.now().UnixNano()), Diskless: true, Alone: true, DUID: f.engine.DUID(),
	}), nil
}

func (f *family) describedArrival4(args *config.Value, data []byte) wire.Arrival {
	name := stringOf(args, "interface")
	a := wire.Arrival{Iface: interfaceNamed(name), Local: netip.IPv4Unspecified()}
	for _, own := range f.ownAddresses() {
		a.Local = own
	}
	if a.Iface == nil && name != "" {
		a.Iface = &wire.Interface{Name: name}
	}
	if a.Iface != nil && len(a.Iface.V4) > 0 {
		a.Local = a.Iface.V4[0].Addr()
	}
	relay := netip.AddrFrom4([4]byte(data[24:28]))
	a.Src, a.Multi = netip.AddrPortFrom(relay, 67), relay.IsUnspecified()
	return a
}

func (f *family) ownAddresses() []netip.Addr {
	var own []netip.Addr
	for _, s := range f.sockets.Status().Serving {
		if a, err := netip.ParseAddr(s.Address); err == nil {
			own = append(own, a)
		}
	}
	return own
}

// responseOptions lists the options of a response: code, name, value as octets
// and as text, and where it comes from.
func responseOptions(f *config.Family, e *engine.Engine, q *engine.Query) *config.Value {
	list := config.NewList()
	add := func(code uint16, v []byte) {
		name := ""
		d := f.Defs.Lookup(fmt.Sprintf("dhcp%d", f.Version), code)
		if d != nil {
			name = d.Name
		}
		x := config.NewMap(
			config.M("code", config.NewInt(int64(code))),
			config.M("name", config.NewString(name)),
			config.M("data", config.NewString(fmt.Sprintf("%x", v))),
			config.M("value", config.NewString(d.Value(v))),
		)
		o := e.Origin(q, code)
		x.Set("level", config.NewString(o.Level))
		if o.Pos.Line > 0 {
			x.Set("file", config.NewString(o.Pos.File))
			x.Set("line", config.NewInt(int64(o.Pos.Line)))
		}
		list.List = append(list.List, x)
	}
	if f.Version == 6 {
		var m wire.Message6
		if m.DecodeResponse(q.Response) == nil {
			for i := range m.Options {
				add(m.Options[i].Code, m.Options[i].Data)
			}
		}
		return list
	}
	m, err := dhcpv4.FromBytes(q.Response)
	if err != nil {
		return list
	}
	for code := range 255 {
		if v, ok := m.Options[uint8(code)]; ok {
			add(uint16(code), v)
		}
	}
	return list
}
