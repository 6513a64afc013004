package engine

import (
	"net/netip"

	"leasehold/lease"
	"leasehold/server/message"
)

// status6 sets the status code at the top level of the response.
func (q *Query) status6(code uint16, text string) { q.topStatus, q.topText = code, text }

// confirm6 tells a client whether its addresses fit the link it is on, RFC
// 9915 §18.3.3; false if it names none.
func (e *Engine) confirm6(q *Query) bool {
	found, fits := false, true
	for i := range q.ias {
		if q.ias[i].typ != lease.NA {
			continue
		}
		for _, h := range q.ias[i].hints {
			found = true
			fits = fits && e.onLink(q, h.Addr)
		}
	}
	if fits {
		q.status6(statusSuccess, "all addresses are on-link")
	} else {
		q.status6(statusNotOnLink, "not on-link")
	}
	return found
}

func (e *Engine) onLink(q *Query, a netip.Addr) bool {
	return q.subnet != nil && q.subnet.Prefix.Contains(a)
}

// release6 gives back what the client releases, with a status for each
// association and one for all.
func (e *Engine) release6(q *Query) {
	q.status6(statusSuccess, "released")
	for i := range q.ias {
		x := &q.ias[i]
		x.answer(statusSuccess, "released")
		if len(x.hints) == 0 {
			x.answer(statusNoBinding, "nothing named to be released")
		}
		for _, h := range x.hints {
			e.releaseOne(q, x, h.Addr, h.Len)
		}
		if x.status != statusSuccess {
			q.status6(x.status, x.text)
		}
	}
	e.promise(q)
}

func (e *Engine) releaseOne(q *Query, x *association, a netip.Addr, length uint8) {
	l, ok := e.store.Get(a)
	switch {
	case !ok, l.Type != x.typ, l.PrefixLen != length, l.State != lease.Default:
		x.answer(statusNoBinding, "no such lease")
		return
	case l.ClientID != string(q.duid):
		m := message.DHCP6ReleaseNAFailWrongDUID
		if x.typ == lease.PD {
			m = message.DHCP6ReleasePDFailWrongDUID
		}
		e.log(q, m, "client tried to release %s which belongs to %s", a, appendHex(nil, []byte(l.ClientID)))
		x.answer(statusNoBinding, "the lease belongs to another client")
		return
	case l.IAID != x.iaid:
		x.answer(statusNoBinding, "the lease belongs to another association")
		return
	}
	if m := releaseMessage(x.typ, message.DHCP6ReleaseNA, message.DHCP6ReleasePD); e.on(m) {
		e.log(q, m, "released %s, iaid=%d", a, x.iaid)
	}
	e.leaseEvent(q, "release", &l)
	if e.giveBack(&l) {
		e.log(q, releaseMessage(x.typ, message.DHCP6ReleaseNAExpired, message.DHCP6ReleasePDExpired), "lease %s kept for the client", a)
	} else {
		e.log(q, releaseMessage(x.typ, message.DHCP6ReleaseNADeleted, message.DHCP6ReleasePDDeleted), "lease %s deleted", a)
	}
	q.ended = append(q.ended, l)
}

func releaseMessage(t lease.Type, na, pd *message.Message) *message.Message {
	if t == lease.PD {
		return pd
	}
	return na
}

// decline6 takes addresses that the client found in use out of service.
func (e *Engine) decline6(q *Query) {
	for i := range q.ias {
		x := &q.ias[i]
		if x.typ != lease.NA {
			continue // RFC 9915 §18.3.8: only addresses can be declined
		}
		x.answer(statusSuccess, "declined")
		if len(x.hints) == 0 {
			x.answer(statusNoBinding, "nothing named to be declined")
		}
		for _, h := range x.hints {
			e.declineOne(q, x, h.Addr)
		}
	}
	e.promise(q)
}

func (e *Engine) declineOne(q *Query, x *association, a netip.Addr) {
	l, ok := e.store.Get(a)
	switch {
	case !ok || l.Type != lease.NA || l.Expired(e.now) || l.State != lease.Default:
		e.log(q, message.DHCP6DeclineFailNoLease, "declined address %s has no active lease", a)
		x.answer(statusNoBinding, "no such lease")
		return
	case l.ClientID != string(q.duid):
		e.log(q, message.DHCP6DeclineFailDUIDMismatch, "declined address %s belongs to %s", a, appendHex(nil, []byte(l.ClientID)))
		x.answer(statusNoBinding, "the lease belongs to another client")
		return
	case l.IAID != x.iaid:
		e.log(q, message.DHCP6DeclineFailIAIDMismatch, "declined address %s belongs to iaid=%d", a, l.IAID)
		x.answer(statusNoBinding, "the lease belongs to another association")
		return
	}
	e.leaseEvent(q, "decline", &l)
	e.dnsRemove(&l)
	e.decline(&l)
	q.ended = append(q.ended, l)
	e.log(q, message.DHCP6DeclineLease, "address %s declined. The lease will be unavailable for %d seconds.", a, e.cfg.DeclineProbation)
}
