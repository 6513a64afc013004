package engine

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
	"leasehold/server/message"
)

// The boundaries of divided pools follow demand: a server whose side runs low
// asks its partner, see ha/share.go for why the sides never overlap. Here is
// where boundaries are, and how far they move.

// demand is what is known of boundaries beside that of each pool.
type demand struct {
	// moved are the boundaries away from the middle, also of pools that the
	// configuration has not any more: it may have them again.
	moved map[ha.Pool]uint64
	short []*pool // of which the partner is to be asked for more
	// withheld are resources whose lease has ended for all that we know.
	withheld []netip.Addr
}

const (
	// askAgain is after how long a pool is asked for again that the partner gave
	// nothing of.
	askAgain = 2 * time.Second
	// hungerLasts is how long a client may wait before it asks again, in
	// seconds: RFC 2131 §4.1 doubles the delay up to 64 s.
	hungerLasts = 70
	// clockSlack is how far the partner's clock may be behind ours, in seconds:
	// with more than that a pair terminates.
	clockSlack = 60
	// withheldTurn bounds the work of a Step.
	withheldTurn = 1000
)

// storesOffers says whether offers of a subnet may be stored. The partner does
// not know of these, so that a pool with them is not divided anew.
func storesOffers(f *config.Family, s *subnet) bool {
	return s.Params.OfferLifetime > 0 || slices.ContainsFunc(f.Classes, func(c *config.Class) bool { return c.OfferLifetime.Set })
}

func (p *pool) name() ha.Pool {
	return ha.Pool{Subnet: p.subnet.ID, First: p.First, Last: p.Last, Length: p.DelegatedLen}
}

// freeOn returns how many resources are free on a side, and on the other one
// as far as we know.
func (p *pool) freeOn(s side) (own, other uint64) {
	own = p.free.Count(p.part(s))
	return own, p.free.Len() - own
}

// low says whether the free resources of a pool should be divided anew.
func low(own, other uint64) bool { return own < other/4 || own == 0 && other > 0 }

// noteDemand is told of every choice from our own side: from which pool, nil
// for none.
func (e *Engine) noteDemand(q *Query, t lease.Type, w *wish, p *pool) {
	if p == nil {
		q.members(q.subnet, func(s *subnet) bool {
			for _, x := range s.poolsFor(t) {
				if !x.movable || !w.allows(x) {
					continue
				}
				if own, other := x.freeOn(w.side); own == 0 && other > 0 {
					x.hungry = e.now + hungerLasts
					e.wantMore(x)
				}
			}
			return true
		})
		return
	}
	p.hungry = 0
	if !p.movable || !low(p.freeOn(w.side)) {
		return
	}
	// Another pool may have enough.
	var own, other uint64
	pools := p.subnet.poolsFor(t)
	for _, x := range pools {
		if w.allows(x) {
			n, m := x.freeOn(w.side)
			own, other = own+n, other+m
		}
	}
	if !low(own, other) {
		return
	}
	for _, x := range pools {
		if x.movable && w.allows(x) && low(x.freeOn(w.side)) {
			e.wantMore(x)
		}
	}
}

func (e *Engine) wantMore(p *pool) {
	if p.asked.IsZero() || !e.clock.Before(p.asked) {
		p.asked = e.clock.Add(askAgain)
		e.demand.short = append(e.demand.short, p)
	}
}

// askForMore asks the partner for a larger share of the pools that run low.
func (e *Engine) askForMore() {
	short := e.demand.short
	if len(short) == 0 || len(e.pairs) != 1 {
		return
	}
	e.demand.short = short[:0]
	p := e.pairs[0]
	if !p.machine.Asks() {
		return // whoever still lacks something asks again
	}
	own := e.ownSide()
	shares := make([]ha.Share, 0, min(len(short), ha.MaxAsked))
	for _, x := range short[:min(len(short), ha.MaxAsked)] {
		n, _ := x.freeOn(own)
		shares = append(shares, ha.Share{Pool: x.name(), Boundary: x.boundary, Free: n})
	}
	clear(short)
	p.event.On, p.event.Shares = ha.OnShort, shares
	e.stepPair(p)
	p.event.Shares = nil
}

