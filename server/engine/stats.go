package engine

import (
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

// counter is one statistic: its value now and its last samples. The ring is
// only made once the value changes.
type counter struct {
	value   int64
	updated int64 // Unix microseconds
	next    uint32
	full    bool
	ring    []sample
}

// Stats holds the statistics of one engine. Its owner is the engine; all times
// come from the Step that counts.
type Stats struct {
	now     int64
	samples int // statistic-default-sample-count
	global  []counter
}

func (s *Stats) begin(now time.Time) { s.now = now.UnixMicro() }

func (c *counter) set(s *Stats, v int64) {
	c.value, c.updated = v, s.now
	if c.ring == nil {
		c.ring = make([]sample, max(s.samples, 1))
	}
	c.ring[c.next] = sample{v, s.now}
	if c.next++; int(c.next) == len(c.ring) {
		c.next, c.full = 0, true
	}
}

func (c *counter) add(s *Stats, n int64) { c.set(s, c.value+n) }

// each calls fn for the samples, newest first.
func (c *counter) each(fn func(sample)) {
	if c.ring == nil {
		fn(sample{c.value, c.updated})
		return
	}
	for i := int(c.next) - 1; i >= 0; i-- {
		fn(c.ring[i])
	}
	if c.full {
		for i := len(c.ring) - 1; i >= int(c.next); i-- {
			fn(c.ring[i])
		}
	}
}

func newStats(f *config.Family, now time.Time) *Stats {
	s := &Stats{samples: int(f.StatisticSampleCount)}
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
}

// globalNames returns the names of the global statistics of a family, by Stat.
func globalNames(version int) []string {
	if version == 4 {
		return names4[:]
	}
	return names6[:]
}
