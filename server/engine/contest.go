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
		e.contest(p, &old, l, kept, true)
		if kept {
			e.insist(p, old)
		}
		return kept
	}
	if p != nil {
		e.contest(p, &old, l, false, false)
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

// contest reports a lease of the partner that meets one of ours of another
// client, if both were given away since the servers last told each other, or
// (met) before they could.
func (e *Engine) contest(p *Pair, ours, theirs *lease.Lease, kept, met bool) {
	if ours.State != lease.Default || theirs.State != lease.Default || !holds(ours, e.now) || !holds(theirs, e.now) ||
		ours.ClientID == theirs.ClientID && (ours.ClientID != "" || ours.HWAddr == theirs.HWAddr) {
		return
	}
	parted := p.machine.Parted()
	if !met && (parted.IsZero() || ours.CLTT < parted.Unix() || theirs.CLTT < parted.Unix()) {
		return
	}
	why := "given later"
	switch {
	case ours.CLTT == theirs.CLTT && kept == p.machine.Precedes():
		why = "given in the same second, the primary's stays"
	case ours.CLTT == theirs.CLTT:
		why = "given in the same second"
	case kept != (ours.CLTT > theirs.CLTT):
		why = "told later"
	}
	e.logPair(p.machine.AddConflict(ha.Conflict{
		Addr: ours.Addr, At: e.clock.UTC(), Ours: ha.ClaimOf(ours), Theirs: ha.ClaimOf(theirs), Kept: kept, Why: why,
	}))
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
