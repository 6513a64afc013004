package server

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"leasehold/server/wire"
)

// What clients say and understand is written here by hand, so that a mistake in
// the server's own codec does not meet itself.

// message builds what a client sends in a phase, about an address.
func (c *simClient) message(p simPhase, addr netip.Addr) []byte {
	if c.s.o.family == 6 {
		return c.message6(p, addr)
	}
	return c.message4(p, addr)
}

var simTypes4 = map[simPhase]byte{
	clientSelecting: 1, clientRequesting: 3, clientRenewing: 3, clientRebinding: 3, clientRebooting: 3,
	simDecline: 4, simRelease: 7,
}

func (c *simClient) message4(p simPhase, addr netip.Addr) []byte {
	b := make([]byte, 240, 320)
	b[0], b[1], b[2] = 1, 1, 6
	binary.BigEndian.PutUint32(b[4:], c.xid)
	binary.BigEndian.PutUint16(b[8:], uint16((c.s.now-c.began)/time.Second))
	copy(b[28:], c.hw)
	copy(b[236:], []byte{99, 130, 83, 99})
	option := func(code byte, value []byte) {
		b = append(append(b, code, byte(len(value))), value...)
	}
	option(53, []byte{simTypes4[p]})
	if c.id != nil {
		option(61, c.id)
	}
	switch p {
	case clientRenewing, clientRebinding, simRelease:
		if addr.IsValid() {
			copy(b[12:], addr.AsSlice())
		}
	case clientRequesting, clientRebooting, simDecline:
		if addr.IsValid() {
			option(50, addr.AsSlice())
		}
	}
	if (p == clientRequesting || p == simDecline || p == simRelease) && len(c.server) > 0 {
		option(54, c.server)
	}
	return append(b, 255)
}

var simTypes6 = map[simPhase]byte{
	clientSelecting: wire.Solicit, clientRequesting: wire.Request, clientRenewing: wire.Renew,
	clientRebinding: wire.Rebind, clientRebooting: wire.Rebind, simDecline: wire.Decline, simRelease: wire.Release,
}

func (c *simClient) message6(p simPhase, addr netip.Addr) []byte {
	b := []byte{simTypes6[p], byte(c.xid >> 16), byte(c.xid >> 8), byte(c.xid)}
	option := func(dst []byte, code uint16, value []byte) []byte {
		dst = binary.BigEndian.AppendUint16(dst, code)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(value)))
		return append(dst, value...)
	}
	b = option(b, wire.Opt6ClientID, c.id)
	switch p {
	case clientRequesting, clientRenewing, simDecline, simRelease:
		b = option(b, wire.Opt6ServerID, c.server)
	}
	elapsed := min((c.s.now-c.began)/(10*time.Millisecond), 0xffff)
	b = option(b, wire.Opt6ElapsedTime, binary.BigEndian.AppendUint16(nil, uint16(elapsed)))
	ia := make([]byte, 12)
	ia[3] = 1
	if addr.IsValid() && p != clientSelecting {
		ia = option(ia, wire.Opt6IAAddr, append(addr.AsSlice(), make([]byte, 8)...))
	}
	return option(b, wire.Opt6IANA, ia)
}

// mine says whether a response is for this client.
func (c *simClient) mine(b []byte) bool {
	if c.s.o.family == 4 {
		return len(b) > 240 && bytes.Equal(b[28:34], c.hw) && binary.BigEndian.Uint32(b[4:]) == c.xid
	}
	if len(b) < 4 || uint32(b[1])<<16|uint32(b[2])<<8|uint32(b[3]) != c.xid {
		return false
	}
	id, _ := find6(b[4:], wire.Opt6ClientID)
	return bytes.Equal(id, c.id)
}

func (c *simClient) read(b []byte) (simResponse, bool) {
	if c.s.o.family == 6 {
		return read6(b)
	}
	return read4(b)
}

func read4(b []byte) (r simResponse, ok bool) {
	if len(b) < 241 || b[0] != 2 {
		return r, false
	}
	r.xid = binary.BigEndian.Uint32(b[4:])
	r.addr = netip.AddrFrom4([4]byte(b[16:20]))
	seconds := func(v []byte) time.Duration { return time.Duration(binary.BigEndian.Uint32(v)) * time.Second }
	for o := b[240:]; len(o) >= 2 && o[0] != 255; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		n := int(o[1])
		if len(o) < 2+n {
			return r, false
		}
		v := o[2 : 2+n]
		switch o[0] {
		case 51:
			r.valid = seconds(v)
		case 53:
			r.offer, r.granted, r.refused = v[0] == 2, v[0] == 5, v[0] == 6
		case 54:
			r.server = bytes.Clone(v)
		case 58:
			r.t1 = seconds(v)
		case 59:
			r.t2 = seconds(v)
		}
		o = o[2+n:]
	}
	return r, r.offer || r.granted || r.refused
}

func find6(b []byte, code uint16) ([]byte, bool) {
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < 4+n {
			return nil, false
		}
		if binary.BigEndian.Uint16(b) == code {
			return b[4 : 4+n], true
		}
		b = b[4+n:]
	}
	return nil, false
}

// read6 understands one IA_NA. A reply without an address for it is a refusal.
func read6(b []byte) (r simResponse, ok bool) {
	r.xid = uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	if v, ok := find6(b[4:], wire.Opt6ServerID); ok {
		r.server = bytes.Clone(v)
	}
	ia, found := find6(b[4:], wire.Opt6IANA)
	if !found || len(ia) < 12 {
		return r, false
	}
	r.t1 = time.Duration(binary.BigEndian.Uint32(ia[4:])) * time.Second
	r.t2 = time.Duration(binary.BigEndian.Uint32(ia[8:])) * time.Second
	given := false
	for o := ia[12:]; len(o) >= 4; {
		n := int(binary.BigEndian.Uint16(o[2:]))
		if len(o) < 4+n {
			break
		}
		if v := o[4 : 4+n]; binary.BigEndian.Uint16(o) == wire.Opt6IAAddr && n >= 24 && binary.BigEndian.Uint32(v[20:]) > 0 {
			r.addr, given = netip.AddrFrom16([16]byte(v[:16])), true
			r.valid = time.Duration(binary.BigEndian.Uint32(v[20:])) * time.Second
		}
		o = o[4+n:]
	}
	r.offer = given && b[0] == wire.Advertise
	r.granted = given && b[0] == wire.Reply
	r.refused = !given && b[0] == wire.Reply
	return r, r.offer || r.granted || r.refused
}
