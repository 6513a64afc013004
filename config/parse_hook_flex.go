package config

import (
	"fmt"
	"strconv"
)

// FlexibleID is libdhcp_flex_id: a client identified by an expression.
type FlexibleID struct {
	Identifier      *Expr // nil: none
	ReplaceClientID bool
	IgnoreIAID      bool // v6
}

// FlexAction is what libdhcp_flex_option does with an option of the response.
type FlexAction uint8

const (
	FlexNone      FlexAction = iota // only its sub-options are touched
	FlexAdd                         // unless it is there
	FlexSupersede                   // added or replaced
	FlexRemove                      // if the expression, a test, holds
)

// FlexOption is one entry of libdhcp_flex_option's options.
type FlexOption struct {
	Code   uint16
	Vendor uint32 // sub-options of the vendor option: its enterprise; 0 = other options
	Action FlexAction
	Expr   *Expr
	Def    *OptionDef // how text becomes octets (csv-format); nil: octets as they are
	Class  ClassID    // only for its members; NoClass: for everyone
	Subs   []FlexOption
	// Of a sub-option: whether its container comes and goes with it.
	ContainerAdd, ContainerRemove bool
}

// flexID reads the parameters of libdhcp_flex_id.
func (h hookReader) flexID(v *Value, t *trail) {
	h.known(v, t, "identifier-expression", "replace-client-id", "ignore-iaid", "cid-as-rfc4361-duid")
	x := &FlexibleID{
		ReplaceClientID: h.flag(v, "replace-client-id", false, t),
		IgnoreIAID:      h.flag(v, "ignore-iaid", false, t),
	}
	if h.flag(v, "cid-as-rfc4361-duid", false, t) {
		h.bad("hook-parameter", v.posOf("cid-as-rfc4361-duid"), t, "cid-as-rfc4361-duid is not built in", "remove it")
	}
	x.Identifier = h.expression(v, "identifier-expression", false, t)
	if v.Get("identifier-expression") == nil {
		h.bad("hook-parameter", v.position(h.pos), t, "missing parameter 'identifier-expression'", "say what identifies a client")
	}
	h.f.FlexibleID = x
}

// flexOptions reads the parameters of libdhcp_flex_option.
func (h hookReader) flexOptions(v *Value, t *trail) {
	h.known(v, t, "options")
	list := v.Get("options")
	if list == nil || list.Kind != List {
		h.bad("hook-parameter", v.position(h.pos), t, "'options' parameter must be a list", "list the options to change")
		return
	}
	for i, e := range list.List {
		if o, ok := h.flexOption(e, t.key("options").at(i), nil); ok {
			h.f.FlexOptions = append(h.f.FlexOptions, o)
		}
	}
}

var flexActions = [...]struct {
	key    string
	action FlexAction
}{{"add", FlexAdd}, {"supersede", FlexSupersede}, {"remove", FlexRemove}}

// flexOption reads one entry; within is the option it is a sub-option of.
func (h hookReader) flexOption(v *Value, t *trail, within *OptionDef) (o FlexOption, ok bool) {
	if v.Kind != Map {
		h.bad("hook-parameter", v.Pos, t, "option element is not a map", "")
		return o, false
	}
	known := []string{"code", "name", "space", "add", "supersede", "remove", "csv-format", "client-class"}
	if within == nil {
		known = append(known, "sub-options")
	} else {
		known = append(known, "container-add", "container-remove")
	}
	h.known(v, t, known...)
	o.Class = NoClass
	if name := h.text(v, "client-class", t); name != "" {
		o.Class = h.f.intern(name)
	}
	def, ok := h.flexTarget(&o, v, t, within)
	if !ok {
		return o, false
	}
	if h.flag(v, "csv-format", false, t) {
		if def == nil {
			h.bad("hook-parameter", v.posOf("csv-format"), t, fmt.Sprintf("no known csv format for option %d without definition", o.Code), "add an option-def, or leave csv-format out")
			return o, false
		}
		o.Def = def
	}
	for _, a := range flexActions {
		e := v.Get(a.key)
		if e == nil {
			continue
		}
		if o.Action != FlexNone {
			h.bad("hook-parameter", e.Pos, t, "multiple actions: add, supersede and remove exclude each other", "write an entry for each")
			return o, false
		}
		o.Action = a.action
		if o.Expr = h.expression(v, a.key, a.action == FlexRemove, t); o.Expr == nil {
			return o, false
		}
	}
	if within != nil {
		o.ContainerAdd = h.flag(v, "container-add", true, t)
		o.ContainerRemove = h.flag(v, "container-remove", true, t)
	}
	subs := v.Get("sub-options")
	if subs != nil && (subs.Kind != List || o.Action != FlexNone) {
		h.bad("hook-parameter", subs.Pos, t, "sub-options must be a list, and stands instead of add, supersede and remove", "")
		return o, false
	}
	for i, e := range elements(subs) {
		parent := def
		if parent == nil {
			parent = &OptionDef{Code: o.Code, version: h.version}
		}
		if s, ok := h.flexOption(e, t.key("sub-options").at(i), parent); ok {
			o.Subs = append(o.Subs, s)
			o.Vendor = max(o.Vendor, s.Vendor)
		}
	}
	if o.Action == FlexNone && subs == nil {
		h.bad("hook-parameter", v.Pos, t, "no action: add, supersede, remove or sub-options is missing", "")
		return o, false
	}
	return o, true
}

// flexTarget finds out which option an entry is about.
func (h hookReader) flexTarget(o *FlexOption, v *Value, t *trail, within *OptionDef) (*OptionDef, bool) {
	space := standardSpace(h.version)
	if within != nil {
		space = within.subSpace()
	}
	if s := h.text(v, "space", t); s != "" {
		space = s
		if id, vendor := vendorSpace(s); vendor {
			o.Vendor = id
		} else if within == nil && s != standardSpace(h.version) {
			h.bad("hook-parameter", v.posOf("space"), t, fmt.Sprintf("'%s' is not the space of the response's own options", s), "write sub-options below the option that has them")
			return nil, false
		}
	}
	code, name := v.Get("code"), h.text(v, "name", t)
	limit := int64(254)
	if h.version == 6 {
		limit = maxUint16
	}
	switch {
	case code == nil && name == "":
		h.bad("hook-parameter", v.Pos, t, "'code' or 'name' must be specified", "")
		return nil, false
	case code == nil:
		def := h.f.Defs.ByName(space, name)
		if def == nil {
			n, err := strconv.ParseInt(name, 10, 64)
			if err != nil || n < 1 || n > limit {
				h.bad("hook-parameter", v.posOf("name"), t, fmt.Sprintf("no known '%s' option in '%s' space", name, space), "correct the name, or give the code")
				return nil, false
			}
			def = h.f.Defs.Lookup(space, uint16(n))
			o.Code = uint16(n)
			return def, true
		}
		o.Code = def.Code
		return def, true
	case code.Kind != Int || code.Int < 1 || code.Int > limit:
		h.bad("hook-parameter", code.Pos, t, fmt.Sprintf("'code' must be an integer from 1 to %d", limit), "")
		return nil, false
	}
	o.Code = uint16(code.Int)
	def := h.f.Defs.Lookup(space, o.Code)
	if name != "" && def != nil && def.Name != name {
		h.bad("hook-parameter", v.posOf("name"), t, fmt.Sprintf("option %d of space '%s' is '%s', not '%s'", o.Code, space, def.Name, name), "remove one of the two")
		return nil, false
	}
	return def, true
}
