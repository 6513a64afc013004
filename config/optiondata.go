package config

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// optionLevel says where an option-data list stands: the default of csv-format
// differs.
type optionLevel uint8

const (
	levelGlobal optionLevel = iota
	levelOther
)

// optionEntry is one checked entry of option-data.
type optionEntry struct {
	Option
	space string
	def   *OptionDef // nil: none
}

// parseOptionData reads the option-data list of one scope object. defs are the
// definitions in force there, a class's own included; f interns class tags.
func parseOptionData(list *Value, path string, level optionLevel, version int, defs *OptionDefs, f *Family, ps *Problems) OptionSet {
	if list == nil || len(list.List) == 0 {
		return OptionSet{}
	}
	entries := make([]*optionEntry, 0, len(list.List))
	for i, v := range list.List {
		p := entry{v: v, path: path + "[" + strconv.Itoa(i) + "]", ps: ps}
		if e := p.optionData(level, version, defs, f); e != nil {
			entries = append(entries, e)
		}
	}
	return newOptionSet(version, entries)
}

// optionData reads one entry; nil means that it was refused.
func (p entry) optionData(level optionLevel, version int, defs *OptionDefs, f *Family) *optionEntry {
	if defs == nil {
		defs = standardDefs(version)
	}
	e := p.identify(version, defs)
	if e == nil {
		return nil
	}
	e.AlwaysSend, e.NeverSend, e.Pos = p.flag("always-send"), p.flag("never-send"), p.v.Pos
	if tags := p.v.Get("client-classes"); tags != nil {
		for _, t := range tags.List {
			if t.Kind == String && f != nil {
				e.Classes = append(e.Classes, f.intern(t.Str))
			}
		}
	}
	data := p.str("data")
	csv, ok := p.csvFormat(e, level)
	if !ok {
		return nil
	}
	if e.NeverSend && strings.TrimSpace(data) == "" {
		return e
	}
	var err error
	if csv {
		e.Data, err = e.def.Encode(data)
	} else {
		if strings.TrimSpace(data) != "" {
			if e.Data, err = decodeHexData(data); err != nil {
				p.problem("option-data-hex", "data", err.Error(), "write octets in hexadecimal, or text in single quotes, or set \"csv-format\": true")
				return nil
			}
		}
		if e.def != nil {
			e.Data, err = e.def.accept(e.Data)
		}
	}
	if err != nil {
		p.problem("option-data", "data", fmt.Sprintf("option data does not match option definition (space: %s, code: %d): %v", e.space, e.Code, err), e.def.expects())
		return nil
	}
	if err = e.checkVendor(version); err == nil && len(e.Data) > maxOptionLen {
		err = fmt.Errorf("%d octets are too many for an option", len(e.Data))
	}
	if err != nil {
		p.problem("option-data", "data", fmt.Sprintf("option data does not match option definition (space: %s, code: %d): %v", e.space, e.Code, err), e.def.expects())
		return nil
	}
	if e.space == standardSpace(version) && carriesEnterprise(version, e.Code) && len(e.Data) >= 4 {
		e.Enterprise = binary.BigEndian.Uint32(e.Data)
	}
	p.warnFamily(e, csv)
	p.warnComma(e, csv, data)
	return e
}

// identify finds out which option an entry is about.
func (p entry) identify(version int, defs *OptionDefs) *optionEntry {
	e := &optionEntry{space: standardSpace(version)}
	if s := p.v.Get("space"); s != nil && s.Kind == String {
		e.space = s.Str
	}
	if !p.checkSpace(e.space, version) {
		return nil
	}
	e.Name = p.str("name")
	hasCode := p.v.Get("code") != nil
	switch {
	case !hasCode && e.Name == "":
		p.problem("option-unidentified", "", "option-data has neither name nor code", "add one of them")
		return nil
	case strings.ContainsAny(e.Name, " \t"):
		p.problem("option-name", "name", "invalid option name '"+e.Name+"', space character is not allowed", "remove the blank")
		return nil
	case !hasCode:
		if e.def = defs.ByName(e.space, e.Name); e.def == nil {
			p.problem("option-unknown", "name", "definition for the option '"+e.space+"."+e.Name+"' having code '0' does not exist", "correct the name, add an option-def, or give the code")
			return nil
		}
		e.Code = e.def.Code
		return e
	}
	code, ok := p.optionCode(e.space, version)
	if !ok {
		return nil
	}
	e.Code = code
	e.def = defs.Lookup(e.space, code)
	switch {
	case e.def == nil:
	case e.Name == "":
		e.Name = e.def.Name
	case e.Name != e.def.Name:
		p.problem("option-name-code", "name", fmt.Sprintf("option name '%s' does not belong to code %d of space '%s', which is '%s'", e.Name, code, e.space, e.def.Name), "remove one of the two")
		return nil
	}
	return e
}

// csvFormat returns how data is written.
func (p entry) csvFormat(e *optionEntry, level optionLevel) (csv, ok bool) {
	if v := p.v.Get("csv-format"); v != nil && v.Kind == Bool {
		csv = v.Bool
	} else {
		// Kea fills in the default before it looks for a definition, but only
		// in the global list.
		csv = e.def != nil || level == levelGlobal
	}
	if csv && e.def == nil {
		return false, p.problem("option-unknown", "code", fmt.Sprintf("definition for the option '%s.%s' having code '%d' does not exist", e.space, e.Name, e.Code),
			"add an option-def, or write data in hexadecimal with \"csv-format\": false")
	}
	return csv, true
}

// warnFamily points at IPv6 addresses where IPv4 addresses belong: Kea takes
// them and sends nonsense.
func (p entry) warnFamily(e *optionEntry, csv bool) {
	if !csv || e.def.Type != "ipv4-address" || !strings.Contains(p.str("data"), ":") {
		return
	}
	v := p.v.Get("data")
	*p.ps = append(*p.ps, &Problem{Code: "option-address-family", Pos: v.Pos, Path: p.path + "/data", Warning: true,
		What: "an IPv6 address in option " + e.Name + ", which has IPv4 addresses", Cure: "remove it; clients will read it as four addresses"})
}

// warnComma: a comma ends the value of an option that holds one, and what comes
// after it is not sent.
func (p entry) warnComma(e *optionEntry, csv bool, data string) {
	if !csv || e.def.Array || e.def.Type != "string" || e.def.internalFormat() != nil || len(splitCSV(data)) < 2 {
		return
	}
	v := p.v.Get("data")
	*p.ps = append(*p.ps, &Problem{Code: "option-comma", Pos: v.Pos, Path: p.path + "/data", Warning: true,
		What: fmt.Sprintf("option %s ends at its first comma: only %q is sent", e.Name, splitCSV(data)[0]), Cure: `write "\\," for a comma`})
}

// expects describes the text that a definition wants.
func (d *OptionDef) expects() string {
	switch {
	case d == nil:
		return "shorten the data"
	case d.Type == "record":
		s := "write " + strings.Join(d.Record, ", ")
		if d.Array {
			s += ", …"
		}
		return s
	case d.Type == "internal":
		return "see the option's own syntax"
	case d.Array:
		return "write a list of " + d.Type + " separated by commas"
	}
	return "write one " + d.Type
}
