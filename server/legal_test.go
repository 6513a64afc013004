package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
)

func TestLegalLogRotates(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.Local)
	for _, c := range []struct {
		name, unit string
		count      uint32
		at         []time.Time
		want       map[string]string
	}{
		{"by days", "day", 1, []time.Time{noon, noon.Add(11 * time.Hour), noon.Add(12 * time.Hour)},
			map[string]string{"base.20261130.txt": "12:00 e\n23:00 e\n", "base.20261201.txt": "00:00 e\n"}},
		{"by months", "month", 2, []time.Time{noon, noon.AddDate(0, 0, 1), noon.AddDate(0, 0, 40)},
			map[string]string{"base.20261130.txt": "12:00 e\n12:00 e\n", "base.20270109.txt": "12:00 e\n"}},
		{"by seconds", "second", 20, []time.Time{time.Unix(100, 0), time.Unix(119, 0), time.Unix(120, 0)},
			map[string]string{"base.T00000000000000000100.txt": "t e\nt e\n", "base.T00000000000000000120.txt": "t e\n"}},
		{"never", "day", 0, []time.Time{noon, noon.AddDate(1, 0, 0)},
			map[string]string{"base.20261130.txt": "12:00 e\n12:00 e\n"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, said := listening(t)
			l := &config.LegalLog{Path: t.TempDir(), BaseName: "base", Unit: c.unit, Count: c.count, TimeFormat: "%H:%M"}
			if c.unit == "second" {
				l.TimeFormat = "t"
			}
			x := &legalLog{log: log}
			if err := x.open(l, c.at[0]); err != nil {
				t.Fatal(err)
			}
			for _, at := range c.at {
				x.add(engine.Legal{Log: l, At: at.Unix(), Text: "e\n"})
			}
			x.close()
			files, err := os.ReadDir(l.Path)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				text, _ := os.ReadFile(filepath.Join(l.Path, f.Name()))
				if string(text) != c.want[f.Name()] {
					t.Errorf("%s: %q, want %q", f.Name(), text, c.want[f.Name()])
				}
			}
			if len(files) != len(c.want) {
				t.Errorf("%d files, want %d: %s", len(files), len(c.want), said())
			}
		})
	}
}

func TestLegalLogTellsOfRotation(t *testing.T) {
	log, said := listening(t)
	told := filepath.Join(t.TempDir(), "told")
	l := &config.LegalLog{Path: t.TempDir(), BaseName: "base", Unit: "second", Count: 1, TimeFormat: "t",
		Before: script(t, `echo "before $(basename $1)" >> `+told), After: script(t, `echo "after $(basename $1)" >> `+told)}
	x := &legalLog{log: log}
	for _, s := range []int64{1, 2} {
		x.add(engine.Legal{Log: l, At: s, Text: "e"})
	}
	x.close()
	got, _ := os.ReadFile(told)
	if want := "before base.T00000000000000000001.txt\nafter base.T00000000000000000002.txt\n"; string(got) != want {
		t.Errorf("got %q, want %q; log %s", got, want, said())
	}
}

func TestStrftime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for format, want := range map[string]string{
		"%Y-%m-%d %H:%M:%S %Z": "2026-01-02 03:04:05 UTC", "%F %T": "2026-01-02 03:04:05", "%j|%e|%s": "002| 2|1767323045",
		"100%%": "100%", "%": "%", "%q": "%q", "": "",
	} {
		if got := strftime(format, at); got != want {
			t.Errorf("%q: %q, want %q", format, got, want)
		}
	}
}
