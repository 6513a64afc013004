package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
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

// What a lease costs in allocations: its own strings, once.
func TestAllocations(t *testing.T) {
	x := newBench(t, shape{leases: 1, subnets: 1})
	x.query("request xid=1 hw=02:00:00:00:00:00 ciaddr=10.1.0.0 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
	x.q.Arrival.Multi = false
	x.q.Arrival.Src = netip.MustParseAddrPort("10.1.0.0:68")
	x.ask()
	if n := testing.AllocsPerRun(1000, x.ask); n > own {
		t.Errorf("a renewal allocates %v times, want none", n-own)
	}

	x = newBench(t, shape{leases: 1, subnets: 1})
	x.query("discover xid=1 hw=04:00:00:00:00:00 class='MSFT 5.0' host='pc000000' prl=1,3,6,15,51,54")
	discover := x.q.Data
	x.query("request xid=1 hw=04:00:00:00:00:00 requested=10.1.0.0 server=10.0.0.1 class='MSFT 5.0' host='pc000000' prl=1,3,6,15,51,54")
	request := x.q.Data
	i := uint32(0)
	fresh := func() {
		i++
		for _, d := range [][]byte{discover, request} {
			binary.BigEndian.PutUint32(d[30:], i)
			name := d[bytes.Index(d, []byte("pc")):]
			strconv.AppendUint(name[2:2], uint64(100000+i), 10)
		}
		x.q.Data = discover
		x.ask()
		copy(request[245:249], x.q.Response[16:20])
		x.q.Data = request
		x.ask()
	}
	for range 20_000 { // the index of leases grows rarely from here
		fresh()
	}
	if n := testing.AllocsPerRun(2000, fresh); n > own+2 {
		t.Errorf("a new lease allocates %v times, want 2", n-own)
	}
}

// own is what telling the engine that its journal is durable allocates here.
const own = 1
