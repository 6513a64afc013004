package route

import (
	"maps"
	"net/netip"
	"testing"

	"leasehold/server/engine"
)

// Two readers may carry out their Steps at the same time: what the later one
// wants still counts last, and a prefix that changes often is one piece of work.
func TestOrder(t *testing.T) {
	a, b := netip.MustParsePrefix("2001:db8:1::/48"), netip.MustParsePrefix("2001:db8:2::/48")
	via := netip.MustParseAddr("fe80::1")
	table := New(func(error) {})
	list := func(r ...engine.Route) []engine.Route { return r }

	table.take(engine.Routes{Seq: 2, List: list(engine.Route{Prefix: a})})
	if len(table.todo) != 0 {
		t.Errorf("the second came first, and to be done is %v", table.todo)
	}
	table.take(engine.Routes{Seq: 1, List: list(engine.Route{Prefix: a, Via: via, Iface: "x"}, engine.Route{Prefix: b, Via: via, Iface: "x"})})
	want := map[netip.Prefix]engine.Route{a: {Prefix: a}, b: {Prefix: b, Via: via, Iface: "x"}}
	if table.all || !maps.Equal(table.todo, want) {
		t.Errorf("to be done is %v, want %v", table.todo, want)
	}

	table.take(engine.Routes{Seq: 4, List: list(engine.Route{Prefix: b, Via: via, Iface: "y"})})
	table.take(engine.Routes{Seq: 3, All: true, List: list(engine.Route{Prefix: a, Via: via, Iface: "y"})})
	want = map[netip.Prefix]engine.Route{a: {Prefix: a, Via: via, Iface: "y"}, b: {Prefix: b, Via: via, Iface: "y"}}
	if !table.all || !maps.Equal(table.todo, want) {
		t.Errorf("to be done is %v, want %v", table.todo, want)
	}
	if len(table.early) != 0 {
		t.Errorf("%v is kept for ever", table.early)
	}
}
