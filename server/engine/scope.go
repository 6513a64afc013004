package engine

import "leasehold/lease"

// scopeStat is a statistic that exists per subnet and, some of them, per pool.
type scopeStat uint8

const (
	scAssigned scopeStat = iota
	scCumulative
	scDeclined
	scReclaimedDeclined
	scReclaimed
	scAllocFail
	scAllocFailShared
	scAllocFailSubnet
	scAllocFailNoPools
	scAllocFailClasses
	scConflicts
	scReuses
	scAssignedPD
	scCumulativePD
	scReusesPD
	scRegistered
	scCumulativeRegistered
	scopeStatCount
)

// scopeCounters are the counters of one subnet or pool.
type scopeCounters [scopeStatCount]counter

// scopedNames are the names below subnet[ID] by family; poolNames those that
// exist per pool, too.
var scopedNames = map[int][scopeStatCount]string{
	4: {
		scAssigned: "assigned-addresses", scCumulative: "cumulative-assigned-addresses",
		scDeclined: "declined-addresses", scReclaimedDeclined: "reclaimed-declined-addresses",
		scReclaimed: "reclaimed-leases", scAllocFail: "v4-allocation-fail",
		scAllocFailShared: "v4-allocation-fail-shared-network", scAllocFailSubnet: "v4-allocation-fail-subnet",
		scAllocFailNoPools: "v4-allocation-fail-no-pools", scAllocFailClasses: "v4-allocation-fail-classes",
		scConflicts: "v4-reservation-conflicts", scReuses: "v4-lease-reuses",
	},
	6: {
		scAssigned: "assigned-nas", scCumulative: "cumulative-assigned-nas",
		scDeclined: "declined-addresses", scReclaimedDeclined: "reclaimed-declined-addresses",
		scReclaimed: "reclaimed-leases", scAllocFail: "v6-allocation-fail",
		scAllocFailShared: "v6-allocation-fail-shared-network", scAllocFailSubnet: "v6-allocation-fail-subnet",
		scAllocFailNoPools: "v6-allocation-fail-no-pools", scAllocFailClasses: "v6-allocation-fail-classes",
		scReuses: "v6-ia-na-lease-reuses", scReusesPD: "v6-ia-pd-lease-reuses",
		scAssignedPD: "assigned-pds", scCumulativePD: "cumulative-assigned-pds",
		scRegistered: "registered-nas", scCumulativeRegistered: "cumulative-registered-nas",
	},
}

// pooled says whether a statistic exists per pool; prefix pools have their own.
func (st scopeStat) pooled(prefix bool) bool {
	switch st {
	case scReclaimed:
		return true
	case scAssigned, scCumulative, scDeclined, scReclaimedDeclined:
		return !prefix
	case scAssignedPD, scCumulativePD:
		return prefix
	}
	return false
}

// global returns the global statistic of the family that belongs to a scoped one.
func (e *Engine) global(st scopeStat) Stat {
	if e.version == 4 {
		return scopedGlobal4[st]
	}
	return scopedGlobal6[st]
}

var scopedGlobal4 = [scopeStatCount]Stat{
	scAssigned: AssignedAddresses4, scCumulative: CumulativeAssigned4, scDeclined: DeclinedAddresses4,
	scReclaimedDeclined: ReclaimedDeclined4, scReclaimed: ReclaimedLeases4, scAllocFail: AllocFail4,
	scAllocFailShared: AllocFailSharedNetwork4, scAllocFailSubnet: AllocFailSubnet4,
	scAllocFailNoPools: AllocFailNoPools4, scAllocFailClasses: AllocFailClasses4,
	scConflicts: ReservationConflicts4, scReuses: LeaseReuses4,
}

// countScoped adds n to a global statistic (NoStat: none), and to that of the
// subnet and pool (nil: none).
func (e *Engine) countScoped(g Stat, st scopeStat, s *subnet, p *pool, n int64) {
	if g != NoStat {
		e.stats.global[g].add(e.stats, n)
	}
	if s != nil {
		s.counts[st].add(e.stats, n)
	}
	if p != nil {
		p.counts[st].add(e.stats, n)
	}
}

// assignedStat returns the statistics that count leases of its kind.
func assignedStat(l *lease.Lease) (assigned, cumulative scopeStat) {
	switch {
	case l.State == lease.Registered:
		return scRegistered, scCumulativeRegistered
	case l.Type == lease.PD:
		return scAssignedPD, scCumulativePD
	}
	return scAssigned, scCumulative
}

// countAssigned counts a lease that was newly given (1) or ended (-1).
func (e *Engine) countAssigned(l *lease.Lease, n int64) {
	s, p := e.subnets[l.SubnetID], e.holder(l)
	as, cum := assignedStat(l)
	if e.version == 6 && p == nil && as != scRegistered {
		return // Kea: only what a pool holds
	}
	e.countScoped(e.global(as), as, s, p, n)
	if n > 0 {
		e.countScoped(e.global(cum), cum, s, p, n)
	}
}
