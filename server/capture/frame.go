package capture

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Datagram is a UDP datagram in a frame.
type Datagram struct {
	Src, Dst netip.AddrPort
	// HWSrc is the sender on the link, if HasHW (all but IP without a link).
	HWSrc   [6]byte
	HasHW   bool
	Payload []byte // a part of the frame
}

// Why a frame has no datagram for us.
var (
	errShort    = errors.New("cut off")
	errNotUDP   = errors.New("not UDP")
	errLink     = errors.New("link type not known")
	ErrFragment = errors.New("a fragment")
)

// Ethernet types.
const (
	typeIPv4  = 0x0800
	typeIPv6  = 0x86dd
	typeVLAN  = 0x8100
	typeQinQ  = 0x88a8
	typeOldQ  = 0x9100
	protoUDP  = 17
	udpHeader = 8
)

// Datagram finds the UDP datagram in a frame. The error is ErrFragment if it is
// one of several parts.
func (f *Frame) Datagram() (Datagram, error) {
	var d Datagram
	b, proto, err := d.link(f.Link, f.Data)
	if err != nil {
		return d, err
	}
	for proto == typeVLAN || proto == typeQinQ || proto == typeOldQ {
		if len(b) < 4 {
			return d, errShort
		}
		proto, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	switch proto {
	case typeIPv4:
		return d, d.ip4(b)
	case typeIPv6:
		return d, d.ip6(b)
	}
	return d, errNotUDP
}

// link takes the link-layer header off.
func (d *Datagram) link(t LinkType, b []byte) (rest []byte, proto uint16, err error) {
	be := binary.BigEndian
	length := map[LinkType]int{Null: 4, Loop: 4, Ethernet: 14, LinuxSLL: 16, LinuxSLL2: 20}[t]
	if len(b) < length || len(b) == 0 {
		return nil, 0, errShort
	}
	switch t {
	case Ethernet:
		d.HWSrc, d.HasHW = [6]byte(b[6:12]), true
		return b[14:], be.Uint16(b[12:]), nil
	case LinuxSLL:
		if be.Uint16(b[4:]) == 6 {
			d.HWSrc, d.HasHW = [6]byte(b[6:12]), true
		}
		return b[16:], be.Uint16(b[14:]), nil
	case LinuxSLL2:
		if b[11] == 6 {
			d.HWSrc, d.HasHW = [6]byte(b[12:18]), true
		}
		return b[20:], be.Uint16(b), nil
	case Null, Loop, Raw, IPv4, IPv6:
		// The version says more than the address family, whose number differs
		// between systems.
		if b = b[length:]; len(b) == 0 {
			return nil, 0, errShort
		}
		if b[0]>>4 == 6 {
			return b, typeIPv6, nil
		}
		return b, typeIPv4, nil
	}
	return nil, 0, errLink
}

func (d *Datagram) ip4(b []byte) error {
	if len(b) < 20 || b[0]>>4 != 4 {
		return errShort
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case b[9] != protoUDP:
		return errNotUDP
	case binary.BigEndian.Uint16(b[6:])&0x3fff != 0:
		return ErrFragment
	case head < 20 || total < head || total > len(b):
		return errShort
	}
	return d.udp(netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[head:total])
}

// IPv6 extension headers that may stand before UDP.
const (
	hopByHop    = 0
	routing     = 43
	fragment    = 44
	destination = 60
)

func (d *Datagram) ip6(b []byte) error {
	if len(b) < 40 || b[0]>>4 != 6 {
		return errShort
	}
	next, n := b[6], int(binary.BigEndian.Uint16(b[4:]))
	src, dst := netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40]))
	if b = b[40:]; n > len(b) {
		return errShort
	}
	b = b[:n]
	for next == hopByHop || next == routing || next == destination {
		if len(b) < 8 || len(b) < int(b[1])*8+8 {
			return errShort
		}
		next, b = b[0], b[int(b[1])*8+8:]
	}
	switch next {
	case protoUDP:
		return d.udp(src, dst, b)
	case fragment:
		return ErrFragment
	}
	return errNotUDP
}

func (d *Datagram) udp(src, dst netip.Addr, b []byte) error {
	if len(b) < udpHeader {
		return errShort
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	if n < udpHeader || n > len(b) {
		return errShort
	}
	d.Src = netip.AddrPortFrom(src, binary.BigEndian.Uint16(b))
	d.Dst = netip.AddrPortFrom(dst, binary.BigEndian.Uint16(b[2:]))
	d.Payload = b[udpHeader:n]
	return nil
}
