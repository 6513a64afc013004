package lease

import (
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
)

// Store is the index of all leases of one family. It is for one goroutine at a
// time, look-ups included.
//
// A lease costs about 170 bytes (v4) or 230 (v6): a record of 64 bytes (v6
// 96), its strings in shared chunks, three hash indexes of record numbers, a
// tree by subnet and state, and one by address, which serves both Get and Page.
// None of it holds pointers.
type Store struct {
	v6    bool
	epoch uint64
	seed  maphash.Seed

	slab  slab
	texts texts

	order4 tree[addr4, uint32]
	order6 tree[addr6, uint32]
	same   [3]table               // by hardware address, client identifier, hostname
	groups tree[number, struct{}] // by subnet and state
	queues [4]queue               // by end: queueWaiting, queueLapsed, queueReclaimed

	filling bool   // same is not kept: see fill
	last    uint32 // record found last, which is often asked for again

	seq  uint64
	ring ring
	// Resume: numbers from since to base stand for base.
	since, base uint64
	told        Lease // what Lapse tells of
}

const (
	byHW = iota
	byID
	byName
)

const states = 5

// NewStore returns an empty Store for family 4 or 6. epoch tells this run of
// the store from every other (readers of the change stream compare it).
func NewStore(family int, epoch uint64) *Store {
	if family != 4 && family != 6 {
		panic(fmt.Sprintf("lease: no family %d", family))
	}
	// The seed keeps clients from choosing identifiers that collide. No
	// answer depends on it.
	seed := maphash.MakeSeed()
	return &Store{
		v6:    family == 6,
		epoch: epoch,
		seed:  seed,
		ring:  ring{limit: defaultRetained},
	}
}

// Family returns 4 or 6.
func (s *Store) Family() int {
	if s.v6 {
		return 6
	}
	return 4
}

// Len returns the number of leases, of all states.
func (s *Store) Len() int { return s.slab.used }

// Seq returns the sequence number of the last change, Epoch the store's epoch.
func (s *Store) Seq() uint64 { return s.seq }

func (s *Store) Epoch() uint64 { return s.epoch }

// Get returns the lease of an address (PD: of a prefix by its address). v6
// leases of different Type with equal Addr replace each other, as in Kea's file.
func (s *Store) Get(a netip.Addr) (Lease, bool) {
	n := s.at(a)
	if n == 0 {
		return Lease{}, false
	}
	var l Lease
	s.read(n, &l)
	return l, true
}

// Put adds or replaces the lease of l.Addr. The strings of l are copied.
// Strings in what the Store returns never change and stay valid for as long as
// somebody holds them.
func (s *Store) Put(l Lease) Change {
	c := Change{Lease: l}
	s.put(&c.Lease)
	s.seq++
	c.Seq = s.seq
	s.ring.add(&c)
	return c
}

// Delete removes the lease of an address.
func (s *Store) Delete(a netip.Addr) (Change, bool) {
	n := s.at(a)
	if n == 0 {
		return Change{}, false
	}
	s.seq++
	c := Change{Seq: s.seq, Delete: true}
	s.read(n, &c.Lease)
	s.remove(n)
	s.ring.add(&c)
	return c, true
}

// at returns the record of an address, 0 when there is none.
func (s *Store) at(a netip.Addr) uint32 {
	var n *uint32
	used := s.last != 0 && s.slab.rec(s.last).flags&flagUsed != 0
	switch {
	case s.v6 && a.Is6():
		k := key6(a)
		if used && s.slab.rec6(s.last).addr == k {
			return s.last
		}
		n = s.order6.get(k)
	case !s.v6 && a.Unmap().Is4():
		k := key4(a.Unmap())
		if used && s.slab.rec(s.last).addr == uint32(k) {
			return s.last
		}
		n = s.order4.get(k)
	}
	if n == nil {
		return 0
	}
	s.last = *n
	return *n
}

// read fills l with record n.
func (s *Store) read(n uint32, l *Lease) {
	r := s.slab.rec(n)
	e, _ := s.texts.get(r.text)
	*l = Lease{
		State: r.state, FQDNFwd: r.flags&flagFwd != 0, FQDNRev: r.flags&flagRev != 0,
		HWType: r.hwType, SubnetID: r.subnet, PoolID: r.pool, Valid: r.valid, CLTT: r.cltt,
		HWAddr: e.hw, ClientID: e.id, Hostname: e.host, UserContext: e.context,
	}
	if !s.v6 {
		l.Addr = addr4(r.addr).addr()
		return
	}
	x := s.slab.rec6(n)
	l.Addr, l.Type, l.PrefixLen = x.addr.addr(), x.typ, x.prefixLen
	l.HWSource, l.IAID, l.Preferred = x.hwSource, x.iaid, x.preferred
}

// put stores l and leaves in l what a later Get would return.
func (s *Store) put(l *Lease) { s.read(s.set(l), l) }

// set stores l and returns its record.
func (s *Store) set(l *Lease) uint32 {
	if l.State >= states || s.v6 != l.Addr.Unmap().Is6() {
		panic(fmt.Sprintf("lease: cannot store %v in state %d", l.Addr, l.State))
	}
	n := s.at(l.Addr)
	if n == 0 {
		n = s.create(l)
	} else {
		s.replace(n, l)
	}
	r := s.slab.rec(n)
	r.cltt, r.valid, r.pool, r.hwType = l.CLTT, l.Valid, l.PoolID, l.HWType
	r.flags &^= flagFwd | flagRev
	if l.FQDNFwd {
		r.flags |= flagFwd
	}
	if l.FQDNRev {
		r.flags |= flagRev
	}
	if s.v6 {
		x := s.slab.rec6(n)
		x.typ, x.prefixLen, x.preferred = l.Type, l.PrefixLen, l.Preferred
		x.iaid, x.hwSource = l.IAID, l.HWSource
	}
	s.enqueue(n)
	return n
}

