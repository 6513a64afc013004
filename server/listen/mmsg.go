package listen

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// sockaddr has room for sockaddr_in, sockaddr_in6 and sockaddr_ll.
type sockaddr [28]byte

// control has room, and the alignment, for the control messages of ours.
type control [8]uint64

// messages is the argument of one recvmmsg or sendmmsg, allocated once.
type messages struct {
	hdrs  []mmsghdr
	iovs  []unix.Iovec // two for each message
	names []sockaddr
	ctls  []control
}

func newMessages(n int) *messages {
	m := &messages{
		hdrs:  make([]mmsghdr, n),
		iovs:  make([]unix.Iovec, 2*n),
		names: make([]sockaddr, n),
		ctls:  make([]control, n),
	}
	for i := range m.hdrs {
		h := &m.hdrs[i].hdr
		h.Iov = &m.iovs[i]
		h.SetIovlen(1)
		h.Name = &m.names[i][0]
	}
	return m
}

// prepare readies message i to receive into buf.
func (m *messages) prepare(i int, buf []byte) {
	h := &m.hdrs[i].hdr
	setIovec(&m.iovs[i], buf)
	h.Namelen = uint32(len(m.names[i]))
	h.Control = (*byte)(unsafe.Pointer(&m.ctls[i]))
	h.SetControllen(len(m.ctls[i]) * 8)
	h.Flags = 0
}

func setIovec(v *unix.Iovec, b []byte) {
	v.Base = &b[0]
	v.SetLen(len(b))
}

func recvmmsg(fd uintptr, h []mmsghdr) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&h[0])), uintptr(len(h)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

func sendmmsg(fd uintptr, h []mmsghdr) (int, unix.Errno) {
	n, _, e := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&h[0])), uintptr(len(h)),
		unix.MSG_DONTWAIT, 0, 0)
	return int(n), e
}

// pktinfo returns the destination address and the interface of a received
// message, from IP_PKTINFO or IPV6_PKTINFO.
func (m *messages) pktinfo(i int) (dst netip.Addr, ifindex int, ok bool) {
	h := &m.hdrs[i].hdr
	b := unsafe.Slice((*byte)(unsafe.Pointer(&m.ctls[i])), len(m.ctls[i])*8)
	c := (*unix.Cmsghdr)(unsafe.Pointer(&m.ctls[i]))
	if int(h.Controllen) < unix.SizeofCmsghdr || h.Flags&unix.MSG_CTRUNC != 0 {
		return dst, 0, false
	}
	data := b[unix.CmsgLen(0):]
	switch {
	case c.Level == unix.IPPROTO_IP && c.Type == unix.IP_PKTINFO:
		ifindex = int(binary.NativeEndian.Uint32(data))
		return netip.AddrFrom4([4]byte(data[8:12])), ifindex, true
	case c.Level == unix.IPPROTO_IPV6 && c.Type == unix.IPV6_PKTINFO:
		ifindex = int(binary.NativeEndian.Uint32(data[16:]))
		return netip.AddrFrom16([16]byte(data[:16])), ifindex, true
	}
	return dst, 0, false
}

// putPktinfo makes the source address and the interface of message i those
// given. A zero address and interface 0 leave the choice to the system.
func (m *messages) putPktinfo(i int, src netip.Addr, ifindex int, v6 bool) {
	h := &m.hdrs[i].hdr
	ctl := &m.ctls[i]
	b := unsafe.Slice((*byte)(unsafe.Pointer(ctl)), len(ctl)*8)
	c := (*unix.Cmsghdr)(unsafe.Pointer(ctl))
	data := b[unix.CmsgLen(0):]
	size := unix.SizeofInet4Pktinfo
	if v6 {
		size = unix.SizeofInet6Pktinfo
		c.Level, c.Type = unix.IPPROTO_IPV6, unix.IPV6_PKTINFO
		a := [16]byte{}
		if src.IsValid() {
			a = src.As16()
		}
		copy(data, a[:])
		binary.NativeEndian.PutUint32(data[16:], uint32(ifindex))
	} else {
		c.Level, c.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
		a := [4]byte{}
		if src.Is4() {
			a = src.As4()
		}
		binary.NativeEndian.PutUint32(data, uint32(ifindex))
		copy(data[4:], a[:])
		clear(data[8:12])
	}
	c.SetLen(unix.CmsgLen(size))
	h.Control = (*byte)(unsafe.Pointer(ctl))
	h.SetControllen(unix.CmsgSpace(size))
}

// putSegment has the system cut message i into datagrams of size bytes. It comes
// after putPktinfo.
func (m *messages) putSegment(i, size int) {
	h := &m.hdrs[i].hdr
	at := int(h.Controllen)
	b := unsafe.Slice((*byte)(unsafe.Pointer(&m.ctls[i])), len(m.ctls[i])*8)[at:]
	c := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	c.Level, c.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	c.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(b[unix.CmsgLen(0):], uint16(size))
	h.SetControllen(at + unix.CmsgSpace(2))
}

func (s *sockaddr) putInet(to netip.AddrPort, scope int) uint32 {
	binary.BigEndian.PutUint16(s[2:], to.Port())
	if to.Addr().Is4() {
		binary.NativeEndian.PutUint16(s[:], unix.AF_INET)
		a := to.Addr().As4()
		copy(s[4:], a[:])
		return unix.SizeofSockaddrInet4
	}
	binary.NativeEndian.PutUint16(s[:], unix.AF_INET6)
	clear(s[4:8])
	a := to.Addr().As16()
	copy(s[8:], a[:])
	binary.NativeEndian.PutUint32(s[24:], uint32(scope))
	return unix.SizeofSockaddrInet6
}

func (s *sockaddr) inet() netip.AddrPort {
	port := binary.BigEndian.Uint16(s[2:])
	if binary.NativeEndian.Uint16(s[:]) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s[8:24])), port)
}

func (s *sockaddr) putLink(ifindex int, mac [6]byte) uint32 {
	binary.NativeEndian.PutUint16(s[:], unix.AF_PACKET)
	binary.BigEndian.PutUint16(s[2:], unix.ETH_P_IP)
	binary.NativeEndian.PutUint32(s[4:], uint32(ifindex))
	clear(s[8:11])
	s[11] = byte(len(mac))
	copy(s[12:], mac[:])
	return unix.SizeofSockaddrLinklayer
}

func (s *sockaddr) link() (ifindex int, mac [6]byte) {
	return int(binary.NativeEndian.Uint32(s[4:])), [6]byte(s[12:18])
}
