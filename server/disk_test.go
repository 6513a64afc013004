package server

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/testnet"
)

// fakeDisk is a Backend that asks the test about each Append.
type fakeDisk struct {
	append func(n int) error // n counts from 1

	mu    sync.Mutex
	calls int
	held  map[netip.Addr]bool
}

func (d *fakeDisk) Load(func(lease.Lease) error) error { return nil }
func (d *fakeDisk) Close() error                       { return nil }
func (d *fakeDisk) SetSync(bool) error                 { return nil }

func (d *fakeDisk) Append(changes []lease.Change) error {
	d.mu.Lock()
	d.calls++
	n := d.calls
	d.mu.Unlock()
	if err := d.append(n); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range changes {
		d.held[c.Lease.Addr] = !c.Delete
	}
	return nil
}

// newDiskServer returns a server whose disk is a fake one.
func newDiskServer(t *testing.T, append func(n int) error) (*Server, *fakeDisk) {
	t.Helper()
	text := strings.ReplaceAll(allHooks, `"persist": false`, `"name": "`+t.TempDir()+`/leases.csv"`)
	s := newServer(t, "disk", []byte(text), nil)
	d := &fakeDisk{append: append, held: map[netip.Addr]bool{}}
	if err := s.v4.disk.backend.Close(); err != nil {
		t.Fatal(err)
	}
	s.v4.disk.backend = d
	return s, d
}

// addLease adds the lease of an address that ends in the digits of last.
func addLease(t *testing.T, last string) *engine.CommandReceived {
	t.Helper()
	v, _, err := config.ParseValue("", []byte(`{ "ip-address": "192.0.2.`+last+`", "hw-address": "02:00:00:00:00:`+last+`", "subnet-id": 1 }`), false)
	if err != nil {
		t.Fatal(err)
	}
	return &engine.CommandReceived{Name: "lease4-add", Arguments: v}
}

// What the disk refused a moment before the end is tried once more: the pause
// after a failure is for a server that goes on.
func TestTheEndDoesNotWaitForARefusingDisk(t *testing.T) {
	var full atomic.Bool
	full.Store(true)
	s, d := newDiskServer(t, func(int) error {
		if full.Load() {
			return errors.New("no space left on device")
		}
		return nil
	})
	s.v4.bring(addLease(t, "11"))
	if d.calls != 1 || len(d.held) != 0 {
		t.Fatalf("%d attempts, %d leases on a full disk", d.calls, len(d.held))
	}
	full.Store(false)
	if err := s.v4.disk.close(func() {}); err != nil {
		t.Fatal(err)
	}
	if !d.held[netip.MustParseAddr("192.0.2.11")] {
		t.Error("the lease was not stored at the end")
	}
	s.v4 = nil // is closed
}

// Who brings a change writes one batch at most; others go on with what came
// meanwhile, so that no socket waits for the clients of another one.
func TestWhoBringsAChangeWritesOneBatch(t *testing.T) {
	var s *Server
	returned, second := make(chan struct{}), make(chan error, 1)
	s, _ = newDiskServer(t, func(n int) error {
		switch n {
		case 1: // meanwhile another one comes
			s.v4.bring(addLease(t, "12"))
		case 2:
			select {
			case <-returned:
				second <- nil
			case <-time.After(testnet.Patience):
				second <- errors.New("the bringer of the first batch writes the second one")
			}
		}
		return nil
	})
	s.v4.bring(addLease(t, "11"))
	close(returned)
	if err := <-second; err != nil {
		t.Error(err)
	}
}

// Several inputs are the sign of more to come: who brought them goes on deciding
// while the disk is waited for.
func TestNobodyWhoBringsSeveralChangesWaitsForTheDisk(t *testing.T) {
	var s *Server
	returned, written := make(chan struct{}), make(chan error, 1)
	s, _ = newDiskServer(t, func(int) error {
		select {
		case <-returned:
			written <- nil
		case <-time.After(30 * time.Second):
			written <- errors.New("the bringer of two changes waits for the disk")
		}
		return nil
	})
	s.v4.disk.pace.Store(int64(2 * atOnce))
	s.v4.bring(addLease(t, "11"), addLease(t, "12"))
	close(returned)
	if err := <-written; err != nil {
		t.Error(err)
	}
}

// A disk that cannot follow holds back those who bring it more and more, until it
// has taken something.
func TestWhoIsFarAheadLetsTheDiskCatchUp(t *testing.T) {
	appending, free := make(chan struct{}), make(chan struct{})
	s, _ := newDiskServer(t, func(int) error {
		close(appending)
		<-free
		return nil
	})
	d := s.v4.disk
	d.patience = time.Hour
	d.letCatchUp(farBehind - 1)
	d.pace.Store(int64(2 * soon))
	s.v4.bring(addLease(t, "11"))
	<-appending
	waited := make(chan struct{})
	go func() {
		d.letCatchUp(farBehind)
		close(waited)
	}()
	select {
	case <-waited:
		t.Error("nobody waits for a disk that is far behind")
	default:
	}
	close(free)
	<-waited
}
