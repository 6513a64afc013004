package convert

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"leasehold/config"
)

// dhcpSubnet is what ranges of one network become.
type dhcpSubnet struct {
	prefix netip.Prefix
	ranges []*dhcpRange
	v      *config.Value
	tags   []string // that every range of it sets
}

// finish puts the map together.
func (d *dnsmasq) finish() {
	top := config.NewMap(config.M("interfaces-config", d.interfaces()),
		config.M("lease-database", config.NewMap(config.M("type", str("memfile")), config.M("persist", config.NewBool(true)))),
		config.M("control-socket", config.NewMap(config.M("socket-type", str("unix")),
			config.M("socket-name", str(fmt.Sprintf("/run/kea/kea%d-ctrl-socket", d.version))))))
	for _, m := range d.top.Members {
		top.Set(m.Key, m.Value)
	}
	d.top = top
	top.Set("calculate-tee-times", config.NewBool(true))
	subnets := d.subnets()
	d.giveUnasked(subnets)
	for _, o := range d.options {
		if v := d.entry(o); v != nil {
			d.giveOption(o, v, subnets)
		}
	}
	for _, b := range d.boots {
		d.giveBoot(b)
	}
	d.reserve(subnets)
	d.writeClasses()
	for _, s := range subnets {
		push(d.top, "subnet"+strconv.Itoa(d.version), s.v)
	}
}

func (d *dnsmasq) interfaceNames() []string {
	names := append(slices.Clone(d.o.Interfaces), d.ifaces...)
	slices.Sort(names)
	return slices.Compact(names)
}

func (d *dnsmasq) interfaces() *config.Value {
	list := config.NewList()
	for _, name := range d.interfaceNames() {
		list.List = append(list.List, str(name))
	}
	if len(list.List) == 0 {
		list.List = append(list.List, str("*"))
	}
	return config.NewMap(config.M("interfaces", list))
}

// others are the tags that keep a client out of a range without tags, because
// ranges of the same network demand them: dnsmasq prefers those.
func (d *dnsmasq) others(r *dhcpRange) (denied []string) {
	for _, x := range d.ranges {
		if len(x.demanded) != 1 || strings.HasPrefix(x.demanded[0], "!") {
			continue
		}
		if len(r.demanded) == 0 && x.prefix == r.prefix && !slices.Contains(denied, "!"+x.demanded[0]) {
			denied = append(denied, "!"+x.demanded[0])
		}
	}
	if len(denied) > 0 {
		d.skipAt(r.at, "clients of other ranges of the network get none of these addresses, even if theirs are all taken")
	}
	return denied
}

// subnets makes one of all ranges in a network.
func (d *dnsmasq) subnets() (list []*dhcpSubnet) {
	for _, r := range d.ranges {
		if denied := d.others(r); len(denied) > 0 {
			r.demanded = denied
		}
		i := slices.IndexFunc(list, func(s *dhcpSubnet) bool { return s.prefix == r.prefix })
		if i < 0 {
			i = len(list)
			s := &dhcpSubnet{prefix: r.prefix, tags: slices.Clone(r.set)}
			s.v = config.NewMap(config.M("id", num(i+1)), config.M("subnet", str(r.prefix.String())), config.M("valid-lifetime", num(r.lease)))
			if r.lease != foreverTime {
				s.v.Set("min-valid-lifetime", num(min(leastLease, r.lease)))
				s.v.Set("max-valid-lifetime", num(r.lease))
			}
			if d.version == 6 {
				s.v.Set("preferred-lifetime", num(r.lease))
				if names := d.interfaceNames(); len(names) == 1 {
					s.v.Set("interface", str(names[0]))
				}
			}
			list = append(list, s)
		}
		s := list[i]
		s.ranges = append(s.ranges, r)
		s.tags = slices.DeleteFunc(s.tags, func(t string) bool { return !slices.Contains(r.set, t) })
		if r.lease != s.ranges[0].lease {
			d.skipAt(r.at, "a network has one lease time: that of its first range")
		}
		if pool := r.pool(); pool != "" {
			v := config.NewMap(config.M("pool", str(pool)))
			if len(r.demanded) > 0 {
				d.classOf(r.demanded)
				v.Set("client-class", str(className(joined(r.demanded))))
			}
			push(s.v, "pools", v)
		}
	}
	return list
}

func joined(tags []string) string {
	text := ""
	for i, t := range tags {
		if i > 0 {
			text += "+"
		}
		text += t
	}
	return text
}

// giveUnasked adds what dnsmasq gives without being told: itself as router and
// name server, and the broadcast address.
func (d *dnsmasq) giveUnasked(subnets []*dhcpSubnet) {
	stated := func(code uint16) bool {
		return slices.ContainsFunc(d.options, func(o *dhcpOption) bool { return o.code == code && len(o.tags) == 0 && !o.weak })
	}
	codes := []uint16{3, 6}
	if d.version == 6 {
		codes = []uint16{23}
	}
	for _, s := range subnets {
		at := s.ranges[0].at
		if d.version == 4 {
			d.pushOption(s.v, &dhcpOption{at: at, code: 28, values: []string{broadcast(s.prefix).String()}})
		}
		for _, code := range codes {
			dns := code == 6 || code == 23
			switch {
			case stated(code) || dns && !d.dns:
			case s.prefix.Contains(d.o.Address):
				d.pushOption(s.v, &dhcpOption{at: at, code: code, values: []string{d.o.Address.String()}})
			default:
				d.skipAt(at, "dnsmasq gives its own address in this network as option %d: say it by --address, or write the option", code)
			}
		}
	}
}

