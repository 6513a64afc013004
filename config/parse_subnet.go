package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// networks reads shared-networks. Kea reads them before the plain subnets,
// which shows in automatic subnet ids.
func (r *reader) networks(list *Value, t *trail) {
	for i, v := range elements(list) {
		r.sharedNetwork(v, t.at(i))
	}
}

func (r *reader) sharedNetwork(v *Value, t *trail) {
	c := levels{v, r.top}
	n := &Network{Name: v.text("name"), InterfaceID: v.text("interface-id"), UserContext: v.Get("user-context"), Pos: v.Pos}
	if first, twice := r.names[n.Name]; n.Name == "" {
		r.bad("network-name", v.posOf("name"), t, "missing 'name' of a shared network", "give it a name")
	} else if twice {
		r.bad("network-name", v.posOf("name"), t, fmt.Sprintf("duplicate network '%s' found in the configuration", n.Name), "the first is at "+first.String())
	} else {
		r.names[n.Name] = v.posOf("name")
	}
	n.Params = r.params(c, t)
	n.Interface = r.interfaceName(v, t)
	n.Relay = r.relay(v, t)
	n.Guard, n.Additional = r.guards(v)
	n.Options = r.options(v, t, levelOther, r.f.Defs)
	r.f.Networks = append(r.f.Networks, n)
	list, at := v.Get(r.subnetKey()), t.key(r.subnetKey())
	for i, e := range elements(list) {
		r.subnet(e, n, c, at.at(i))
	}
	r.checkMembers(n, v, at)
	r.finish = append(r.finish, func() { r.fillNetwork(v, n) })
}

// subnet reads one entry of subnet4 or subnet6; up are the levels above it.
func (r *reader) subnet(v *Value, n *Network, up levels, t *trail) {
	s := &Subnet{Network: n, UserContext: v.Get("user-context"), Pos: v.Pos}
	if !r.prefix(s, v, t) {
		return
	}
	c := append(levels{v}, up...)
	s.Params = r.params(c, t)
	s.Interface = r.interfaceName(v, t)
	s.InterfaceID = v.text("interface-id")
	if s.Interface != "" && s.InterfaceID != "" {
		r.bad("interface-and-id", v.posOf("interface-id"), t, "interface and interface-id are mutually exclusive", "keep one of them")
	}
	s.Relay = r.relay(v, t)
	s.RapidCommit = c.flag("rapid-commit", false)
	s.Guard, s.Additional = r.guards(v)
	if n != nil {
		if s.Interface == "" {
			s.Interface = n.Interface
		}
		if s.InterfaceID == "" && s.Interface == "" {
			s.InterfaceID = n.InterfaceID
		}
		if len(s.Relay) == 0 {
			s.Relay = n.Relay
		}
		n.Subnets = append(n.Subnets, s)
	}
	s.HAServer = s.UserContext.text("ha-server-name")
	if s.HAServer == "" && n != nil {
		s.HAServer = n.UserContext.text("ha-server-name")
	}
	s.Over6 = r.over6(v, t)
	s.Options = r.options(v, t, levelOther, r.f.Defs)
	r.pools(s, v, c, t)
	r.f.Subnets = append(r.f.Subnets, s)
	r.subnetID(s, v, t)
	if hosts := v.Get("reservations"); hosts != nil {
		r.hostLists = append(r.hostLists, hostList{s, hosts, t.key("reservations")})
	}
	r.finish = append(r.finish, func() { r.fillSubnet(v, s) })
}

// prefix reads the subnet key. Kea keeps host bits: 192.0.2.0/24 and
// 192.0.2.1/24 are two subnets.
func (r *reader) prefix(s *Subnet, v *Value, t *trail) bool {
	e := v.Get("subnet")
	if e == nil {
		return false
	}
	s.Text = strings.Join(strings.Fields(e.Str), "")
	p, why := parsePrefix(s.Text, r.version)
	if why != "" {
		r.bad("subnet-prefix", e.Pos, t.key("subnet"), fmt.Sprintf("subnet configuration failed: %s: %q", why, e.Str), "write address/length")
		return false
	}
	s.Prefix = p
	addr, _, _ := strings.Cut(s.Text, "/")
	s.Text = fmt.Sprintf("%s/%d", netip.MustParseAddr(addr), p.Bits())
	if first, twice := r.prefixes[s.Text]; twice {
		r.bad("subnet-duplicate", e.Pos, t, fmt.Sprintf("subnet with the prefix of '%s' already exists", s.Text), "the first is at "+first.String())
		return false
	}
	r.prefixes[s.Text] = e.Pos
	return true
}

