package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// Looking classes up attaches the same ones, in the same order, as evaluating
// one after the other.
func TestLookedUpClasses(t *testing.T) {
	tests := []string{
		"option[60].text == 'a'", "option[60].text == 'b'", "'a' == option[60].text", "option[60].text == ''", "option[60].text == 'b'",
		"member('c0')", "option[60].text == 'c'",
		"substring(option[60].text, 0, 1) == 'a'", "substring(option[60].text, 0, 1) == 'b'",
		"substring(option[60].text, 0, 1) == 'x'", "substring(option[60].text, 0, 1) == ''",
		"split(option[60].text, '.', 1) == 'a'", "option[12].text == 'a'", "option[12].text == 'b'", "option[12].text == 'c'", "option[12].text == 'd'",
		"member('c12') and member('c7')", "option[60].text == 'a' or option[12].text == 'b'",
	}
	var text strings.Builder
	text.WriteString(`"client-classes": [`)
	for i, test := range tests {
		if i > 0 {
			text.WriteString(",")
		}
		fmt.Fprintf(&text, `{"name": "c%d", "test": "%s"}`, i, test)
	}
	text.WriteString(`], "subnet4": [{"id": 1, "subnet": "10.0.0.0/8"}]`)
	c, err := config.Parse("classes", []byte(wrap(text.String())))
	if err != nil {
		t.Fatal(err)
	}
	e := New(c.V4, lease.NewStore(4, 1), Options{Now: start, Seed: 1})
	looked := 0
	for _, p := range e.first {
		if p.part != nil {
			looked += len(p.classes)
		}
	}
	if looked != 13 {
		t.Errorf("%d classes are looked up, want 13", looked)
	}
	iface := &wire.Interface{Name: "eth0", Index: 2, V4: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}}
	for _, options := range []string{"", "class='a'", "class='b'", "class='a.a' host='b'", "class='x' host='a'", "class='a' host='a'", "class='c' host='d'", "host='zzz'"} {
		d, _, err := parseQuery("discover xid=1 hw=02:00:00:00:00:01 "+options, iface)
		if err != nil {
			t.Fatal(err)
		}
		classify := func(all bool) []config.ClassID {
			q := &Query{Data: d}
			q.Reset()
			q.Decode4()
			q.q4 = subject4{q: q}
			if !all {
				e.firstPass(q)
				return q.classes.order
			}
			for _, c := range e.cfg.Classes {
				e.evaluate(q, c)
			}
			return q.classes.order
		}
		if got, want := classify(false), classify(true); !slices.Equal(got, want) {
			t.Errorf("%s: classes %v, one after the other %v", options, got, want)
		}
	}
}
