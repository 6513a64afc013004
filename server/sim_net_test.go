package server

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/ha"
	"leasehold/server/engine"
	"leasehold/server/wire"
)

// simNet is the network: between the servers, and between them and the clients.
// Faults are set and taken back by sim_fault_test.go.
type simNet struct {
	s     *sim
	links [][]simLink // from, to
	loss  float64     // of datagrams of clients
	slow  time.Duration
	deaf  []bool // by node: no client's datagram arrives there
	mute  []bool // by node: no response leaves
	// plant, if set, answers in place of the peer, or not (nil).
	plant func(c *simCall) []byte
}

// simLink is one direction between two servers, as commands of link.Client see
// it.
type simLink struct {
	cut    int // reasons for which nothing goes through
	busy   int // connections that carry a command
	queue  []*simCall
	flying []*simCall // at the peer, or on their way
}

// simCall is a command under way.
type simCall struct {
	from, to *simNode
	run      int // of from's process
	send     engine.Send
	body     []byte
	fresh    bool
	started  bool
	done     bool
}

var (
	errSimTimeout = errors.New("i/o timeout")
	errSimRefused = errors.New("connection refused")
	errSimReset   = errors.New("connection reset by peer")
)

func (t *simNet) build(n int) {
	t.links = make([][]simLink, n)
	for i := range t.links {
		t.links[i] = make([]simLink, n)
	}
	t.deaf, t.mute = make([]bool, n), make([]bool, n)
}

// whole says whether the servers reach each other.
func (t *simNet) whole() bool {
	for _, row := range t.links {
		for i := range row {
			if row[i].cut > 0 {
				return false
			}
		}
	}
	return t.slow == 0
}

// simThreads is how many connections to a peer link.Client opens by default.
const simThreads = 4

// send is link.Client.Send: the command is encoded here, its answer decoded
// when it is back, and a deadline runs from now on.
func (t *simNet) send(n *simNode, x *engine.Send) {
	a := &x.Action
	c := &simCall{from: n, run: n.run, send: *x, body: a.Command.Append(nil), fresh: a.Fresh}
	for _, p := range t.s.nodes {
		if p.name == a.Peer.Name {
			c.to = p
		}
	}
	if strings.HasSuffix(a.Command.Name, "-get-page") {
		t.s.check.counts.Copied++
	}
	if *simTrace && !bytes.Contains(c.body, []byte("ha-heartbeat")) {
		t.s.note("%s sends %s %d: %.300s", n.name, c.to.name, a.ID, c.body)
	}
	n.soon(a.Timeout, func() { t.finish(c, ha.Answer{Err: errSimTimeout}) })
	l := &t.links[n.index][c.to.index]
	if c.fresh {
		t.carry(c)
		return
	}
	l.queue = append(l.queue, c)
	t.pump(l)
}

func (t *simNet) pump(l *simLink) {
	for l.busy < simThreads && len(l.queue) > 0 {
		c := l.queue[0]
		l.queue = l.queue[1:]
		if c.done || c.run != c.from.run {
			continue
		}
		l.busy++
		t.carry(c)
	}
}

// finish brings the outcome to the sender, once.
func (t *simNet) finish(c *simCall, a ha.Answer) {
	if c.done {
		return
	}
	c.done = true
	if *simTrace && c.send.Action.Command.Name != "ha-heartbeat" {
		t.s.note("%s hears of %d: %d %v %s", c.from.name, c.send.Action.ID, a.Result, a.Err, a.Text)
	}
	l := &t.links[c.from.index][c.to.index]
	if i := slices.Index(l.flying, c); i >= 0 {
		l.flying = slices.Delete(l.flying, i, i+1)
		if !c.fresh {
			l.busy--
		}
	}
	t.pump(l)
	if c.from.up && c.from.run == c.run {
		c.from.enter(func() {
			c.from.step(&engine.PeerAnswered{Pair: c.send.Pair, ID: c.send.Action.ID, Answer: a})
		})
	}
}

