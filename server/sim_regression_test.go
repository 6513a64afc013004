package server

import (
	"testing"
	"time"
)

// A client that repeats its request while the partner has not acknowledged the
// lease gets no answer before that, lease caching or not.
func TestRepeatedRequestWaitsForThePartnerToo(t *testing.T) {
	for _, family := range []int{4, 6} {
		s := newSim(1, func(o *simOptions) {
			o.family, o.balancing, o.backup, o.extensions, o.rogues, o.faults = family, false, false, [2]bool{}, 0, 0
			o.heartbeat, o.response, o.faulty = 5*time.Second, 30*time.Second, time.Minute
		})
		s.in(15*time.Second, func() { s.nodes[1].freeze(20 * time.Second) })
		s.runUntil(time.Minute)
		if len(s.check.violations) > 0 {
			t.Error(s.report())
		}
	}
}

// Seeds that have found something once.
func TestSeedsThatFoundSomething(t *testing.T) {
	for _, seed := range []uint64{
		21648,   // a deletion on one node by an operator, which the disk refused
		21964,   // two updates of one lease came into the backlog in the wrong order
		22983,   // both served a client in the same second, and exchanged their leases
		1000130, // a release on a clock that was set back
		1000586, // a renewal of an address that both gave away while alone
		8100959, // the partner read changes in the stream that an older backlog then undid
		8200589, // an address was declined and free again while the partner was away
		8502619, // a new client of an address that was given on a clock set back
		8201204, // the same, and it was restarted
		3000246, // updates behind some that were not answered kept responses waiting
		6100347, // a deletion from before a restart was told with another client's identifiers
		6201708, // an echo of what a server had told replaced what it knew since then
		6204048, // two of Kea serve alone, then one gives a lease again from its cache
		6603919, // a stranger's release was of its own lease after all
		6701662, // two servers took each other for the one in maintenance
		6704087, // a lease given again from the cache while the partner's disk refused it
		7700858, // a release that came when the client had the address anew, from the partner
		7701701, // a lease ended early by a clock that was wrong
		7100533, // the same, before a crash
		9101826, // as 6704087, by a lease that the partner had told
	} {
		simulate(t, seed)
	}
}
