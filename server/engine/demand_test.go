package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
)

// tenOf is the pool of most tests here, divided before 192.0.2.15.
const tenOf = `{ "pool": "192.0.2.10 - 192.0.2.19" }`

func tenName() ha.Pool {
	return ha.Pool{Subnet: 1, First: netip.MustParseAddr("192.0.2.10"), Last: netip.MustParseAddr("192.0.2.19")}
}

func TestServerGivesUpWhatItHasMoreThanItsPartner(t *testing.T) {
	for _, tt := range []struct {
		name, server string
		taken        []uint64
		theirs, free uint64 // boundary and free resources of the asker
		hungry       bool
		want         uint64
	}{
		{"the secondary gives its lowest", "b", nil, 5, 0, false, 7},
		{"the primary gives its highest", "a", nil, 5, 0, false, 3},
		{"what is taken does not count", "b", []uint64{5, 7}, 5, 0, false, 7},
		{"what is between the boundaries counts", "b", nil, 3, 0, false, 6},
		{"nor does the primary forget it", "a", nil, 8, 0, false, 4},
		{"what is between them is enough", "b", nil, 0, 0, false, 5},
		{"both have as much", "b", nil, 5, 5, false, 5},
		{"one more is not shared", "b", nil, 5, 4, false, 5},
		{"the last one goes to who has none", "b", []uint64{5, 6, 7, 9}, 5, 0, false, 9},
		{"of the primary, too", "a", []uint64{0, 1, 3, 4}, 5, 0, false, 2},
		{"but not the last one that a client waits for", "b", []uint64{5, 6, 7, 9}, 5, 0, true, 5},
		{"nothing is left to give", "b", []uint64{5, 6, 7, 8, 9}, 5, 0, false, 5},
		{"a boundary beyond the pool", "b", nil, 11, 0, false, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := balancedEngine(t, tt.server, true, tenOf)
			p := e.poolNamed(tenName())
			for _, i := range tt.taken {
				p.free.Take(i, heldByLease)
			}
			if tt.hungry {
				p.hungry = e.now + 1
			}
			asked := []ha.Share{{Pool: tenName(), Boundary: tt.theirs, Free: tt.free}}
			answered := e.cede(asked)
			if p.boundary != tt.want {
				t.Errorf("divided at %d, want %d", p.boundary, tt.want)
			}
			if len(answered) == 1 && answered[0].Boundary != p.boundary {
				t.Errorf("answers %v", answered)
			}
			if again := e.cede(asked); len(again) == 1 && again[0].Boundary != tt.want {
				t.Errorf("the same request again moves it to %d", again[0].Boundary)
			}
		})
	}
}

func TestBoundaryMovesUpToThePartners(t *testing.T) {
	for _, tt := range []struct {
		name, server string
		own, theirs  uint64
		taken, gave  uint64 // our boundary after an answer to our request, or to our heartbeat
	}{
		{"more for the primary", "a", 5, 8, 8, 5},
		{"less for the primary", "a", 5, 3, 5, 3},
		{"more for the secondary", "b", 5, 3, 3, 5},
		{"less for the secondary", "b", 5, 8, 5, 8},
		{"a partner in the middle", "a", 8, 5, 8, 5},
		{"a boundary beyond the pool", "a", 5, 11, 5, 5},
		{"or beyond it for the secondary", "b", 5, 11, 5, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, way := range []struct {
				name string
				do   func(*Engine, []ha.Share)
				want uint64
			}{{"take", (*Engine).take, tt.taken}, {"yield", (*Engine).yield, tt.gave}} {
				e := balancedEngine(t, tt.server, true, tenOf)
				p := e.poolNamed(tenName())
				if tt.own != 5 {
					e.moveBoundary(tenName(), p, tt.own)
					e.tellShares()
				}
				var told []ha.Share
				if tt.theirs != 5 {
					told = []ha.Share{{Pool: tenName(), Boundary: tt.theirs}}
				}
				if way.name == "take" && told == nil {
					told = []ha.Share{{Pool: tenName(), Boundary: 5}}
				}
				way.do(e, told)
				if p.boundary != way.want {
					t.Errorf("%s: divided at %d, want %d", way.name, p.boundary, way.want)
				}
				if told := e.pairs[0].machine.Shares; len(told) > 0 != (p.boundary != 5) {
					t.Errorf("%s: heartbeats tell %v", way.name, told)
				}
			}
		})
	}
}

