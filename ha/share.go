package ha

import (
	"net/netip"
	"strconv"
	"time"
)

// Two of us in load-balancing divide a pool at a boundary: the primary gives
// what is free below it, the secondary what is free from it on. Each has a
// boundary of its own, in the middle at first, and the primary's is never above
// the secondary's; what is between them nobody gives. A server whose side runs
// out of free resources asks for more: the partner moves its boundary, waits
// until the asker knows of every lease that it gave, and then answers with it;
// with the answer the asker moves its own.
//
// Why the sides never overlap: a server gives up as it likes, and gains only by
// an answer to a request that it still waits for. While it waits it gives
// nothing up, so that two requests that cross gain nothing. Whoever starts
// begins in the middle, or where the partner's boundary is if that is nearer,
// by the partner's answer to its first heartbeat; before that it serves nobody
// whom the partner may serve. A server that has answered a heartbeat with its
// boundaries takes nothing by a request from before, which a partner that ended
// since may have granted. So none of the states needs a rule of its own: who
// has not ended keeps its boundary, also while it serves alone, when what is
// free on the other side is given without moving it.

// Pool says which pool is meant; servers of different configurations must not
// take one for another.
type Pool struct {
	Subnet      uint32
	First, Last netip.Addr
	Length      uint8 // of the prefixes that it delegates; 0: addresses
}

// Share is a pool as one of the servers has it divided.
type Share struct {
	Pool
	Boundary uint64 // how many resources of the pool are below it
	Free     uint64 // in a request: on the asker's side
}

const (
	// MaxShares is how many pools a heartbeat tells of: no more leave the middle.
	MaxShares = 1000
	// MaxAsked is about how many pools one request asks.
	MaxAsked = 64

	shareTimeout = 2 * time.Second
	cedeAtMost   = time.Second
)

// ceding is the answer to a request for a larger share. It waits until the
// partner has all changes up to one of our change stream.
type ceding struct {
	token  uint64
	seq    uint64
	shares []Share
	until  time.Time
}

// Informed returns when the partner has last told us of every lease that it gave
// or extended, and whether it does so now.
func (m *Machine) Informed() (last time.Time, now bool) {
	return m.informed, m.state == LoadBalancing && m.partner.state == LoadBalancing && !m.partner.stream.Missing
}

// Asks says whether the partner can be asked for a larger share now.
func (m *Machine) Asks() bool {
	return m.state == LoadBalancing && m.partner.state == LoadBalancing && m.features().Demand &&
		m.asking == 0 && m.ceding == nil && m.leaving == nil
}

// Cedes says whether a request of a server for a larger share can be granted
// now. The owner moves its boundaries then, and puts them in place of what was
// asked before it brings the request.
func (m *Machine) Cedes(server string) bool {
	return m.state == LoadBalancing && m.other != nil && server == m.other.Name && m.features().Demand &&
		m.asking == 0 && m.leaving == nil
}

// ask sends a request for larger shares.
func (m *Machine) ask(shares []Share) {
	if !m.Asks() {
		return
	}
	f := m.flights.take(forShare)
	f.command = Command{Name: cmdShare, Shares: shares}
	m.asking = f.id
	m.send(m.other, f.id, &f.command, shareTimeout, 0)
}

func (m *Machine) shareAnswered(id uint64, a *Answer) {
	if m.asking != id {
		return
	}
	m.asking = 0
	if a.succeeded() && len(a.Shares) > 0 {
		m.overtaken = m.beatID
		m.do(Action{Do: DoTake, Shares: a.Shares})
	}
}

// shareCommand answers a request for larger shares once the partner knows what
// is not free of them.
func (m *Machine) shareCommand(ev *Event) {
	m.endCeding()
	if !m.Cedes(ev.Request.Server) {
		m.refuse(ev.Token, resultConflict, "pools cannot be divided anew now")
		return
	}
	m.ceding = &ceding{ev.Token, m.own.Seq, ev.Request.Shares, m.now.Add(cedeAtMost)}
}

func (m *Machine) cedeNow() {
	c := m.ceding
	switch {
	case c == nil:
	case m.state != LoadBalancing || m.asking != 0:
		m.endCeding()
	case m.stream(m.own).Sent >= c.seq:
		m.ceding = nil
		dst := appendShares([]byte(`{ "pools": `), c.shares)
		m.answer(c.token, &Reply{Text: strconv.Itoa(len(c.shares)) + " pool(s) divided anew.", Arguments: append(dst, " }"...)})
	case !m.now.Before(c.until):
		m.endCeding()
	}
}

func (m *Machine) endCeding() {
	if c := m.ceding; c != nil {
		m.ceding = nil
		m.refuse(c.token, resultConflict, "there are leases that the partner does not know yet")
	}
}

// learnShares hands on where the partner's boundaries are, as it answered a
// heartbeat, unless it has told of later ones since, or does not serve yet while
// we do: it will begin at ours then.
func (m *Machine) learnShares(shares []Share, beat uint64) {
	will := m.state.serves() && !m.partner.state.serves() && m.features().Demand
	if m.overtaken != beat && !will && (len(shares) > 0 || len(m.Shares) > 0) {
		m.do(Action{Do: DoYield, Shares: shares})
	}
	m.overtaken = 0
}

func appendShares(dst []byte, shares []Share) []byte {
	dst = append(dst, "[ "...)
	for i := range shares {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		x := &shares[i]
		dst = append(dst, `{ "boundary": `...)
		dst = strconv.AppendUint(dst, x.Boundary, 10)
		dst = append(dst, `, "delegated-len": `...)
		dst = strconv.AppendUint(dst, uint64(x.Length), 10)
		dst = append(dst, `, "first": "`...)
		dst = x.First.AppendTo(dst)
		dst = append(dst, `", "free": `...)
		dst = strconv.AppendUint(dst, x.Free, 10)
		dst = append(dst, `, "last": "`...)
		dst = x.Last.AppendTo(dst)
		dst = append(dst, `", "subnet-id": `...)
		dst = append(strconv.AppendUint(dst, uint64(x.Subnet), 10), " }"...)
	}
	return append(dst, " ]"...)
}

// shares reads a list of shares; those that say no pool are left out, and what
// is more than anybody tells.
func (s *scanner) shares() (list []Share) {
	if !s.isArray() {
		s.skip()
		return nil
	}
	s.array(func() {
		if !s.isObject() {
			s.skip()
			return
		}
		var x Share
		s.object(func(key []byte) { x.read(s, key) })
		if x.First.IsValid() && x.Last.IsValid() && x.First.Is4() == x.Last.Is4() && !x.Last.Less(x.First) && len(list) < MaxShares {
			list = append(list, x)
		}
	})
	return list
}

func (x *Share) read(s *scanner, key []byte) {
	addr := func(a *netip.Addr) {
		t, _ := s.string()
		*a, _ = netip.ParseAddr(string(t))
	}
	switch string(key) {
	case "boundary":
		x.Boundary, _ = s.unsigned()
	case "free":
		x.Free, _ = s.unsigned()
	case "first":
		addr(&x.First)
	case "last":
		addr(&x.Last)
	case "delegated-len":
		n, _ := s.uint32()
		x.Length = uint8(min(n, 128))
	case "subnet-id":
		x.Subnet, _ = s.uint32()
	default:
		s.skip()
	}
}
