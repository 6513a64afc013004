package config

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiledSchema is the schema as a validator of its own understands it.
func compiledSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource(SchemaID, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validate(t testing.TB, s *jsonschema.Schema, v *Value) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(v.AppendJSON(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestEveryKeyIsDescribed(t *testing.T) {
	for _, version := range []int{4, 6} {
		for l := level(1); l < 1<<levelCount; l <<= 1 {
			for name := range keysAt(version, l) {
				if describe(l, name) == "" {
					t.Errorf("%s of %s has no description", name, levelNames[l])
				}
			}
		}
	}
}

// TestSchemaTakesWhatIsLoaded: a file that loads is one that the schema admits.
func TestSchemaTakesWhatIsLoaded(t *testing.T) {
	s := compiledSchema(t)
	seen := 0
	for _, pattern := range []string{"kea/kea?", "get", "ha/2.2", "ha/3.3", "ha/seed"} {
		files, err := filepath.Glob("testdata/config/" + pattern + "/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			v, _, err := ParseValue(file, content(t, file), true)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Load(file); err != nil {
				continue // refused, and said so by corpus_test.go
			}
			seen++
			if err := validate(t, s, v); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// TestSchemaRefusesWhatTheServerRefuses: every key of Kea's examples with all
// keys gets wrong values, in turn, once for each row; walk and schema must judge alike.
func TestSchemaRefusesWhatTheServerRefuses(t *testing.T) {
	s := compiledSchema(t)
	done := make(map[any]bool) // rows and levels
	for _, version := range []int{4, 6} {
		name := fmt.Sprintf("Dhcp%d", version)
		file := fmt.Sprintf("testdata/config/kea/kea%d/all-keys.json", version)
		v, _, err := ParseValue(file, content(t, file), true)
		if err != nil {
			t.Fatal(err)
		}
		top := v.Get(name)
		for _, k := range keysAt(version, lvGlobal) {
			if k.stand == refused {
				top.Remove(k.name)
			}
		}
		// Which libraries there are is checked where they are used.
		top.Set("hooks-libraries", NewList(NewMap(M("library", NewString("/x/libdhcp_ha.so")))))
		judge := func(what string) {
			w := &walker{version: version, grammar: true, told: make(map[string]bool)}
			w.walk(v.Clone().Get(name), lvGlobal, &trail{name: name, index: -1})
			ps := slices.DeleteFunc(w.ps.errors(), func(p *Problem) bool {
				// What is about several maps at once is no matter of a schema.
				return p.Code == "two-spellings" || p.Code == "two-comments"
			})
			if err := validate(t, s, v); (err == nil) != (len(ps) == 0) {
				t.Errorf("%s: walk says %v, schema %v", what, ps, err)
			}
		}
		judge("unchanged")
		spoil(version, top, lvGlobal, name, done, judge)
	}
}

// wrongs are values that most keys do not admit.
func wrongs() []*Value {
	return []*Value{{Kind: Null}, NewBool(true), NewInt(-1), NewInt(1 << 40), NewInt(3), NewReal(0.5), NewString("nonsense"),
		NewList(), NewList(NewInt(1)), NewMap(), NewMap(M("nonsense", NewInt(1)))}
}

// spoil gives one key after the other a wrong value and asks for a judgement each time.
func spoil(version int, v *Value, l level, path string, done map[any]bool, judge func(what string)) {
	judgeWith := func(what string, members []Member) {
		old := v.Members
		v.Members = members
		judge(what)
		v.Members = old
	}
	if !done[l] {
		done[l] = true
		judgeWith(path+" without members", nil)
		if l != lvQueue {
			judgeWith(path+" with an unknown key", append(slices.Clone(v.Members), M("nonsense", NewInt(1))))
		}
	}
	for i, m := range slices.Clone(v.Members) {
		k := keysAt(version, l)[m.Key]
		if k == nil {
			continue
		}
		at := path + "/" + m.Key
		if !done[k] {
			done[k] = true
			judgeWith(at+" left out", slices.Delete(slices.Clone(v.Members), i, i+1))
			// Libraries are judged elsewhere.
			values := wrongs()
			if testing.Short() {
				values = values[3:6]
			}
			for _, wrong := range values {
				if l == lvHook && m.Key == "library" && wrong.Kind == String {
					continue
				}
				changed := slices.Clone(v.Members)
				changed[i].Value = wrong
				judgeWith(fmt.Sprintf("%s: %s", at, wrong.AppendJSON(nil)), changed)
			}
		}
		if k.is.of == 0 {
			continue
		}
		below := m.Value.List
		if m.Value.Kind == Map {
			below = []*Value{m.Value}
		}
		for _, e := range below {
			spoil(version, e, k.is.of, at, done, judge)
		}
	}
}
