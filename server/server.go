package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/events"
	"leasehold/server/listen"
	"leasehold/server/logging"
	"leasehold/server/message"
	"leasehold/server/metrics"
	"leasehold/server/page"
	"leasehold/server/route"
)

// Options are what a Server needs from its process. The zero value serves.
type Options struct {
	// ServerPort4 … ClientPort6 replace the standard ports (tests); 0 = standard.
	ServerPort4, ServerPort6, ClientPort4, ClientPort6 uint16
	// ToSource sends every response where its query came from (tests).
	ToSource bool
	DataDir  string // of lease files without a directory; "" = /var/lib/kea
	// Dirs confines the files of configurations that commands bring.
	Dirs config.Dirs
	// Kea3 does so where Dirs names none and the text is of Kea 3.
	Kea3 config.Dirs
	// Broken are the configuration files in whose place the last good
	// configuration is served, and what is wrong with them.
	Broken map[string]error
	// SocketDir is where control sockets without a directory are; "" = /run/kea.
	SocketDir string
	Now       func() time.Time
	Log       *logging.Writer // nil: one is made that prints to standard output
	Seed      uint64          // of random choices; 0 = from the clock
	Release   string          // our own version, for version-get

	// AfterFunc calls f once d has passed; nil: time.AfterFunc.
	AfterFunc func(d time.Duration, f func()) interface{ Stop() bool }
	// Sockets, if any, keeps the sockets of clients across a restart.
	Sockets listen.Keeper
	// Configured hears of every configuration that took effect after the start.
	Configured func(*config.Family)
}

const defaultDataDir = "/var/lib/kea"

// Server runs what one configuration says.
type Server struct {
	o       Options
	cfg     *config.Config
	v4, v6  *family
	agent   *agentDoor
	metrics *metrics.Metrics
	page    *page.Page
	streams *events.Streams // of pages and events
	ready   chan struct{}

	happening happening

	changing sync.Mutex // held while a configuration is replaced; guards webs
	webs     []*web
	stopping sync.Mutex // guards the rest
	stop     context.CancelCauseFunc
}

// New opens lease databases and builds the engines. Nothing is answered before
// Run.
func New(cfg *config.Config, o Options) (*Server, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.DataDir == "" {
		o.DataDir = defaultDataDir
	}
	if o.SocketDir == "" {
		o.SocketDir = "/run/kea"
	}
	if o.Log == nil {
		o.Log = logging.Start(logging.Options{})
	}
	if o.AfterFunc == nil {
		o.AfterFunc = func(d time.Duration, f func()) interface{ Stop() bool } { return time.AfterFunc(d, f) }
	}
	if o.Seed == 0 {
		o.Seed = uint64(o.Now().UnixNano())
	}
	s := &Server{o: o, cfg: cfg, metrics: metrics.New(o.Release), ready: make(chan struct{}), streams: &events.Streams{Limit: webStreams}}
	s.page = s.newPage()
	s.metrics.Readers(s.readers)
	var err error
	if cfg.V4 != nil {
		s.v4, err = s.newFamily(cfg.V4)
	}
	if err == nil && cfg.V6 != nil {
		s.v6, err = s.newFamily(cfg.V6)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Server) families() []*family {
	var all []*family
	for _, f := range [...]*family{s.v4, s.v6} {
		if f != nil {
			all = append(all, f)
		}
	}
	return all
}

func (s *Server) newFamily(c *config.Family) (*family, error) {
	log, err := s.o.Log.Sink(fmt.Sprintf("kea-dhcp%d", c.Version), c.Loggers)
	if err != nil {
		return nil, err
	}
	now := s.o.Now()
	store, backend, remembered, err := openLeases(c, &s.o, log, now)
	if err != nil {
		return nil, err
	}
	f := &family{version: c.Version, log: log, now: s.o.Now, began: now, rearm: make(chan struct{}, 1),
		cleaning: make(chan struct{}, 1), happening: &s.happening, listener: listener{wake: make(chan struct{}, 1)}}
	f.meters = s.metrics.Family(f.version, f.reading)
	if err := f.hooked.open(f, c); err != nil {
		if backend != nil {
			err = errors.Join(err, backend.Close())
		}
		return nil, err
	}
	f.queries.New = func() any { return new(engine.Query) }
	f.cfg.Store(c)
	eo := engine.Options{Now: now, Seed: s.o.Seed, Enabled: log.Enabled, Diskless: backend == nil, ToSource: s.o.ToSource}
	lo := listen.Options{Family: listen.V4, Port: s.o.ServerPort4}
	eo.ServerPort, eo.ClientPort = s.o.ServerPort4, s.o.ClientPort4
	if c.Version == 6 {
		lo = listen.Options{Family: listen.V6, Port: s.o.ServerPort6}
		eo.ServerPort, eo.ClientPort = s.o.ServerPort6, s.o.ClientPort6
		dir := dataDir(c, &s.o)
		if eo.DUID, err = openDUID(&c.ServerID, dir, now, rand.New(rand.NewPCG(s.o.Seed, 1))); err != nil {
			return nil, err
		}
		log.Log(message.DHCP6UsingServerID, "server-id %x is kept in %s", eo.DUID, duidFile(dir))
	}
	if remembered != nil {
		eo.Resumed = remembered.resumed
	}
	path := s.o.leaseFile(c)
	if backend == nil {
		path = ""
	} else if eo.Reports, err = readReports(lease.OS, path); err != nil {
		log.Log(message.PairReportFail, "those of earlier runs are not shown: %v", err)
	}
	f.memory = newKeeper(f, remembered, store, path, eo.Reports)
	f.engine = engine.New(c, store, eo)
	f.routes = route.New(func(err error) { log.Log(message.PDRouteFail, "%v", err) })
	f.peers = newPeers(s, f)
	f.disk = newDisk(f, backend)
	go f.disk.run()
	lo.Serve, lo.Changed, lo.Keeper = f.serve, f.changed, s.o.Sockets
	if c.Version == 6 {
		lo.Stirred = func() { f.bring(engine.LinksChanged{}) }
	}
	lo.Failed = func(o *listen.Outgoing, err error) {
		m := message.DHCP4PacketSendFail
		if f.version == 6 {
			m = message.DHCP6PacketSendFail
		}
		f.log.Log(m, "to %s: %v", o.Dst, err)
	}
	f.sockets = listen.New(lo)
	return f, nil
}

// Run serves until ctx ends, a shutdown command comes or a family cannot go
// on. After a shutdown command with an exit value the error is an Exit.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	s.stopping.Lock()
	s.stop = stop
	s.stopping.Unlock()
	var wg sync.WaitGroup
	if err := s.start(ctx, &wg); err != nil {
		stop(err)
	}
	<-ctx.Done()
	for _, f := range s.families() {
		f.log.Log(f.message(message.DHCP4ShutdownRequest, message.DHCP6ShutdownRequest), "the server is to end: %v", context.Cause(ctx))
		f.goodbye()
		f.peers.close()
	}
	closed := s.closeDoors()
	s.closeWeb()
	wg.Wait()
	err := context.Cause(ctx)
	if errors.Is(err, context.Canceled) || errors.Is(err, Exit(0)) {
		err = nil
	}
	err = errors.Join(err, closed, s.close())
	for _, f := range s.families() {
		f.log.Log(f.message(message.DHCP4Shutdown, message.DHCP6Shutdown), "server shutdown")
	}
	return err
}

