package convert

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"leasehold/config"
)

// class is a client class, of a class statement or of a condition.
type class struct {
	name     string
	test     string
	match    string // data expression that subclasses are compared with
	values   []string
	limit    int64
	scope    *scope
	at       *statement
	guards   string // the permits that it stands for
	required bool   // evaluated for clients of some scopes only
	rank     rank
}

// rank orders classes: of two that give the same, the first one counts. A later
// condition of dhcpd's goes before an earlier one, and classes before conditions.
type rank int

const (
	ofClass rank = iota
	ofScope
	ofGlobal
	ofMembership // it tests KNOWN, or other classes
)

func (c *isc) classNamed(name string) *class {
	for _, k := range c.classes {
		if k.name == name {
			return k
		}
	}
	return nil
}

// class reads "class name { … }".
func (c *isc) class(s *statement, to *scope) {
	k := &class{name: s.at(1), at: s, scope: to.inside(inClass)}
	k.scope.class = k
	c.classes = append(c.classes, k)
	var rest []*statement
	for _, x := range s.block {
		switch {
		case x.is("match", "if"):
			test, err := c.boolean(x.words[2:])
			if err != nil {
				c.skip(x, "%v: the class has no members until it has a test", err)
			}
			k.test = test
		case x.is("match"):
			test, err := c.data(x.words[1:])
			if err != nil {
				c.skip(x, "%v: the class has no members until it has a test", err)
			}
			k.match = test
		case x.is("lease", "limit"):
			k.limit, _ = strconv.ParseInt(x.at(2), 10, 64)
		case x.is("spawn"):
			c.skip(x, "clients are in the class, but have no class each; template-test can make one")
		default:
			rest = append(rest, x)
		}
	}
	c.statements(rest, k.scope)
}

// subclass reads "subclass class value [{ … }]".
func (c *isc) subclass(s *statement, to *scope) {
	k := c.classNamed(s.at(1))
	if k == nil || k.match == "" || len(s.words) < 3 {
		c.skip(s, "the class has no match, or is not there")
		return
	}
	value, err := c.data(s.words[2:])
	if err == nil && k.match == "pkt4.mac" {
		value, err = withoutType(value)
	}
	if err != nil {
		c.skip(s, "%v", err)
		return
	}
	test := k.match + " == " + value
	k.values = append(k.values, test)
	if len(s.block) == 0 {
		return
	}
	own := &class{name: fmt.Sprintf("%s-%d", k.name, s.line), test: test, at: s, scope: to.inside(inClass)}
	c.statements(s.block, own.scope)
	c.insertBefore(k, own)
}

// insertBefore puts a class before another, so that what it gives counts.
func (c *isc) insertBefore(k, own *class) {
	c.classes = slices.Insert(c.classes, slices.Index(c.classes, k), own)
}

// condition reads "if … { … }", "elsif …", "else": a class that gives what the
// block gives.
func (c *isc) condition(s *statement, before []string, to *scope) []string {
	words := s.words
	if s.is("if") {
		before, words = nil, words[1:]
	} else if s.is("elsif") {
		words = words[1:]
	} else if s.is("else", "if") {
		words = words[2:]
	} else {
		words = nil
	}
	test := ""
	if len(words) > 0 {
		own, err := c.boolean(words)
		if err != nil {
			c.skip(s, "%v", err)
			return append(before, "")
		}
		test = own
	}
	all := test
	for _, b := range before {
		if b == "" {
			c.skip(s, "a condition before it was not carried over")
			return append(before, test)
		}
		if all != "" {
			all = " and (" + all + ")"
		}
		all = "not (" + b + ")" + all
	}
	k := &class{name: fmt.Sprintf("if-%d", s.line), test: all, at: s, scope: to.inside(inCondition)}
	if to.kind == inCondition {
		c.skip(s, "conditions inside conditions: write one condition")
		return append(before, test)
	}
	c.statements(s.block, k.scope)
	if left := k.scope.only("next-server", "server-hostname", "boot-file-name", "option-def", "valid-lifetime", "min-valid-lifetime", "max-valid-lifetime"); len(left) > 0 {
		c.skip(s, "a class has no %s", strings.Join(left, ", "))
	}
	switch to.kind {
	case inGlobal, inGroup:
		k.rank = ofGlobal
	case inSubnet, inNetwork:
		k.required, k.rank = true, ofScope
		to.required = append(to.required, k.name)
	case inClass:
		if to.class.test == "" {
			c.skip(s, "a condition in a class without a test of its own")
			return append(before, test)
		}
		k.test = "(" + to.class.test + ") and (" + all + ")"
		c.insertBefore(to.class, k)
		return append(before, test)
	default:
		c.skip(s, "conditions here are not carried over")
		return append(before, test)
	}
	c.classes = append(c.classes, k)
	return append(before, test)
}

// write makes Kea's map of a class.
func (k *class) write(c *isc) *config.Value {
	test := k.test
	if len(k.values) > 0 {
		if test != "" {
			test = "(" + test + ") or "
		}
		test += strings.Join(k.values, " or ")
	}
	v := classMap(k.name, test)
	if k.required {
		v.Set("only-if-required", config.NewBool(true))
	}
	if k.limit > 0 {
		v.Set("user-context", config.NewMap(config.M("limits", config.NewMap(config.M("address-limit", num(k.limit))))))
		c.needHook("libdhcp_limits.so")
	}
	if k.at != nil {
		if left := k.scope.only("next-server", "server-hostname", "boot-file-name", "option-def", "valid-lifetime", "min-valid-lifetime", "max-valid-lifetime"); len(left) > 0 {
			c.skip(k.at, "a class has no %s", strings.Join(left, ", "))
		}
	}
	for _, m := range k.scope.finish().Members {
		v.Set(m.Key, m.Value)
	}
	c.compareWithSubnets(k)
	return v
}

// compareWithSubnets notes options of a class that a subnet gives as well: there
// the class wins in dhcpd, and the subnet here.
func (c *isc) compareWithSubnets(k *class) {
	for _, o := range k.scope.options {
		for _, x := range append(append([]*scope{}, c.subnets...), c.networks...) {
			if x.has(o) {
				c.skip(o.at, "a subnet or shared network gives this option, too, and goes before classes")
				break
			}
		}
	}
}
