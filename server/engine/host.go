package engine

import (
	"net/netip"

	"leasehold/config"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// hostMatch is which reservations fit a query: one for each member of its
// network that looks them up, and the global one.
type hostMatch struct {
	global *config.Host
	own    [4]subnetHost // the first ones; more in rest
	n      int
	rest   []subnetHost
	known  bool
}

type subnetHost struct {
	subnet *subnet
	host   *config.Host
}

func (h *hostMatch) add(s *subnet, r *config.Host) {
	h.known = true
	if h.n < len(h.own) {
		h.own[h.n] = subnetHost{s, r}
		h.n++
		return
	}
	h.rest = append(h.rest, subnetHost{s, r})
}

// in returns the reservation of a subnet, or nil.
func (h *hostMatch) in(s *subnet) *config.Host {
	for _, x := range h.own[:h.n] {
		if x.subnet == s {
			return x.host
		}
	}
	for _, x := range h.rest {
		if x.subnet == s {
			return x.host
		}
	}
	return nil
}

// current returns the one reservation that applies to a subnet: its own beats
// the global one.
func (h *hostMatch) current(s *subnet) *config.Host {
	if s == nil {
		return nil
	}
	if s.Params.ReservationsInSubnet {
		if r := h.in(s); r != nil {
			return r
		}
	}
	if s.Params.ReservationsGlobal {
		return h.global
	}
	return nil
}

// members calls fn for the members of the network that the query may use,
// first to last by ID from the given one on, until fn returns false. The
// classes of a reservation may have closed the one that was selected.
func (q *Query) members(first *subnet, fn func(*subnet) bool) {
	for s := first; s != nil; {
		if q.classes.allows(s.Guard) && !fn(s) {
			return
		}
		if s = s.next; s == first {
			return
		}
	}
}

func (e *Engine) identifier4(q *Query, t config.IdentifierType) []byte {
	switch t {
	case config.HWAddress:
		return q.hw
	case config.ClientIdentifier:
		return q.clientID
	case config.DUID:
		// RFC 4361 §6.1: type 255, IAID, then the DUID.
		if len(q.clientID) > 5 && q.clientID[0] == 255 {
			return q.clientID[5:]
		}
	case config.CircuitID:
		id, _ := q.M4.AgentOption(wire.RAICircuitID)
		return id
	case config.FlexID:
		return q.flexID
	}
	return nil
}

// findHosts looks the reservations of a query up, in the members of its
// network and globally.
func (e *Engine) findHosts(q *Query) {
	global := false
	for s := q.subnet; s != nil; {
		if q.classes.allows(s.Guard) {
			global = global || s.Params.ReservationsGlobal
			if s.Params.ReservationsInSubnet {
				if r := e.findHost(q, s.ID); r != nil {
					q.hosts.add(s, r)
				}
			}
		}
		if s = s.next; s == q.subnet {
			break
		}
	}
	if global && q.hosts.global == nil {
		q.hosts.global = e.findHost(q, 0)
	}
	if q.hosts.global != nil {
		q.hosts.known = true
	}
}

// findHost looks one subnet's reservation for a query up (0: the global one),
// by its identifiers in the configured order.
func (e *Engine) findHost(q *Query, subnet uint32) *config.Host {
	for _, t := range e.cfg.HostIdentifiers {
		id := e.identifier(q, t)
		if len(id) == 0 {
			continue
		}
		r := e.cfg.Hosts.Find(subnet, t, id)
		e.logHost(q, subnet, id, r)
		if r != nil {
			return r
		}
	}
	return nil
}

// identifier returns what a query offers as host identifier of a type, or nothing.
func (e *Engine) identifier(q *Query, t config.IdentifierType) []byte {
	if e.version == 4 {
		return e.identifier4(q, t)
	}
	return e.identifier6(q, t)
}

func (e *Engine) logHost(q *Query, subnet uint32, id []byte, r *config.Host) {
	m := message.HostsCfgGetOneSubnetIDIdentifierNull
	if r != nil {
		m = message.HostsCfgGetOneSubnetIDIdentifierHost
	}
	if e.on(m) {
		e.log(q, m, "subnet id %d, identifier %s", subnet, appendHex(nil, id))
	}
}

// reservation4 returns the address reserved for the client and the member it
// belongs to, if there is one.
func (e *Engine) reservation4(q *Query) (a netip.Addr, s *subnet) {
	q.members(q.subnet, func(m *subnet) bool {
		if h := q.hosts.global; h != nil && m.Params.ReservationsGlobal && h.Addr.IsValid() && m.Prefix.Contains(h.Addr) {
			a, s = h.Addr, m
			return false
		}
		if m.Params.ReservationsInSubnet {
			if h := q.hosts.in(m); h != nil {
				if h.Addr.IsValid() {
					a, s = h.Addr, m
				}
				// Kea: a reservation without an address ends the search.
				return false
			}
		}
		return true
	})
	return a, s
}

// reservedForOther says whether an address is promised to another client by a
// reservation in the subnet.
func (e *Engine) reservedForOther(q *Query, s *subnet, a netip.Addr) bool {
	if !s.Params.ReservationsInSubnet {
		return false
	}
	if s.Params.ReservationsOutOfPool && s.anyPoolOf(a) != nil {
		return false
	}
	hosts := e.cfg.Hosts.ByAddr(s.ID, a)
	if len(hosts) == 0 {
		return false
	}
	mine := q.hosts.in(s)
	for _, h := range hosts {
		if h == mine {
			return false
		}
		if e.isHost(q, h) {
			return false
		}
	}
	return true
}

// isHost says whether the query carries the identifier of a reservation.
func (e *Engine) isHost(q *Query, h *config.Host) bool {
	if e.version != 4 {
		return string(e.identifier6(q, h.Type)) == h.Identifier
	}
	return string(e.identifier4(q, h.Type)) == h.Identifier
}
