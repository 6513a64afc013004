package server

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/message"
)

// disk makes journals durable: it takes all that has gathered, appends it,
// waits for the disk once, and tells the engine, while the next batches are
// decided.
type disk struct {
	f      *family
	wanted chan struct{}
	moved  chan struct{} // an append has ended
	done   chan struct{}
	pace   atomic.Int64 // nanoseconds an append takes, averaged
	kept   atomic.Bool  // there is a backend
	mu     sync.Mutex   // held while writing; guards the rest
	c      carrier
	failed bool

	patience time.Duration // see farBehind
	seq      uint64        // last change that the backend has taken

	backend lease.Backend // nil: leases are not kept
	next    lease.Backend // gets all changes, too: it is to take over
	nextErr error         // the first that next had
}

// Who writes a batch depends on how long the disk takes. Below atOnce a hand-over
// between goroutines costs more than the append: whoever brought the batch writes
// it, too. Below soon this holds for what came alone. Behind several inputs more
// are on their way: they are decided while another goroutine waits for the disk,
// which does so always where it takes long: queries that promise nothing shall
// not wait.
const (
	atOnce = 50 * time.Microsecond
	soon   = time.Millisecond
)

func newDisk(f *family, b lease.Backend) *disk {
	d := &disk{f: f, backend: b, wanted: make(chan struct{}, 1), moved: make(chan struct{}, 1), done: make(chan struct{}),
		patience: 20 * time.Millisecond}
	d.kept.Store(b != nil)
	return d
}

// kick makes somebody write what the engine's journal holds after n inputs. Who
// brought them writes one batch at most: its socket waits, however busy others are.
func (d *disk) kick(n int) {
	if !d.kept.Load() {
		return
	}
	pace := time.Duration(d.pace.Load())
	if (pace < atOnce || pace < soon && n == 1) && d.mu.TryLock() {
		left := d.write(1, engine.TakeJournal{})
		d.mu.Unlock()
		if !left {
			return
		}
	}
	select {
	case d.wanted <- struct{}{}:
	default:
	}
}

// farBehind is how many changes the disk may be behind before those who bring more
// wait for it, disk.patience at most each time. What waits in a socket takes less
// memory than a parked response, and may be shed there.
const farBehind = 2048

// letCatchUp waits for an append to end if the disk is far behind.
func (d *disk) letCatchUp(behind int) {
	if behind < farBehind || !d.kept.Load() {
		return
	}
	enough := time.NewTimer(d.patience)
	defer enough.Stop()
	select {
	case <-d.moved:
	case <-enough.C:
	}
}

// run writes until close.
func (d *disk) run() {
	defer close(d.done)
	for range d.wanted {
		d.mu.Lock()
		d.write(math.MaxInt, engine.TakeJournal{})
		d.mu.Unlock()
	}
}

// write makes so many batches of the journal durable, or all there are, and
// says whether something is left.
func (d *disk) write(batches int, take engine.TakeJournal) (left bool) {
	if d.backend == nil {
		return false
	}
	c := &d.c
	c.in = append(c.in[:0], take)
	for ; ; batches-- {
		now := d.f.now()
		c.fx.Reset()
		d.f.engine.Step(now, c.in, &c.fx)
		d.f.carryOut(now, c)
		d.f.giveBack(&c.fx)
		journal := c.fx.Journal
		if len(journal) == 0 {
			return c.fx.Waiting
		}
		began := d.f.now()
		err := d.backend.Append(journal)
		took := d.f.now().Sub(began)
		if d.next != nil && d.nextErr == nil {
			d.nextErr = d.next.Append(journal)
		}
		d.keepPace(took)
		d.f.meters.Append.Observe(took.Seconds())
		d.f.meters.Changes.Observe(float64(len(journal)))
		d.report(err)
		select {
		case d.moved <- struct{}{}:
		default:
		}
		if err == nil {
			d.seq = journal[len(journal)-1].Seq
			d.f.memory.appended(d.seq, began)
		}
		c.in = append(c.in[:0], engine.Appended{Seq: journal[len(journal)-1].Seq, Err: err})
		if batches > 1 {
			c.in = append(c.in, engine.TakeJournal{})
		}
	}
}

// keepPace learns how long appends take. d.mu is held.
func (d *disk) keepPace(took time.Duration) {
	pace := d.pace.Load()
	d.pace.Store(pace + (int64(took)-pace)/8)
}

// report says once that the disk fails, and once that it does not any more.
func (d *disk) report(err error) {
	switch {
	case err != nil && !d.failed:
		d.f.log.Log(message.LeaseStoreFail, "no lease is given until this is over: %v", err)
	case err == nil && d.failed:
		d.f.log.Log(message.LeaseStoreRecovered, "leases are stored again")
	}
	d.failed = err != nil
}

// close writes the rest, what the disk refused a moment ago included, calls last,
// and closes the backend. Nothing may kick after it.
func (d *disk) close(last func()) error {
	close(d.wanted)
	<-d.done
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write(math.MaxInt, engine.TakeJournal{Now: true})
	last()
	if d.backend == nil {
		return nil
	}
	return d.backend.Close()
}

// memfile returns the lease file, or nil if leases are kept elsewhere.
func (d *disk) memfile() *lease.Memfile {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, _ := d.backend.(*lease.Memfile)
	return m
}

// change tells the engine whether changes are kept. d.mu is held.
func (d *disk) change(b lease.Backend) {
	d.backend = b
	d.kept.Store(b != nil)
	c := &d.c
	c.in = append(c.in[:0], engine.DiskChanged{Diskless: b == nil})
	c.fx.Reset()
	now := d.f.now()
	d.f.engine.Step(now, c.in, &c.fx)
	d.f.carryOut(now, c)
	d.f.giveBack(&c.fx)
}
