package server

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"leasehold/ha"
	"leasehold/lease"
	"leasehold/server/engine"
)

// checker watches a simulation from outside: the responses that clients
// received, and what the lease files hold after a crash. Gauges tell it the
// states, so that it knows what is promised at the time.
type checker struct {
	s          *sim
	violations []violation
	counts     counts

	held     map[netip.Addr][]*holding
	emitted  map[emission]bool // response → promised by both
	owed     [3]map[netip.Addr]obligation
	expect   [3]map[netip.Addr]obligation
	serves   [3]uint // scopes a node serves, as bits
	both     simTime // when both last served the same scope; valid while !overlaps
	answers  map[uint32]reply
	jumped   simTime                // last setting of a clock
	latest   int64                  // of what any clock has shown
	tampered map[netip.Addr]simTime // by operators, on one node only
	offUntil [3]simTime
	thawed   [3]simTime
	halves   halfCheck
	splits   splitCheck
}

// violation is the end of a run.
type violation struct {
	at      simTime
	checker string
	text    string
}

func (v violation) String() string { return fmt.Sprintf("[%s] at %v: %s", v.checker, v.at, v.text) }

// counts are what was seen of what the protocol permits, and how much was
// looked at.
type counts struct {
	Grants   int // responses with a lease that reached a client
	Shared   int // of these, promised by both
	Split    int // address given to two while both served the scope
	Halved   int // of these, where the servers divide the pools, and one gave from the other's half
	Alone    int // address given by one that the other had given while alone
	Jumps    int // address given to two after a clock was set
	Touched  int // after an operator changed leases on one node
	Crashes  int
	Kept     int // leases looked for after a crash
	Handed   int // goodbyes that were looked at
	Equal    int // leases compared at the end
	Reported int // conflicts that a node has seen
	Resumed  int // starts with a memory of the pair
	Copied   int // pages of a full copy
	Moved    int // boundaries of pools
	Noticed  int // splits between the servers that one of them reports
	// Unreported are those that no server can know of, by reason.
	Unreported map[string]int
}

func (c *counts) add(o *counts) {
	c.Grants += o.Grants
	c.Shared += o.Shared
	c.Split += o.Split
	c.Halved += o.Halved
	c.Alone += o.Alone
	c.Jumps += o.Jumps
	c.Touched += o.Touched
	c.Crashes += o.Crashes
	c.Kept += o.Kept
	c.Handed += o.Handed
	c.Equal += o.Equal
	c.Reported += o.Reported
	c.Resumed += o.Resumed
	c.Copied += o.Copied
	c.Moved += o.Moved
	c.Noticed += o.Noticed
	for why, n := range o.Unreported {
		if c.Unreported == nil {
			c.Unreported = map[string]int{}
		}
		c.Unreported[why] += n
	}
}

// holding is an address in the hands of a client, by a response it received.
type holding struct {
	client *simClient
	node   *simNode
	by     emission
	at     simTime // of the last response
	until  simTime
	shared bool
	// rival is a response that gave the address to somebody else, before or after,
	// as the protocol permits it. Which of the two leases the servers kept is not known
	// here, so that what they do with the address next proves nothing.
	rival emission
}

type emission struct {
	node   int
	xid    uint32
	addr   netip.Addr
	client string
}

// obligation is a lease that a node has promised to remember.
type obligation struct {
	client  *simClient
	expires int64
	since   simTime
}

type reply struct {
	node  int
	kind  byte
	at    simTime
	state ha.State
}

func (k *checker) fail(name, format string, args ...any) {
	v := violation{k.s.now, name, fmt.Sprintf(format, args...)}
	k.s.note("VIOLATION %s", v)
	k.violations = append(k.violations, v)
}

// overlap follows who serves what.
func (k *checker) overlap() {
	was := k.overlaps()
	for _, n := range k.s.nodes[:2] {
		k.serves[n.index] = 0
		g := n.gauges()
		if g == nil || !g.Serving {
			continue
		}
		for i, on := range g.Pairs[0].Serves {
			if on {
				k.serves[n.index] |= 1 << i
			}
		}
	}
	if was || k.overlaps() {
		k.both = k.s.now
	}
}

