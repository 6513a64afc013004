package engine

import (
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// Why a resource of a pool is taken.
const (
	heldByLease uint8 = 1 << iota
	heldByReservation
	heldByRule  // exclude-first-last-24, and similar
	heldByQuery // offered to the query at hand, in another association
)

// pool is a configured pool with what is free in it.
type pool struct {
	*config.Pool
	subnet *subnet
	first  u128
	shift  uint // prefix pools: 128 - delegated length
	free   *lease.Free
	next   uint64         // where the iterative allocator goes on
	counts *scopeCounters // shared by the pools of a subnet with the same ID
	v6     bool

	divided  bool      // between the servers of a pair
	movable  bool      // the boundary follows demand
	boundary uint64    // how many of its resources are on the primary's side
	hungry   int64     // until then a client may come again that found nothing on our side
	asked    time.Time // when the partner may be asked for more of it again
}

func newPool(f *config.Family, p *config.Pool, s *subnet) *pool {
	n := &pool{Pool: p, subnet: s, first: number(p.First), v6: p.First.Is6()}
	if p.DelegatedLen > 0 {
		n.shift = uint(128 - p.DelegatedLen)
	}
	n.free = lease.NewFree(n.size().capped())
	n.divide(f)
	return n
}

// size is how many addresses or prefixes the pool has.
func (p *pool) size() u128 {
	return resources(p.First, p.Last, p.DelegatedLen)
}

// shareCounts gives pools their counters: one set for each ID.
func shareCounts(pools []*pool) {
	for _, p := range pools {
		p.counts = sharing(pools, p)[0].counts
		if p.counts == nil {
			p.counts = new(scopeCounters)
		}
	}
}

// index returns which resource of the pool an address or prefix is.
func (p *pool) index(a netip.Addr) (uint64, bool) {
	n := number(a)
	if n.less(p.first) || a.Is6() != p.v6 {
		return 0, false
	}
	i := n.sub(p.first).shr(p.shift)
	if i.hi != 0 || i.lo >= p.free.Size() {
		return 0, false
	}
	return i.lo, true
}

// addr is the inverse of index.
func (p *pool) addr(i uint64) netip.Addr {
	n := p.first.add(u128{0, i}.shl(p.shift))
	if p.v6 {
		return n.addr6()
	}
	return n.addr4()
}

// keepCounts takes the counters over from the subnet as it was.
func (s *subnet) keepCounts(old *subnet) {
	keep := func(c **scopeCounters, before *scopeCounters) {
		for _, st := range countedAnew {
			before[st].value = (*c)[st].value
		}
		*c = before
	}
	keep(&s.counts, old.counts)
	each := func(pools, before []*pool) {
		for _, p := range pools {
			for _, o := range before {
				if o.ID == p.ID {
					keep(&p.counts, o.counts)
					break
				}
			}
		}
	}
	each(s.pools, old.pools)
	each(s.pd, old.pd)
}

// keepTurns lets the iterative allocator go on where it was, if the pools are
// the same.
func (s *subnet) keepTurns(old *subnet) {
	pools, before := s.allPools(), old.allPools()
	same := func(p, o *pool) bool {
		return p.First == o.First && p.Last == o.Last && p.DelegatedLen == o.DelegatedLen
	}
	if len(s.pd) != len(old.pd) || !slices.EqualFunc(pools, before, same) {
		return
	}
	for i, p := range pools {
		p.next = before[i].next
	}
	s.turns = old.turns
}

// allPools returns address and prefix pools.
func (s *subnet) allPools() []*pool {
	if len(s.pd) == 0 {
		return s.pools
	}
	return slices.Concat(s.pools, s.pd)
}

// network is a shared network while serving.
type network struct {
	*config.Network
	subnets []*subnet // by ascending ID
}

// subnet is a subnet while serving.
type subnet struct {
	*config.Subnet
	network *network
	next    *subnet // the next member of the network by ID, wrapping; itself without a network
	pools   []*pool // in the order of the text
	pd      []*pool
	byAddr  []*pool // address pools by first address
	turns   [lease.PD + 1]turn
	counts  *scopeCounters
}

// poolsFor returns the pools of a type of resource.
func (s *subnet) poolsFor(t lease.Type) []*pool {
	if t == lease.PD {
		return s.pd
	}
	return s.pools
}

// poolOf returns the address pool that holds a, or nil.
func (s *subnet) poolOf(a netip.Addr) *pool {
	n := number(a)
	i, found := slices.BinarySearchFunc(s.byAddr, n, func(p *pool, n u128) int {
		switch {
		case p.first.less(n):
			return -1
		case n.less(p.first):
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 {
		return nil
	}
	if _, ok := s.byAddr[i].index(a); !ok {
		return nil
	}
	return s.byAddr[i]
}

// anyPoolOf returns the pool, of addresses or prefixes, in whose range a lies.
func (s *subnet) anyPoolOf(a netip.Addr) *pool {
	if p := s.poolOf(a); p != nil {
		return p
	}
	for _, p := range s.pd {
		if _, ok := p.index(a); ok {
			return p
		}
	}
	return nil
}

// prefixPoolOf returns the prefix pool that a delegated prefix comes from, or nil.
func (s *subnet) prefixPoolOf(a netip.Addr, length uint8) *pool {
	for _, p := range s.pd {
		if _, ok := p.index(a); ok && p.DelegatedLen == length {
			return p
		}
	}
	return nil
}

// prefixPoolAt returns the prefix pool that has a prefix beginning at a, or
// nil: after a change of the delegated length, leases of the old one remain.
func (s *subnet) prefixPoolAt(a netip.Addr) *pool {
	for _, p := range s.pd {
		if i, ok := p.index(a); ok && p.addr(i) == a {
			return p
		}
	}
	return nil
}

// holder returns the pool in which a lease takes a place, or nil if it lies
// outside all pools. An address whose subnet is gone takes its place in the
// subnet that has the address now.
func (x *serving) holder(l *lease.Lease) *pool {
	s := x.subnets[l.SubnetID]
	if l.Type == lease.PD {
		if s == nil {
			return nil
		}
		if p := s.prefixPoolOf(l.Addr, l.PrefixLen); p != nil {
			return p
		}
		return s.prefixPoolAt(l.Addr)
	}
	if s == nil {
		if s = x.selection.holding(l.Addr); s == nil {
			return nil
		}
	}
	return s.poolOf(l.Addr)
}

// Plan is the serving state of a configuration: subnets, pools, what
// reservations hold back. Prepare makes it without an engine, so that queries
// need not wait for it; it serves one Reconfigured.
type Plan struct{ serving }

// serving is a configuration and what is served by it.
type serving struct {
	cfg       *config.Family
	subnets   map[uint32]*subnet
	ordered   []*subnet // by ascending ID
	selection *selection
	digest    string // see configDigest; of a pair's server only
}

// Prepare makes the plan of a configuration.
func Prepare(f *config.Family) *Plan {
	x := &Plan{serving{cfg: f, subnets: make(map[uint32]*subnet, len(f.Subnets)), ordered: make([]*subnet, 0, len(f.Subnets))}}
	networks := make(map[*config.Network]*network, len(f.Networks))
	for _, n := range f.Networks {
		networks[n] = &network{Network: n}
	}
	for _, c := range f.Subnets {
		s := newSubnet(f, c)
		s.holdBack(f)
		if c.Network != nil {
			s.network = networks[c.Network]
			s.network.subnets = append(s.network.subnets, s)
		}
		x.subnets[c.ID] = s
		x.ordered = append(x.ordered, s)
	}
	for _, n := range networks {
		for i, s := range n.subnets {
			s.next = n.subnets[(i+1)%len(n.subnets)]
		}
	}
	for _, h := range f.Hosts.All() {
		if s := x.subnets[h.SubnetID]; s != nil {
			s.holdReserved(h)
		}
	}
	x.selection = newSelection(x.ordered)
	if len(f.Relationships) > 0 {
		x.digest = configDigest(f)
	}
	return x
}

func newSubnet(f *config.Family, c *config.Subnet) *subnet {
	s := &subnet{Subnet: c, counts: new(scopeCounters)}
	for _, p := range c.Pools {
		s.pools = append(s.pools, newPool(f, p, s))
	}
	for _, p := range c.PDPools {
		s.pd = append(s.pd, newPool(f, p, s))
	}
	shareCounts(s.pools)
	shareCounts(s.pd)
	s.byAddr = slices.SortedFunc(slices.Values(s.pools), func(a, b *pool) int {
		if a.first.less(b.first) {
			return -1
		}
		return 1
	})
	s.next = s
	return s
}

// serve makes a plan the one that counts.
func (e *Engine) serve(x *Plan) {
	e.serving = x.serving
	e.derive(x.cfg)
	e.planPasses()
}

// holdBack marks what compatibility.exclude-first-last-24 keeps from being chosen.
func (s *subnet) holdBack(f *config.Family) {
	if !f.Compat.ExcludeFirstLast24 || f.Version != 4 || s.Prefix.Bits() > 24 {
		return
	}
	for _, p := range s.pools {
		for i := uint64(0); i < p.free.Size(); {
			switch b := byte(p.first.lo + i); b {
			case 0, 255:
				p.free.Take(i, heldByRule)
				i++
			default:
				i += uint64(255 - b)
			}
		}
	}
}

// holdReserved keeps the allocators off an address that is reserved. Whoever
// it is reserved for gets it by the reservation.
func (s *subnet) holdReserved(h *config.Host) {
	if !s.Params.ReservationsInSubnet || s.Params.ReservationsOutOfPool {
		return
	}
	hold := func(a netip.Addr) {
		if p := s.poolOf(a); p != nil {
			i, _ := p.index(a)
			p.free.Take(i, heldByReservation)
		}
	}
	if h.Addr.IsValid() {
		hold(h.Addr)
	}
	for _, a := range h.Addrs {
		hold(a)
	}
	for _, x := range h.Prefixes {
		if p := s.prefixPoolOf(x.Addr(), uint8(x.Bits())); p != nil {
			i, _ := p.index(x.Addr())
			p.free.Take(i, heldByReservation)
		}
	}
}
