package lease_test

import (
	"math/rand/v2"
	"sync"
	"testing"

	"leasehold/lease"
	"leasehold/lease/faultfs"
)

// Cleanups run beside appends, and nothing is lost.
func TestCleanupBesideAppend(t *testing.T) {
	fs := faultfs.New()
	m, s := open(t, fs)
	var cleanups sync.WaitGroup
	done := make(chan struct{})
	cleanups.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := m.Cleanup(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	g, rnd := newLedger(), rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		cs := []lease.Change{put(s, rnd, i)}
		if c, ok := s.Delete(addr(rnd.IntN(40))); ok {
			cs = append(cs, c)
		}
		g.try(cs)
		if err := m.Append(cs); err != nil {
			t.Fatal(err)
		}
		g.ack()
	}
	close(done)
	cleanups.Wait()
	_, after := open(t, fs.Crash(faultfs.Lost, nil))
	if err := g.check(after); err != nil {
		t.Error(err)
	}
}
