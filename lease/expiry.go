package lease

import "math/bits"

// Leases wait for their end in lists, one for each second. A tree finds the
// seconds in order, 64 of them at a time: a renewal moves a lease from one list
// to another and seldom touches the tree.

const blockBits = 6

// A block is the lists of 64 seconds.
type block struct {
	busy  uint64 // a bit for each list that is not empty
	heads [1 << blockBits]uint32
}

type queue struct{ blocks tree[second, *block] }

func (s second) bit() int { return int(s & (1<<blockBits - 1)) }

// head returns where the first record that ends at a second is; put makes it a
// place for the first one.
func (q *queue) head(end second) *uint32 {
	return &(*q.blocks.get(end >> blockBits)).heads[end.bit()]
}

func (q *queue) put(end second) *uint32 {
	b := q.blocks.put(end >> blockBits)
	if *b == nil {
		*b = new(block)
	}
	(*b).busy |= 1 << end.bit()
	return &(*b).heads[end.bit()]
}

// remove takes away the list of a second, when its last record goes.
func (q *queue) remove(end second) {
	b := *q.blocks.get(end >> blockBits)
	b.heads[end.bit()] = 0
	if b.busy &^= 1 << end.bit(); b.busy == 0 {
		q.blocks.remove(end >> blockBits)
	}
}

// first returns the earliest second and its first record.
func (q *queue) first() (end second, head uint32, ok bool) {
	q.ascend(func(at second, n uint32) bool {
		end, head, ok = at, n, true
		return false
	})
	return end, head, ok
}

// ascend calls fn for each second, until fn returns false.
func (q *queue) ascend(fn func(end second, head uint32) bool) {
	q.blocks.ascend(0, true, func(k second, b **block) bool {
		for busy := (*b).busy; busy != 0; busy &= busy - 1 {
			i := bits.TrailingZeros64(busy)
			if !fn(k<<blockBits+second(i), (*b).heads[i]) {
				return false
			}
		}
		return true
	})
}

// enqueue puts record n into the queue of its state, unless it is in one.
func (s *Store) enqueue(n uint32) {
	r := s.slab.rec(n)
	if r.queue() != queueNone || r.valid == Infinite {
		return
	}
	switch r.state {
	case Reclaimed:
		s.enqueueIn(n, queueReclaimed)
	case Released:
		s.enqueueIn(n, queueLapsed)
	default:
		s.enqueueIn(n, queueWaiting)
	}
}

func (s *Store) enqueueIn(n uint32, q int) {
	r := s.slab.rec(n)
	head := s.queues[q].put(r.end())
	r.ends = link{next: *head}
	if *head != 0 {
		s.slab.rec(*head).ends.prev = n
	}
	*head = n
	r.setQueue(q)
}

func (s *Store) dequeue(n uint32) {
	r := s.slab.rec(n)
	q := r.queue()
	if q == queueNone {
		return
	}
	l := r.ends
	if l.next != 0 {
		s.slab.rec(l.next).ends.prev = l.prev
	}
	switch {
	case l.prev != 0:
		s.slab.rec(l.prev).ends.next = l.next
	case l.next != 0:
		*s.queues[q].head(r.end()) = l.next
	default:
		s.queues[q].remove(r.end())
	}
	r.ends = link{}
	r.setQueue(queueNone)
}

// Lapse calls fn once for every lease in state Default, Declined or Registered
// whose time ended at or before now and for which that was not told before, and
// says whether there are more of them than limit; the lease stays and waits for
// reclamation (Expired). fn may change the Store. Cost: per lapsed lease, never a
// scan.
func (s *Store) Lapse(now int64, limit int, fn func(*Lease)) (more bool) {
	for ; ; limit-- {
		end, head, ok := s.queues[queueWaiting].first()
		if !ok || int64(end) > now {
			return false
		}
		if limit == 0 {
			return true
		}
		s.dequeue(head)
		s.enqueueIn(head, queueLapsed)
		s.read(head, &s.told)
		fn(&s.told)
	}
}

// Expired appends up to limit lapsed leases in states Default, Declined,
// Registered and Released that are still to be reclaimed, oldest expiry first.
func (s *Store) Expired(dst []Lease, now int64, limit int) []Lease {
	if limit <= 0 {
		return dst
	}
	first := len(dst)
	dst = s.ended(dst, queueLapsed, now, limit)
	told := len(dst)
	if end, _, ok := s.queues[queueWaiting].first(); !ok || int64(end) > now {
		return dst
	}
	// Not told by Lapse yet: merge the two runs.
	dst = s.ended(dst, queueWaiting, now, limit)
	merged := make([]Lease, 0, min(limit, len(dst)-first))
	a, b := dst[first:told], dst[told:]
	for len(merged) < cap(merged) {
		if len(b) == 0 || len(a) > 0 && a[0].Expires() <= b[0].Expires() {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(dst[:first], merged...)
}

// Flushable appends up to limit reclaimed leases whose expiry is at or before
// the given time: candidates for removal after hold-reclaimed-time.
func (s *Store) Flushable(dst []Lease, before int64, limit int) []Lease {
	if limit <= 0 {
		return dst
	}
	return s.ended(dst, queueReclaimed, before, limit)
}

func (s *Store) ended(dst []Lease, q int, until int64, limit int) []Lease {
	s.queues[q].ascend(func(end second, head uint32) bool {
		if int64(end) > until {
			return false
		}
		for n := head; n != 0; n = s.slab.rec(n).ends.next {
			dst = append(dst, Lease{})
			s.read(n, &dst[len(dst)-1])
			if limit--; limit == 0 {
				return false
			}
		}
		return true
	})
	return dst
}

// NextExpiry returns the earliest Unix second at which Lapse has work.
func (s *Store) NextExpiry() (int64, bool) {
	end, _, ok := s.queues[queueWaiting].first()
	return int64(end), ok
}
