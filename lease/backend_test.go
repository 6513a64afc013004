package lease

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Both backends remember the same: random operations, cleanups and restarts,
// and the answers of the store are those of a plain map.
func TestBackendsRememberLikeAModel(t *testing.T) {
	for _, family := range []int{4, 6} {
		dir := t.TempDir()
		run := 0
		kinds := map[string]func(string) (Backend, error){
			"memfile": func(path string) (Backend, error) {
				return OpenMemfile(MemfileOptions{Path: path + ".csv", Family: family})
			},
			"sqlite": func(path string) (Backend, error) { return OpenSQLite(path+".db", family, false) },
		}
		for kind, open := range kinds {
			t.Run(fmt.Sprint(kind, " v", family), func(t *testing.T) {
				rapid.Check(t, func(t *rapid.T) {
					run++
					path := filepath.Join(dir, fmt.Sprint(kind, run))
					b, err := open(path)
					if err != nil {
						t.Fatal(err)
					}
					s, m := NewStore(family, 1), newModel()
					for range rapid.IntRange(0, 60).Draw(t, "steps") {
						var cs []Change
						for range rapid.IntRange(1, 4).Draw(t, "batch") {
							if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
								a := drawAddr(t, family == 6)
								if c, ok := s.Delete(a); ok {
									cs = append(cs, c)
								}
								m.delete(a)
							} else {
								l := drawLease(t, family == 6)
								m.put(l)
								cs = append(cs, s.Put(l))
							}
						}
						if err := b.Append(cs); err != nil {
							t.Fatal(err)
						}
						switch rapid.IntRange(0, 9).Draw(t, "now") {
						case 0:
							if mf, ok := b.(*Memfile); ok {
								if err := mf.Cleanup(context.Background()); err != nil {
									t.Fatal(err)
								}
							}
						case 1:
							if err := b.Close(); err != nil {
								t.Fatal(err)
							}
							if b, err = open(path); err != nil {
								t.Fatal(err)
							}
							s = NewStore(family, 2)
							if err := s.Restore(b); err != nil {
								t.Fatal(err)
							}
						}
					}
					if err := b.Close(); err != nil {
						t.Fatal(err)
					}
					if b, err = open(path); err != nil {
						t.Fatal(err)
					}
					defer b.Close()
					s = NewStore(family, 3)
					if err := b.Load(func(l Lease) error { s.Put(l); return nil }); err != nil {
						t.Fatal(err)
					}
					clear(m.told)
					asks(t, s, m)
				})
			})
		}
	}
}

