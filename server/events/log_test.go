package events

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/ha"
	"leasehold/lease"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openLog(t testing.TB, dir string, keep int) *Log {
	t.Helper()
	l, err := Open(Options{Dir: dir, Name: "test", Keep: keep, Now: func() time.Time { return noon }, Fail: func(err error) { t.Error(err) }})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// stored is the draft of a lease with a hostname that wants to be more than text.
func stored(n byte) Draft {
	return Draft{Type: LeaseStored, Family: 4, Time: noon, Lease: &lease.Change{Seq: uint64(n), Lease: lease.Lease{
		Addr: netip.AddrFrom4([4]byte{192, 0, 2, n}), Hostname: "<script>\n\"", SubnetID: 1, Valid: 600, CLTT: noon.Unix()}}}
}

func all(l *Log, c Cursor) (list []Event, lost bool) {
	list, lost, _ = l.After(nil, c, 1<<20)
	return list, lost
}

func TestEveryEventIsOneLineOfJSON(t *testing.T) {
	l := openLog(t, "", 100)
	l.Append([]Draft{stored(1), {Type: HAState, Family: 6, Time: noon, Server: "a\n", Partner: "b\"\xff",
		Move: &ha.Transition{From: ha.Waiting, To: ha.PartnerDown, Why: "line\nend"}}})
	list, _ := all(l, Cursor{})
	for _, e := range list {
		var v map[string]any
		if err := json.Unmarshal(e.Body, &v); err != nil || strings.ContainsAny(string(e.Body), "\n\r") {
			t.Errorf("%v: %s", err, e.Body)
		}
		if v["id"] != e.Cursor.String() || v["type"] != e.Type {
			t.Errorf("%s does not name itself", e.Body)
		}
	}
	if len(list) != 3 || list[0].Type != Start {
		t.Fatalf("%d events, first %v", len(list), list[0].Type)
	}
}

// A reader goes on where it was, also after a restart; what was not finished is
// cut off, and the start says that something may be missing.
func TestARestartIsNoBreak(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, 100)
	l.Append([]Draft{stored(1), stored(2)})
	at := l.Last()
	l.Append([]Draft{stored(3)})
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, 100)
	list, lost := all(l, at)
	if lost || len(list) != 2 || list[0].Type != LeaseStored || !strings.HasSuffix(string(list[1].Body), `"complete":true}`) {
		t.Fatalf("lost %v, %d events: %s", lost, len(list), list[len(list)-1].Body)
	}
	at = l.Last()
	// The process ends without Close, in the midst of a line.
	path := filepath.Join(dir, "test"+journalSuffix)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, `{"id":"1`...), 0o600); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, dir, 100)
	defer l.Close()
	list, lost = all(l, at)
	if lost || len(list) != 1 || !strings.HasSuffix(string(list[0].Body), `"complete":false}`) {
		t.Fatalf("lost %v, %d events", lost, len(list))
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	l := openLog(t, dir, 10)
	first := l.Last()
	for n := range 45 {
		l.Append([]Draft{stored(byte(n))})
	}
	list, lost := all(l, first)
	if !lost || len(list) != 10 || list[9].Cursor != l.Last() {
		t.Errorf("lost %v, %d events", lost, len(list))
	}
	if _, lost := all(l, Cursor{l.Last().Epoch + 1, l.Last().Seq}); !lost {
		t.Error("another history counts as ours")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"test" + journalSuffix, "test" + journalSuffix + olderSuffix} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), "\n"); n > 11 {
			t.Errorf("%s has %d lines", name, n)
		}
	}
	l = openLog(t, dir, 10)
	defer l.Close()
	if again, _ := all(l, Cursor{}); len(again) != 10 || again[9].Type != Start {
		t.Errorf("%d events after the restart", len(again))
	}
}

// FuzzJournal: no file keeps the log from opening or makes a gap in its order.
func FuzzJournal(f *testing.F) {
	f.Add([]byte("{\"id\":\"1.2\",\"type\":\"start\"}\n{\"closed\":true}\n"))
	f.Add([]byte("{\"id\":\"1.2\",\"type\":\"start\"}\n{\"id\":\"9.4\",\"type\":\"start\"}\n{\"id\":"))
	f.Add([]byte("\x00\n\n{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "test"+journalSuffix), text, 0o600); err != nil {
			t.Fatal(err)
		}
		l := openLog(t, dir, 10)
		defer l.Close()
		list, _ := all(l, Cursor{})
		for i := 1; i < len(list); i++ {
			if a, b := list[i-1].Cursor, list[i].Cursor; a.Epoch != b.Epoch || a.Seq+1 != b.Seq {
				t.Fatalf("%v follows %v", b, a)
			}
		}
	})
}

// FuzzCursor: what is read is written the same way.
func FuzzCursor(f *testing.F) {
	f.Add("1.2")
	f.Add("18446744073709551615.0")
	f.Add("+1.2")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCursor(s)
		if err != nil {
			return
		}
		if again, err := ParseCursor(c.String()); err != nil || again != c {
			t.Fatalf("%q: %v %v", s, again, err)
		}
	})
}
