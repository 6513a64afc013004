package server

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"leasehold/server/engine"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// pinger sends ICMP echo requests to addresses that are to be offered, all
// through one socket, which is opened with the first. Without a socket every
// address counts as free: clients are served, and the log says so.
type pinger struct {
	log    *logging.Sink
	bring  func(engine.Pinged)
	listen func() (*icmp.PacketConn, error)

	mu     sync.Mutex // guards the rest
	conn   *icmp.PacketConn
	down   bool   // opening failed, and was told
	number uint32 // of the last request: identifier and sequence
	secret uint64 // in every request, so that answers to others are not ours
	probes map[netip.Addr]*probe
	reader sync.WaitGroup
}

// probe is one address under way.
type probe struct {
	engine.Ping
	sent   uint32 // requests
	number uint32 // of the last one
	timer  *time.Timer
	due    time.Time // when it expires
	late   bool      // it expired late, and was given a moment
}

func listenICMP() (*icmp.PacketConn, error) { return icmp.ListenPacket("ip4:icmp", "0.0.0.0") }

// firstRequest is identifier 1, sequence 1, of which the log begins to count.
const firstRequest = 1<<16 | 1

// ping begins a probe.
func (p *pinger) ping(x engine.Ping) {
	p.mu.Lock()
	if !p.open() {
		p.mu.Unlock()
		p.bring(engine.Pinged{ID: x.ID, Addr: x.Addr})
		return
	}
	b := &probe{Ping: x}
	p.probes[x.Addr] = b
	b.due = time.Now().Add(x.Timeout)
	b.timer = time.AfterFunc(x.Timeout, func() { p.expired(b) })
	free := !p.send(b)
	p.mu.Unlock()
	if free {
		p.end(b, false)
	}
}

// open makes the socket if there is none. p.mu is held.
func (p *pinger) open() bool {
	if p.conn != nil {
		return true
	}
	c, err := p.listen()
	if err != nil {
		if !p.down {
			p.log.Log(message.PingCheckChannelDown, "addresses are offered unprobed: open an ICMP socket: %v", err)
		}
		p.down = true
		return false
	}
	p.down, p.conn, p.number, p.secret = false, c, firstRequest-1, rand.Uint64()
	p.probes = make(map[netip.Addr]*probe)
	p.reader.Go(func() { p.read(c) })
	return true
}

// send sends the next request of a probe; false if the address cannot be
// reached at all. p.mu is held.
func (p *pinger) send(b *probe) bool {
	p.number++
	b.sent++
	b.number = p.number
	id, seq := int(p.number>>16), int(p.number&0xffff)
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: seq, Data: binary.BigEndian.AppendUint64(nil, p.secret)}}
	text, err := m.Marshal(nil)
	if err == nil {
		_, err = p.conn.WriteTo(text, &net.IPAddr{IP: b.Addr.AsSlice()})
	}
	switch {
	case err == nil:
		p.log.Log(message.PingCheckSent, "to address %s, id %d, sequence %d", b.Addr, id, seq)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		p.log.Log(message.PingCheckUnreachable, "for %s, id %d, sequence %d: %v", b.Addr, id, seq, err)
		return false
	default:
		p.log.Log(message.PingCheckSendFail, "to %s: %v", b.Addr, err)
	}
	return true
}

// moment is how late a probe may expire without a doubt that this process ran
// meanwhile, and so read what had arrived; else it has as long to do so.
const moment = 100 * time.Millisecond

// expired sends another request, or gives up: nobody is there.
func (p *pinger) expired(b *probe) {
	p.mu.Lock()
	if p.probes[b.Addr] != b {
		p.mu.Unlock()
		return
	}
	if !b.late && time.Since(b.due) > moment {
		b.late = true
		b.timer.Reset(moment)
		p.mu.Unlock()
		return
	}
	p.log.Log(message.PingCheckTimeout, "for %s, ECHO REQUEST %d of %d, reply-timeout %d", b.Addr, b.sent, b.Requests, b.Timeout.Milliseconds())
	more := b.sent < b.Requests && p.send(b)
	if more {
		b.due, b.late = time.Now().Add(b.Timeout), false
		b.timer.Reset(b.Timeout)
	}
	p.mu.Unlock()
	if !more {
		p.end(b, false)
	}
}

// end tells the engine what became of a probe, once.
func (p *pinger) end(b *probe, taken bool) {
	p.mu.Lock()
	current := p.probes[b.Addr] == b
	if current {
		delete(p.probes, b.Addr)
		b.timer.Stop()
	}
	p.mu.Unlock()
	if !current {
		return
	}
	if !taken {
		p.log.Log(message.PingCheckFree, "address %s is free to use", b.Addr)
	}
	p.bring(engine.Pinged{ID: b.ID, Addr: b.Addr, Taken: taken})
}

// read takes answers until the socket is closed.
func (p *pinger) read(c *icmp.PacketConn) {
	buf := make([]byte, 1500)
	for {
		n, from, err := c.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			p.log.Log(message.PingCheckReceiveFail, "%v", err)
			return
		}
		if ip, ok := from.(*net.IPAddr); ok {
			if a, ok := netip.AddrFromSlice(ip.IP); ok {
				p.received(a.Unmap(), buf[:n])
			}
		}
	}
}

// received looks for the probe that a datagram answers.
func (p *pinger) received(from netip.Addr, text []byte) {
	m, err := icmp.ParseMessage(1, text)
	if err != nil {
		return
	}
	switch body := m.Body.(type) {
	case *icmp.Echo:
		if m.Type != ipv4.ICMPTypeEchoReply || len(body.Data) != 8 {
			return
		}
		if b := p.answered(from, body.ID, body.Seq, binary.BigEndian.Uint64(body.Data)); b != nil {
			p.log.Log(message.PingCheckReply, "from %s, id %d, sequence %d", from, body.ID, body.Seq)
			p.end(b, true)
		}
	case *icmp.DstUnreach:
		to, id, seq, err := quoted(body.Data)
		if err != nil {
			return
		}
		if b := p.answered(to, id, seq, p.secret); b != nil {
			p.log.Log(message.PingCheckUnreachable, "for %s, id %d, sequence %d", to, id, seq)
			p.end(b, false)
		}
	}
}

// answered returns the probe that one of our requests belongs to; nil if it is
// none of ours. A late answer to an earlier request counts.
func (p *pinger) answered(addr netip.Addr, id, seq int, secret uint64) *probe {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.probes[addr]
	if b == nil || secret != p.secret || b.number-(uint32(id)<<16|uint32(seq)) >= b.sent {
		return nil
	}
	return b
}

// quoted reads whom an echo request was for that an error message quotes.
func quoted(text []byte) (to netip.Addr, id, seq int, err error) {
	h, err := ipv4.ParseHeader(text)
	if err != nil {
		return to, 0, 0, err
	}
	if h.Protocol != 1 || len(text) < h.Len+8 || text[h.Len] != byte(ipv4.ICMPTypeEcho) {
		return to, 0, 0, fmt.Errorf("it quotes no echo request")
	}
	to, _ = netip.AddrFromSlice(h.Dst.To4())
	return to, int(binary.BigEndian.Uint16(text[h.Len+4:])), int(binary.BigEndian.Uint16(text[h.Len+6:])), nil
}

// close ends all probes without an answer: nobody waits for it any more.
func (p *pinger) close() {
	p.mu.Lock()
	c := p.conn
	p.conn = nil
	for _, b := range p.probes {
		b.timer.Stop()
	}
	clear(p.probes)
	p.mu.Unlock()
	if c != nil {
		c.Close()
		p.reader.Wait()
	}
}