// cede gives up a part of our side of pools of which the partner has too little
// left, so that both have as much, and returns where the boundaries are then.
func (e *Engine) cede(wanted []ha.Share) []ha.Share {
	own := e.ownSide()
	shares := make([]ha.Share, 0, min(len(wanted), ha.MaxAsked))
	for i := range wanted[:min(len(wanted), ha.MaxAsked)] {
		w := &wanted[i]
		p := e.poolNamed(w.Pool)
		if p == nil || !p.movable || own == bothSides || w.Boundary > p.free.Size() {
			continue
		}
		e.cedeOf(p, own, w)
		n, _ := p.freeOn(own)
		shares = append(shares, ha.Share{Pool: w.Pool, Boundary: p.boundary, Free: n})
	}
	e.tellShares()
	return shares
}

func (e *Engine) cedeOf(p *pool, own side, w *ha.Share) {
	// What is between the boundaries will be the partner's, too.
	between := p.free.Count(p.boundary, w.Boundary)
	if own == upperSide {
		between = p.free.Count(w.Boundary, p.boundary)
	}
	ours, _ := p.freeOn(own)
	theirs := w.Free + between
	keep := (ours + theirs + 1) / 2
	if theirs == 0 && ours == 1 {
		keep = 0
	}
	if p.hungry > e.now {
		keep = max(keep, 1)
	}
	if keep >= ours {
		return
	}
	boundary := p.boundary
	if own == lowerSide {
		boundary, _ = p.free.Nth(0, keep)
	} else {
		last, _ := p.free.Nth(boundary, ours-keep-1)
		boundary = last + 1
	}
	e.moveBoundary(p.name(), p, boundary)
}

// take enlarges our side up to the partner's boundaries.
func (e *Engine) take(theirs []ha.Share) {
	own := e.ownSide()
	for i := range theirs {
		x := &theirs[i]
		p := e.poolNamed(x.Pool)
		if p == nil || !p.movable || x.Boundary > p.free.Size() {
			continue
		}
		if own == lowerSide && x.Boundary > p.boundary || own == upperSide && x.Boundary < p.boundary {
			e.moveBoundary(x.Pool, p, x.Boundary)
			p.asked = time.Time{}
		}
	}
	e.tellShares()
}

// yield makes our side of pools smaller where the partner's reaches into it.
func (e *Engine) yield(theirs []ha.Share) {
	own := e.ownSide()
	told := make(map[ha.Pool]uint64, len(theirs))
	for i := range theirs {
		x := &theirs[i]
		if n := sizeOf(x.Pool); x.Boundary <= n && lease.Mappable(n) {
			told[x.Pool] = x.Boundary
		}
	}
	for pool := range e.demand.moved {
		if _, ok := told[pool]; !ok {
			told[pool] = sizeOf(pool) / 2
		}
	}
	for _, pool := range slices.SortedFunc(maps.Keys(told), comparePools) {
		boundary, ok := e.demand.moved[pool]
		if !ok {
			boundary = sizeOf(pool) / 2
		}
		if at := told[pool]; own == lowerSide && at < boundary || own == upperSide && at > boundary {
			e.moveBoundary(pool, e.poolNamed(pool), at)
		}
	}
	e.tellShares()
}

// sizeOf is how many resources a pool has that the configuration need not have.
func sizeOf(p ha.Pool) uint64 { return resources(p.First, p.Last, p.Length).capped() }

