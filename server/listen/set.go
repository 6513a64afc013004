package listen

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/server/wire"
)

// settle is how long after a change of the system's interfaces they are read:
// changes come in swarms.
const settle = 50 * time.Millisecond

// Options are what a Set is made of. Only Serve is required.
type Options struct {
	Family Family
	Port   uint16 // 0: 67 or 547

	// Serve is called in a goroutine of its own for each socket opened. It calls
	// Receive until that returns net.ErrClosed.
	Serve func(*Socket)
	// Changed hears of every change of what is served, in order. It must not
	// call the Set.
	Changed func(Change)
	// Stirred hears that links or addresses of the system have changed, also
	// where that changes nothing in what is served. nil: nobody wants to know.
	Stirred func()
	// Failed hears of datagrams that could not be sent. It is called by the
	// goroutine that sends and must not keep the datagram.
	Failed func(*Outgoing, error)
	// Keeper, if any, holds the sockets across a restart of the process.
	Keeper Keeper
}

// Change is one change of what is served.
type Change struct {
	Opened, Closed []Serving
	Problems       []error // new ones: not there before
	Status         Status
}

// Serving describes an open socket. Kind is raw, udp or broadcast (DHCPv4),
// multicast, link-local or unicast (DHCPv6).
type Serving struct{ Interface, Kind, Address string }

func (v Serving) String() string {
	if v.Address == "" {
		return v.Interface + " " + v.Kind
	}
	return v.Interface + " " + v.Kind + " " + v.Address
}

// The states of Status, as status-get shows them.
const (
	Ready    = "ready"
	Retrying = "retrying"
	Failed   = "failed"
)

// Status says what is being served, and what ought to be and is not.
type Status struct {
	State   string
	Errors  []string
	Serving []Serving
	// Fatal is set when service-sockets-require-all is, something is missing
	// and no retry is left: Kea ends then.
	Fatal bool
}

// Set is the sockets of one family.
type Set struct {
	opts Options
	port uint16

	view     atomic.Pointer[view]
	rejected atomic.Uint64
	quiet    atomic.Bool
	wg       sync.WaitGroup
	kick     chan struct{} // wakes Run after Apply

	mu       sync.Mutex
	closed   bool
	spec     config.InterfacesConfig
	ifaces   map[int]*wire.Interface
	sockets  map[key]*Socket
	link     *Socket // sends frames; nil until a packet socket is wanted
	problems []error
	attempts uint32 // timed retries since Apply
	fatal    bool   // as last told
}

// view is what receivers and senders need, replaced as a whole.
type view struct {
	places map[int]place // by interface index
	local6 map[int]*Socket
	udp    *Socket // sends what is not tied to an interface
	link   *Socket // sends frames
}

// place is where a datagram came in.
type place struct {
	iface *wire.Interface
	local netip.Addr
}

// New makes a Set without sockets.
func New(o Options) *Set {
	s := &Set{opts: o, port: o.Port, sockets: map[key]*Socket{}, kick: make(chan struct{}, 1)}
	if s.port == 0 {
		s.port = 67
		if o.Family == V6 {
			s.port = 547
		}
	}
	s.view.Store(&view{})
	return s
}

// Apply opens and closes sockets so that spec is served; sockets that are in
// both the old and the new one stay open. What cannot be opened is in Status and
// is tried again by Run, unless spec requires all and allows no retry: then
// Apply returns to the old sockets and fails.
func (s *Set) Apply(spec *config.InterfacesConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, oldAttempts := s.spec, s.attempts
	s.spec, s.attempts = *spec, 0
	if err := s.reconcile(); err != nil {
		return err
	}
	if spec.RequireAll && spec.MaxRetries == 0 && len(s.problems) > 0 {
		err := errors.Join(s.problems...)
		s.spec, s.attempts = old, oldAttempts
		return errors.Join(err, s.reconcile())
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
	return nil
}

// Run follows the system's interfaces and retries what could not be opened,
// until ctx ends.
func (s *Set) Run(ctx context.Context) error {
	w, err := watchInterfaces()
	if err != nil {
		return err
	}
	defer w.close()
	soon := time.NewTimer(0) // what changed before the watch began
	retry := time.NewTimer(time.Hour)
	retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.kick:
			s.armRetry(retry)
			continue
		case <-w.changed:
			soon.Reset(settle)
			continue
		case <-soon.C:
		case <-retry.C:
			s.mu.Lock()
			s.attempts++
			s.mu.Unlock()
		}
		s.mu.Lock()
		err := s.reconcile()
		s.mu.Unlock()
		if err != nil && !errors.Is(err, errSetClosed) {
			soon.Reset(time.Second)
		}
		if s.opts.Stirred != nil {
			s.opts.Stirred()
		}
		s.armRetry(retry)
	}
}

func (s *Set) armRetry(t *time.Timer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) > 0 && s.attempts < s.spec.MaxRetries {
		t.Reset(s.spec.RetryWait)
	} else {
		t.Stop()
	}
}

// Status returns what is being served now.
func (s *Set) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status()
}

