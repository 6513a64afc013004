package replay

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/lease"
	"leasehold/server/wire"
)

// Verdict says how an answer compares with another.
type Verdict uint8

const (
	Same    Verdict = iota
	Choice          // another free address is offered: either is right
	Partner         // no answer, and the other server of the pair has to give it
	Differs
)

func (v Verdict) String() string {
	return [...]string{"same", "another free address", "left to the partner", "differs"}[v]
}

// Exchange is one query with what a Side and another server made of it.
type Exchange struct {
	Query       *Message
	Ours        Reply
	Theirs      []byte // nil: no answer
	After       time.Duration
	Verdict     Verdict
	Differences []Difference

	conversation string
	kind         byte
	over         bool
}

// Watch compares a Side with a server that answers on a wire.
type Watch struct {
	Totals Totals

	side     *Side
	servers  []netip.Addr // only answers of these count; empty: all
	patience time.Duration
	open     map[string]*Exchange // the last query of a conversation
	queue    []*Exchange          // by time
}

// mostOpen bounds how many queries wait for an answer.
const mostOpen = 1 << 16

// NewWatch returns a Watch that waits for an answer as long as patience. Answers
// of DHCPv4 servers other than those named do not count, if any are.
func NewWatch(side *Side, servers []netip.Addr, patience time.Duration) *Watch {
	return &Watch{side: side, servers: servers, patience: patience, open: map[string]*Exchange{}}
}

// Side returns whom the Watch asks.
func (w *Watch) Side() *Side { return w.side }

// See takes what was seen next, and returns the exchanges that are over.
func (w *Watch) See(m *Message) []*Exchange {
	over := w.Expire(m.At)
	if !m.Response {
		return append(over, w.query(m)...)
	}
	x := w.response(m)
	if x == nil {
		return over
	}
	return append(over, x)
}

func (w *Watch) query(m *Message) (over []*Exchange) {
	x := &Exchange{Query: m, Ours: w.side.Ask(m), conversation: m.conversation(), kind: m.kind()}
	w.Totals.Queries++
	if x.conversation == "" || unanswered(m.Version, x.kind) || len(w.open) >= mostOpen {
		w.end(x)
		return []*Exchange{x}
	}
	if old := w.open[x.conversation]; old != nil {
		old.over = true // asked again: the last time counts
		w.Totals.Repeated++
	}
	w.open[x.conversation] = x
	w.queue = append(w.queue, x)
	return nil
}

func (w *Watch) response(m *Message) *Exchange {
	if !w.counts(m) {
		return nil
	}
	Identify(w.side, m)
	conversation := m.conversation()
	x := w.open[conversation]
	if x == nil || !answers(m.Version, x.kind, m.kind()) {
		w.Totals.Unasked++
		return nil
	}
	delete(w.open, conversation)
	x.over, x.Theirs, x.After = true, m.Payload, m.At.Sub(x.Query.At)
	w.end(x)
	w.follow(x)
	return x
}

// counts says whether a response is of a server that the Watch is about.
func (w *Watch) counts(m *Message) bool {
	if m.Version == 6 || len(w.servers) == 0 {
		return true
	}
	id := m.serverID()
	return len(id) == 4 && slices.Contains(w.servers, netip.AddrFrom4([4]byte(id)))
}

// Identify lets a Side go by the identity of the server that sent a response.
func Identify(s *Side, m *Message) {
	id := m.serverID()
	switch {
	case m.Version == 6:
		s.KnowDUID(id)
	case len(id) == 4:
		iface := m.Iface
		if string(m.Payload[24:28]) != "\x00\x00\x00\x00" {
			iface = "" // to a relay
		}
		s.KnowAddress(netip.AddrFrom4([4]byte(id)), iface)
	}
}

// Expire gives up waiting for what has been asked too long ago.
func (w *Watch) Expire(now time.Time) (over []*Exchange) {
	n := 0
	for ; n < len(w.queue); n++ {
		x := w.queue[n]
		if !x.over {
			if now.Sub(x.Query.At) <= w.patience {
				break
			}
			x.over = true
			delete(w.open, x.conversation)
			w.end(x)
			over = append(over, x)
		}
	}
	w.queue = slices.Delete(w.queue, 0, n)
	return over
}

// Close gives up waiting altogether.
func (w *Watch) Close() []*Exchange {
	if len(w.queue) == 0 {
		return nil
	}
	return w.Expire(w.queue[len(w.queue)-1].Query.At.Add(w.patience + time.Second))
}

