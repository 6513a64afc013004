package listen

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

const (
	ipHeaderLen  = 20
	udpHeaderLen = 8
	headerLen    = ipHeaderLen + udpHeaderLen

	protoUDP     = 17
	flagDF       = 0x4000
	fragmentMask = 0x3fff // more fragments, fragment offset
	ttl          = 128
	lowDelay     = 0x10 // type of service
)

// What parseFrame finds wrong with a packet.
var (
	errShort    = errors.New("shorter than its headers")
	errNotUDP   = errors.New("not an IPv4 UDP datagram")
	errFragment = errors.New("a fragment")
	errLength   = errors.New("lengths do not agree")
	errChecksum = errors.New("wrong checksum")
)

// putHeaders writes the IPv4 and UDP headers of payload. The identification is
// 0: RFC 6864 §4.1, an atomic datagram needs none.
func putHeaders(h *[headerLen]byte, src, dst netip.AddrPort, payload []byte) {
	be := binary.BigEndian
	s, d := src.Addr().As4(), dst.Addr().As4()
	h[0], h[1] = 0x45, lowDelay
	be.PutUint16(h[2:], uint16(headerLen+len(payload)))
	be.PutUint16(h[4:], 0)
	be.PutUint16(h[6:], flagDF)
	h[8], h[9] = ttl, protoUDP
	be.PutUint16(h[10:], 0)
	copy(h[12:], s[:])
	copy(h[16:], d[:])
	be.PutUint16(h[10:], ^fold(sum(0, h[:ipHeaderLen])))

	udp := h[ipHeaderLen:]
	be.PutUint16(udp[0:], src.Port())
	be.PutUint16(udp[2:], dst.Port())
	be.PutUint16(udp[4:], uint16(udpHeaderLen+len(payload)))
	be.PutUint16(udp[6:], 0)
	c := ^fold(sum(sum(pseudoSum(h[12:20], udpHeaderLen+len(payload)), udp), payload))
	if c == 0 {
		c = 0xffff // RFC 768: 0 would mean that there is none
	}
	be.PutUint16(udp[6:], c)
}

// parseFrame returns the addresses and the payload of an IPv4 UDP datagram.
// Bytes behind the datagram (Ethernet padding) are cut off.
func parseFrame(b []byte) (src, dst netip.AddrPort, payload []byte, err error) {
	be := binary.BigEndian
	if len(b) < headerLen {
		return src, dst, nil, errShort
	}
	ihl := int(b[0]&0x0f) * 4
	if b[0]>>4 != 4 || b[9] != protoUDP {
		return src, dst, nil, errNotUDP
	}
	if be.Uint16(b[6:])&fragmentMask != 0 {
		return src, dst, nil, errFragment
	}
	total := int(be.Uint16(b[2:]))
	if ihl < ipHeaderLen || total < ihl+udpHeaderLen || total > len(b) {
		return src, dst, nil, errLength
	}
	if fold(sum(0, b[:ihl])) != 0xffff {
		return src, dst, nil, errChecksum
	}
	udp := b[ihl:total]
	n := int(be.Uint16(udp[4:]))
	if n < udpHeaderLen || n > len(udp) {
		return src, dst, nil, errLength
	}
	udp = udp[:n]
	if !checksumOK(b[12:20], udp) {
		return src, dst, nil, errChecksum
	}
	src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[12:16])), be.Uint16(udp[0:]))
	dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(b[16:20])), be.Uint16(udp[2:]))
	return src, dst, udp[udpHeaderLen:], nil
}

// checksumOK accepts no checksum, a right one, and one that the sender left to
// its network card: on virtual links nobody completes it, and the field then
// holds the sum of the pseudo header alone.
func checksumOK(addrs, udp []byte) bool {
	field := binary.BigEndian.Uint16(udp[6:])
	pseudo := pseudoSum(addrs, len(udp))
	return field == 0 || field == fold(pseudo) || fold(sum(pseudo, udp)) == 0xffff
}

func pseudoSum(addrs []byte, udpLen int) uint64 {
	return sum(protoUDP+uint64(udpLen), addrs[:8])
}

// sum adds b to the one's complement sum s (RFC 1071), not yet folded.
func sum(s uint64, b []byte) uint64 {
	for len(b) >= 4 {
		s += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
