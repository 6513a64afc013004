package convert

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"leasehold/config"
)

// isc converts one dhcpd.conf.
type isc struct {
	notes
	o       Options
	version int
	defs    *config.OptionDefs
	defined map[string]*definition // by space.name
	top     *config.Value          // the Dhcp4 or Dhcp6 map
	global  *scope

	subnets  []*scope // in order, those of networks too
	networks []*scope
	classes  []*class
	hosts    []*host
	vendor   string // the one vendor-option-space
	ddns     bool
	failover *statement
	depth    int
}

// ISC converts a dhcpd.conf. The error is about what cannot be read at all.
func ISC(file string, text []byte, o Options) (*Result, error) {
	list, err := parseISC(file, text)
	if err != nil {
		return nil, err
	}
	c := &isc{o: o, version: o.Version, defined: map[string]*definition{}, top: config.NewMap()}
	if list, err = c.included(list, 0); err != nil {
		return nil, err
	}
	if c.version == 0 {
		c.version = versionISC(list)
	}
	c.defs = standardDefs(c.version)
	c.global = &scope{kind: inGlobal, v: config.NewMap()}
	c.define(list)
	c.statements(list, c.global)
	c.finish()
	return &Result{config.NewMap(config.M(fmt.Sprintf("Dhcp%d", c.version), c.top)), c.notes.sorted()}, nil
}

