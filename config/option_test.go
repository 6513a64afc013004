package config

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
)

// valueOf turns JSON into a Value without positions.
func valueOf(t testing.TB, text string) *Value {
	t.Helper()
	var x any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&x); err != nil {
		t.Fatalf("bad JSON in a test: %v\n%s", err, text)
	}
	return anyValue(x)
}

func anyValue(x any) *Value {
	switch x := x.(type) {
	case bool:
		return NewBool(x)
	case json.Number:
		n, _ := x.Int64()
		return NewInt(n)
	case string:
		return NewString(x)
	case []any:
		v := NewList()
		for _, e := range x {
			v.List = append(v.List, anyValue(e))
		}
		return v
	case map[string]any:
		v := NewMap()
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			v.Set(k, anyValue(x[k]))
		}
		return v
	}
	return &Value{}
}

// loadAllOptions reads Kea's example with a value for every standard option.
func loadAllOptions(t *testing.T, version int) (*OptionDefs, OptionSet) {
	t.Helper()
	text, err := os.ReadFile("testdata/config/options/all-options" + strconv.Itoa(version) + ".json")
	if err != nil {
		t.Fatal(err)
	}
	root := valueOf(t, string(text))
	var ps Problems
	defs := parseOptionDefs(root.Get("option-def"), "option-def", version, standardDefs(version), false, &ps)
	set := parseOptionData(root.Get("option-data"), "option-data", levelGlobal, version, defs, nil, &ps)
	if len(ps) > 0 {
		t.Fatal(ps)
	}
	return defs, set
}

// recorded calls f with every line of what a real Kea sent and printed.
func recorded(t *testing.T, version int, f func(code uint16, data []byte, text string)) {
	t.Helper()
	lines, err := os.ReadFile("testdata/config/options/kea" + strconv.Itoa(version) + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.SplitN(strings.TrimSpace(line), " ", 3)
		code, err := strconv.ParseUint(fields[0], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		data, err := hex.DecodeString(strings.Trim(fields[1], "-"))
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		if len(fields) == 3 {
			if text, err = strconv.Unquote(fields[2]); err != nil {
				t.Fatal(err)
			}
		}
		f(uint16(code), data, text)
	}
}

func TestAllOptionsAreSentAsKeaSendsThem(t *testing.T) {
	for _, version := range []int{4, 6} {
		_, set := loadAllOptions(t, version)
		recorded(t, version, func(code uint16, data []byte, _ string) {
			if version == 4 && code == 125 {
				data = data[:4] // the server appends the length and what was asked for
			}
			got := set.Lookup(code)
			if len(got) != 1 {
				t.Errorf("v%d option %d: %d entries", version, code, len(got))
			} else if !bytes.Equal(got[0].Data, data) {
				t.Errorf("v%d option %d: %x, Kea sends %x", version, code, got[0].Data, data)
			}
		})
	}
}

func TestTextOfReceivedOptionsIsKeas(t *testing.T) {
	for _, version := range []int{4, 6} {
		defs, _ := loadAllOptions(t, version)
		recorded(t, version, func(code uint16, data []byte, want string) {
			def := defs.Lookup(standardSpace(version), code)
			if want == "" || version == 4 && code == 43 {
				return
			}
			if got := def.Text(data); got != want {
				t.Errorf("v%d option %d:\n%q, Kea prints\n%q", version, code, got, want)
			}
		})
	}
}

func TestStandardOptionsAreFoundByCodeAndName(t *testing.T) {
	for version, want := range map[int]int{4: 125 + 20 + 9 + 2*2, 6: 76 + 2*10 + 3 + 2*3 + 3*2 + 2} {
		defs, n := standardDefs(version), 0
		for name, space := range defs.spaces {
			if len(space.byCode) != len(space.byName) {
				t.Errorf("%s has a name twice", name)
			}
			for code, def := range space.byCode {
				n++
				if def.Space != name || defs.Lookup(name, code) != def || defs.ByName(name, def.Name) != def {
					t.Errorf("%s %d", name, code)
				}
				if def.Type != "internal" && def.Space != def.Encapsulate && def.faults() != "" {
					t.Errorf("%s.%s: %s", name, def.Name, def.faults())
				}
			}
		}
		if n != want {
			t.Errorf("v%d: %d definitions, want %d", version, n, want)
		}
	}
}
