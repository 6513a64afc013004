package listen

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"leasehold/server/wire"
)

// maxBatch is the number of datagrams one system call moves.
const maxBatch = 64

// Socket is one open socket of a Set.
type Socket struct {
	key  key
	set  *Set
	want wanted // as last applied; owned by the Set

	file   *os.File
	raw    syscall.RawConn
	wake   *os.File // ends the wait of Receive; nil: the runtime's poller waits
	closed atomic.Bool
	whole  atomic.Bool // the system makes no datagrams of a bundle

	// Owned by the goroutine that calls Receive.
	msgs  *messages
	limit int
	got   int
	errno unix.Errno
	read  func(fd uintptr) bool
	polls [2]unix.PollFd // the socket and wake
	since time.Time      // when another goroutine could last have had the processor
}

// maxAlone is how many sockets of a Set wait for datagrams in a thread of their
// own. Through the runtime's poller every datagram would wake a second thread,
// which costs as much as to answer it; but threads are limited in number.
const maxAlone = 64

// newSocket makes a Socket of fd, which is closed in case of an error. alone:
// Receive waits in a thread of its own.
func newSocket(set *Set, k key, fd int, alone bool) (*Socket, error) {
	s := &Socket{key: k, set: set, msgs: newMessages(maxBatch)}
	// The runtime's poller takes non-blocking descriptors only. No system call of
	// ours blocks on it either way.
	if err := unix.SetNonblock(fd, !alone); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	s.file = os.NewFile(uintptr(fd), "dhcp")
	raw, err := s.file.SyscallConn()
	if err != nil {
		s.file.Close()
		return nil, err
	}
	s.raw = raw
	s.read = func(fd uintptr) bool {
		s.got, s.errno = recvmmsg(fd, s.msgs.hdrs[:s.limit])
		return s.errno != unix.EAGAIN
	}
	if !alone {
		return s, nil
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		s.file.Close()
		return nil, os.NewSyscallError("eventfd", err)
	}
	s.wake = os.NewFile(uintptr(wake), "wake")
	s.polls = [2]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	s.read = s.readAlone
	return s, nil
}

// yieldEvery is how often who waits alone gives way to other goroutines. Whoever
// never does is taken for one that computes without end: after ten milliseconds
// the runtime would take the processor away, again and again.
const yieldEvery = 5 * time.Millisecond

// readAlone is read for a socket that waits by itself.
func (s *Socket) readAlone(fd uintptr) bool {
	if now := time.Now(); now.Sub(s.since) > yieldEvery {
		runtime.Gosched()
		s.since = now
	}
	full := s.got == s.limit // more is there, most likely
	for s.got, s.errno = 0, unix.EAGAIN; ; full = false {
		if !full {
			if _, err := unix.Poll(s.polls[:], -1); err == unix.EINTR {
				continue
			}
			if s.polls[1].Revents != 0 {
				return true
			}
		}
		if s.got, s.errno = recvmmsg(fd, s.msgs.hdrs[:s.limit]); s.errno != unix.EAGAIN {
			return true
		}
	}
}

// interrupt ends the wait of Receive, now and later. The Set is quiet, or the
// Socket closed.
func (s *Socket) interrupt() {
	if s.wake != nil {
		_, _ = s.wake.Write([]byte{7: 1})
		return
	}
	_ = s.file.SetReadDeadline(time.Unix(1, 0))
}

// served frees what Receive needed: it is not called again.
func (s *Socket) served() {
	if s.wake != nil {
		s.wake.Close()
	}
}

// Serving describes the socket.
func (s *Socket) Serving() Serving {
	v := Serving{Interface: s.want.iface, Kind: s.key.kind.String()}
	if s.key.addr.IsValid() {
		v.Address = s.key.addr.String()
	}
	return v
}

