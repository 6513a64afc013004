package listen

import (
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// errNoSocket is what Send reports when no open socket can carry a datagram.
var errNoSocket = errors.New("no socket to send from")

// Limits of a bundle (UDP_SEGMENT): its bytes, and those of each datagram in it,
// so that no link has to fragment it.
const (
	maxBundle  = 60000
	maxSegment = 1232 // what IPv6 promises, RFC 8200 §5
)

// sender is the argument of sendmmsg, and what calls it, allocated once for
// each goroutine that is sending.
type sender struct {
	msgs    *messages
	headers [maxBatch][headerLen]byte
	order   [maxBatch]int     // the datagrams, those of one message together
	first   [maxBatch + 1]int // by message: its first in order
	from    int
	to      int
	sent    int
	errno   unix.Errno
	write   func(fd uintptr)
}

func newSender() *sender {
	b := &sender{msgs: newMessages(maxBatch)}
	b.write = func(fd uintptr) {
		b.sent, b.errno = sendmmsg(fd, b.msgs.hdrs[b.from:b.to])
	}
	return b
}

var senders = sync.Pool{New: func() any { return newSender() }}

// Send sends the datagrams, those to one address in order. It never waits: a datagram that cannot
// leave now is reported to Options.Failed and lost, as on a full link. It may be
// called from several goroutines at once.
func (s *Set) Send(out []Outgoing) {
	b := senders.Get().(*sender)
	view := s.view.Load()
	for len(out) > 0 {
		sock := view.route(&out[0])
		n := 1
		for n < len(out) && n < maxBatch && view.route(&out[n]) == sock {
			n++
		}
		if sock == nil {
			for i := range out[:n] {
				s.failed(&out[i], errNoSocket)
			}
		} else {
			b.send(s, sock, out[:n])
		}
		out = out[n:]
	}
	senders.Put(b)
}

// route picks the socket a datagram leaves through, nil if there is none.
func (v *view) route(o *Outgoing) *Socket {
	if len(o.Data) == 0 || o.Frame && o.Iface == nil {
		return nil
	}
	if o.Frame {
		return v.link
	}
	if o.Iface != nil {
		if sock := v.local6[o.Iface.Index]; sock != nil {
			return sock
		}
	}
	return v.udp
}

func (b *sender) send(s *Set, sock *Socket, out []Outgoing) {
	b.pack(sock, out)
	for b.from < b.to {
		members := b.order[b.first[b.from]:b.first[b.from+1]]
		if err := sock.raw.Control(b.write); err != nil {
			for _, i := range b.order[b.first[b.from]:len(out)] {
				s.failed(&out[i], errNoSocket)
			}
			return
		}
		switch {
		case b.errno == unix.EINTR:
		case b.errno == unix.EMSGSIZE && out[members[0]].Frame:
			// Larger than the link's MTU: through UDP the system fragments it.
			o := out[members[0]]
			o.Frame = false
			s.Send([]Outgoing{o})
			b.from++
		case b.errno != 0 && len(members) > 1:
			if b.errno == unix.EINVAL || b.errno == unix.EIO || b.errno == unix.EMSGSIZE {
				sock.whole.Store(true) // the system cannot cut, or not for this link
			}
			for _, i := range members {
				s.Send(out[i : i+1])
			}
			b.from++
		case b.errno != 0:
			s.failed(&out[members[0]], b.errno)
			b.from++
		default:
			b.from += b.sent
		}
	}
}

// pack makes messages of the datagrams.
func (b *sender) pack(sock *Socket, out []Outgoing) {
	var packed [maxBatch]bool
	whole := sock.whole.Load()
	n := 0
	b.from, b.to = 0, 0
	for i := range out {
		if packed[i] {
			continue
		}
		b.first[b.to] = n
		b.order[n] = i
		n++
		size := len(out[i].Data)
		if !whole && out[i].Bundle && size <= maxSegment {
			room := maxBundle/size - 1
			for j := i + 1; j < len(out) && room > 0; j++ {
				if !packed[j] && together(&out[i], &out[j]) {
					packed[j] = true
					b.order[n] = j
					n++
					room--
				}
			}
		}
		b.first[b.to+1] = n
		b.prepare(b.to, out)
		b.to++
	}
}

// together says whether two datagrams can be parts of one message.
func together(a, b *Outgoing) bool {
	return len(a.Data) == len(b.Data) && a.Dst == b.Dst && a.Src == b.Src && a.Iface == b.Iface &&
		a.Bundle && b.Bundle && !a.Frame && !b.Frame
}

// prepare readies message m of the datagrams that pack gave it.
func (b *sender) prepare(m int, out []Outgoing) {
	members := b.order[b.first[m]:b.first[m+1]]
	o := &out[members[0]]
	h := &b.msgs.hdrs[m].hdr
	v := b.msgs.iovs[2*b.first[m]:]
	h.Iov = &v[0]
	if o.Frame {
		putHeaders(&b.headers[m], o.Src, o.Dst, o.Data)
		setIovec(&v[0], b.headers[m][:])
		setIovec(&v[1], o.Data)
		h.SetIovlen(2)
		h.Namelen = b.msgs.names[m].putLink(o.Iface.Index, o.HWDst)
		h.Control = nil
		h.SetControllen(0)
		return
	}
	for k, i := range members {
		setIovec(&v[k], out[i].Data)
	}
	h.SetIovlen(len(members))
	index := 0
	if o.Iface != nil {
		index = o.Iface.Index
	}
	scope := 0
	if o.Dst.Addr().IsLinkLocalUnicast() || o.Dst.Addr().IsLinkLocalMulticast() {
		scope = index
	}
	h.Namelen = b.msgs.names[m].putInet(o.Dst, scope)
	src := netip.Addr{}
	if o.Src.Addr().IsValid() {
		src = o.Src.Addr()
	}
	b.msgs.putPktinfo(m, src, index, !o.Dst.Addr().Is4())
	if len(members) > 1 {
		b.msgs.putSegment(m, len(o.Data))
	}
}
