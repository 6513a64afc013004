package engine

import (
	"net/netip"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// When a great many leases end in one second, a Step is told of some of them, and
// those that follow at once of the others.
func TestManyLeasesEndInTurns(t *testing.T) {
	const n = 2*lapseTurn + 100
	c, err := config.Parse("many", []byte(wrap(`"expired-leases-processing": {"reclaim-timer-wait-time": 0},
		"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.0.0.0 - 10.0.255.255"}]}]`)))
	if err != nil {
		t.Fatal(err)
	}
	store := lease.NewStore(4, 1)
	for i := range n {
		store.Put(lease.Lease{Addr: nth(netip.MustParseAddr("10.0.0.0"), i), SubnetID: 1, HWType: 1,
			HWAddr: string(hwOf(uint32(i))), Valid: 60, CLTT: start.Unix()})
	}
	e := New(c.V4, store, Options{Now: start, Seed: 1})
	free := e.subnets[1].pools[0].free
	now := start.Add(time.Minute)
	for _, held := range []uint64{n - lapseTurn, n - 2*lapseTurn, 0} {
		fx := &Effects{}
		e.Step(now, []Input{Tick{}}, fx)
		if got := free.Size() - free.Len(); got != held {
			t.Errorf("%d addresses are held, want %d", got, held)
		}
		if at := fx.Wake; (held > 0) != at.Equal(now) {
			t.Errorf("with %d held the next Tick is due at %v, it is %v", held, at, now)
		}
	}
}
