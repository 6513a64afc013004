package config

import (
	"fmt"
	"net/netip"
	"strings"
)

// defineClasses reads client-classes in the order of the text, which is the
// order of evaluation: an expression may name only classes above it.
func (r *reader) defineClasses(list *Value, t *trail) {
	for i, v := range elements(list) {
		r.class(v, t.at(i))
	}
}

func (r *reader) class(v *Value, t *trail) {
	c := &Class{Name: v.text("name"), UserContext: v.Get("user-context"), Pos: v.Pos}
	if v.Get("name") == nil {
		return
	}
	if c.Name == "" {
		r.bad("class-name", v.posOf("name"), t, "the name of a client class must not be empty", "")
		return
	}
	if first := r.classes[c.Name]; first != nil {
		r.bad("class-name", v.posOf("name"), t, fmt.Sprintf("client class '%s' has already been defined", c.Name), "the first is at "+first.Pos.String())
		return
	}
	c.ID = r.f.intern(c.Name)
	c.OnlyAdditional = v.flag("only-in-additional-list", v.flag("only-if-required", false))
	defs := r.f.Defs
	if list := v.Get("option-def"); len(elements(list)) > 0 {
		c.Defs = parseOptionDefs(list, t.key("option-def").String(), r.version, defs, true, &r.ps)
		defs = c.Defs
	}
	c.Options = r.options(v, t, levelOther, defs)
	r.classTest(c, v, t)
	r.builtinRules(c, v, t)
	own := levels{v}
	c.Valid = r.triplet(own, t, "valid-lifetime")
	if r.version == 6 {
		c.Preferred = r.triplet(own, t, "preferred-lifetime")
	}
	c.OfferLifetime = own.number("offer-lifetime")
	r.bootFields(own, t, &c.NextServer, &c.ServerHostname, &c.BootFileName)
	if c.NextServer == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		r.bad("next-server", v.posOf("next-server"), t, "invalid next-server value: the broadcast address", "")
	}
	r.classes[c.Name] = c
	r.f.Classes = append(r.f.Classes, c)
	r.finish = append(r.finish, func() { r.fillClass(v, defs) })
}

func (r *reader) classTest(c *Class, v *Value, t *trail) {
	test, template := v.Get("test"), v.Get("template-test")
	if test != nil && template != nil {
		r.bad("class-two-tests", template.Pos, t, "cannot use both test and template-test", "split the class")
		return
	}
	parse := func(e *Value, key string, wantBool bool) *Expr {
		if e == nil {
			return nil
		}
		known := func(name string) (ClassID, bool, bool) {
			c.UsesMember = true
			return r.knownClass(name)
		}
		expr, depends, err := parseExpr(e.Str, e.Pos, wantBool, r.version, r.f.Defs, known)
		if err != nil {
			r.bad("class-expression", e.Pos, t.key(key), err.Error(), "")
			return nil
		}
		c.DependsOnKnown = depends
		return expr
	}
	c.Test = parse(test, "test", true)
	c.Template = parse(template, "template-test", false)
}

// knownClass answers member(): built-in names and the classes defined so far.
func (r *reader) knownClass(name string) (id ClassID, dependsOnKnown, ok bool) {
	if c := r.classes[name]; c != nil {
		return c.ID, c.DependsOnKnown, true
	}
	switch name {
	case "KNOWN", "UNKNOWN":
		return r.f.intern(name), true, true
	case "ALL", "BOOTP":
		return r.f.intern(name), false, true
	}
	for _, p := range append(builtinPrefixes, "SPAWN_") {
		if strings.HasPrefix(name, p) {
			return r.f.intern(name), false, true
		}
	}
	return NoClass, false, false
}

// builtinRules: what Kea sets itself can carry options but no test.
func (r *reader) builtinRules(c *Class, v *Value, t *trail) {
	switch c.Name {
	case "ALL", "KNOWN", "UNKNOWN", "BOOTP":
		if e := v.Get("test"); e != nil && e.Str != "" {
			r.bad("class-builtin", e.Pos, t, fmt.Sprintf("built-in class '%s' 'test' parameter must be empty", c.Name), "")
		}
	case "DROP", "REJECT":
	default:
		return
	}
	if c.OnlyAdditional {
		r.bad("class-builtin", c.Pos, t, fmt.Sprintf("built-in class '%s' only-in-additional-list flag must be false", c.Name), "")
	}
}
