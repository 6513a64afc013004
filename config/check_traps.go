package config

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// traps warns about what is legal and does not do what it seems to say.
func (r *reader) traps(v *Value, top *trail) {
	if c := r.f.Interfaces; !c.All && len(c.Interfaces) == 0 {
		r.warn("no-interface", v.posOf("interfaces-config"), top.key("interfaces-config"), "no interface is listed: the server hears nobody", `list them, or "*"`)
	}
	r.globalHostsTrap(v, top)
	r.identifierTrap(top)
	r.classTrap(top)
	r.outOfPoolTrap(top)
	r.emptyVendorTrap(top)
	for _, rel := range r.f.Relationships {
		r.relationshipTraps(rel, top)
	}
}

// globalHostsTrap: a global list is only consulted where reservations-global is on.
func (r *reader) globalHostsTrap(v *Value, top *trail) {
	list := v.Get("reservations")
	if len(elements(list)) == 0 || len(r.f.Subnets) == 0 {
		return
	}
	if !slices.ContainsFunc(r.f.Subnets, func(s *Subnet) bool { return s.Params.ReservationsGlobal }) && !r.f.Params.ReservationsGlobal {
		r.warn("global-reservations-unused", list.Pos, top.key("reservations"), "no subnet looks up global reservations", `set "reservations-global": true`)
	}
}

// identifierTrap: reservations by an identifier that is not looked up.
func (r *reader) identifierTrap(top *trail) {
	var told [len(identifierKeys)]bool
	for _, h := range r.hosts {
		if told[h.Type] || slices.Contains(r.f.HostIdentifiers, h.Type) {
			continue
		}
		told[h.Type] = true
		name := identifierKeys[h.Type]
		r.warn("identifier-unused", h.Pos, top, fmt.Sprintf("reservations by %s are never found: host-reservation-identifiers does not list it", name), "add "+name+" to the list")
	}
}

// classTrap: a guard by a class that nothing can put a client into.
func (r *reader) classTrap(top *trail) {
	possible := make(map[ClassID]bool)
	for _, c := range r.f.Classes {
		possible[c.ID] = true
	}
	for _, h := range r.hosts {
		for _, id := range h.Classes {
			possible[id] = true
		}
	}
	for id := range len(builtinClasses) {
		possible[ClassID(id)] = true
	}
	check := func(guard []ClassID, pos Pos) {
		for _, id := range guard {
			name := r.f.ClassName(id)
			if possible[id] || slices.ContainsFunc(builtinPrefixes, func(p string) bool { return strings.HasPrefix(name, p) }) || strings.HasPrefix(name, "SPAWN_") {
				continue
			}
			possible[id] = true // told
			r.warn("class-undefined", pos, top, fmt.Sprintf("class %s is neither defined nor given by a reservation: nobody is in it", name), "define it in client-classes")
		}
	}
	for _, n := range r.f.Networks {
		check(n.Guard, n.Pos)
		check(n.Additional, n.Pos)
	}
	for _, s := range r.f.Subnets {
		check(s.Guard, s.Pos)
		check(s.Additional, s.Pos)
		for _, p := range slices.Concat(s.Pools, s.PDPools) {
			check(p.Guard, p.Pos)
			check(p.Additional, p.Pos)
		}
	}
}

// outOfPoolTrap: reservations-out-of-pool promises that no reserved address is
// in a pool, and a pool is then given out without a look at the reservations.
func (r *reader) outOfPoolTrap(top *trail) {
	byID := make(map[uint32]*Subnet)
	for _, s := range r.f.Subnets {
		if s.Params.ReservationsOutOfPool {
			byID[s.ID] = s
		}
	}
	for _, h := range r.hosts {
		s := byID[h.SubnetID]
		if s == nil {
			continue
		}
		for _, a := range append(slices.Clone(h.Addrs), h.Addr) {
			if i := slices.IndexFunc(s.Pools, func(p *Pool) bool {
				return a.IsValid() && p.First.Compare(a) <= 0 && a.Compare(p.Last) <= 0
			}); i >= 0 {
				r.warn("reserved-in-pool", h.Pos, top, fmt.Sprintf("reserved address %s lies in pool %s although reservations-out-of-pool promises the opposite: another client may get it", a, s.Pools[i].rangeText()), "take it out of the pool, or switch reservations-out-of-pool off")
				break
			}
		}
	}
}

