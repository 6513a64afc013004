package lease

import (
	"bytes"
	"hash/maphash"
)

// ByHWAddr appends to dst the leases of a hardware address, in all subnets, by
// ascending address. The argument may be a slice of a packet. The same holds
// for the other By functions.
func (s *Store) ByHWAddr(dst []Lease, hw []byte) []Lease { return s.by(dst, byHW, hw) }

// ByClientID is ByHWAddr for v4 client identifiers and v6 DUIDs.
func (s *Store) ByClientID(dst []Lease, id []byte) []Lease { return s.by(dst, byID, id) }

// ByHostname is ByHWAddr for hostnames (compared lower-case).
func (s *Store) ByHostname(dst []Lease, name string) []Lease {
	var buf [256]byte
	return s.by(dst, byName, append(buf[:0], name...))
}

func (s *Store) by(dst []Lease, i int, key []byte) []Lease {
	if len(key) == 0 {
		return dst
	}
	first := len(dst)
	for n := s.headOf(i, key); n != 0; n = s.slab.rec(n).same[i].next {
		s.last = n
		dst = append(dst, Lease{})
		s.read(n, &dst[len(dst)-1])
	}
	byAddr(dst[first:])
	return dst
}

func (s *Store) headOf(i int, key []byte) uint32 {
	return s.same[i].find(s.hashKey(i, key), func(n uint32) bool {
		return equalKey(i, s.texts.part(s.slab.rec(n).text, i), key)
	})
}

func (s *Store) hashKey(i int, key []byte) uint64 {
	if i != byName || !hasUpper(key) {
		return maphash.Bytes(s.seed, key)
	}
	var buf [256]byte
	lower := append(buf[:0], key...)
	for j, c := range lower {
		lower[j] = toLower(c)
	}
	return maphash.Bytes(s.seed, lower)
}

func hasUpper(b []byte) bool {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			return true
		}
	}
	return false
}

func toLower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func equalKey(i int, a, b []byte) bool {
	if i != byName {
		return bytes.Equal(a, b)
	}
	if len(a) != len(b) {
		return false
	}
	for j := range a {
		if toLower(a[j]) != toLower(b[j]) {
			return false
		}
	}
	return true
}

// index puts record n at the head of the list of its key. Empty keys are not
// indexed.
func (s *Store) index(n uint32, i int) {
	r := s.slab.rec(n)
	key := s.texts.part(r.text, i)
	if len(key) == 0 || s.filling {
		return
	}
	h := s.hashKey(i, key)
	head := s.same[i].find(h, func(o uint32) bool {
		return equalKey(i, s.texts.part(s.slab.rec(o).text, i), key)
	})
	r.same[i] = link{next: head}
	if head == 0 {
		s.same[i].add(h, n)
		return
	}
	s.slab.rec(head).same[i].prev = n
	s.same[i].swap(h, head, n)
}

func (s *Store) unindex(n uint32, i int) {
	r := s.slab.rec(n)
	key := s.texts.part(r.text, i)
	if len(key) == 0 || s.filling {
		return
	}
	l := r.same[i]
	r.same[i] = link{}
	if l.next != 0 {
		s.slab.rec(l.next).same[i].prev = l.prev
	}
	switch {
	case l.prev != 0:
		s.slab.rec(l.prev).same[i].next = l.next
	case l.next != 0:
		s.same[i].swap(s.hashKey(i, key), n, l.next)
	default:
		s.same[i].remove(s.hashKey(i, key), n)
	}
}
