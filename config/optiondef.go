package config

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// OptionDefs are the option definitions that apply at one level: the standard
// ones of the family, those of option-def, and for a class its own in front.
type OptionDefs struct {
	version int
	parent  *OptionDefs // consulted for what is not here; nil for the standard ones
	spaces  map[string]*optionSpace
}

type optionSpace struct {
	byCode map[uint16]*OptionDef
	byName map[string]*OptionDef
}

// OptionDef describes the format of one option code in a space.
type OptionDef struct {
	Name        string
	Code        uint16
	Space       string
	Type        string // binary, boolean, … record
	Array       bool   // of a record: its last field repeats
	Record      []string
	Encapsulate string
	Pos         Pos

	version int
	last    bool // a last resort: any option-def of the same code goes first
}

// defRow is one line of the tables of standard options. A type with commas is
// a record; "[]" at the end makes it an array.
type defRow struct {
	code        uint16
	name        string
	typ         string
	encapsulate string
}

// Lookup returns the definition of a code in a space, or nil. It does not allocate.
func (d *OptionDefs) Lookup(space string, code uint16) *OptionDef {
	for ; d != nil; d = d.parent {
		if def := d.Own(space, code); def != nil {
			return def
		}
	}
	return nil
}

// Own is Lookup without the levels above: for a class, its own option-def only.
func (d *OptionDefs) Own(space string, code uint16) *OptionDef {
	if d == nil {
		return nil
	}
	if s := d.spaces[space]; s != nil {
		return s.byCode[code]
	}
	return nil
}

// ByName returns the definition of a name in a space, or nil.
func (d *OptionDefs) ByName(space, name string) *OptionDef {
	for ; d != nil; d = d.parent {
		if s := d.spaces[space]; s != nil {
			if def := s.byName[name]; def != nil {
				return def
			}
		}
	}
	return nil
}

func (d *OptionDefs) add(def *OptionDef) {
	s := d.spaces[def.Space]
	if s == nil {
		s = &optionSpace{byCode: map[uint16]*OptionDef{}, byName: map[string]*OptionDef{}}
		d.spaces[def.Space] = s
	}
	s.byCode[def.Code] = def
	s.byName[def.Name] = def
}

func newOptionDefs(version int, parent *OptionDefs) *OptionDefs {
	return &OptionDefs{version: version, parent: parent, spaces: map[string]*optionSpace{}}
}

// standardDefs returns the definitions that need no configuration.
func standardDefs(version int) *OptionDefs {
	if version == 4 {
		return standardDefs4()
	}
	return standardDefs6()
}

var standardDefs4 = sync.OnceValue(func() *OptionDefs {
	d := newOptionDefs(4, nil)
	d.addTable("dhcp4", options4)
	d.addTable("dhcp-agent-options-space", relayAgentOptions)
	d.addTable("cablelabs-client-conf", cableLabsOptions)
	d.addTable("vendor-4491", docsisOptions4)
	d.addTable("docsis3-v4", docsisOptions4)
	d.spaces["dhcp4"].byCode[43].last = true
	return d
})

var standardDefs6 = sync.OnceValue(func() *OptionDefs {
	d := newOptionDefs(6, nil)
	d.addTable("dhcp6", options6)
	d.addTable("vendor-4491", docsisOptions6)
	d.addTable("docsis3-v6", docsisOptions6)
	d.addTable("v6-ntp-server-suboptions", ntpOptions6)
	d.addTable("vendor-2495", dhcp4o6Options)
	d.addTable("4o6", dhcp4o6Options)
	d.addTable("s46-cont-mape-options", mapEOptions)
	d.addTable("s46-cont-mapt-options", mapTOptions)
	d.addTable("s46-cont-lw-options", lightweightOptions)
	d.addTable("s46-rule-options", portParamsOptions)
	d.addTable("s46-v4v6bind-options", portParamsOptions)
	return d
})

func (d *OptionDefs) addTable(space string, rows []defRow) {
	for _, r := range rows {
		def := &OptionDef{Name: r.name, Code: r.code, Space: space, Encapsulate: r.encapsulate, version: d.version}
		def.Type, def.Array = strings.CutSuffix(r.typ, "[]")
		if strings.Contains(def.Type, ",") {
			def.Record = strings.Split(strings.ReplaceAll(def.Type, " ", ""), ",")
			def.Type = "record"
		}
		d.add(def)
	}
}

