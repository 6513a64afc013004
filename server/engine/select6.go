package engine

import (
	"net/netip"

	"leasehold/server/wire"
)

// select6 finds the subnet of a DHCPv6 query in Kea's order of precedence.
func (e *Engine) select6(q *Query) (s *subnet) {
	link, id := q.link()
	if link.IsValid() || id != nil {
		s, q.how = e.selection.relayed6(link, id, &q.classes)
		return s
	}
	iface := ""
	if q.Arrival.Iface != nil {
		iface = q.Arrival.Iface.Name
	}
	s, q.how = e.selection.direct6(iface, q.Arrival.Src.Addr().WithZone(""), &q.classes)
	return s
}

// direct6 is the rule for queries that came over no relay; it says which part
// of it decided.
func (x *selection) direct6(iface string, src netip.Addr, c *classSet) (*subnet, selectedBy) {
	if s := allowed(x.byIface[iface], c); s != nil {
		return s, byInterface
	}
	return x.inPrefix(src, c), bySource
}

// relayed6 is the rule for queries whose relays tell the link-address or the
// interface-id.
func (x *selection) relayed6(link netip.Addr, id []byte, c *classSet) (*subnet, selectedBy) {
	if id != nil {
		if s := allowed(x.byIfID[string(id)], c); s != nil {
			return s, byInterfaceID
		}
	}
	if !link.IsValid() {
		return nil, byInterfaceID
	}
	if s := allowed(x.byRelay[link], c); s != nil {
		return s, byRelayList
	}
	return x.inPrefix(link, c), byRelayAddress
}

// link returns what the relays say about the client's link: the link-address
// and the interface-id of those nearest to the client that have a usable one.
func (q *Query) link() (link netip.Addr, id []byte) {
	relays := q.M6.Relays()
	for i := len(relays) - 1; i >= 0; i-- {
		a := relays[i].Link()
		if !link.IsValid() && !a.IsUnspecified() && !a.IsLinkLocalUnicast() {
			link = a
		}
		if id == nil {
			id, _ = relays[i].Option(wire.Opt6InterfaceID)
		}
	}
	return link, id
}