// included puts the statements of included files in the place of include.
func (c *isc) included(list []*statement, depth int) (out []*statement, err error) {
	if depth > deepest {
		return nil, fmt.Errorf("files include one another")
	}
	for _, s := range list {
		if s.braces {
			if s.block, err = c.included(s.block, depth+1); err != nil {
				return nil, err
			}
		}
		if !s.is("include") || c.o.Read == nil {
			out = append(out, s)
			continue
		}
		name := s.at(1)
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(s.file), name)
		}
		text, err := c.o.Read(name)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: include: %w", s.file, s.line, err)
		}
		more, err := parseISC(name, text)
		if err == nil {
			more, err = c.included(more, depth+1)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// versionISC tells which server a file is for.
func versionISC(list []*statement) int {
	for _, s := range list {
		if s.is("subnet6") {
			return 6
		}
		if s.is("subnet") {
			return 4
		}
		if s.braces && versionISC(s.block) == 6 {
			return 6
		}
	}
	return 4
}

// skip notes a statement that is not carried over, and why.
func (c *isc) skip(s *statement, format string, args ...any) {
	c.add(s.file, s.line, "%s: %s", shortened(s.text()), fmt.Sprintf(format, args...))
}

func shortened(text string) string {
	if len(text) > 80 {
		return text[:77] + "..."
	}
	return text
}

func (c *isc) only4(what string) error {
	if c.version == 4 {
		return nil
	}
	return errExpression(what + " is of DHCPv4")
}

// define reads what others refer to: option definitions and classes.
func (c *isc) define(list []*statement) {
	for _, s := range list {
		switch {
		case s.is("option") && strings.EqualFold(s.at(2), "code") && s.at(4) == "=":
			c.defineOption(s)
		case s.is("vendor-option-space") || s.is("site-option-space"):
			c.vendor = s.at(1)
		}
		c.define(s.block)
	}
}

// statements reads a block.
func (c *isc) statements(list []*statement, to *scope) {
	if c.depth++; c.depth > deepest {
		return
	}
	defer func() { c.depth-- }()
	var before []string // tests of the conditions before an else
	for _, s := range list {
		switch {
		case s.is("if"), s.is("elsif"), s.is("else"):
			before = c.condition(s, before, to)
		case s.braces:
			c.block(s, to)
		default:
			c.parameter(s, to)
		}
	}
}

// block reads a statement with a block.
func (c *isc) block(s *statement, to *scope) {
	switch strings.ToLower(s.at(0)) {
	case "subnet", "subnet6":
		c.subnet(s, to)
	case "shared-network":
		c.network(s, to)
	case "group":
		c.statements(s.block, to.inside(inGroup))
	case "pool", "pool6":
		c.pool(s, to)
	case "host":
		c.host(s, to)
	case "class":
		c.class(s, to)
	case "subclass":
		c.subclass(s, to)
	case "failover":
		c.failoverPeer(s)
	case "zone", "key":
		c.skip(s, "the DDNS server has a file of its own, kea-dhcp-ddns.conf")
	case "on":
		c.skip(s, "events run no statements; libdhcp_run_script.so calls a program")
	case "switch":
		c.skip(s, "write it as classes")
	default:
		c.skip(s, "there is no counterpart")
	}
}

func (c *isc) subnet(s *statement, to *scope) {
	x := to.inside(inSubnet)
	text := s.at(1)
	if s.is("subnet") {
		if c.version == 6 {
			c.skip(s, "it is of DHCPv4: convert the file with -4, too")
			return
		}
		text = fmt.Sprintf("%s/%d", s.at(1), maskLen(s.at(3)))
	} else if c.version == 4 {
		c.skip(s, "it is of DHCPv6: convert the file with -6, too")
		return
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Masked() != p {
		c.skip(s, "%q is no network", text)
		return
	}
	x.prefix = p
	id := len(c.subnets) + 1
	c.subnets = append(c.subnets, x)
	if n := to.level(); to.kind == inNetwork || n != nil && n.kind == inNetwork {
		if to.kind == inNetwork {
			n = to
		}
		n.subnets = append(n.subnets, x)
	}
	c.statements(s.block, x)
	head := config.NewMap(config.M("id", num(id)), config.M("subnet", str(p.String())))
	head.Members = append(head.Members, x.v.Members...)
	x.v = head
}

func (c *isc) network(s *statement, to *scope) {
	x := to.inside(inNetwork)
	c.networks = append(c.networks, x)
	c.statements(s.block, x)
	head := config.NewMap(config.M("name", str(s.at(1))))
	head.Members = append(head.Members, x.v.Members...)
	x.v = head
	for _, pool := range x.loose {
		c.place(s, pool, x)
	}
}

// place puts a pool of a shared network into the subnet that it lies in.
func (c *isc) place(s *statement, pool *config.Value, n *scope) {
	first, last, _ := strings.Cut(pool.Get("pool").Str, " - ")
	a, _ := netip.ParseAddr(first)
	b, _ := netip.ParseAddr(last)
	for _, x := range n.subnets {
		if contains(x.prefix, a, b) {
			x.pools = append(x.pools, pool)
			return
		}
	}
	c.skip(s, "the range %s - %s is in none of its subnets", first, last)
}

func (c *isc) pool(s *statement, to *scope) {
	if to.kind != inSubnet && to.kind != inNetwork {
		c.skip(s, "a pool is inside a subnet or a shared network")
		return
	}
	x := to.inside(inPool)
	c.statements(s.block, x)
	if left := x.only("client-class"); len(left) > 0 {
		c.skip(s, "a pool has no parameters of its own here: %s", strings.Join(left, ", "))
	}
	given := x.finish()
	guard := c.guard(s, x.allPermits())
	for _, p := range slices.Concat(x.pools, x.prefixes) {
		for _, m := range given.Members {
			p.Set(m.Key, m.Value.Clone())
		}
		if guard != "" {
			p.Set("client-class", str(guard))
		}
	}
	for _, p := range x.pools {
		if to.kind == inNetwork {
			to.loose = append(to.loose, p)
		} else {
			to.pools = append(to.pools, p)
		}
	}
	to.prefixes = append(to.prefixes, x.prefixes...)
}

// guard returns the class that lets in whom permits let in; "" for everybody.
func (c *isc) guard(s *statement, p permits) string {
	test := p.expression()
	if test == "" {
		return ""
	}
	for _, name := range []string{"KNOWN", "UNKNOWN"} {
		if test == member(name) {
			return name
		}
	}
	for _, k := range c.classes {
		if test == member(k.name) || test == k.guards {
			return k.name
		}
	}
	switch test {
	case "not " + member("KNOWN"):
		return "UNKNOWN"
	case "not " + member("UNKNOWN"):
		return "KNOWN"
	}
	k := &class{name: fmt.Sprintf("admitted-%d", s.line), test: test, guards: test, scope: &scope{kind: inClass, v: config.NewMap()}, rank: ofMembership}
	c.classes = append(c.classes, k)
	return k.name
}

// rangeOf reads "range first [last]" and its kin.
func (c *isc) rangeOf(s *statement, to *scope) {
	words := s.words[1:]
	if len(words) > 0 && strings.EqualFold(words[0].text, "dynamic-bootp") {
		words = words[1:]
		c.skip(s, "BOOTP clients are answered with libdhcp_bootp.so only")
	}
	if len(words) == 0 {
		c.skip(s, "there is no range")
		return
	}
	text := words[0].text
	switch {
	case len(words) > 1 && strings.EqualFold(words[1].text, "temporary"):
		c.skip(s, "temporary addresses are not given")
		return
	case len(words) > 1:
		text += " - " + words[1].text
	case !strings.Contains(text, "/"):
		text += " - " + text
	}
	pool := config.NewMap(config.M("pool", str(text)))
	switch {
	case to.kind == inPool:
		to.pools = append(to.pools, pool)
		return
	case to.kind == inNetwork:
		to.loose = append(to.loose, pool)
		return
	case to.kind != inSubnet:
		c.skip(s, "a range is inside a subnet")
		return
	}
	to.pools = append(to.pools, pool)
	to.loose = append(to.loose, pool)
}

// prefix6 reads "prefix6 first last /length".
func (c *isc) prefix6(s *statement, to *scope) {
	first, err1 := netip.ParseAddr(s.at(1))
	last, err2 := netip.ParseAddr(s.at(2))
	length, err3 := strconv.Atoi(strings.TrimPrefix(s.at(3), "/"))
	if err1 != nil || err2 != nil || err3 != nil || length < 1 || length > 128 {
		c.skip(s, "it is not understood")
		return
	}
	a, b := first.As16(), last.As16()
	whole := 0
	for whole < length && a[whole/8]>>(7-whole%8)&1 == b[whole/8]>>(7-whole%8)&1 {
		whole++
	}
	p, _ := first.Prefix(whole)
	if p.Addr() != first {
		c.skip(s, "the prefixes are not those of one prefix: write pd-pools for its parts")
		return
	}
	for i := whole; i < length; i++ {
		if b[i/8]>>(7-i%8)&1 == 0 {
			c.skip(s, "the prefixes are not those of one prefix: write pd-pools for its parts")
			return
		}
	}
	to.prefixes = append(to.prefixes, config.NewMap(config.M("prefix", str(first.String())),
		config.M("prefix-len", num(whole)), config.M("delegated-len", num(length))))
}
