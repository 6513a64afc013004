package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestJSONDialect(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"plain", `{ "a": 1, "b": [ true, false, null, "x" ] }`, `{ "a": 1, "b": [ true, false, null, "x" ] }`},
		{"empty map and list", `{"a":{},"b":[]}`, `{ "a": {  }, "b": [  ] }`},
		{"line comments", "// one\n# two\n{ \"a\": 1 // three\n} # four", `{ "a": 1 }`},
		{"block comment", "{ /* \n * / ** */ \"a\": 1 }", `{ "a": 1 }`},
		{"no comments in strings", `[ "// # /* x */" ]`, `[ "// # /* x */" ]`},
		{"reals", `[ .5, 10.0, 1e3, -2.25, 1E-2, 5. ]`, `[ 0.5, 10.0, 1000.0, -2.25, 0.01, 5.0 ]`},
		{"integers", `[ -1, 007, 9223372036854775807 ]`, `[ -1, 7, 9223372036854775807 ]`},
		{"escapes", `[ "\"\\\/\b\f\n\r\t\u0041\u00e9" ]`, `[ "\"\\/\b\f\n\r\tA\u00e9" ]`},
		{"bytes beyond ASCII", "[ \"\u00e9\" ]", `[ "\u00c3\u00a9" ]`},
	} {
		t.Run(row.name, func(t *testing.T) {
			v, _, err := ParseValue("f", []byte(row.text), false)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(v.AppendJSON(nil)); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestJSONErrors(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"empty text", ``, `f:1:1: unexpected end of text, expecting a value`},
		{"no comma", `{ "a": 1 "b": 2 }`, `f:1:10: unexpected string, expecting ',' or '}'`},
		{"comma first", `[ , 1 ]`, `f:1:3: unexpected ,, expecting a value`},
		{"key without quotes", `{ a: 1 }`, `f:1:3: unknown word "a": put text in double quotes`},
		{"True", `[ True ]`, `f:1:3: unknown word "True": write it in lower case`},
		{"single quotes", `[ 'a' ]`, `f:1:3: invalid character '\''`},
		{"text behind the value", "{ }\n{ }", `f:2:1: unexpected {, expecting the end of the text`},
		{"open comment", "{ }\n/* ", `f:2:1: comment not closed: end it with */`},
		{"open string", "[ \"a\n\" ]", `f:1:5: control character or end of text in a string: close it with a double quote`},
		{"escape beyond a byte", `[ "\u20ac" ]`, `f:1:4: bad escape in a string: admitted: \" \\ \/ \b \f \n \r \t \u00hh`},
		{"integer too long", `[ 9223372036854775808 ]`, `f:1:3: integer 9223372036854775808 needs more than 64 bits`},
		{"no number", `[ 1.2.3 ]`, `f:1:3: "1.2.3" is no number`},
		{"lone minus", `[ - ]`, `f:1:3: "-" is no number`},
		{"include where none may be", `<?include "x"?>`, `f:1:1: no file can be included here`},
		{"duplicate key", "{ \"a\": 1,\n  \"a\": 2 }", `f:2:3: duplicate a entries in one map, the first at f:1:3: remove one of the two`},
	} {
		t.Run(row.name, func(t *testing.T) {
			v, _, err := ParseValue("f", []byte(row.text), false)
			if err == nil {
				t.Fatalf("read as %s", v.AppendJSON(nil))
			}
			if got := err.Error(); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestTrailingCommaIsAWarning(t *testing.T) {
	v, warnings, err := ParseValue("f", []byte("{ \"a\": [ 1,, 2, ],\n }"), false)
	if err != nil || len(warnings) != 3 {
		t.Fatal(warnings, err)
	}
	if got := string(v.AppendJSON(nil)); got != `{ "a": [ 1, 2 ] }` {
		t.Error(got)
	}
	if got := warnings[2].Error(); got != "f:1:18: extraneous comma: remove it: other JSON readers refuse it" {
		t.Error(got)
	}
}

func TestNestingIsLimited(t *testing.T) {
	deep := func(n int) error {
		_, _, err := ParseValue("f", []byte(strings.Repeat("[", n)+strings.Repeat("]", n)), false)
		return err
	}
	if err := deep(maxDepth); err != nil {
		t.Error(err)
	}
	if deep(maxDepth+2) == nil || deep(1_000_000) == nil {
		t.Error("nesting without end is read")
	}
}

// TestDuplicateInALargeMap: the search for duplicates changes to an index.
func TestDuplicateInALargeMap(t *testing.T) {
	var b strings.Builder
	b.WriteString("{ ")
	for i := range 40 {
		fmt.Fprintf(&b, "\"k%d\": 0, ", i)
	}
	if _, _, err := ParseValue("f", []byte(b.String()+`"k3": 1 }`), false); err == nil || !strings.Contains(err.Error(), "duplicate k3") {
		t.Error(err)
	}
}

func TestIncludes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("subnets.json", "{ \"id\": 1,\n  \"subnet\": \"192.0.2.0/24\" },\n<?include \"more.json\"?>")
	write("more.json", `{ "id": 2, "subnet": "10.0.0.0/33" }`)
	main := write("main.json", "{ \"Dhcp4\": { \"subnet4\": [\n <?include \"subnets.json\"?> ] } }")
	_, err := Load(main)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "more.json")+":1:22: Dhcp4/subnet4[1]/subnet:") {
		t.Errorf("problem in an included file: %v", err)
	}
	loop := write("loop.json", `[ <?include "loop.json"?> ]`)
	if _, _, err := ParseValue(loop, content(t, loop), true); err == nil || !strings.Contains(err.Error(), "more than 10 files") {
		t.Errorf("loop of includes: %v", err)
	}
	missing := write("missing.json", `[ <?include "nosuch"?> ]`)
	if _, _, err := ParseValue(missing, content(t, missing), true); err == nil || !strings.Contains(err.Error(), "can't open include file nosuch") {
		t.Errorf("missing include: %v", err)
	}
}

func FuzzParseValue(f *testing.F) {
	for _, seed := range []string{`{ "a": [ 1, .5, "x\u00e9", null, true, ], }`, "/* */ # x\n[]", `<?include "x"?>`, `{"a":{"a":{}}}`, `[1e400, -, "\u12`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, _, err := ParseValue("f", text, false)
		if err != nil {
			return
		}
		written := v.AppendJSON(nil)
		again, _, err := ParseValue("again", written, false)
		if err != nil {
			t.Fatalf("%s is not read again: %v", written, err)
		}
		if second := again.AppendJSON(nil); string(second) != string(written) {
			t.Fatalf("%s became %s", written, second)
		}
	})
}

// FuzzParse: no text makes the reader panic, and what is read is printed as
// something that is read again.
func FuzzParse(f *testing.F) {
	for _, row := range checkRows {
		f.Add(fmt.Sprintf(`{ "Dhcp%d": { %s } }`, row.version, row.text))
	}
	for _, row := range haRows {
		f.Add(fmt.Sprintf(haText, row.change))
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "<?include") {
			return
		}
		c, err := ParseWith(Options{ReadFile: fakeSecrets}, "f", []byte(text))
		if err != nil {
			_ = LastLine(err)
			return
		}
		for _, family := range []*Family{c.V4, c.V6} {
			if family == nil {
				continue
			}
			printed := family.Tree.AppendJSON(nil)
			v, _, err := ParseValue("tree", printed, false)
			if err != nil {
				t.Fatalf("%s\nis not read again: %v", printed, err)
			}
			if _, _, err := ParseFamilyWith(Options{ReadFile: fakeSecrets}, family.Version, v); err != nil {
				t.Fatalf("%s\nis not accepted again: %v", printed, err)
			}
		}
	})
}
