package engine

import (
	"net/netip"
	"time"

	"leasehold/lease"
	"leasehold/server/message"
)

// Ping asks whether somebody answers at an address that is to be offered. The
// answer is a Pinged with its ID.
type Ping struct {
	ID       uint64
	Addr     netip.Addr
	Requests uint32        // without an answer, until the address counts as free
	Timeout  time.Duration // for the answer to each
}

// Pinged tells what became of a Ping.
type Pinged struct {
	ID    uint64
	Addr  netip.Addr
	Taken bool // somebody answered
}

func (Pinged) input() {}

// pinging is an OFFER that waits for the answer to a Ping.
type pinging struct {
	id    uint64
	query *Query
}

// pingsMost bounds how many offers wait for an answer.
const pingsMost = 4096

var (
	dropPinging = &Drop{"the address is being probed for an earlier query", NoStat}
	dropPinged  = &Drop{"somebody answers at the address", NoStat}
)

// probe has the address of an offer probed if libdhcp_ping_check wants it, and
// says whether the offer waits for that.
func (e *Engine) probe(q *Query) bool {
	p := e.cfg.PingCheck.Of(q.subnet.ID)
	if !p.Enabled {
		return false
	}
	a := q.lease.Addr
	if reserved, at := e.reservation4(q); at != nil && reserved == a {
		return false
	}
	old, had := e.store.Get(a)
	if had && (holds(&old, e.now) || owns4(&old, q.hw, q.clientID4(q.subnet)) && e.now-old.CLTT < int64(p.CLTT)) {
		return false
	}
	if at, waits := e.pings[a]; waits {
		if e.on(message.PingCheckDuplicate) {
			e.log(q, message.PingCheckDuplicate, "ping check already in progress for %s, initiated by %s", a, at.query.appendLabel(nil, 4))
		}
		e.silence(q, dropPinging, nil)
		return false
	}
	if len(e.pings) >= pingsMost {
		e.silence(q, dropParked, nil)
		e.stats.count(e.queueFull())
		return false
	}
	if e.pings == nil {
		e.pings = make(map[netip.Addr]pinging)
	}
	e.pinged++
	e.pings[a] = pinging{e.pinged, q}
	e.fx.Hooked.Pings = append(e.fx.Hooked.Pings, Ping{ID: e.pinged, Addr: a, Requests: p.Requests, Timeout: p.Timeout})
	q.pinging = true
	return true
}

// answered goes on with an offer whose address was probed: it leaves, or the
// address is declined and the client asks again.
func (e *Engine) answered(r Pinged) {
	at, ok := e.pings[r.Addr]
	if !ok || at.id != r.ID {
		return
	}
	delete(e.pings, r.Addr)
	q := at.query
	q.pinging = false
	e.mark = len(e.journal)
	old, had := e.store.Get(r.Addr)
	switch s := e.subnets[q.subnet.ID]; {
	case s != q.subnet, had && holds(&old, e.now) && !owns4(&old, q.hw, q.clientID4(q.subnet)):
		// Another configuration, or another client that was quicker.
		q.late = dropPinging
		e.silence(q, q.late, nil)
	case r.Taken:
		e.declineTaken(q, &old, had)
	default:
		e.persistOffer(q)
	}
	e.finish(q)
}

// declineTaken takes an address out of service that somebody uses without a
// lease, as a DHCPDECLINE would.
func (e *Engine) declineTaken(q *Query, old *lease.Lease, had bool) {
	if had && !holds(old, e.now) {
		e.takeOver(old)
		had = false
	}
	l := q.lease
	if q.pool != nil {
		l.PoolID = q.pool.ID
	}
	if !had {
		e.countAssigned(&l, 1)
	}
	e.decline(&l)
	e.log(q, message.DHCP4ServerInitiatedDecline, "Lease for addr %s has been found to be already in use. The lease will be unavailable for %d seconds.",
		l.Addr, e.cfg.DeclineProbation)
	q.late = dropPinged
	e.silence(q, q.late, nil)
	// The partner hears of it; nobody waits for its acknowledgement.
	q.offer = false
	if len(e.pairs) > 0 {
		e.push(q)
	}
}
