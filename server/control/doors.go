package control

import (
	"fmt"
	"sync"
	"time"

	"leasehold/config"
)

// Endpoints lists the endpoints of a configuration. handlers are the daemons
// of this process by service: dhcp4, dhcp6. own answers what the control agent
// itself is asked; nil = nothing.
func Endpoints(cfg *config.Config, handlers map[string]Handler, own Handler) []Endpoint {
	var list []Endpoint
	for _, f := range []*config.Family{cfg.V4, cfg.V6} {
		if f == nil {
			continue
		}
		service := fmt.Sprintf("dhcp%d", f.Version)
		for _, s := range f.ControlSockets {
			e := Endpoint{Socket: s, Handler: handlers[service]}
			if s.Type != "unix" {
				e.Service = service
			}
			list = append(list, e)
		}
	}
	if a := cfg.Agent; a != nil {
		s := config.ControlSocket{Type: "http", Addr: a.Addr, Auth: a.Auth, TLS: a.TLS, CertRequired: a.CertRequired}
		if a.TLS.On() {
			s.Type = "https"
		}
		list = append(list, Endpoint{Socket: s, Agent: &Agent{Own: own, Local: handlers, Sockets: a.Sockets}})
	}
	return list
}

// Doors are the open endpoints of a process. Its methods are called by one
// goroutine at a time, which may be that of a command that came in by a door.
type Doors struct {
	opts   Options
	grace  time.Duration
	open   map[string]*Door // by path or address
	ending sync.WaitGroup
}

// NewDoors returns an empty set. grace is how long a command at work may keep
// a door that is no longer wanted.
func NewDoors(o Options, grace time.Duration) *Doors {
	return &Doors{opts: o.withDefaults(), grace: grace, open: make(map[string]*Door)}
}

func (e *Endpoint) place() string {
	if e.Socket.Type == "unix" {
		return e.Socket.Path
	}
	return e.Socket.Addr.String()
}

// Apply brings the doors in line with a list of endpoints. What stays at its
// place stays open. After an error the doors are what they were.
func (s *Doors) Apply(endpoints []Endpoint) error {
	next := make(map[string]*Door, len(endpoints))
	var undo []func()
	fail := func(err error) error {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
		return err
	}
	for _, e := range endpoints {
		place := e.place()
		if next[place] != nil {
			return fail(fmt.Errorf("open control socket: %s is named twice", place))
		}
		old := s.open[place]
		if old != nil && old.endpoint.Load().Socket.Type == e.Socket.Type {
			before := *old.endpoint.Load()
			if err := old.Reconfigure(e); err != nil {
				return fail(err)
			}
			undo = append(undo, func() { _ = old.Reconfigure(before) })
			next[place] = old
			continue
		}
		if old != nil {
			// http became https at the same address, or the other way round.
			before := *old.endpoint.Load()
			s.end(old)
			delete(s.open, place)
			undo = append(undo, func() {
				if d, err := Open(before, s.opts); err == nil {
					s.open[place] = d
				}
			})
		}
		d, err := Open(e, s.opts)
		if err != nil {
			return fail(err)
		}
		undo = append(undo, func() { s.end(d) })
		next[place] = d
	}
	for place, d := range s.open {
		if next[place] != d {
			s.end(d)
		}
	}
	s.open = next
	return nil
}

// end closes a door without waiting for its commands: the one at work may be
// the reason for closing it.
func (s *Doors) end(d *Door) {
	d.shut()
	s.ending.Go(func() { d.drain(s.grace) })
}

// Close closes every door and waits for the commands at work.
func (s *Doors) Close() {
	for place, d := range s.open {
		s.end(d)
		delete(s.open, place)
	}
	s.ending.Wait()
}
