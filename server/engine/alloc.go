package engine

import (
	"math"
	"net/netip"
	"strings"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
)

// wish is what a pool must be like to be chosen from: open to the classes of
// the query and, for prefixes, of a fitting length.
type wish struct {
	classes *classSet
	length  uint8 // 0: any
	match   lengthMatch
	side    side // of divided pools
}

// lengthMatch says how the delegated length of a pool relates to the wish.
type lengthMatch uint8

const (
	sameLength lengthMatch = iota
	shorterLength
	longerLength
)

func (w *wish) allows(p *pool) bool {
	if !w.classes.allows(p.Guard) {
		return false
	}
	switch {
	case w.length == 0:
		return true
	case w.match == shorterLength:
		return p.DelegatedLen < w.length
	case w.match == longerLength:
		return p.DelegatedLen > w.length
	}
	return p.DelegatedLen == w.length
}

// turn is where the allocators of a subnet stand for one type of resource.
type turn struct {
	current int    // pool in which the iterative allocator is
	lastUse uint64 // order of last allocations within the engine (preferred member)
}

// chooseWithin lets the allocators find a free resource in the members of the
// network, the most recently used member first, and moves q.subnet there. pools
// is how many were open to the query.
func (e *Engine) chooseWithin(q *Query, t lease.Type, w *wish) (a netip.Addr, p *pool, pools int) {
	q.members(e.preferred(q, t), func(s *subnet) bool {
		how := s.Params.Allocator
		if t == lease.PD {
			how = s.Params.PDAllocator
		}
		n := 0
		a, p, n = e.pick(w, s.poolsFor(t), &s.turns[t].current, how)
		pools += n
		if p == nil {
			return true
		}
		if e.limits != nil && !e.underLimit(q, s, t) {
			p = nil
			return true
		}
		q.subnet = s
		e.uses++
		s.turns[t].lastUse = e.uses
		return false
	})
	return a, p, pools
}

// preferred returns the member of the network that was allocated from last,
// among those with the same guards as the selected one.
func (e *Engine) preferred(q *Query, t lease.Type) *subnet {
	best := q.subnet
	if best.network == nil {
		return best
	}
	for _, s := range best.network.subnets {
		if s.turns[t].lastUse > best.turns[t].lastUse && sameGuard(s.Guard, q.subnet.Guard) {
			best = s
		}
	}
	return best
}

