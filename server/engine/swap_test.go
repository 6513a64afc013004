package engine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// A configuration takes effect in turns when there are many leases, queries are
// served by the old one meanwhile, and the counts are those of a server that
// starts with the same leases.
func TestSwapCountsInTurns(t *testing.T) {
	parse := func(pool string) *config.Family {
		t.Helper()
		c, err := config.Parse("swap", []byte(wrap(fmt.Sprintf(`"valid-lifetime": 100, "expired-leases-processing": {"reclaim-timer-wait-time": 0},
			"subnet4": [{"id": 1, "subnet": "10.0.0.0/16", "pools": [{"pool": %q}]},
			            {"id": 2, "subnet": "10.1.0.0/16", "pools": [{"pool": "10.1.0.0/16"}]}]`, pool))))
		if err != nil {
			t.Fatal(err)
		}
		return c.V4
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	draw := func(now time.Time) lease.Lease {
		n := rnd.IntN(4000)
		return lease.Lease{
			Addr: netip.AddrFrom4([4]byte{10, byte(n & 1), byte(n >> 8), byte(n)}), SubnetID: uint32(1 + n&1), HWType: 1, HWAddr: string(hwOf(uint32(n))),
			Valid: uint32(1 + rnd.IntN(60)), CLTT: now.Unix(), State: lease.State(rnd.IntN(4)),
		}
	}
	old, next := parse("10.0.0.0 - 10.0.3.255"), parse("10.0.2.0 - 10.0.9.255")
	store := lease.NewStore(4, 1)
	for range 3000 {
		store.Put(draw(start))
	}
	e := New(old, store, Options{Now: start, Seed: 1, Diskless: true})
	e.turn = 100
	found := draw(start.Add(time.Hour))
	fx := &Effects{}
	now, turns := start, 0
	for in := []Input{Reconfigured{ID: 7, Family: next, Plan: Prepare(next), Found: []lease.Lease{found}}}; len(fx.Answers) == 0; in = []Input{Tick{}} {
		for e.fx = fx; turns > 0 && rnd.IntN(50) > 0; {
			if l := draw(now); rnd.IntN(4) == 0 {
				e.remove(&l)
			} else {
				e.put(l)
			}
		}
		now = now.Add(time.Second)
		turns++
		fx.Reset()
		e.Step(now, in, fx)
		if done := len(fx.Answers) > 0; done != (e.cfg == next) || !done && fx.Wake.After(now) {
			t.Fatalf("turn %d at %v: answered %v, new configuration %v, goes on at %v", turns, now, done, e.cfg == next, fx.Wake)
		}
	}
	if fx.Answers[0].ID != 7 || turns < 20 {
		t.Errorf("answers %v after %d turns", fx.Answers, turns)
	}
	if l, _ := store.Get(found.Addr); l != found {
		t.Errorf("another database brought %+v along, there is %+v", found, l)
	}
	fresh := New(next, store, Options{Now: now, Seed: 1})
	if got, want := e.survey().Assigned, fresh.survey().Assigned; got != want || e.outside != fresh.outside {
		t.Errorf("%d leases and %d outside of pools, want %d and %d", got, e.outside, want, fresh.outside)
	}
	for i, s := range fresh.ordered {
		for _, st := range countedAnew {
			if got, want := e.ordered[i].counts[st].value, s.counts[st].value; got != want {
				t.Errorf("subnet %d: %s is %d, want %d", s.ID, scopedNames[4][st], got, want)
			}
		}
		for j, p := range s.pools {
			for n := range p.free.Size() {
				if got, want := e.ordered[i].pools[j].free.Reasons(n), p.free.Reasons(n); got != want {
					t.Fatalf("%v is taken for %d, want %d", p.addr(n), got, want)
				}
			}
		}
	}
}
