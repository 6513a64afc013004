package engine

import (
	"net/netip"

	"leasehold/lease"
)

// swapTurn is how many leases a Step counts for the next configuration: those who
// want to enter the engine meanwhile wait for some hundred microseconds.
const swapTurn = 2048

// swap is the way to another configuration: the leases are counted for it by
// ascending address, in turns. What changes of those that are counted already is
// followed, the others are counted as they are when their turn comes.
type swap struct {
	Reconfigured
	tally *tally
	found int        // of Found, taken in so far
	after netip.Addr // leases up to this address are counted
	room  []lease.Lease
}

// beginSwap begins a swap; with few leases that is the whole of it.
func (e *Engine) beginSwap(in Reconfigured) {
	for e.swap != nil { // nobody asks for another one before
		e.goOnSwapping()
	}
	if in.Plan == nil {
		in.Plan = Prepare(in.Family)
	}
	e.swap = &swap{Reconfigured: in, tally: e.newTally(in.Plan)}
	e.goOnSwapping()
}

// goOnSwapping does a turn of the swap that is under way, if one is.
func (e *Engine) goOnSwapping() {
	x := e.swap
	if x == nil {
		return
	}
	if left := x.Found[x.found:]; len(left) > 0 {
		n := min(len(left), e.turn)
		e.takeFound(left[:n])
		if x.found += n; n == e.turn {
			return
		}
	}
	x.room = e.store.Page(x.room[:0], x.after, e.turn)
	for i := range x.room {
		x.tally.add(&x.room[i], e.now)
	}
	if n := len(x.room); n == e.turn {
		x.after = x.room[n-1].Addr
		return
	}
	e.swap = nil
	e.reconfigure(x.Plan, x.tally, x.Edited)
	e.answer(x.ID, Answer{Outside: e.outside})
}

// counted says whether the lease of an address is.
func (x *swap) counted(a netip.Addr) bool { return x.after.IsValid() && a.Compare(x.after) <= 0 }

// follow counts that l takes the place of what the store has at its address; nil
// leaves nothing there.
func (x *swap) follow(e *Engine, a netip.Addr, l *lease.Lease) {
	if !x.counted(a) {
		return
	}
	if old, ok := e.store.Get(a); ok {
		x.tally.take(&old)
	}
	if l != nil {
		x.tally.add(l, e.now)
	}
}

// lapsed marks the resource of a lease whose time has run out as free.
func (x *swap) lapsed(l *lease.Lease) {
	if x.counted(l.Addr) {
		x.tally.free(l)
	}
}

// tally counts leases for a plan, and marks them in its pools.
type tally struct {
	*Plan
	version int
	limits  *limits
	values  [scopeStatCount]int64 // of the family
	outside int                   // of every pool
}

// countedAnew are the statistics that say how many leases there are.
var countedAnew = [...]scopeStat{scAssigned, scAssignedPD, scDeclined, scRegistered}

func (e *Engine) newTally(plan *Plan) *tally {
	return &tally{Plan: plan, version: e.version, limits: newLimits(plan.cfg)}
}

// add counts a lease, and marks it when it keeps its resource from others.
func (t *tally) add(l *lease.Lease, now int64) {
	if p := t.count(l, 1); p != nil && holds(l, now) {
		if i, ok := p.index(l.Addr); ok {
			p.free.Take(i, heldByLease)
		}
	}
}

// take is the inverse of add.
func (t *tally) take(l *lease.Lease) {
	t.count(l, -1)
	t.free(l)
}

func (t *tally) free(l *lease.Lease) {
	if p := t.holder(l); p != nil {
		if i, ok := p.index(l.Addr); ok {
			p.free.Give(i, heldByLease)
		}
	}
}

// count adds n to what a lease counts for, and returns its pool. Declined leases
// count as assigned, too, until they are reclaimed, as in Kea.
func (t *tally) count(l *lease.Lease, n int64) *pool {
	s, p := t.subnets[l.SubnetID], t.holder(l)
	if t.limits != nil {
		t.limits.count(l, int(n))
	}
	if s == nil || p == nil {
		t.outside += int(n)
	}
	if s == nil || l.State == lease.Reclaimed || l.State == lease.Released {
		return p
	}
	as, _ := assignedStat(l)
	if t.version == 6 && p == nil && as != scRegistered {
		return nil
	}
	bump := func(st scopeStat) {
		t.values[st] += n
		s.counts[st].value += n
		if p != nil {
			p.counts[st].value += n
		}
	}
	bump(as)
	if l.State == lease.Declined {
		bump(scDeclined)
	}
	return p
}

// countAll counts the leases of the store for a plan that nobody has counted for.
func (e *Engine) countAll(plan *Plan) {
	t := e.newTally(plan)
	e.store.Each(func(l *lease.Lease) bool {
		t.add(l, e.now)
		return true
	})
	e.settle(t)
}

// settle makes what was counted what the statistics say.
func (e *Engine) settle(t *tally) {
	e.limits, e.outside = t.limits, t.outside
	settle := func(c *counter) {
		if c.value != 0 || len(c.ring) > 0 {
			c.set(e.stats, c.value)
		} else {
			c.updated, c.removed = e.stats.now, false
		}
	}
	for _, st := range countedAnew {
		if g := e.global(st); g != NoStat {
			e.stats.global[g].value = t.values[st]
			if st != scRegistered {
				settle(&e.stats.global[g])
			}
		}
	}
	for _, s := range e.ordered {
		e.beginCounts(s)
		for _, st := range [...]scopeStat{scAssigned, scAssignedPD, scDeclined} {
			settle(&s.counts[st])
			for _, p := range s.allPools() {
				settle(&p.counts[st])
			}
		}
	}
}