// relationshipTraps: a pair that works until the day it is needed.
func (r *reader) relationshipTraps(rel *Relationship, top *trail) {
	t := top.key("hooks-libraries")
	if db := r.f.LeaseDB; db.Type == "memfile" && !db.Persist {
		r.warn("ha-no-persistence", rel.Pos, t, "a pair whose leases are not persistent: after a power cut of both nobody knows them", `set "persist": true`)
	}
	r.timerTrap(rel, t)
	if rel.Mode != "load-balancing" {
		return
	}
	for _, s := range r.f.Subnets {
		for _, p := range slices.Concat(s.Pools, s.PDPools) {
			owned := slices.ContainsFunc(slices.Concat(p.Guard, s.Guard), func(id ClassID) bool { return r.f.knowsServer(id) })
			if !owned && s.Network != nil {
				owned = slices.ContainsFunc(s.Network.Guard, r.f.knowsServer)
			}
			if !owned {
				r.warn("ha-pool-shared", p.Pos, t, fmt.Sprintf("pool %s is served by both servers of a load-balancing pair: two Leaseholds divide it, but with a Kea partner both may give one address to two clients", p.rangeText()),
					"write in its place "+p.split(rel))
			}
		}
	}
}

// knowsServer says whether a class can tell the two servers apart: it is one of
// HA_<server>, or its test may ask for one.
func (f *Family) knowsServer(id ClassID) bool {
	if strings.HasPrefix(f.ClassName(id), "HA_") {
		return true
	}
	return slices.ContainsFunc(f.Classes, func(c *Class) bool { return c.ID == id && c.Test != nil && strings.Contains(c.Test.Text, "HA_") })
}

// flapping is how long a partner may be silent for reasons that pass: a reload, a
// restart, a busy disk.
const flapping = 10 * time.Second

// split is the pool cut in two for the servers of a pair, ready to be pasted.
func (p *Pool) split(rel *Relationship) string {
	class := func(i int) string {
		return fmt.Sprintf(`"client-class": "HA_%s"`, rel.Peers[min(i, len(rel.Peers)-1)].Name)
	}
	if p.DelegatedLen > 0 {
		return fmt.Sprintf(`two pd-pools of prefix length %d, with %s and %s`, p.Prefix.Bits()+1, class(0), class(1))
	}
	a, b := p.First.As16(), p.Last.As16()
	from, to := new(big.Int).SetBytes(a[:]), new(big.Int).SetBytes(b[:])
	middle := new(big.Int).Rsh(from.Add(from, to), 1)
	last, _ := netip.AddrFromSlice(middle.FillBytes(make([]byte, 16)))
	if last = last.Unmap(); p.First.Is6() {
		last = netip.AddrFrom16(last.As16())
	}
	if last == p.Last {
		return "a pool of two addresses or more"
	}
	return fmt.Sprintf(`{ "pool": "%s - %s", %s }, { "pool": "%s - %s", %s }`, p.First, last, class(0), last.Next(), p.Last, class(1))
}

// timerTrap: timers with which one lost heartbeat already looks like the end of
// the partner.
func (r *reader) timerTrap(rel *Relationship, t *trail) {
	if rel.MaxUnacked == 0 && rel.MaxResponse < flapping {
		r.warn("ha-timers", rel.Pos, t, fmt.Sprintf("with max-unacked-clients 0, an interruption of %d ms (max-response-delay) is enough for both servers to serve everybody", rel.MaxResponse.Milliseconds()),
			"make max-response-delay at least 10000, or set max-unacked-clients")
	}
	if beat := rel.HeartbeatDelay; beat > 0 && rel.MaxResponse < 2*beat {
		r.warn("ha-timers", rel.Pos, t, fmt.Sprintf("max-response-delay (%d ms) is less than two heartbeats (heartbeat-delay %d ms): one that is late breaks the pair", rel.MaxResponse.Milliseconds(), beat.Milliseconds()),
			"make max-response-delay several times as long as heartbeat-delay")
	}
}

// emptyVendorTrap: option 43 without content of its own or sub-options.
func (r *reader) emptyVendorTrap(top *trail) {
	if r.version != 4 {
		return
	}
	check := func(set *OptionSet) {
		for _, o := range set.Lookup(codeVendor4) {
			if len(o.Data) == 0 && !o.NeverSend {
				r.warn("option-43-empty", o.Pos, top, "option 43 is listed here without content: it would go out empty", "list its sub-options at the same level, in the space that it encapsulates")
			}
		}
	}
	f := r.f
	check(&f.Options)
	for _, c := range f.Classes {
		check(&c.Options)
	}
	for _, n := range f.Networks {
		check(&n.Options)
	}
	for _, s := range f.Subnets {
		check(&s.Options)
		for _, p := range s.Pools {
			check(&p.Options)
		}
	}
	for _, h := range r.hosts {
		check(&h.Options)
	}
}

const codeVendor4 = 43
