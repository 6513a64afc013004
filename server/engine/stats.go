package engine

import (
	"slices"
	"time"

	"leasehold/config"
)

// Stat is one statistic without its scope.
type Stat uint16

// sample is one value of a counter and when it was taken.
type sample struct {
	value int64
	at    int64 // Unix microseconds
}

// counter is one statistic: its value now and its last samples. The samples
// are only kept once the value changes.
type counter struct {
	value   int64
	updated int64 // Unix microseconds
	next    uint32
	limit   uint32 // samples kept; 0 = the default
	age     uint32 // seconds that samples are kept; 0 = limited by number alone
	removed bool   // by a command, until the next change
	ring    []sample
}

// agedSamples bounds the samples of a counter that is limited by age.
const agedSamples = 1000

// Stats holds the statistics of one engine. Its owner is the engine; all times
// come from the Step that counts.
type Stats struct {
	now     int64
	samples int    // kept for each counter
	age     uint32 // seconds; 0 = no limit
	global  []counter
}

func (s *Stats) begin(now time.Time) { s.now = now.UnixMicro() }

// configure takes the defaults of a configuration.
func (s *Stats) configure(f *config.Family) {
	s.samples, s.age = int(f.StatisticSampleCount), 0
	if s.samples == 0 {
		s.samples, s.age = agedSamples, uint32(f.StatisticSampleAge/time.Second)
	}
}

func (c *counter) set(s *Stats, v int64) {
	limit := int(c.limit)
	if limit == 0 {
		limit = s.samples
	}
	if len(c.ring) == 0 && c.updated != 0 && !c.removed && limit > 1 {
		c.ring = append(c.ring, sample{c.value, c.updated})
	}
	c.value, c.updated, c.removed = v, s.now, false
	switch {
	case len(c.ring) < limit:
		c.ring = append(c.ring, sample{v, s.now})
		return
	case int(c.next) >= len(c.ring):
		c.next = 0
	}
	c.ring[c.next] = sample{v, s.now}
	c.next++
}

func (c *counter) add(s *Stats, n int64) { c.set(s, c.value+n) }

// reset puts the counter back to zero and forgets its samples.
func (c *counter) reset(s *Stats) {
	c.value, c.updated, c.next, c.ring = 0, s.now, 0, c.ring[:0]
}

// restrict changes how many samples are kept, and for how long (0: any time).
func (c *counter) restrict(s *Stats, limit, age uint32) {
	var kept []sample
	c.each(s, func(x sample) {
		if len(kept) < int(limit) {
			kept = append(kept, x)
		}
	})
	if len(c.ring) == 0 {
		kept = nil
	}
	slices.Reverse(kept)
	c.limit, c.age, c.next, c.ring = limit, age, 0, kept
}

// each calls fn for the samples, newest first.
func (c *counter) each(s *Stats, fn func(sample)) {
	if len(c.ring) == 0 {
		fn(sample{c.value, c.updated})
		return
	}
	age := int64(c.age)
	if c.limit == 0 {
		age = int64(s.age)
	}
	newest := (int(c.next) + len(c.ring) - 1) % len(c.ring)
	for i := range c.ring {
		x := c.ring[(newest-i+len(c.ring))%len(c.ring)]
		if i > 0 && age > 0 && x.at < c.ring[newest].at-age*1e6 {
			return
		}
		fn(x)
	}
}

func newStats(f *config.Family, now time.Time) *Stats {
	s := &Stats{}
	s.configure(f)
	s.begin(now)
	s.global = make([]counter, len(globalNames(f.Version)))
	for i := range s.global {
		s.global[i].updated = s.now
	}
	return s
}

// count adds one to a global statistic; NoStat is ignored.
func (s *Stats) count(st Stat) {
	if st != NoStat {
		s.global[st].add(s, 1)
	}
}

// countShed counts queries that were dropped unread.
func (e *Engine) countShed(n int) {
	shed := [...]Stat{Pkt4Received, Pkt4QueueFull, Pkt4ReceiveDrop}
	if e.version == 6 {
		shed = [...]Stat{Pkt6Received, Pkt6QueueFull, Pkt6ReceiveDrop}
	}
	for _, st := range shed {
		e.stats.global[st].add(e.stats, int64(n))
	}
}

// NoStat stands for "nothing to count".
const NoStat Stat = 0

