package engine

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
)

// Whoever reads a lease file or a partner's lease finds a next hop in the
// user-context, or finds none.
func TestNextHop(t *testing.T) {
	for _, c := range []struct{ context, via, iface string }{
		{`{ "leasehold": { "interface": "eth0", "next-hop": "fe80::1" } }`, "fe80::1", "eth0"},
		{`{ "ISC": { }, "leasehold": { "next-hop": "2001:db8::1", "interface": "lan" } }`, "2001:db8::1", "lan"},
		{``, "", ""},
		{`{ "comment": "x" }`, "", ""},
		{`[ 1 ]`, "", ""},
		{`{`, "", ""},
		{`{ "leasehold": "eth0" }`, "", ""},
		{`{ "leasehold": { "next-hop": "fe80::1" } }`, "", ""},
		{`{ "leasehold": { "interface": 7, "next-hop": "fe80::1" } }`, "", ""},
		{`{ "leasehold": { "interface": "eth0", "next-hop": "192.0.2.1" } }`, "", ""},
		{`{ "leasehold": { "interface": "eth0", "next-hop": "fe80::1%eth1" } }`, "", ""},
		{`{ "leasehold": { "interface": "eth0", "next-hop": "ff02::1" } }`, "", ""},
		{`{ "leasehold": { "interface": "eth0", "next-hop": "::" } }`, "", ""},
	} {
		via, iface := nextHop(c.context)
		if want, _ := netip.ParseAddr(c.via); via != want || iface != c.iface {
			t.Errorf("%s: via %v on %q", c.context, via, iface)
		}
	}
}

// In a pair the server that serves a client has the route to its prefix: a
// standby has none until it takes over, and none again when its scope ends.
func TestRoutesFollowScopes(t *testing.T) {
	cfg, err := config.Parse("config", []byte(`{ "Dhcp6": { "interfaces-config": { "interfaces": [ ] },
		"leasehold": { "install-pd-routes": true },
		"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
			"this-server-name": "b", "mode": "hot-standby", "max-response-delay": 1000, "max-unacked-clients": 0,
			"peers": [ { "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary" },
				{ "name": "b", "url": "http://192.0.2.2:8000/", "role": "standby" } ] } ] } } ],
		"subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64",
			"pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56 } ] } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	store := lease.NewStore(6, 1)
	store.Put(lease.Lease{
		Addr: netip.MustParseAddr("2001:db8:8000::"), Type: lease.PD, PrefixLen: 56, SubnetID: 1, IAID: 1,
		ClientID: "\x00\x03\x00\x01\x02\x03\x04\x05\x06\x07", Valid: 40000, Preferred: 300, CLTT: now.Unix(),
		UserContext: `{ "leasehold": { "interface": "eth0", "next-hop": "fe80::1" } }`,
	})
	e := New(cfg.V6, store, Options{Now: now, Seed: 1, DUID: serverDUID, Diskless: true})
	route := Route{netip.MustParsePrefix("2001:db8:8000::/56"), netip.MustParseAddr("fe80::1"), "eth0"}

	var fx Effects
	step := func(in ...Input) Routes {
		for _, s := range fx.Sends { // the partner is away
			in = append(in, &PeerAnswered{s.Pair, s.Action.ID, ha.Answer{Err: errors.New("refused")}})
		}
		fx = Effects{}
		e.Step(now, in, &fx)
		return fx.Routes
	}
	tick := func() Routes {
		now = now.Add(100 * time.Millisecond)
		return step(Tick{})
	}
	if r := step(Tick{}); r.Seq != 0 {
		t.Fatalf("nobody knows yet who serves, and the routes are %+v", r)
	}
	for e.pairs[0].machine.State() != ha.PartnerDown {
		r := tick()
		if down := e.pairs[0].machine.State() == ha.PartnerDown; down != (r.Seq == 1) {
			t.Fatalf("%v: routes %+v", e.pairs[0].machine.State(), r)
		} else if down && (!r.All || !slices.Equal(r.List, []Route{route})) {
			t.Fatalf("after the takeover the routes are %+v", r)
		}
		if now.After(time.Unix(1_700_000_600, 0)) {
			t.Fatalf("still %v", e.pairs[0].machine.State())
		}
	}
	if r := tick(); r.Seq != 0 {
		t.Errorf("nothing happened, and the routes are %+v", r)
	}
	if r := step(&PairCommand{ID: 1, Request: ha.Request{Name: "ha-scopes"}}); !r.All || len(r.List) != 0 {
		t.Errorf("without scopes the routes are %+v", r)
	}
	if r := step(&PairCommand{ID: 2, Request: ha.Request{Name: "ha-scopes", Scopes: []string{"a"}}}); !r.All || !slices.Equal(r.List, []Route{route}) {
		t.Errorf("with the scope of a the routes are %+v", r)
	}
}
