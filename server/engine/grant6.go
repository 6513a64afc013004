package engine

import (
	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// settleLeases6 does what can only be done once the leases are known: their
// lifetimes, the pools, classes and names that follow, and whether any can be
// handed out as it is.
func (e *Engine) settleLeases6(q *Query) {
	final, done := q.subnet, 0
	for i := range q.ias {
		x := &q.ias[i]
		for ; done < x.to; done++ {
			e.fill6(q, x, &q.grants[done])
		}
	}
	q.subnet, q.pool = final, nil
	if q.subnet != q.selected && e.on(message.DHCP6SubnetDynamicallyChanged) {
		e.log(q, message.DHCP6SubnetDynamicallyChanged, "changed selected subnet %d to %d of shared network %s",
			q.selected.ID, q.subnet.ID, q.subnet.network.Name)
	}
	if h := q.hosts.current(q.subnet); h != nil && h != q.hosts.global && q.subnet.network != nil {
		e.reserveClasses(q, h)
	}
	for i := range q.grants {
		if p := q.grants[i].pool; p != nil {
			q.pools = append(q.pools, p)
		}
	}
	e.additional(q)
	e.nameLeases6(q)
	for i := range q.grants {
		e.reuse6(&q.grants[i])
	}
}

// fill6 makes a grant the client's lease as of now.
func (e *Engine) fill6(q *Query, x *association, g *grant) {
	l := &g.lease
	left := int64(0)
	if g.own && holds(l, e.now) {
		left = l.Expires() - e.now
	}
	q.subnet, q.pool = g.subnet, g.pool
	l.State, l.SubnetID, l.CLTT, l.ReuseableValid = lease.Default, g.subnet.ID, e.now, 0
	e.setString(&l.ClientID, q.duid)
	if len(q.hw) > 0 {
		e.setString(&l.HWAddr, q.hw)
		l.HWType, l.HWSource = q.hwType, q.hwSource
	}
	h := x.hint(l)
	l.Valid = e.adapt(q, e.lifetime(q, validTriplet, h.Valid, h.Valid > 0), left)
	l.Preferred = e.lifetime(q, preferredTriplet, h.Preferred, h.Preferred > 0)
	if l.Preferred == 0 || l.Preferred > l.Valid {
		l.Preferred = uint32(uint64(l.Valid) * 5 / 8)
	}
	e.extendedInfo6(q, l)
	if e.routing.on && l.Type == lease.PD && !q.offer {
		e.keepNextHop(q, l)
	}
}

func preferredTriplet(l *config.Lifetimes) config.Triplet { return l.Preferred }

// hint returns what the client says about a lease, else about the first
// resource that it names.
func (x *association) hint(l *lease.Lease) wire.IAResource {
	for _, h := range x.hints {
		if h.Addr == l.Addr {
			return h
		}
	}
	if len(x.hints) > 0 {
		return x.hints[0]
	}
	return wire.IAResource{}
}

// reuse6 lets lease caching decide whether the lease that is stored will do.
func (e *Engine) reuse6(g *grant) {
	if !g.own {
		return
	}
	l := &g.lease
	old, ok := e.store.Get(l.Addr)
	if !ok || !holds(&old, e.now) || l.Hostname != old.Hostname || l.FQDNFwd != old.FQDNFwd || l.FQDNRev != old.FQDNRev ||
		l.HWAddr != old.HWAddr || l.UserContext != old.UserContext || l.Preferred != old.Preferred {
		return
	}
	if left, ok := e.reusable(g.subnet, &old, l.Valid); ok {
		*l = old
		l.ReuseableValid = left
	}
}

// times returns the lifetimes that the response shows.
func (g *grant) times() (preferred, valid uint32) {
	l := &g.lease
	if l.ReuseableValid == 0 {
		return l.Preferred, l.Valid
	}
	if l.Preferred == lease.Infinite {
		return l.Preferred, l.ReuseableValid
	}
	age := l.Valid - l.ReuseableValid
	return l.Preferred - min(age, l.Preferred), l.ReuseableValid
}

// commit6 stores the leases that the REPLY will promise.
func (e *Engine) commit6(q *Query) {
	for i := range q.removed {
		e.giveUp(&q.removed[i])
	}
	for i := range q.grants {
		e.commitGrant(q, &q.grants[i])
	}
	e.promise(q)
}

// giveUp deletes a lease that its client loses.
func (e *Engine) giveUp(l *lease.Lease) {
	if l.State == lease.Default || l.State == lease.Declined {
		e.countAssigned(l, -1)
	}
	e.dnsRemove(l)
	e.remove(l)
}

func (e *Engine) commitGrant(q *Query, g *grant) {
	l := &g.lease
	if l.ReuseableValid > 0 {
		st := scReuses
		if l.Type == lease.PD {
			st = scReusesPD
		}
		e.countScoped(e.global(st), st, g.subnet, nil, 1)
		if e.on(message.DHCP6LeaseReuse) {
			e.logLease(q, message.DHCP6LeaseReuse, "lease reused: ", l.Addr, int64(l.ReuseableValid))
		}
		return
	}
	old, had := e.store.Get(l.Addr)
	if had && !holds(&old, e.now) {
		e.takeOver(&old)
	}
	switch {
	case g.own && q.M6.Type == wire.Renew:
		e.leaseEvent(q, "renew", l)
	case g.own && q.M6.Type == wire.Rebind:
		e.leaseEvent(q, "rebind", l)
	}
	e.dnsGrant(q.ddns(), &old, l)
	if e.limits != nil {
		e.noteClasses(q, l)
	}
	e.put(*l)
	if !had || old.State != lease.Default || old.Expired(e.now) {
		e.countAssigned(l, 1)
	}
	if e.on(message.DHCP6LeaseData) {
		e.log(q, message.DHCP6LeaseData, "lease of iaid=%d: %s/%d, subnet %d, preferred %d, valid %d, Hardware addr: %s",
			l.IAID, l.Addr, l.PrefixLen, l.SubnetID, l.Preferred, l.Valid, appendHex(nil, []byte(l.HWAddr)))
	}
	if m := grantMessage(q, l); e.on(m) {
		e.logLease(q, m, "lease allocated: ", l.Addr, int64(l.Valid))
	}
}

func grantMessage(q *Query, l *lease.Lease) *message.Message {
	renewed := q.M6.Type == wire.Renew || q.M6.Type == wire.Rebind
	switch {
	case l.Type == lease.PD && renewed:
		return message.DHCP6PDLeaseRenew
	case l.Type == lease.PD:
		return message.DHCP6PDLeaseAlloc
	case renewed:
		return message.DHCP6LeaseRenew
	}
	return message.DHCP6LeaseAlloc
}
