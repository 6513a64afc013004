package server

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
	"leasehold/lease/faultfs"
	"leasehold/server/engine"
)

// remembering is a lease file with a memory beside it, as one run sees them.
type remembering struct {
	store  *lease.Store
	file   *lease.Memfile
	memory *memory
}

func rememberingRun(t *testing.T, fs *faultfs.FS, server string, now time.Time) *remembering {
	t.Helper()
	file, err := lease.OpenMemfile(lease.MemfileOptions{Path: simFile, Family: 4, Sync: true, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	r := &remembering{store: lease.NewStore(4, uint64(now.UnixNano())), file: file}
	if err := r.store.Restore(file); err != nil {
		t.Fatal(err)
	}
	if err := file.Append(nil); err != nil {
		t.Fatal(err)
	}
	f := &config.Family{Version: 4, Relationships: []*config.Relationship{{ThisServer: server}}}
	r.memory = openMemory(fs, simFile, file, r.store, f, now)
	return r
}

// give stores leases, the last byte of whose addresses is given.
func (r *remembering) give(t *testing.T, now time.Time, last ...byte) {
	t.Helper()
	for _, b := range last {
		l := lease.Lease{Addr: netip.AddrFrom4([4]byte{192, 0, 2, b}), SubnetID: 1, Valid: 3600, CLTT: now.Unix(), HWType: 1, HWAddr: string([]byte{2, 0, 0, 0, 0, b})}
		c := r.store.Put(l)
		if err := r.file.Append([]lease.Change{c}); err != nil {
			t.Fatal(err)
		}
		r.memory.appended(c.Seq, now)
	}
}

func (r *remembering) end(t *testing.T) {
	t.Helper()
	if err := r.file.Close(); err != nil {
		t.Fatal(err)
	}
}

// What the partner is not known to have is owed after a restart, and nothing else.
func TestMemoryOwesWhatWasNotSent(t *testing.T) {
	now := time.Unix(1795305600, 0)
	point := engine.Remembered{Partner: "b", Point: ha.Point{Epoch: 7, Seq: 70}}
	for _, tt := range []struct {
		name    string
		then    func(*remembering, *faultfs.FS)
		server  string
		owed    int // changes; -1: everything
		nothing bool
	}{
		{name: "all is sent", owed: 0},
		{name: "two more leases", owed: 2, then: func(r *remembering, _ *faultfs.FS) { r.give(t, now, 9, 10) }},
		{name: "the file was set aside", owed: -1, nothing: true, then: func(r *remembering, _ *faultfs.FS) {
			if err := r.file.Cleanup(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "another lease file", owed: -1, nothing: true, then: func(r *remembering, fs *faultfs.FS) {
			b, _ := fs.Read(simFile)
			b[len(b)-2]++
			fs.Write(simFile, b)
		}},
		{name: "no memory any more", owed: -1, nothing: true, then: func(_ *remembering, fs *faultfs.FS) { _ = fs.Remove(memoryPath(simFile)) }},
		{name: "half a memory", owed: -1, nothing: true, then: func(_ *remembering, fs *faultfs.FS) {
			b, _ := fs.Read(memoryPath(simFile))
			fs.Write(memoryPath(simFile), b[:len(b)/2])
		}},
		{name: "the memory of another server", server: "c", owed: -1, nothing: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fs := faultfs.New()
			one := rememberingRun(t, fs, "a", now)
			at := now
			for b := byte(1); b < 6; b++ {
				at = at.Add(time.Second)
				one.give(t, at, b)
			}
			seq := one.store.Seq()
			m := &engine.Memory{Points: []engine.Remembered{point}, Seq: seq, Sent: seq, Known: seq - 2}
			if err := one.memory.write(m); err != nil {
				t.Fatal(err)
			}
			if tt.then != nil {
				tt.then(one, fs)
			}
			one.end(t)
			server := tt.server
			if server == "" {
				server = "a"
			}
			two := rememberingRun(t, fs, server, now.Add(time.Hour))
			defer two.end(t)
			r := two.memory.resumed
			if tt.nothing {
				if r != nil || two.store.Epoch() == one.store.Epoch() {
					t.Fatalf("remembers %+v", r)
				}
				return
			}
			if r == nil || len(r.Points) != 1 || r.Points[0] != point {
				t.Fatalf("remembers %+v", r)
			}
			if two.store.Epoch() != one.store.Epoch() || two.store.Seq() <= seq {
				t.Errorf("change stream %d at %d does not continue %d at %d", two.store.Epoch(), two.store.Seq(), one.store.Epoch(), seq)
			}
			if got := int(two.store.Seq() - r.Owed + 1); got != tt.owed {
				t.Errorf("owes %d changes, not %d", got, tt.owed)
			}
			// A partner that was told of two changes less reads on from there.
			changes, ok := two.store.Changes(nil, seq-2, 100)
			if !ok || len(changes) != tt.owed+2 {
				t.Errorf("%t: %d changes since the partner knew all", ok, len(changes))
			}
			if _, ok := two.store.Changes(nil, seq-3, 100); ok {
				t.Error("changes that are not retained are not told of")
			}
		})
	}
}

// A database has its memory in itself: what the partner is not known to have is
// owed after a restart, deletions included, as long as they are remembered.
func TestDatabaseOwesWhatWasNotSent(t *testing.T) {
	now := time.Unix(1795305600, 0)
	for _, family := range []int{4, 6} {
		path := filepath.Join(t.TempDir(), "leases.db")
		f := &config.Family{Version: family, Relationships: []*config.Relationship{{ThisServer: "a"}}}
		run := func(now time.Time) (*lease.Store, *lease.SQLite, *memory) {
			t.Helper()
			b, err := lease.OpenSQLite(path, family, true)
			if err != nil {
				t.Fatal(err)
			}
			store := lease.NewStore(family, uint64(now.UnixNano()))
			if err := store.Restore(b); err != nil {
				t.Fatal(err)
			}
			return store, b, openMemory(lease.OS, path, b, store, f, now)
		}
		addr := func(i byte) netip.Addr {
			if family == 6 {
				return netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: i})
			}
			return netip.AddrFrom4([4]byte{192, 0, 2, i})
		}
		store, b, y := run(now)
		write := func(c lease.Change) {
			t.Helper()
			if err := b.Append([]lease.Change{c}); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
			y.appended(c.Seq, now)
		}
		for i := range byte(5) {
			write(store.Put(lease.Lease{Addr: addr(i + 1), SubnetID: 1, Valid: 3600, CLTT: now.Unix(), ClientID: "abc" + string(i)}))
		}
		known := store.Seq()
		write(store.Put(lease.Lease{Addr: addr(9), SubnetID: 1, Valid: 3600, CLTT: now.Unix(), ClientID: "xyz"}))
		sent := store.Seq()
		point := engine.Remembered{Partner: "b", Point: ha.Point{Epoch: 7, Seq: 70}}
		if err := y.write(&engine.Memory{Points: []engine.Remembered{point}, Seq: sent, Sent: sent, Known: known}); err != nil {
			t.Fatal(err)
		}
		gone, _ := store.Delete(addr(2))
		write(gone)
		write(store.Put(lease.Lease{Addr: addr(3), SubnetID: 1, Valid: 7200, CLTT: now.Unix(), ClientID: "abc\x02"}))
		epoch, end := store.Epoch(), store.Seq()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}

		store, b, y = run(now.Add(time.Hour))
		r := y.resumed
		if r == nil || len(r.Points) != 1 || r.Points[0] != point || store.Epoch() != epoch || store.Seq() <= end {
			t.Fatalf("v%d remembers %+v, its change stream is %d at %d", family, r, store.Epoch(), store.Seq())
		}
		var told []string
		changes, ok := store.Changes(nil, known, 100)
		for i := range changes {
			told = append(told, fmt.Sprintf("%v %t %t", changes[i].Lease.Addr, changes[i].Delete, changes[i].Seq >= r.Owed))
		}
		want := fmt.Sprintf("%v false false, %v true true, %v false true", addr(9), addr(2), addr(3))
		if got := strings.Join(told, ", "); !ok || got != want {
			t.Errorf("v%d: changes since the partner knew all, and whether they are owed: %s\nwant %s", family, got, want)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A pair that a running server learns of has a memory at once, and so it has when
// the leases move to another database.
func TestMemoryFollowsTheConfiguration(t *testing.T) {
	s, _ := fromFile(t, nil)
	dir := s.o.DataDir
	text := strings.Replace(allHooks, `"subnet4": [`, `"lease-database": { "type": "memfile", "name": "one.csv" }, "subnet4": [`, 1)
	text = strings.Replace(text, `"lease-database": { "type": "memfile", "persist": false },`, "", 1)
	paired := strings.Replace(text, `"hooks-libraries": [`, `"hooks-libraries": [ { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
		"this-server-name": "a", "mode": "hot-standby", "heartbeat-delay": 100000, "peers": [
		{ "name": "a", "url": "http://127.0.0.1:0/", "role": "primary" }, { "name": "b", "url": "http://127.0.0.1:0/", "role": "standby" } ] } ] } },`, 1)
	remembers := func(db string) bool {
		t.Helper()
		// As at the end of the process, when the database is still there.
		k := s.v4.memory
		fx := engine.Effects{}
		s.v4.engine.Step(s.v4.now(), []engine.Input{engine.TakeMemory{}}, &fx)
		k.write(fx.Memory)
		y := k.memory.Load()
		size, _ := y.leases.Size()
		x, err := y.read(size)
		if err != nil {
			t.Logf("%s: %v", db, err)
			return false
		}
		store := s.v4.memory
		return x.Server == "a" && x.Epoch == store.epoch && x.Base == store.base
	}
	set := func(text string) {
		t.Helper()
		contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+text+`}`), `"result": 0`)
	}
	set(text)
	if remembers("without a pair") {
		t.Error("something is remembered of a pair that there is not")
	}
	set(paired)
	for _, db := range []string{`"memfile", "name": "one.csv"`, `"memfile", "name": "two.csv"`, `"sqlite", "name": "three.db"`, `"memfile", "name": "one.csv"`} {
		set(strings.Replace(paired, `"memfile", "name": "one.csv"`, db, 1))
		if !remembers(db) {
			t.Errorf("%s: nothing is remembered", db)
		}
	}
	if _, err := lease.OS.Open(filepath.Join(dir, "two.csv.pair")); err != nil {
		t.Error(err)
	}
}

// Addresses given twice stay known when the process ends, and when the leases
// move to another database.
func TestReportsSurvive(t *testing.T) {
	s, _ := fromFile(t, nil)
	k := s.v4.memory
	list := []engine.Report{{This: "a", Partner: "b", Total: 3, Conflicts: []ha.Conflict{
		{Addr: netip.MustParseAddr("192.0.2.1"), At: time.Unix(1795305600, 0).UTC(), Kept: true, Why: "given later",
			Ours: ha.Claim{HWAddr: "02:00:00:00:00:01"}, Theirs: ha.Claim{ClientID: "01:02"}}}}}
	dir := s.o.DataDir
	for _, db := range []string{"one.csv", "two.csv"} {
		text := strings.Replace(allHooks, `"type": "memfile", "persist": false`, `"type": "memfile", "name": "`+db+`"`, 1)
		contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+text+`}`), `"result": 0`)
		if db == "one.csv" {
			k.report(list)
		}
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s.v4 = nil // is closed
	got, err := readReports(lease.OS, filepath.Join(dir, "two.csv"))
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", list) {
		t.Errorf("%v: %+v", err, got)
	}
	if got, err := readReports(lease.OS, filepath.Join(dir, "none.csv")); err != nil || got != nil {
		t.Errorf("without a file: %v, %+v", err, got)
	}
}
