package bench

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// figures are the results of one run; the exported fields are its JSON form.
type figures struct {
	Family    int     `json:"family"`
	Phase     string  `json:"phase"`  // new: four messages; renew: two
	Path      string  `json:"path"`   // relayed, direct
	Window    int     `json:"window"` // closed loop
	Rate      float64 `json:"rate"`   // open loop: started per second
	Seconds   float64 `json:"seconds"`
	Started   int64   `json:"started"`
	Completed int64   `json:"completed"`
	PerSecond float64 `json:"per_second"` // completed

	DroppedFirst int64   `json:"dropped_first"` // DISCOVER, SOLICIT unanswered
	DroppedLast  int64   `json:"dropped_last"`  // REQUEST, RENEW unanswered
	NotStarted   int64   `json:"not_started"`   // open loop: too many in flight
	DropPercent  float64 `json:"drop_percent"`
	Refused      int64   `json:"refused"`    // NAK, no address
	Unexpected   int64   `json:"unexpected"` // late or duplicate
	Bad          int64   `json:"bad"`        // no DHCP response
	SendErrors   int64   `json:"send_errors"`

	Latency      percentiles `json:"latency_ms"`       // whole exchange
	LatencyFirst percentiles `json:"latency_first_ms"` // DISCOVER to OFFER, SOLICIT to ADVERTISE
	LatencyLast  percentiles `json:"latency_last_ms"`  // REQUEST to ACK, RENEW to REPLY

	ServerCPU    map[string]float64 `json:"server_cpu_us,omitempty"` // per completed exchange, by process id
	GeneratorCPU float64            `json:"generator_cpu_us"`

	first, last, whole durations
	lastDone           time.Duration
}

type percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// durations are kept in microseconds: four bytes each, so that a long run fits.
type durations []uint32

func (d *durations) add(v time.Duration) { *d = append(*d, uint32(v.Microseconds())) }

// percentiles sorts d.
func (d durations) percentiles() percentiles {
	if len(d) == 0 {
		return percentiles{}
	}
	slices.Sort(d)
	at := func(q float64) float64 { return float64(d[min(int(q*float64(len(d))), len(d)-1)]) / 1000 }
	return percentiles{at(.5), at(.9), at(.99), at(1)}
}

// finish computes what follows from the counts.
func (f *figures) finish(elapsed time.Duration) {
	f.Seconds = elapsed.Seconds()
	if elapsed > 0 {
		f.PerSecond = float64(f.Completed) / f.Seconds
	}
	if due := f.Started + f.NotStarted; due > 0 {
		f.DropPercent = 100 * float64(f.DroppedFirst+f.DroppedLast+f.NotStarted) / float64(due)
	}
	f.Latency, f.LatencyFirst, f.LatencyLast = f.whole.percentiles(), f.first.percentiles(), f.last.percentiles()
}

// write prints the figures for a reader.
func (f *figures) write(w io.Writer) {
	load := fmt.Sprintf("%d in flight", f.Window)
	if f.Rate > 0 {
		load = fmt.Sprintf("%.0f started per second", f.Rate)
	}
	fmt.Fprintf(w, "DHCPv%d, %s clients, %s, %s\n", f.Family, f.Phase, f.Path, load)
	fmt.Fprintf(w, "  completed   %d of %d in %.2f s: %.0f per second\n", f.Completed, f.Started, f.Seconds, f.PerSecond)
	fmt.Fprintf(w, "  dropped     %.2f %% (first message %d, last %d, not started %d), refused %d, unexpected %d, bad %d, send errors %d\n",
		f.DropPercent, f.DroppedFirst, f.DroppedLast, f.NotStarted, f.Refused, f.Unexpected, f.Bad, f.SendErrors)
	for _, l := range []struct {
		name string
		p    percentiles
	}{{"exchange", f.Latency}, {"first", f.LatencyFirst}, {"last", f.LatencyLast}} {
		if l.p != (percentiles{}) {
			fmt.Fprintf(w, "  %-8s ms p50 %.3f  p90 %.3f  p99 %.3f  max %.3f\n", l.name, l.p.P50, l.p.P90, l.p.P99, l.p.Max)
		}
	}
	for pid, us := range f.ServerCPU {
		fmt.Fprintf(w, "  server CPU  %.1f µs per exchange (process %s)\n", us, pid)
	}
	fmt.Fprintf(w, "  own CPU     %.1f µs per exchange\n", f.GeneratorCPU)
}
