package config

import (
	"fmt"
	"net/netip"
	"strings"
)

func (r *reader) pools(s *Subnet, v *Value, c levels, t *trail) {
	at := t.key("pools")
	for i, e := range elements(v.Get("pools")) {
		if p := r.pool(s, e, c, at.at(i)); p != nil {
			s.Pools = append(s.Pools, p)
		}
	}
	at = t.key("pd-pools")
	for i, e := range elements(v.Get("pd-pools")) {
		if p := r.pdPool(e, c, at.at(i)); p != nil {
			s.PDPools = append(s.PDPools, p)
		}
	}
	r.checkOverlap(s, s.Pools, t.key("pools"))
	r.checkOverlap(s, s.PDPools, t.key("pd-pools"))
}

func (r *reader) pool(s *Subnet, v *Value, c levels, t *trail) *Pool {
	e := v.Get("pool")
	if e == nil {
		return nil
	}
	text := strings.Join(strings.Fields(e.Str), "")
	first, last, why := parseRange(text, r.version)
	if why != "" {
		r.bad("pool-syntax", e.Pos, t, fmt.Sprintf("Failed to create pool defined by: %s: %s", text, why), "write first - last or prefix/length")
		return nil
	}
	p := &Pool{First: first, Last: last}
	if !s.Prefix.Contains(first) || !s.Prefix.Contains(last) {
		r.bad("pool-outside", v.Pos, t, fmt.Sprintf("subnet configuration failed: a pool of type %s, with the following address range: %s does not match the prefix of a subnet: %s to which it is being added",
			p.typeName(), p.rangeText(), s.Text), "")
		return nil
	}
	r.poolCommon(p, v, c, t)
	return p
}

// parseRange reads first-last or prefix/length.
func parseRange(text string, version int) (first, last netip.Addr, why string) {
	if strings.Contains(text, "/") {
		p, why := parsePrefix(text, version)
		if why != "" {
			return first, last, why
		}
		return p.Addr(), lastAddr(p), ""
	}
	a, b, ok := strings.Cut(text, "-")
	if !ok {
		return first, last, "it is neither a range nor a prefix"
	}
	first, err := parseAddr(a, version)
	if err != nil {
		return first, last, err.Error()
	}
	last, err = parseAddr(b, version)
	if err != nil {
		return first, last, err.Error()
	}
	if last.Less(first) {
		return first, last, "the last address is below the first"
	}
	return first, last, ""
}

// lastAddr returns the highest address of a masked prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// prefixOf returns the prefix that has exactly the addresses of a range.
func prefixOf(first, last netip.Addr) (netip.Prefix, bool) {
	a, b := first.AsSlice(), last.AsSlice()
	bits := 0
	for bits < len(a)*8 && (a[bits/8]^b[bits/8])&(0x80>>(bits%8)) == 0 {
		bits++
	}
	p := netip.PrefixFrom(first, bits)
	return p, p.Masked().Addr() == first && lastAddr(p) == last
}

func (r *reader) pdPool(v *Value, c levels, t *trail) *Pool {
	e := v.Get("prefix")
	if e == nil || v.Get("prefix-len") == nil || v.Get("delegated-len") == nil {
		return nil
	}
	a, err := parseAddr(e.Str, 6)
	if err != nil {
		r.bad("pd-pool", e.Pos, t, err.Error(), "")
		return nil
	}
	length, delegated := int(v.number("prefix-len", 0)), int(v.number("delegated-len", 0))
	if delegated < length {
		r.bad("pd-pool", v.posOf("delegated-len"), t, fmt.Sprintf("Delegated length (%d) must be longer than or equal to prefix length (%d)", delegated, length), "")
		return nil
	}
	prefix := netip.PrefixFrom(a, length).Masked()
	p := &Pool{First: prefix.Addr(), Last: lastAddr(prefix), Prefix: prefix, DelegatedLen: uint8(delegated)}
	r.excluded(p, v, t)
	r.poolCommon(p, v, c, t)
	return p
}

// excluded reads the prefix that delegating leaves out. RFC 6603 §4.2.
func (r *reader) excluded(p *Pool, v *Value, t *trail) {
	e, n := v.Get("excluded-prefix"), int(v.number("excluded-prefix-len", 0))
	if e == nil && n == 0 || e != nil && e.Str == "::" && n == 0 {
		return
	}
	if e == nil || n == 0 {
		r.bad("pd-excluded", v.Pos, t, "excluded-prefix and excluded-prefix-len need each other", "")
		return
	}
	a, err := parseAddr(e.Str, 6)
	delegated := int(p.DelegatedLen)
	switch {
	case err != nil:
		r.bad("pd-excluded", e.Pos, t, err.Error(), "")
	case n <= delegated:
		r.bad("pd-excluded", v.posOf("excluded-prefix-len"), t, fmt.Sprintf("excluded prefix length %d must be longer than delegated length %d", n, delegated), "")
	case netip.PrefixFrom(a, delegated).Masked().Addr() != netip.PrefixFrom(p.First, delegated).Masked().Addr():
		r.bad("pd-excluded", e.Pos, t, fmt.Sprintf("excluded prefix %s must have the same prefix of length %d as %s", a, delegated, p.First), "")
	default:
		p.Excluded = netip.PrefixFrom(a, n).Masked()
	}
}

func (r *reader) poolCommon(p *Pool, v *Value, c levels, t *trail) {
	p.Pos, p.UserContext = v.Pos, v.Get("user-context")
	p.ID = v.number32("pool-id", 0)
	p.Guard, p.Additional = r.guards(v)
	p.Options = r.options(v, t, levelOther, r.f.Defs)
	p.DDNS = r.ddns(append(levels{v}, c...), t)
	r.finish = append(r.finish, func() { r.fillPool(v, p) })
}

func (p *Pool) typeName() string {
	switch {
	case p.DelegatedLen > 0:
		return "IA_PD"
	case p.First.Is4():
		return "V4"
	}
	return "IA_NA"
}

func (p *Pool) rangeText() string { return p.First.String() + "-" + p.Last.String() }
