package engine

import (
	"leasehold/ha"
	"leasehold/lease"
)

// What a partner pushes replaces what we hold. Two cases are none of that: an
// update that was overtaken by a later one, and one that meets ours under way.

// straggle is how long an update can be under way, in seconds.
const straggle = 10

// superseded says whether a lease that a partner pushes must not replace ours.
// told: the message says that a partner sent it.
func (e *Engine) superseded(l *lease.Lease, told bool) bool {
	if len(e.pairs) == 0 {
		return false
	}
	old, had := e.store.Get(l.Addr)
	if !had {
		return false
	}
	p := e.pairOfLease(l)
	if told && p != nil && e.crossing(p, l) {
		kept := old.CLTT > l.CLTT || old.CLTT == l.CLTT && p.machine.Precedes()
		e.contest(p, &old, &lease.Change{Lease: *l}, kept, met{crossing: true})
		if kept {
			e.insist(p, old)
		}
		return kept
	}
	if p != nil {
		e.contest(p, &old, &lease.Change{Lease: *l}, false, met{news: true})
	}
	// Kea sends the updates of a client that repeats itself in any order. The
	// last one to arrive need not be the last that the client was given.
	x := *l
	x.CLTT, x.HWType, x.HWSource, x.PoolID = old.CLTT, old.HWType, old.HWSource, old.PoolID
	return x == old && old.CLTT > l.CLTT && old.CLTT-l.CLTT <= straggle
}

// crossing says whether we have given out a lease of the same address that the
// partner, one of us, has not acknowledged. Both see both leases then and choose
// alike: the later one, of two in one second that of the primary.
func (e *Engine) crossing(p *Pair, l *lease.Lease) bool {
	_, doubtful := e.doubtful[l.Addr]
	return p.machine.Ours() && p.machine.Awaits(l.Addr, doubtful)
}

// met says how a lease of the partner came to meet ours.
type met struct {
	crossing bool // under way when ours was
	news     bool // the partner tells what it did, not all that it has
}

// contest reports a lease of the partner that meets one of ours of another
// client, if both clients held the address at a time and neither server knew of
// the other's: ours has not been told, and theirs was not known here.
func (e *Engine) contest(p *Pair, ours *lease.Lease, theirs *lease.Change, kept bool, how met) {
	t := &theirs.Lease
	if ours.ClientID == t.ClientID && (ours.ClientID != "" || ours.HWAddr == t.HWAddr) || !overlap(ours, theirs) {
		return
	}
	if !how.crossing && (!p.machine.Behind() || p.machine.Told(ours) || !e.unheard(p, t, how.news)) {
		return
	}
	why := "given later"
	switch {
	case ours.CLTT == t.CLTT && kept == p.machine.Precedes():
		why = "given in the same second, the primary's stays"
	case ours.CLTT == t.CLTT:
		why = "given in the same second"
	case kept != (ours.CLTT > t.CLTT):
		why = "told later"
	}
	c := ha.Conflict{Addr: ours.Addr, At: e.clock.UTC(), Ours: ha.ClaimOf(ours), Theirs: ha.ClaimOf(t), Kept: kept, Why: why}
	c.Theirs.Ended = c.Theirs.Ended || theirs.Delete
	e.logPair(p.machine.AddConflict(c))
	e.contested = true
}

// overlap says whether there was a time when both leases were held for sure.
func overlap(ours *lease.Lease, theirs *lease.Change) bool {
	from, to := held(ours, false)
	from2, to2 := held(&theirs.Lease, theirs.Delete)
	return from < to2 && from2 < to
}

// held is when a lease was in the hands of its client for sure: since it was
// given or renewed last, until it expired; before it was given back. Both are 0
// if nothing is known of the client any more.
func held(l *lease.Lease, deleted bool) (from, to int64) {
	switch {
	case l.State == lease.Declined || l.HWAddr == "" && l.ClientID == "":
		return 0, 0
	case l.State == lease.Released || l.Valid == 0:
		return l.CLTT - 1, l.CLTT
	case deleted:
		return l.CLTT, l.CLTT + 1
	}
	return l.CLTT, l.Expires()
}

// unheard says whether the partner gave a lease away while we did not know of it.
func (e *Engine) unheard(p *Pair, l *lease.Lease, news bool) bool {
	if l.CLTT >= p.machine.Parted().Unix() {
		return true
	}
	return news && !e.store.Recent(l.Addr, func(c *lease.Change) bool {
		return !c.Delete && c.Lease.CLTT == l.CLTT && c.Lease.ClientID == l.ClientID && c.Lease.HWAddr == l.HWAddr
	})
}

// crossingDelete says whether a deletion that a partner pushes meets a lease of
// ours: that stays.
func (e *Engine) crossingDelete(c *lease.Change) bool {
	p := e.pairOfLease(&c.Lease)
	old, had := e.store.Get(c.Lease.Addr)
	if !had || p == nil || !e.crossing(p, &c.Lease) {
		return false
	}
	e.insist(p, old)
	return true
}

// insist tells the partner of a lease again: it may have taken ours before it
// gave out its own.
func (e *Engine) insist(p *Pair, l lease.Lease) {
	e.put(l)
	x := &p.event
	x.On, x.Token, x.Changes = ha.OnCommitted, 0, e.journal[len(e.journal)-1:]
	x.HWAddr, x.ClientID = []byte(l.HWAddr), []byte(l.ClientID)
	if e.version == 6 {
		x.HWAddr = nil
	}
	e.stepPair(p)
	x.Changes = nil
}

// pairOfLease is pairOf for a lease.
func (e *Engine) pairOfLease(l *lease.Lease) *Pair {
	switch len(e.pairs) {
	case 0:
		return nil
	case 1:
		return e.pairs[0]
	}
	if s := e.subnets[l.SubnetID]; s != nil && s.HAServer != "" {
		return e.pairNamed(s.HAServer)
	}
	return nil
}