func TestSQLiteSharesAFileBetweenFamilies(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a?b#c%.db")
	four, err := OpenSQLite(path, 4, true)
	if err != nil {
		t.Fatal(err)
	}
	defer four.Close()
	six, err := OpenSQLite(path, 6, true)
	if err != nil {
		t.Fatal(err)
	}
	defer six.Close()
	s4, s6 := NewStore(4, 1), NewStore(6, 1)
	for i := range 20 {
		if err := four.Append([]Change{s4.Put(Lease{Addr: addr4(i).addr(), HWAddr: "a"})}); err != nil {
			t.Fatal(err)
		}
		if err := six.Append([]Change{s6.Put(Lease{Addr: addr6{1, uint64(i)}.addr(), ClientID: "abc"})}); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []*SQLite{four, six} {
		n := 0
		if err := q.Load(func(Lease) error { n++; return nil }); err != nil || n != 20 {
			t.Errorf("%d leases, %v", n, err)
		}
	}
}

func TestSQLiteRefusesANewerDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	q, err := OpenSQLite(path, 4, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := q.db.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	q.Close()
	if _, err := OpenSQLite(path, 4, false); err == nil || !strings.Contains(err.Error(), "version is 99") {
		t.Errorf("error %v", err)
	}
}

// An append that fails is made up for by the next one that does not.
func TestSQLiteCatchesUp(t *testing.T) {
	q, err := OpenSQLite(filepath.Join(t.TempDir(), "leases.db"), 4, false)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	s := NewStore(4, 1)
	full := func(on int) {
		if _, err := q.db.Exec(fmt.Sprintf("PRAGMA query_only = %d", on)); err != nil {
			t.Fatal(err)
		}
	}
	a := netip.MustParseAddr("192.0.2.1")
	full(1)
	for i := range 3 {
		if err := q.Append([]Change{s.Put(Lease{Addr: a, HWAddr: "a", CLTT: int64(i)})}); err == nil {
			t.Fatal("appended to a database that takes nothing")
		}
	}
	full(0)
	if err := q.Append(nil); err != nil {
		t.Fatal(err)
	}
	n := 0
	q.Load(func(l Lease) error {
		n++
		if l.CLTT != 2 {
			t.Errorf("%+v", l)
		}
		return nil
	})
	if n != 1 {
		t.Errorf("%d leases", n)
	}
}

func TestMemfileIsLocked(t *testing.T) {
	o := MemfileOptions{Path: filepath.Join(t.TempDir(), "leases.csv"), Family: 4}
	m, err := OpenMemfile(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMemfile(o); err == nil || !strings.Contains(err.Error(), ErrLocked.Error()) {
		t.Errorf("second server: %v", err)
	}
	m.Close()
	if m, err = OpenMemfile(o); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
	m.Close()
}

// The database of a running server belongs to it; the other family may have the
// same file, and whoever only reads it.
func TestSQLiteIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	q, err := OpenSQLite(path, 4, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSQLite(path, 4, true); !errors.Is(err, ErrLocked) {
		t.Errorf("second server: %v", err)
	}
	if _, err := Write(OS, path, DB, 4, NewStore(4, 1).Page); !errors.Is(err, ErrLocked) {
		t.Errorf("written over: %v", err)
	}
	if err := ReadDB(path, 6, func(Lease) error { return nil }); err != nil {
		t.Error(err)
	}
	if err := q.Close(); err != nil {
		t.Error(err)
	}
	if q, err = OpenSQLite(path, 4, true); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	q.Close()
}

// A database that was made before changes were counted keeps its leases.
func TestSQLiteOfTheFirstVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	db, err := connect(path, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{sqliteSteps[0], "PRAGMA user_version = 1",
		"INSERT INTO lease4 VALUES (3221225985, x'020000000001', x'', 3600, 7, 1, 0, 0, 'a', 0, '', 0, 1)",
		"INSERT INTO lease6 VALUES (x'20010db8000000000000000000000001', x'', x'0003', 3600, 7, 1, 0, 0, 'b', 0, '', 0, 1, 0, 1800, 0, 5, 128)"} {
		if _, err := db.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for family, want := range map[int]string{4: "192.0.2.1 a", 6: "2001:db8::1 b"} {
		check := func(what string, load func(func(Lease) error) error) {
			t.Helper()
			got := ""
			if err := load(func(l Lease) error { got += l.Addr.String() + " " + l.Hostname; return nil }); err != nil || got != want {
				t.Errorf("%s: %q, %v", what, got, err)
			}
		}
		check("read", func(fn func(Lease) error) error { return ReadDB(path, family, fn) })
		q, err := OpenSQLite(path, family, false)
		if err != nil {
			t.Fatal(err)
		}
		check("loaded", q.Load)
		if rows, err := q.Since(0, 10); err != nil || len(rows) != 0 {
			t.Errorf("%d changes, %v", len(rows), err)
		}
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A database of an older version is brought to ours, whole or not at all.
func TestSQLiteIsMigrated(t *testing.T) {
	defer func(steps []string) { sqliteSteps = steps }(sqliteSteps)
	ours := len(sqliteSteps)
	path := filepath.Join(t.TempDir(), "leases.db")
	open := func() (*SQLite, error) { return OpenSQLite(path, 4, true) }
	version := func(q *SQLite) (n int) {
		t.Helper()
		if err := q.db.QueryRow("PRAGMA user_version").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	q, err := open()
	if err != nil {
		t.Fatal(err)
	}
	l := Lease{Addr: addr4(1).addr(), HWAddr: "a", HWType: 1, Valid: 5, CLTT: 7}
	if err := q.Append([]Change{{Lease: l}}); err != nil {
		t.Fatal(err)
	}
	q.Close()
	for _, tt := range []struct {
		steps []string
		want  int
		fails bool
	}{
		{[]string{"CREATE TABLE more (a)", "no SQL"}, ours, true},
		{nil, ours, false}, // nothing of the first step has stayed
		{[]string{"CREATE TABLE more (a)", "UPDATE lease4 SET cltt = cltt + 1"}, ours + 2, false},
	} {
		sqliteSteps = append(sqliteSteps[:ours:ours], tt.steps...)
		q, err := open()
		if tt.fails {
			if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("from version %d to %d", ours+1, ours+2)) {
				t.Errorf("error %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := version(q); n != tt.want {
			t.Errorf("version %d, want %d", n, tt.want)
		}
		want := l
		want.CLTT += int64(min(len(tt.steps), 1))
		err = q.Load(func(got Lease) error {
			if got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		q.Close()
	}
}
