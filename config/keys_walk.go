package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// trail is the way from the top map to a value; its text is a Problem's Path.
type trail struct {
	up    *trail
	name  string
	index int
}

func (t *trail) key(name string) *trail { return &trail{up: t, name: name, index: -1} }
func (t *trail) at(i int) *trail        { return &trail{up: t, index: i} }

func (t *trail) String() string {
	switch {
	case t == nil:
		return ""
	case t.name == "":
		return t.up.String() + "[" + strconv.Itoa(t.index) + "]"
	case t.up == nil:
		return t.name
	}
	return t.up.String() + "/" + t.name
}

// walker checks a text against the key table and brings older spellings that
// mean something else structurally into today's form.
type walker struct {
	version int
	grammar bool // file: Kea's grammar is stricter than its command channel
	ps      Problems
	told    map[string]bool // warnings that are given once, not for every subnet
}

// walk checks the map v of level l. Members of a wrong type or value are
// reported and removed, so that what follows sees only sound ones.
func (w *walker) walk(v *Value, l level, t *trail) {
	table := keysAt(w.version, l)
	if w.grammar && len(v.Members) == 0 && !mayBeEmpty(l) {
		w.syntax("empty-map", v.Pos, t, "empty map", "leave it out or give it a key")
	}
	for _, name := range mustAt[w.version][l.number()] {
		if v.Get(name) == nil {
			w.syntax("missing-key", v.Pos, t, fmt.Sprintf("missing parameter '%s'", name), "")
		}
	}
	bad := 0
	for i := range v.Members {
		m := &v.Members[i]
		k := table[m.Key]
		if k == nil {
			if l != lvQueue { // arbitrary parameters of a queue type
				w.unknownKey(m, l, t)
			}
			continue
		}
		if !w.shape(m.Value, &k.is, t, m.Key) {
			m.Value = nil
			bad++
			continue
		}
		w.standing(k, m, t)
		w.spelling(k, v, m, t)
	}
	if bad > 0 {
		v.Members = slices.DeleteFunc(v.Members, func(m Member) bool { return m.Value == nil })
	}
	w.respell(v, l, t)
}

// mayBeEmpty says whether the file grammar admits a kind of map without members.
func mayBeEmpty(l level) bool { return l&(lvOptionDef|lvOptionData|lvHost|lvClass) != 0 }

func (w *walker) syntax(code string, pos Pos, t *trail, what, cure string) {
	w.ps.add(code, pos, t.String(), what, cure)
	w.ps[len(w.ps)-1].Syntax = true
}

func (w *walker) once(name string) bool {
	first := !w.told[name]
	w.told[name] = true
	return first
}

func (w *walker) unknownKey(m *Member, l level, t *trail) {
	cure := ""
	if keysAt(10-w.version, l)[m.Key] != nil {
		cure = fmt.Sprintf("it is a key of Dhcp%d", 10-w.version)
	} else if near := nearestKey(w.version, l, m.Key); near != "" {
		cure = fmt.Sprintf("did you mean %q?", near)
	} else if at := keyElsewhere(w.version, m.Key); len(at) > 0 {
		names := make([]string, 0, len(at))
		for _, l := range at {
			if !slices.Contains(names, levelNames[l]) {
				names = append(names, levelNames[l])
			}
		}
		cure = "it belongs into: " + strings.Join(names, ", ")
	}
	w.syntax("unknown-key", m.Pos, t, fmt.Sprintf("got unexpected keyword %q in %s map", m.Key, t.last()), cure)
}

// last returns the name of the innermost key.
func (t *trail) last() string {
	for ; t != nil; t = t.up {
		if t.name != "" {
			return t.name
		}
	}
	return "top"
}

// shape checks one value and what is below it; false means it is unusable.
func (w *walker) shape(v *Value, s *shape, t *trail, name string) bool {
	if v.Kind != s.kind && !(s.kind == Real && v.Kind == Int) {
		w.syntax("wrong-type", v.Pos, t.key(name), fmt.Sprintf("%s where %s is expected", kindNames[v.Kind], kindNames[s.kind]), typeCure(v, s.kind))
		return false
	}
	switch s.kind {
	case Int:
		if v.Int < s.lo || v.Int > s.hi {
			what := fmt.Sprintf("%s is %d, not within the expected range: %d - %d", name, v.Int, s.lo, s.hi)
			w.ps.add("out-of-range", v.Pos, t.key(name).String(), what, "")
			return false
		}
	case String:
		if s.words != nil && !s.admits(v.Str) {
			what := fmt.Sprintf("%s is %q, which is not supported", name, v.Str)
			w.ps.add("unknown-word", v.Pos, t.key(name).String(), what, "admitted: "+strings.Join(s.words, ", "))
			return false
		}
	case List:
		w.list(v, s, t.key(name))
	case Map:
		if s.of != 0 {
			w.walk(v, s.of, t.key(name))
		}
	}
	return true
}

