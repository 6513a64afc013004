package server

import (
	"net/netip"
	"time"

	"leasehold/ha"
)

// simPhase is what a client is doing.
type simPhase int

const (
	clientOff simPhase = iota
	clientSelecting
	clientRequesting
	clientBound
	clientRenewing
	clientRebinding
	clientRebooting
)

// simClient keeps to the timers of RFC 2131 §4.4 or RFC 9915 §15 and §18.2. A
// rogue sends what it likes, and keeps what it is given.
type simClient struct {
	s     *sim
	index int
	rogue bool
	hw    []byte
	id    []byte     // v4: option 61 or nothing; v6: DUID
	local netip.Addr // v6: link-local address

	phase   simPhase
	xid     uint32
	began   simTime // of the exchange, for secs and elapsed time
	try     int
	rto     time.Duration
	alarm   int
	addr    netip.Addr // offered, or held
	server  []byte     // its identifier
	t1, t2  simTime
	end     simTime
	quiet   bool // starts nothing new
	waiting simTime
}

func newSimClient(s *sim, i int, rogue bool) *simClient {
	c := &simClient{s: s, index: i, rogue: rogue, hw: []byte{2, 0, 0, 0, byte(i >> 8), byte(i)}}
	c.identify()
	if s.o.lopsided && s.demands.IntN(8) > 0 {
		for side := byte(s.seed & 1); ha.Hash(c.key())&1 != side; c.identify() {
			c.hw[1]++
		}
	}
	return c
}

// identify gives a client the identifier that goes with its hardware address.
func (c *simClient) identify() {
	s, i := c.s, c.index
	c.id = nil
	if s.o.family == 6 {
		c.id = append([]byte{0, 3, 0, 1}, c.hw...)
		c.local = netip.AddrFrom16([16]byte{0xfe, 0x80, 8: 1, 14: byte(i >> 8), 15: byte(i)})
	} else if i%2 == 0 {
		c.id = append([]byte{1}, c.hw...)
	}
}

// key is what decides which server serves the client.
func (c *simClient) key() []byte {
	if c.id != nil {
		return c.id
	}
	return c.hw
}

// source is the address that v4 messages come from.
func (c *simClient) source() netip.Addr {
	if c.phase >= clientBound && c.phase <= clientRebinding {
		return c.addr
	}
	return netip.IPv4Unspecified()
}

func (c *simClient) in(d time.Duration, do func()) {
	c.alarm++
	alarm := c.alarm
	c.s.in(d, func() {
		if c.alarm == alarm {
			do()
		}
	})
}

// init begins anew, without a lease.
func (c *simClient) init() {
	c.lose()
	if c.quiet {
		c.phase = clientOff
		return
	}
	if c.rogue {
		c.misbehave()
		return
	}
	c.waiting = c.s.now
	c.enter(clientSelecting)
}

// lose ends the lease for the client.
func (c *simClient) lose() {
	c.s.check.gone(c)
	c.addr, c.server = netip.Addr{}, nil
	if c.waiting == 0 {
		c.waiting = c.s.now
	}
}

// enter begins an exchange.
func (c *simClient) enter(p simPhase) {
	c.phase, c.began, c.try = p, c.s.now, 0
	c.xid = c.s.rnd.Uint32() & 0xffffff
	c.rto = c.first()
	c.send()
}

// first is the first interval after which a message is repeated.
func (c *simClient) first() time.Duration {
	switch {
	case c.s.o.family == 4:
		return 4 * time.Second
	case c.phase == clientRenewing, c.phase == clientRebinding:
		return 10 * time.Second
	}
	return time.Second
}

func (c *simClient) send() {
	c.try++
	to := netip.Addr{}
	if c.s.o.family == 4 && c.phase == clientRenewing {
		to = netip.AddrFrom4([4]byte(c.server))
	}
	c.s.net.fromClient(c, c.message(c.phase, c.addr), to)
	wait := c.rto + c.s.upTo(time.Second) - 500*time.Millisecond
	c.rto = min(2*c.rto, time.Minute+4*time.Second)
	now := c.s.now
	switch c.phase {
	case clientRenewing:
		if now+wait > c.t2 {
			wait = c.t2 - now
		}
	case clientRebinding, clientRebooting:
		if now+wait > c.end {
			wait = c.end - now
		}
	}
	c.in(wait, c.again)
}

// again is what a client does when nobody has answered.
func (c *simClient) again() {
	now := c.s.now
	switch {
	case c.phase == clientSelecting && c.quiet:
		c.phase = clientOff
	case c.phase == clientRequesting && c.try >= 4:
		c.init()
	case c.phase == clientRenewing && now >= c.t2:
		c.enter(clientRebinding)
	case (c.phase == clientRebinding || c.phase == clientRebooting) && now >= c.end:
		c.init()
	case c.phase == clientRebooting && c.try >= 3:
		// RFC 2131 §3.2: it may use its lease for what is left of it.
		c.enter(clientRebinding)
	default:
		c.send()
	}
}