// moveBoundary puts our boundary of a pool, nil if the configuration has none of
// that name, to a place. Before anything else tellShares has to follow.
func (e *Engine) moveBoundary(name ha.Pool, p *pool, boundary uint64) {
	s := &e.demand
	_, known := s.moved[name]
	switch {
	case boundary == sizeOf(name)/2:
		delete(s.moved, name)
	case !known && len(s.moved) >= ha.MaxShares:
		return // the partner would not be told
	case s.moved == nil:
		s.moved = map[ha.Pool]uint64{name: boundary}
	default:
		s.moved[name] = boundary
	}
	if p != nil {
		p.boundary = boundary
		if e.on(message.PoolShareMoved) {
			n, other := p.freeOn(e.ownSide())
			e.log(nil, message.PoolShareMoved, "pool %s-%s of subnet %d is divided at %s now, free: %d on our side, %d beyond",
				name.First, name.Last, name.Subnet, p.addr(min(boundary, p.free.Size()-1)), n, other)
		}
	}
}

// tellShares lets the heartbeats say which boundaries are not in the middle.
func (e *Engine) tellShares() {
	shares := make([]ha.Share, 0, len(e.demand.moved))
	for name, boundary := range e.demand.moved {
		shares = append(shares, ha.Share{Pool: name, Boundary: boundary})
	}
	slices.SortFunc(shares, func(a, b ha.Share) int { return comparePools(a.Pool, b.Pool) })
	e.pairs[0].machine.Shares = shares
}

// keepBoundaries gives the pools of a new configuration the boundaries that they
// had. A new machine begins anew, as after a restart.
func (e *Engine) keepBoundaries(fresh bool) {
	e.demand.short = nil
	if fresh {
		e.demand.moved = nil
	}
	for name, boundary := range e.demand.moved {
		if p := e.poolNamed(name); p != nil {
			p.boundary = boundary
		}
	}
}

// Where the boundary moves, leases of the partner's clients come to be on our side.
// While the partner does not tell us what it does, it may extend them: what such
// a lease holds is not free then when it ends for us.

// apart says whether both servers serve, and we are not told of everything.
func (e *Engine) apart() bool {
	if e.ownSide() == bothSides || e.pairs[0].machine.Alone() {
		return false
	}
	_, informed := e.pairs[0].machine.Informed()
	return !informed
}

// kept says whether a lease that has ended may be extended by the partner: it is
// one of its clients', and ran when we last knew of everything.
func (e *Engine) kept(l *lease.Lease) bool {
	if l.State != lease.Default || !e.apart() {
		return false
	}
	m := e.pairs[0].machine
	if last, _ := m.Informed(); l.Expires()+clockSlack <= last.Unix() {
		return false
	}
	if s := e.subnets[l.SubnetID]; s != nil && e.version == 4 && l.ClientID == "" && !s.Params.MatchClientID {
		return true // its client may have an identifier that the lease does not tell
	}
	return !m.Owns(clientKey(l))
}

// freeWithheld frees what was withheld, once we have been told.
func (e *Engine) freeWithheld() {
	list := e.demand.withheld
	if len(list) == 0 || e.apart() {
		return
	}
	rest := max(len(list)-withheldTurn, 0)
	for _, a := range list[rest:] {
		if l, ok := e.store.Get(a); ok && !holds(&l, e.now) {
			e.free(&l)
		}
	}
	e.demand.withheld = list[:rest]
}

// poolNamed returns the divided pool of a name, or nil.
func (e *Engine) poolNamed(name ha.Pool) *pool {
	s := e.subnets[name.Subnet]
	if s == nil {
		return nil
	}
	pools := s.pools
	if name.Length > 0 {
		pools = s.pd
	}
	for _, p := range pools {
		if p.divided && p.First == name.First && p.Last == name.Last && p.DelegatedLen == name.Length {
			return p
		}
	}
	return nil
}

func comparePools(a, b ha.Pool) int {
	return cmp.Or(cmp.Compare(a.Subnet, b.Subnet), a.First.Compare(b.First), a.Last.Compare(b.Last), cmp.Compare(a.Length, b.Length))
}

// resources returns how many addresses, or prefixes of a length, are in a range;
// the whole of IPv6 has one less than it has.
func resources(first, last netip.Addr, length uint8) u128 {
	n := number(last).sub(number(first))
	if length > 0 {
		n = n.shr(uint(128 - length))
	}
	if more := n.add(u128{0, 1}); more != (u128{}) {
		return more
	}
	return n
}
