package engine

import (
	"math/bits"
	"net/netip"
	"strconv"
	"time"

	"leasehold/ha"
)

// TakeSurvey asks for the figures of the engine. It is answered under its ID
// with Answer.Survey.
type TakeSurvey struct{ ID uint64 }

func (TakeSurvey) input() {}

// Beat asks for a sign of life. It is answered under its ID.
type Beat struct{ ID uint64 }

func (Beat) input() {}

// Survey is how the engine stands: what metrics and the page show.
type Survey struct {
	Version  int            `json:"version"`
	Started  time.Time      `json:"started"`
	Reloaded time.Time      `json:"reloaded"`
	Serving  bool           `json:"serving"` // the service is switched on
	Counts   []Count        `json:"counts"`
	Drops    []Count        `json:"drops"` // by reason
	Subnets  []SubnetSurvey `json:"subnets"`
	Pairs    []PairSurvey   `json:"pairs"`
	Leases   int            `json:"leases"` // stored, ended ones too
	Assigned int64          `json:"assigned"`
	Declined int64          `json:"declined"`
	Parked   int            `json:"parked"`   // responses that wait for the disk or a partner
	Journal  int            `json:"journal"`  // changes that wait to be written
	Unstored int            `json:"unstored"` // changes that the disk refused and that are tried again
	Waits    Waits          `json:"waits"`
}

// Count is a number of its name.
type Count struct {
	Name  string `json:"name"`
	Value int64  `json:"value"`
}

// SubnetSurvey are the leases and pools of a subnet.
type SubnetSurvey struct {
	ID       uint32       `json:"id"`
	Prefix   netip.Prefix `json:"prefix"`
	Network  string       `json:"network"`
	Assigned int64        `json:"assigned"`
	Prefixes int64        `json:"prefixes"` // assigned by delegation
	Declined int64        `json:"declined"`
	Pools    []PoolSurvey `json:"pools"`
}

// PoolSurvey is how full a pool is. Sizes of IPv6 do not fit into integers.
type PoolSurvey struct {
	First  netip.Addr `json:"first"`
	Last   netip.Addr `json:"last"`
	Length uint8      `json:"length"` // of the prefixes it delegates; 0 = addresses
	Size   float64    `json:"size"`   // all
	Free   float64    `json:"free"`   // what an allocator may give away now
}

// Name is the range of the pool.
func (p *PoolSurvey) Name() string {
	name := p.First.String() + "-" + p.Last.String()
	if p.Length > 0 {
		name += "/" + strconv.Itoa(int(p.Length))
	}
	return name
}

// Used is the share of the pool that is not free, 0 to 1.
func (p *PoolSurvey) Used() float64 {
	if p.Size == 0 {
		return 0
	}
	return 1 - p.Free/p.Size
}

// PairSurvey is a relationship of high availability, with what the next change
// of state depends on, the last ones, and the last addresses given twice.
type PairSurvey struct {
	ha.Figures
	Conditions []ha.Condition  `json:"conditions"`
	Journal    []ha.Transition `json:"journal"`
	Divided    []DividedPool   `json:"divided"`
	Twice      []ha.Conflict   `json:"given-twice"` // at most 16, oldest first
}

// DividedPool is a pool whose boundary between the servers has left the middle.
type DividedPool struct {
	Subnet uint32     `json:"subnet-id"`
	Pool   string     `json:"pool"`
	From   netip.Addr `json:"secondary-from"` // invalid: the primary has all
	Ours   uint64     `json:"free-ours"`
	Beyond uint64     `json:"free-beyond"` // not on our side
}

func (e *Engine) surveyPair(p *Pair) PairSurvey {
	twice, _ := p.machine.Conflicts([]ha.Conflict{})
	return PairSurvey{p.machine.Figures(e.clock), p.machine.Explain(nil, e.clock), p.machine.Journal(nil), e.divided(p),
		twice[len(twice)-min(len(twice), 16):]}
}

// Waits is a histogram of how long parked responses were held, by powers of two
// of a microsecond: Buckets[i] counts those below 1<<i µs, and not below half of it.
type Waits struct {
	Buckets [24]uint64    `json:"buckets"`
	Sum     time.Duration `json:"sum-ns"`
}

func (w *Waits) note(d time.Duration) {
	if d < 0 {
		d = 0
	}
	w.Buckets[min(bits.Len64(uint64(d.Microseconds())), len(w.Buckets)-1)]++
	w.Sum += d
}

func (e *Engine) survey() *Survey {
	s := &Survey{
		Version: e.version, Started: e.started, Reloaded: e.reloaded, Serving: e.service.On(),
		Leases: e.store.Len(), Parked: len(e.parked.queue), Journal: len(e.journal),
		Unstored: len(e.unstored.changes), Waits: e.recorder.waits,
	}
	for i, name := range globalNames(e.version) {
		if name != "" {
			s.Counts = append(s.Counts, Count{name, e.stats.global[i].value})
		}
	}
	for d, n := range e.recorder.drops {
		s.Drops = append(s.Drops, Count{d.Name, int64(n)})
	}
	for _, p := range e.pairs {
		s.Pairs = append(s.Pairs, e.surveyPair(p))
	}
	s.Subnets = make([]SubnetSurvey, 0, len(e.ordered))
	for _, x := range e.ordered {
		n := SubnetSurvey{
			ID: x.ID, Prefix: x.Prefix,
			Assigned: x.counts[scAssigned].value, Prefixes: x.counts[scAssignedPD].value, Declined: x.counts[scDeclined].value,
		}
		if x.network != nil {
			n.Network = x.network.Name
		}
		for _, p := range x.allPools() {
			n.Pools = append(n.Pools, p.survey())
		}
		s.Assigned += n.Assigned + n.Prefixes
		s.Declined += n.Declined
		s.Subnets = append(s.Subnets, n)
	}
	return s
}

// divided lists the pools that a pair does not divide in the middle.
func (e *Engine) divided(pair *Pair) []DividedPool {
	var list []DividedPool
	for _, x := range pair.machine.Shares {
		p := e.poolNamed(x.Pool)
		if p == nil {
			continue
		}
		s := p.survey()
		d := DividedPool{Subnet: x.Subnet, Pool: s.Name()}
		if p.boundary < p.free.Size() {
			d.From = p.addr(p.boundary)
		}
		d.Ours, d.Beyond = p.freeOn(e.ownSide())
		list = append(list, d)
	}
	return list
}

func (p *pool) survey() PoolSurvey {
	size := p.size()
	s := PoolSurvey{First: p.First, Last: p.Last, Length: p.DelegatedLen, Size: float64(size.hi)*(1<<64) + float64(size.lo)}
	// The free list is capped; what is beyond its end is free.
	s.Free = s.Size - float64(p.free.Size()-p.free.Len())
	return s
}