func (k *checker) overlaps() bool { return k.serves[0]&k.serves[1] != 0 }

// overlapped says whether both have served the same scope since a time.
func (k *checker) overlapped(since simTime) bool {
	return k.overlaps() || k.both > 0 && k.both >= since
}

// sent sees every response that leaves a server.
func (k *checker) sent(n *simNode, q *engine.Query) {
	var r simResponse
	var ok bool
	client := k.client(q.Response)
	if k.s.o.family == 4 {
		r, ok = read4(q.Response)
	} else {
		r, ok = read6(q.Response)
	}
	if !ok || n.index == 2 {
		if ok && n.index == 2 {
			k.fail("one-answers", "backup server %s answers", n.name)
		}
		return
	}
	k.once(n, &r, client)
	if !r.granted || client == nil {
		return
	}
	p := n.engine.Gauges().Pairs[0]
	shared := (p.State == ha.LoadBalancing || p.State == ha.HotStandby) && !p.Queueing && !p.Behind
	if k.emitted == nil || len(k.emitted) > 5000 {
		k.emitted = map[emission]bool{}
	}
	if *simTrace {
		k.s.note("%s sends %s to client %d (by both: %t)", n.name, r.addr, client.index, shared)
	}
	x := emission{n.index, r.xid, r.addr, string(client.hw)}
	k.emitted[x] = shared
	if k.s.o.undivided {
		k.halves.sent(n, n.parked[q], client, x, shared)
	}
	l, ok := n.store.Get(r.addr)
	if !ok || !belongs(&l, client) {
		return // overtaken by what the client has sent since
	}
	k.owe(n, client, r.addr, true)
	// What is given again as it was is not told again, and a partner whose disk
	// refused it does not have it for good.
	if shared && !k.s.nodes[1-n.index].ailing {
		k.owe(k.s.nodes[1-n.index], client, r.addr, !k.overlapped(k.s.now-10*time.Second))
	}
}

// client finds the client that a response is for.
func (k *checker) client(b []byte) *simClient {
	for _, c := range k.s.clients {
		if k.s.o.family == 4 && len(b) > 34 && bytes.Equal(b[28:34], c.hw) {
			return c
		}
		if k.s.o.family == 6 && len(b) > 4 {
			if id, _ := find6(b[4:], 1); bytes.Equal(id, c.id) {
				return c
			}
		}
	}
	return nil
}

// once: in the normal state one server answers a query, not both.
func (k *checker) once(n *simNode, r *simResponse, c *simClient) {
	if c == nil {
		return
	}
	kind := byte(0)
	if r.offer {
		kind = 1
	}
	key := r.xid ^ uint32(c.index)<<24
	was, ok := k.answers[key]
	if k.answers == nil || len(k.answers) > 5000 {
		k.answers = map[uint32]reply{}
	}
	k.answers[key] = reply{n.index, kind, k.s.now, n.state}
	if !ok || was.node == n.index || was.kind != kind || k.overlapped(was.at-10*time.Second) {
		return
	}
	for _, x := range k.s.nodes[:2] {
		if !x.up || x.scoped || x.state != ha.LoadBalancing && x.state != ha.HotStandby || x.since > was.at-10*time.Second {
			return
		}
	}
	k.fail("one-answers", "%s and %s answer the same query of client %d in the normal state", k.s.nodes[was.node].name, n.name, c.index)
}

// owe notes that a node must remember a lease from now on.
func (k *checker) owe(n *simNode, c *simClient, addr netip.Addr, strict bool) {
	if k.owed[n.index] == nil {
		k.owed[n.index] = map[netip.Addr]obligation{}
	}
	if !n.up {
		delete(k.owed[n.index], addr)
		return
	}
	l, ok := n.store.Get(addr)
	if !ok || !belongs(&l, c) {
		// A clock that was wrong for a while may have ended it.
		lapsed := ok && l.State == lease.Reclaimed && k.jumped > 0
		if strict && k.tampered[addr] == 0 && !k.skewed() && !lapsed {
			k.fail("on-both", "%s does not have the lease of %s that client %d gets: %+v", n.name, addr, c.index, l)
		}
		return
	}
	k.owed[n.index][addr] = obligation{c, l.Expires(), k.s.now}
}

