package engine

import "math"

// crowd is how many queries come at once, averaged over the last 10, 100 and
// 1000 of them: what status-get calls packet-queue-statistics.
type crowd [3]float64

var crowdSpans = [3]float64{10, 100, 1000}

// note counts a batch of inputs, if it is one of queries.
func (c *crowd) note(in []Input) {
	if len(in) == 0 {
		return
	}
	if _, ok := in[0].(*Query); !ok {
		return
	}
	n := float64(len(in))
	for i, span := range crowdSpans {
		c[i] = n + (c[i]-n)*math.Exp(-n/span)
	}
}
