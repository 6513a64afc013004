package engine

import (
	"bytes"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/lease"
)

// checkResponse holds a response against the codec and the configuration: the
// codec reads the same options, and the address is one the server may give.
func (w *world) checkResponse(q *Query) {
	w.t.Helper()
	m, err := dhcpv4.FromBytes(q.Response)
	if err != nil {
		w.t.Fatalf("the codec does not read %x: %v", q.Response, err)
	}
	again, err := dhcpv4.FromBytes(m.ToBytes())
	if err != nil {
		w.t.Fatalf("the codec does not read its own writing of %x: %v", q.Response, err)
	}
	opts, _ := scanOptions(q.Response[240:])
	joined := map[byte][]byte{}
	for _, o := range opts {
		joined[o.code] = append(joined[o.code], o.value...)
	}
	if len(joined) != len(again.Options) {
		w.t.Fatalf("%d options, the codec reads %d: %x", len(joined), len(again.Options), q.Response)
	}
	for c, v := range joined {
		if !bytes.Equal(v, again.Options[c]) {
			w.t.Fatalf("option %d is %x, the codec reads %x", c, v, again.Options[c])
		}
	}
	if a, ok := netip.AddrFromSlice(m.YourIPAddr.To4()); ok && !a.IsUnspecified() && !w.mayGive(a) {
		w.t.Fatalf("%s is in no pool and not reserved", a)
	}
}

// mayGive says whether an address is in a pool or reserved.
func (w *world) mayGive(a netip.Addr) bool {
	for _, s := range w.engine.ordered {
		if s.poolOf(a) != nil || len(w.engine.cfg.Hosts.ByAddr(s.ID, a)) > 0 {
			return true
		}
	}
	return len(w.engine.cfg.Hosts.ByAddr(0, a)) > 0
}

// checkState compares what the engine keeps beside the leases with the leases:
// free maps, lease statistics, and that nothing is parked.
func (w *world) checkState() {
	w.t.Helper()
	if w.engine == nil {
		return
	}
	e := w.engine
	if n := len(e.parked.queue); n > 0 {
		w.t.Errorf("%d responses are still parked", n)
	}
	type count struct{ assigned, declined int64 }
	subnets, pools := map[*subnet]count{}, map[*scopeCounters]count{} // pools of one ID count together
	var global count
	held := map[*pool]map[uint64]bool{}
	e.store.Each(func(l *lease.Lease) bool {
		s := e.subnets[l.SubnetID]
		if s == nil {
			return true
		}
		p := e.holder(l)
		if p != nil && holds(l, e.now) {
			if held[p] == nil {
				held[p] = map[uint64]bool{}
			}
			i, _ := p.index(l.Addr)
			held[p][i] = true
		}
		var c count
		switch l.State {
		case lease.Default:
			c.assigned = 1
		case lease.Declined:
			c.assigned, c.declined = 1, 1
		}
		add := func(x count) count { return count{x.assigned + c.assigned, x.declined + c.declined} }
		global, subnets[s] = add(global), add(subnets[s])
		if p != nil {
			pools[p.counts] = add(pools[p.counts])
		}
		return true
	})
	compare := func(what string, got *scopeCounters, want count) {
		if g := (count{got[scAssigned].value, got[scDeclined].value}); g != want {
			w.t.Errorf("%s counts %+v, its leases are %+v", what, g, want)
		}
	}
	g := count{e.stats.global[AssignedAddresses4].value, e.stats.global[DeclinedAddresses4].value}
	if g != global {
		w.t.Errorf("globally %+v is counted, the leases are %+v", g, global)
	}
	for _, s := range e.ordered {
		compare("subnet "+s.Prefix.String(), s.counts, subnets[s])
		for _, p := range s.pools {
			compare("pool "+p.First.String(), p.counts, pools[p.counts])
			if p.free.Size() > 1<<16 {
				continue
			}
			for i := range p.free.Size() {
				if got := p.free.Reasons(i)&heldByLease != 0; got != held[p][i] {
					w.t.Errorf("%s: marked as leased %t, leased %t", p.addr(i), got, held[p][i])
				}
			}
		}
	}
}
