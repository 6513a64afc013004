package ha

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// node is what an engine is, without packets.
type node struct {
	p        *pairTest
	name     string
	rel      *config.Relationship
	m        *Machine
	up       bool
	run      int // process; answers to an earlier one are lost
	store    map[netip.Addr]lease.Lease
	stream   []lease.Change
	epoch    uint64
	switches Switches
	wake     time.Time
	skew     time.Duration
	calls    map[uint64]func(*Reply)
	parked   map[uint64]string
	refuse   bool // updates are refused as conflicts
	kea      bool
	stall    bool // takes commands and does not answer
	family   int
	point    Point
	boundary uint64 // of sharedPool
	beats    int    // heartbeats sent
}

func (n *node) other() *node {
	if n.name == "a" {
		return n.p.nodes["b"]
	}
	return n.p.nodes["a"]
}

func (n *node) start() {
	n.run++
	n.up, n.switches = true, Switches{}
	n.calls, n.parked = map[uint64]func(*Reply){}, map[uint64]string{}
	n.m = New(n.rel, n.family, n.p.now)
	n.boundary = 50
	if n.kea {
		n.m.Extensions = Extensions{}
	}
	n.epoch++
	n.stream = nil
	for _, addr := range n.addresses() {
		n.note(false, n.store[addr])
	}
	n.m.Resume(n.point, time.Time{})
	n.m.Owe(1, uint64(len(n.stream)))
	n.step(&Event{On: OnTick})
}

