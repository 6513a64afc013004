package lease

import (
	"encoding/binary"
	"net/netip"
)

// A record is a lease without its strings, and its links in the lists it is
// part of. Records refer to each other by number, 0 = none: the collector sees
// no pointers. Size: 64 bytes, a cache line; v6 leases have a record6 beside it.
type record struct {
	cltt   int64
	addr   uint32 // v4
	subnet uint32
	pool   uint32
	valid  uint32
	text   text
	hwType uint16
	state  State
	flags  uint8

	same [3]link // others with equal hardware address, client identifier, hostname
	ends link    // others that end in the same second
}

type record6 struct {
	addr      addr6
	preferred uint32
	iaid      uint32
	hwSource  uint32
	prefixLen uint8
	typ       Type
}

// A link is a place in a list without end nodes; the head has no prev and is
// known to the index.
type link struct{ prev, next uint32 }

const (
	flagUsed uint8 = 1 << iota
	flagFwd
	flagRev
	// Which queue the record is in, by the second of its end.
	flagQueue
	flagQueue2
)

const (
	queueNone      = 0
	queueWaiting   = 1 // in use; Lapse has not told its end
	queueLapsed    = 2 // told by Lapse, or released
	queueReclaimed = 3
	queueShift     = 3
)

func (r *record) queue() int { return int(r.flags>>queueShift) & 3 }

func (r *record) setQueue(q int) {
	r.flags = r.flags&^(flagQueue|flagQueue2) | uint8(q)<<queueShift
}

func (r *record) end() second { return second(r.cltt + int64(r.valid)) }

const (
	slabBits = 12
	slabSize = 1 << slabBits
)

// slab holds records by number. The first slab grows, so that an empty store
// is small; the others are made whole and stay where they are.
type slab struct {
	recs  [][]record
	recs6 [][]record6 // family 6
	n     uint32      // numbers handed out; 0 is never used
	free  uint32      // list of unused records, linked by ends.next
	used  int
}

func (s *slab) rec(n uint32) *record   { return &s.recs[n>>slabBits][n&(slabSize-1)] }
func (s *slab) rec6(n uint32) *record6 { return &s.recs6[n>>slabBits][n&(slabSize-1)] }

func (s *slab) take(v6 bool) uint32 {
	s.used++
	if n := s.free; n != 0 {
		s.free = s.rec(n).ends.next
		*s.rec(n) = record{flags: flagUsed}
		return n
	}
	if s.n == 0 {
		s.n = 1
	}
	n := s.n
	s.n++
	i := int(n >> slabBits)
	if i == len(s.recs) {
		size := slabSize
		if i == 0 {
			size = 32
		}
		s.recs = append(s.recs, make([]record, size))
		if v6 {
			s.recs6 = append(s.recs6, make([]record6, size))
		}
	} else if int(n) == len(s.recs[0]) && i == 0 {
		s.recs[0] = append(s.recs[0], make([]record, n)...)
		if v6 {
			s.recs6[0] = append(s.recs6[0], make([]record6, n)...)
		}
	}
	s.rec(n).flags = flagUsed
	return n
}

func (s *slab) give(n uint32) {
	s.used--
	*s.rec(n) = record{ends: link{next: s.free}}
	s.free = n
}

func key4(a netip.Addr) addr4 {
	b := a.As4()
	return addr4(binary.BigEndian.Uint32(b[:]))
}

func key6(a netip.Addr) addr6 {
	b := a.As16()
	return addr6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (a addr4) addr() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(a))
	return netip.AddrFrom4(b)
}

func (a addr6) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}