func (s *Set) status() Status {
	st := Status{State: Ready}
	for _, err := range s.problems {
		st.Errors = append(st.Errors, err.Error())
	}
	if len(st.Errors) > 0 {
		st.State = Failed
		if s.attempts < s.spec.MaxRetries {
			st.State = Retrying
		} else {
			st.Fatal = s.spec.RequireAll
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(s.sockets), compareKeys) {
		st.Serving = append(st.Serving, s.sockets[k].Serving())
	}
	return st
}

// Rejected is the number of datagrams dropped because they were no intact UDP
// datagram.
func (s *Set) Rejected() uint64 { return s.rejected.Load() }

// Lost is the number of datagrams that found the queues of the sockets open now
// full.
func (s *Set) Lost() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n uint64
	for _, sock := range s.sockets {
		n += sock.lost()
	}
	return n
}

// Close closes all sockets and waits until every Serve has returned.
func (s *Set) Close() {
	s.mu.Lock()
	s.closed = true
	for k, sock := range s.sockets {
		sock.close()
		delete(s.sockets, k)
	}
	if s.link != nil {
		s.link.close()
	}
	s.view.Store(&view{})
	s.mu.Unlock()
	s.wg.Wait()
}

var errSetClosed = errors.New("sockets are closed")

// reconcile brings the open sockets to what the configuration asks for on the
// interfaces as they are now. The caller holds the lock.
func (s *Set) reconcile() error {
	if s.closed || s.quiet.Load() {
		return errSetClosed
	}
	links, err := readLinks(s.ifaces)
	if err != nil {
		return fmt.Errorf("read interfaces: %w", err)
	}
	s.ifaces = map[int]*wire.Interface{}
	for _, l := range links {
		s.ifaces[l.Index] = l.Interface
	}
	p := makePlan(s.opts.Family, &s.spec, links)
	var c Change
	for k, sock := range s.sockets {
		if _, keep := p.sockets[k]; !keep {
			c.Closed = append(c.Closed, sock.Serving())
			sock.close()
			s.forget(k)
			delete(s.sockets, k)
		}
	}
	var opened []*Socket
	for _, k := range slices.SortedFunc(maps.Keys(p.sockets), compareKeys) {
		w := p.sockets[k]
		if sock := s.sockets[k]; sock != nil {
			if err := s.update(sock, w); err != nil {
				p.problems = append(p.problems, err)
			}
			continue
		}
		sock, err := s.open(k, w)
		if err != nil {
			p.problems = append(p.problems, err)
			continue
		}
		s.sockets[k] = sock
		opened = append(opened, sock)
		c.Opened = append(c.Opened, sock.Serving())
	}
	if err := s.openLink(); err != nil {
		p.problems = append(p.problems, err)
	}
	s.view.Store(s.makeView(&p))
	s.start(opened)
	s.tell(c, p.problems)
	return nil
}

func (s *Set) start(opened []*Socket) {
	for _, sock := range opened {
		s.wg.Add(1)
		go func() {
			defer s.wg.Done()
			defer sock.served()
			s.opts.Serve(sock)
		}()
	}
}

// tell replaces the problems and reports what is new.
func (s *Set) tell(c Change, problems []error) {
	known := map[string]bool{}
	for _, err := range s.problems {
		known[err.Error()] = true
	}
	for _, err := range problems {
		if !known[err.Error()] {
			c.Problems = append(c.Problems, err)
		}
	}
	solved := len(s.problems) > 0 && len(problems) == 0
	s.problems = problems
	c.Status = s.status()
	gaveUp := c.Status.Fatal && !s.fatal
	s.fatal = c.Status.Fatal
	if len(c.Opened)+len(c.Closed)+len(c.Problems) == 0 && !solved && !gaveUp {
		return
	}
	slices.SortFunc(c.Closed, func(a, b Serving) int { return cmp.Compare(a.String(), b.String()) })
	if s.opts.Changed != nil {
		s.opts.Changed(c)
	}
}

func (s *Set) openLink() error {
	if s.link != nil {
		return nil
	}
	for k := range s.sockets {
		if k.kind == packet4 {
			var err error
			s.link, err = openSender(s)
			return err
		}
	}
	return nil
}

func (s *Set) makeView(p *plan) *view {
	v := &view{places: map[int]place{}, local6: map[int]*Socket{}, link: s.link}
	for index, iface := range s.ifaces {
		at := place{iface: iface, local: p.local[index]}
		if !at.local.IsValid() {
			at.local = firstAddr(s.opts.Family, iface)
		}
		v.places[index] = at
	}
	for _, k := range slices.SortedFunc(maps.Keys(s.sockets), compareKeys) {
		switch k.kind {
		case unicast4, global6:
			if v.udp == nil {
				v.udp = s.sockets[k]
			}
		case local6:
			if v.local6[k.ifindex] == nil {
				v.local6[k.ifindex] = s.sockets[k]
			}
		}
	}
	return v
}

func firstAddr(f Family, iface *wire.Interface) netip.Addr {
	prefixes := iface.V4
	if f == V6 {
		prefixes = iface.V6
	}
	if len(prefixes) == 0 {
		return netip.Addr{}
	}
	return prefixes[0].Addr()
}

func (s *Set) failed(o *Outgoing, err error) {
	if s.opts.Failed != nil {
		s.opts.Failed(o, err)
	}
}

// Interface returns an interface of the system by name.
func (s *Set) Interface(name string) (*wire.Interface, error) {
	for _, at := range s.view.Load().places {
		if at.iface.Name == name {
			return at.iface, nil
		}
	}
	return nil, fmt.Errorf("interface %s is not there", name)
}
