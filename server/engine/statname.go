package engine

import (
	"math/big"
	"strconv"
	"strings"
	"time"
)

// Number is a statistic's value. Totals of DHCPv6 subnets do not fit into 64 bits.
type Number struct {
	Int int64
	Big string // decimal; instead of Int if not empty
}

// Append appends n in decimal.
func (n Number) Append(dst []byte) []byte {
	if n.Big != "" {
		return append(dst, n.Big...)
	}
	return strconv.AppendInt(dst, n.Int, 10)
}

func (n u128) Number() Number {
	if n.hi == 0 && n.lo < 1<<63 {
		return Number{Int: int64(n.lo)}
	}
	x := new(big.Int).SetUint64(n.hi)
	x.Lsh(x, 64).Or(x, new(big.Int).SetUint64(n.lo))
	return Number{Big: x.String()}
}

// Sample is one value of a statistic, and when it was taken.
type Sample struct {
	Value Number
	At    time.Time
}

// Statistic is a statistic with its samples, newest first.
type Statistic struct {
	Name    string
	Samples []Sample
}

// statRef is a statistic found by its name: a counter, or a total.
type statRef struct {
	name  string
	c     *counter // nil: a total
	total Number
}

// visitor is called for statistics; the name is made only for those it wants.

type visitor func(r statRef)

// lateStats exist in a subnet only once something was counted.
func (st scopeStat) late() bool {
	switch st {
	case scAllocFail, scAllocFailShared, scAllocFailSubnet, scAllocFailNoPools, scAllocFailClasses:
		return true
	}
	return false
}

// beginCounts makes the statistics exist that a subnet has from the start, unless
// it was there before.
func (e *Engine) beginCounts(s *subnet) {
	if s.counts[scAssigned].updated == 0 {
		for st := range s.counts {
			if !scopeStat(st).late() {
				s.counts[st].updated = e.stats.now
			}
		}
	}
	for _, p := range s.allPools() {
		if p.counts[scAssigned].updated == 0 {
			for st := range p.counts {
				p.counts[st].updated = e.stats.now
			}
		}
	}
}

func (e *Engine) globalStats(visit visitor) {
	for i, name := range globalNames(e.version) {
		if name != "" && !e.stats.global[i].removed {
			visit(statRef{name: name, c: &e.stats.global[i]})
		}
	}
}

// totalNames are the totals of address and prefix pools.
func (e *Engine) totalNames() (addresses, prefixes string) {
	if e.version == 4 {
		return "total-addresses", ""
	}
	return "total-nas", "total-pds"
}

// subnetStats visits the statistics of a subnet and its pools.
func (e *Engine) subnetStats(s *subnet, visit visitor) {
	prefix := "subnet[" + strconv.FormatUint(uint64(s.ID), 10) + "]."
	names := scopedNames[e.version]
	for st, name := range names {
		c := &s.counts[st]
		if name == "" || c.removed || scopeStat(st).late() && len(c.ring) == 0 {
			continue
		}
		visit(statRef{name: prefix + name, c: c})
	}
	addresses, prefixes := e.totalNames()
	visit(statRef{name: prefix + addresses, total: total(s.pools)})
	if prefixes != "" {
		visit(statRef{name: prefix + prefixes, total: total(s.pd)})
	}
	e.poolStats(s.pools, prefix+"pool[", addresses, false, visit)
	e.poolStats(s.pd, prefix+"pd-pool[", prefixes, true, visit)
}

// poolStats visits the statistics of pools; pools with one ID share theirs.
func (e *Engine) poolStats(pools []*pool, prefix, totalName string, pd bool, visit visitor) {
	names := scopedNames[e.version]
	for i, p := range pools {
		same := sharing(pools, p)
		if same[0] != pools[i] {
			continue
		}
		prefix := prefix + strconv.FormatUint(uint64(p.ID), 10) + "]."
		for st, name := range names {
			if name != "" && scopeStat(st).pooled(pd) && !p.counts[st].removed {
				visit(statRef{name: prefix + name, c: &p.counts[st]})
			}
		}
		visit(statRef{name: prefix + totalName, total: total(same)})
	}
}

// sharing returns the pools that have p's ID.
func sharing(pools []*pool, p *pool) []*pool {
	var same []*pool
	for _, o := range pools {
		if o.ID == p.ID {
			same = append(same, o)
		}
	}
	return same
}

// total is how many addresses or prefixes pools hold.
func total(pools []*pool) Number {
	var n u128
	for _, p := range pools {
		n = n.add(p.size())
	}
	return n.Number()
}

// findStat returns the statistic of a name.
func (e *Engine) findStat(name string) (found statRef, ok bool) {
	match := func(r statRef) {
		if r.name == name {
			found, ok = r, true
		}
	}
	rest, scoped := strings.CutPrefix(name, "subnet[")
	if !scoped {
		e.globalStats(match)
		return found, ok
	}
	digits, _, _ := strings.Cut(rest, "]")
	id, err := strconv.ParseUint(digits, 10, 32)
	if s := e.subnets[uint32(id)]; err == nil && s != nil {
		e.subnetStats(s, match)
	}
	return found, ok
}

// read copies a statistic out of the engine.
func (e *Engine) read(r statRef) Statistic {
	if r.c == nil {
		return Statistic{r.name, []Sample{{r.total, e.reloaded}}}
	}
	samples := make([]Sample, 0, max(len(r.c.ring), 1))
	r.c.each(e.stats, func(x sample) {
		samples = append(samples, Sample{Number{Int: x.value}, time.UnixMicro(x.at)})
	})
	return Statistic{r.name, samples}
}