// Receive waits until datagrams are there and fills the first n of batch, whose
// entries it may reorder. What is no DHCP datagram (cut off, lengths or
// checksum wrong) is counted by Set.Rejected and left out. At most one goroutine
// may be in Receive. The error is net.ErrClosed once the socket is closed.
func (s *Socket) Receive(batch []*Datagram) (n int, err error) {
	s.limit = min(len(batch), maxBatch)
	for n == 0 {
		if s.ended() {
			return 0, net.ErrClosed
		}
		for i, d := range batch[:s.limit] {
			s.msgs.prepare(i, d.buf)
		}
		if err := s.raw.Read(s.read); err != nil {
			if s.ended() {
				return 0, net.ErrClosed
			}
			return 0, fmt.Errorf("wait for datagrams on %s: %w", s.want.iface, err)
		}
		if s.errno != 0 {
			// ENETDOWN and the like are reported once and concern no datagram;
			// an interface that is gone is closed by the Set.
			if s.errno == unix.EBADF {
				return 0, net.ErrClosed
			}
			continue
		}
		view := s.set.view.Load()
		for i := range s.got {
			if s.accept(view, i, batch[i]) {
				batch[n], batch[i] = batch[i], batch[n]
				n++
			} else {
				s.set.rejected.Add(1)
			}
		}
	}
	return n, nil
}

func (s *Socket) ended() bool { return s.closed.Load() || s.set.quiet.Load() }

// accept makes message i the datagram d.
func (s *Socket) accept(view *view, i int, d *Datagram) bool {
	m := s.msgs
	if m.hdrs[i].hdr.Flags&unix.MSG_TRUNC != 0 {
		return false
	}
	data := d.buf[:m.hdrs[i].n]
	if s.key.kind == packet4 {
		return s.acceptPacket(view, i, d, data)
	}
	dst, ifindex, ok := m.pktinfo(i)
	if !ok {
		return false
	}
	at, ok := view.places[ifindex]
	if !ok {
		return false
	}
	d.Data = data
	d.Arrival = wire.Arrival{
		Iface: at.iface,
		Src:   m.names[i].inet(),
		Dst:   netip.AddrPortFrom(dst, s.set.port),
		Local: dst,
	}
	if s.key.kind == broadcast4 || s.key.kind == multicast6 {
		d.Arrival.Multi = true
		d.Arrival.Local = at.local
	}
	return true
}

func (s *Socket) acceptPacket(view *view, i int, d *Datagram, data []byte) bool {
	ifindex, mac := s.msgs.names[i].link()
	at, ok := view.places[ifindex]
	if !ok || ifindex != s.key.ifindex {
		return false
	}
	src, dst, payload, err := parseFrame(data)
	if err != nil || dst.Port() != s.set.port {
		return false
	}
	d.Data = payload
	d.Arrival = wire.Arrival{Iface: at.iface, Src: src, Dst: dst, Local: dst.Addr(), Link: true, HWSrc: mac}
	ours := func(p netip.Prefix) bool { return p.Addr() == dst.Addr() }
	if !slices.ContainsFunc(at.iface.V4, ours) {
		if !isBroadcast(at.iface, dst.Addr()) {
			return false // on its way through this host to another
		}
		d.Arrival.Multi = true
		d.Arrival.Local = at.local
	}
	return true
}

func isBroadcast(iface *wire.Interface, dst netip.Addr) bool {
	return dst == limitedBroadcast || slices.ContainsFunc(iface.V4, func(p netip.Prefix) bool {
		b, ok := broadcastOf(p)
		return ok && b == dst
	})
}

// lost is what found the queue full. A UDP socket with a filter counts what the
// filter refuses as well, and cannot say.
func (s *Socket) lost() uint64 {
	if len(s.want.except) > 0 {
		return 0
	}
	return uint64(s.memory()[unix.SK_MEMINFO_DROPS])
}

// Backlog returns how many bytes of memory the datagrams that wait to be
// received take, and how many they may.
func (s *Socket) Backlog() (waiting, room int) {
	m := s.memory()
	return int(m[unix.SK_MEMINFO_RMEM_ALLOC]), int(m[unix.SK_MEMINFO_RCVBUF])
}

func (s *Socket) memory() (m [unix.SK_MEMINFO_VARS]uint32) {
	size := uint32(unsafe.Sizeof(m))
	_ = s.raw.Control(func(fd uintptr) {
		_, _, _ = unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&m)), uintptr(unsafe.Pointer(&size)), 0)
	})
	return m
}

func (s *Socket) close() {
	s.closed.Store(true)
	if s.wake != nil {
		s.interrupt()
	}
	s.file.Close()
}
