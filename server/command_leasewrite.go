package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/control"
	"leasehold/server/engine"
)

// leaseWrite copies all leases to a file beside the lease file or database, in
// the form of that. Service goes on.
func leaseWrite(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	if c.Arguments == nil {
		return failure("no parameters specified for the command")
	}
	v := c.Arguments.Get("filename")
	switch {
	case v == nil:
		return failure("'filename' parameter not specified")
	case v.Kind != config.String:
		return failure("'filename' parameter must be a string")
	}
	cfg := f.cfg.Load()
	file, err := beside(s.o.leaseFile(cfg), v.Str, config.Within)
	if err != nil {
		return failure("'filename' parameter is invalid: %v", err)
	}
	// Our own lease file holds every lease already, durably.
	if !cfg.LeaseDB.Persist || !config.Same(file, s.o.leaseFile(cfg)) {
		if err := f.writeLeases(ctx, file); err != nil {
			return failure("Error writing the lease database: %v", err)
		}
	}
	return control.Answer{Text: fmt.Sprintf("%s lease database into '%s'.", f.protocol(), file)}
}

// writeLeases replaces a file by one with all leases. A copy of a database has
// the other family, too, if that is in the same one.
func (f *family) writeLeases(ctx context.Context, file string) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".leases.*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := filepath.Join(dir, filepath.Base(file))
	if q, ok := f.disk.backend.(*lease.SQLite); ok {
		err = q.Backup(name)
	} else {
		err = f.writeJournal(ctx, name)
	}
	if err != nil {
		return err
	}
	if err = os.Rename(name, file); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return syncDir(filepath.Dir(file))
}

// writeJournal makes a lease file of all leases.
func (f *family) writeJournal(ctx context.Context, name string) error {
	m, err := lease.OpenMemfile(lease.MemfileOptions{Path: name, Family: f.version, Sync: true})
	if err != nil {
		return err
	}
	if err = m.Load(func(lease.Lease) error { return nil }); err == nil {
		err = f.copyLeases(ctx, m)
	}
	return errors.Join(err, m.Close())
}

// copyLeases appends all leases to a backend, a turn of the engine at a time.
func (f *family) copyLeases(ctx context.Context, to lease.Backend) error {
	in := engine.CommandReceived{Name: fmt.Sprintf("lease%d-get-all", f.version)}
	for {
		a, err := f.ask(ctx, in)
		if err != nil {
			return err
		}
		changes := make([]lease.Change, len(a.Leases))
		for i := range a.Leases {
			changes[i].Lease = a.Leases[i]
		}
		if err := to.Append(changes); err != nil || a.Next == nil {
			return err
		}
		in.Next = a.Next
	}
}
