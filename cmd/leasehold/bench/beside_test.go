package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/config"
)

// The table shows medians, and how many times better than Kea's each figure is,
// whether more or less of it is better.
func TestReport(t *testing.T) {
	r := report{Options: comparison{Rounds: 3, Count: 10, Window: 4}, Processors: 2}
	for round, us := range []float64{100, 90, 200} {
		r.add(round, []sample{
			{Row: "v4 new", Server: "kea", CPU: us, Rate: 1000},
			{Row: "v4 new", Server: "flush", CPU: us / 10, Rate: 5000},
		})
	}
	r.add(0, []sample{{Row: "v4 start", Server: "flush", Seconds: 2}})
	var w strings.Builder
	r.write(&w)
	t.Log(w.String())
	var rows [][]string
	for line := range strings.Lines(w.String()) {
		rows = append(rows, strings.Fields(line))
	}
	for i, want := range []string{"v4 new kea 100 1000", "v4 new flush 10 (10.00) 5000 (5.00)", "v4 start flush 2"} {
		if got := strings.Join(rows[i+2], " "); got != want {
			t.Errorf("row %d: %q, want %q", i, got, want)
		}
	}
}

// The configurations of the comparison are ones that we read, for every server
// and role.
func TestComparedConfigurations(t *testing.T) {
	for _, c := range []contender{{name: "flush", durability: "flush"}, {name: "synced", v6: true, durability: "sync"}, {name: "kea", threads: true}} {
		for _, hooks := range []string{"", hotStandby(c, 2)} {
			if c.v6 && hooks != "" {
				continue
			}
			if _, err := config.Parse(c.name, []byte(c.configuration("/tmp", hooks))); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	}
}

func TestStateOfPair(t *testing.T) {
	const state = `{"arguments": {"high-availability": [{"ha-servers": {"local": {"state": "hot-standby"}}}]}, "result": 0}`
	for answer, want := range map[string]string{state: "hot-standby", "[ " + state + " ]\n": "hot-standby", `[{"result": 1}]`: "", "": ""} {
		if got := haState([]byte(answer)); got != want {
			t.Errorf("%s: %q, want %q", answer, got, want)
		}
	}
}

func TestLeaseFileOfStart(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		dir := t.TempDir()
		if err := writeLeases(dir, v6, 70_000); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, "leases"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) != 70_001 || strings.Count(lines[0], ",") != strings.Count(lines[70_000], ",") {
			t.Errorf("v6 %v: %d lines, the last %q", v6, len(lines), lines[len(lines)-1])
		}
	}
}
