package server

import (
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/message"
)

// keeper writes a memory while everything else goes on.
type keeper struct {
	f           *family
	memory      atomic.Pointer[memory] // nil: there is no lease database to go with
	epoch, base uint64                 // of our change stream in this run
	next        chan *engine.Memory
	path        atomic.Pointer[string]          // of the lease database; nil: leases are not kept
	reports     atomic.Pointer[[]engine.Report] // the last ones
	changed     chan struct{}                   // the reports are to be written
	stop        chan struct{}
	done        chan struct{}
	failed      bool
}

// newKeeper keeps a memory, or none, for the change stream of a store. path is
// the lease database's; "": there is none.
func newKeeper(f *family, m *memory, store *lease.Store, path string, reports []engine.Report) *keeper {
	k := &keeper{f: f, next: make(chan *engine.Memory, 1), changed: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	if path != "" {
		k.path.Store(&path)
	}
	if reports != nil {
		k.reports.Store(&reports)
	}
	k.epoch, k.base = store.Epoch(), store.Seq()
	if m != nil {
		k.epoch, k.base = m.epoch, m.base
		k.memory.Store(m)
	}
	go k.run()
	return k
}

// keep has a memory written, unless a later one comes first.
func (k *keeper) keep(m *engine.Memory) {
	for {
		select {
		case k.next <- m:
			return
		default:
		}
		select {
		case <-k.next:
		default:
		}
	}
}

// report has reports written.
func (k *keeper) report(list []engine.Report) {
	k.reports.Store(&list)
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// writeReports writes the last reports.
func (k *keeper) writeReports() {
	list, path := k.reports.Load(), k.path.Load()
	if list == nil || path == nil {
		return
	}
	if err := writeReports(lease.OS, *path, *list); err != nil {
		k.f.log.Log(message.PairReportFail, "they are lost when the server ends: %v", err)
	}
}

func (k *keeper) run() {
	defer close(k.done)
	for {
		select {
		case m := <-k.next:
			k.write(m)
		case <-k.changed:
			k.writeReports()
		case <-k.stop:
			return
		}
	}
}

// serve takes the name of this server from a configuration that is to come into
// force: it may be the first one with a pair, or have none.
func (k *keeper) serve(f *config.Family) {
	if y := k.memory.Load(); y != nil {
		y.serve(serverName(f))
	}
}

// move goes on with another lease database, which holds every change up to seq.
// The memory of the one that is left stays as it is. nil: leases are not kept.
func (k *keeper) move(to lease.Backend, path string, seq uint64, f *config.Family) {
	y := newMemory(lease.OS, path, to, seq)
	if y != nil {
		y.epoch, y.base, y.server = k.epoch, k.base, serverName(f)
	}
	k.memory.Store(y)
	if to == nil {
		k.path.Store(nil)
	} else {
		k.path.Store(&path)
	}
	if list := k.reports.Load(); list != nil {
		k.report(*list)
	}
}

// write reports once that the memory cannot be written, and once that it can.
func (k *keeper) write(m *engine.Memory) {
	y := k.memory.Load()
	if y == nil {
		return
	}
	err := y.write(m)
	switch {
	case err != nil && !k.failed:
		k.f.log.Log(message.PairMemoryFail, "after a restart all leases will be fetched from the partner: %v", err)
	case err == nil && k.failed:
		k.f.log.Log(message.PairMemoryRecovered, "what is known of the partner is stored again")
	}
	k.failed = err != nil
}

// appended notes that every change up to seq is in the lease database.
func (k *keeper) appended(seq uint64, now time.Time) {
	if y := k.memory.Load(); y != nil {
		y.appended(seq, now)
	}
}

// close writes what is known at the end, when nothing changes any more.
func (k *keeper) close() {
	close(k.stop)
	<-k.done
	select {
	case <-k.changed:
		k.writeReports()
	default:
	}
	if k.memory.Load() == nil {
		return
	}
	var fx engine.Effects
	k.f.engine.Step(k.f.now(), []engine.Input{engine.TakeMemory{}}, &fx)
	if fx.Memory != nil {
		k.write(fx.Memory)
	}
}
