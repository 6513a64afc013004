package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/capture"
	"leasehold/server/control"
	"leasehold/server/listen"
	"leasehold/server/logging"
	"leasehold/server/message"
	"leasehold/server/replay"
)

// ShadowOptions are what a Shadow needs from its process.
type ShadowOptions struct {
	Now func() time.Time
	Log *logging.Writer
	// Mirror is an interface at a mirror port of the servers' network; "": the
	// interfaces of the configuration, on the server's own host.
	Mirror string
	// Servers are the DHCPv4 servers whose answers count; empty: all.
	Servers   []netip.Addr
	SocketDir string // of the control sockets shadow4 and shadow6
	DataDir   string // of lease files without a directory; "" = /var/lib/kea
	// Patience is how long the other server may take; 0 = 10 s.
	Patience time.Duration
}

// Shadow decides about what another server answers, beside it: it sends nothing,
// takes no port, writes no file but its control sockets, and tells where it would
// have answered otherwise.
type Shadow struct {
	o        ShadowOptions
	families []*shadowed
	taps     []*listen.Tap
	ready    chan struct{}
}

// shadowed is one family of a Shadow.
type shadowed struct {
	cfg   *config.Family
	log   *logging.Sink
	now   func() time.Time
	begun time.Time
	seen  chan *replay.Message
	door  *control.Door

	mu    sync.Mutex // guards the rest
	watch *replay.Watch
	last  []*replay.Exchange // that differ, oldest first
	lost  uint64
}

// Room of a Shadow.
const (
	shadowQueue = 8192 // messages that wait for their turn
	shadowLast  = 200  // exchanges that are remembered
)

// NewShadow opens the taps, then reads the lease files of the other server.
func NewShadow(cfg *config.Config, o ShadowOptions) (*Shadow, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Patience == 0 {
		o.Patience = 10 * time.Second
	}
	if o.DataDir == "" {
		o.DataDir = "/var/lib/kea"
	}
	s := &Shadow{o: o, ready: make(chan struct{})}
	for _, c := range []*config.Family{cfg.V4, cfg.V6} {
		if c == nil {
			continue
		}
		log, err := o.Log.Sink(fmt.Sprintf("leasehold-shadow%d", c.Version), nil)
		if err != nil {
			return nil, err
		}
		s.families = append(s.families, &shadowed{cfg: c, log: log, now: o.Now, begun: o.Now(), seen: make(chan *replay.Message, shadowQueue)})
	}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *Shadow) open() error {
	names := []string{s.o.Mirror}
	if s.o.Mirror == "" {
		names = tapNames(s.families)
	}
	if len(names) == 0 {
		return errors.New("interfaces-config names no interface: name one by --mirror")
	}
	for _, name := range names {
		t, err := listen.OpenTap(name, s.o.Mirror != "")
		if err != nil {
			return err
		}
		s.taps = append(s.taps, t)
	}
	for _, f := range s.families {
		if err := f.begin(s); err != nil {
			return err
		}
	}
	return nil
}