func sameGuard[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// pick lets an allocator choose a free address or prefix among the pools that
// fit a wish; n is how many those are. current is the pool in which the
// iterative allocator of the subnet stands.
func (e *Engine) pick(w *wish, pools []*pool, current *int, how config.Allocator) (a netip.Addr, p *pool, n int) {
	for _, x := range pools {
		if w.allows(x) {
			n++
		}
	}
	if n == 0 {
		return a, nil, 0
	}
	switch how {
	case config.Random:
		p, i := e.pickRandom(w, pools)
		if p == nil {
			return a, nil, n
		}
		return p.addr(i), p, n
	case config.FreeLeaseQueue:
		for _, x := range pools {
			if !w.allows(x) {
				continue
			}
			// Kea fills its queue in random order.
			if i, ok := e.draw(x, w.side); ok {
				return x.addr(i), x, n
			}
		}
		return a, nil, n
	}
	p, i := pickNext(w, pools, current)
	if p == nil {
		return a, nil, n
	}
	return p.addr(i), p, n
}

// pickNext goes on after the address that was handed out last, pool by pool in
// the order of the text, and wraps.
func pickNext(w *wish, pools []*pool, current *int) (*pool, uint64) {
	if *current >= len(pools) {
		*current = 0
	}
	for k := range 2 * len(pools) {
		at := (*current + k) % len(pools)
		p := pools[at]
		if !w.allows(p) {
			continue
		}
		from, to := p.part(w.side)
		if p.next < from || p.next >= to {
			p.next = from
		}
		i, ok := p.free.Next(p.next, to)
		if !ok {
			p.next = from // through; from its beginning the next time
			continue
		}
		*current = at
		p.next = i + 1
		if p.next >= to {
			p.next = from
			*current = (at + 1) % len(pools)
		}
		return p, i
	}
	return nil, 0
}

// pickRandom takes a pool by its share of what is free, then a free one in it.
func (e *Engine) pickRandom(w *wish, pools []*pool) (*pool, uint64) {
	var total uint64
	for _, p := range pools {
		if w.allows(p) {
			total += p.free.Count(p.part(w.side))>>8 + 1
		}
	}
	if total == 0 {
		return nil, 0
	}
	at := e.rnd.Uint64N(total)
	for k := 0; k < 2*len(pools); k++ {
		p := pools[k%len(pools)]
		if !w.allows(p) {
			continue
		}
		share := p.free.Count(p.part(w.side))>>8 + 1
		if k < len(pools) && at >= share {
			at -= share
			continue
		}
		at = 0
		if i, ok := e.draw(p, w.side); ok {
			return p, i
		}
	}
	return nil, 0
}

// draw takes a free index of a pool, or of one side of it, at random. Kea shuffles
// a pool in a way that never puts its last address first, so a pool of two begins
// with the first.
func (e *Engine) draw(p *pool, s side) (uint64, bool) {
	from, to := p.part(s)
	i, ok := p.free.Random(from, to, e.rnd.Uint64())
	if last := to - 1; ok && i == last && last > from && p.free.Count(from, to) == to-from {
		i = from + e.rnd.Uint64N(last-from)
	}
	return i, ok
}

// failures are the messages about an allocation that found nothing.
type failures struct{ network, subnet, noPools, full, classes *message.Message }

var (
	failures4 = failures{
		message.AllocEngineV4AllocFailSharedNetwork, message.AllocEngineV4AllocFailSubnet,
		message.AllocEngineV4AllocFailNoPools, message.AllocEngineV4AllocFail, message.AllocEngineV4AllocFailClasses,
	}
	failures6 = failures{
		message.AllocEngineV6AllocFailSharedNetwork, message.AllocEngineV6AllocFailSubnet,
		message.AllocEngineV6AllocFailNoPools, message.AllocEngineV6AllocFail, message.AllocEngineV6AllocFailClasses,
	}
)

// allocationFailed counts and logs that no free address was found.
func (e *Engine) allocationFailed(q *Query, pools int) {
	s, m := q.selected, &failures4
	if s == nil {
		return
	}
	if e.version == 6 {
		m = &failures6
	}
	if s.network != nil {
		e.countScoped(e.global(scAllocFailShared), scAllocFailShared, s, nil, 1)
		e.log(q, m.network, "no free lease in shared network %s", s.network.Name)
	} else {
		e.countScoped(e.global(scAllocFailSubnet), scAllocFailSubnet, s, nil, 1)
		e.log(q, m.subnet, "no free lease in subnet %s, id %d", s.Prefix, s.ID)
	}
	if pools == 0 {
		q.refusal = refusedNoPools
		e.countScoped(e.global(scAllocFailNoPools), scAllocFailNoPools, s, nil, 1)
		e.log(q, m.noPools, "no pool that the client may use")
	} else {
		q.refusal = refusedFull
		e.countScoped(e.global(scAllocFail), scAllocFail, s, nil, 1)
		e.log(q, m.full, "every address of %d pools is taken", pools)
	}
	e.countScoped(e.global(scAllocFailClasses), scAllocFailClasses, s, nil, 1)
	if e.on(m.classes) {
		e.log(q, m.classes, "the client is in the classes %s", strings.Join(e.classNames(q), ", "))
	}
}

// lifetime chooses the valid lifetime: the first class that has one, else the
// subnet's; a client's wish is clamped.
func (e *Engine) lifetime(q *Query, pick func(*config.Lifetimes) config.Triplet, want uint32, asked bool) uint32 {
	t := pick(&q.subnet.Params.Lifetimes)
	for _, id := range q.classes.order {
		if c := e.class(id); c != nil {
			if ct := pick(&c.Lifetimes); ct.Set {
				t = ct
				break
			}
		}
	}
	if asked {
		return t.Clamp(want)
	}
	return t.Default
}

func validTriplet(l *config.Lifetimes) config.Triplet { return l.Valid }

// adapt shortens a lifetime when the pool is as full as
// adaptive-lease-time-threshold says, this lease included.
func (e *Engine) adapt(q *Query, valid uint32, left int64) uint32 {
	p := &q.subnet.Params
	if !p.AdaptiveThreshold.Set || q.pool == nil {
		return valid
	}
	f := q.pool.free
	used := f.Size() - f.Len()
	if left <= 0 {
		used++
	}
	if float64(used) < p.AdaptiveThreshold.Value*float64(f.Size()) {
		return valid
	}
	return uint32(max(int64(min(valid, p.Valid.Min)), left))
}

// teeTimes computes T1 and T2; ok is false for what is not to be sent.
func teeTimes(p *config.Params, valid uint32) (t1, t2 uint32, ok1, ok2 bool) {
	switch {
	case p.RebindTimer.Set:
		t2, ok2 = p.RebindTimer.Value, true
	case p.CalculateTeeTimes:
		t2, ok2 = uint32(math.Round(p.T2Percent*float64(valid))), true
	}
	ok2 = ok2 && t2 > 0 && t2 < valid
	switch {
	case p.RenewTimer.Set:
		t1, ok1 = p.RenewTimer.Value, true
	case p.CalculateTeeTimes:
		t1, ok1 = uint32(math.Round(p.T1Percent*float64(valid))), true
	}
	if ok2 {
		ok1 = ok1 && t1 < t2
	} else {
		ok1 = ok1 && t1 < valid
	}
	return t1, t2, ok1, ok2
}

// takeOver settles what an ended lease of somebody else leaves behind before
// its address is given away: it is reclaimed first, if it was not yet.
func (e *Engine) takeOver(l *lease.Lease) {
	switch l.State {
	case lease.Reclaimed, lease.Released:
		return
	}
	e.reclaimed(l, false)
}

// class returns the definition behind a class ID, or nil.
func (e *Engine) class(id config.ClassID) *config.Class {
	if id < 0 {
		return nil
	}
	return e.classByID[id]
}
