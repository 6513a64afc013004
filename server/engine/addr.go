package engine

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// u128 is an address as a number; v4 addresses use lo alone.
type u128 struct{ hi, lo uint64 }

func number(a netip.Addr) u128 {
	if a.Is4() {
		b := a.As4()
		return u128{0, uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return u128{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (n u128) addr4() netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n.lo))
	return netip.AddrFrom4(b)
}

func (n u128) addr6() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], n.hi)
	binary.BigEndian.PutUint64(b[8:], n.lo)
	return netip.AddrFrom16(b)
}

func (n u128) add(m u128) u128 {
	lo, c := bits.Add64(n.lo, m.lo, 0)
	hi, _ := bits.Add64(n.hi, m.hi, c)
	return u128{hi, lo}
}

func (n u128) sub(m u128) u128 {
	lo, b := bits.Sub64(n.lo, m.lo, 0)
	hi, _ := bits.Sub64(n.hi, m.hi, b)
	return u128{hi, lo}
}

func (n u128) less(m u128) bool { return n.hi < m.hi || n.hi == m.hi && n.lo < m.lo }

func (n u128) shl(s uint) u128 {
	switch {
	case s == 0:
		return n
	case s >= 64:
		return u128{n.lo << (s - 64), 0}
	}
	return u128{n.hi<<s | n.lo>>(64-s), n.lo << s}
}

func (n u128) shr(s uint) u128 {
	switch {
	case s == 0:
		return n
	case s >= 64:
		return u128{0, n.hi >> (s - 64)}
	}
	return u128{n.hi >> s, n.lo>>s | n.hi<<(64-s)}
}

// capped returns n as a pool index: everything beyond 1<<63 is 1<<63.
func (n u128) capped() uint64 {
	if n.hi != 0 || n.lo > 1<<63 {
		return 1 << 63
	}
	return n.lo
}

// addr4 returns the bytes of an IPv4 address; anything else is zero.
func addr4(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}