// tapNames are the interfaces that configurations listen on.
func tapNames(families []*shadowed) []string {
	var names []string
	for _, f := range families {
		for _, i := range f.cfg.Interfaces.Interfaces {
			names = append(names, i.Name)
		}
		if !f.cfg.Interfaces.All {
			continue
		}
		all, _ := net.Interfaces()
		for _, i := range all {
			if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagLoopback == 0 {
				names = append(names, i.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// begin loads the leases, and learns what can be known of the other server.
func (f *shadowed) begin(s *Shadow) error {
	o := &Options{DataDir: s.o.DataDir}
	store, files, err := leasesBeside(f.cfg, o)
	if err != nil {
		return fmt.Errorf("read the leases of the other server: %w", err)
	}
	if f.cfg.LeaseDB.Persist {
		f.log.Log(message.ShadowStarted, "%d leases of %s", store.Len(), strings.Join(files, ", "))
	}
	iface := ""
	if names := replay.Interfaces(f.cfg); s.o.Mirror != "" && !slices.Contains(names, s.o.Mirror) && len(names) != 1 {
		iface = s.o.Mirror
	}
	side := replay.NewSide(f.cfg, store, replay.Options{Now: f.begun, Seed: uint64(f.begun.UnixNano()), Iface: iface})
	f.watch = replay.NewWatch(side, s.o.Servers, s.o.Patience)
	if f.cfg.Version == 6 {
		duid, err := readDUID(dataDir(f.cfg, o))
		if err != nil {
			return err
		}
		side.KnowDUID(duid)
		return f.openDoor(s)
	}
	for _, a := range s.o.Servers {
		side.KnowAddress(a, "")
	}
	for _, t := range s.taps {
		i := interfaceNamed(t.Name)
		if i == nil || s.o.Mirror != "" {
			continue
		}
		for _, p := range i.V4 {
			side.KnowAddress(p.Addr(), t.Name)
		}
	}
	return f.openDoor(s)
}

// leasesBeside reads the leases of a server that may be at work, and says where
// they were.
func leasesBeside(f *config.Family, o *Options) (store *lease.Store, files []string, err error) {
	store = lease.NewStore(f.Version, 1)
	path := o.leaseFile(f)
	switch {
	case !f.LeaseDB.Persist:
	case f.LeaseDB.Type == "sqlite":
		files, err = []string{path}, lease.ReadDBBeside(path, store)
	default:
		var report lease.LoadReport
		report, err = lease.ReadBeside(path, store)
		files = report.Files
	}
	return store, files, err
}

// readDUID reads the server identifier that the other server keeps; nil if it
// keeps none.
func readDUID(dir string) ([]byte, error) {
	text, err := os.ReadFile(duidFile(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read server identifier: %w", err)
	}
	return parseDUID(string(text)), nil
}

func (f *shadowed) openDoor(s *Shadow) error {
	if err := os.MkdirAll(s.o.SocketDir, 0o750); err != nil {
		return fmt.Errorf("make directory of the control sockets: %w", err)
	}
	path := filepath.Join(s.o.SocketDir, fmt.Sprintf("shadow%d", f.cfg.Version))
	var err error
	f.door, err = control.Open(control.Endpoint{
		Socket: config.ControlSocket{Type: "unix", Path: path}, Handler: control.HandlerFunc(f.handle),
	}, control.Options{Log: f.log, Now: s.o.Now, Role: Role})
	if err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	return nil
}

// Ready is closed when the Shadow watches.
func (s *Shadow) Ready() <-chan struct{} { return s.ready }

// Run watches until ctx ends.
func (s *Shadow) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	failed := make(chan error, len(s.taps))
	for _, t := range s.taps {
		wg.Go(func() { failed <- s.read(t) })
	}
	for _, f := range s.families {
		wg.Go(func() { f.run(ctx) })
		f.log.Log(message.ShadowStarted, "watching %s", s.tapped())
	}
	close(s.ready)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	err = errors.Join(err, s.close())
	if ctx.Err() == nil {
		return err // whoever called ends the process
	}
	wg.Wait()
	for _, f := range s.families {
		f.log.Log(message.ShadowTotals, "%s", f.summary())
	}
	return err
}

func (s *Shadow) tapped() string {
	var names []string
	for _, t := range s.taps {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

func (s *Shadow) close() error {
	var errs []error
	for _, t := range s.taps {
		errs = append(errs, t.Close())
	}
	for _, f := range s.families {
		if f.door != nil {
			errs = append(errs, f.door.Close(doorGrace))
		}
	}
	return errors.Join(errs...)
}

// read takes frames from an interface until the tap is closed.
func (s *Shadow) read(t *listen.Tap) error {
	buf := make([]byte, 1<<16)
	for {
		n, err := t.Read(buf)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listen on %s: %w", t.Name, err)
		}
		f := capture.Frame{At: s.o.Now(), Link: capture.Ethernet, Iface: t.Name, Data: buf[:n]}
		if !t.Ethernet {
			f.Link = capture.Raw
		}
		d, err := f.Datagram()
		if err != nil {
			continue
		}
		m, ok := replay.Read(f.At, t.Name, d)
		if !ok {
			continue
		}
		for _, x := range s.families {
			if x.cfg.Version == m.Version {
				x.offer(&m)
			}
		}
		if lost := t.Lost(); lost > 0 {
			for _, x := range s.families {
				x.count(lost)
			}
		}
	}
}

func (f *shadowed) offer(m *replay.Message) {
	select {
	case f.seen <- m:
	default:
		f.count(1)
	}
}

func (f *shadowed) count(lost uint64) {
	f.mu.Lock()
	f.lost += lost
	f.mu.Unlock()
}

// run decides about what was seen.
func (f *shadowed) run(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-f.seen:
			f.mu.Lock()
			f.note(f.watch.See(m))
			f.mu.Unlock()
		case <-ticker.C:
			now := f.now()
			f.mu.Lock()
			f.watch.Side().Elapse(now)
			f.note(f.watch.Expire(now))
			f.mu.Unlock()
		}
	}
}

// note remembers and logs what differs.
func (f *shadowed) note(over []*replay.Exchange) {
	for _, x := range over {
		if x.Verdict != replay.Differs {
			continue
		}
		if len(f.last) == shadowLast {
			f.last = slices.Delete(f.last, 0, 1)
		}
		f.last = append(f.last, x)
		d := &x.Ours.Decision
		for _, y := range x.Differences {
			f.log.Log(message.ShadowDiffers, "%s of %s: %s: would be %s, is %s", d.Type(), d.Client(), y.Field, orNone(y.Ours), orNone(y.Theirs))
		}
	}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
