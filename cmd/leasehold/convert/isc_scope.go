package convert

import (
	"fmt"
	"net/netip"
	"slices"

	"leasehold/config"
)

// kind is what a block of dhcpd.conf describes.
type kind uint8

const (
	inGlobal kind = iota
	inGroup
	inNetwork
	inSubnet
	inPool
	inClass
	inHost
	inCondition
)

// scope collects what a block gives. What a group gives is copied into the scopes
// inside it; all others have a level of Kea's.
type scope struct {
	kind    kind
	outer   *scope
	v       *config.Value // parameters, in Kea's keys
	options []*option
	permits permits

	prefix    netip.Prefix // of a subnet
	pools     []*config.Value
	prefixes  []*config.Value // v6 pd-pools
	hosts     []*config.Value
	subnets   []*scope        // of a network
	loose     []*config.Value // pools of its own ranges, without a pool statement
	declNames bool            // use-host-decl-names
	failover  bool
	class     *class   // that the scope is of
	required  []string // classes that are evaluated for clients of the scope
}

// option is one option-data entry, or what it cannot be.
type option struct {
	space string
	code  uint16
	v     *config.Value
	at    *statement
}

// permits are allow and deny statements, as class expressions.
type permits struct{ allowed, denied []string }

// under returns the permits of a scope inside: its own add to what is outside.
func (p permits) under(outer permits) permits {
	return permits{append(slices.Clone(outer.allowed), p.allowed...), append(slices.Clone(outer.denied), p.denied...)}
}

// inside returns a new scope within s. What groups around it give is its own.
func (s *scope) inside(k kind) *scope {
	x := &scope{kind: k, outer: s, v: config.NewMap(), declNames: s.declNames}
	if s.kind == inGroup {
		x.v = s.v.Clone()
		x.options = slices.Clone(s.options)
		x.permits = permits{slices.Clone(s.permits.allowed), slices.Clone(s.permits.denied)}
	}
	return x
}

// level is the scope around s that has a level of its own in Kea.
func (s *scope) level() *scope {
	for s = s.outer; s != nil && s.kind == inGroup; s = s.outer {
	}
	return s
}

// allPermits are the permits in force in s: its own, and those around it.
func (s *scope) allPermits() permits {
	p := s.permits
	for x := s.level(); x != nil; x = x.level() {
		p = p.under(x.permits)
	}
	return p
}

// setOption puts an option in place of an earlier one of its code.
func (s *scope) setOption(o *option) {
	if i := slices.IndexFunc(s.options, func(x *option) bool { return x.space == o.space && x.code == o.code }); i >= 0 {
		s.options[i] = o
		return
	}
	s.options = append(s.options, o)
}

func (s *scope) has(o *option) bool {
	return slices.ContainsFunc(s.options, func(x *option) bool { return x.space == o.space && x.code == o.code })
}

// finish writes the options into the map.
func (s *scope) finish() *config.Value {
	for _, o := range s.options {
		push(s.v, "option-data", o.v)
	}
	for _, name := range s.required {
		push(s.v, "require-client-classes", str(name))
	}
	return s.v
}

// only keeps of a scope's parameters what Kea has at a level; the rest is named.
func (s *scope) only(keys ...string) (left []string) {
	kept := config.NewMap()
	for _, m := range s.v.Members {
		if slices.Contains(keys, m.Key) {
			kept.Set(m.Key, m.Value)
		} else {
			left = append(left, m.Key)
		}
	}
	s.v = kept
	return left
}

// expression puts permits into one class expression; "" lets everybody in.
func (p permits) expression() string {
	join := func(list []string, op string) string {
		slices.Sort(list)
		list = slices.Compact(list)
		text := ""
		for i, x := range list {
			if i > 0 {
				text += " " + op + " "
			}
			text += x
		}
		if len(list) > 1 {
			text = "(" + text + ")"
		}
		return text
	}
	allowed, denied := join(slices.Clone(p.allowed), "or"), join(slices.Clone(p.denied), "or")
	switch {
	case denied == "":
		return allowed
	case allowed == "":
		return "not " + denied
	}
	return allowed + " and not " + denied
}

// member is the expression of a class.
func member(class string) string { return fmt.Sprintf("member('%s')", class) }