// hear takes a response.
func (c *simClient) hear(n *simNode, data []byte) {
	r, ok := c.read(data)
	if !ok || r.xid != c.xid {
		return
	}
	switch {
	case c.rogue:
		if r.granted {
			c.s.check.gone(c)
			c.addr, c.end = r.addr, c.s.now+r.valid
			c.s.check.granted(n, c, r.valid)
		}
	case r.offer && c.phase == clientSelecting:
		c.addr, c.server = r.addr, r.server
		began := c.began
		c.enter(clientRequesting)
		if c.s.o.family == 4 {
			c.began = began // RFC 2131 §4.4.1: the same secs as in DISCOVER
		}
	case r.granted && c.phase >= clientRequesting && c.phase != clientBound:
		if c.phase != clientRequesting && r.addr != c.addr {
			c.s.check.gone(c)
		}
		c.addr, c.server = r.addr, r.server
		c.bound(n, r)
	case r.refused && c.phase >= clientRequesting && c.phase != clientBound:
		c.s.note("client %d is refused %s by %s", c.index, c.addr, n.name)
		c.lose()
		c.in(c.s.between(100*time.Millisecond, 2*time.Second), c.init)
	}
}

// bound begins the use of a lease, and decides what the client will do.
func (c *simClient) bound(n *simNode, r simResponse) {
	s := c.s
	c.phase, c.waiting = clientBound, 0
	c.t1, c.t2, c.end = s.now+r.t1, s.now+r.t2, s.now+r.valid
	s.check.granted(n, c, r.valid)
	if c.quiet {
		return
	}
	p := s.rnd.Float64()
	at := s.upTo(c.t1 - s.now)
	if s.healing {
		p = 1
	}
	switch {
	case p < .10:
		c.in(at, c.release)
	case p < .13:
		c.in(s.upTo(2*time.Second), c.decline)
	case p < .18:
		c.in(at, func() { // switched off without a word
			c.phase = clientOff
			back := s.between(10*time.Second, 10*time.Minute)
			if s.now+back >= c.end {
				c.in(back, c.init)
			} else {
				c.in(back, func() { c.enter(clientRebooting) })
			}
		})
	case p < .24:
		c.in(at, func() { c.enter(clientRebooting) })
	default:
		c.in(c.t1-s.now, func() {
			if c.quiet {
				return
			}
			c.enter(clientRenewing)
		})
	}
}

// release gives the lease back. The client does not use it any more, whether
// the server hears of it or not.
func (c *simClient) release() {
	c.bid(simRelease)
	c.s.note("client %d releases %s", c.index, c.addr)
	c.init2(c.s.between(time.Second, time.Minute))
}

func (c *simClient) decline() {
	c.bid(simDecline)
	c.s.note("client %d declines %s", c.index, c.addr)
	c.init2(10 * time.Second)
}

func (c *simClient) bid(typ simPhase) {
	to := netip.Addr{}
	if c.s.o.family == 4 && typ == simRelease && len(c.server) == 4 {
		to = netip.AddrFrom4([4]byte(c.server))
	}
	c.xid = c.s.rnd.Uint32() & 0xffffff
	c.began = c.s.now
	c.s.net.fromClient(c, c.message(typ, c.addr), to)
}

func (c *simClient) init2(d time.Duration) {
	c.lose()
	c.phase = clientOff
	c.in(d, c.init)
}

// misbehave is the life of a rogue.
func (c *simClient) misbehave() {
	s := c.s
	if c.quiet {
		return
	}
	c.xid = s.rnd.Uint32() & 0xffffff
	victim := s.clients[s.rnd.IntN(len(s.clients))]
	c.began = s.now - s.upTo(time.Minute)
	c.server = victim.server
	switch s.rnd.IntN(5) {
	case 0: // somebody else's address
		if victim.addr.IsValid() && victim != c {
			c.lose() // says that it holds the other one
			s.net.fromClient(c, c.message(clientRebooting, victim.addr), netip.Addr{})
		}
	case 1: // a lease that is not its own
		if victim.addr.IsValid() && victim.addr != c.addr {
			s.net.fromClient(c, c.message(simRelease, victim.addr), netip.Addr{})
		}
	case 2:
		if victim.addr.IsValid() && victim.addr != c.addr {
			s.net.fromClient(c, c.message(simDecline, victim.addr), netip.Addr{})
		}
	case 3: // many clients that do not exist
		hw, id := c.hw, c.id
		for range s.rnd.IntN(10) {
			c.hw = []byte{6, byte(s.rnd.Uint32()), byte(s.rnd.Uint32()), 0, 0, byte(c.index)}
			if c.id != nil {
				c.id = append([]byte{0, 3, 0, 1}, c.hw...)
			}
			s.net.fromClient(c, c.message(clientSelecting, netip.Addr{}), netip.Addr{})
		}
		c.hw, c.id = hw, id
	case 4: // anything; so far from every client that it cannot become one
		hw, id := c.hw, c.id
		c.hw = []byte{6, 6, 6, 6, 6, 6}
		if c.id != nil {
			c.id = append([]byte{0, 3, 0, 1}, c.hw...)
		}
		b := c.message(clientRequesting, victim.addr)
		c.hw, c.id = hw, id
		for range 1 + s.rnd.IntN(4) {
			b[s.rnd.IntN(len(b))] = byte(s.rnd.Uint32())
		}
		if s.chance(.3) {
			b = b[:s.rnd.IntN(len(b))]
		}
		s.net.fromClient(c, b, netip.Addr{})
	}
	c.in(s.between(500*time.Millisecond, 20*time.Second), c.misbehave)
}

const (
	simRelease simPhase = 100 + iota
	simDecline
)

// simResponse is what a client understands of a response.
type simResponse struct {
	xid     uint32
	offer   bool
	granted bool
	refused bool
	addr    netip.Addr
	server  []byte
	valid   time.Duration
	t1, t2  time.Duration
}