// optionTypes are the words that type and record-types may have.
var optionTypes = []string{"binary", "boolean", "empty", "fqdn", "int8", "int16", "int32", "uint8", "uint16", "uint32",
	"ipv4-address", "ipv6-address", "ipv6-prefix", "psid", "string", "tuple", "record"}

// standardSpace is the name of the space of top-level options.
func standardSpace(version int) string {
	if version == 4 {
		return "dhcp4"
	}
	return "dhcp6"
}

// vendorSpace returns the enterprise number of a space vendor-N. Kea has a
// second name for CableLabs' space, of each family.
func vendorSpace(space string) (uint32, bool) {
	if space == "docsis3-v4" || space == "docsis3-v6" {
		return 4491, true
	}
	digits, ok := strings.CutPrefix(space, "vendor-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), err == nil
}

// parseOptionDefs reads an option-def list and returns it in front of parent.
// A nil list gives parent, or nil for a class.
func parseOptionDefs(list *Value, path string, version int, parent *OptionDefs, classLocal bool, ps *Problems) *OptionDefs {
	if list == nil || len(list.List) == 0 {
		if classLocal {
			return nil
		}
		return parent
	}
	d := newOptionDefs(version, parent)
	for i, v := range list.List {
		p := entry{v: v, path: path + "[" + strconv.Itoa(i) + "]", ps: ps}
		def := p.optionDef(version)
		if def == nil || !p.checkOptionDef(def, d, classLocal) {
			continue
		}
		// Kea looks up standard definitions before configured ones, so a second
		// definition in a sub-option space of Kea's own is without effect.
		if std := parent.Lookup(def.Space, def.Code); std == nil || std.last || classLocal {
			d.add(def)
		}
	}
	return d
}

// optionDef reads one entry; nil means that it was refused.
func (p entry) optionDef(version int) *OptionDef {
	d := &OptionDef{Name: p.str("name"), Type: p.str("type"), Space: standardSpace(version),
		Encapsulate: p.str("encapsulate"), Array: p.flag("array"), Pos: p.v.Pos, version: version}
	if s := p.v.Get("space"); s != nil && s.Kind == String {
		d.Space = s.Str
	}
	for _, key := range []string{"name", "code", "type"} {
		if p.v.Get(key) == nil {
			p.problem("option-def-incomplete", "", "option definition has no "+key, "add \""+key+"\"")
			return nil
		}
	}
	code, ok := p.optionCode(d.Space, version)
	if !ok {
		return nil
	}
	d.Code = code
	if types := p.str("record-types"); types != "" {
		for t := range strings.SplitSeq(types, ",") {
			d.Record = append(d.Record, strings.TrimSpace(t))
		}
	}
	return d
}

// checkOptionDef applies the rules for a definition by itself and beside those
// before it.
func (p entry) checkOptionDef(d *OptionDef, before *OptionDefs, classLocal bool) bool {
	if classLocal && (d.version != 4 || d.Space != "dhcp4" || d.Code != 43 && (d.Code < 224 || d.Code > 254)) {
		return p.problem("option-def-in-class", "code", "not allowed option definition for code "+strconv.Itoa(int(d.Code))+" in space "+d.Space,
			"a class may only define codes 43 and 224 to 254 of dhcp4; move it to the global option-def")
	}
	if !validWord(d.Name) {
		return p.problem("option-def-name", "name", "invalid option name '"+d.Name+"'", "use letters, digits, hyphens and underscores, none of the last two at either end")
	}
	if !validWord(d.Space) {
		return p.problem("option-space-name", "space", "invalid option space name '"+d.Space+"'", spaceCure)
	}
	if d.Encapsulate != "" && !validWord(d.Encapsulate) {
		return p.problem("option-space-name", "encapsulate", "invalid option space name '"+d.Encapsulate+"'", spaceCure)
	}
	if what := d.faults(); what != "" {
		return p.problem("option-def-format", "type", "definition of option "+d.Space+"."+d.Name+": "+what, "see the option-def rules of the type")
	}
	if s := before.spaces[d.Space]; s != nil && (s.byCode[d.Code] != nil || s.byName[d.Name] != nil) {
		return p.problem("option-def-duplicate", "", "option definition with code "+strconv.Itoa(int(d.Code))+" or name "+d.Name+" already exists in space "+d.Space, "remove one of the two")
	}
	if d.Space != standardSpace(d.version) {
		return true
	}
	for _, std := range []*OptionDef{standardDefs(d.version).Lookup(d.Space, d.Code), standardDefs(d.version).ByName(d.Space, d.Name)} {
		if std != nil && !std.last {
			return p.problem("option-def-standard", "code", "unable to override the definition of standard option "+std.Name+" ("+strconv.Itoa(int(std.Code))+")", "remove the definition, or use another code and name")
		}
	}
	return true
}

// faults says what is wrong with the combination of type, array, record-types
// and encapsulate; "" if nothing.
func (d *OptionDef) faults() string {
	switch {
	case !slices.Contains(optionTypes, d.Type):
		return "unknown type '" + d.Type + "'"
	case d.Type != "record" && d.Record != nil:
		return "record-types given, but the type is not record"
	case d.Type == "record" && len(d.Record) < 2:
		return "a record has at least two fields"
	case d.Array && slices.Contains([]string{"string", "binary", "empty"}, d.Type):
		return "array of " + d.Type + " is not possible"
	case d.Array && d.Encapsulate != "":
		return "an array cannot encapsulate a space"
	case d.Encapsulate == d.Space:
		return "an option cannot encapsulate its own space"
	}
	for i, t := range d.Record {
		switch {
		case !slices.Contains(optionTypes, t):
			return "unknown type '" + t + "' in record-types"
		case t == "record", t == "empty":
			return "a record has no field of type " + t
		case (t == "string" || t == "binary") && i < len(d.Record)-1:
			return "a field of type " + t + " is only possible at the end"
		case (t == "string" || t == "binary") && d.Array:
			return "array of " + t + " is not possible"
		}
	}
	return ""
}

const spaceCure = "use letters, digits, hyphens and underscores, none of the last two at either end"

// checkSpace refuses malformed names and the other family's space.
func (p entry) checkSpace(space string, version int) bool {
	if !validWord(space) {
		return p.problem("option-space-name", "space", "invalid option space name '"+space+"'", spaceCure)
	}
	if other := standardSpace(10 - version); space == other {
		return p.problem("option-space-family", "space", "option space '"+space+"' is reserved for DHCPv"+strconv.Itoa(10-version), "use '"+standardSpace(version)+"'")
	}
	return true
}

// validWord says whether s may name an option or a space: letters, digits, '-'
// and '_', neither of the last two at an end.
func validWord(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && strings.IndexByte("-_", s[0]) < 0 && strings.IndexByte("-_", s[len(s)-1]) < 0
}

// entry is one map of an option-def or option-data list while it is read.
type entry struct {
	v    *Value
	path string
	ps   *Problems
}

// problem records what is wrong, at key if the map has it, and returns false.
func (p entry) problem(code, key, what, cure string) bool {
	pos, path := p.v.Pos, p.path
	if v := p.v.Get(key); v != nil {
		pos, path = v.Pos, path+"/"+key
	}
	*p.ps = append(*p.ps, &Problem{Code: code, Pos: pos, Path: path, What: what, Cure: cure})
	return false
}

// str returns a string member; "" if it is absent or no string.
func (p entry) str(key string) string {
	if v := p.v.Get(key); v != nil && v.Kind == String {
		return v.Str
	}
	return ""
}

func (p entry) flag(key string) bool {
	v := p.v.Get(key)
	return v != nil && v.Kind == Bool && v.Bool
}

// optionCode reads code and checks its range, which in the standard space
// leaves out PAD and END.
func (p entry) optionCode(space string, version int) (uint16, bool) {
	v := p.v.Get("code")
	if v == nil || v.Kind != Int {
		return 0, false
	}
	standard := space == standardSpace(version)
	limit := int64(255)
	if version == 6 {
		limit = 65535
	}
	switch {
	case v.Int < 0 || v.Int > limit:
		return 0, p.problem("option-code", "code", "option code "+strconv.FormatInt(v.Int, 10)+" is out of range", "codes are 0 to "+strconv.FormatInt(limit, 10))
	case standard && v.Int == 0, standard && version == 4 && v.Int == 255:
		return 0, p.problem("option-code", "code", "option code "+strconv.FormatInt(v.Int, 10)+" is reserved in space "+space, "use another code")
	}
	return uint16(v.Int), true
}
