package engine

import (
	"net/netip"
	"slices"

	"leasehold/lease"
	"leasehold/server/message"
)

// clientID4 returns the client identifier that identifies leases in a subnet.
func (q *Query) clientID4(s *subnet) []byte {
	if s.Params.MatchClientID {
		return q.clientID
	}
	return nil
}

// owns4 says whether a lease belongs to the client: the client identifiers are
// equal, or one side has none and the hardware addresses are.
func owns4(l *lease.Lease, hw, clientID []byte) bool {
	if len(clientID) > 0 && len(l.ClientID) > 0 {
		return l.ClientID == string(clientID)
	}
	return l.HWAddr == string(hw)
}

// clientLease4 finds the client's lease in the network: by client identifier
// first, then by hardware address. It moves q.subnet to where the lease is.
func (e *Engine) clientLease4(q *Query) (lease.Lease, bool) {
	var l lease.Lease
	ok := false
	if len(q.clientID) > 0 {
		e.found = e.store.ByClientID(e.found[:0], q.clientID)
		q.several = len(e.found) > 1
		q.members(q.subnet, func(s *subnet) bool {
			for i := range e.found {
				if s.Params.MatchClientID && e.found[i].SubnetID == s.ID {
					l, ok, q.subnet = e.found[i], true, s
					return false
				}
			}
			return true
		})
		if ok {
			return l, true
		}
	}
	if len(q.hw) > 0 {
		e.found = e.store.ByHWAddr(e.found[:0], q.hw)
		q.several = q.several || len(e.found) > 1
		q.members(q.subnet, func(s *subnet) bool {
			for i := range e.found {
				if e.found[i].SubnetID == s.ID && owns4(&e.found[i], q.hw, q.clientID4(s)) {
					l, ok, q.subnet = e.found[i], true, s
					return false
				}
			}
			return true
		})
	}
	return l, ok
}

// allowedPool finds the pool of a that the client may use, in any member of
// the network, and moves q.subnet there. Address pools only.
func (e *Engine) allowedPool(q *Query, a netip.Addr) bool {
	ok := false
	q.members(q.subnet, func(s *subnet) bool {
		if p := s.poolOf(a); p != nil && q.classes.allows(p.Guard) && (!e.foreign(p, a) || e.has4(q, s, a)) {
			q.subnet, ok = s, true
		}
		return !ok
	})
	return ok
}

// has4 says whether the client has a lease of a that has not ended.
func (e *Engine) has4(q *Query, s *subnet, a netip.Addr) bool {
	l, ok := e.store.Get(a)
	return ok && holds(&l, e.now) && owns4(&l, q.hw, q.clientID4(s))
}

// anyPool says whether a lies in some pool of the network, whatever the guards.
func (q *Query) anyPool(a netip.Addr) bool {
	s := q.subnet
	for {
		if s.poolOf(a) != nil {
			return true
		}
		if s = s.next; s == q.subnet {
			return false
		}
	}
}

// obtain4 returns a lease of a for the client if a is not in use: there is no
// lease of it, or only one that has ended.
func (e *Engine) obtain4(q *Query, a netip.Addr) (lease.Lease, bool) {
	old, ok := e.store.Get(a)
	if ok && (holds(&old, e.now) || e.kept(&old) && !owns4(&old, q.hw, q.clientID4(q.subnet))) {
		return lease.Lease{}, false
	}
	if e.limits != nil && !e.underLimit(q, q.subnet, lease.NA) {
		return lease.Lease{}, false
	}
	if ok && !q.offer {
		e.takeOver(&old)
	}
	l := lease.Lease{Addr: a}
	e.fill4(q, &l)
	e.logChoice(q, message.AllocEngineV4OfferNewLease, message.AllocEngineV4RequestNewLease, a)
	return l, true
}

// fill4 makes l the client's lease as of now.
func (e *Engine) fill4(q *Query, l *lease.Lease) {
	s := q.subnet
	l.State = lease.Default
	l.SubnetID = s.ID
	l.HWType = uint16(q.M4.HType())
	e.setString(&l.HWAddr, q.hw)
	e.setString(&l.ClientID, q.clientID4(s))
	l.CLTT = e.now
	l.Valid = e.validLifetime4(q)
	e.setString(&l.Hostname, q.names.text)
	l.FQDNFwd, l.FQDNRev = q.names.fwd, q.names.rev
	l.ReuseableValid = 0
	e.extendedInfo4(q, l)
}

// logChoice tells which address was chosen, in the words of an offer or of a
// request.
func (e *Engine) logChoice(q *Query, offer, request *message.Message, a netip.Addr) {
	m := request
	if q.offer {
		m = offer
	}
	if e.on(m) {
		e.logLease(q, m, "address chosen: ", a, -1)
	}
}

// renew4 returns the client's own lease extended, or marked as reusable when
// lease caching says that it need not be written.
func (e *Engine) renew4(q *Query, old lease.Lease) lease.Lease {
	e.logChoice(q, message.AllocEngineV4OfferExistingLease, message.AllocEngineV4RequestExtendLease, old.Addr)
	l := old
	ended := !holds(&old, e.now)
	e.fill4(q, &l)
	if !ended && l.Hostname == old.Hostname && l.FQDNFwd == old.FQDNFwd && l.FQDNRev == old.FQDNRev &&
		l.UserContext == old.UserContext && l.HWAddr == old.HWAddr && l.ClientID == old.ClientID {
		if left, ok := e.reusable(q.subnet, &old, l.Valid); ok {
			old.ReuseableValid = left
			return old
		}
	}
	if ended && !q.offer {
		e.takeOver(&old)
	}
	return l
}

