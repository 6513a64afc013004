package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// leaseFile is the path of a family's lease file.
func (o *Options) leaseFile(f *config.Family) string {
	switch name := f.LeaseDB.Name; {
	case name == "":
	case config.Bare(name):
		return filepath.Join(dataDir(f, o), name)
	default:
		return name
	}
	return fmt.Sprintf("%s/kea-leases%d.csv", dataDir(f, o), f.Version)
}

// LeaseFile is the path of the lease file or database of a family that o serves.
func (o Options) LeaseFile(f *config.Family) string {
	if o.DataDir == "" {
		o.DataDir = defaultDataDir
	}
	return o.leaseFile(f)
}

// dataDir is where a family keeps what has no configured name.
func dataDir(f *config.Family, o *Options) string {
	if f.DataDirectory != "" {
		return f.DataDirectory
	}
	return o.DataDir
}

// openBackend opens the lease database of a family; nil if there is none.
func openBackend(f *config.Family, o *Options, log *logging.Sink) (lease.Backend, error) {
	if !f.LeaseDB.Persist {
		log.Log(message.DHCPSrvMemfileNoStorage, "leases are kept in memory only: persist is false")
		return nil, nil
	}
	path := o.leaseFile(f)
	log.Log(message.DHCPSrvMemfileDB, "opening lease database: type=%s name=%s", f.LeaseDB.Type, path)
	if f.LeaseDB.Type == "sqlite" {
		b, err := lease.OpenSQLite(path, f.Version, !f.LeaseDB.Flush)
		if err != nil {
			return nil, err
		}
		return b, nil
	}
	m, err := lease.OpenMemfile(lease.MemfileOptions{
		Path: path, Family: f.Version, Sync: !f.LeaseDB.Flush, MaxRowErrors: int(f.LeaseDB.MaxRowErrors),
	})
	if err != nil {
		return nil, err
	}
	log.Log(message.DHCPSrvMemfileLeaseFileLoad, "loading leases from file %s", path)
	return m, nil
}

// loadBackend has load take the leases of a backend, and tells what was not as
// it should be.
func loadBackend(b lease.Backend, log *logging.Sink, load func(lease.Backend) error) error {
	err := load(b)
	if m, ok := b.(*lease.Memfile); ok {
		tellReport(m.Report(), log)
	}
	if err == nil {
		// Makes the file: that it cannot be written shows now, not with a client.
		err = b.Append(nil)
	}
	return err
}

func tellReport(r lease.LoadReport, log *logging.Sink) {
	for _, e := range r.Errors {
		log.Log(message.DHCPSrvMemfileLeaseLoadRowError, "%v", e)
	}
	if n := r.Bad - len(r.Errors); n > 0 {
		log.Log(message.DHCPSrvMemfileLeaseLoadRowError, "and %d more rows", n)
	}
	if r.Upgraded {
		log.Log(message.DHCPSrvMemfileNeedsUpgrading, "a lease file has an older schema: it will be written anew")
	}
	if r.Downgraded {
		log.Log(message.DHCPSrvMemfileNeedsDowngrading, "a lease file has columns that are not known: they are cut off when it is written anew")
	}
}

// openLeases opens the lease database of a family and fills a store from it.
// What a pair remembers comes with them.
func openLeases(f *config.Family, o *Options, log *logging.Sink, now time.Time) (*lease.Store, lease.Backend, *memory, error) {
	store := lease.NewStore(f.Version, uint64(now.UnixNano()))
	b, err := openBackend(f, o, log)
	if err != nil || b == nil {
		return store, nil, nil, err
	}
	if err := loadBackend(b, log, store.Restore); err != nil {
		return nil, nil, nil, errors.Join(err, b.Close())
	}
	remembered := openMemory(lease.OS, o.leaseFile(f), b, store, f, now)
	newSanity(f, log).checkAll(store)
	return store, b, remembered, nil
}

// move is the way of leases from one database to another one while clients are
// served: the new one gets every lease, and every change, before it counts.
type move struct {
	found   []lease.Lease // what the new database had
	finish  func() error  // the new database counts now
	abandon func() error  // the old one goes on
}

