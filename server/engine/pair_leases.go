package engine

import (
	"leasehold/ha"
	"leasehold/lease"
)

// Leases that a partner has: what a synchronization brings, what the partner
// pushes, and what it reads of ours.

// applySync puts what a synchronization brought into the store. It is not
// pushed on.
func (e *Engine) applySync(p *Pair, a *ha.Action) {
	hub := len(e.pairs) > 1 && e.namesSubnets(p)
	for i := range a.Changes {
		c := &a.Changes[i]
		if hub {
			if s := e.subnets[c.Lease.SubnetID]; s == nil || e.pairNamed(s.HAServer) != p || s.HAServer == "" {
				continue
			}
		}
		old, had := e.store.Get(c.Lease.Addr)
		// Of two leases of one second ours is the later one if the partner does
		// not know it yet.
		newer := !had || old.CLTT < c.Lease.CLTT || a.Merge && old.CLTT == c.Lease.CLTT && !e.crossing(p, &c.Lease)
		if had && !c.Delete && old.CLTT == c.Lease.CLTT && (old.State == lease.Declined) != (c.Lease.State == lease.Declined) {
			// Nobody is given what was declined in the same second: the
			// partner's may be an echo of what we told it before.
			newer = c.Lease.State == lease.Declined
		}
		// What the partner did knowing our lease is later, whatever the clocks say.
		knew := a.News && had && (!newer || c.Delete) && !e.store.Changed(c.Lease.Addr, a.Since)
		newer = newer || knew
		if had {
			e.contest(p, &old, c, !newer, met{news: a.News})
		}
		if !newer {
			continue
		}
		if c.Delete && (!had || !knew && !ends(p, &old, &c.Lease)) {
			continue
		}
		e.adopt(c)
	}
}

// ends says whether the end of a lease of the partner's ends the older one that we
// hold, too: it is of the same client, or of one that got the address after it.
// What the partner may not know of stays. A declined lease has no client.
func ends(p *Pair, old, gone *lease.Lease) bool {
	return old.ClientID == gone.ClientID && old.HWAddr == gone.HWAddr || gone.State == lease.Declined || p.machine.Told(old)
}

// namesSubnets says whether any subnet names the relationship.
func (e *Engine) namesSubnets(p *Pair) bool {
	for _, s := range e.ordered {
		if s.HAServer != "" && e.pairNamed(s.HAServer) == p {
			return true
		}
	}
	return false
}

// adopt makes a change of the partner's our own.
func (e *Engine) adopt(c *lease.Change) {
	old, had := e.store.Get(c.Lease.Addr)
	if had {
		e.tally(&old, -1)
	}
	if c.Delete {
		if had {
			e.remove(&old)
			e.legalCommand(nil, "deleted", &old, "", nil)
		}
		return
	}
	e.legalCommand(nil, "updated", &c.Lease, "", nil)
	if had && old == c.Lease {
		e.tally(&old, 1)
		return
	}
	e.put(c.Lease)
	e.tally(&c.Lease, 1)
}

// takeBatch stores what the partner pushed; what does not fit our subnets is
// refused as a conflict.
func (e *Engine) takeBatch(b *LeaseBatch) {
	var failed []ha.Failure
	bad := b.Bad
	for i := range b.Changes {
		c := &b.Changes[i]
		if len(bad) > 0 && bad[0] == i {
			failed = append(failed, ha.Failure{Index: i, Addr: c.Lease.Addr, Result: Failure})
			bad = bad[1:]
			continue
		}
		s := e.subnets[c.Lease.SubnetID]
		if !c.Delete && (s == nil || c.Lease.Type != lease.PD && !s.Prefix.Contains(c.Lease.Addr)) {
			failed = append(failed, ha.Failure{Index: i, Addr: c.Lease.Addr, Result: Conflict})
			continue
		}
		if c.Delete && e.crossingDelete(c) || !c.Delete && e.superseded(&c.Lease, true) {
			continue
		}
		e.adopt(c)
	}
	r := ha.BatchReply(len(b.Changes), failed)
	e.answerDurable(b.ID, Answer{Result: r.Result, Text: r.Text, HA: r})
}

// answerDurable answers a command when everything decided so far is on disk.
func (e *Engine) answerDurable(id uint64, a Answer) {
	if e.store.Seq() <= e.durable || e.diskless {
		e.answer(id, a)
		return
	}
	e.parked.answers = append(e.parked.answers, parkedAnswer{e.store.Seq(), Answered{id, a}})
}

// streamTurn bounds how many changes one answer carries.
const streamTurn = 10000

func (e *Engine) readStream(r *StreamRead) {
	limit := min(int(r.Limit), streamTurn)
	if limit <= 0 {
		limit = streamTurn
	}
	var reply *ha.Reply
	changes, ok := []lease.Change(nil), r.Point.Epoch == e.store.Epoch()
	if ok {
		changes, ok = e.store.Changes(nil, r.Point.Seq, limit)
	}
	if !ok {
		reply = ha.ChangesReply(nil, ha.Point{Epoch: e.store.Epoch(), Seq: e.store.Seq()}, true, false)
	} else {
		reached := ha.Point{Epoch: r.Point.Epoch, Seq: e.store.Seq()}
		if n := len(changes); n > 0 {
			reached.Seq = changes[n-1].Seq
		}
		reply = ha.ChangesReply(ha.Latest(changes, e.store.Get), reached, false, reached.Seq < e.store.Seq())
	}
	e.answer(r.ID, Answer{Result: reply.Result, Text: reply.Text, HA: reply})
}
