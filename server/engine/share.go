package engine

import (
	"net/netip"
	"strings"

	"leasehold/config"
	"leasehold/lease"
)

// Pools that a configuration does not divide between the servers of a
// load-balancing pair are divided here, alike on both: what is below the
// boundary is the primary's, the rest the secondary's. Each server gives free
// resources of its own side only, so that both never give the same one, whatever
// they know of each other; the rest it touches when it serves alone and its own
// side is used up. A lease that a client has stays where it is. The boundary is
// in the middle until one side runs out of free resources, see demand.go. With a
// Kea partner pools are whole: there, classes divide them.

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

// divide divides a pool in the middle. With one resource there is nothing to
// divide: both give it, as two of Kea do.
func (p *pool) divide(f *config.Family) {
	if !divides(f, p.Pool) || p.free.Size() < 2 {
		return
	}
	p.divided, p.movable = true, lease.Mappable(p.free.Size()) && !storesOffers(f, p.subnet)
	p.boundary = p.middle()
}

func (p *pool) middle() uint64 { return p.free.Size() / 2 }

// side is one of the two parts of a divided pool.
type side uint8

const (
	bothSides side = iota
	lowerSide      // the primary's
	upperSide      // the secondary's
)

// part returns the indexes of one side, from one up to another, exclusive.
func (p *pool) part(s side) (from, to uint64) {
	switch {
	case !p.divided || s == bothSides:
		return 0, p.free.Size()
	case s == lowerSide:
		return 0, p.boundary
	}
	return p.boundary, p.free.Size()
}

// ownSide returns the side that this server gives from.
func (e *Engine) ownSide() side {
	if len(e.pairs) != 1 {
		return bothSides
	}
	return side(e.pairs[0].machine.Half())
}

// foreign says whether a resource of a pool is not ours to give if it is free.
func (e *Engine) foreign(p *pool, a netip.Addr) bool {
	own := e.ownSide()
	if !p.divided || own == bothSides || e.pairs[0].machine.Alone() {
		return false
	}
	from, to := p.part(own)
	i, ok := p.index(a)
	return !ok || i < from || i >= to
}

// choose lets the allocators find a free resource, on our own side first.
func (e *Engine) choose(q *Query, t lease.Type, w *wish) (a netip.Addr, p *pool, pools int) {
	w.side = e.ownSide()
	a, p, pools = e.chooseWithin(q, t, w)
	switch {
	case w.side == bothSides:
	case !e.pairs[0].machine.Alone():
		e.noteDemand(q, t, w, p)
	case p == nil:
		w.side = bothSides
		a, p, pools = e.chooseWithin(q, t, w)
	}
	return a, p, pools
}
