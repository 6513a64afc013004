package listen

import (
	"errors"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// errNoSocket is what Send reports when no open socket can carry a datagram.
var errNoSocket = errors.New("no socket to send from")

// sender is the argument of sendmmsg, and what calls it, allocated once for
// each goroutine that is sending.
type sender struct {
	msgs    *messages
	headers [maxBatch][headerLen]byte
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

// Send sends the datagrams in order. It never waits: a datagram that cannot
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
	for i := range out {
		b.prepare(i, &out[i])
	}
	b.from, b.to = 0, len(out)
	for b.from < b.to {
		if err := sock.raw.Control(b.write); err != nil {
			for i := b.from; i < b.to; i++ {
				s.failed(&out[i], errNoSocket)
			}
			return
		}
		switch {
		case b.errno == unix.EINTR:
		case b.errno == unix.EMSGSIZE && out[b.from].Frame:
			// Larger than the link's MTU: through UDP the system fragments it.
			o := out[b.from]
			o.Frame = false
			s.Send([]Outgoing{o})
			b.from++
		case b.errno != 0:
			s.failed(&out[b.from], b.errno)
			b.from++
		default:
			b.from += b.sent
		}
	}
}

func (b *sender) prepare(i int, o *Outgoing) {
	m := b.msgs
	h := &m.hdrs[i].hdr
	v := &m.iovs[i]
	if o.Frame {
		putHeaders(&b.headers[i], o.Src, o.Dst, o.Data)
		v[0].Base = &b.headers[i][0]
		v[0].SetLen(headerLen)
		v[1].Base = &o.Data[0]
		v[1].SetLen(len(o.Data))
		h.SetIovlen(2)
		h.Namelen = m.names[i].putLink(o.Iface.Index, o.HWDst)
		h.Control = nil
		h.SetControllen(0)
		return
	}
	v[0].Base = &o.Data[0]
	v[0].SetLen(len(o.Data))
	h.SetIovlen(1)
	index := 0
	if o.Iface != nil {
		index = o.Iface.Index
	}
	scope := 0
	if o.Dst.Addr().IsLinkLocalUnicast() || o.Dst.Addr().IsLinkLocalMulticast() {
		scope = index
	}
	h.Namelen = m.names[i].putInet(o.Dst, scope)
	src := netip.Addr{}
	if o.Src.Addr().IsValid() {
		src = o.Src.Addr()
	}
	m.putPktinfo(i, src, index, !o.Dst.Addr().Is4())
}
