package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Settings say whom to ask, and how.
type Settings struct {
	Version   int          // 4 or 6
	Servers   []netip.Addr // each is sent every question
	Interface string       // v6: ask there by multicast, too
	Subnet    netip.Prefix // where the clients say they are
	Clients   int
	Every     time.Duration // pause between two questions of a client
}

// Probe are clients that ask, from Run to its end.
type Probe struct {
	s    Settings
	conn *net.UDPConn
	own  map[netip.AddrPort]question // by server: from where we speak to it
	port bool

	mu      sync.Mutex
	clients []client
	phase   string
	report  Report
	all     chan struct{} // closed when each client was answered
	waiting int           // clients that were not yet
}

type client struct {
	mac    [6]byte
	serial uint32    // of questions
	since  time.Time // the first question that nobody has answered; zero: none
	heard  bool
}

// Report is what was measured.
type Report struct {
	Asked, Answered int
	Servers         map[string]int           // answers of each
	Gaps            map[string]time.Duration // longest time of a client without an answer, by the phase in which it ended
}

// The ports of servers and relay agents.
const (
	port4 = 67
	port6 = 547
)

// Open prepares to ask. The answers come to the port of relay agents where that
// is free, else to another one, which servers must understand (RFC 8357).
func Open(s Settings) (*Probe, error) {
	if s.Clients <= 0 || s.Clients > 255 {
		return nil, errors.New("there can be 1 to 255 clients")
	}
	p := &Probe{s: s, own: map[netip.AddrPort]question{},
		report: Report{Servers: map[string]int{}, Gaps: map[string]time.Duration{}}}
	network, port := "udp4", port4
	if s.Version == 6 {
		network, port = "udp6", port6
	}
	var to []netip.AddrPort
	for _, a := range s.Servers {
		to = append(to, netip.AddrPortFrom(a, uint16(port)))
	}
	if s.Version == 6 && s.Interface != "" {
		to = append(to, netip.AddrPortFrom(netip.MustParseAddr("ff02::1:2").WithZone(s.Interface), port6))
	}
	if len(to) == 0 {
		return nil, errors.New("no server to ask")
	}
	for _, server := range to {
		own, err := localAddress(network, server)
		if err != nil {
			return nil, fmt.Errorf("find the way to %s: %w", server.Addr(), err)
		}
		p.own[server] = question{link: s.Subnet.Addr(), relay: own}
	}
	var err error
	if p.conn, err = listen(network, p.own, port); err != nil {
		p.port = true
		if p.conn, err = net.ListenUDP(network, nil); err != nil {
			return nil, fmt.Errorf("open socket: %w", err)
		}
	}
	for range s.Clients {
		var c client
		rand.Read(c.mac[:])
		c.mac[0] = c.mac[0]&^1 | 2
		p.clients = append(p.clients, c)
	}
	return p, nil
}

// listen opens the port of relay agents, at our one address if there is one.
func listen(network string, own map[netip.AddrPort]question, port int) (*net.UDPConn, error) {
	at := &net.UDPAddr{Port: port}
	for _, q := range own {
		if at.IP != nil && !at.IP.Equal(q.relay.AsSlice()) {
			at.IP = nil
			break
		}
		at.IP = q.relay.AsSlice()
	}
	if network == "udp6" {
		at.IP = nil // multicast goes out from a link-local address
	}
	return net.ListenUDP(network, at)
}

// localAddress is from where a server is spoken to.
func localAddress(network string, server netip.AddrPort) (netip.Addr, error) {
	conn, err := net.DialUDP(network, nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}

// Run asks until ctx ends.
func (p *Probe) Run(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.listen()
	}()
	tick := time.NewTicker(max(p.s.Every/time.Duration(p.s.Clients), time.Millisecond))
	defer tick.Stop()
	for i := 0; ctx.Err() == nil; i++ {
		p.ask(i % p.s.Clients)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	p.conn.Close()
	<-done
}

// ask sends a question of one client to each server.
func (p *Probe) ask(i int) {
	p.mu.Lock()
	c := &p.clients[i]
	now := time.Now()
	if c.since.IsZero() {
		c.since = now
	}
	c.serial++
	p.report.Asked++
	xid := uint32(i)<<16 | c.serial&0xffff
	mac, tried := c.mac, now.Sub(c.since)
	p.mu.Unlock()
	for server, q := range p.own {
		q.xid, q.mac, q.tried, q.port = xid, mac, tried, p.port
		var m []byte
		if p.s.Version == 6 {
			m = q.append6(nil)
		} else {
			m = q.append4(nil)
		}
		// A host that is down may refuse: that is what is measured.
		_, _ = p.conn.WriteToUDPAddrPort(m, server)
	}
}

func (p *Probe) listen() {
	buf := make([]byte, 4096)
	for {
		n, _, err := p.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		read := read4
		if p.s.Version == 6 {
			read = read6
		}
		if xid, server, ok := read(buf[:n]); ok && err == nil {
			p.answered(xid, server, time.Now())
		}
	}
}

func (p *Probe) answered(xid uint32, server string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := int(xid >> 16)
	if i >= len(p.clients) {
		return
	}
	c := &p.clients[i]
	p.report.Servers[server]++
	if !c.heard && p.all != nil {
		c.heard = true
		if p.waiting--; p.waiting == 0 {
			close(p.all)
		}
	}
	if c.since.IsZero() {
		return // another server answered it, too
	}
	p.report.Answered++
	p.report.Gaps[p.phase] = max(p.report.Gaps[p.phase], now.Sub(c.since))
	c.since = time.Time{}
}

// Served returns what is closed when each client has been answered from now on.
func (p *Probe) Served() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.clients {
		p.clients[i].heard = false
	}
	p.all, p.waiting = make(chan struct{}), len(p.clients)
	return p.all
}

// Phase names what happens from now on.
func (p *Probe) Phase(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.phase = name
}

// Report returns what was measured until now. A client that waits still counts
// with the time that it has waited.
func (p *Probe) Report() Report {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.report
	r.Servers, r.Gaps = maps.Clone(r.Servers), maps.Clone(r.Gaps)
	now := time.Now()
	for i := range p.clients {
		c := &p.clients[i]
		if !c.since.IsZero() {
			r.Gaps[p.phase] = max(r.Gaps[p.phase], now.Sub(c.since))
		}
	}
	return r
}
