package config

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"sort"
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

func TestAllOptionsOfKeaEncode(t *testing.T) {
	for version, file := range map[int]string{4: "all-options4.json", 6: "all-options6.json"} {
		text, err := os.ReadFile("testdata/config/options/" + file)
		if err != nil {
			t.Fatal(err)
		}
		root := valueOf(t, string(text))
		var ps Problems
		defs := parseOptionDefs(root.Get("option-def"), "option-def", version, standardDefs(version), false, &ps)
		set := parseOptionData(root.Get("option-data"), "option-data", levelGlobal, version, defs, nil, &ps)
		for _, p := range ps {
			t.Errorf("%v", p)
		}
		for _, o := range set.All() {
			t.Logf("%d %s %s", o.Code, o.Name, hex.EncodeToString(o.Data))
		}
	}
}
