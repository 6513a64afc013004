package server

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/message"
)

// configure replaces the configuration of a family: first everything that can
// fail, each step taken back if a later one does, then the engine between two
// batches. Leases, parked responses and open sockets stay.
func (s *Server) configure(ctx context.Context, f *family, next *config.Family) (*difference, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.configureLocked(ctx, f, next, false)
}

// configureLocked is configure while s.changing is held; edited says that a
// command changed a part.
func (s *Server) configureLocked(ctx context.Context, f *family, next *config.Family, edited bool) (*difference, error) {
	old := f.cfg.Load()
	if next.File == "" {
		next.File = old.File
	}
	m, err := s.moveLeases(ctx, f, old, next)
	if err != nil {
		return nil, err
	}
	steps := []func(*config.Family) error{
		func(c *config.Family) error { return f.log.Configure(c.Loggers) },
		func(c *config.Family) error { return f.sockets.Apply(&c.Interfaces) },
		func(c *config.Family) error { return f.peers.listen(c) },
		func(c *config.Family) error { return s.openDoors(f, c.ControlSockets) },
		func(c *config.Family) error { return s.openEvents(f, c) },
		func(c *config.Family) error { return s.openWeb(f, c) },
	}
	for i, step := range steps {
		err := step(next)
		if err == nil {
			continue
		}
		for _, back := range slices.Backward(steps[:i+1]) {
			err = errors.Join(err, back(old))
		}
		return nil, errors.Join(err, m.abandon())
	}
	d := compare(old, next)
	plan := engine.Prepare(next)
	if err := m.finish(); err != nil {
		return nil, err
	}
	f.memory.serve(next)
	// The swap is not given up half-way because a caller has gone.
	a, err := f.await(context.WithoutCancel(ctx), func(id uint64) engine.Input {
		return engine.Reconfigured{ID: id, Family: next, Plan: plan, Edited: edited, Found: m.found}
	})
	if err != nil {
		return nil, err
	}
	d.outside = a.Outside
	f.cfg.Store(next)
	f.cleanSoon()
	if s.o.Configured != nil {
		s.o.Configured(next)
	}
	f.configured(next)
	return d, nil
}

// configured tells the log that a configuration is in force.
func (f *family) configured(c *config.Family) {
	for i := range c.Hooks {
		h := &c.Hooks[i]
		f.log.Log(message.HooksLibraryLoaded, "hooks library %s is built in and switched on", h.Path)
		if m := hookReady[h.Name]; m != nil {
			f.log.Log(m, "%s is ready", h.Name)
		}
	}
	f.log.Log(f.message(message.DHCP4MultiThreadingInfo, message.DHCP6MultiThreadingInfo),
		"enabled: yes, as many threads as there are processors, whatever multi-threading says")
	f.log.Log(f.message(message.DHCP4ConfigComplete, message.DHCP6ConfigComplete),
		"DHCPv%d server has completed configuration: %d subnets", f.version, len(c.Subnets))
}

// hookReady are what Kea's libraries say when they are loaded.
var hookReady = map[string]*message.Message{
	"libdhcp_ha.so": message.HAInitOK, "libdhcp_lease_cmds.so": message.LeaseCmdsInitOK,
	"libdhcp_stat_cmds.so": message.StatCmdsInitOK, "libdhcp_subnet_cmds.so": message.SubnetCmdsInitOK,
}

// message picks the family's one of two messages.
func (f *family) message(v4, v6 *message.Message) *message.Message {
	if f.version == 6 {
		return v6
	}
	return v4
}

// difference says what a new configuration changed.
type difference struct {
	added, removed, changed []uint32 // subnets by ID
	global                  []string // members of the top map
	outside                 int      // leases outside every pool now
}

// compare finds what is different between two configurations.
func compare(old, next *config.Family) *difference {
	d := &difference{}
	before := subnetTexts(old)
	after := subnetTexts(next)
	for id, text := range after {
		was, ok := before[id]
		switch {
		case !ok:
			d.added = append(d.added, id)
		case was != text:
			d.changed = append(d.changed, id)
		}
	}
	for id := range before {
		if _, ok := after[id]; !ok {
			d.removed = append(d.removed, id)
		}
	}
	for _, ids := range [...][]uint32{d.added, d.removed, d.changed} {
		slices.Sort(ids)
	}
	d.global = changedMembers(old, next)
	return d
}

