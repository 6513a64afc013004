package server

import (
	"net/netip"
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
