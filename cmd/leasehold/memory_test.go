package main

import "testing"

func TestCollectorPercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0:         mostPercent,
		1 << 20:   mostPercent,
		16 << 20:  300,
		96 << 20:  50,
		170 << 20: 28,
		2 << 30:   leastPercent,
	} {
		if got := collectorPercent(live); got != want {
			t.Errorf("%d bytes live: %d %%, want %d", live, got, want)
		}
	}
}
