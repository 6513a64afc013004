package lease

// Leases wait for their end in lists, one for each second, and a tree finds
// the seconds in order: a renewal moves a lease from one list to another and
// seldom touches the tree, which holds one entry a second, not one a lease.

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
		*s.queues[q].get(r.end()) = l.next
	default:
		s.queues[q].remove(r.end())
	}
	r.ends = link{}
	r.setQueue(queueNone)
}

// Lapse calls fn once for every lease in state Default, Declined or Registered
// whose time ended at or before now and for which that was not told before;
// the lease stays and waits for reclamation (Expired). fn may change the
// Store. Cost: per lapsed lease, never a scan.
func (s *Store) Lapse(now int64, fn func(*Lease)) {
	for {
		end, head, ok := s.queues[queueWaiting].first()
		if !ok || int64(end) > now {
			return
		}
		n := *head
		s.dequeue(n)
		s.enqueueIn(n, queueLapsed)
		s.read(n, &s.told)
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
	s.queues[q].ascend(0, true, func(end second, head *uint32) bool {
		if int64(end) > until {
			return false
		}
		for n := *head; n != 0; n = s.slab.rec(n).ends.next {
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