// A server that has all the clients gets all there is, one piece at a time, and
// never what its partner gives.
func TestOneServerMayGiveNearlyAll(t *testing.T) {
	for _, tt := range []struct {
		name, family string
		typ          lease.Type
		all          int
	}{
		{"iterative", `"Dhcp4": { %s, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10-192.0.2.109" } ] } ] }`, lease.NA, 100},
		{"random", `"Dhcp4": { %s, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "allocator": "random", "pools": [ { "pool": "192.0.2.10-192.0.2.109" } ] } ] }`, lease.NA, 100},
		{"free lease queue", `"Dhcp4": { %s, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "allocator": "flq", "pools": [ { "pool": "192.0.2.10-192.0.2.109" } ] } ] }`, lease.NA, 100},
		{"two pools", `"Dhcp4": { %s, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10-192.0.2.39" }, { "pool": "192.0.2.50-192.0.2.119" } ] } ] }`, lease.NA, 100},
		{"IPv6", `"Dhcp6": { %s, "subnet6": [ { "id": 1, "subnet": "2001:db8::/64", "pools": [ { "pool": "2001:db8::1-2001:db8::64" } ] } ] }`, lease.NA, 100},
		{"prefixes", `"Dhcp6": { %s, "subnet6": [ { "id": 1, "subnet": "2001:db8::/32", "pd-pools": [ { "prefix": "2001:db8::", "prefix-len": 48, "delegated-len": 54 } ] } ] }`, lease.PD, 64},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := servingEngine(t, "a", tt.family), servingEngine(t, "b", tt.family)
			got := map[netip.Addr]bool{}
			for asked := 0; asked < 100; asked++ {
				for x := range everythingOf(a, tt.typ) {
					i, _ := b.subnets[1].anyPoolOf(x).index(x)
					b.subnets[1].anyPoolOf(x).free.Take(i, heldByLease)
					got[x] = true
				}
				short := a.demand.short
				a.demand.short = nil
				if len(short) == 0 {
					break
				}
				for _, p := range short {
					n, _ := p.freeOn(lowerSide)
					a.take(b.cede([]ha.Share{{Pool: p.name(), Boundary: p.boundary, Free: n}}))
				}
			}
			if len(got) != tt.all {
				t.Errorf("it gives %d of %d", len(got), tt.all)
			}
			if rest := everythingOf(b, tt.typ); len(rest) > 0 {
				t.Errorf("its partner gives %v", rest)
			}
		})
	}
}

// servingEngine is one of the servers a and b of a family, which have met.
func servingEngine(t testing.TB, server, family string) *Engine {
	t.Helper()
	pair := fmt.Sprintf(`"interfaces-config": { "interfaces": [ ] }, "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" },
		{ "library": "libdhcp_ha.so", "parameters": { "high-availability": [ { "this-server-name": %q, "mode": "load-balancing", "peers": [
			{ "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary" },
			{ "name": "b", "url": "http://192.0.2.2:8000/", "role": "secondary" } ] } ] } } ]`, server)
	c, err := config.Parse("test", []byte("{ "+fmt.Sprintf(family, pair)+" }"))
	if err != nil {
		t.Fatal(err)
	}
	f := c.V4
	if f == nil {
		f = c.V6
	}
	point := ha.Point{Epoch: 1, Seq: 1}
	return New(f, lease.NewStore(f.Version, 1), Options{Now: midnight, Resumed: &Resumed{Points: []Remembered{{Partner: "a", Point: point}, {Partner: "b", Point: point}}, Owed: 1}})
}

