package engine

import (
	"net/netip"
	"strings"

	"leasehold/config"
	"leasehold/lease"
)

// Pools that a configuration does not divide between the servers of a
// load-balancing pair are divided here, alike on both: the lower half is the
// primary's, the upper one the secondary's. Each server gives free resources of
// its own half only, so that both never give the same one, whatever they know
// of each other; the rest it touches when it serves alone and its half is used
// up. A lease that a client has stays where it is. With a Kea partner pools are
// whole: there, classes divide them.

// halves returns the pools that a configured pool is served as.
func halves(f *config.Family, p *config.Pool, s *subnet) []*pool {
	whole := newPool(p, s)
	n := whole.free.Size()
	if !divides(f, p) {
		return []*pool{whole}
	}
	if n < 2 { // nothing to divide: both give it, as two of Kea do
		return []*pool{whole}
	}
	lower, upper := *p, *p
	upper.First = whole.addr(n / 2)
	lower.Last = upper.First.Prev()
	a, b := newPool(&lower, s), newPool(&upper, s)
	a.half, b.half = 1, 2
	return []*pool{a, b}
}

// divides says whether a pool is divided: it is when no class of a server keeps
// it from the other one.
func divides(f *config.Family, p *config.Pool) bool {
	if len(f.Relationships) != 1 || f.Relationships[0].Mode != "load-balancing" || f.Relationships[0].Partner() == nil {
		return false
	}
	for _, id := range p.Guard {
		if strings.HasPrefix(f.ClassName(id), "HA_") {
			return false
		}
	}
	return true
}

// ownHalf returns the half that this server gives from, 0 for all.
func (e *Engine) ownHalf() uint8 {
	if len(e.pairs) != 1 {
		return 0
	}
	return e.pairs[0].machine.Half()
}

// foreign says whether what is free in a pool is not ours to give.
func (e *Engine) foreign(p *pool) bool {
	if p.half == 0 {
		return false
	}
	own := e.ownHalf()
	return own != 0 && own != p.half && !e.pairs[0].machine.Alone()
}

// choose lets the allocators find a free resource, in our own half first.
func (e *Engine) choose(q *Query, t lease.Type, w *wish) (a netip.Addr, p *pool, pools int) {
	w.half = e.ownHalf()
	a, p, pools = e.chooseWithin(q, t, w)
	if p == nil && w.half != 0 && e.pairs[0].machine.Alone() {
		w.half = 0
		a, p, pools = e.chooseWithin(q, t, w)
	}
	return a, p, pools
}
