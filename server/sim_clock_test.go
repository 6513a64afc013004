package server

import (
	"container/heap"
	"testing"
	"time"
	"unsafe"
)

// simTime is what has passed since the simulation began.
type simTime = time.Duration

// simClock is how a node sees the time: its crystal runs a little fast or slow,
// and its wall clock is set by somebody.
type simClock struct {
	rate float64
	wall time.Duration // how far the wall clock was set
}

var simBegin = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

func (c *simClock) mono(at simTime) time.Duration { return time.Duration(float64(at) * c.rate) }

// now is a time as time.Now makes it: a wall clock that may jump and a monotonic
// one that does not.
func (c *simClock) now(at simTime) time.Time {
	m := c.mono(at)
	return withMonotonic(simBegin.Add(m+c.wall), int64(m)+1)
}

// delay is how long the node's timer for t takes.
func (c *simClock) delay(at simTime, t time.Time) time.Duration {
	d := time.Duration(float64(t.Sub(c.now(at))) / c.rate)
	return max(d+1, 0)
}

// withMonotonic joins a wall clock and a reading of the monotonic clock. No
// function of package time does that for two that are invented.
func withMonotonic(wall time.Time, mono int64) time.Time {
	const until1885 = 1884*365 + 1884/4 - 1884/100 + 1884/400
	const until1970 = 1969*365 + 1969/4 - 1969/100 + 1969/400
	sec := uint64(wall.Unix() + (until1970-until1885)*86400)
	t := struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}{1<<63 | sec<<30 | uint64(wall.Nanosecond()), mono, nil}
	return *(*time.Time)(unsafe.Pointer(&t))
}

func TestInventedTimesHaveTwoClocks(t *testing.T) {
	c := simClock{rate: 1}
	a := c.now(time.Minute)
	c.wall = -time.Hour
	b := c.now(2 * time.Minute)
	if got := b.Sub(a); got != time.Minute {
		t.Errorf("%v passed, want a minute", got)
	}
	if got := b.Round(0).Sub(a.Round(0)); got != time.Minute-time.Hour {
		t.Errorf("wall clocks are %v apart", got)
	}
	if !a.Round(0).Equal(simBegin.Add(time.Minute)) {
		t.Errorf("wall clock shows %v", a.Round(0))
	}
}

// agenda is what is to happen, in the order of time and then of entry.
type agenda struct {
	list []appointment
	n    uint64
}

type appointment struct {
	at simTime
	n  uint64
	do func()
}

func (a *agenda) Len() int { return len(a.list) }
func (a *agenda) Less(i, j int) bool {
	x, y := &a.list[i], &a.list[j]
	return x.at < y.at || x.at == y.at && x.n < y.n
}
func (a *agenda) Swap(i, j int) { a.list[i], a.list[j] = a.list[j], a.list[i] }
func (a *agenda) Push(x any)    { a.list = append(a.list, x.(appointment)) }
func (a *agenda) Pop() any {
	n := len(a.list) - 1
	x := a.list[n]
	a.list[n] = appointment{}
	a.list = a.list[:n]
	return x
}

func (a *agenda) add(at simTime, do func()) {
	a.n++
	heap.Push(a, appointment{at, a.n, do})
}