// parsePrefix reads address/length of a family; host bits may be set and are
// cut. why is empty on success.
func parsePrefix(text string, version int) (p netip.Prefix, why string) {
	addr, length, ok := strings.Cut(text, "/")
	if !ok {
		return p, "invalid subnet syntax (prefix/len expected)"
	}
	a, err := parseAddr(addr, version)
	if err != nil {
		return p, err.Error()
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > a.BitLen() {
		return p, fmt.Sprintf("prefix length is not between 0 and %d", a.BitLen())
	}
	return netip.PrefixFrom(a, n).Masked(), ""
}

func parseAddr(text string, version int) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" || a.Is4() != (version == 4) {
		return netip.Addr{}, fmt.Errorf("%q is no IPv%d address", text, version)
	}
	return a, nil
}

func (r *reader) interfaceName(v *Value, t *trail) string {
	e := v.Get("interface")
	if e == nil || e.Str == "" {
		return ""
	}
	r.checkInterface(e, e.Str, t.key("interface"), "interface-unknown")
	return e.Str
}

func (r *reader) checkInterface(e *Value, name string, t *trail, code string) {
	if exists := r.opts.InterfaceExists; exists == nil || exists(name) {
		if has := r.opts.InterfaceAddressed; has != nil && !has(name, r.version) {
			r.warn("interface-no-address", e.Pos, t, fmt.Sprintf("interface %s has no IPv%d address: no client there can be served", name, r.version), "give it one")
		}
		return
	}
	what := fmt.Sprintf("interface %s is not present in the system", name)
	if r.opts.MissingInterfacesWarn {
		r.warn(code, e.Pos, t, what, "")
		return
	}
	r.bad(code, e.Pos, t, what, "")
}

func (r *reader) relay(v *Value, t *trail) (addrs []netip.Addr) {
	m := v.Get("relay")
	if m == nil {
		return nil
	}
	t = t.key("relay")
	list := m.Get("ip-addresses")
	if list == nil {
		r.bad("relay", m.Pos, t, "relay without ip-addresses", "list the addresses of the relay")
	}
	seen := make(map[netip.Addr]bool)
	for i, e := range elements(list) {
		a, err := parseAddr(e.Str, r.version)
		switch {
		case err != nil:
			r.bad("relay", e.Pos, t.key("ip-addresses").at(i), err.Error(), "")
		case seen[a]:
			r.bad("relay", e.Pos, t.key("ip-addresses").at(i), fmt.Sprintf("the relay address %s is listed twice", a), "")
		default:
			seen[a] = true
			addrs = append(addrs, a)
		}
	}
	return addrs
}

func (r *reader) over6(v *Value, t *trail) (o Over6) {
	for _, key := range []string{"4o6-interface", "4o6-interface-id", "4o6-subnet"} {
		if e := v.Get(key); e != nil && e.Str != "" {
			r.warn("no-effect", e.Pos, t.key(key), key+" has no effect: DHCPv4 over DHCPv6 is not served", "")
			break
		}
	}
	o.Interface, o.InterfaceID = v.text("4o6-interface"), v.text("4o6-interface-id")
	if e := v.Get("4o6-subnet"); e != nil && e.Str != "" {
		var why string
		if o.Prefix, why = parsePrefix(e.Str, 6); why != "" {
			r.bad("4o6-subnet", e.Pos, t.key("4o6-subnet"), fmt.Sprintf("%s: %q", why, e.Str), "write IPv6 prefix/length")
		}
	}
	return o
}

// subnetID takes the id that is given; others wait for numberSubnets.
func (r *reader) subnetID(s *Subnet, v *Value, t *trail) {
	s.ID = v.number32("id", 0)
	if s.ID == 0 {
		r.numbered = append(r.numbered, s)
		if len(r.numbered) == 1 {
			r.warn("subnet-id", v.posOf("id"), t, "subnet without id gets a number by its place in the text", "give every subnet an id: leases are bound to it")
		}
		return
	}
	if first, twice := r.ids[s.ID]; twice {
		r.bad("subnet-id", v.posOf("id"), t, fmt.Sprintf("ID of the new IPv%d subnet '%d' is already in use", r.version, s.ID), "the first is at "+first.String())
		return
	}
	r.ids[s.ID] = v.posOf("id")
}

// numberSubnets counts from 1 as Kea 2.2 does; where Kea would stop at an id
// that another subnet has, the count goes on behind it.
func (r *reader) numberSubnets() {
	next := uint32(1)
	for _, s := range r.numbered {
		for {
			if _, taken := r.ids[next]; !taken {
				break
			}
			next++
		}
		s.ID = next
		r.ids[next] = s.Pos
	}
}
