package server

import (
	"net/netip"

	"leasehold/ha"
	"leasehold/lease"
)

// halfCheck watches pools that the servers divide. Each gives from its own half
// of every pool; from the other one it gives only while it serves alone by the
// rules, and what a client has already it may keep.
//
// An address may still be given to two clients: both servers are in
// partner-down while they do not reach each other, or the owner of an address
// does not hear that the other one, who gave it away when it was alone, has
// extended the lease. In every case one of the two leases is of a server that
// does not own the address, and was not promised by both.
type halfCheck struct {
	k     *checker
	alone [2]simTime // when a node last served alone
	had   map[possession]bool
	heard map[possession]int // the node that was told by the other one
	at    [2][2][]division   // boundaries, by node and pool, the last ones
	full  simTime            // when no address was free
}

// division is where a boundary was from some time on.
type division struct {
	since    simTime
	boundary int
}

// possession is an address that was a client's some time in the run.
type possession struct {
	addr   netip.Addr
	client *simClient
}

// place returns the pool of an address, and which of it it is.
func (h *halfCheck) place(addr netip.Addr) (pool, index int) {
	b := addr.As16()
	if h.k.s.o.family == 4 {
		return int(b[14]) - 1, int(b[15]) - 1
	}
	return int(b[7]), int(b[15]) - 1
}

// owned says whether an address was a node's to give at some time since.
func (h *halfCheck) owned(n *simNode, addr netip.Addr, since simTime) bool {
	pool, index := h.place(addr)
	list := h.at[n.index][pool]
	for i := len(list) - 1; i >= 0; i-- {
		if index < list[i].boundary == (n.index == 0) {
			return true
		}
		if list[i].since <= since {
			break
		}
	}
	return false
}

// moved sees where the boundaries of a node are.
func (h *halfCheck) moved(n *simNode, boundaries []uint64) {
	if n.index > 1 || len(boundaries) != 2 {
		return
	}
	for pool, b := range boundaries {
		list := &h.at[n.index][pool]
		if k := len(*list); k > 0 && (*list)[k-1].boundary == int(b) {
			continue
		}
		if len(*list) > 0 {
			h.k.counts.Moved++
			h.changed(n)
			h.k.s.note("%s divides pool %d at %d", n.name, pool, b)
		}
		if *list = append(*list, division{h.k.s.now, int(b)}); len(*list) > 64 {
			*list = (*list)[32:]
		}
	}
}

// apart: the sides of servers that keep to theirs do not overlap.
func (h *halfCheck) apart() {
	a, b := h.k.s.nodes[0], h.k.s.nodes[1]
	if !a.up || !b.up || !keepsToItsSide(a.state) || !keepsToItsSide(b.state) {
		return
	}
	for pool := range h.at[0] {
		x, y := h.at[0][pool], h.at[1][pool]
		if len(x) == 0 || len(y) == 0 {
			return
		}
		if p, s := x[len(x)-1].boundary, y[len(y)-1].boundary; p > s {
			h.k.fail("halves", "pool %d is divided at %d for a and at %d for b", pool, p, s)
			return
		}
	}
}

func keepsToItsSide(s ha.State) bool {
	return s == ha.LoadBalancing || s == ha.CommunicationRecovery || s == ha.Terminated
}

// look notes whether any address is free, once a second.
func (h *halfCheck) look() {
	s := h.k.s
	if !s.o.lopsided || !s.healing {
		return
	}
	for pool := range 2 {
		for i := range s.o.pool {
			if h.free(pool, i) {
				return
			}
		}
	}
	h.full = s.now
}

// free says whether an address is free for all that both servers know.
func (h *halfCheck) free(pool, index int) bool {
	s := h.k.s
	addr := netip.AddrFrom4([4]byte{10, 0, byte(pool + 1), byte(index + 1)})
	if s.o.family == 6 {
		addr = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 5: 1, 7: byte(pool), 15: byte(index + 1)})
	}
	for _, n := range s.nodes[:2] {
		if !n.up {
			continue
		}
		if l, ok := n.store.Get(addr); ok && !l.Expired(n.now().Unix()) && (l.State == lease.Default || l.State == lease.Declined) {
			return false
		}
	}
	return true
}

// watch notes that a node serves alone.
func (h *halfCheck) watch(n *simNode) {
	if n.index < 2 && (n.state == ha.PartnerDown || n.state == ha.PartnerInMaintenance) {
		h.alone[n.index] = h.k.s.now
	}
}

// changed sees a node whose state, or side, has changed: what clients have by its leases
// they may keep, even those that no response has told of because a disk or the
// partner failed.
func (h *halfCheck) changed(n *simNode) {
	if !h.k.s.o.undivided || n.index > 1 {
		return
	}
	n.store.Each(func(l *lease.Lease) bool {
		for _, c := range h.k.s.clients {
			if belongs(l, c) {
				h.possess(possession{l.Addr, c})
			}
		}
		return true
	})
}

// told sees the leases that a node is told of: their clients may ask it for them
// although the response of the other one may never have left.
func (h *halfCheck) told(n *simNode, changes []lease.Change) {
	if !h.k.s.o.undivided {
		return
	}
	if h.heard == nil {
		h.heard = map[possession]int{}
	}
	for i := range changes {
		for _, c := range h.k.s.clients {
			if l := &changes[i].Lease; !changes[i].Delete && belongs(l, c) {
				h.heard[possession{l.Addr, c}] = n.index
			}
		}
	}
}

// possess notes a possession and says whether it was one before.
func (h *halfCheck) possess(p possession) bool {
	had := h.had[p]
	if h.had == nil {
		h.had = map[possession]bool{}
	}
	h.had[p] = true
	return had
}

// sent sees a response with a lease, to a query that arrived some time ago.
func (h *halfCheck) sent(n *simNode, arrived simTime, c *simClient, x emission, shared bool) {
	had := h.possess(possession{x.addr, c})
	if by, ok := h.heard[possession{x.addr, c}]; ok && by == n.index {
		had = true
	}
	if h.owned(n, x.addr, arrived) {
		return
	}
	h.watch(n)
	if !had && arrived > h.alone[n.index] {
		h.k.fail("halves", "%s gives %s of the other half to client %d in state %s", n.name, x.addr, c.index, n.state)
	}
	if shared {
		return
	}
	// The client need not receive it for the other server to learn of it.
	for _, other := range h.k.held[x.addr] {
		if other.client != c && other.rival == (emission{}) {
			other.rival = x
		}
	}
}

// permits says whether an address may have been given to two clients.
func (h *halfCheck) permits(n *simNode, addr netip.Addr, shared bool, other *holding) bool {
	now := h.k.s.now
	return !h.owned(n, addr, now) && !shared || !h.owned(other.node, addr, now) && !other.shared
}
