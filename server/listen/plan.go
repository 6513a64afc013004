package listen

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"leasehold/config"
	"leasehold/server/wire"
)

// Family is the address family a Set serves.
type Family uint8

const (
	V4 Family = 4
	V6 Family = 6
)

var (
	limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	relaysAndServers = netip.MustParseAddr("ff02::1:2") // RFC 9915 §7.1
	allServers       = netip.MustParseAddr("ff05::1:3")
)

// link is an interface of the system with what decides whether it can be
// served.
type link struct {
	*wire.Interface
	up, loopback, multicast bool
}

type kind uint8

const (
	packet4    kind = iota + 1 // packet socket on an interface
	unicast4                   // UDP, bound to an address
	broadcast4                 // UDP, bound to an interface and a broadcast address
	multicast6                 // UDP, bound to an interface and a group
	local6                     // UDP, bound to an interface and a link-local address
	global6                    // UDP, bound to an address
)

var kindNames = [...]string{packet4: "raw", unicast4: "udp", broadcast4: "broadcast",
	multicast6: "multicast", local6: "link-local", global6: "unicast"}

func (k kind) String() string { return kindNames[k] }

// key tells one socket from another: as long as a plan holds the same key, the
// socket stays open.
type key struct {
	kind    kind
	ifindex int // 0 where the socket is not tied to an interface
	addr    netip.Addr
}

func compareKeys(a, b key) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.ifindex, b.ifindex), a.addr.Compare(b.addr))
}

// wanted is a socket that a plan asks for.
type wanted struct {
	iface  string
	dsts   []netip.Addr // packet4: destinations taken
	except []int        // unicast4: interfaces whose packet socket takes this address
}

// plan is what ought to be open.
type plan struct {
	sockets  map[key]wanted
	local    map[int]netip.Addr // by interface served: its address for us
	problems []error            // what was asked for and cannot be
}

// makePlan says which sockets spec asks for on links. An interface that only
// "*" selects and that cannot be served now is no problem; one that is named is.
func makePlan(f Family, spec *config.InterfacesConfig, links []link) plan {
	p := plan{sockets: map[key]wanted{}, local: map[int]netip.Addr{}}
	byName := map[string]*link{}
	for i := range links {
		byName[links[i].Name] = &links[i]
	}
	named := map[string]bool{}
	var names []string
	for _, s := range spec.Interfaces {
		if !named[s.Name] {
			named[s.Name] = true
			names = append(names, s.Name)
		}
	}
	for _, name := range names {
		l := byName[name]
		if l == nil {
			p.problem("interface %s is not there", name)
			continue
		}
		var addrs []netip.Addr
		for _, s := range spec.Interfaces {
			if s.Name == name && s.Addr.IsValid() {
				addrs = append(addrs, s.Addr)
			}
		}
		p.add(f, spec, l, addrs, true)
	}
	if spec.All {
		for i := range links {
			if l := &links[i]; !named[l.Name] && !l.loopback {
				p.add(f, spec, l, nil, false)
			}
		}
	}
	return p
}

func (p *plan) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf(format, args...))
}

func (p *plan) add(f Family, spec *config.InterfacesConfig, l *link, addrs []netip.Addr, named bool) {
	switch {
	case !l.up && named:
		p.problem("interface %s is down", l.Name)
	case !l.up:
	case f == V6:
		p.add6(l, addrs, named)
	case l.loopback && !spec.UDP:
		p.problem("interface %s is a loopback interface: it needs dhcp-socket-type udp", l.Name)
	default:
		p.add4(l, addrs, spec.UDP, named)
	}
}

func (p *plan) add4(l *link, addrs []netip.Addr, udp, named bool) {
	ours, ok := p.choose(l, l.V4, addrs)
	if !ok {
		return
	}
	if len(ours) == 0 {
		if named {
			p.problem("interface %s has no usable IPv4 address", l.Name)
		}
		return
	}
	p.local[l.Index] = ours[0]
	broadcasts := []netip.Addr{limitedBroadcast}
	for _, prefix := range l.V4 {
		if b, ok := broadcastOf(prefix); ok && !slices.Contains(broadcasts, b) {
			broadcasts = append(broadcasts, b)
		}
	}
	for _, a := range ours {
		k := key{kind: unicast4, addr: a}
		w := p.sockets[k]
		w.iface = cmp.Or(w.iface, l.Name)
		if !udp {
			w.except = append(w.except, l.Index)
		}
		p.sockets[k] = w
	}
	if !udp {
		p.sockets[key{kind: packet4, ifindex: l.Index}] = wanted{iface: l.Name, dsts: append(broadcasts, ours...)}
		return
	}
	if l.loopback {
		return
	}
	for _, b := range broadcasts {
		p.sockets[key{kind: broadcast4, ifindex: l.Index, addr: b}] = wanted{iface: l.Name}
	}
}

// add6 follows Kea: a name alone is the link-local addresses and the groups;
// name/address adds that address.
func (p *plan) add6(l *link, addrs []netip.Addr, named bool) {
	if len(addrs) > 0 {
		ours, _ := p.choose(l, l.V6, addrs)
		for _, a := range ours {
			if !a.IsLinkLocalUnicast() {
				p.sockets[key{kind: global6, addr: a}] = wanted{iface: l.Name}
				p.local[l.Index] = a
			}
		}
	}
	var local netip.Addr
	for _, prefix := range l.V6 {
		if a := prefix.Addr(); a.IsLinkLocalUnicast() {
			p.sockets[key{kind: local6, ifindex: l.Index, addr: a}] = wanted{iface: l.Name}
			if !local.IsValid() {
				local = a
			}
		}
	}
	if !local.IsValid() {
		if named && !l.loopback {
			p.problem("interface %s has no usable link-local address", l.Name)
		}
		return
	}
	p.local[l.Index] = local
	if !l.multicast {
		p.problem("interface %s cannot receive multicast", l.Name)
		return
	}
	for _, group := range []netip.Addr{relaysAndServers, allServers} {
		p.sockets[key{kind: multicast6, ifindex: l.Index, addr: group}] = wanted{iface: l.Name}
	}
}

// choose returns the addresses of have that are asked for: all, if none is
// named. It is false if one was named and none is there.
func (p *plan) choose(l *link, have []netip.Prefix, named []netip.Addr) ([]netip.Addr, bool) {
	var ours []netip.Addr
	if len(named) == 0 {
		for _, prefix := range have {
			ours = append(ours, prefix.Addr())
		}
		return ours, true
	}
	for _, a := range named {
		if slices.ContainsFunc(have, func(x netip.Prefix) bool { return x.Addr() == a }) {
			ours = append(ours, a)
		} else {
			p.problem("interface %s has no address %s", l.Name, a)
		}
	}
	return ours, len(ours) > 0
}

// broadcastOf returns the directed broadcast address of a prefix, if it has one
// (RFC 3021: none in a /31).
func broadcastOf(p netip.Prefix) (netip.Addr, bool) {
	if p.Bits() > 30 {
		return netip.Addr{}, false
	}
	b := p.Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b), true
}
