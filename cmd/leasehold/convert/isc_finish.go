package convert

import (
	"fmt"
	"slices"
	"strconv"

	"leasehold/config"
)

// Lifetimes of dhcpd where a file says none.
const (
	defaultLease = 43200
	mostLease    = 86400
)

// finish puts the map together.
func (c *isc) finish() {
	g := c.global
	c.top.Remove("vendor-space")
	c.lifetimes(g.v)
	top := config.NewMap(config.M("interfaces-config", c.interfaces()),
		config.M("lease-database", config.NewMap(config.M("type", str("memfile")), config.M("persist", config.NewBool(true)))),
		config.M("control-socket", config.NewMap(config.M("socket-type", str("unix")),
			config.M("socket-name", str(fmt.Sprintf("/run/kea/kea%d-ctrl-socket", c.version))))))
	for _, m := range g.finish().Members {
		if m.Key == "interface" {
			continue
		}
		top.Set(m.Key, m.Value)
	}
	for _, m := range c.top.Members {
		top.Set(m.Key, m.Value)
	}
	c.top = top
	for _, h := range c.hosts {
		c.reserve(h)
	}
	if c.top.Get("reservations") != nil {
		c.top.Set("reservations-global", config.NewBool(true))
		c.top.Set("reservations-in-subnet", config.NewBool(true))
	}
	for _, x := range c.subnets {
		c.admitSubnet(x)
	}
	c.writeClasses()
	c.writeSubnets()
	if c.ddns {
		c.top.Set("dhcp-ddns", config.NewMap(config.M("enable-updates", config.NewBool(true))))
		if c.top.Get("ddns-send-updates") == nil {
			c.top.Set("ddns-send-updates", config.NewBool(true))
		}
	} else {
		c.top.Remove("ddns-send-updates")
	}
	c.writeFailover()
}

// lifetimes writes those that dhcpd has without being told.
func (c *isc) lifetimes(v *config.Value) {
	if v.Get("valid-lifetime") == nil {
		v.Set("valid-lifetime", num(defaultLease))
	}
	if v.Get("max-valid-lifetime") == nil {
		v.Set("max-valid-lifetime", num(max(mostLease, v.Get("valid-lifetime").Int)))
	}
	for _, x := range append(append([]*scope{c.global}, c.networks...), c.subnets...) {
		valid, most := x.v.Get("valid-lifetime"), x.v.Get("max-valid-lifetime")
		if most == nil {
			most = c.global.v.Get("max-valid-lifetime")
		}
		if valid == nil {
			valid = c.global.v.Get("valid-lifetime")
		}
		if valid.Int > most.Int { // dhcpd cuts it
			x.v.Set("valid-lifetime", num(most.Int))
		}
		if x != c.global && x.v.Get("valid-lifetime") != nil && x.v.Get("max-valid-lifetime") == nil {
			x.v.Set("max-valid-lifetime", num(most.Int))
		}
	}
}

func (c *isc) interfaces() *config.Value {
	list := config.NewList()
	for _, name := range c.o.Interfaces {
		list.List = append(list.List, str(name))
	}
	if len(list.List) == 0 {
		list.List = append(list.List, str("*"))
	}
	return config.NewMap(config.M("interfaces", list))
}

// admitSubnet gives the pools that stand in the subnet itself the class of whom
// the scopes around let in.
func (c *isc) admitSubnet(x *scope) {
	for _, pool := range x.loose {
		if guard := c.guard(&statement{line: int(x.v.Get("id").Int)}, x.allPermits()); guard != "" {
			pool.Set("client-class", str(guard))
		}
	}
}

// writeClasses writes the classes by rank; of conditions the last ones first.
func (c *isc) writeClasses() {
	slices.Reverse(c.classes)
	var named []*class
	for _, k := range slices.Backward(c.classes) {
		if k.rank == ofClass {
			named = append(named, k)
		}
	}
	rest := slices.DeleteFunc(c.classes, func(k *class) bool { return k.rank == ofClass })
	slices.SortStableFunc(rest, func(a, b *class) int { return int(a.rank - b.rank) })
	c.classes = append(named, rest...)
	for _, k := range c.classes {
		push(c.top, "client-classes", k.write(c))
	}
}

func (c *isc) writeSubnets() {
	key := "subnet" + strconv.Itoa(c.version)
	inNetwork := map[*scope]bool{}
	write := func(x *scope) *config.Value {
		v := x.finish()
		for _, list := range []struct {
			key   string
			elems []*config.Value
		}{{"pools", x.pools}, {"pd-pools", x.prefixes}, {"reservations", x.hosts}} {
			for _, e := range list.elems {
				push(v, list.key, e)
			}
		}
		if c.version == 6 && len(c.o.Interfaces) == 1 && v.Get("interface") == nil && len(c.subnets) == 1 {
			v.Set("interface", str(c.o.Interfaces[0]))
		}
		return v
	}
	for _, n := range c.networks {
		v := n.finish()
		for _, x := range n.subnets {
			inNetwork[x] = true
			push(v, key, write(x))
		}
		push(c.top, "shared-networks", v)
	}
	for _, x := range c.subnets {
		if !inNetwork[x] {
			push(c.top, key, write(x))
		}
	}
	if c.version == 6 && len(c.subnets) > 1 {
		c.add("", 0, "DHCPv6: give the subnets whose clients are on a link of the server its \"interface\"")
	}
}

// needHook switches a built-in feature on.
func (c *isc) needHook(name string, parameters ...config.Member) {
	if list := c.top.Get("hooks-libraries"); list != nil {
		for _, h := range list.List {
			if h.Get("library").Str == name {
				return
			}
		}
	}
	v := config.NewMap(config.M("library", str(name)))
	if len(parameters) > 0 {
		v.Set("parameters", config.NewMap(parameters...))
	}
	push(c.top, "hooks-libraries", v)
}

// failoverPeer notes a failover declaration.
func (c *isc) failoverPeer(s *statement) {
	if c.failover != nil {
		c.skip(s, "there is one pair of servers: the first failover peer")
		return
	}
	c.failover = s
}

// writeFailover makes a pair of failover peers: a skeleton, in hot-standby.
func (c *isc) writeFailover() {
	s := c.failover
	if s == nil {
		return
	}
	at := map[string]string{}
	for _, x := range s.block {
		key := x.at(0)
		value := x.at(1)
		if x.is("peer") {
			key, value = x.at(0)+" "+x.at(1), x.at(2)
		}
		at[key] = value
	}
	_, primary := at["primary"]
	peer := func(name, address, role string) *config.Value {
		if address == "" {
			address = "192.0.2.1"
			c.skip(s, "there is no address of %s: write its url", name)
		}
		return config.NewMap(config.M("name", str(name)), config.M("url", str("http://"+address+":8000/")), config.M("role", str(role)))
	}
	this, addresses := "server1", [2]string{at["address"], at["peer address"]}
	if !primary {
		this, addresses = "server2", [2]string{at["peer address"], at["address"]}
	}
	rel := config.NewMap(config.M("this-server-name", str(this)), config.M("mode", str("hot-standby")))
	if n, err := strconv.Atoi(at["max-response-delay"]); err == nil {
		rel.Set("max-response-delay", num(n*1000))
	}
	rel.Set("peers", config.NewList(peer("server1", addresses[0], "primary"), peer("server2", addresses[1], "standby")))
	c.needHook("libdhcp_lease_cmds.so")
	c.needHook("libdhcp_ha.so", config.M("high-availability", config.NewList(rel)))
	c.skip(s, "became a pair in hot-standby on port 8000: look through high-availability; load-balancing needs pools split")
}