// end judges an exchange.
func (w *Watch) end(x *Exchange) {
	f := w.side.Family
	if x.Theirs != nil {
		w.Totals.Theirs++
	}
	if x.Ours.Data != nil {
		w.Totals.Ours++
	}
	switch {
	case x.Theirs == nil && x.Ours.Data == nil:
	case x.Theirs == nil && w.others(x):
		x.Verdict = Partner
	case x.Theirs == nil:
		x.differ(Difference{"answer", Summary(f, x.Ours.Data), "no answer"})
	case x.Ours.Data == nil:
		x.differ(Difference{"answer", x.Ours.Decision.Outcome(), Summary(f, x.Theirs)})
	default:
		all := slices.DeleteFunc(Compare(f, x.Ours.Data, x.Theirs), func(d Difference) bool { return isServerID(d.Field) })
		x.Differences = slices.DeleteFunc(slices.Clone(all), func(d Difference) bool { return w.chosen(x, &d) })
		switch {
		case len(x.Differences) > 0:
			x.Verdict = Differs
		case len(all) > 0:
			x.Verdict, x.Differences = Choice, all
		}
	}
	w.Totals.note(x)
}

// isServerID: who answers is no part of what is decided.
func isServerID(field string) bool {
	return strings.HasPrefix(field, "option 54 ") || strings.HasPrefix(field, "option 2 (server")
}

func (x *Exchange) differ(d Difference) { x.Verdict, x.Differences = Differs, []Difference{d} }

// others says whether the query belongs to another server of the pair.
func (w *Watch) others(x *Exchange) bool {
	f := w.side.Family
	if len(f.Relationships) != 1 {
		return len(f.Relationships) > 1
	}
	rel := f.Relationships[0]
	for _, class := range x.Ours.Decision.Classes() {
		if name, ok := strings.CutPrefix(class, "HA_"); ok && name != rel.ThisServer && rel.Peer(name) != nil {
			return true
		}
	}
	return false
}

// chosen says whether a difference is only which free address is offered.
func (w *Watch) chosen(x *Exchange, y *Difference) bool {
	d := &x.Ours.Decision
	if d.Reserved() || x.kind != wire.Discover4 && x.Query.Version == 4 || x.kind != wire.Solicit && x.Query.Version == 6 {
		return false
	}
	if y.Field != addressField && !isResource(y.Field) || y.Ours == "" {
		return false
	}
	text, _, _ := strings.Cut(y.Theirs, "/")
	a, err := netip.ParseAddr(text)
	return err == nil && pooled(w.side.Family, d.Subnet(), a)
}

// follow has the Side take over what the other server gave, where it differs.
func (w *Watch) follow(x *Exchange) {
	if x.Verdict != Differs {
		return
	}
	var changes []lease.Change
	for _, l := range granted(x.Query, x.Ours.Data) {
		changes = append(changes, lease.Change{Delete: true, Lease: l})
	}
	given := granted(x.Query, x.Theirs)
	if len(given) == 0 {
		return // nothing was promised: what we would have is of no account
	}
	for _, l := range given {
		l.CLTT = x.Query.At.Unix()
		l.SubnetID = w.subnetOf(x, l.Addr)
		changes = append(changes, lease.Change{Lease: l})
	}
	w.side.Adopt(changes)
}

func (w *Watch) subnetOf(x *Exchange, a netip.Addr) uint32 {
	found := x.Ours.Decision.Subnet()
	for _, s := range w.side.Family.Subnets {
		if s.Prefix.Contains(a) && (found == 0 || s.ID == x.Ours.Decision.Subnet()) {
			found = s.ID
		}
	}
	return found
}

// granted are the leases that a response promises: an ACK with an address, a
// REPLY with addresses or prefixes.
func granted(q *Message, response []byte) []lease.Lease {
	switch {
	case response == nil:
		return nil
	case q.Version == 6:
		return granted6(q, response)
	}
	kind, _ := option4(response, wire.OptMessageType)
	time, _ := option4(response, wire.OptLeaseTime)
	a := netip.AddrFrom4([4]byte(response[16:20]))
	if len(kind) != 1 || kind[0] != wire.Ack4 || len(time) != 4 || a.IsUnspecified() {
		return nil
	}
	id, _ := option4(q.Payload, wire.OptClientID)
	name, _ := option4(q.Payload, wire.OptHostName)
	return []lease.Lease{{
		Addr: a, Valid: binary.BigEndian.Uint32(time), HWType: uint16(q.Payload[1]),
		HWAddr: string(q.Payload[28 : 28+min(int(q.Payload[2]), 16)]), ClientID: string(id), Hostname: strings.ToLower(string(name)),
	}}
}

func granted6(q *Message, response []byte) []lease.Lease {
	var m wire.Message6
	if m.DecodeResponse(response) != nil || m.Type != wire.Reply {
		return nil
	}
	duid, _ := m.Option(wire.Opt6ClientID)
	var list []lease.Lease
	for i := range m.Options {
		o := &m.Options[i]
		eachResource(o, func(code uint16, v []byte) {
			r := wire.ReadIAResource(code, v)
			if r.Valid == 0 {
				return
			}
			l := lease.Lease{
				Addr: r.Addr, PrefixLen: r.Len, ClientID: string(duid), IAID: wire.IA(o.Data).IAID(), Valid: r.Valid, Preferred: r.Preferred,
			}
			if code == wire.Opt6IAPrefix {
				l.Type = lease.PD
			}
			list = append(list, l)
		})
	}
	return list
}
