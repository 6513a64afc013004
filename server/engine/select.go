package engine

import (
	"net/netip"
	"sort"

	"leasehold/server/wire"
)

// selection finds the subnets that a query may belong to without a walk over
// all of them: candidates come in ascending order of their ID, as Kea scans.
type selection struct {
	byPrefix map[netip.Prefix][]*subnet
	lengths  []int // prefix lengths in use
	byRelay  map[netip.Addr][]*subnet
	byIface  map[string][]*subnet
	byIfID   map[string][]*subnet // v6 interface-id
	found    []*subnet
}

func newSelection(all []*subnet) *selection {
	x := &selection{
		byPrefix: make(map[netip.Prefix][]*subnet), byRelay: make(map[netip.Addr][]*subnet),
		byIface: make(map[string][]*subnet), byIfID: make(map[string][]*subnet),
	}
	seen := map[int]bool{}
	for _, s := range all {
		x.byPrefix[s.Prefix] = append(x.byPrefix[s.Prefix], s)
		if !seen[s.Prefix.Bits()] {
			seen[s.Prefix.Bits()] = true
			x.lengths = append(x.lengths, s.Prefix.Bits())
		}
		for _, a := range s.Relay {
			x.byRelay[a] = append(x.byRelay[a], s)
		}
		if s.Interface != "" {
			x.byIface[s.Interface] = append(x.byIface[s.Interface], s)
		}
		if s.InterfaceID != "" {
			x.byIfID[s.InterfaceID] = append(x.byIfID[s.InterfaceID], s)
		}
	}
	return x
}

// allowed returns the first candidate whose guards the query passes.
func allowed(candidates []*subnet, c *classSet) *subnet {
	for _, s := range candidates {
		if s.allows(c) {
			return s
		}
	}
	return nil
}

// allows says whether the query passes the guards of the subnet and its network.
func (s *subnet) allows(c *classSet) bool {
	return c.allows(s.Guard) && (s.network == nil || c.allows(s.network.Guard))
}

// inPrefix returns the allowed subnet of lowest ID whose prefix holds a.
func (x *selection) inPrefix(a netip.Addr, c *classSet) *subnet {
	x.found = x.found[:0]
	for _, n := range x.lengths {
		if p, err := a.Prefix(n); err == nil {
			x.found = append(x.found, x.byPrefix[p]...)
		}
	}
	if len(x.found) > 1 {
		sort.Slice(x.found, func(i, j int) bool { return x.found[i].ID < x.found[j].ID })
	}
	return allowed(x.found, c)
}

// holding returns a subnet whose prefix holds a, whatever its guards.
func (x *selection) holding(a netip.Addr) *subnet {
	for _, n := range x.lengths {
		if p, err := a.Prefix(n); err == nil && len(x.byPrefix[p]) > 0 {
			return x.byPrefix[p][0]
		}
	}
	return nil
}

// select4 finds the subnet of a DHCPv4 query in Kea's order of precedence.
func (e *Engine) select4(q *Query) *subnet {
	m, c, x := &q.M4, &q.classes, e.selection
	if !e.cfg.Compat.IgnoreRAILinkSelection {
		// RFC 3527: the relay says which link; no other rule is tried then.
		if v, ok := m.AgentOption(wire.RAILinkSelection); ok && len(v) == 4 {
			q.how = byLinkSelection
			return x.inPrefix(netip.AddrFrom4([4]byte(v)), c)
		}
	}
	// RFC 3011: the client says which subnet.
	if a, ok := m.Addr(wire.OptSubnetSelection); ok && !a.IsUnspecified() {
		q.how = bySubnetSelection
		return x.inPrefix(a, c)
	}
	if g := m.GIAddr(); !g.IsUnspecified() {
		q.how = byRelayList
		if s := allowed(x.byRelay[g], c); s != nil {
			return s
		}
		q.how = byRelayAddress
		return x.inPrefix(g, c)
	}
	a := &q.Arrival
	// One of these addresses decides alone: where it matches nothing, Kea does
	// not go on to the interface.
	if !a.Multi {
		if ci := m.CIAddr(); !ci.IsUnspecified() {
			q.how = byClientAddress
			return x.inPrefix(ci, c)
		}
		if src := a.Src.Addr(); src.Is4() && !src.IsUnspecified() {
			q.how = bySource
			return x.inPrefix(src, c)
		}
	}
	if a.Iface == nil {
		return nil
	}
	q.how = byInterface
	if s := allowed(x.byIface[a.Iface.Name], c); s != nil {
		return s
	}
	q.how = byInterfaceAddress
	if len(a.Iface.V4) > 0 {
		return x.inPrefix(a.Iface.V4[0].Addr(), c)
	}
	return nil
}