// skewed says whether the servers' clocks differ so much that a lease may have
// ended for one and not for the other.
func (k *checker) skewed() bool {
	d := k.s.nodes[0].now().Round(0).Sub(k.s.nodes[1].now().Round(0))
	return d.Abs() > 3*time.Second
}

func belongs(l *lease.Lease, c *simClient) bool {
	return l.State == lease.Default && (l.HWAddr == string(c.hw) || len(c.id) > 0 && l.ClientID == string(c.id))
}

// crashed and restored: what a server has promised is in its lease file.
func (k *checker) crashed(n *simNode) {
	k.counts.Crashes++
	k.splits.excuse("a server ended before they met", func(x *split) bool { return slices.Contains(x.nodes[:], n) })
	k.expect[n.index] = map[netip.Addr]obligation{}
	for addr, o := range k.owed[n.index] {
		if k.jumped > o.since {
			continue // it may have ended by a clock that was wrong
		}
		l, ok := n.store.Get(addr)
		if ok && belongs(&l, o.client) && l.Expires() >= o.expires && o.expires > n.now().Unix() {
			k.expect[n.index][addr] = o
		}
	}
	k.owed[n.index] = nil
	was := k.overlaps()
	k.serves[n.index] = 0
	if was {
		k.both = k.s.now
	}
}

func (k *checker) restored(n *simNode) {
	k.thawed[n.index] = k.s.now
	for _, addr := range slices.SortedFunc(maps.Keys(k.expect[n.index]), netip.Addr.Compare) {
		o := k.expect[n.index][addr]
		k.counts.Kept++
		l, ok := n.store.Get(addr)
		if ok && belongs(&l, o.client) && l.Expires() >= o.expires {
			continue
		}
		if k.tampered[addr] >= o.since {
			k.counts.Touched++
		} else {
			k.fail("kept", "%s lost the lease of %s that client %d was promised until %d: %+v", n.name, addr, o.client.index, o.expires, l)
		}
	}
	k.expect[n.index] = nil
	k.offUntil[n.index] = 0
}

// granted sees every lease that reaches a client: nobody else may have it.
func (k *checker) granted(n *simNode, c *simClient, valid time.Duration) {
	k.counts.Grants++
	x := emission{n.index, c.xid, c.addr, string(c.hw)}
	shared := k.emitted[x]
	if shared {
		k.counts.Shared++
	}
	if k.held == nil {
		k.held = map[netip.Addr][]*holding{}
	}
	rival := emission{}
	const margin = 5 * time.Second // clocks
	kept := k.held[c.addr][:0]
	for _, h := range k.held[c.addr] {
		if h.client == c || h.until < k.s.now {
			continue
		}
		kept = append(kept, h)
		if h.until < k.s.now+margin || k.s.o.lopsided && h.until < k.s.now+parkTime {
			continue // the server counts from when it was asked
		}
		switch {
		case h.rival != (emission{}) && h.rival != x:
			continue
		case k.jumped > 0 && k.jumped >= h.at-k.clockTime() || k.skewed():
			k.counts.Jumps++
		case k.tampered[c.addr] > 0 && k.tampered[c.addr] >= h.at-parkTime:
			k.counts.Touched++
		case k.overlapped(h.at-margin) && !k.s.o.undivided:
			k.counts.Split++
			k.splits.split(h, c, n, k.s.now+valid)
		case k.overlapped(h.at-margin) && k.halves.permits(n, c.addr, shared, h):
			k.counts.Split++
			k.counts.Halved++
			k.splits.split(h, c, n, k.s.now+valid)
			k.s.note("%s of client %d, by %s at %v, goes to client %d by %s, as it may", c.addr, h.client.index, h.node.name, h.at, c.index, n.name)
		case !h.shared && h.node != n:
			k.counts.Alone++
		default:
			k.fail("two-clients", "%s gives %s to client %d, and client %d has it until %v by a response of %s at %v (by both: %t)",
				n.name, c.addr, c.index, h.client.index, h.until, h.node.name, h.at, h.shared)
		}
		h.rival, rival = x, h.by
	}
	k.held[c.addr] = append(kept, &holding{client: c, node: n, by: x, at: k.s.now, until: k.s.now + valid, shared: shared, rival: rival})
}

