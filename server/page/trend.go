package page

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// How often is measured, and how much is kept of it.
const (
	measureEvery = 10 * time.Second
	paceKept     = 90 // a quarter of an hour
	poolEvery    = 6  // measurements: a minute
	poolKept     = 60 // an hour
	poolMost     = 20000
)

// trend is what was measured of traffic and pools, in memory that only the
// configuration can make grow.
type trend struct {
	mu      sync.Mutex // guards the rest
	traffic map[int]*traffic
	pools   map[string]*level
	turn    uint64
}

// traffic is how many queries a second came.
type traffic struct {
	at       time.Time
	received int64
	ring     []float64
}

// level is how many addresses of a pool were free.
type level struct {
	turn uint64 // of the last measurement
	at   []time.Time
	free []float64
}

// outlook is where a pool is going.
type outlook struct {
	Known bool          // it was measured for long enough
	Hour  float64       // addresses that become taken in an hour; negative: become free
	Full  time.Duration // until none is left, at that rate; 0: it is not filling
}

// Watch measures until ctx ends; now and then it is skipped unless wanted says
// that anybody may look.
func (p *Page) Watch(ctx context.Context, wanted func() bool) {
	t := time.NewTicker(measureEvery)
	defer t.Stop()
	for {
		if wanted() {
			p.Measure(ctx)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}

// Measure notes how things stand now.
func (p *Page) Measure(ctx context.Context) {
	p.trend.mu.Lock()
	p.trend.turn++
	p.trend.mu.Unlock()
	for _, f := range p.o.Families() {
		raw, err := p.o.Ask(ctx, f.Version, "leasehold-survey", nil)
		if err != nil {
			continue
		}
		var s survey
		if decode(raw, &s) != nil {
			continue
		}
		s.Version = f.Version
		p.trend.note(p.o.Now(), &s)
	}
}

func (t *trend) note(now time.Time, s *survey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.traffic == nil {
		t.traffic, t.pools = map[int]*traffic{}, map[string]*level{}
	}
	x := t.traffic[s.Version]
	if x == nil {
		x = &traffic{}
		t.traffic[s.Version] = x
	}
	received := s.Received()
	if d := now.Sub(x.at).Seconds(); !x.at.IsZero() && d > 0 && received >= x.received {
		x.ring = append(x.ring, float64(received-x.received)/d)
		x.ring = x.ring[max(0, len(x.ring)-paceKept):]
	}
	x.at, x.received = now, received
	if t.turn%poolEvery != 1 {
		return
	}
	for i := range s.Subnets {
		for _, p := range s.Subnets[i].Pools {
			t.notePool(now, key(s.Version, s.Subnets[i].ID, p), p.Free)
		}
	}
	for k, l := range t.pools {
		if t.turn-l.turn > 2*poolEvery {
			delete(t.pools, k)
		}
	}
}

func (t *trend) notePool(now time.Time, key string, free float64) {
	l := t.pools[key]
	if l == nil {
		if len(t.pools) >= poolMost {
			return
		}
		l = &level{}
		t.pools[key] = l
	}
	l.turn = t.turn
	l.at, l.free = append(l.at, now), append(l.free, free)
	if n := len(l.at) - poolKept; n > 0 {
		l.at, l.free = append(l.at[:0], l.at[n:]...), append(l.free[:0], l.free[n:]...)
	}
}

// key names a pool; one that was changed has another name.
func key(version int, subnet uint32, p pool) string {
	return fmt.Sprintf("%d %d %s-%s/%d", version, subnet, p.First, p.Last, p.Length)
}

// leastMeasured is how long a pool must have been watched.
const leastMeasured = 2 * time.Minute

func (t *trend) outlook(version int, subnet uint32, p pool) outlook {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.pools[key(version, subnet, p)]
	if l == nil || len(l.at) < 2 {
		return outlook{}
	}
	rate, over := slope(l.at, l.free)
	if over < leastMeasured {
		return outlook{}
	}
	o := outlook{Known: true, Hour: -rate * 3600}
	if o.Hour > 0 && p.Free > 0 {
		// Longer than a century is not filling.
		if s := p.Free / -rate; s < 100*365*86400 {
			o.Full = time.Duration(s) * time.Second
		}
	}
	return o
}

// slope fits a line through measurements: its rise per second, and over which
// time they were made.
func slope(at []time.Time, values []float64) (rate float64, over time.Duration) {
	n := float64(len(at))
	over = at[len(at)-1].Sub(at[0])
	var sx, sy, sxx, sxy float64
	for i, v := range values {
		x, y := at[i].Sub(at[0]).Seconds(), v-values[0]
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	d := n*sxx - sx*sx
	if d <= 0 {
		return 0, 0
	}
	return (n*sxy - sx*sy) / d, over
}

func (t *trend) paces(version int) []float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x := t.traffic[version]; x != nil {
		return append([]float64(nil), x.ring...)
	}
	return nil
}

func (t *trend) pace(version int) float64 {
	list := t.paces(version)
	if len(list) == 0 {
		return -1
	}
	list = list[max(0, len(list)-6):]
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum / float64(len(list))
}