// Difference is what a new configuration would change: subnets by ID, and
// members of the top map.
type Difference struct {
	Added, Removed, Changed []uint32
	Parameters              []string
}

// Compare finds what is different between two configurations of a family.
func Compare(old, next *config.Family) Difference {
	d := compare(old, next)
	return Difference{d.added, d.removed, d.changed, d.global}
}

// subnetTexts returns the text of every subnet by ID.
func subnetTexts(f *config.Family) map[uint32]string {
	texts := make(map[uint32]string, len(f.Subnets))
	note := func(list *config.Value) {
		for _, v := range elements(list) {
			if id := v.Get("id"); id != nil {
				texts[uint32(id.Int)] = string(v.AppendJSON(nil))
			}
		}
	}
	key := fmt.Sprintf("subnet%d", f.Version)
	note(f.Tree.Get(key))
	for _, n := range elements(f.Tree.Get("shared-networks")) {
		note(n.Get(key))
	}
	return texts
}

// changedMembers names the top-level members that differ, except for subnets.
func changedMembers(old, next *config.Family) []string {
	var names []string
	subnets := fmt.Sprintf("subnet%d", old.Version)
	for _, m := range next.Tree.Members {
		was := old.Tree.Get(m.Key)
		if m.Key != subnets && (was == nil || string(was.AppendJSON(nil)) != string(m.Value.AppendJSON(nil))) {
			names = append(names, m.Key)
		}
	}
	for _, m := range old.Tree.Members {
		if next.Tree.Get(m.Key) == nil {
			names = append(names, m.Key)
		}
	}
	slices.Sort(names)
	return names
}

// value is the difference as an answer shows it.
func (d *difference) value() *config.Value {
	ids := func(list []uint32) *config.Value {
		v := config.NewList()
		for _, id := range list {
			v.List = append(v.List, config.NewInt(int64(id)))
		}
		return v
	}
	global := config.NewList()
	for _, name := range d.global {
		global.List = append(global.List, config.NewString(name))
	}
	return config.NewMap(
		config.M("leases-outside-pools", config.NewInt(int64(d.outside))),
		config.M("parameters", global),
		config.M("subnets-added", ids(d.added)),
		config.M("subnets-changed", ids(d.changed)),
		config.M("subnets-removed", ids(d.removed)),
	)
}

func elements(v *config.Value) []*config.Value {
	if v == nil {
		return nil
	}
	return v.List
}

// Reload reads the files of all families again. A family whose file is wrong
// keeps its configuration.
func (s *Server) Reload() error {
	var errs []error
	for _, f := range s.families() {
		_, err := s.reload(context.Background(), f)
		errs = append(errs, err)
	}
	return errors.Join(append(errs, s.reloadAgent())...)
}

func (s *Server) reload(ctx context.Context, f *family) (*difference, error) {
	file := f.cfg.Load().File
	if file == "" {
		return nil, errors.New("there is no configuration file")
	}
	f.log.Log(f.message(message.DHCP4DynamicReconfiguration, message.DHCP6DynamicReconfiguration),
		"initiate server reconfiguration using file: %s, after receiving SIGHUP signal or config-reload command", file)
	d, err := s.reloadFile(ctx, f, file)
	if err != nil {
		f.log.Log(f.message(message.DHCP4DynamicReconfigurationFail, message.DHCP6DynamicReconfigurationFail),
			"dynamic server reconfiguration failed with file: %s: %v", file, err)
		return nil, err
	}
	f.log.Log(f.message(message.DHCP4DynamicReconfigurationSuccess, message.DHCP6DynamicReconfigurationSuccess),
		"dynamic server reconfiguration succeeded with file: %s", file)
	return d, nil
}

func (s *Server) reloadFile(ctx context.Context, f *family, file string) (*difference, error) {
	cfg, err := config.LoadWith(s.parsing(), file)
	if err != nil {
		return nil, err
	}
	next := cfg.V4
	if f.version == 6 {
		next = cfg.V6
	}
	if next == nil {
		return nil, fmt.Errorf("%s has no Dhcp%d map any more", file, f.version)
	}
	s.dropConfirmation(f)
	d, err := s.configure(ctx, f, next)
	if err == nil {
		s.fileIsGood(f)
	}
	return d, err
}

// parsing is what the machine tells the parser.
func (s *Server) parsing() config.Options {
	return config.Options{InterfaceExists: func(name string) bool { return interfaceNamed(name) != nil }, Dirs: s.o.Dirs, Kea3: s.o.Kea3}
}