func (d *dnsmasq) pushOption(to *config.Value, o *dhcpOption) {
	if v := d.entry(o); v != nil {
		push(to, "option-data", v)
	}
}

func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// giveOption puts an option where its tags say: everywhere, into a network whose
// ranges set the tag, or into a class.
func (d *dnsmasq) giveOption(o *dhcpOption, v *config.Value, subnets []*dhcpSubnet) {
	switch {
	case len(o.tags) == 0:
		if o.weak && slices.ContainsFunc(d.options, func(x *dhcpOption) bool { return x.code == o.code && !x.weak && len(x.tags) == 0 }) {
			return
		}
		push(d.top, "option-data", v)
		return
	case len(o.tags) == 1 && d.tag(className(o.tags[0])).ranged:
		given := false
		for _, s := range subnets {
			if slices.Contains(s.tags, o.tags[0]) {
				d.replaceOption(s.v, v)
				given = true
			}
		}
		if !given {
			d.skipAt(o.at, "only some ranges of the network set the tag: write the option into their pools")
		}
		return
	case slices.ContainsFunc(o.tags, func(t string) bool { return d.tag(className(t)).ranged }):
		d.skipAt(o.at, "tags of ranges together with others: write a class that the subnet requires")
		return
	}
	push(d.classOf(o.tags), "option-data", v)
}

// replaceOption puts an option in place of one that was given unasked.
func (d *dnsmasq) replaceOption(to, v *config.Value) {
	if list := to.Get("option-data"); list != nil {
		for i, x := range list.List {
			if x.Get("code").Int == v.Get("code").Int {
				list.List[i] = v.Clone()
				return
			}
		}
	}
	push(to, "option-data", v.Clone())
}

func (d *dnsmasq) giveBoot(b *dhcpBoot) {
	to := d.top
	if len(b.tags) > 0 {
		if slices.ContainsFunc(b.tags, func(t string) bool { return d.tag(className(t)).ranged }) {
			d.skipAt(b.at, "write it into the subnet of the range")
			return
		}
		to = d.classOf(b.tags)
	}
	for _, x := range [...][2]string{{"boot-file-name", b.file}, {"server-hostname", b.name}, {"next-server", b.server}} {
		if x[1] != "" {
			to.Set(x[0], str(x[1]))
		}
	}
	// Clients that ask for the options get these, too.
	for _, o := range []*dhcpOption{{at: b.at, code: 67, values: []string{b.file}}, {at: b.at, code: 66, values: []string{b.name}}} {
		if o.values[0] != "" {
			d.pushOption(to, o)
		}
	}
	if b.server == "" {
		d.skipAt(b.at, "the server of the file is dnsmasq itself: say its address by --address, or write next-server")
	}
}

// reserve writes the hosts, in their networks or at the global level.
func (d *dnsmasq) reserve(subnets []*dhcpSubnet) {
	for _, h := range d.hosts {
		for n, id := range h.ids {
			v := config.NewMap(config.M(id.key, str(id.value)))
			if h.name != "" {
				v.Set("hostname", str(h.name))
			}
			for _, t := range h.set {
				push(v, "client-classes", str(t))
			}
			if h.ignore {
				push(v, "client-classes", str("DROP"))
			}
			if !h.addr.IsValid() {
				push(d.top, "reservations", v)
				d.top.Set("reservations-global", config.NewBool(true))
				d.top.Set("reservations-in-subnet", config.NewBool(true))
				continue
			}
			i := slices.IndexFunc(subnets, func(s *dhcpSubnet) bool { return s.prefix.Contains(h.addr) })
			if i < 0 {
				d.skipAt(h.at, "%s is in no network of a range", h.addr)
				break
			}
			if n > 0 {
				d.top.Set("ip-reservations-unique", config.NewBool(false))
			}
			if d.version == 4 {
				v.Set("ip-address", str(h.addr.String()))
			} else {
				push(v, "ip-addresses", str(h.addr.String()))
			}
			push(subnets[i].v, "reservations", v)
		}
	}
}

// writeClasses writes the tags that something needs; those that test others last.
func (d *dnsmasq) writeClasses() {
	var last []*config.Value
	for _, t := range d.tags {
		v := t.class
		if t.name == "KNOWN" || t.name == "UNKNOWN" {
			if v != nil && len(v.Members) > 1 {
				d.add(d.line.file, 0, "options for tag:known: give them in the reservations")
			}
			continue
		}
		if v == nil {
			v = classMap(t.name, "")
		}
		if t.ranged && len(t.tests) == 0 && len(v.Members) == 1 {
			continue
		}
		test, dependent := "", false
		for i, x := range t.tests {
			if i > 0 {
				test += " or "
			}
			if len(t.tests) > 1 {
				x = "(" + x + ")"
			}
			test += x
			dependent = dependent || slices.Contains([]string{"member", "not me", "(membe", "(not m"}, x[:min(6, len(x))])
		}
		if test != "" {
			v.Set("test", str(test))
		}
		if dependent {
			last = append(last, v)
			continue
		}
		push(d.top, "client-classes", v)
	}
	for _, v := range last {
		push(d.top, "client-classes", v)
	}
}
