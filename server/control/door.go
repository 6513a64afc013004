package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// Options are what every door of a process shares.
type Options struct {
	Log  *logging.Sink
	Now  func() time.Time
	Role func(command string) Role // what a command demands; nil = nothing

	// Limits; zero values mean these.
	MaxRequest int64         // bytes of one request: 64 MiB
	Budget     *Budget       // bytes of all unfinished requests: 256 MiB
	MaxCallers int           // open connections of one door: 256
	Silence    time.Duration // incomplete request: 10 s, as Kea
	Idle       time.Duration // HTTP connection between requests: 30 s, as Kea
	Patience   time.Duration // for one request to arrive whole: 2 min
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxRequest == 0 {
		o.MaxRequest = 64 << 20
	}
	if o.Budget == nil {
		o.Budget = NewBudget(256 << 20)
	}
	if o.MaxCallers == 0 {
		o.MaxCallers = 256
	}
	if o.Silence == 0 {
		o.Silence = 10 * time.Second
	}
	if o.Idle == 0 {
		o.Idle = 30 * time.Second
	}
	if o.Patience == 0 {
		o.Patience = 2 * time.Minute
	}
	return o
}

// Budget bounds the memory of the requests that are still arriving or being
// worked on, over all doors that share it.
type Budget struct{ left atomic.Int64 }

// NewBudget returns a budget of that many bytes.
func NewBudget(bytes int64) *Budget {
	b := &Budget{}
	b.left.Store(bytes)
	return b
}

func (b *Budget) take(n int64) bool {
	if b.left.Add(-n) >= 0 {
		return true
	}
	b.left.Add(n)
	return false
}

func (b *Budget) give(n int64) { b.left.Add(n) }

// Endpoint says where commands arrive and what becomes of them there.
type Endpoint struct {
	Socket  config.ControlSocket
	Handler Handler // of the daemon behind this door; nil with Agent
	// Service is the only value that a `service` member may have here
	// ("dhcp4"); "" = not looked at. Kea looks at it on HTTP control sockets only.
	Service string
	// Agent makes this door the control agent's: `service` routes.
	Agent *Agent
	// Admit restricts the commands that are let in (restrict-commands of the
	// listener for HA partners); nil = all.
	Admit func(command string) bool
	// Documents are what GET answers over HTTP, by path. They are public to
	// everybody who may come in.
	Documents map[string]func() []byte
	Mode      uint32 // of a unix socket; 0 = 0770
}

// Door is one open endpoint.
type Door struct {
	opts     Options
	endpoint atomic.Pointer[Endpoint]
	listener net.Listener
	tls      *certificates // nil without TLS
	release  func()        // gives back what surrounds the listener
	ctx      context.Context
	cancel   context.CancelFunc
	serving  sync.WaitGroup
	slots    chan struct{}
	attempts attempts

	mu      sync.Mutex // guards the rest
	conns   map[net.Conn]struct{}
	closing bool
}

// Open listens at an endpoint and serves it until Close.
func Open(e Endpoint, o Options) (*Door, error) {
	o = o.withDefaults()
	d := &Door{opts: o, slots: make(chan struct{}, o.MaxCallers), conns: make(map[net.Conn]struct{}), release: func() {}}
	d.endpoint.Store(&e)
	d.ctx, d.cancel = context.WithCancel(context.Background())
	serve := d.serveHTTP
	var err error
	switch e.Socket.Type {
	case "unix":
		serve = d.serveUnix
		d.listener, d.release, err = listenUnix(e.Socket.Path, e.Mode)
		if err == nil {
			d.log(message.CommandAcceptorStart, "Starting to accept connections via unix domain socket bound to %s", e.Socket.Path)
		}
	case "http", "https":
		err = d.openHTTP(e)
	default:
		err = fmt.Errorf("open control socket: unknown type %q", e.Socket.Type)
	}
	if err != nil {
		d.cancel()
		return nil, err
	}
	d.serving.Add(1)
	go d.accept(serve)
	return d, nil
}

// Addr is where the door listens.
func (d *Door) Addr() net.Addr { return d.listener.Addr() }

// Reconfigure replaces everything about an endpoint but its address, between
// two commands.
func (d *Door) Reconfigure(e Endpoint) error {
	old := d.endpoint.Load()
	if e.Socket.Type != old.Socket.Type || e.Socket.Path != old.Socket.Path || e.Socket.Addr != old.Socket.Addr {
		return errors.New("reconfigure control socket: its address differs")
	}
	if d.tls != nil {
		if err := d.tls.use(e.Socket.TLS, e.Socket.CertRequired); err != nil {
			return fmt.Errorf("reconfigure control socket: %w", err)
		}
	}
	d.endpoint.Store(&e)
	return nil
}

// Close stops listening, lets commands at work finish for at most grace, and
// then cuts their connections.
func (d *Door) Close(grace time.Duration) error {
	err := d.shut()
	d.drain(grace)
	return err
}

