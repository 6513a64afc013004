package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"
)

// Options are what a caller knows that a text does not say.
type Options struct {
	// InterfaceExists says whether the machine has an interface. Nil: not checked.
	InterfaceExists func(name string) bool
	// InterfaceAddressed says whether an interface has an address of a family.
	// Nil: not checked.
	InterfaceAddressed func(name string, version int) bool
	// MissingInterfacesWarn makes an unknown interface a warning: lint may run
	// on another machine.
	MissingInterfacesWarn bool
	// ReadFile reads the credential files that a text names. Nil: os.ReadFile.
	ReadFile func(name string) ([]byte, error)
	Dirs     Dirs
	Kea3     Dirs // what counts where Dirs names none, if the text is of Kea 3
}

// ParseFamily builds a Family (version 4 or 6) from the value of a Dhcp4 or
// Dhcp6 member, as config-set brings it. Unlike a file it may be empty.
func ParseFamily(version int, tree *Value) (*Family, Problems, error) {
	return ParseFamilyWith(Options{}, version, tree)
}

// ParseFamilyWith is ParseFamily for a caller that knows the machine.
func ParseFamilyWith(opts Options, version int, tree *Value) (*Family, Problems, error) {
	f, ps := parseFamily(opts, version, tree.Clone(), "", false)
	if bad := ps.errors(); len(bad) > 0 {
		return nil, ps.warnings(), bad
	}
	return f, ps.warnings(), nil
}

// reader turns the map of one family into a Family.
type reader struct {
	version int
	opts    Options
	f       *Family
	top     *Value
	ps      Problems

	charSets  map[string]*CharSet // compiled once
	classes   map[string]*Class   // defined so far
	hosts     []*Host             // of every subnet, and the global ones
	hostAt    map[hostKey]Pos     // to find duplicates
	addrAt    map[addrKey]Pos     // likewise
	ids       map[uint32]Pos      // subnet ids
	prefixes  map[string]Pos      // texts of subnets
	names     map[string]Pos      // networks
	numbered  []*Subnet           // subnets that wait for an automatic id
	finish    []func()            // config-get output that needs the ids
	hostLists []hostList
}

// parseFamily works on v itself and makes it the Family's Tree.
func parseFamily(opts Options, version int, v *Value, file string, grammar bool) (*Family, Problems) {
	top := &trail{name: fmt.Sprintf("Dhcp%d", version), index: -1}
	if v == nil || v.Kind != Map {
		return nil, Problems{{Code: "wrong-type", Pos: Pos{File: file}, Path: top.name, What: "a map is expected", Syntax: true}}
	}
	if forKea3(v) {
		opts.Dirs = opts.Dirs.or(opts.Kea3)
	}
	w := &walker{version: version, grammar: grammar, told: make(map[string]bool)}
	w.walk(v, lvGlobal, top)
	r := &reader{
		version: version, opts: opts, top: v, ps: w.ps,
		f:        &Family{Version: version, File: file, Tree: v},
		charSets: make(map[string]*CharSet), classes: make(map[string]*Class), hostAt: make(map[hostKey]Pos), addrAt: make(map[addrKey]Pos),
		ids: make(map[uint32]Pos), prefixes: make(map[string]Pos), names: make(map[string]Pos),
	}
	for _, name := range builtinClasses {
		r.f.intern(name)
	}
	r.daemon(v, top)
	r.hooks(v, top)
	r.scopes(v, top)
	r.hookParameters(top)
	r.fillGlobal(v)
	v.sortKeys()
	sum := sha256.Sum256(v.AppendJSON(nil))
	r.f.Hash = hex.EncodeToString(sum[:])
	sortProblems(r.ps)
	return r.f, r.ps
}