func (n *node) addresses() []netip.Addr {
	var list []netip.Addr
	for a := range n.store {
		list = append(list, a)
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}

func (n *node) note(deleted bool, l lease.Lease) lease.Change {
	c := lease.Change{Seq: uint64(len(n.stream) + 1), Delete: deleted, Lease: l}
	n.stream = append(n.stream, c)
	return c
}

func (n *node) put(l lease.Lease) lease.Change {
	n.store[l.Addr] = l
	return n.note(false, l)
}

func (n *node) remove(a netip.Addr) (lease.Change, bool) {
	l, ok := n.store[a]
	if !ok {
		return lease.Change{}, false
	}
	delete(n.store, a)
	return n.note(true, l), true
}

func (n *node) holds(addr string) bool {
	_, ok := n.store[netip.MustParseAddr(addr)]
	return ok
}

// readUpdate reads a lease in the form of an update.
func (s *scanner) readUpdate(family int) (c lease.Change, err error) {
	u, err := lease.UpdateFromJSON(s.raw(), family)
	if err == nil {
		c.Lease, err = u.Settle(0, 0, 0)
	}
	return c, err
}

func fieldsOf(line string) []string { return strings.Fields(line) }

// sharedPool has a hundred addresses, and nodes that divide it.
var sharedPool = Pool{Subnet: 1, First: netip.MustParseAddr("192.0.2.0"), Last: netip.MustParseAddr("192.0.2.99")}

// short asks the partner for more of the pool.
func (n *node) short() {
	n.step(&Event{On: OnShort, Shares: []Share{{Pool: sharedPool, Boundary: n.boundary}}})
}

// cede gives up ten addresses, unless the asker has as many before it already.
func (n *node) cede(asked []Share) []Share {
	switch theirs := asked[0].Boundary; {
	case n.name == "a" && theirs < n.boundary+10:
		n.setBoundary(n.boundary - 10)
	case n.name == "b" && theirs+10 > n.boundary:
		n.setBoundary(n.boundary + 10)
	}
	return []Share{{Pool: sharedPool, Boundary: n.boundary}}
}

// divide takes over where the partner's boundary is.
func (n *node) divide(a *Action) {
	theirs := uint64(50)
	for _, s := range a.Shares {
		if s.Pool == sharedPool {
			theirs = s.Boundary
		}
	}
	if larger := theirs > n.boundary == (n.name == "a"); theirs != n.boundary && larger == (a.Do == DoTake) {
		n.setBoundary(theirs)
	}
}

func (n *node) setBoundary(at uint64) {
	n.boundary, n.m.Shares = at, nil
	if at != 50 {
		n.m.Shares = []Share{{Pool: sharedPool, Boundary: at}}
	}
	if n.name == "a" {
		n.p.printf("a gives the addresses below %d", at)
	} else {
		n.p.printf("b gives the addresses from %d on", at)
	}
}

// commit gives a lease to a client, or takes it back.
func (n *node) commit(addr string, deleted bool) {
	a := netip.MustParseAddr(addr)
	b := a.As16()
	hw := string([]byte{2, 0, 0, 0, 0, b[15]})
	var c lease.Change
	if deleted {
		c, _ = n.remove(a)
	} else {
		l := lease.Lease{Addr: a, SubnetID: 1, Valid: 600, CLTT: n.p.now.Unix(), HWAddr: hw, HWType: 1}
		if a.Is6() {
			l.ClientID, l.IAID, l.PrefixLen = "\x00\x03\x00\x01"+hw, 1, 128
		}
		c = n.put(l)
	}
	n.p.token++
	n.parked[n.p.token] = addr
	n.step(&Event{On: OnCommitted, Token: n.p.token, Changes: []lease.Change{c}, HWAddr: []byte(hw)})
	if _, ok := n.parked[n.p.token]; ok {
		n.p.printf("%s parks the response for %s", n.name, addr)
	}
}

func (n *node) step(ev *Event) {
	if !n.up {
		return
	}
	ev.Wall = n.p.now.Add(n.skew)
	ev.Stream = Stream{Epoch: n.epoch, Seq: uint64(len(n.stream))}
	before := n.m.journal.n
	actions := n.m.Step(n.p.now, ev, nil)
	list := n.m.Journal(nil)
	for _, t := range list[len(list)-min(n.m.journal.n-before, len(list)):] {
		n.p.printf("%s %s -> %s: %s", n.name, t.From, t.To, t.Why)
	}
	for i := range actions {
		n.carryOut(&actions[i])
	}
}

func (n *node) carryOut(a *Action) {
	switch a.Do {
	case DoSend:
		n.send(a)
	case DoAnswer:
		if call := n.calls[a.Token]; call != nil {
			delete(n.calls, a.Token)
			call(a.Reply)
		}
	case DoRelease:
		n.p.printf("%s releases the response for %s", n.name, n.parked[a.Token])
		delete(n.parked, a.Token)
	case DoDrop:
		n.p.printf("%s drops the response for %s: %s", n.name, n.parked[a.Token], a.Reason)
		delete(n.parked, a.Token)
	case DoApply:
		n.apply(a)
	case DoService:
		if a.On {
			n.switches.Enable(a.Origin)
		} else {
			n.switches.Disable(a.Origin, n.p.now, 0)
		}
	case DoWake:
		n.wake = time.Time{}
		if !a.At.IsZero() {
			n.wake = a.At
		}
	case DoRemember:
		n.point = a.Point
	case DoTake, DoYield:
		n.divide(a)
	case DoLog:
		switch a.Entry.ID {
		case "HA_LEASE_UPDATES_QUEUED", "HA_LEASES_BACKLOG_SUCCESS", "HA_SYNC_FAILED", "HA_HIGH_CLOCK_SKEW":
			n.p.printf("%s log %s", n.name, a.Entry.ID)
		}
	}
}

func (n *node) apply(a *Action) {
	for _, c := range a.Changes {
		mine, ok := n.store[c.Lease.Addr]
		newer := !ok || mine.CLTT < c.Lease.CLTT || a.Merge && mine.CLTT == c.Lease.CLTT
		switch {
		case !newer:
		case c.Delete && ok && mine.HWAddr == c.Lease.HWAddr:
			n.remove(c.Lease.Addr)
		case !c.Delete && mine != c.Lease:
			n.put(c.Lease)
		}
	}
}
