package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/events"
	"leasehold/server/message"
)

// happening carries what happens in the engines to those who want to hear of
// it: the log of events with its webhooks, and pages that are open.
type happening struct {
	log       atomic.Pointer[events.Log] // nil: events are not switched on
	running   atomic.Pointer[events.Hooks]
	listeners atomic.Int64 // the log and every open page
}

// listener is how far the happening of a family is known.
type listener struct {
	wake chan struct{}

	mu    sync.Mutex // guards the rest
	seq   uint64
	moves []int
}

const (
	listenTurn = 4096 // lease changes that are taken from the engine at once
	// listenPause is how long what happens may gather.
	listenPause = 20 * time.Millisecond
)

// stirred hears that something happened in the engine.
func (f *family) stirred() {
	if f.happening.listeners.Load() == 0 {
		return
	}
	select {
	case f.listener.wake <- struct{}{}:
	default:
	}
}

// listen takes what happens in a family to the listeners until ctx ends.
func (s *Server) listen(ctx context.Context, f *family) {
	t := time.NewTimer(listenPause)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.listener.wake:
		}
		s.hear(ctx, f)
		t.Reset(listenPause)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// hear takes what is new in a family.
func (s *Server) hear(ctx context.Context, f *family) {
	l := &f.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	log := s.happening.log.Load()
	limit := 0
	if log != nil {
		limit = listenTurn
	}
	moved := false
	for {
		a, err := f.await(ctx, func(id uint64) engine.Input {
			return &engine.TakeEvents{ID: id, Seq: l.seq, Moves: l.moves, Limit: limit}
		})
		if err != nil {
			return
		}
		x := a.Events
		moved = moved || sum(x.Moves) != sum(l.moves)
		l.seq, l.moves = x.Seq, x.Moves
		if log != nil {
			log.Append(drafts(f.version, s.o.Now(), x))
		}
		if !x.More {
			break
		}
	}
	s.page.Stir(moved)
}

func sum(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// drafts are the events that an engine reported.
func drafts(version int, now time.Time, x *engine.Events) []events.Draft {
	var list []events.Draft
	if x.Lost {
		list = append(list, events.Draft{Type: events.Gap, Family: version, Time: now})
	}
	for i := range x.Changes {
		d := events.Draft{Type: events.LeaseStored, Family: version, Time: now, Lease: &x.Changes[i]}
		if x.Changes[i].Delete {
			d.Type = events.LeaseDeleted
		}
		list = append(list, d)
	}
	for i := range x.Pairs {
		p := &x.Pairs[i]
		for j := range p.Transitions {
			move := &p.Transitions[j]
			list = append(list, events.Draft{Type: events.HAState, Family: version, Time: move.At, Move: move, Server: p.This, Partner: p.Partner})
		}
	}
	return list
}

// openEvents makes the log of events and its webhooks those that the families
// want, with c in place of f's configuration.
func (s *Server) openEvents(f *family, c *config.Family) error {
	var keep uint32
	var targets []events.Target
	dir, name := "", ""
	for _, x := range s.families() {
		cfg := x.cfg.Load()
		if x == f {
			cfg = c
		}
		l := &cfg.Leasehold
		if l.Events == 0 {
			continue
		}
		if keep == 0 {
			dir = dataDir(cfg, &s.o)
			// The other family's process may have the same directory.
			name = fmt.Sprintf("leasehold%d", cfg.Version)
		}
		keep = max(keep, l.Events)
		for _, w := range l.Webhooks {
			targets = append(targets, events.Target{URL: w.URL, Secret: w.Secret, TrustAnchor: w.TrustAnchor, Types: w.Types})
		}
	}
	if keep == 0 {
		return s.closeEvents()
	}
	if s.happening.log.Load() == nil {
		if err := s.beginEvents(f, dir, name, int(keep)); err != nil {
			return err
		}
	}
	return s.happening.running.Load().Configure(targets)
}

func (s *Server) beginEvents(f *family, dir, name string, keep int) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("open events: %w", err)
	}
	log, err := events.Open(events.Options{Dir: dir, Name: name, Keep: keep, Now: s.o.Now,
		Fail: func(err error) { f.log.Log(message.EventsFail, "events are kept in memory only: %v", err) }})
	if err != nil {
		return err
	}
	hooks, err := events.NewHooks(log, func(host string, err error) {
		if err != nil {
			f.log.Log(message.WebhookFail, "%v", err)
			return
		}
		f.log.Log(message.WebhookRecovered, "%s takes events again", host)
	})
	if err != nil {
		return errors.Join(err, log.Close())
	}
	// What happened before is not part of the log.
	for _, x := range s.families() {
		s.hear(context.Background(), x)
	}
	s.happening.running.Store(hooks)
	s.happening.log.Store(log)
	s.happening.listeners.Add(1)
	for _, x := range s.families() {
		x.stirred()
	}
	return nil
}

// closeEvents ends log and webhooks, if there are any. Who reads the stream
// sees it end.
func (s *Server) closeEvents() error {
	log := s.happening.log.Swap(nil)
	if log == nil {
		return nil
	}
	s.happening.listeners.Add(-1)
	return errors.Join(s.happening.running.Swap(nil).Close(), log.Close())
}

// lastEvents takes what happened until the end into the log and closes it.
func (s *Server) lastEvents() error {
	if s.happening.log.Load() != nil {
		ctx, cancel := context.WithTimeout(context.Background(), webReadingTime)
		defer cancel()
		for _, f := range s.families() {
			s.hear(ctx, f)
		}
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.closeEvents()
}