func TestBoundariesOutliveAConfiguration(t *testing.T) {
	const other = `{ "pool": "192.0.2.10 - 192.0.2.29" }`
	e := balancedEngine(t, "a", true, tenOf)
	e.moveBoundary(tenName(), e.poolNamed(tenName()), 3)
	for _, step := range []struct {
		name, pool string
		want       uint64
	}{
		{"the same pools", tenOf, 3},
		{"another pool", other, 10},
		{"the first one again", tenOf, 3},
	} {
		next := balancedEngine(t, "a", true, step.pool)
		var fx Effects
		e.Step(midnight, []Input{Reconfigured{Family: next.cfg}}, &fx)
		if got := e.subnets[1].pools[0].boundary; got != step.want {
			t.Errorf("%s: divided at %d, want %d", step.name, got, step.want)
		}
	}
}

// What is not told to the partner would be given by it as well after a restart.
func TestHeartbeatsTellOfEveryMovedBoundary(t *testing.T) {
	e := balancedEngine(t, "a", true, tenOf)
	first := netip.MustParseAddr("10.0.0.0")
	for i := range ha.MaxShares {
		e.moveBoundary(ha.Pool{Subnet: uint32(i + 2), First: first, Last: first.Next().Next()}, nil, 0)
	}
	e.tellShares()
	e.cede([]ha.Share{{Pool: tenName(), Boundary: 5}})
	if got := e.poolNamed(tenName()).boundary; got != 5 {
		t.Errorf("divided at %d", got)
	}
	if n := len(e.pairs[0].machine.Shares); n != ha.MaxShares {
		t.Errorf("%d are told", n)
	}
}

// Offers that are stored are not told to the partner.
func TestPoolsWithStoredOffersStayDividedInTheMiddle(t *testing.T) {
	e := balancedEngine(t, "b", true, tenOf+` ], "offer-lifetime": 60, "reservations": [`)
	e.cede([]ha.Share{{Pool: tenName(), Boundary: 5}})
	if got := e.poolNamed(tenName()).boundary; got != 5 {
		t.Errorf("divided at %d", got)
	}
}

// A lease of one of the partner's clients that lies on our side may be extended
// by the partner, and we are not told while we do not hear of each other.
func TestLeasesThatThePartnerMayHaveExtendedAreNotGivenAway(t *testing.T) {
	e := balancedEngine(t, "a", true, tenOf)
	var fx Effects
	step := func(at time.Duration, in ...Input) {
		fx.Reset()
		e.Step(midnight.Add(at), in, &fx)
	}
	step(0, &PairCommand{ID: 1, Request: ha.Request{Name: "ha-scopes", Server: "a", Scopes: []string{"a"}}})
	p := e.poolNamed(tenName())
	var clients [2]string // of each server
	for i := byte(0); clients[0] == "" || clients[1] == ""; i++ {
		hw := string([]byte{2, 0, 0, 0, 0, i})
		clients[ha.Hash([]byte(hw))&1] = hw
	}
	var changes []lease.Change
	for i, hw := range clients {
		changes = append(changes, lease.Change{Lease: lease.Lease{Addr: p.addr(uint64(i)), SubnetID: 1, HWAddr: hw, HWType: 1, Valid: 60, CLTT: midnight.Unix()}})
	}
	step(time.Second, Adopt{Changes: changes})
	taken := func() [2]bool { return [2]bool{p.free.Reasons(0) != 0, p.free.Reasons(1) != 0} }
	if got := taken(); got != [2]bool{true, true} {
		t.Fatalf("taken: %v", got)
	}
	step(2*time.Minute, Tick{})
	if got := taken(); got != [2]bool{false, true} {
		t.Errorf("when both have ended, taken is: %v", got)
	}
	q := new(Query)
	q.subnet = e.subnets[1]
	if _, ok := e.obtain4(q, p.addr(1)); ok {
		t.Error("another client gets it by asking for it")
	}
	if l, _ := e.store.Get(p.addr(1)); e.mayReclaim(&l) {
		t.Error("it is reclaimed")
	}
	step(3*time.Minute, &PairCommand{ID: 2, Request: ha.Request{Name: "ha-maintenance-start", Server: "a"}})
	for _, s := range fx.Sends {
		if s.Action.Command.Name == "ha-maintenance-notify" {
			step(3*time.Minute, &PeerAnswered{Pair: s.Pair, ID: s.Action.ID, Answer: ha.Answer{Err: errors.New("off")}})
			break
		}
	}
	if got := taken(); got != [2]bool{} {
		t.Errorf("alone, taken is: %v", got)
	}
}