// scopes reads everything that is inherited: options, classes, networks,
// subnets, pools and reservations.
func (r *reader) scopes(v *Value, top *trail) {
	f := r.f
	if !forKea22(v) {
		setMissing(v, "cache-threshold", NewReal(0.25))
	} else if r.version == 6 && v.Get("min-preferred-lifetime") == nil && v.Get("max-preferred-lifetime") == nil {
		setMissing(v, "preferred-lifetime", NewInt(3600))
	}
	f.Defs = parseOptionDefs(v.Get("option-def"), top.key("option-def").String(), r.version, standardDefs(r.version), false, &r.ps)
	if r.version == 6 {
		r.relaySupplied(v.Get("relay-supplied-options"), top.key("relay-supplied-options"))
	}
	f.Params = r.params(levels{v}, top)
	r.defineClasses(v.Get("client-classes"), top.key("client-classes"))
	f.Options = r.options(v, top, levelGlobal, f.Defs)
	r.networks(v.Get("shared-networks"), top.key("shared-networks"))
	list, t := v.Get(r.subnetKey()), top.key(r.subnetKey())
	for i, e := range elements(list) {
		r.subnet(e, nil, levels{v}, t.at(i))
	}
	r.numberSubnets()
	slices.SortFunc(f.Subnets, bySubnetID)
	for _, n := range f.Networks {
		slices.SortFunc(n.Subnets, bySubnetID)
	}
	r.allHosts(v, top)
	for _, fill := range r.finish {
		fill()
	}
	r.checkHAServers(top)
	r.traps(v, top)
}

func (r *reader) subnetKey() string { return fmt.Sprintf("subnet%d", r.version) }

func bySubnetID(a, b *Subnet) int {
	switch {
	case a.ID < b.ID:
		return -1
	case a.ID > b.ID:
		return 1
	}
	return 0
}

func (r *reader) options(v *Value, t *trail, l optionLevel, defs *OptionDefs) OptionSet {
	list := v.Get("option-data")
	if len(elements(list)) == 0 {
		return OptionSet{}
	}
	return parseOptionData(list, t.key("option-data").String(), l, r.version, defs, r.f, &r.ps)
}

func (r *reader) bad(code string, pos Pos, t *trail, what, cure string) {
	r.ps.add(code, pos, t.String(), what, cure)
}

func (r *reader) warn(code string, pos Pos, t *trail, what, cure string) {
	r.ps.warn(code, pos, t.String(), what, cure)
}

// interned returns the IDs of a list of class names.
func (r *reader) interned(list *Value) []ClassID {
	if len(elements(list)) == 0 {
		return nil
	}
	ids := make([]ClassID, len(list.List))
	for i, e := range list.List {
		ids[i] = r.f.intern(e.Str)
	}
	return ids
}

// guards returns client-classes (or client-class) and the additional classes.
func (r *reader) guards(v *Value) (guard, additional []ClassID) {
	guard = r.interned(v.Get("client-classes"))
	if one := v.Get("client-class"); one != nil && one.Str != "" {
		guard = []ClassID{r.f.intern(one.Str)}
	}
	list := v.Get("evaluate-additional-classes")
	if list == nil {
		list = v.Get("require-client-classes")
	}
	return guard, r.interned(list)
}

// The walk has checked the types: these read members that are sound or absent.

func elements(v *Value) []*Value {
	if v == nil {
		return nil
	}
	return v.List
}

func (v *Value) text(key string) string {
	if e := v.Get(key); e != nil {
		return e.Str
	}
	return ""
}

func (v *Value) flag(key string, absent bool) bool {
	if e := v.Get(key); e != nil && e.Kind == Bool {
		return e.Bool
	}
	return absent
}

func (v *Value) number(key string, absent int64) int64 {
	if e := v.Get(key); e != nil && e.Kind == Int {
		return e.Int
	}
	return absent
}

func (v *Value) number32(key string, absent uint32) uint32 {
	return uint32(v.number(key, int64(absent)))
}

func (v *Value) seconds(key string, absent int64) time.Duration {
	return time.Duration(v.number(key, absent)) * time.Second
}

func (v *Value) milliseconds(key string, absent int64) time.Duration {
	return time.Duration(v.number(key, absent)) * time.Millisecond
}

// posOf is the place of a member's value, or of the map if it is absent.
func (v *Value) posOf(key string) Pos {
	if e := v.Get(key); e != nil {
		return e.Pos
	}
	if v == nil {
		return Pos{}
	}
	return v.Pos
}