// moveLeases begins the way to what a new configuration wants. What the process
// knows comes along: no lease is lost by changing the database.
func (s *Server) moveLeases(ctx context.Context, f *family, old, next *config.Family) (*move, error) {
	nothing := func() error { return nil }
	a, b := old.LeaseDB, next.LeaseDB
	same := a.Persist == b.Persist && (!a.Persist || a.Type == b.Type && s.o.leaseFile(old) == s.o.leaseFile(next))
	if same {
		if a.Flush == b.Flush || !a.Persist {
			return &move{finish: nothing, abandon: nothing}, nil
		}
		return &move{finish: func() error { return f.disk.setSync(!b.Flush) }, abandon: nothing}, nil
	}
	to, err := openBackend(next, &s.o, f.log)
	if err != nil {
		return nil, err
	}
	use := func() error { return f.disk.use(to, s.o.leaseFile(next), next) }
	if to == nil {
		return &move{finish: use, abandon: nothing}, nil
	}
	m := &move{
		finish:  use,
		abandon: func() error { return errors.Join(f.disk.withdraw(to), to.Close()) },
	}
	judge := newSanity(next, f.log)
	err = loadBackend(to, f.log, func(b lease.Backend) error {
		return b.Load(func(l lease.Lease) error {
			if judge.check(&l) {
				m.found = append(m.found, l)
			}
			return nil
		})
	})
	if err == nil {
		err = f.disk.prepare(ctx, to)
	}
	if err != nil {
		return nil, errors.Join(err, m.abandon())
	}
	return m, nil
}

// prepare brings every lease to a backend that is to take over, and every
// change from now on. A page of leases is read and appended while no journal is
// written: a change that the page does not show is written after it.
func (d *disk) prepare(ctx context.Context, to lease.Backend) error {
	d.mu.Lock()
	if d.backend == nil {
		d.change(to)
	} else {
		d.next, d.nextErr = to, nil
	}
	d.mu.Unlock()
	in := engine.CommandReceived{Name: fmt.Sprintf("lease%d-get-all", d.f.version)}
	for {
		next, err := d.copyPage(ctx, in, to)
		if err != nil || next == nil {
			return err
		}
		in.Next = next
	}
}

// copyPage appends a page of leases and says where the next one begins; nil
// after the last one.
func (d *disk) copyPage(ctx context.Context, in engine.CommandReceived, to lease.Backend) (*engine.Cursor, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, err := d.f.ask(ctx, in)
	if err != nil {
		return nil, err
	}
	changes := make([]lease.Change, len(a.Leases))
	for i := range a.Leases {
		changes[i].Lease = a.Leases[i]
	}
	return a.Next, to.Append(changes)
}

// use makes a prepared backend, or none, the one that counts: that at path, for
// a configuration that comes into force.
func (d *disk) use(to lease.Backend, path string, next *config.Family) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.backend == to {
		d.f.memory.move(to, path, d.seq, next)
		return nil
	}
	d.write(math.MaxInt, engine.TakeJournal{Now: true})
	err := d.nextErr
	d.next, d.nextErr = nil, nil
	if err != nil {
		return errors.Join(fmt.Errorf("prepare the new lease database: %w", err), to.Close())
	}
	d.f.memory.move(to, path, d.seq, next)
	old := d.backend
	if d.backend = to; to == nil {
		d.change(nil)
	}
	if err := old.Close(); err != nil {
		d.f.log.Log(message.LeaseStoreFail, "close the lease database that was left: %v", err)
	}
	return nil
}

// withdraw forgets a backend that was prepared.
func (d *disk) withdraw(to lease.Backend) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.backend == to {
		d.write(math.MaxInt, engine.TakeJournal{Now: true})
		d.change(nil)
	}
	d.next, d.nextErr = nil, nil
	return nil
}

// setSync says whether appends wait for the disk from now on.
func (d *disk) setSync(on bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.backend.SetSync(on)
}
