package lease_test

import (
	"net/netip"
	"testing"

	"leasehold/lease"
	"leasehold/lease/faultfs"
)

// Leases of an earlier run are in no stream of changes: a reader who starts at
// zero must not take silence for "nothing is there".
func TestRestoredLeasesAreAChangeThatIsNotRetained(t *testing.T) {
	fs := faultfs.New()
	m, s := open(t, fs)
	if s.Seq() != 0 {
		t.Errorf("empty store begins at %d", s.Seq())
	}
	c := s.Put(lease.Lease{Addr: netip.MustParseAddr("192.0.2.1"), HWAddr: "\x02\x00\x00\x00\x00\x01", Valid: 60, SubnetID: 1})
	if err := m.Append([]lease.Change{c}); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	m, s = open(t, fs)
	defer m.Close()
	if s.Seq() != 1 {
		t.Errorf("restored store begins at %d, want 1", s.Seq())
	}
	if _, ok := s.Changes(nil, 0, 10); ok {
		t.Error("changes from the start are said to be complete")
	}
	if list, ok := s.Changes(nil, 1, 10); !ok || len(list) != 0 {
		t.Errorf("changes after the restored leases: %v %v", list, ok)
	}
}