// clockTime is how long leases may show that a clock was set.
func (k *checker) clockTime() time.Duration {
	if k.s.o.lopsided { // an address is soon given to the next one
		return time.Minute + time.Duration(k.s.o.valid)*time.Second
	}
	return time.Minute
}

// parkTime is how long a response may wait between what it tells and its leaving.
const parkTime = 15 * time.Second

// gone: a client does not use its address any more.
func (k *checker) gone(c *simClient) {
	if !c.addr.IsValid() {
		return
	}
	for i := range k.owed {
		if o, ok := k.owed[i][c.addr]; ok && o.client == c {
			delete(k.owed[i], c.addr)
		}
		if o, ok := k.expect[i][c.addr]; ok && o.client == c {
			delete(k.expect[i], c.addr)
		}
	}
	k.splits.end(c)
	k.held[c.addr] = slices.DeleteFunc(k.held[c.addr], func(h *holding) bool { return h.client == c })
}

// commanded sees the commands that arrive at a server.
func (k *checker) commanded(n *simNode, body []byte) {
	if !bytes.Contains(body, []byte(`"dhcp-disable"`)) {
		return
	}
	_, rest, ok := bytes.Cut(body, []byte(`"max-period": `))
	if !ok {
		k.fail("disabled", "%s is told to disable its service without an end", n.name)
		return
	}
	i := bytes.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	seconds, _ := strconv.Atoi(string(rest[:max(i, 0)]))
	k.offUntil[n.index] = max(k.offUntil[n.index], k.s.now+time.Duration(seconds)*time.Second)
}

// look is the look at everything, once a second.
func (k *checker) look() {
	k.halves.look()
	for _, n := range k.s.nodes {
		k.latest = max(k.latest, n.now().Unix())
		if n.frozen {
			k.thawed[n.index] = k.s.now
		}
		g := n.gauges()
		if g == nil || n.frozen {
			continue
		}
		k.limits(n, g)
		calm := k.s.now-k.thawed[n.index] > 75*time.Second
		for _, origin := range g.Disabled {
			if origin >= ha.RemoteOrigin && origin < ha.DatabaseOrigin && calm && k.s.now > k.offUntil[n.index]+3*time.Second {
				k.fail("disabled", "service of %s is off by origin %d past max-period", n.name, origin)
			}
		}
		for _, since := range n.parked {
			if calm && k.s.now-since > 75*time.Second {
				k.fail("parked", "%s has a response parked since %v", n.name, since)
				break
			}
		}
	}
	a, b := k.s.nodes[0], k.s.nodes[1]
	if !a.normal() || !b.normal() || a.scoped || b.scoped || k.s.now-max(a.since, b.since) < time.Second {
		return
	}
	want := [2]uint{1, 0}
	if k.s.o.balancing {
		want[1] = 2
	}
	if k.serves[0] != want[0] || k.serves[1] != want[1] {
		k.fail("scopes", "scopes %b and %b are served in the normal state", k.serves[0], k.serves[1])
	}
}

func (k *checker) limits(n *simNode, g *engine.Gauges) {
	for i := range g.Pairs {
		p := &g.Pairs[i]
		switch {
		case p.Backlog > p.BacklogLimit:
			k.fail("limits", "%s has a backlog of %d, more than %d", n.name, p.Backlog, p.BacklogLimit)
		case p.Connecting > ha.Connecting:
			k.fail("limits", "%s remembers %d connecting clients", n.name, p.Connecting)
		case p.Rejected > 10:
			k.fail("limits", "%s remembers %d rejected clients", n.name, p.Rejected)
		case g.Awaited > k.s.o.parked+20:
			k.fail("limits", "%s waits for %d acknowledgements, more than %d", n.name, g.Awaited, k.s.o.parked)
		}
	}
}