func (s *Store) create(l *Lease) uint32 {
	n := s.slab.take(s.v6)
	r := s.slab.rec(n)
	if s.v6 {
		s.slab.rec6(n).addr = key6(l.Addr)
		*s.order6.put(key6(l.Addr)) = n
	} else {
		r.addr = uint32(key4(l.Addr.Unmap()))
		*s.order4.put(addr4(r.addr)) = n
	}
	r.text = s.texts.add(n, &entry{l.HWAddr, l.ClientID, l.Hostname, l.UserContext})
	for i := range s.same {
		s.index(n, i)
	}
	r.subnet, r.state = l.SubnetID, l.State
	s.join(n)
	return n
}

// replace brings the strings, subnet and state of record n to those of l, and
// takes it out of its queue if its end moves.
func (s *Store) replace(n uint32, l *Lease) {
	r := s.slab.rec(n)
	e, _ := s.texts.get(r.text)
	if e.hw != l.HWAddr || e.id != l.ClientID || e.host != l.Hostname || e.context != l.UserContext {
		changed := [3]bool{e.hw != l.HWAddr, e.id != l.ClientID, e.host != l.Hostname}
		for i, ch := range changed {
			if ch {
				s.unindex(n, i)
			}
		}
		old := r.text
		r.text = s.texts.add(n, &entry{l.HWAddr, l.ClientID, l.Hostname, l.UserContext})
		s.discard(old)
		for i, ch := range changed {
			if ch {
				s.index(n, i)
			}
		}
	}
	end := second(l.CLTT + int64(l.Valid))
	if r.state != l.State || r.end() != end || (r.valid == Infinite) != (l.Valid == Infinite) {
		s.dequeue(n)
	}
	if r.subnet != l.SubnetID || r.state != l.State {
		s.leave(n)
		r.subnet, r.state = l.SubnetID, l.State
		s.join(n)
	}
}

func (s *Store) remove(n uint32) {
	s.dequeue(n)
	s.leave(n)
	for i := range s.same {
		s.unindex(n, i)
	}
	if s.v6 {
		s.order6.remove(s.slab.rec6(n).addr)
	} else {
		s.order4.remove(addr4(s.slab.rec(n).addr))
	}
	t := s.slab.rec(n).text
	s.slab.give(n)
	s.discard(t)
}

// discard gives up an entry no record refers to. When its chunk has become
// mostly garbage, what is alive in there moves: at most 64 KiB at a time, and
// at least half as much garbage came before it.
func (s *Store) discard(t text) {
	c, worth := s.texts.drop(t)
	if !worth {
		return
	}
	s.texts.owners(c, func(n uint32, at text) {
		r := s.slab.rec(n)
		if r.flags&flagUsed == 0 || r.text != at {
			return
		}
		e, _ := s.texts.get(at)
		r.text = s.texts.add(n, &e)
	})
	s.texts.give(c)
}

// Each calls fn for every lease in no particular order, until fn returns
// false. fn must not change the Store; the Lease it gets is used again.
func (s *Store) Each(fn func(*Lease) bool) { s.each(func(uint32) bool { return true }, fn) }

// EachPrefix is Each for delegated prefixes, and does not look closer at others.
func (s *Store) EachPrefix(fn func(*Lease) bool) {
	s.each(func(n uint32) bool { return s.v6 && s.slab.rec6(n).typ == PD }, fn)
}

func (s *Store) each(wanted func(uint32) bool, fn func(*Lease) bool) {
	var l Lease
	for n := uint32(1); n < s.slab.n; n++ {
		if s.slab.rec(n).flags&flagUsed == 0 || !wanted(n) {
			continue
		}
		s.read(n, &l)
		if !fn(&l) {
			return
		}
	}
}

// Page appends up to limit leases with addresses after the given one (the zero
// Addr: from the start), by ascending address.
func (s *Store) Page(dst []Lease, after netip.Addr, limit int) []Lease {
	if limit <= 0 {
		return dst
	}
	all := !after.IsValid()
	left := limit
	add := func(n uint32) bool {
		dst = append(dst, Lease{})
		s.read(n, &dst[len(dst)-1])
		left--
		return left > 0
	}
	if s.v6 {
		var k addr6
		if !all {
			k = key6(after)
		}
		s.order6.ascend(k, all, func(a addr6, n *uint32) bool {
			return !all && a == k || add(*n)
		})
		return dst
	}
	var k addr4
	if !all {
		if after = after.Unmap(); !after.Is4() {
			return dst
		}
		k = key4(after)
	}
	s.order4.ascend(k, all, func(a addr4, n *uint32) bool {
		return !all && a == k || add(*n)
	})
	return dst
}

// byAddr sorts what a lookup appended.
func byAddr(ls []Lease) {
	if len(ls) > 1 {
		slices.SortFunc(ls, func(a, b Lease) int { return a.Addr.Compare(b.Addr) })
	}
}
