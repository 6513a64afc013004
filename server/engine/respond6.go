package engine

import (
	"encoding/binary"
	"math"
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// Ports of DHCPv6, RFC 9915 §7.2.
const (
	serverPort6 = 547
	clientPort6 = 546
)

// respond6 builds the response of a type and says where it goes.
func (e *Engine) respond6(q *Query, typ byte) {
	w := &q.W6
	w.Start(typ)
	if id, ok := q.M6.Option(wire.Opt6ClientID); ok {
		w.Add(wire.Opt6ClientID, id)
	}
	w.Add(wire.Opt6ServerID, e.duid)
	if q.rapid {
		w.Add(wire.Opt6RapidCommit, nil)
	}
	if q.topText != "" {
		w.AddStatus(q.topStatus, q.topText)
	}
	exclude := requests6(q, wire.Opt6PDExclude)
	for i := range q.ias {
		if x := &q.ias[i]; x.answered(q.M6.Type) {
			e.addIA(q, x, exclude)
		}
	}
	e.addName6(q)
	switch q.M6.Type {
	case wire.AddrRegInform:
		v, _ := q.M6.Option(wire.Opt6IAAddr)
		w.Add(wire.Opt6IAAddr, v)
	case wire.Release, wire.Decline:
	default:
		e.addOptions6(q)
	}
	e.addRelaySupplied(q)
	if len(e.cfg.FlexOptions) > 0 {
		e.flexOptions(q)
	}
	q.sent = typ
	q.Response = w.Finish(&q.M6)
	if q.Response == nil {
		e.silence(q, dropTooLarge, message.DHCP6PacketSendFail)
		return
	}
	e.address6(q)
}

// requests6 says whether the option request lists a code.
func requests6(q *Query, code uint16) bool {
	oro, _ := q.M6.Option(wire.Opt6ORO)
	for ; len(oro) >= 2; oro = oro[2:] {
		if binary.BigEndian.Uint16(oro) == code {
			return true
		}
	}
	return false
}

// answered says whether the response to a type of query has the association.
func (x *association) answered(query byte) bool {
	switch query {
	case wire.Confirm, wire.InformationRequest, wire.AddrRegInform:
		return false
	case wire.Decline:
		return x.typ == lease.NA
	}
	return true
}

// addIA adds an association with its leases, what it must forget, and its
// status.
func (e *Engine) addIA(q *Query, x *association, exclude bool) {
	w := &q.W6
	t1, t2 := e.teeTimes6(q, x)
	w.OpenIA(x.code(), x.asked, t1, t2)
	if x.text != "" && x.typ == lease.PD {
		w.IAStatus(x.status, x.text)
	}
	for i := x.from; i < x.to; i++ {
		g := &q.grants[i]
		preferred, valid := g.times()
		if x.typ == lease.PD {
			w.IAPrefix(g.lease.Addr, g.lease.PrefixLen, preferred, valid, excluded(q, g, exclude))
		} else {
			w.IAAddr(g.lease.Addr, preferred, valid)
		}
		if q.offer {
			e.logAdvert(q, &g.lease)
		}
	}
	if q.M6.Type == wire.Renew || q.M6.Type == wire.Rebind {
		e.addGone(q, x)
	}
	if x.text != "" && x.typ == lease.NA {
		w.IAStatus(x.status, x.text)
	}
	w.CloseIA()
}

func (e *Engine) logAdvert(q *Query, l *lease.Lease) {
	m := message.DHCP6LeaseAdvert
	if l.Type == lease.PD {
		m = message.DHCP6PDLeaseAdvert
	}
	if e.on(m) {
		e.logLease(q, m, "lease advertised: ", l.Addr, -1)
	}
}

// addGone tells a client with lifetimes of zero which of its resources are no
// longer, or never were, its own, RFC 9915 §18.3.4.
func (e *Engine) addGone(q *Query, x *association) {
	if q.selected == nil {
		return
	}
	gone := func(a netip.Addr, length uint8) {
		if x.typ == lease.PD {
			q.W6.IAPrefix(a, length, 0, 0, netip.Prefix{})
		} else {
			q.W6.IAAddr(a, 0, 0)
		}
	}
	for i := range q.removed {
		if l := &q.removed[i]; l.Type == x.typ && l.IAID == x.iaid {
			gone(l.Addr, l.PrefixLen)
		}
	}
next:
	for i := range x.hints {
		h := &x.hints[i]
		if h.Addr.IsUnspecified() {
			continue
		}
		for j := x.from; j < x.to; j++ {
			if l := &q.grants[j].lease; l.Addr == h.Addr && l.PrefixLen == h.Len {
				continue next
			}
		}
		for j := range q.removed {
			if l := &q.removed[j]; l.Addr == h.Addr && l.Type == x.typ && l.IAID == x.iaid {
				continue next
			}
		}
		gone(h.Addr, h.Len)
	}
}

// excluded returns the prefix that the client must leave out of a delegated
// one: the reservation's, else the pool's.
func excluded(q *Query, g *grant, wanted bool) netip.Prefix {
	if !wanted {
		return netip.Prefix{}
	}
	if h := q.hosts.current(g.subnet); h != nil {
		for i, p := range h.Prefixes {
			if p.Addr() == g.lease.Addr && i < len(h.Excluded) && h.Excluded[i].IsValid() {
				return h.Excluded[i]
			}
		}
	}
	if g.pool == nil || !g.pool.Excluded.IsValid() {
		return netip.Prefix{}
	}
	return g.pool.Excluded
}

// teeTimes6 computes T1 and T2 of an association from the shortest preferred
// lifetime in it; zero leaves the choice to the client.
func (e *Engine) teeTimes6(q *Query, x *association) (t1, t2 uint32) {
	if x.from == x.to {
		return 0, 0
	}
	shortest := uint32(math.MaxUint32)
	for i := x.from; i < x.to; i++ {
		preferred, _ := q.grants[i].times()
		shortest = min(shortest, preferred)
	}
	p := &q.grants[x.from].subnet.Params
	t2 = tee(p.RebindTimer, p.CalculateTeeTimes, p.T2Percent, shortest)
	t1 = tee(p.RenewTimer, p.CalculateTeeTimes, p.T1Percent, shortest)
	if t1 >= t2 {
		t1 = 0
	}
	return t1, t2
}

func tee(set config.Optional[uint32], calculate bool, percent float64, of uint32) uint32 {
	switch {
	case set.Set:
		return set.Value
	case calculate:
		return uint32(math.Round(percent * float64(of)))
	}
	return 0
}

// codeSet6 is a set of option codes that is emptied in the time it took to fill.
type codeSet6 struct {
	bits [1024]uint64
	list []uint16
}

func (s *codeSet6) reset() {
	for _, c := range s.list {
		s.bits[c/64] = 0
	}
	s.list = s.list[:0]
}

func (s *codeSet6) add(c uint16) {
	if !s.has(c) {
		s.bits[c/64] |= 1 << (c % 64)
		s.list = append(s.list, c)
	}
}

func (s *codeSet6) remove(c uint16) { s.bits[c/64] &^= 1 << (c % 64) }

func (s *codeSet6) has(c uint16) bool { return s.bits[c/64]&(1<<(c%64)) != 0 }

// addOptions6 adds the configured options: those requested and those that are
// always sent.
func (e *Engine) addOptions6(q *Query) {
	scopes := e.optionScopes(q)
	want := &e.want
	want.reset()
	oro, _ := q.M6.Option(wire.Opt6ORO)
	for ; len(oro) >= 2; oro = oro[2:] {
		want.add(binary.BigEndian.Uint16(oro))
	}
	for _, s := range scopes {
		for _, c := range s.Always() {
			if value(scopes, c, &q.classes) != nil {
				want.add(c)
			}
		}
	}
	for _, s := range scopes {
		for _, c := range s.Never() {
			if e.neverApplies(s, c, &q.classes) {
				want.remove(c)
			}
		}
	}
	// What is configured bounds the work, not what the client lists.
	for _, s := range scopes {
		for i := range s.All() {
			code := s.All()[i].Code
			if want.has(code) && code != wire.Opt6VendorOpts && code != wire.Opt6VendorClass && !q.W6.Has(code) {
				e.addValue6(q, scopes, code)
			}
		}
	}
	if e.on(message.DHCP6AddOptions) {
		e.log(q, message.DHCP6AddOptions, "%d options are requested or always sent, %d scopes configure some", len(want.list), len(scopes))
	}
	e.addVendor6(q, scopes, want)
}

func (e *Engine) addValue6(q *Query, scopes []*config.OptionSet, code uint16) {
	o := value(scopes, code, &q.classes)
	if o == nil {
		return
	}
	q.W6.Add(code, o.Data)
	for _, more := range o.More {
		q.W6.Add(code, more)
	}
}

// addRelaySupplied adds what relays supply for the client (RFC 6422), from
// the one nearest to the server outwards.
func (e *Engine) addRelaySupplied(q *Query) {
	relays := q.M6.Relays()
	for i := range relays {
		rsoo, ok := relays[i].Option(wire.Opt6RSOO)
		for ok {
			var code uint16
			var v []byte
			code, v, rsoo, ok = wire.NextOption6(rsoo)
			if ok && e.relaySupplied(code) && !q.W6.Has(code) {
				q.W6.Add(code, v)
			}
		}
	}
}

func (e *Engine) relaySupplied(code uint16) bool {
	for _, c := range e.cfg.RelaySuppliedOptions {
		if c == code {
			return true
		}
	}
	return false
}

// address6 decides where a response goes: back to where the query came from,
// to the port that RFC 9915 §7.2 or RFC 8357 says.
func (e *Engine) address6(q *Query) {
	a := &q.Arrival
	d := wire.Departure{Iface: a.Iface, Src: netip.AddrPortFrom(a.Local, e.ports.server)}
	port := e.ports.client
	if relays := q.M6.Relays(); len(relays) > 0 {
		port = e.ports.server
		if _, ok := relays[0].Option(wire.Opt6RelaySourcePort); ok {
			port = a.Src.Port()
		}
	}
	d.Dst = netip.AddrPortFrom(a.Src.Addr(), port)
	if e.toSource {
		d.Dst = a.Src
	}
	q.Departure = d
}

// countSent6 counts a response that leaves.
func (e *Engine) countSent6(q *Query) {
	e.stats.count(Pkt6Sent)
	e.logSent(q, message.DHCP6PacketSend, nil)
	switch q.sent {
	case wire.Advertise:
		e.stats.count(Pkt6AdvertiseSent)
	case wire.Reply:
		e.stats.count(Pkt6ReplySent)
	case wire.AddrRegReply:
		e.stats.count(Pkt6AddrRegReplySent)
	}
}
