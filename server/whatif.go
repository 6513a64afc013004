package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

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
	data, err := describedQuery(c.Arguments)
	if err != nil {
		return failure("%v", err)
	}
	twin, err := f.twin(ctx)
	if err != nil {
		return failure("%v", err)
	}
	q := &engine.Query{Data: data}
	q.Arrival = f.describedArrival(c.Arguments, data)
	q.Decode4()
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
		members = append(members, config.M("options", responseOptions(f.cfg.Load(), fx.Responses[0].Response)))
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
	cfg.Relationships = nil
	cfg.Leasehold.Records = 1
	return engine.New(&cfg, store, engine.Options{Now: f.now(), Seed: uint64(f.now().UnixNano()), Diskless: true}), nil
}

// describedQuery builds the DHCPv4 message that arguments describe.
func describedQuery(args *config.Value) ([]byte, error) {
	if args == nil || args.Kind != config.Map {
		return nil, errors.New("arguments must be a map that describes a query")
	}
	hw, err := net.ParseMAC(stringOf(args, "hw-address"))
	if err != nil {
		return nil, fmt.Errorf("read hw-address: %w", err)
	}
	m, err := dhcpv4.NewDiscovery(hw)
	if err != nil {
		return nil, fmt.Errorf("build the query: %w", err)
	}
	for _, x := range args.Members {
		if err := describe(m, x.Key, stringOf(args, x.Key)); err != nil {
			return nil, err
		}
	}
	return m.ToBytes(), nil
}

func describe(m *dhcpv4.DHCPv4, key, text string) error {
	addr := func() (net.IP, error) {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return nil, fmt.Errorf("%s is no IPv4 address: %q", key, text)
		}
		return a.AsSlice(), nil
	}
	var ip net.IP
	var err error
	switch key {
	case "hw-address", "interface":
	case "type":
		switch text {
		case "discover":
		case "request":
			m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
		default:
			return fmt.Errorf("type is discover or request, not %q", text)
		}
	case "relay":
		ip, err = addr()
		m.GatewayIPAddr = ip
	case "requested":
		if ip, err = addr(); err == nil {
			m.UpdateOption(dhcpv4.OptRequestedIPAddress(ip))
		}
	case "hostname":
		m.UpdateOption(dhcpv4.OptHostName(text))
	case "vendor-class":
		m.UpdateOption(dhcpv4.OptClassIdentifier(text))
	case "client-id":
		id, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(text))
		if err != nil {
			return fmt.Errorf("read client-id: %w", err)
		}
		m.UpdateOption(dhcpv4.OptClientIdentifier(id))
	default:
		return fmt.Errorf("%q describes nothing: use hw-address, client-id, hostname, interface, relay, requested, type, vendor-class", key)
	}
	return err
}

func (f *family) describedArrival(args *config.Value, data []byte) wire.Arrival {
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

// responseOptions lists the options of a response: code, name, value in hexadecimal.
func responseOptions(f *config.Family, response []byte) *config.Value {
	list := config.NewList()
	m, err := dhcpv4.FromBytes(response)
	if err != nil {
		return list
	}
	for code := range 255 {
		v, ok := m.Options[uint8(code)]
		if !ok {
			continue
		}
		name := ""
		if d := f.Defs.Lookup("dhcp4", uint16(code)); d != nil {
			name = d.Name
		}
		list.List = append(list.List, config.NewMap(
			config.M("code", config.NewInt(int64(code))),
			config.M("name", config.NewString(name)),
			config.M("data", config.NewString(hex.EncodeToString(v))),
		))
	}
	return list
}
