package listen

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	receiveBuffer = 4 << 20
	sendBuffer    = 4 << 20
)

// open opens the socket that k and w describe.
func (s *Set) open(k key, w wanted) (*Socket, error) {
	fd, kept := s.take(k, w)
	var err error
	if !kept {
		if fd, err = s.bind(k, w); err != nil {
			return nil, fmt.Errorf("open %s socket on %s: %w", k.kind, w.iface, err)
		}
	}
	sock, err := newSocket(s, k, fd, len(s.sockets) < maxAlone)
	if err != nil {
		return nil, fmt.Errorf("open %s socket on %s: %w", k.kind, w.iface, err)
	}
	sock.want = w
	if !kept {
		s.keep(k, fd)
	}
	return sock, nil
}

func (s *Set) bind(k key, w wanted) (fd int, err error) {
	const flags = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	switch k.kind {
	case packet4:
		// Protocol 0: nothing is queued before the filter is attached.
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|flags, 0)
	case unicast4, broadcast4:
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|flags, 0)
	default:
		fd, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|flags, 0)
	}
	if err != nil {
		return -1, explain(os.NewSyscallError("socket", err), k.kind)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	setBuffers(fd)
	if prog := s.filterOf(k, w); prog != nil {
		if err := attachFilter(fd, prog); err != nil {
			return -1, err
		}
	}
	switch k.kind {
	case packet4:
		sa := &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_IP), Ifindex: k.ifindex}
		if err := unix.Bind(fd, sa); err != nil {
			return -1, os.NewSyscallError("bind", err)
		}
		reassemble(fd)
		return fd, nil
	case unicast4, broadcast4:
		return fd, s.bind4(fd, k, w)
	default:
		return fd, s.bind6(fd, k, w)
	}
}

func (s *Set) bind4(fd int, k key, w wanted) error {
	if err := setInts(fd,
		option{unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		option{unix.SOL_SOCKET, unix.SO_BROADCAST, 1},
	); err != nil {
		return err
	}
	if k.kind == broadcast4 {
		if err := bindToDevice(fd, w.iface); err != nil {
			return err
		}
	}
	sa := &unix.SockaddrInet4{Port: int(s.port), Addr: k.addr.As4()}
	if err := unix.Bind(fd, sa); err != nil {
		return explain(fmt.Errorf("bind to %s port %d: %w", k.addr, s.port, err), k.kind)
	}
	return nil
}

func (s *Set) bind6(fd int, k key, w wanted) error {
	if err := setInts(fd,
		option{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		option{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		option{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0},
	); err != nil {
		return err
	}
	sa := &unix.SockaddrInet6{Port: int(s.port), Addr: k.addr.As16()}
	if k.ifindex != 0 {
		sa.ZoneId = uint32(k.ifindex)
		if err := bindToDevice(fd, w.iface); err != nil {
			return err
		}
	}
	if err := unix.Bind(fd, sa); err != nil {
		return explain(fmt.Errorf("bind to %s port %d: %w", k.addr, s.port, err), k.kind)
	}
	if k.kind == multicast6 {
		req := &unix.IPv6Mreq{Multiaddr: k.addr.As16(), Interface: uint32(k.ifindex)}
		if err := unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, req); err != nil {
			return fmt.Errorf("join %s: %w", k.addr, err)
		}
	}
	return nil
}

// filterOf returns the filter of a socket, nil for none.
func (s *Set) filterOf(k key, w wanted) []bpf.Instruction {
	switch {
	case k.kind == packet4:
		return packetFilter(k.ifindex, s.port, w.dsts)
	case len(w.except) > 0:
		return exceptFrom(w.except)
	}
	return nil
}

// update gives an open socket the filter of w.
func (s *Set) update(sock *Socket, w wanted) error {
	old := sock.want
	sock.want = w
	if slices.Equal(old.dsts, w.dsts) && slices.Equal(old.except, w.except) {
		return nil
	}
	var err error
	cerr := sock.raw.Control(func(fd uintptr) {
		err = setFilter(int(fd), s.filterOf(sock.key, w))
	})
	return errors.Join(cerr, err)
}

// openSender opens the packet socket that frames leave through, on whatever
// interface. With protocol 0 it receives nothing.
func openSender(set *Set) (*Socket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, explain(fmt.Errorf("open packet socket: %w", err), packet4)
	}
	setBuffers(fd)
	return newSocket(set, key{kind: packet4}, fd, false)
}

// reassemble has the kernel put fragments together before it hands a datagram
// to a packet socket, which sees frames as they come otherwise. It does so for
// fanout groups only: the socket becomes a group of its own. Where the kernel
// cannot, fragments are lost, as with Kea, and everything else is served.
func reassemble(fd int) {
	const alone = unix.PACKET_FANOUT_CPU | unix.PACKET_FANOUT_FLAG_DEFRAG | unix.PACKET_FANOUT_FLAG_UNIQUEID
	_ = unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_FANOUT, alone<<16)
}

// setBuffers asks for large buffers; without the privilege to force them the
// system's limit is what there is.
func setBuffers(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, sendBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	}
}

type option struct{ level, name, value int }

func setInts(fd int, opts ...option) error {
	for _, o := range opts {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("set socket option %d/%d: %w", o.level, o.name, err)
		}
	}
	return nil
}

func bindToDevice(fd int, name string) error {
	return os.NewSyscallError("bind to device "+name, unix.BindToDevice(fd, name))
}

// explain adds the cure where the cause is a missing capability.
func explain(err error, k kind) error {
	switch {
	case k == packet4 && errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w (needs CAP_NET_RAW, or dhcp-socket-type udp)", err)
	case errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w (needs CAP_NET_BIND_SERVICE)", err)
	}
	return err
}

func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(v >> 8), byte(v)})
}
