package engine

import (
	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// settleLease4 does what can only be done once the address is known: the pool,
// the lifetime that its occupancy allows, the classes and names that follow.
func (e *Engine) settleLease4(q *Query) {
	q.pool = q.subnet.poolOf(q.lease.Addr)
	if q.subnet != q.selected {
		if e.on(message.DHCP4SubnetDynamicallyChanged) {
			e.log(q, message.DHCP4SubnetDynamicallyChanged, "changed selected subnet %d to %d of shared network %s",
				q.selected.ID, q.subnet.ID, q.subnet.network.Name)
		}
	}
	if h := q.hosts.current(q.subnet); h != nil && h != q.hosts.global && q.subnet.network != nil {
		e.reserveClasses(q, h)
	}
	if q.lease.ReuseableValid == 0 {
		left := int64(0)
		if in, ok := e.store.Get(q.lease.Addr); ok && !in.Expired(e.now) {
			left = in.Expires() - e.now
		}
		q.lease.Valid = e.adapt(q, q.lease.Valid, left)
	}
	e.additional(q)
	e.nameLease4(q)
}

// validLifetime4 is the lifetime for the client: endless for BOOTP.
func (e *Engine) validLifetime4(q *Query) uint32 {
	if q.bootp {
		return lease.Infinite
	}
	want, asked := uint32(0), false
	if v, ok := q.M4.Option(wire.OptLeaseTime); ok && len(v) == 4 {
		want, asked = uint32(v[0])<<24|uint32(v[1])<<16|uint32(v[2])<<8|uint32(v[3]), true
	}
	return e.lifetime(q, validTriplet, want, asked)
}

// grant4 stores the lease that the ACK will promise.
func (e *Engine) grant4(q *Query) {
	if q.lease.ReuseableValid > 0 {
		e.countScoped(LeaseReuses4, scReuses, q.subnet, nil, 1)
		if e.on(message.DHCP4LeaseReuse) {
			e.logLease(q, message.DHCP4LeaseReuse, "lease reused: ", q.lease.Addr, int64(q.lease.ReuseableValid))
		}
		e.promise(q)
		return
	}
	old, had := e.store.Get(q.lease.Addr)
	e.giveUpOthers(q)
	if had && old.State == lease.Default && owns4(&old, q.hw, q.clientID4(q.subnet)) {
		e.leaseEvent(q, "renew", &q.lease)
	}
	for i := range q.removed {
		if q.removed[i].State == lease.Default {
			e.countAssigned(&q.removed[i], -1)
		}
		e.dnsRemove(&q.removed[i])
		e.remove(&q.removed[i])
	}
	e.dnsGrant(q.ddns(), &old, &q.lease)
	if q.pool != nil {
		q.lease.PoolID = q.pool.ID
	}
	if e.limits != nil {
		e.noteClasses(q, &q.lease)
	}
	e.put(q.lease)
	q.granted = true
	if !had || old.State != lease.Default || old.Expired(e.now) {
		e.countAssigned(&q.lease, 1)
	}
	e.promise(q)
	if e.on(message.DHCP4LeaseAlloc) {
		e.logLease(q, message.DHCP4LeaseAlloc, "lease allocated: ", q.lease.Addr, int64(q.lease.Valid))
	}
}

// persistOffer stores an offered address for offer-lifetime, so that nobody
// else is offered it meanwhile.
func (e *Engine) persistOffer(q *Query) {
	t := e.offerLifetime(q)
	if t == 0 || q.lease.ReuseableValid > 0 {
		return
	}
	old, had := e.store.Get(q.lease.Addr)
	if had && holds(&old, e.now) && old.Expires() > e.now+int64(t) {
		return
	}
	free := !had || !holds(&old, e.now)
	if had && free {
		e.takeOver(&old)
	}
	l := q.lease
	l.Valid = t
	l.FQDNFwd, l.FQDNRev = false, false
	if q.pool != nil {
		l.PoolID = q.pool.ID
	}
	e.put(l)
	if free {
		e.countAssigned(&l, 1)
	}
	e.promise(q)
}

func (e *Engine) offerLifetime(q *Query) uint32 {
	for _, id := range q.classes.order {
		if c := e.class(id); c != nil && c.OfferLifetime.Set {
			return c.OfferLifetime.Value
		}
	}
	return q.subnet.Params.OfferLifetime
}

// processRelease gives the client's address back. There is no answer.
func (e *Engine) processRelease(q *Query) {
	defer func() { e.fx.Done = append(e.fx.Done, q) }()
	a := q.M4.CIAddr()
	l, ok := e.store.Get(a)
	switch {
	case !ok:
		e.log(q, message.DHCP4ReleaseFailNoLease, "client is trying to release non-existing lease %s", a)
		return
	case !owns4(&l, q.hw, q.clientID):
		e.log(q, message.DHCP4ReleaseFailWrongClient, "client is trying to release the lease %s which belongs to a different client", a)
		return
	case l.State != lease.Default:
		e.log(q, message.DHCP4ReleaseFailNoLease, "lease %s is not in use", a)
		return
	}
	if e.on(message.DHCP4Release) {
		e.log(q, message.DHCP4Release, "address %s was released properly.", a)
	}
	q.subnet = e.subnets[l.SubnetID]
	e.leaseEvent(q, "release", &l)
	if e.giveBack(&l) {
		e.log(q, message.DHCP4ReleaseExpired, "lease %s kept for the client", a)
	} else {
		e.log(q, message.DHCP4ReleaseDeleted, "lease %s deleted", a)
	}
	q.lease, q.granted = l, true
}

// giveBack ends a lease that its client released: kept for a while in case the
// client returns, or deleted.
func (e *Engine) giveBack(l *lease.Lease) (kept bool) {
	e.countAssigned(l, -1)
	if e.cfg.Expired.Affinity() && l.Valid != lease.Infinite {
		// Never older than the lease that it ends, even on a clock that was set
		// back: the later of both is what a partner believes.
		l.Valid, l.Preferred, l.CLTT, l.State = 0, 0, max(e.now, l.CLTT), lease.Released
		e.put(*l)
		return true
	}
	e.dnsRemove(l)
	e.remove(l)
	return false
}

// processDecline takes an address that a client found in use out of service
// for the probation period. There is no answer.
func (e *Engine) processDecline(q *Query) {
	defer func() { e.fx.Done = append(e.fx.Done, q) }()
	a, _ := q.M4.Addr(wire.OptRequestedAddress)
	l, ok := e.store.Get(a)
	if !ok || l.Expired(e.now) || l.State != lease.Default {
		e.log(q, message.DHCP4DeclineLeaseNotFound, "received DHCPDECLINE for addr %s from client %s, but no such lease found.",
			a, q.appendLabel(nil, 4))
		return
	}
	if !owns4(&l, q.hw, q.clientID) {
		e.log(q, message.DHCP4DeclineLeaseMismatch,
			"Received DHCPDECLINE for addr %s from client %s, but the data doesn't match: received hwaddr: %s, lease hwaddr: %s, received client-id: %s, lease client-id: %s",
			a, q.appendLabel(nil, 4), appendHex(nil, q.hw), appendHex(nil, []byte(l.HWAddr)),
			orNone(q.clientID), orNone([]byte(l.ClientID)))
		return
	}
	e.leaseEvent(q, "decline", &l)
	e.dnsRemove(&l)
	e.decline(&l)
	q.subnet = e.subnets[l.SubnetID]
	q.lease, q.granted = l, true
	e.log(q, message.DHCP4DeclineLease, "Received DHCPDECLINE for addr %s from client %s. The lease will be unavailable for %d seconds.",
		a, q.appendLabel(nil, 4), e.cfg.DeclineProbation)
}

func orNone(id []byte) string {
	if len(id) == 0 {
		return "(none)"
	}
	return string(appendHex(nil, id))
}

// decline strips a lease of its client and holds the address back.
func (e *Engine) decline(l *lease.Lease) {
	*l = lease.Lease{
		Addr: l.Addr, Type: l.Type, PrefixLen: l.PrefixLen, SubnetID: l.SubnetID, PoolID: l.PoolID, IAID: l.IAID,
		State: lease.Declined, Valid: e.cfg.DeclineProbation, CLTT: e.now,
	}
	if e.version == 6 {
		l.ClientID = "\x00\x00\x00" // the empty DUID of Kea >= 2.4
	}
	s, p := e.subnets[l.SubnetID], e.holder(l)
	e.countScoped(e.global(scDeclined), scDeclined, s, p, 1)
	e.put(*l)
}

// v6Only answers a client that can live without IPv4 (RFC 8925) by the option
// alone, if a subnet of the network or the network itself has it.
func (e *Engine) v6Only(q *Query) bool {
	if !requests(q, wire.OptV6OnlyPreferred) {
		return false
	}
	has := func(o *config.OptionSet) bool { return len(o.Lookup(wire.OptV6OnlyPreferred)) > 0 }
	found := false
	q.members(q.subnet, func(s *subnet) bool {
		if has(&s.Options) || s.network != nil && has(&s.network.Options) {
			q.subnet, found = s, true
		}
		return !found
	})
	if !found {
		return false
	}
	typ := byte(wire.Offer4)
	if q.M4.Type == wire.Request4 {
		typ = wire.Ack4
	}
	q.lease = lease.Lease{}
	e.respond4(q, typ)
	return true
}

// requests says whether the parameter request list has a code.
func requests(q *Query, code byte) bool {
	prl, _ := q.M4.Option(wire.OptParameterList)
	for _, c := range prl {
		if c == code {
			return true
		}
	}
	return false
}
