package server

import (
	"net/netip"

	"leasehold/ha"
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
}

// possession is an address that was given to a client some time in the run.
type possession struct {
	addr   netip.Addr
	client *simClient
}

// owner returns which node gives an address while both serve.
func (h *halfCheck) owner(addr netip.Addr) int {
	b := addr.As16()
	if int(b[15])-1 < h.k.s.o.pool/2 {
		return 0
	}
	return 1
}

// watch notes that a node serves alone.
func (h *halfCheck) watch(n *simNode) {
	if n.index < 2 && (n.state == ha.PartnerDown || n.state == ha.PartnerInMaintenance) {
		h.alone[n.index] = h.k.s.now
	}
}

// sent sees a response with a lease, to a query that arrived some time ago.
func (h *halfCheck) sent(n *simNode, arrived simTime, c *simClient, x emission, shared bool) {
	had := h.had[possession{x.addr, c}]
	if h.had == nil {
		h.had = map[possession]bool{}
	}
	h.had[possession{x.addr, c}] = true
	if h.owner(x.addr) == n.index {
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
	owner := h.owner(addr)
	return n.index != owner && !shared || other.node.index != owner && !other.shared
}
