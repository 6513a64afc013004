package engine

import (
	"time"

	"leasehold/lease"
	"leasehold/server/message"
)

// reclaimState is when expired leases are looked at next.
type reclaimState struct {
	next, flush time.Time // zero = never
	leftover    uint32    // cycles in a row that left work behind
}

func (e *Engine) scheduleReclaim(now time.Time) {
	x := &e.cfg.Expired
	e.reclaim.next, e.reclaim.flush = time.Time{}, time.Time{}
	if x.ReclaimWait > 0 {
		e.reclaim.next = now.Add(x.ReclaimWait)
	}
	if x.Affinity() {
		e.reclaim.flush = now.Add(x.FlushWait)
	}
}

// tick does what is due.
func (e *Engine) tick() {
	e.tickPairs()
	if t := e.reclaim.next; !t.IsZero() && !e.clock.Before(t) {
		e.reclaimCycle()
		e.reclaim.next = e.clock.Add(e.cfg.Expired.ReclaimWait)
	}
	if t := e.reclaim.flush; !t.IsZero() && !e.clock.Before(t) {
		e.flushReclaimed()
		e.reclaim.flush = e.clock.Add(e.cfg.Expired.FlushWait)
	}
}

// wake returns when the next Tick is due.
func (e *Engine) wake() time.Time {
	if e.swap != nil || e.lapsing {
		return e.clock
	}
	n := e.service.Next()
	for _, p := range e.pairs {
		if !p.wake.IsZero() && (n.IsZero() || p.wake.Before(n)) {
			n = p.wake
		}
	}
	retry := e.unstored.retry
	if !e.clock.Before(retry) {
		retry = time.Time{} // Effects.Waiting says it
	}
	for _, t := range [...]time.Time{e.reclaim.next, e.reclaim.flush, retry, e.nextRoute()} {
		if !t.IsZero() && (n.IsZero() || t.Before(n)) {
			n = t
		}
	}
	return n
}

// reclamations are the messages about leases that ended.
type reclamations struct{ slow, recovered, lease *message.Message }

var (
	reclamations4 = reclamations{
		message.AllocEngineV4LeasesReclamationSlow, message.AllocEngineV4DeclinedRecovered,
		message.AllocEngineV4LeaseReclaim,
	}
	reclamations6 = reclamations{
		message.AllocEngineV6LeasesReclamationSlow, message.AllocEngineV6DeclinedRecovered,
		message.AllocEngineV6LeaseReclaim,
	}
)

func (e *Engine) reclaims() *reclamations {
	if e.version == 6 {
		return &reclamations6
	}
	return &reclamations4
}

// reclaimTurn bounds the work of one turn inside the lock: queries come first.
const reclaimTurn = 1000

// reclaimCycle reclaims expired leases within the configured limits.
func (e *Engine) reclaimCycle() {
	limit := reclaimTurn
	if n := e.cfg.Expired.MaxLeases; n > 0 {
		limit = min(limit, int(n))
	}
	e.found = e.store.Expired(e.found[:0], e.now, reclaimTurn+1)
	more := false
	for i := range e.found {
		if !e.mayReclaim(&e.found[i]) {
			continue
		}
		if more = limit == 0; more {
			break
		}
		e.reclaimLease(&e.found[i], false)
		limit--
	}
	if !more {
		e.reclaim.leftover = 0
		return
	}
	if e.reclaim.leftover++; e.reclaim.leftover > e.cfg.Expired.UnwarnedCycles {
		e.log(nil, e.reclaims().slow, "expired leases remain after %d cycles", e.reclaim.leftover)
		e.reclaim.leftover = 0
	}
}

// reclaimLease settles one expired lease: kept for affinity in state
// expired-reclaimed, or deleted. Declined and registered ones are always
// deleted.
func (e *Engine) reclaimLease(l *lease.Lease, remove bool) {
	remove = remove || l.State == lease.Declined || l.State == lease.Registered || !e.cfg.Expired.Affinity()
	e.reclaimed(l, remove)
	if remove {
		e.remove(l)
		return
	}
	l.State = lease.Reclaimed
	l.Hostname, l.FQDNFwd, l.FQDNRev = "", false, false
	e.put(*l)
}

// reclaimed counts a lease that ended and takes its name out of DNS; remove
// says whether it is going to be deleted.
func (e *Engine) reclaimed(l *lease.Lease, remove bool) {
	e.expireEvent(l, remove)
	s, p := e.subnets[l.SubnetID], e.holder(l)
	if l.State != lease.Released {
		e.countAssigned(l, -1)
	}
	e.countScoped(e.global(scReclaimed), scReclaimed, s, p, 1)
	if l.State == lease.Declined {
		e.leaseEvent(nil, "recover", l)
		e.countScoped(e.global(scDeclined), scDeclined, s, p, -1)
		e.countScoped(e.global(scReclaimedDeclined), scReclaimedDeclined, s, p, 1)
		e.log(nil, e.reclaims().recovered, "IPv%d address %s was recovered after %d seconds of probation-period",
			e.version, l.Addr, e.cfg.DeclineProbation)
		return
	}
	e.dnsRemove(l)
	if m := e.reclaims().lease; e.on(m) {
		e.log(nil, m, "reclaiming expired lease for address %s", l.Addr)
	}
}

// flushReclaimed deletes reclaimed leases that were held long enough.
func (e *Engine) flushReclaimed() {
	before := e.now - int64(e.cfg.Expired.HoldReclaimed/time.Second)
	e.found = e.store.Flushable(e.found[:0], before, reclaimTurn)
	for i := range e.found {
		e.remove(&e.found[i])
	}
}
