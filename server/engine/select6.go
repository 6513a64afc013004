package engine

import (
	"net/netip"

	"leasehold/server/wire"
)

// select6 finds the subnet of a DHCPv6 query in Kea's order of precedence.
func (e *Engine) select6(q *Query) *subnet {
	c, x := &q.classes, e.selection
	link, id := q.link()
	if !link.IsValid() && id == nil {
		a := &q.Arrival
		q.how = byInterface
		if a.Iface != nil {
			if s := allowed(x.byIface[a.Iface.Name], c); s != nil {
				return s
			}
		}
		q.how = bySource
		return x.inPrefix(a.Src.Addr().WithZone(""), c)
	}
	if id != nil {
		q.how = byInterfaceID
		if s := allowed(x.byIfID[string(id)], c); s != nil {
			return s
		}
	}
	if !link.IsValid() {
		return nil
	}
	q.how = byRelayList
	if s := allowed(x.byRelay[link], c); s != nil {
		return s
	}
	q.how = byRelayAddress
	return x.inPrefix(link, c)
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