func (w *walker) list(v *Value, s *shape, t *trail) {
	bad := 0
	for i, e := range v.List {
		if e.Kind != s.elem {
			w.syntax("wrong-type", e.Pos, t.at(i), fmt.Sprintf("%s where %s is expected", kindNames[e.Kind], kindNames[s.elem]), typeCure(e, s.elem))
			v.List[i] = nil
			bad++
			continue
		}
		if s.of != 0 {
			w.walk(e, s.of, t.at(i))
		}
	}
	if bad > 0 {
		v.List = slices.DeleteFunc(v.List, func(e *Value) bool { return e == nil })
	}
}

func (s *shape) admits(word string) bool {
	for _, have := range s.words {
		if word == have || s.fold && strings.EqualFold(word, have) {
			return true
		}
	}
	return false
}

var kindNames = [...]string{"null", "a boolean", "an integer", "a floating point number", "a string", "a list", "a map"}

func typeCure(v *Value, want Kind) string {
	switch {
	case v.Kind == String && want != List && want != Map:
		return "write it without quotes"
	case v.Kind == Real && want == Int:
		return "write it without a fraction"
	case want == Bool:
		return "write true or false"
	case want == String && v.Kind <= Real:
		return "put it in double quotes"
	case want == List:
		return "put it in [ ]"
	}
	return ""
}

func (w *walker) standing(k *key, m *Member, t *trail) {
	switch k.stand {
	case noEffect:
		if w.once(k.name) {
			w.ps.warn("no-effect", m.Pos, t.key(m.Key).String(), fmt.Sprintf("%s has no effect: %s", k.name, k.why), "")
		}
	case refused:
		if m.Value.Kind != List || len(m.Value.List) > 0 {
			w.ps.add("not-supported", m.Pos, t.key(m.Key).String(), fmt.Sprintf("%s is not supported: %s", k.name, k.why), "remove it")
		}
	}
}

// spelling reports older spellings, and both spellings in one map.
func (w *walker) spelling(k *key, v *Value, m *Member, t *trail) {
	if k.newName == "" {
		return
	}
	if other := v.Get(k.newName); other != nil {
		w.ps.add("two-spellings", m.Pos, t.key(m.Key).String(),
			fmt.Sprintf("%s and %s mean the same and are both given", k.name, k.newName), "use only "+k.newName)
		return
	}
	if w.once("spelling " + k.name) {
		w.ps.warn("older-spelling", m.Pos, t.key(m.Key).String(), fmt.Sprintf("%s is an older spelling", k.name), "use "+k.newName)
	}
}

// respell rewrites what today's form expresses with other keys.
func (w *walker) respell(v *Value, l level, t *trail) {
	if c := v.Get("comment"); c != nil {
		w.moveComment(v, c, t)
	}
	switch {
	case l&subnetAndUp != 0:
		if mode := v.Get("reservation-mode"); mode != nil {
			w.respellReservationMode(v, mode, t)
		}
		if l == lvGlobal {
			w.respellD2(v, t)
		}
	case l == lvRelay:
		if a := v.Get("ip-address"); a != nil {
			v.Remove("ip-address")
			v.Set("ip-addresses", &Value{Kind: List, Pos: a.Pos, List: []*Value{a}})
		}
	}
}

func (w *walker) moveComment(v, comment *Value, t *trail) {
	context := v.Get("user-context")
	if context == nil {
		context = &Value{Kind: Map, Pos: comment.Pos}
		v.Set("user-context", context)
	} else if context.Get("comment") != nil {
		w.syntax("two-comments", comment.Pos, t.key("comment"), "comment is given here and in user-context", "remove one of the two")
		return
	}
	v.Remove("comment")
	context.Set("comment", comment)
}

func (w *walker) respellReservationMode(v, mode *Value, t *trail) {
	flags := [...]string{"reservations-global", "reservations-in-subnet", "reservations-out-of-pool"}
	for _, f := range flags {
		if v.Get(f) != nil {
			w.ps.add("two-spellings", mode.Pos, t.key("reservation-mode").String(), "reservation-mode together with "+f, "use only "+strings.Join(flags[:], ", "))
			return
		}
	}
	values := map[string][3]bool{"all": {false, true, false}, "out-of-pool": {false, true, true}, "global": {true, false, false}}[mode.Str]
	v.Remove("reservation-mode")
	for i, f := range flags {
		v.Members = append(v.Members, Member{Key: f, Pos: mode.Pos, Value: &Value{Kind: Bool, Pos: mode.Pos, Bool: values[i]}})
	}
}

// respellD2 moves the name parameters that Kea 2.2 still read in dhcp-ddns.
func (w *walker) respellD2(v *Value, t *trail) {
	d2 := v.Get("dhcp-ddns")
	if d2 == nil {
		return
	}
	for i := 0; i < len(d2.Members); {
		m := d2.Members[i]
		k := keysAt(w.version, lvD2)[m.Key]
		if k == nil || k.newName == "" {
			i++
			continue
		}
		d2.Remove(m.Key)
		if v.Get(k.newName) != nil {
			w.ps.add("two-spellings", m.Pos, t.key("dhcp-ddns").key(m.Key).String(), "also given as the global "+k.newName, "remove it")
			continue
		}
		v.Members = append(v.Members, Member{Key: k.newName, Pos: m.Pos, Value: m.Value})
	}
}
