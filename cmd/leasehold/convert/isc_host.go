package convert

import (
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
)

// host is a host statement.
type host struct {
	at    *statement
	scope *scope
	addrs []netip.Addr
	pds   []string
}

// host reads "host name { … }".
func (c *isc) host(s *statement, to *scope) {
	h := &host{at: s, scope: to.inside(inHost)}
	c.hosts = append(c.hosts, h)
	c.statements(s.block, h.scope)
	if h.scope.declNames && h.scope.v.Get("hostname") == nil {
		h.scope.v.Set("hostname", str(s.at(1)))
	}
}

// hostOf returns the host that is being read.
func (c *isc) hostOf(to *scope) *host {
	if to.kind != inHost || len(c.hosts) == 0 {
		return nil
	}
	return c.hosts[len(c.hosts)-1]
}

// identity reads what belongs into a host.
func (c *isc) identity(s *statement, to *scope) {
	h := c.hostOf(to)
	if h == nil {
		c.skip(s, "it belongs into a host")
		return
	}
	switch strings.ToLower(s.at(0)) {
	case "hardware":
		mac, ok := octets(s.at(2))
		if !ok || !s.is("hardware", "ethernet") {
			c.skip(s, "only Ethernet addresses identify hosts")
			return
		}
		c.identify(to, "hw-address", s)
		to.v.Set("hw-address", str(colons(mac)))
	case "fixed-address", "fixed-address6":
		for _, w := range s.words[1:] {
			if w.text == "," {
				continue
			}
			a, err := netip.ParseAddr(w.text)
			if err != nil {
				c.skip(s, "%q is a name: write its address", w.text)
				continue
			}
			h.addrs = append(h.addrs, a)
		}
	case "fixed-prefix6":
		h.pds = append(h.pds, s.at(1))
	case "host-identifier":
		c.hostIdentifier(s, to)
	default:
		c.skip(s, "there is no counterpart")
	}
}

// hostIdentifier reads "host-identifier option name value".
func (c *isc) hostIdentifier(s *statement, to *scope) {
	at := 2
	if s.is("host-identifier", "v6relopt") {
		at = 4
	}
	switch strings.ToLower(s.at(at)) {
	case "agent.circuit-id":
		c.identifyBy(to, "circuit-id", s, s.words[at+1:])
	case "dhcp6.client-id":
		c.identifyBy(to, "duid", s, s.words[at+1:])
	case "dhcp-client-identifier":
		c.identifyBy(to, "client-id", s, s.words[at+1:])
	default:
		c.skip(s, "clients are not identified by this; libdhcp_flex_id.so can do it")
	}
}

// identify identifies a host by the value of an option statement.
func (c *isc) identify(to *scope, key string, s *statement) {
	if key == "hw-address" {
		c.oneIdentifier(to, key, s)
		return
	}
	c.identifyBy(to, key, s, s.words[2:])
}

func (c *isc) identifyBy(to *scope, key string, s *statement, value []word) {
	b, err := (&definition{types: []string{"binary"}}).octets(value)
	if err != nil || len(b) == 0 {
		c.skip(s, "the identifier is not understood")
		return
	}
	if c.oneIdentifier(to, key, s) {
		to.v.Set(key, str(colons(b)))
	}
}

var identifiers = []string{"hw-address", "client-id", "duid", "circuit-id"}

// oneIdentifier sees to it that a host has one identifier; the first one counts.
func (c *isc) oneIdentifier(to *scope, key string, s *statement) bool {
	for _, other := range identifiers {
		if other != key && to.v.Get(other) != nil {
			c.skip(s, "a reservation has one identifier: this host keeps its %s", other)
			return false
		}
	}
	return true
}

// reserve puts a host where its addresses are, or at the global level.
func (c *isc) reserve(h *host) {
	x := h.scope
	if !slices.ContainsFunc(identifiers, func(key string) bool { return x.v.Get(key) != nil }) {
		c.skip(h.at, "nothing identifies the host")
		return
	}
	if left := x.only("hw-address", "client-id", "duid", "circuit-id", "hostname", "next-server", "server-hostname", "boot-file-name", "client-classes"); len(left) > 0 {
		c.skip(h.at, "a reservation has no %s", strings.Join(left, ", "))
	}
	v := x.finish()
	if len(h.addrs)+len(h.pds) == 0 {
		push(c.top, "reservations", v)
		return
	}
	placed := map[*scope]*config.Value{}
	for _, a := range h.addrs {
		i := slices.IndexFunc(c.subnets, func(s *scope) bool { return s.prefix.Contains(a) })
		if i < 0 {
			c.skip(h.at, "%s is in no subnet", a)
			continue
		}
		in := c.subnets[i]
		if placed[in] == nil {
			placed[in] = v.Clone()
			in.hosts = append(in.hosts, placed[in])
		} else if c.version == 4 {
			c.skip(h.at, "a second address in one subnet, %s", a)
			continue
		}
		if c.version == 4 {
			placed[in].Set("ip-address", str(a.String()))
		} else {
			push(placed[in], "ip-addresses", str(a.String()))
		}
	}
	for _, p := range h.pds {
		for _, in := range placed {
			push(in, "prefixes", str(p))
		}
		if len(placed) == 0 {
			c.skip(h.at, "the prefix needs a fixed-address6 beside it, which tells the subnet")
		}
	}
}
