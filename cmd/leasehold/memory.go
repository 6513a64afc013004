package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Leases lie in few large pieces without pointers, so that collecting a large
// heap costs little: there it is done often, and memory stays near what the
// leases need. A small heap may carry as much garbage as is no harm anywhere.
const (
	harmlessGarbage = 48 << 20
	leastPercent    = 25
	mostPercent     = 1000
)

// paceCollector keeps the collector's percentage fit for the size of the heap
// until ctx ends. GOGC in the environment is left alone.
func paceCollector(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	every := time.NewTicker(5 * time.Second)
	defer every.Stop()
	for set := 0; ; {
		metrics.Read(live)
		percent := collectorPercent(live[0].Value.Uint64())
		if percent != set {
			debug.SetGCPercent(percent)
			set = percent
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

func collectorPercent(live uint64) int {
	percent := harmlessGarbage * 100 / max(live, 1)
	return int(min(max(percent, leastPercent), mostPercent))
}
