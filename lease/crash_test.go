package lease_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"leasehold/lease"
	"leasehold/lease/faultfs"
)

var seeds = flag.Int("seeds", 1, "how many seeds the crash tests run")

const path = "/var/lib/kea/kea-leases4.csv"

func open(t *testing.T, fs lease.FS) (*lease.Memfile, *lease.Store) {
	t.Helper()
	m, err := lease.OpenMemfile(lease.MemfileOptions{Path: path, Family: 4, Sync: true, FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	s := lease.NewStore(4, 1)
	if err := s.Restore(m); err != nil {
		t.Fatal(err)
	}
	return m, s
}

// A ledger knows, for each address, what was acknowledged last and what was
// tried since: after a crash any of these may be there, and nothing else.
type ledger struct {
	acked map[netip.Addr]lease.Lease // absent = no lease
	tried map[netip.Addr][]lease.Change
}

func newLedger() *ledger {
	return &ledger{map[netip.Addr]lease.Lease{}, map[netip.Addr][]lease.Change{}}
}

func (g *ledger) try(cs []lease.Change) {
	for _, c := range cs {
		g.tried[c.Lease.Addr] = append(g.tried[c.Lease.Addr], c)
	}
}

// ack: an Append that succeeds covers all that was tried before.
func (g *ledger) ack() {
	for a, cs := range g.tried {
		if last := cs[len(cs)-1]; last.Delete {
			delete(g.acked, a)
		} else {
			g.acked[a] = last.Lease
		}
	}
	clear(g.tried)
}

func (g *ledger) check(s *lease.Store) error {
	for i := range 256 {
		a := addr(i)
		got, ok := s.Get(a)
		want, wantOK := g.acked[a]
		if ok == wantOK && got == want {
			continue
		}
		fine := false
		for _, c := range g.tried[a] {
			fine = fine || ok == !c.Delete && (!ok || got == c.Lease)
		}
		if !fine {
			return fmt.Errorf("%v: found %v %v, acknowledged %v %v, tried %v", a, ok, got, wantOK, want, g.tried[a])
		}
	}
	return nil
}

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}) }

func put(s *lease.Store, rnd *rand.Rand, i int) lease.Change {
	return s.Put(lease.Lease{
		Addr: addr(rnd.IntN(40)), HWType: 1, SubnetID: 1, Valid: 600, CLTT: int64(1000 + i),
		HWAddr: fmt.Sprintf("\x02\x00\x00%03d", i), Hostname: fmt.Sprintf("host-%d.example.org", i),
	})
}

// work appends and cleans up; it returns at the first error that stop accepts.
func work(m *lease.Memfile, s *lease.Store, g *ledger, seed uint64, stop func(error) bool) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 40 {
		var cs []lease.Change
		for range 1 + rnd.IntN(3) {
			cs = append(cs, put(s, rnd, i))
			if c, ok := s.Delete(addr(rnd.IntN(40))); ok {
				cs = append(cs, c)
			}
		}
		g.try(cs)
		if err := m.Append(cs); err == nil {
			g.ack()
		} else if stop(err) {
			return
		}
		if i%9 == 8 {
			if err := m.Cleanup(context.Background()); err != nil && stop(err) {
				return
			}
		}
	}
}

// Every crash, at each operation on the disk, with all that was not synced
// kept, lost, torn or full of holes: what was acknowledged is there.
func TestCrashAnywhereKeepsWhatWasAcknowledged(t *testing.T) {
	power := errors.New("power is out")
	for seed := range uint64(*seeds) {
		fs := faultfs.New()
		m, s := open(t, fs)
		work(m, s, newLedger(), seed, func(err error) bool { t.Fatal(err); return true })
		total := fs.Ops()
		for at := 1; at <= total; at++ {
			for _, survival := range []faultfs.Survival{faultfs.Kept, faultfs.Lost, faultfs.Torn, faultfs.Holed} {
				fs := faultfs.New()
				fs.Fail(func(op int, kind, name string) error {
					if op >= at {
						return power
					}
					return nil
				})
				m, s := open(t, fs)
				g := newLedger()
				work(m, s, g, seed, func(error) bool { return true })
				if err := survived(t, fs.Crash(survival, rand.New(rand.NewPCG(seed, uint64(at)))), g); err != nil {
					t.Fatalf("seed %d, crash at operation %d of %d, unsynced %d: %v", seed, at, total, survival, err)
				}
			}
		}
	}
}

// survived opens what a crash left, checks it, and sees that service goes on.
func survived(t *testing.T, fs *faultfs.FS, g *ledger) error {
	m, s := open(t, fs)
	if err := g.check(s); err != nil {
		return err
	}
	c := s.Put(lease.Lease{Addr: addr(200), HWType: 1, HWAddr: "after", SubnetID: 1, Valid: 60, CLTT: 5})
	if err := m.Append([]lease.Change{c}); err != nil {
		return fmt.Errorf("append after the crash: %w", err)
	}
	if err := m.Cleanup(context.Background()); err != nil {
		return fmt.Errorf("clean up after the crash: %w", err)
	}
	again, reloaded := open(t, fs.Crash(faultfs.Lost, nil))
	if n := again.Report().Bad; n != 0 {
		return fmt.Errorf("%d bad rows after appending to what the crash left: %v", n, again.Report().Errors)
	}
	a, b := s.Page(nil, netip.Addr{}, 1000), reloaded.Page(nil, netip.Addr{}, 1000)
	if fmt.Sprint(a) != fmt.Sprint(b) {
		return fmt.Errorf("loaded\n%v\nhad\n%v", b, a)
	}
	return nil
}

// A disk that fails for one or for some operations, wherever that is: nothing
// is acknowledged that is not there, and when the disk is well again the file
// is, too, by itself.
func TestDiskErrorAnywhereIsOutlived(t *testing.T) {
	for seed := range uint64(*seeds) {
		fs := faultfs.New()
		m, s := open(t, fs)
		work(m, s, newLedger(), seed, func(err error) bool { t.Fatal(err); return true })
		total := fs.Ops()
		for at := 1; at <= total; at++ {
			for _, many := range []int{1, 2, 30} {
				fs := faultfs.New()
				fs.Fail(func(op int, kind, name string) error {
					if op >= at && op < at+many {
						return faultfs.ErrInjected
					}
					return nil
				})
				m, s := open(t, fs)
				g := newLedger()
				work(m, s, g, seed, func(error) bool { return false })
				where := fmt.Sprintf("seed %d, %d errors from operation %d of %d", seed, many, at, total)
				_, held := open(t, fs.Crash(faultfs.Lost, nil))
				if err := g.check(held); err != nil {
					t.Fatalf("%s: %v", where, err)
				}
				fs.Fail(nil)
				if err := m.Append(nil); err != nil {
					t.Fatalf("%s: append when the disk is well: %v", where, err)
				}
				_, held = open(t, fs.Crash(faultfs.Lost, nil))
				a, b := s.Page(nil, netip.Addr{}, 1000), held.Page(nil, netip.Addr{}, 1000)
				if fmt.Sprint(a) != fmt.Sprint(b) {
					t.Fatalf("%s: loaded\n%v\nhad\n%v", where, b, a)
				}
			}
		}
	}
}
