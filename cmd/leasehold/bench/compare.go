package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
)

// sample is one measurement of one server.
type sample struct {
	Row      string   `json:"row"` // "v4 new", "v4 renew", …
	Server   string   `json:"server"`
	Round    int      `json:"round"`
	CPU      float64  `json:"cpu_us,omitempty"` // per exchange, of a pair both together
	Rate     float64  `json:"per_second,omitempty"`
	P50      float64  `json:"p50_ms,omitempty"`
	P99      float64  `json:"p99_ms,omitempty"`
	Seconds  float64  `json:"seconds,omitempty"`
	Resident float64  `json:"resident_mb,omitempty"`
	Load     *figures `json:"load,omitempty"`
}

// report is the JSON form of a comparison.
type report struct {
	Began      time.Time  `json:"began"`
	Processors int        `json:"processors"`
	Options    comparison `json:"options"`
	Samples    []sample   `json:"samples"`
}

// run measures everybody in turn, as often as there are rounds, and prints.
func (c *comparison) run(ctx context.Context, w io.Writer) error {
	if c.Quick {
		c.Rounds, c.Count, c.Leases = 1, min(c.Count, 5000), 0
	}
	if err := bringUp("lo"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "leasehold-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	s := &stage{dir: dir}
	r := report{Began: time.Now(), Processors: runtime.NumCPU(), Options: *c}
	err = c.rounds(ctx, s, &r)
	r.write(w) // what there is, even if it ended early
	return errors.Join(err, c.save(&r))
}

// rounds fills the report.
func (c *comparison) rounds(ctx context.Context, s *stage, r *report) error {
	for round := range c.Rounds {
		for _, v6 := range []bool{false, true} {
			if v6 && c.Quick {
				continue
			}
			half := 0.0
			for _, who := range contenders(v6) {
				samples, err := c.single(ctx, s, who, &half)
				if err != nil {
					return err
				}
				r.add(round, samples)
			}
		}
		if c.Quick {
			continue
		}
		for _, who := range contenders(false) {
			samples, err := c.pair(ctx, s, who)
			if err != nil {
				return err
			}
			r.add(round, samples)
		}
	}
	if c.Leases > 0 {
		for _, v6 := range []bool{false, true} {
			for _, who := range contenders(v6) {
				if who.durability == "flush" {
					continue // the same as synced
				}
				one, err := c.startUp(ctx, s, who)
				if err != nil {
					return err
				}
				r.add(0, []sample{one})
			}
		}
	}
	return nil
}

func (r *report) add(round int, samples []sample) {
	for _, s := range samples {
		s.Round = round
		r.Samples = append(r.Samples, s)
	}
}

func (c *comparison) save(r *report) error {
	if c.JSON == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(c.JSON, append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}

// load loads the node from the stage.
func (n *node) load(ctx context.Context, o Options) (all []*figures, err error) {
	relay, _, _ := cutPrefix(relayAddress(n.v6))
	o.V6, o.Server, o.Local, o.PIDs = n.v6, n.addr.String(), relay, []int{n.cmd.Process.Pid}
	if o.Timeout == 0 {
		o.Timeout = time.Second
	}
	if o.Window == 0 {
		o.Window = 64
	}
	err = o.load(ctx, func(f *figures) error {
		all = append(all, f)
		return nil
	})
	return all, err
}

// single measures one server: new and renewing clients, latencies at half of
// Kea's rate (half is set by Kea, which comes first) and three times too much.
func (c *comparison) single(ctx context.Context, s *stage, who contender, half *float64) ([]sample, error) {
	n, err := s.start(who, 1, "", false)
	if err != nil {
		return nil, err
	}
	defer n.stop()
	if err := n.answers(ctx); err != nil {
		return nil, err
	}
	if _, err := n.load(ctx, Options{Phase: "new", Count: 2000, Window: 16, First: 1 << 20}); err != nil {
		return nil, err
	}
	both, err := n.load(ctx, Options{Phase: "both", Count: c.Count, Window: c.Window, First: 2 << 20})
	if err != nil {
		return nil, err
	}
	family := fmt.Sprintf("v%d ", both[0].Family)
	list := []sample{n.sample(family+"new", both[0]), n.sample(family+"renew", both[1])}
	if c.Quick {
		return list, nil
	}
	if *half == 0 {
		*half = both[0].PerSecond / 2
	}
	calm, err := n.load(ctx, Options{Phase: "new", During: 3 * time.Second, Rate: *half, First: 3 << 20})
	if err != nil {
		return nil, err
	}
	list = append(list, n.sample(family+"half", calm[0]))
	flood, err := n.load(ctx, Options{Phase: "new", During: 3 * time.Second, Rate: 3 * both[0].PerSecond, First: 4 << 20})
	if err != nil {
		return nil, err
	}
	flooded := n.sample(family+"flood", flood[0])
	flooded.Rate = float64(flood[0].Completed) / 3
	return append(list, flooded), nil
}

func (n *node) sample(row string, f *figures) sample {
	v := sample{Row: row, Server: n.name, Rate: f.PerSecond, P50: f.Latency.P50, P99: f.Latency.P99, Load: f}
	for _, us := range f.ServerCPU {
		v.CPU += us
	}
	v.Resident, _ = residentMB(n.cmd.Process.Pid)
	return v
}

// pair measures the primary of a hot-standby pair, and what both spend.
func (c *comparison) pair(ctx context.Context, s *stage, who contender) ([]sample, error) {
	if who.name == "kea" && who.hooks == "" {
		return nil, nil
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "wire"
	s.bridge = &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(s.bridge); err != nil {
		return nil, fmt.Errorf("make a bridge: %w", err)
	}
	defer func() {
		_ = netlink.LinkDel(s.bridge)
		s.bridge = nil
	}()
	if err := bringUp("wire", relayAddress(false)); err != nil {
		return nil, err
	}
	who.threads = true
	var nodes []*node
	for number := 1; number <= 2; number++ {
		n, err := s.start(who, number, hotStandby(who, number), false)
		if err != nil {
			return nil, err
		}
		defer n.stop()
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if err := together(ctx, n); err != nil {
			return nil, err
		}
	}
	first, second := nodes[0], nodes[1]
	if err := first.answers(ctx); err != nil {
		return nil, err
	}
	if _, err := first.load(ctx, Options{Phase: "new", Count: 2000, Window: 16, First: 1 << 20}); err != nil {
		return nil, err
	}
	before, err := cpuOf(second.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	f, err := first.load(ctx, Options{Phase: "new", Count: c.Count / 4, Window: c.Window, First: 2 << 20})
	if err != nil {
		return nil, err
	}
	after, err := cpuOf(second.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	v := first.sample("pair new", f[0])
	v.CPU += float64((after - before).Microseconds()) / float64(max(1, f[0].Completed))
	return []sample{v}, nil
}

// startUp measures the time until a server that has many leases gives one more.
func (c *comparison) startUp(ctx context.Context, s *stage, who contender) (sample, error) {
	if err := os.RemoveAll(filepath.Join(s.dir, "1")); err != nil {
		return sample{}, err
	}
	if err := writeLeases(filepath.Join(s.dir, "1"), who.v6, c.Leases); err != nil {
		return sample{}, err
	}
	began := time.Now()
	n, err := s.start(who, 1, "", true)
	if err != nil {
		return sample{}, err
	}
	defer n.stop()
	if err := n.answers(ctx); err != nil {
		return sample{}, err
	}
	v := sample{Row: "v4 start", Server: who.name, Seconds: time.Since(began).Seconds()}
	if who.v6 {
		v.Row = "v6 start"
	}
	v.Resident, err = residentMB(n.cmd.Process.Pid)
	return v, err
}

// median of what is there.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