// delay is that of one direction. Commands on different connections overtake
// each other.
func (t *simNet) delay() time.Duration {
	d := t.s.between(100*time.Microsecond, 3*time.Millisecond)
	if t.slow > 0 {
		d += t.s.upTo(t.slow)
	}
	return d
}

func (t *simNet) carry(c *simCall) {
	l := &t.links[c.from.index][c.to.index]
	l.flying = append(l.flying, c)
	t.s.in(t.delay(), func() {
		switch {
		case c.done || l.cut > 0: // the deadline speaks
		case c.to.dead:
		case !c.to.up:
			t.s.in(t.delay(), func() {
				if !t.cut(c.to, c.from) {
					t.finish(c, ha.Answer{Err: errSimRefused, Refused: true})
				}
			})
		default:
			c.started = true
			c.to.soon(0, func() { t.arrived(c) })
		}
	})
}

func (t *simNet) cut(from, to *simNode) bool { return t.links[from.index][to.index].cut > 0 }

func (t *simNet) arrived(c *simCall) {
	if t.plant != nil {
		if reply := t.plant(c); reply != nil {
			t.finish(c, c.send.Action.Command.Decode(reply))
			return
		}
	}
	t.s.check.commanded(c.to, c.body)
	t.s.check.halves.told(c.to, c.send.Action.Command.Changes)
	c.to.receive(c.body, func(reply []byte) {
		reply = slices.Clone(reply)
		t.s.in(t.delay(), func() {
			// A lost answer: the command is carried out, and the sender does
			// not know.
			if c.done || t.cut(c.to, c.from) || c.run != c.from.run {
				return
			}
			t.finish(c, c.send.Action.Command.Decode(reply))
		})
	})
}

// ended closes the connections of a process that ends. A host that is off
// closes nothing.
func (t *simNet) ended(n *simNode) {
	for i := range t.s.nodes {
		p := t.s.nodes[i]
		if p == n {
			continue
		}
		out := &t.links[n.index][i]
		*out = simLink{cut: out.cut}
		in := &t.links[i][n.index]
		if n.dead || in.cut > 0 || t.cut(n, p) {
			continue
		}
		for _, c := range slices.Clone(in.flying) {
			if c.started {
				t.s.in(t.delay(), func() { t.finish(c, ha.Answer{Err: errSimReset}) })
			}
		}
		if p.up {
			p.soon(t.delay(), func() { p.step(engine.PeerClosed{Peer: n.name}) })
		}
	}
}

// fromClient brings a datagram to the servers that hear it: all, or the one at
// an address.
func (t *simNet) fromClient(c *simClient, data []byte, to netip.Addr) {
	for _, n := range t.s.nodes {
		if to.IsValid() && to != n.addr || t.deaf[n.index] || n.dead || t.s.chance(t.loss) {
			continue
		}
		arrival := wire.Arrival{Iface: n.iface, Local: n.addr, Multi: !to.IsValid()}
		if t.s.o.family == 4 {
			arrival.Src = netip.AddrPortFrom(c.source(), 68)
			arrival.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 67)
			if to.IsValid() {
				arrival.Dst = netip.AddrPortFrom(to, 67)
			}
			arrival.Link, arrival.HWSrc = true, [6]byte(c.hw)
		} else {
			arrival.Src = netip.AddrPortFrom(c.local, 546)
			arrival.Dst = netip.AddrPortFrom(netip.MustParseAddr("ff02::1:2"), 547)
		}
		n.soon(t.delay(), func() {
			q := n.query()
			q.Data, q.Arrival = bytes.Clone(data), arrival
			if t.s.o.family == 4 {
				q.Decode4()
			} else {
				q.Decode6()
			}
			n.step(q)
		})
	}
}

// toClient brings a response to whoever it names; every client hears
// broadcasts, and knows its own by the transaction.
func (t *simNet) toClient(n *simNode, _ netip.Addr, data []byte) {
	if t.mute[n.index] || t.s.chance(t.loss) {
		return
	}
	for _, c := range t.s.clients {
		if c.mine(data) {
			t.s.in(t.delay(), func() { c.hear(n, data) })
		}
	}
}
