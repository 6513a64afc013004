package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/ha"
	"leasehold/server/engine"
)

// splitCheck: an address that two clients held because both servers served the
// scope is reported by one of them.
type splitCheck struct {
	k    *checker
	list []*split
	told map[string]bool
	// ended is when a client last gave an address back.
	ended map[possession]simTime
}

// split is an address in the hands of two clients.
type split struct {
	addr    netip.Addr
	clients [2]*simClient
	nodes   [2]*simNode
	until   [2]simTime
	at      simTime
	excuse  string // why it may go unnoticed
}

// splitKey names an address and two clients, in either order.
func splitKey(a netip.Addr, x, y string) string {
	return fmt.Sprint(a, " ", min(x, y), " ", max(x, y))
}

func (x *split) key() string {
	var ids [2]string
	for i, c := range x.clients {
		if ids[i] = fmt.Sprintf("%x", c.hw); c.s.o.family == 6 {
			ids[i] = fmt.Sprintf("%x", c.id)
		}
	}
	return splitKey(x.addr, ids[0], ids[1])
}

// split notes that a response of n gave a client the address that h has.
func (k *splitCheck) split(h *holding, c *simClient, n *simNode, until simTime) {
	if h.node == n {
		return
	}
	x := &split{addr: c.addr, clients: [2]*simClient{h.client, c}, nodes: [2]*simNode{h.node, n},
		until: [2]simTime{h.until, until}, at: k.k.s.now}
	if at, ok := k.ended[possession{c.addr, h.client}]; ok && h.at-at < lateAtMost {
		x.excuse = "the end of an earlier lease may have come late"
	}
	k.list = append(k.list, x)
}

// lateAtMost is how long a message may wait for a server.
const lateAtMost = 3 * time.Minute

// end notes that a client gives an address back.
func (k *splitCheck) end(c *simClient) {
	if k.ended == nil {
		k.ended = map[possession]simTime{}
	}
	k.ended[possession{c.addr, c}] = k.k.s.now
	k.excuse("given back before the servers met", func(x *split) bool { return x.addr == c.addr && slices.Contains(x.clients[:], c) })
}

// reported takes what a node reports.
func (k *splitCheck) reported(n *simNode, list []engine.Report) {
	id := func(c *ha.Claim) string {
		if k.k.s.o.family == 6 {
			return strings.ReplaceAll(c.ClientID, ":", "")
		}
		return strings.ReplaceAll(c.HWAddr, ":", "")
	}
	if k.told == nil {
		k.told = map[string]bool{}
	}
	for _, r := range list {
		for i := range r.Conflicts {
			x := &r.Conflicts[i]
			key := splitKey(x.Addr, id(&x.Ours), id(&x.Theirs))
			if !k.told[key] {
				k.k.s.note("%s reports %s: %+v", n.name, key, *x)
			}
			k.told[key] = true
		}
	}
}

// excuse notes what makes splits unknowable that are not reported yet.
func (k *splitCheck) excuse(why string, concerns func(*split) bool) {
	for _, x := range k.list {
		if x.excuse == "" && !k.told[x.key()] && concerns(x) {
			x.excuse = why
		}
	}
}

// over: what was not reported, and has no excuse, is a fault.
func (k *splitCheck) over() {
	c := k.k
	if c.counts.Unreported == nil {
		c.counts.Unreported = map[string]int{}
	}
	for _, x := range k.list {
		switch {
		case k.told[x.key()]:
			c.counts.Noticed++
		case !c.s.o.ours():
			c.counts.Unreported["Kea's protocol"]++
		case x.excuse != "":
			c.counts.Unreported[x.excuse]++
		default:
			c.fail("reported", "nobody reports %s, given by %s and %s at %v, until %v", x.key(), x.nodes[0].name, x.nodes[1].name, x.at, x.until)
		}
	}
}
