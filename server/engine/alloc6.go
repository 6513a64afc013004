package engine

import (
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// lease6 gives the associations of a SOLICIT, REQUEST, RENEW or REBIND their
// leases; false if the query deserves no answer.
func (e *Engine) lease6(q *Query) bool {
	if q.subnet == nil {
		return e.leaseNowhere(q)
	}
	if q.classes.has(config.ClassReject) {
		for i := range q.ias {
			q.ias[i].nothing()
		}
		return true
	}
	e.nameClient6(q)
	q.own = e.store.ByClientID(q.own, q.duid)
	for i := range q.ias {
		e.assign6(q, &q.ias[i])
	}
	e.letGo(q)
	e.settleLeases6(q)
	if !q.offer {
		e.commit6(q)
	}
	return true
}

// leaseNowhere answers the associations of a client in no subnet.
func (e *Engine) leaseNowhere(q *Query) bool {
	for i := range q.ias {
		x := &q.ias[i]
		switch {
		case q.M6.Type == wire.Rebind && x.typ == lease.PD:
			e.drop(q, dropRebindPD, message.DHCP6RequiredOptionsCheckFail)
			return false
		case q.M6.Type == wire.Rebind, q.M6.Type == wire.Renew:
			x.answer(statusNoBinding, "no known network")
		default:
			x.nothing()
		}
	}
	return true
}

// assign6 finds the leases of one association: those the client has and may
// keep, one that is reserved, what it asks for, what an allocator finds.
func (e *Engine) assign6(q *Query, x *association) {
	if same := q.earlier(x); same != nil {
		x.from, x.to, x.status, x.text = same.from, same.to, same.status, same.text
		return
	}
	x.from = len(q.grants)
	if m := assignMessage(q, x.typ); e.on(m) {
		e.log(q, m, "association iaid=%d names %d resources", x.iaid, len(x.hints))
	}
	e.keep6(q, x)
	if q.hosts.known && e.assignReserved(q, x) {
		e.dropUnreserved(q, x)
	}
	if len(q.grants) == x.from && !e.grantUnreserved(q, x) {
		x.nothing()
	}
	x.to = len(q.grants)
}

// earlier returns the association that x repeats, or nil: RFC 9915 §12.1 lets
// an IAID name one association of a type only.
func (q *Query) earlier(x *association) *association {
	for i := range q.ias {
		y := &q.ias[i]
		if y == x {
			break
		}
		if y.typ == x.typ && y.iaid == x.iaid {
			return y
		}
	}
	return nil
}

func assignMessage(q *Query, t lease.Type) *message.Message {
	row := &assignMessages[0]
	if t == lease.PD {
		row = &assignMessages[1]
	}
	switch q.M6.Type {
	case wire.Solicit:
		return row[0]
	case wire.Request:
		return row[1]
	}
	return row[2]
}

var assignMessages = [2][3]*message.Message{
	{message.DHCP6ProcessIANASolicit, message.DHCP6ProcessIANARequest, message.DHCP6ProcessIANAExtend},
	{message.DHCP6ProcessIAPDSolicit, message.DHCP6ProcessIAPDRequest, message.DHCP6ProcessIAPDExtend},
}

// keep6 grants the association what it already has, unless it is reserved for
// somebody else or in no pool that the client may use.
func (e *Engine) keep6(q *Query, x *association) {
	for i := range q.own {
		l := &q.own[i]
		if l.Type != x.typ || l.IAID != x.iaid || l.State == lease.Declined || l.State == lease.Registered {
			continue
		}
		s := e.member(q, l.SubnetID)
		if s == nil {
			continue
		}
		p := e.holder(l)
		if p != nil && e.foreign(p, l.Addr) && !holds(l, e.now) {
			continue
		}
		open := p != nil && q.classes.allows(p.Guard) && (l.Type == lease.NA || p.DelegatedLen == l.PrefixLen)
		if e.reservedForOther(q, s, l.Addr) || !open && !e.reservedForClient(q, s, l.Type, l.Addr, l.PrefixLen) {
			q.removed = append(q.removed, *l)
			continue
		}
		if !open {
			p = nil
		}
		q.subnet = s
		e.grant(q, grant{lease: *l, subnet: s, pool: p, own: true})
	}
}

// member returns the member of the query's network with an ID, if the query
// may use it.
func (e *Engine) member(q *Query, id uint32) *subnet {
	var found *subnet
	q.members(q.subnet, func(s *subnet) bool {
		if s.ID == id {
			found = s
		}
		return found == nil
	})
	return found
}

// grant notes a lease for the association at hand and holds it back from those
// that follow.
func (e *Engine) grant(q *Query, g grant) {
	if g.pool != nil {
		if i, ok := g.pool.index(g.lease.Addr); ok {
			g.pool.free.Take(i, heldByQuery)
		}
	}
	q.grants = append(q.grants, g)
}

// letGo ends the hold of grant.
func (e *Engine) letGo(q *Query) {
	for i := range q.grants {
		g := &q.grants[i]
		if g.pool != nil {
			if i, ok := g.pool.index(g.lease.Addr); ok {
				g.pool.free.Give(i, heldByQuery)
			}
		}
	}
}

// granted6 says whether an association of the query was given a resource.
func (q *Query) granted6(t lease.Type, a netip.Addr) bool {
	for i := range q.grants {
		if l := &q.grants[i].lease; l.Addr == a && l.Type == t {
			return true
		}
	}
	return false
}

// assignReserved sees to it that the association has one of the resources that
// are reserved for the client: each goes to one association, in order.
func (e *Engine) assignReserved(q *Query, x *association) bool {
	for i := x.from; i < len(q.grants); i++ {
		g := &q.grants[i]
		if e.reservedForClient(q, g.subnet, x.typ, g.lease.Addr, g.lease.PrefixLen) {
			return true
		}
	}
	found := false
	e.eachReserved(q, x.typ, func(s *subnet, a netip.Addr, length uint8) bool {
		found = e.obtain6(q, x, s, a, length)
		return !found
	})
	return found
}

// dropUnreserved takes dynamic leases from an association that has a reserved
// one.
func (e *Engine) dropUnreserved(q *Query, x *association) {
	kept := q.grants[:x.from]
	for _, g := range q.grants[x.from:] {
		if e.reservedForClient(q, g.subnet, x.typ, g.lease.Addr, g.lease.PrefixLen) {
			kept = append(kept, g)
			continue
		}
		if i, ok := g.pool.index(g.lease.Addr); ok {
			g.pool.free.Give(i, heldByQuery)
		}
		q.removed = append(q.removed, g.lease)
	}
	q.grants = kept
}

// obtain6 grants a resource if it is not in use.
func (e *Engine) obtain6(q *Query, x *association, s *subnet, a netip.Addr, length uint8) bool {
	if q.granted6(x.typ, a) {
		return false
	}
	if old, ok := e.store.Get(a); ok && (holds(&old, e.now) || e.kept(&old) && old.ClientID != string(q.duid)) {
		return false
	}
	p := s.poolOf(a)
	if x.typ == lease.PD {
		p = s.prefixPoolOf(a, length)
	}
	q.subnet = s
	if e.limits != nil && !e.underLimit(q, s, x.typ) {
		return false
	}
	e.grant(q, grant{lease: lease.Lease{Addr: a, Type: x.typ, PrefixLen: length, IAID: x.iaid}, subnet: s, pool: p})
	return true
}

// grantUnreserved grants a dynamic resource.
func (e *Engine) grantUnreserved(q *Query, x *association) bool {
	if e.on(message.AllocEngineV6AllocUnreserved) {
		e.log(q, message.AllocEngineV6AllocUnreserved, "nothing is reserved or leased for iaid=%d", x.iaid)
	}
	return e.grantHint(q, x) || e.grantFree(q, x)
}

// grantHint grants what the client names first in the association, if a pool
// of the network has it free.
func (e *Engine) grantHint(q *Query, x *association) bool {
	if len(x.hints) == 0 {
		return false
	}
	h, ok := &x.hints[0], false
	if h.Addr.IsUnspecified() {
		return false
	}
	q.members(q.subnet, func(s *subnet) bool {
		p := s.poolOf(h.Addr)
		if x.typ == lease.PD {
			p = s.prefixPoolOf(h.Addr, h.Len)
			if p != nil {
				if i, _ := p.index(h.Addr); p.addr(i) != h.Addr {
					p = nil
				}
			}
		}
		if p != nil && q.classes.allows(p.Guard) && !e.foreign(p, h.Addr) && !e.reservedForOther(q, s, h.Addr) {
			ok = e.obtain6(q, x, s, h.Addr, h.Len)
		}
		return !ok
	})
	return ok
}

// grantFree lets the allocators find a free resource. A prefix comes from the
// pools of the length asked for, else from those of larger prefixes, else of
// smaller ones.
func (e *Engine) grantFree(q *Query, x *association) bool {
	w := wish{classes: &q.classes}
	if x.typ == lease.PD && len(x.hints) > 0 && x.hints[0].Len < 128 {
		w.length = x.hints[0].Len
	}
	pools := 0
	for {
		a, p, n := e.choose(q, x.typ, &w)
		pools += n
		if p != nil {
			length := uint8(128)
			if x.typ == lease.PD {
				length = p.DelegatedLen
			}
			if e.obtain6(q, x, q.subnet, a, length) {
				return true
			}
			// A lease that no pool knows of, e.g. of a subnet that is gone.
			i, _ := p.index(a)
			p.free.Take(i, heldByLease)
			continue
		}
		if w.length == 0 || w.match == longerLength {
			e.allocationFailed(q, pools)
			return false
		}
		w.match++
	}
}
