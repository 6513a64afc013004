package lease

import "net/netip"

// defaultRetained is how many changes a Store remembers unless told otherwise.
const defaultRetained = 1 << 14

// A ring holds the last changes. It grows with use, up to its limit.
type ring struct {
	limit int
	buf   []Change
	first int // position of the oldest
}

func (r *ring) add(c *Change) {
	switch {
	case r.limit == 0:
	case len(r.buf) < r.limit:
		r.buf = append(r.buf, *c)
	default:
		r.buf[r.first] = *c
		r.first++
		if r.first == len(r.buf) {
			r.first = 0
		}
	}
}

// Retain sets how many changes the Store remembers for Changes, at least; the
// default is 16384. It forgets those remembered so far.
func (s *Store) Retain(n int) { s.ring = ring{limit: max(n, 0)} }

// Changes appends the changes after seq, at most limit; ok is false when seq
// is no longer retained (or from the future): the reader must take a full copy.
func (s *Store) Changes(dst []Change, seq uint64, limit int) (changes []Change, ok bool) {
	n := len(s.ring.buf)
	if s.since <= seq && seq < s.base { // of the run before, see Resume
		seq = s.base
	}
	if seq > s.seq || s.seq-seq > uint64(n) {
		return dst, false
	}
	skip := n - int(s.seq-seq)
	for i := skip; i < n && limit > 0; i++ {
		dst = append(dst, s.ring.buf[(s.ring.first+i)%n])
		limit--
	}
	return dst, true
}

// Changed says whether an address may have changed after seq: what is not
// retained may be of any address.
func (s *Store) Changed(a netip.Addr, seq uint64) bool {
	n := len(s.ring.buf)
	if seq > s.seq || s.seq-seq > uint64(n) {
		return true
	}
	for i := n - int(s.seq-seq); i < n; i++ {
		if s.ring.buf[(s.ring.first+i)%n].Lease.Addr == a {
			return true
		}
	}
	return false
}

// Recent says whether a change of an address that is remembered is what fn looks for.
func (s *Store) Recent(a netip.Addr, fn func(*Change) bool) bool {
	for i := range s.ring.buf {
		if c := &s.ring.buf[i]; c.Lease.Addr == a && fn(c) {
			return true
		}
	}
	return false
}

// Oldest is the point before the oldest change that is remembered: Changes
// after it are complete.
func (s *Store) Oldest() uint64 { return s.seq - uint64(len(s.ring.buf)) }