// reusable applies Kea's lease caching (behaviour of cache-threshold and
// cache-max-age): how long the lease still runs, if it may be handed out as it
// is.
func (e *Engine) reusable(s *subnet, l *lease.Lease, valid uint32) (uint32, bool) {
	p := &s.Params
	threshold := p.CacheThreshold.Set && p.CacheThreshold.Value > 0
	if !threshold && !(p.CacheMaxAge.Set && p.CacheMaxAge.Value > 0) {
		return 0, false
	}
	if l.State != lease.Default || l.Valid != valid {
		return 0, false
	}
	if _, ok := e.doubtful[l.Addr]; ok {
		return 0, false
	}
	if l.Valid == lease.Infinite {
		return l.Valid, true
	}
	age := e.now - l.CLTT
	if age < 0 || age >= int64(l.Valid) {
		return 0, false
	}
	if p.CacheMaxAge.Set && p.CacheMaxAge.Value > 0 && age > int64(p.CacheMaxAge.Value) {
		return 0, false
	}
	if threshold && float64(age) > p.CacheThreshold.Value*float64(l.Valid) {
		return 0, false
	}
	return l.Valid - uint32(age), true
}

// discover4 chooses what to offer: the reservation, else the client's own
// lease, else what it asks for, else what an allocator finds.
func (e *Engine) discover4(q *Query) (lease.Lease, bool) {
	own, has := e.clientLease4(q)
	if a, s := e.reservation4(q); s != nil {
		q.subnet = s
		if has && own.Addr == a {
			return e.renew4(q, own), true
		}
		if l, ok := e.obtain4(q, a); ok {
			return l, true
		}
		e.conflict(q, a)
	}
	if has {
		if s := e.subnets[own.SubnetID]; s != nil {
			q.subnet = s
		}
		if e.allowedPool(q, own.Addr) && !e.reservedForOther(q, q.subnet, own.Addr) {
			return e.renew4(q, own), true
		}
	}
	if q.hint.IsValid() && e.allowedPool(q, q.hint) && !e.reservedForOther(q, q.subnet, q.hint) {
		if l, ok := e.obtain4(q, q.hint); ok {
			return l, true
		}
	}
	return e.choose4(q)
}

// request4 grants what the client asks for, or refuses. Kea's order of checks.
func (e *Engine) request4(q *Query) (l lease.Lease, ok bool) {
	own, has := e.clientLease4(q)
	reserved, at := e.reservation4(q)
	want := q.hint
	switch {
	case want.IsValid():
		if e.reservedForOtherInNetwork(q, want) {
			return l, false
		}
	case at != nil:
		want, q.subnet = reserved, at
	}
	if want.IsValid() {
		if in, ok := e.store.Get(want); ok && holds(&in, e.now) && !owns4(&in, q.hw, q.clientID4(q.subnet)) {
			return l, false
		}
		if at != nil && reserved != want {
			if in, ok := e.store.Get(reserved); !ok || !holds(&in, e.now) {
				return l, false
			}
		}
		if at != nil && reserved == want {
			q.subnet = at
		} else if !e.allowedPool(q, want) {
			q.unknown = !q.anyPool(want)
			return l, false
		}
	}
	if has && (own.Addr == want || !want.IsValid()) && (own.Addr == reserved || e.allowedPool(q, own.Addr)) {
		return e.renew4(q, own), true
	}
	if want.IsValid() {
		l, ok = e.obtain4(q, want)
	} else {
		l, ok = e.choose4(q)
	}
	if ok && has && own.Addr != l.Addr {
		q.removed = append(q.removed, own)
	}
	return l, ok
}

// giveUpOthers notes the leases that the client holds in the network beside
// the one it is granted: one from before, or one that offer-lifetime stored.
func (e *Engine) giveUpOthers(q *Query) {
	if !q.several {
		return
	}
	e.found = e.store.ByHWAddr(e.found[:0], q.hw)
	if len(q.clientID) > 0 {
		e.found = e.store.ByClientID(e.found, q.clientID)
	}
	for i := range e.found {
		l := &e.found[i]
		s := e.subnets[l.SubnetID]
		if s == nil || l.Addr == q.lease.Addr || l.State != lease.Default ||
			s != q.subnet && (s.network == nil || s.network != q.subnet.network) || !owns4(l, q.hw, q.clientID4(s)) {
			continue
		}
		if !slices.ContainsFunc(q.removed, func(r lease.Lease) bool { return r.Addr == l.Addr }) {
			q.removed = append(q.removed, *l)
		}
	}
}

func (e *Engine) reservedForOtherInNetwork(q *Query, a netip.Addr) bool {
	taken := false
	q.members(q.subnet, func(s *subnet) bool {
		taken = s.Prefix.Contains(a) && e.reservedForOther(q, s, a)
		return !taken
	})
	return taken
}

// conflict notes that a reserved address is in use by somebody else.
func (e *Engine) conflict(q *Query, a netip.Addr) {
	e.countScoped(ReservationConflicts4, scConflicts, q.subnet, nil, 1)
	if e.on(message.AllocEngineV4DiscoverAddressConflict) {
		in, _ := e.store.Get(a)
		e.log(q, message.AllocEngineV4DiscoverAddressConflict,
			"reserved address %s is in use: Hardware addr: %s", a, appendHex(nil, []byte(in.HWAddr)))
	}
}

// choose4 lets the allocators find a free address.
func (e *Engine) choose4(q *Query) (lease.Lease, bool) {
	for {
		a, p, pools := e.choose(q, lease.NA, &wish{classes: &q.classes})
		if p == nil {
			e.allocationFailed(q, pools)
			return lease.Lease{}, false
		}
		if l, ok := e.obtain4(q, a); ok {
			return l, true
		}
		// A lease that the pool does not know of.
		i, _ := p.index(a)
		p.free.Take(i, heldByLease)
	}
}
