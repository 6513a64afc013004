package config

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
)

// packet is a Subject made of maps.
type packet struct {
	options map[uint16][]byte
	relays  []map[uint16][]byte // v4: one; v6: from the server to the client
	fields  map[Field][]byte
	classes map[ClassID]bool
}

func (p *packet) Option(code uint16) ([]byte, bool) { b, ok := p.options[code]; return b, ok }

func (p *packet) RelayOption(level int, code uint16) ([]byte, bool) {
	if level < 0 {
		level += len(p.relays)
	}
	if level < 0 || level >= len(p.relays) {
		return nil, false
	}
	b, ok := p.relays[level][code]
	return b, ok
}

func (p *packet) RelayField(level int, link bool) ([]byte, bool) {
	if level < 0 {
		level += len(p.relays)
	}
	if level < 0 || level >= len(p.relays) {
		return nil, false
	}
	b := make([]byte, 16)
	if b[0], b[15] = 0xfe, byte(level); link {
		b[0] = 0x20
	}
	return b, true
}

func (p *packet) Field(f Field) []byte { return p.fields[f] }

func (p *packet) Member(id ClassID) bool { return p.classes[id] }

func octets(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func uint32Octets(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// packet4 is a relayed DISCOVER of a CableLabs modem.
func packet4(t testing.TB) *packet {
	return &packet{
		options: map[uint16][]byte{
			12: []byte("Host.Example"), 50: {192, 0, 2, 9}, 51: uint32Octets(3600), 53: {1}, 55: {1, 3, 6},
			60: []byte("docsis3.0:xyz"), 61: octets(t, "01 020304050607"), 43: octets(t, "01 02 4142 00 02 01 43"),
			82:  octets(t, "01 04 63697263 02 03 72656d 09 03 010178 01 02 3334"),
			124: octets(t, "0000118b 03 666f6f 0000118b 02 6261"),
			125: octets(t, "0000118b 0a 01 02 0102 02 04 c0000205"),
			93:  {0, 7}, 84: {1, 2}, 15: {},
		},
		relays: []map[uint16][]byte{{1: []byte("circ34"), 2: []byte("rem"), 9: octets(t, "010178")}},
		fields: map[Field][]byte{PktIface: []byte("eth0"), PktSrc: {10, 0, 0, 1}, PktDst: {10, 0, 0, 2}, PktLen: uint32Octets(300),
			Pkt4MAC: octets(t, "020304050607"), Pkt4HLen: uint32Octets(6), Pkt4HType: uint32Octets(1), Pkt4CIAddr: {0, 0, 0, 0},
			Pkt4GIAddr: {10, 0, 0, 1}, Pkt4YIAddr: {0, 0, 0, 0}, Pkt4SIAddr: {0, 0, 0, 0}, PktMsgType: uint32Octets(1), PktTransID: uint32Octets(0x1234)},
		classes: map[ClassID]bool{ClassAll: true, 100: true},
	}
}

// packet6 is a SOLICIT that passed two relays.
func packet6(t testing.TB) *packet {
	return &packet{
		options: map[uint16][]byte{
			1: octets(t, "00030001020304050607"), 3: octets(t, "00000001 00000000 00000000 0005 0018 20010db8000000000000000000000001 00000e10 00001c20"),
			6: {0, 23}, 16: octets(t, "0000118b 0003 666f6f 0002 6261"), 17: octets(t, "0000118b 0001 0002 0020 0002 0003 45434d"),
			25: octets(t, "00000002 00000000 00000000 001a 0019 00000000 00000000 40 20010db8000000000000000000000000"),
			59: []byte("http://x"),
		},
		relays: []map[uint16][]byte{
			{18: []byte("if0"), 37: octets(t, "00000009 6162"), 66: octets(t, "0041 0003 016100")},
			{18: []byte("if1"), 79: octets(t, "0001 020304050607")},
		},
		fields:  map[Field][]byte{PktIface: []byte("eth1"), PktMsgType: uint32Octets(1), PktTransID: uint32Octets(7), PktLen: uint32Octets(90)},
		classes: map[ClassID]bool{ClassAll: true},
	}
}

// knownClasses are the classes that member() may name in tests.
func knownClasses(name string) (ClassID, bool, bool) {
	switch name {
	case "ALL":
		return ClassAll, false, true
	case "KNOWN":
		return ClassKnown, true, true
	case "a":
		return 100, false, true
	case "b":
		return 101, false, true
	case "viaknown":
		return 102, true, true
	}
	return NoClass, false, false
}

// TestExpressions runs testdata/config/expr/*.txt: lines "result | expression";
// the result is true, false, a quoted string, hex octets, "refused: what" for a
// text that does not compile, or "fails" for an error of the evaluation.
func TestExpressions(t *testing.T) {
	for version, subject := range map[int]*packet{4: packet4(t), 6: packet6(t)} {
		name := "testdata/config/expr/dhcp" + strconv.Itoa(version) + ".txt"
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		for n := 1; lines.Scan(); n++ {
			if line := lines.Text(); line != "" && line[0] != '#' {
				want, text, _ := strings.Cut(line, " | ")
				if got := evaluate(version, text, strings.TrimSpace(want), subject); got != strings.TrimSpace(want) {
					t.Errorf("%s:%d: %s\n got %s\nwant %s", name, n, text, got, want)
				}
			}
		}
	}
}

func evaluate(version int, text, want string, subject Subject) string {
	wantBool := want == "true" || want == "false" || strings.HasPrefix(want, "refused") || want == "fails"
	defs := newOptionDefs(version, standardDefs(version))
	defs.add(&OptionDef{Name: "mine", Code: 84, Space: "dhcp4", Type: "uint16", version: version})
	e, _, err := parseExpr(text, Pos{}, wantBool, version, defs, knownClasses)
	if err != nil {
		_, what, _ := strings.Cut(err.Error(), "error: <string>:")
		return "refused: " + what
	}
	var x Scratch
	if wantBool {
		ok, err := e.Test(subject, &x)
		if err != nil {
			return "fails"
		}
		return strconv.FormatBool(ok)
	}
	b, err := e.Value(subject, &x)
	switch {
	case err != nil:
		return "fails"
	case strings.HasPrefix(want, "'"):
		return "'" + strings.ReplaceAll(string(b), "\n", `\n`) + "'"
	}
	return "0x" + hex.EncodeToString(b)
}

func TestDependenceOnKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"member('KNOWN')": true, "member('ALL')": false, "not member('viaknown')": true, "'a' == 'b' and member('a')": false,
	} {
		_, got, err := parseExpr(text, Pos{}, true, 4, standardDefs(4), knownClasses)
		if err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
}

func TestFaultsHaveAPlace(t *testing.T) {
	pos := Pos{File: "f", Line: 3, Col: 10} // of the quote in front of the expression
	_, _, err := parseExpr("'a' = 'b'", pos, true, 4, standardDefs(4), knownClasses)
	var fault *exprError
	if !errors.As(err, &fault) || fault.Pos != (Pos{File: "f", Line: 3, Col: 15}) {
		t.Errorf("%v %+v", err, fault)
	}
}

func TestNestingIsBounded(t *testing.T) {
	for _, n := range []int{100, 5000, 9000} {
		text := strings.Repeat("(", n) + "'a'=='a'" + strings.Repeat(")", n)
		if _, _, err := parseExpr(text, Pos{}, true, 4, standardDefs(4), knownClasses); err != nil {
			t.Errorf("%d brackets: %.80v", n, err)
		}
	}
	for _, open := range []string{"(", "lcase(", "not (", "ifelse("} {
		if _, _, err := parseExpr(strings.Repeat(open, 20000), Pos{}, true, 4, standardDefs(4), knownClasses); err == nil {
			t.Errorf("20000 times %s is accepted", open)
		}
	}
	var x Scratch
	text := strings.Repeat("hexstring(", 40) + "'abc'" + strings.Repeat(", ':')", 40)
	e, _, err := parseExpr(text, Pos{}, false, 4, standardDefs(4), knownClasses)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Value(packet4(t), &x); err == nil {
		t.Error("a string of 3^40 octets was made")
	}
	long := "'a'" + strings.Repeat(" + 'a'", 1000)
	if e, _, err = parseExpr(long, Pos{}, false, 4, standardDefs(4), knownClasses); err != nil {
		t.Fatal(err)
	}
	if b, err := e.Value(packet4(t), &x); err != nil || len(b) != 1001 {
		t.Errorf("sum of 1001 letters: %d %v", len(b), err)
	}
}

func TestParseExpressionInternsClasses(t *testing.T) {
	f := &Family{}
	for _, name := range builtinClasses {
		f.intern(name)
	}
	e, err := ParseExpression("member('VENDOR_CLASS_x')", true, 4, f)
	if err != nil || e == nil || f.ClassID("VENDOR_CLASS_x") == NoClass {
		t.Fatal(e, err)
	}
	if _, err = ParseExpression("'a'", true, 4, f); err == nil {
		t.Error("a string passes for a condition")
	}
	e, err = ParseExpression("option[43].option[1].hex", false, 4, f)
	if err != nil {
		t.Fatal(err)
	}
	var x Scratch
	if b, _ := e.Value(packet4(t), &x); string(b) != "AB" {
		t.Errorf("hooks see the sub-options of 43: %q", b)
	}
}

// hotExpressions are what configurations have in them.
var hotExpressions = map[string]string{
	"vendor":  "substring(option[60].hex,0,9) == 'docsis3.0'",
	"relay":   "relay4[1].hex == 'circ34' and not member('b')",
	"text":    "option[61].text == 'x' or option[51].text == 'y'",
	"match":   "match('docsis[0-9.]+:.*', option[60].hex)",
	"convert": "ucase(hexstring(pkt4.mac, ':')) + addrtotext(pkt4.giaddr) == 'x'",
	"split":   "split(option[12].hex, '.', 2) == 'Example'",
	"nested":  "option[82].option[2].hex == 'rem' or vendor[4491].option[2].text == 'x'",
}

func TestEvaluationDoesNotAllocate(t *testing.T) {
	subject := packet4(t)
	for name, text := range hotExpressions {
		e, _, err := parseExpr(text, Pos{}, true, 4, standardDefs(4), knownClasses)
		if err != nil {
			t.Fatal(err)
		}
		var x Scratch
		if n := testing.AllocsPerRun(100, func() {
			x.Reset()
			_, _ = e.Test(subject, &x)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkExpr(b *testing.B) {
	subject := packet4(b)
	for name, text := range hotExpressions {
		e, _, err := parseExpr(text, Pos{}, true, 4, standardDefs(4), knownClasses)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			var x Scratch
			b.ReportAllocs()
			for b.Loop() {
				x.Reset()
				if _, err := e.Test(subject, &x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzExpr(f *testing.F) {
	for _, name := range []string{"dhcp4.txt", "dhcp6.txt"} {
		text, err := os.ReadFile("testdata/config/expr/" + name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if _, expr, ok := strings.Cut(line, " | "); ok {
				f.Add(strings.TrimSpace(expr), []byte("\x01\x02\x03"))
			}
		}
	}
	p4, p6 := packet4(f), packet6(f)
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		for version, p := range map[int]*packet{4: p4, 6: p6} {
			for _, wantBool := range []bool{true, false} {
				e, _, err := parseExpr(text, Pos{}, wantBool, version, standardDefs(version), knownClasses)
				if err != nil {
					continue
				}
				q := *p
				q.options = map[uint16][]byte{}
				for code := range p.options {
					q.options[code] = data
				}
				for _, s := range []Subject{p, &q} {
					var x Scratch
					if wantBool {
						_, _ = e.Test(s, &x)
					} else if b, err := e.Value(s, &x); err == nil && len(b) > maxExprValue+len(text) {
						t.Errorf("a value of %d octets", len(b))
					}
				}
			}
		}
	})
}
