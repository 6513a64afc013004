package lease

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// loadFile loads a copy of a lease file.
func loadFile(t *testing.T, family int, files map[string]string) (*Store, LoadReport, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := OpenMemfile(MemfileOptions{Path: filepath.Join(dir, "leases.csv"), Family: family, MaxRowErrors: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := NewStore(family, 1)
	err = s.Restore(m)
	return s, m.Report(), err
}

func content(t *testing.T, name string) string {
	return strings.Join(readLines(t, name), "\n") + "\n"
}

func TestJournalsOfKeaAreRead(t *testing.T) {
	s, r, err := loadFile(t, 4, map[string]string{"leases.csv": content(t, "kea-2.2-journal4.csv")})
	if err != nil || r.Bad != 0 || !r.Upgraded || s.Len() != 5 {
		t.Errorf("v4: %d leases, %+v, %v", s.Len(), r, err)
	}
	l, _ := s.Get(netip.MustParseAddr("192.0.2.113"))
	if l.UserContext != `{ "a": "x,y", "n": 1 }` || l.CLTT != 1795292959 {
		t.Errorf("%+v", l)
	}
	if l, _ := s.Get(netip.MustParseAddr("192.0.2.102")); l.State != Declined || l.Valid != 86400 {
		t.Errorf("%+v", l)
	}
	s, r, err = loadFile(t, 6, map[string]string{"leases.csv": content(t, "kea-2.2-journal6.csv")})
	if err != nil || r.Bad != 0 || s.Len() != 3 {
		t.Errorf("v6: %d leases, %+v, %v", s.Len(), r, err)
	}
	if l, _ := s.Get(netip.MustParseAddr("2001:db8:8000::")); l.Type != PD || l.PrefixLen != 56 || l.Preferred != 480 {
		t.Errorf("%+v", l)
	}
	s, r, err = loadFile(t, 6, map[string]string{"leases.csv": content(t, "kea-2.2-partner6.csv")})
	if err != nil || r.Bad != 0 || s.Len() != 4 {
		t.Errorf("v6 of the partner: %d leases, %+v, %v", s.Len(), r, err)
	}
	if l, _ := s.Get(netip.MustParseAddr("2001:db8:1::100")); l.PrefixLen != 128 {
		t.Errorf("%+v", l)
	}
}

func TestFilesAreReadInKeasOrder(t *testing.T) {
	row := func(host string) string {
		return header(false) + "192.0.2.1,02:00,,600,2000,1,0,0," + host + ",0,,0\n"
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		host  string
	}{
		{"previous, copy, current", map[string]string{"leases.csv.2": row("two"), "leases.csv.1": row("one"), "leases.csv": row("now")}, "now"},
		{"copy after previous", map[string]string{"leases.csv.2": row("two"), "leases.csv.1": row("one"), "leases.csv": header(false)}, "one"},
		{"completed instead of both", map[string]string{"leases.csv.2": row("two"), "leases.csv.1": row("one"), "leases.csv.completed": row("done")}, "done"},
		{"output is not finished", map[string]string{"leases.csv.2": row("two"), "leases.csv.output": row("half")}, "two"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, err := loadFile(t, 4, c.files)
			if l, _ := s.Get(netip.MustParseAddr("192.0.2.1")); err != nil || l.Hostname != c.host {
				t.Errorf("%q %v, want %q", l.Hostname, err, c.host)
			}
		})
	}
}

func TestBadRowsAreTold(t *testing.T) {
	const good = "192.0.2.1,02:00,,600,2000,1,0,0,,0,,0\n"
	for _, c := range []struct {
		name, text string
		leases     int
		lines      []int
		err        string
	}{
		{"garbage in the middle", header(false) + "garbage\n" + good, 1, []int{2}, ""},
		{"blank lines are nothing", header(false) + "\n\n" + good + "\n", 1, nil, ""},
		{"torn last line", header(false) + good + "192.0.2.2,02:00,,60", 1, []int{3}, ""},
		{"last line without newline", header(false) + strings.TrimSuffix(good, "\n"), 1, nil, ""},
		{"too many columns", header(false) + strings.TrimSuffix(good, "\n") + ",\n", 0, []int{2}, ""},
		{"more bad rows than allowed", header(false) + "a\nb\nc\nd\n", 0, []int{2, 3, 4, 5}, "more than 3 bad rows"},
		{"wrong family", header(true), 0, nil, "is a DHCPv6 lease file"},
		{"wrong column", strings.Replace(header(false), "expire", "expires", 1), 0, nil, `column 5 is called "expires"`},
		{"column missing", "address,hwaddr,client_id\n", 0, nil, `column "valid_lifetime" is missing`},
		{"newer schema", strings.TrimSuffix(header(false), "\n") + ",moon\n" + strings.TrimSuffix(good, "\n") + ",full\n", 1, nil, ""},
		{"oldest schema", "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname\n192.0.2.1,02:00,,600,2000,1,0,0,\n", 1, nil, ""},
		{"rows of an upgraded file", "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname\n" + good, 1, nil, ""},
		{"nobody holds it", header(false) + "192.0.2.1,,,600,2000,1,0,0,,0,,0\n", 0, []int{2}, ""},
		{"client identifier of one byte", header(false) + "192.0.2.1,02,01,600,2000,1,0,0,,0,,0\n", 0, []int{2}, ""},
		{"context that is no map", header(false) + "192.0.2.1,02,,600,2000,1,0,0,,0,[ ],0\n", 0, []int{2}, ""},
		{"header torn by a crash", "address,hwad", 0, nil, ""},
		{"a line without end", header(false) + strings.Repeat("x", 3<<20) + "\n" + good, 1, []int{2}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, r, err := loadFile(t, 4, map[string]string{"leases.csv": c.text})
			var lines []int
			for _, e := range r.Errors {
				lines = append(lines, e.Line)
			}
			if s.Len() != c.leases || !slices.Equal(lines, c.lines) {
				t.Errorf("%d leases, bad %v, want %d and %v", s.Len(), r.Errors, c.leases, c.lines)
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestTheOtherFamilysFileIsRefused(t *testing.T) {
	if _, _, err := loadFile(t, 6, map[string]string{"leases.csv": header(false)}); err == nil || !strings.Contains(err.Error(), "is a DHCPv4 lease file") {
		t.Errorf("error %v", err)
	}
}

// A row that a crash tore is cut off before the next one is written; a whole
// row that only lacks its newline gets it.
func TestAppendingToATornTail(t *testing.T) {
	for tail, want := range map[string]int{
		"192.0.2.2,02:00,,60":                   2,
		"192.0.2.2,02:00,,600,2000,1,0,0,,0,,0": 3,
		"\x00\x00\x00":                          2,
	} {
		path := filepath.Join(t.TempDir(), "leases.csv")
		text := header(false) + "192.0.2.1,02:00,,600,2000,1,0,0,,0,,0\n" + tail
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4})
			if err != nil {
				t.Fatal(err)
			}
			s := NewStore(4, 1)
			if err := s.Restore(m); err != nil {
				t.Fatal(err)
			}
			c := s.Put(Lease{Addr: netip.MustParseAddr("192.0.2.3"), HWAddr: "a", HWType: 1, Valid: 1, CLTT: 5})
			if err := m.Append([]Change{c}); err != nil {
				t.Fatal(err)
			}
			if s.Len() != want {
				t.Errorf("%q: %d leases, want %d", tail, s.Len(), want)
			}
			m.Close()
		}
	}
}

// Before the first row goes into a file with other columns, the file is set
// aside; the cleanup then brings all into the new form.
func TestOtherSchemasAreSetAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.csv")
	if err := os.WriteFile(path, []byte(content(t, "kea-2.2-journal4.csv")), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := NewStore(4, 1)
	if err := s.Restore(m); err != nil {
		t.Fatal(err)
	}
	c := s.Put(Lease{Addr: netip.MustParseAddr("192.0.2.3"), HWAddr: "a", HWType: 1, Valid: 1, CLTT: 5, PoolID: 9})
	if err := m.Append([]Change{c}); err != nil {
		t.Fatal(err)
	}
	now, _ := os.ReadFile(path)
	if got, want := string(now), header(false)+"192.0.2.3,61,,1,6,0,0,0,,0,,9\n"; got != want {
		t.Errorf("file is %q, want %q", got, want)
	}
	if err := m.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	clean, _ := os.ReadFile(path + ".2")
	if !strings.HasPrefix(string(clean), header(false)) || strings.Count(string(clean), "\n") != 6 {
		t.Errorf(".2 is %q", clean)
	}
}

func TestCleanupKeepsWhatKeasKeeps(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.csv")
	for _, suffix := range []string{".1", ".2"} {
		if err := os.WriteFile(path+suffix, []byte(content(t, "lfc"+suffix+".csv")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := m.Cleanup(context.Background()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path + ".2")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(content(t, "lfc.result.csv"), "\n", ",0\n")
	want = strings.Replace(want, "user_context,0", "user_context,pool_id", 1)
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	names, _ := filepath.Glob(path + "*")
	if len(names) != 2 { // .2 and .lock
		t.Errorf("left behind: %v", names)
	}
}

func TestReleasedLeaseSurvivesAndItsDeletionToo(t *testing.T) {
	l := Lease{Addr: netip.MustParseAddr("192.0.2.3"), HWAddr: "a", HWType: 1, CLTT: 5, State: Released}
	p := rowParser{schema: schema{min: 12, max: 12}}
	var got Lease
	for _, gone := range []bool{false, true} {
		row := appendRow(nil, &l, gone)
		if g, err := p.parse(row[:len(row)-1], &got); err != nil || g != gone {
			t.Errorf("%s: gone %v %v", row, g, err)
		}
	}
}

func TestRowsHoldEveryLease(t *testing.T) {
	for _, v6 := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			l := drawLease(t, v6)
			names, _ := columns(v6)
			p := rowParser{v6: v6, schema: schema{min: len(names), max: len(names)}}
			row := appendRow(nil, &l, false)
			var got Lease
			if gone, err := p.parse(row[:len(row)-1], &got); err != nil || gone || got != l {
				t.Fatalf("%v %v\n%s\n%+v\n%+v", gone, err, row, l, got)
			}
		})
	}
}

func FuzzCSV(f *testing.F) {
	for name, v6 := range map[string]bool{"kea-2.2-journal4.csv": false, "kea-2.2-journal6.csv": true, "lfc.1.csv": false} {
		for _, line := range readLines(f, name) {
			f.Add(line, v6)
		}
	}
	f.Fuzz(func(t *testing.T, line string, v6 bool) {
		parseHeader([]byte(line), v6)
		names, needed := columns(v6)
		p := rowParser{v6: v6, schema: schema{min: needed, max: len(names)}}
		var l Lease
		gone, err := p.parse([]byte(line), &l)
		wantSlow(t, line, v6, p.schema, l, gone, err)
		if err != nil {
			return
		}
		c := NewStore(family(v6), 0).Put(l)
		row := appendRow(nil, &c.Lease, gone)
		var again Lease
		if g, err := p.parse(row[:len(row)-1], &again); err != nil || g != gone || !gone && again != c.Lease {
			t.Fatalf("%q: %+v was written as %s and read as %+v, %v", line, c.Lease, row, again, err)
		}
	})
}
