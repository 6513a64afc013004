package lease

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

func TestMemfileRemembers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kea-leases4.csv")
	m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4, Sync: true})
	if err != nil {
		t.Fatal(err)
	}
	s := NewStore(4, 1)
	if err := s.Restore(m); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		c := s.Put(Lease{
			Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), HWType: 1, SubnetID: 1, Valid: 600, CLTT: 1000,
			HWAddr: "\x02\x00\x00\x00\x00" + string(rune(i)), ClientID: "\x01abc", Hostname: fmt.Sprintf("h%d.example", i),
		})
		if err := m.Append([]Change{c}); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			c, _ := s.Delete(c.Lease.Addr)
			if err := m.Append([]Change{c}); err != nil {
				t.Fatal(err)
			}
		}
		if i == 50 {
			if err := m.Cleanup(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m, err = OpenMemfile(MemfileOptions{Path: path, Family: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	again := NewStore(4, 2)
	if err := again.Restore(m); err != nil {
		t.Fatal(err)
	}
	if s.Len() != 90 || again.Len() != s.Len() {
		b, _ := os.ReadFile(path)
		t.Fatalf("%d leases, were %d\n%s", again.Len(), s.Len(), b)
	}
	a, b := s.Page(nil, netip.Addr{}, 1000), again.Page(nil, netip.Addr{}, 1000)
	for i := range a {
		if a[i] != b[i] {
			t.Errorf("%v became %v", a[i], b[i])
		}
	}
	if got := again.ByClientID(nil, []byte("\x01abc")); len(got) != 90 {
		t.Errorf("%d leases by client identifier", len(got))
	}
}

func TestSinceReadsTheRowsAfterAPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kea-leases4.csv")
	start := func() (*Memfile, *Store) {
		m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4, Sync: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { m.Close() })
		s := NewStore(4, 1)
		if err := s.Restore(m); err != nil {
			t.Fatal(err)
		}
		return m, s
	}
	m, s := start()
	var want []Lease
	var size int64
	for i := range byte(20) {
		l := Lease{
			Addr: netip.AddrFrom4([4]byte{192, 0, 2, i}), HWType: 1, SubnetID: 1, Valid: 600, CLTT: 1000,
			HWAddr: "\x02\x00\x00\x00\x00" + string([]byte{i}), Hostname: fmt.Sprintf("h%d.example", i),
		}
		if i%2 == 0 { // so that a row leaves something of the one before
			l.ClientID = "\x01" + l.HWAddr
		}
		if err := m.Append([]Change{s.Put(l)}); err != nil {
			t.Fatal(err)
		}
		if i == 4 {
			size, _ = m.Size()
		}
		if i > 4 {
			want = append(want, l)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m, _ = start()
	rows, err := m.Since(size, 100)
	if err != nil || len(rows) != len(want) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i := range rows {
		if rows[i].Lease != want[i] || rows[i].Gone {
			t.Errorf("row %d is %+v, was %+v", i, rows[i].Lease, want[i])
		}
	}
}