// start sets everything going.
func (s *Server) start(ctx context.Context, wg *sync.WaitGroup) error {
	for _, f := range s.families() {
		c := f.cfg.Load()
		if err := f.sockets.Apply(&c.Interfaces); err != nil {
			return err
		}
		wg.Go(func() { f.tick(ctx) })
		wg.Go(func() { f.cleanUp(ctx) })
		wg.Go(func() { s.listen(ctx, f) })
		wg.Go(func() {
			if err := f.sockets.Run(ctx); err != nil {
				s.end(err)
			}
		})
		if err := f.peers.listen(c); err != nil {
			return err
		}
		s.changing.Lock()
		err := errors.Join(s.openDoors(f, c.ControlSockets), s.openEvents(f, c), s.openWeb(f, c))
		s.changing.Unlock()
		if err != nil {
			return err
		}
		s.startedWith(f, c)
		f.configured(c)
		f.log.Log(started(f.version), "leasehold server version %s started", Version)
	}
	if err := s.openAgent(); err != nil {
		return err
	}
	wg.Go(func() { s.page.Watch(ctx, s.served) })
	close(s.ready)
	return nil
}

// end makes Run return, with the error as its reason.
func (s *Server) end(err error) {
	s.stopping.Lock()
	defer s.stopping.Unlock()
	if s.stop != nil {
		s.stop(err)
	}
}

// closeDoors closes all control sockets; commands at work are answered.
func (s *Server) closeDoors() error {
	s.changing.Lock()
	var doors []*door
	for _, f := range s.families() {
		doors = append(doors, f.doors...)
		f.doors = nil
		if f.confirm != nil {
			f.confirm.timer.Stop()
			f.confirm = nil
		}
	}
	s.changing.Unlock()
	err := closeDoors(doors)
	if s.agent != nil {
		err = errors.Join(err, s.agent.Close(doorGrace))
	}
	return err
}

func started(version int) *message.Message {
	if version == 6 {
		return message.DHCP6Started
	}
	return message.DHCP4Started
}

// close ends what New and Run began, in the order that loses nothing: no more
// queries, then the disk, and the sockets when all that was promised has left.
func (s *Server) close() error {
	var errs []error
	for _, f := range s.families() {
		if f.sockets != nil {
			f.sockets.Quiet()
		}
		errs = append(errs, f.disk.close(f.memory.close))
		if f.sockets != nil {
			f.sockets.Close()
		}
		f.hooked.close()
		f.routes.Close()
	}
	errs = append(errs, s.lastEvents())
	return errors.Join(errs...)
}