// shut lets nobody in any more, and cuts off who has not sent a whole request.
func (d *Door) shut() error {
	d.mu.Lock()
	if d.closing {
		d.mu.Unlock()
		return nil
	}
	d.closing = true
	for c := range d.conns {
		c.SetReadDeadline(longAgo)
	}
	d.mu.Unlock()
	err := d.listener.Close()
	d.release()
	return err
}

// drain waits for the commands at work.
func (d *Door) drain(grace time.Duration) {
	done := make(chan struct{})
	go func() { d.serving.Wait(); close(done) }()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
	d.cancel()
	d.mu.Lock()
	for c := range d.conns {
		c.Close()
	}
	d.mu.Unlock()
	<-done
}

var longAgo = time.Unix(1, 0)

// readBefore sets the deadline of the next read, unless the door is closing.
func (d *Door) readBefore(c net.Conn, deadline time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closing {
		return net.ErrClosed
	}
	return c.SetReadDeadline(deadline)
}

func (d *Door) isClosing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closing
}

func (d *Door) accept(serve func(net.Conn)) {
	defer d.serving.Done()
	for {
		d.slots <- struct{}{}
		c, err := d.listener.Accept()
		if err != nil {
			<-d.slots
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// Out of descriptors: whoever closes a connection makes room.
			time.Sleep(10 * time.Millisecond)
			continue
		}
		d.mu.Lock()
		d.conns[c] = struct{}{}
		d.mu.Unlock()
		d.serving.Add(1)
		go func() {
			defer func() {
				c.Close()
				d.mu.Lock()
				delete(d.conns, c)
				d.mu.Unlock()
				<-d.slots
				d.serving.Done()
			}()
			serve(c)
		}()
	}
}

func (d *Door) log(m *message.Message, format string, args ...any) {
	if d.opts.Log != nil {
		d.opts.Log.Log(m, format, args...)
	}
}

// forbidden is the answer to a caller whose role is too small.
var forbidden = Answer{Result: 403, Text: "Forbidden"}

func (d *Door) demands(command string) Role {
	if d.opts.Role == nil {
		return Read
	}
	return d.opts.Role(command)
}

// permits says whether the caller's role suffices.
func (d *Door) permits(c *Command) bool {
	if c.Caller.Role >= d.demands(c.Name) {
		return true
	}
	d.log(message.AccessRefused, "user '%s' from %s over %s may not %s",
		printable(c.Caller.User), c.Caller.Addr, c.Caller.Transport, printable(c.Name))
	return false
}

// run carries out one command and audits what may change something.
func (d *Door) run(h Handler, c *Command) Answer {
	d.log(message.CommandReceived, "Received command '%s'", printable(c.Name))
	a := h.Handle(d.ctx, c)
	if d.demands(c.Name) > Read {
		d.log(message.AuditCommand, "user '%s' from %s over %s: %s: result %d",
			printable(c.Caller.User), c.Caller.Addr, c.Caller.Transport, printable(c.Name), a.result())
	}
	return a
}

// refuse is the answer to a request that is no command.
func (d *Door) refuse(err error) Answer {
	d.log(message.CommandProcessError2, "Error while processing command: %s", printable(err.Error()))
	return Answer{Result: Failure, Text: err.Error()}
}

// printable keeps a caller from writing lines of its own into our log.
func printable(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	quoted := AppendString(nil, s)
	return string(quoted[1 : len(quoted)-1])
}

// writeAll writes p in pieces, each with its own deadline: a caller that reads
// slowly is served, one that does not read is cut off.
func (d *Door) writeAll(c net.Conn, p []byte) error {
	const piece = 256 << 10
	for len(p) > 0 {
		n := min(piece, len(p))
		if err := c.SetWriteDeadline(d.opts.Now().Add(d.opts.Silence)); err != nil {
			return err
		}
		if _, err := c.Write(p[:n]); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// writePieces writes one piece after the other.
func (d *Door) writePieces(c net.Conn, pieces [][]byte) error {
	for _, p := range pieces {
		if err := d.writeAll(c, p); err != nil {
			return err
		}
	}
	return nil
}

// lingerBytes is how much a caller may still send once it has its answer.
const lingerBytes = 128 << 20

// linger ends a connection whose caller is still sending: closing it at once
// would reset it, and the answer could be lost before it is read. What comes is
// read past as long as it keeps coming, within Silence.
func (d *Door) linger(c net.Conn) {
	if half, ok := c.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	end := d.opts.Now().Add(d.opts.Silence)
	for left := int64(lingerBytes); left > 0; {
		pause := d.opts.Now().Add(time.Second)
		if pause.After(end) || d.readBefore(c, pause) != nil {
			return
		}
		n, err := io.CopyN(io.Discard, c, min(left, 1<<20))
		if left -= n; err != nil {
			return
		}
	}
}