// left: a server that ends by order hands its clients over at once.
func (k *checker) left(n *simNode, begun simTime, calm bool) {
	if !calm {
		return
	}
	p := k.s.nodes[1-n.index]
	run := p.run
	k.s.in(time.Second, func() {
		if !p.up || p.run != run || p.frozen || p.leaving || k.thawed[p.index] > begun || !k.s.net.whole() {
			return
		}
		k.counts.Handed++
		if p.state != ha.PartnerDown && !n.up {
			k.fail("goodbye", "%s left at %v, and %s", n.name, begun, p.describe())
		}
	})
}

// served: after healing every client that wants a lease has one.
func (k *checker) served() {
	if k.halves.full > 0 && k.s.now-k.halves.full < 3*time.Minute {
		return // some may not
	}
	for _, c := range k.s.clients {
		if !c.rogue && !c.quiet && c.waiting > 0 && k.s.now-c.waiting > 3*time.Minute {
			k.fail("served", "client %d has waited for a lease since %v: %s", c.index, c.waiting, k.s.states())
			return
		}
	}
}

// equal: after healing both hold the same. Kea's protocol tells neither what was
// deleted during a split nor what was given shortly before a crash: with it,
// what clients got by a promise of both is looked for.
func (k *checker) equal() {
	a, b := k.s.nodes[0], k.s.nodes[1]
	if !a.up || !b.up || len(k.violations) > 0 {
		return
	}
	k.splits.over()
	for _, n := range k.s.nodes[:2] {
		k.counts.Reported += int(n.gauges().Pairs[0].Conflicts)
		if g := n.gauges(); g.Parked > 0 || g.Commands > 0 {
			k.fail("parked", "%s still has %d responses and %d answers parked", n.name, g.Parked, g.Commands)
		}
	}
	for _, side := range [2][2]*simNode{{a, b}, {b, a}} {
		from, to := side[0], side[1]
		// A clock that was ahead has ended leases on its server before their time.
		now := max(from.now().Unix(), to.now().Unix(), k.latest) + 5
		from.store.Each(func(l *lease.Lease) bool {
			if l.State != lease.Default && l.State != lease.Declined || l.Expired(now) || k.tampered[l.Addr] > 0 {
				return true
			}
			if !k.s.o.ours() && !k.isShared(from, l) {
				return true
			}
			k.counts.Equal++
			x, ok := to.store.Get(l.Addr)
			same := ok && x.State == l.State
			if l.State == lease.Default {
				// Which of two changes is newer is not known once clocks were set.
				same = same && x.HWAddr == l.HWAddr && x.ClientID == l.ClientID && (x.Expires() == l.Expires() || k.jumped > 0)
			}
			if !same {
				k.fail("equal", "%s has %+v, %s has %t %+v; %s", from.name, *l, to.name, ok, x, k.s.states())
				return false
			}
			return true
		})
	}
}

// isShared says whether servers that tell each other as two of Kea do, who do
// not compare after both have served, told each other of a lease. They do not
// where they give it again as it is.
func (k *checker) isShared(n *simNode, l *lease.Lease) bool {
	given := k.s.now - time.Duration(n.now().Unix()-l.CLTT)*time.Second
	if k.overlapped(given - 10*time.Second) {
		return false
	}
	for _, h := range k.held[l.Addr] {
		if h.shared && h.until > k.s.now && belongs(l, h.client) && !k.overlapped(h.at-10*time.Second) {
			return true
		}
	}
	return false
}

// forget: the disk of a node is lost, and what it had to remember.
func (k *checker) forget(n *simNode) {
	k.crashed(n)
	k.expect[n.index] = nil
}
