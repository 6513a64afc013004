package engine

import (
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
)

// Route leads to a delegated prefix through the router that asked for it, or
// through the relay agent next to us.
type Route struct {
	Prefix netip.Prefix
	Via    netip.Addr // invalid: the route is to be withdrawn
	Iface  string
}

// Routes are what a Step wants done with routes, in order. With All, List is
// what there ought to be, and every other route of ours goes.
type Routes struct {
	Seq  uint64 // counts the Routes with something in them, from 1; 0: nothing is to be done
	All  bool
	List []Route
}

// LinksChanged tells that links of the system changed: one that was down, if
// only for a moment, has lost its routes.
type LinksChanged struct{}

func (LinksChanged) input() {}

// routing knows the routes to delegated prefixes that there ought to be: those
// of the leases in force whose clients this server serves.
type routing struct {
	on      bool
	due     bool   // all of them are to be told
	told    uint64 // last Routes.Seq
	frozen  bool   // a pair finds out who serves: nothing is installed until it knows
	serving []bool
	before  []bool               // serving when all routes were told last
	routes  map[netip.Addr]Route // by the address of the prefix
}

// routeParameters switches routing on or off, as a configuration says.
func (e *Engine) routeParameters(f *config.Family) {
	r := &e.routing
	if was := r.on; was || f.Leasehold.InstallPDRoutes {
		r.on, r.due, r.frozen = f.Leasehold.InstallPDRoutes, true, len(f.Relationships) > 0
	}
}

// finishRoutes tells all routes when the system's links, the configuration or
// the scopes served have changed, and numbers what is told.
func (e *Engine) finishRoutes() {
	r, fx := &e.routing, &e.fx.Routes
	switch {
	case r.on:
		e.tellRoutes()
	case r.due:
		fx.All, r.due, r.routes = true, false, nil
	}
	if fx.All || len(fx.List) > 0 {
		r.told++
		fx.Seq = r.told
	}
}

func (e *Engine) tellRoutes() {
	r := &e.routing
	r.serving, r.frozen = r.serving[:0], false
	for _, p := range e.pairs {
		r.serving = append(r.serving, p.machine.Gauges().Serves...)
		r.frozen = r.frozen || !p.machine.State().Settled()
	}
	if r.frozen {
		r.due = true
	}
	if r.frozen || !r.due && slices.Equal(r.serving, r.before) {
		return
	}
	r.due = false
	r.before = append(r.before[:0], r.serving...)
	r.routes = make(map[netip.Addr]Route)
	e.fx.Routes.All, e.fx.Routes.List = true, e.fx.Routes.List[:0]
	e.store.EachPrefix(func(l *lease.Lease) bool {
		if x, ok := e.routeOf(l); ok {
			r.routes[l.Addr] = x
			e.fx.Routes.List = append(e.fx.Routes.List, x)
		}
		return true
	})
	e.log(nil, message.PDRoutes, "%d delegated prefixes are routed", len(r.routes))
}

// reroute follows a lease that was put, or is gone.
func (e *Engine) reroute(l *lease.Lease, gone bool) {
	r := &e.routing
	if !r.on || l.Type != lease.PD || r.frozen && !gone {
		return
	}
	var want Route
	wanted := false
	if !gone {
		want, wanted = e.routeOf(l)
	}
	have, had := r.routes[l.Addr]
	if had && (!wanted || have.Prefix != want.Prefix) {
		delete(r.routes, l.Addr)
		e.fx.Routes.List = append(e.fx.Routes.List, Route{Prefix: have.Prefix})
		if e.on(message.PDRouteWithdraw) {
			e.log(nil, message.PDRouteWithdraw, "route to %s withdrawn", have.Prefix)
		}
	}
	if wanted && have != want {
		r.routes[l.Addr] = want
		e.fx.Routes.List = append(e.fx.Routes.List, want)
		if e.on(message.PDRouteInstall) {
			e.log(nil, message.PDRouteInstall, "route to %s via %s on %s", want.Prefix, want.Via, want.Iface)
		}
	}
}

// routeOf returns the route that a lease wants; false if it wants none.
func (e *Engine) routeOf(l *lease.Lease) (Route, bool) {
	if l.Type != lease.PD || !holds(l, e.now) || !e.servesLease(l) {
		return Route{}, false
	}
	via, iface := nextHop(l.UserContext)
	if !via.IsValid() {
		return Route{}, false
	}
	return Route{Prefix: netip.PrefixFrom(l.Addr, int(l.PrefixLen)), Via: via, Iface: iface}, true
}

// servesLease says whether the client of a lease is in a scope served here.
func (e *Engine) servesLease(l *lease.Lease) bool {
	switch len(e.pairs) {
	case 0:
		return true
	case 1:
		return e.pairs[0].machine.Owns([]byte(l.ClientID))
	}
	s := e.subnets[l.SubnetID]
	if s == nil || s.HAServer == "" {
		return false
	}
	p := e.pairNamed(s.HAServer)
	return p != nil && p.machine.Owns([]byte(l.ClientID))
}

// nextRoute returns when a route ends next with its lease; zero: none does.
func (e *Engine) nextRoute() (t time.Time) {
	if end, ok := e.store.NextExpiry(); ok && e.routing.on {
		t = time.Unix(end, 0)
	}
	return t
}

// The user-context of a lease remembers the next hop: a restarted server, or a
// partner that takes over, must not wait for the client to come again.
const (
	contextOurs    = "leasehold"
	contextNextHop = "next-hop"
	contextIface   = "interface"
)

// keepNextHop notes with a delegated prefix where its router is. Who sent the
// datagram is the next hop: the client, or the relay agent nearest to us. One
// that is not on the link is out of reach for a route; the routers in between
// must learn of the prefix from the relay agent (RFC 8987).
func (e *Engine) keepNextHop(q *Query, l *lease.Lease) {
	a, i := q.Arrival.Src.Addr().WithZone(""), q.Arrival.Iface
	if i == nil || !a.IsLinkLocalUnicast() && !slices.ContainsFunc(i.V6, func(p netip.Prefix) bool { return p.Contains(a) }) {
		if e.on(message.PDRouteUnreachable) {
			e.log(q, message.PDRouteUnreachable, "no route to %s/%d: %s is on no link of ours", l.Addr, l.PrefixLen, a)
		}
		forgetContext(l, contextOurs)
		return
	}
	t := append(q.context[:0], `{ "`+contextIface+`": "`...)
	t = append(t, i.Name...)
	t = append(t, `", "`+contextNextHop+`": "`...)
	t = a.AppendTo(t)
	q.context = append(t, `" }`...)
	q.keepContext(l, contextOurs)
}

// nextHop reads what keepNextHop wrote; the address is invalid if there is none.
func nextHop(context string) (via netip.Addr, iface string) {
	if context == "" {
		return via, ""
	}
	v, _, err := config.ParseValue("", []byte(context), false)
	if err != nil || v.Kind != config.Map {
		return via, ""
	}
	ours := v.Get(contextOurs)
	if ours == nil || ours.Kind != config.Map {
		return via, ""
	}
	hop, link := ours.Get(contextNextHop), ours.Get(contextIface)
	if hop == nil || hop.Kind != config.String || link == nil || link.Kind != config.String || link.Str == "" {
		return via, ""
	}
	// Whoever wrote the lease file, or is the partner, may have written anything.
	if via, err = netip.ParseAddr(hop.Str); err != nil || !via.Is6() || via.Zone() != "" || via.IsUnspecified() || via.IsMulticast() {
		return netip.Addr{}, ""
	}
	return via, link.Str
}
