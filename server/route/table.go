package route

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/server/engine"
)

// Protocol is the origin of our routes (rtm_protocol): "ip -6 route show proto
// 147" lists them.
const Protocol = 147

// Table brings the system's routes to what an engine wants.
type Table struct {
	failed func(error)

	mu     sync.Mutex // guards what follows
	next   uint64     // Routes.Seq to be taken next
	early  map[uint64]engine.Routes
	all    bool // todo is all there ought to be
	todo   map[netip.Prefix]engine.Route
	closed bool
	wake   chan struct{} // nil: nothing was wanted yet
	done   chan struct{}
}

// New returns a Table that reports to failed what cannot be done.
func New(failed func(error)) *Table {
	return &Table{failed: failed, next: 1, early: map[uint64]engine.Routes{}, todo: map[netip.Prefix]engine.Route{}}
}

// Apply takes the Routes of one Step. Those of different Steps may come in any
// order and are carried out in the right one. It does not wait.
func (t *Table) Apply(r *engine.Routes) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	t.take(engine.Routes{Seq: r.Seq, All: r.All, List: slices.Clone(r.List)})
	if t.wake == nil {
		t.wake, t.done = make(chan struct{}, 1), make(chan struct{})
		go t.run()
	}
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// take adds Routes to what is to be done when those before them have come.
func (t *Table) take(r engine.Routes) {
	t.early[r.Seq] = r
	for {
		r, ok := t.early[t.next]
		if !ok {
			return
		}
		delete(t.early, t.next)
		t.next++
		if r.All {
			t.all = true
			clear(t.todo)
		}
		for _, x := range r.List {
			t.todo[x.Prefix] = x
		}
	}
}

// Close carries out what is wanted still and ends. The routes stay.
func (t *Table) Close() {
	t.mu.Lock()
	started := t.wake != nil && !t.closed
	t.closed = true
	if started {
		close(t.wake)
	}
	t.mu.Unlock()
	if started {
		<-t.done
	}
}

func (t *Table) run() {
	defer close(t.done)
	for range t.wake {
		t.work()
	}
	t.work()
}

// work carries out what has gathered.
func (t *Table) work() {
	t.mu.Lock()
	all, todo := t.all, t.todo
	t.all, t.todo = false, map[netip.Prefix]engine.Route{}
	t.mu.Unlock()
	if !all && len(todo) == 0 {
		return
	}
	k, err := openKernel()
	if err != nil {
		t.failed(err)
		return
	}
	defer k.close()
	if all {
		if err := k.clean(todo); err != nil {
			t.failed(err)
			return
		}
	}
	var errs []error
	for _, p := range slices.SortedFunc(maps.Keys(todo), netip.Prefix.Compare) {
		if err := k.apply(todo[p]); err != nil {
			errs = append(errs, err)
		}
	}
	switch {
	case len(errs) == 1:
		t.failed(errs[0])
	case len(errs) > 1:
		t.failed(fmt.Errorf("%w (and %d more like it)", errs[0], len(errs)-1))
	}
}

// kernel is the system's routing table, for one piece of work.
type kernel struct {
	h     *netlink.Handle
	links map[string]int // indexes by name
}

func openKernel() (*kernel, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open routing table: %w", err)
	}
	return &kernel{h: h, links: map[string]int{}}, nil
}

func (k *kernel) close() { k.h.Close() }

// clean withdraws our routes that are not wanted as they are, and takes from
// wanted those that are there.
func (k *kernel) clean(wanted map[netip.Prefix]engine.Route) error {
	have, err := k.h.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Protocol: Protocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list routes: %w", err)
	}
	for i := range have {
		p, ok := prefixOf(have[i].Dst)
		if !ok {
			continue
		}
		if w, ok := wanted[p]; ok && k.same(&have[i], w) {
			delete(wanted, p)
			continue
		}
		if err := k.withdraw(p); err != nil {
			return err
		}
	}
	return nil
}

func (k *kernel) same(have *netlink.Route, want engine.Route) bool {
	gw, ok := netip.AddrFromSlice(have.Gw)
	index, err := k.index(want.Iface)
	return ok && err == nil && gw == want.Via && have.LinkIndex == index
}

// apply installs or withdraws one route.
func (k *kernel) apply(r engine.Route) error {
	if !r.Via.IsValid() {
		return k.withdraw(r.Prefix)
	}
	err := k.install(r)
	if errors.Is(err, unix.EEXIST) {
		// Ours with another next hop, or somebody else's.
		if err := k.withdraw(r.Prefix); err != nil {
			return err
		}
		if err = k.install(r); errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("install route to %s: there is one that is not ours", r.Prefix)
		}
	}
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("install route to %s: %w (needs CAP_NET_ADMIN)", r.Prefix, err)
	case err != nil:
		return fmt.Errorf("install route to %s via %s on %s: %w", r.Prefix, r.Via, r.Iface, err)
	}
	return nil
}

func (k *kernel) install(r engine.Route) error {
	index, err := k.index(r.Iface)
	if err != nil {
		return err
	}
	return k.h.RouteAdd(&netlink.Route{
		Dst: netOf(r.Prefix), Gw: r.Via.AsSlice(), LinkIndex: index, Protocol: Protocol,
	})
}

// withdraw removes our route to a prefix, if there is one.
func (k *kernel) withdraw(p netip.Prefix) error {
	err := k.h.RouteDel(&netlink.Route{Dst: netOf(p), Protocol: Protocol})
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("withdraw route to %s: %w", p, err)
	}
	return nil
}

func (k *kernel) index(name string) (int, error) {
	if i, ok := k.links[name]; ok {
		return i, nil
	}
	l, err := k.h.LinkByName(name)
	if err != nil {
		return 0, fmt.Errorf("find interface: %w", err)
	}
	k.links[name] = l.Attrs().Index
	return l.Attrs().Index, nil
}

func netOf(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)}
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(a, ones), ok
}
