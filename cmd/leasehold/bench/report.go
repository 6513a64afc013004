package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// column is one figure of the table. more says that more of it is better.
type column struct {
	name string
	of   func(*sample) float64
	more bool
}

var columns = []column{
	{name: "CPU µs", of: func(s *sample) float64 { return s.CPU }},
	{name: "per second", of: func(s *sample) float64 { return s.Rate }, more: true},
	{name: "p50 ms", of: func(s *sample) float64 { return s.P50 }},
	{name: "p99 ms", of: func(s *sample) float64 { return s.P99 }},
	{name: "start s", of: func(s *sample) float64 { return s.Seconds }},
	{name: "resident MB", of: func(s *sample) float64 { return s.Resident }},
}

// write prints the medians of each server, and what they are to Kea's.
func (r *report) write(w io.Writer) {
	fmt.Fprintf(w, "medians of %d rounds, %d exchanges each, %d in flight, %d processors; in brackets how many times better than Kea\n",
		r.Options.Rounds, r.Options.Count, r.Options.Window, r.Processors)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	defer t.Flush()
	fmt.Fprint(t, "what\tserver")
	for _, c := range columns {
		fmt.Fprintf(t, "\t%s\t", c.name)
	}
	fmt.Fprintln(t)
	var seen []string
	for _, s := range r.Samples {
		key := s.Row + "\t" + s.Server
		if slices.Contains(seen, key) {
			continue
		}
		seen = append(seen, key)
		fmt.Fprint(t, key)
		for _, c := range columns {
			value, ratio := r.value(s.Row, s.Server, c)
			fmt.Fprintf(t, "\t%s\t%s", value, ratio)
		}
		fmt.Fprintln(t)
	}
}

// value returns the median of a figure, and that of how many times better than
// Kea's it is, round by round.
func (r *report) value(row, server string, c column) (text, ratio string) {
	var own, ratios []float64
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Row != row || s.Server != server || c.of(s) == 0 {
			continue
		}
		own = append(own, c.of(s))
		for k := range r.Samples {
			kea := &r.Samples[k]
			if kea.Row != row || kea.Server != "kea" || kea.Round != s.Round || c.of(kea) == 0 {
				continue
			}
			better := c.of(kea) / c.of(s)
			if c.more {
				better = 1 / better
			}
			ratios = append(ratios, better)
		}
	}
	if len(own) == 0 {
		return "", ""
	}
	m := median(own)
	if text = fmt.Sprintf("%.3g", m); m >= 1000 {
		text = fmt.Sprintf("%.0f", m)
	}
	if server == "kea" || len(ratios) == 0 {
		return text, ""
	}
	return text, fmt.Sprintf("(%.2f)", median(ratios))
}
