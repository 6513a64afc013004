package server

import (
	"sync"

	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/message"
)

// disk makes journals durable: it takes all that has gathered, appends it,
// waits for the disk once, and tells the engine, while the next batches are
// decided.
type disk struct {
	f       *family
	backend lease.Backend
	wanted  chan struct{}
	done    chan struct{}
	// inline writers do not wait for the disk (durability flush): whoever
	// brought the batch may write, too, and saves the hand-over.
	inline bool
	mu     sync.Mutex // held while writing
	c      carrier
	failed bool
}

func newDisk(f *family, b lease.Backend, inline bool) *disk {
	return &disk{f: f, backend: b, inline: inline, wanted: make(chan struct{}, 1), done: make(chan struct{})}
}

// kick makes somebody write what the engine's journal holds.
func (d *disk) kick() {
	if d.backend == nil {
		return
	}
	if d.inline && d.mu.TryLock() {
		d.write()
		d.mu.Unlock()
		return
	}
	select {
	case d.wanted <- struct{}{}:
	default:
	}
}

// run writes until close.
func (d *disk) run() {
	defer close(d.done)
	for range d.wanted {
		d.mu.Lock()
		d.write()
		d.mu.Unlock()
	}
}

// write empties the journal, batch by batch.
func (d *disk) write() {
	c := &d.c
	c.in = append(c.in[:0], engine.TakeJournal{})
	for {
		now := d.f.now()
		c.fx.Reset()
		d.f.engine.Step(now, c.in, &c.fx)
		d.f.carryOut(now, c)
		d.f.giveBack(&c.fx)
		journal := c.fx.Journal
		if len(journal) == 0 {
			return
		}
		began := d.f.now()
		err := d.backend.Append(journal)
		d.f.meters.Append.Observe(d.f.now().Sub(began).Seconds())
		d.f.meters.Changes.Observe(float64(len(journal)))
		d.report(err)
		c.in = append(c.in[:0], engine.Appended{Seq: journal[len(journal)-1].Seq, Err: err}, engine.TakeJournal{})
	}
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

// close writes the rest and closes the backend. Nothing may kick after it.
func (d *disk) close() error {
	close(d.wanted)
	<-d.done
	if d.backend == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.write()
	return d.backend.Close()
}