// Global statistics of DHCPv4. The order is that of names4.
const (
	Pkt4Received Stat = iota + 1
	Pkt4DiscoverReceived
	Pkt4OfferReceived
	Pkt4RequestReceived
	Pkt4AckReceived
	Pkt4NakReceived
	Pkt4ReleaseReceived
	Pkt4DeclineReceived
	Pkt4InformReceived
	Pkt4UnknownReceived
	Pkt4Sent
	Pkt4OfferSent
	Pkt4AckSent
	Pkt4NakSent
	Pkt4ParseFailed
	Pkt4ReceiveDrop
	Pkt4ServiceDisabled
	Pkt4QueueFull
	Pkt4Duplicate
	Pkt4RFCViolation
	Pkt4AdminFiltered
	Pkt4NotForUs
	Pkt4ProcessingFailed
	Pkt4LimitExceeded
	AssignedAddresses4
	CumulativeAssigned4
	DeclinedAddresses4
	ReclaimedDeclined4
	ReclaimedLeases4
	AllocFail4
	AllocFailSharedNetwork4
	AllocFailSubnet4
	AllocFailNoPools4
	AllocFailClasses4
	ReservationConflicts4
	LeaseReuses4
	Pkt4LeaseQueryReceived
	Pkt4LeaseQueryUnknownSent
	Pkt4LeaseQueryUnassignedSent
	Pkt4LeaseQueryActiveSent
	stats4End
)

var names4 = [stats4End]string{
	Pkt4Received:            "pkt4-received",
	Pkt4DiscoverReceived:    "pkt4-discover-received",
	Pkt4OfferReceived:       "pkt4-offer-received",
	Pkt4RequestReceived:     "pkt4-request-received",
	Pkt4AckReceived:         "pkt4-ack-received",
	Pkt4NakReceived:         "pkt4-nak-received",
	Pkt4ReleaseReceived:     "pkt4-release-received",
	Pkt4DeclineReceived:     "pkt4-decline-received",
	Pkt4InformReceived:      "pkt4-inform-received",
	Pkt4UnknownReceived:     "pkt4-unknown-received",
	Pkt4Sent:                "pkt4-sent",
	Pkt4OfferSent:           "pkt4-offer-sent",
	Pkt4AckSent:             "pkt4-ack-sent",
	Pkt4NakSent:             "pkt4-nak-sent",
	Pkt4ParseFailed:         "pkt4-parse-failed",
	Pkt4ReceiveDrop:         "pkt4-receive-drop",
	Pkt4ServiceDisabled:     "pkt4-service-disabled",
	Pkt4QueueFull:           "pkt4-queue-full",
	Pkt4Duplicate:           "pkt4-duplicate",
	Pkt4RFCViolation:        "pkt4-rfc-violation",
	Pkt4AdminFiltered:       "pkt4-admin-filtered",
	Pkt4NotForUs:            "pkt4-not-for-us",
	Pkt4ProcessingFailed:    "pkt4-processing-failed",
	Pkt4LimitExceeded:       "pkt4-limit-exceeded",
	AssignedAddresses4:      "assigned-addresses",
	CumulativeAssigned4:     "cumulative-assigned-addresses",
	DeclinedAddresses4:      "declined-addresses",
	ReclaimedDeclined4:      "reclaimed-declined-addresses",
	ReclaimedLeases4:        "reclaimed-leases",
	AllocFail4:              "v4-allocation-fail",
	AllocFailSharedNetwork4: "v4-allocation-fail-shared-network",
	AllocFailSubnet4:        "v4-allocation-fail-subnet",
	AllocFailNoPools4:       "v4-allocation-fail-no-pools",
	AllocFailClasses4:       "v4-allocation-fail-classes",
	ReservationConflicts4:   "v4-reservation-conflicts",
	LeaseReuses4:            "v4-lease-reuses",

	Pkt4LeaseQueryReceived:       "pkt4-lease-query-received",
	Pkt4LeaseQueryUnknownSent:    "pkt4-lease-query-response-unknown-sent",
	Pkt4LeaseQueryUnassignedSent: "pkt4-lease-query-response-unassigned-sent",
	Pkt4LeaseQueryActiveSent:     "pkt4-lease-query-response-active-sent",
}

// globalNames returns the names of the global statistics of a family, by Stat.
func globalNames(version int) []string {
	if version == 4 {
		return names4[:]
	}
	return names6[:]
}
