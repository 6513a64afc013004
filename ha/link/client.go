package link

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"syscall"
	"time"

	"leasehold/config"
	"leasehold/ha"
)

const (
	maxPage       = 256 << 20 // bytes; a page of half a million leases
	maxAnswer     = 4 << 20   // to all else
	maxQueued     = 8192      // commands waiting for a connection to one peer
	seriesLinger  = 2 * time.Second
	answerEarly   = time.Second // an answer that comes before its request is written ends the connection
	defaultClient = 4           // connections to a peer where the configuration has 0
)

var (
	errBusy   = errors.New("too many commands wait for the peer")
	errClosed = errors.New("client is closed")
)

// Client sends commands to peers over persistent connections, one command at a
// time on each.
type Client struct {
	// OnClosed, if set, is told when a peer closes an idle connection. Set it
	// before the first Send.
	OnClosed func(peer string)
	// OnResponse, if set, is shown the body of every response. Set it before
	// the first Send.
	OnResponse func(peer *config.Peer, body []byte)

	mu     sync.Mutex
	peers  map[string]*link
	series map[uint64]*wire
	closed bool
	ctx    context.Context
	stop   context.CancelFunc
	wait   sync.WaitGroup
}

// NewClient returns a Client that works until Close.
func NewClient() *Client {
	c := &Client{peers: make(map[string]*link), series: make(map[uint64]*wire)}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close ends all connections; commands under way are answered with an error.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	for _, l := range c.peers {
		l.end()
	}
	c.peers = make(map[string]*link)
	for _, w := range c.series {
		w.conn.Close()
	}
	c.series = make(map[uint64]*wire)
	c.mu.Unlock()
	c.stop()
	c.wait.Wait()
}

// Send sends the command of a DoSend and calls done exactly once, from another
// goroutine, with what came of it. threads is the relationship's
// http-client-threads. Of a only the command is kept.
//
// Over a connection that is idle the request leaves at once, by the caller; it is
// the answer that needs a goroutine, and one waits for it already.
func (c *Client) Send(a *ha.Action, threads int, done func(ha.Answer)) {
	j := &task{command: a.Command, done: done, deadline: time.Now().Add(a.Timeout)}
	if threads <= 0 {
		threads = defaultClient
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		go done(ha.Answer{Err: errClosed})
		return
	case a.Fresh:
		peer, series := a.Peer, a.Series // a is the caller's again once Send returns
		c.wait.Go(func() { c.sendFresh(peer, series, j) })
		return
	}
	l := c.link(a.Peer)
	if w := l.idle(); w != nil {
		w.begin(l, j)
		return
	}
	switch {
	case len(l.wires) < threads:
		w := &wire{task: j}
		l.wires = append(l.wires, w)
		c.wait.Go(func() { c.work(l, w, j) })
	case len(l.queue) < maxQueued:
		l.queue = append(l.queue, j)
	default:
		go done(ha.Answer{Err: errBusy})
	}
}

// link is the way to one peer entry. Its queue and its wires are guarded by
// Client.mu.
type link struct {
	peer    config.Peer
	address string
	head    string // of a request, up to the length
	certs   *certificates
	err     error
	queue   []*task // as long as all wires are busy
	wires   []*wire // each with a goroutine
	ended   bool    // another link has taken its place
}

// task is one command on its way.
type task struct {
	command  *ha.Command
	done     func(ha.Answer)
	deadline time.Time
}

// link returns the link of a peer entry; a changed entry gets a new one.
func (c *Client) link(p *config.Peer) *link {
	l := c.peers[p.Name]
	if l != nil {
		was := l.peer
		was.Pos = p.Pos
		if was == *p {
			return l
		}
		l.end()
	}
	l = newLink(p)
	c.peers[p.Name] = l
	return l
}

// end closes what is idle and lets the rest finish. Client.mu is held.
func (l *link) end() {
	l.ended = true
	for _, w := range l.wires {
		if w.conn != nil && w.task == nil {
			w.conn.Close()
		}
	}
}

// pop takes the oldest command out of the queue; nil: there is none. Client.mu is
// held.
func (l *link) pop() *task {
	if len(l.queue) == 0 {
		return nil
	}
	j := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	return j
}

// remove takes a wire out. Client.mu is held.
func (l *link) remove(w *wire) {
	l.wires = slices.DeleteFunc(l.wires, func(x *wire) bool { return x == w })
}

// idle returns a wire that can take a task, rather one whose goroutine waits
// for the answer than one that still hands out the last. Client.mu is held.
func (l *link) idle() (found *wire) {
	for _, w := range l.wires {
		if w.conn == nil || w.task != nil {
			continue
		}
		if found = w; !w.handing {
			break
		}
	}
	return found
}

func newLink(p *config.Peer) *link {
	l := &link{peer: *p}
	u, err := url.Parse(p.URL)
	if err != nil {
		l.err = fmt.Errorf("read url of %s: %w", p.Name, err)
		return l
	}
	l.address = u.Host
	// Kea's Host has no port, and IPv6 addresses have no brackets.
	l.head = "POST / HTTP/1.1\r\nHost: " + u.Hostname() + "\r\n"
	if p.User != "" {
		l.head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p.User+":"+p.Password)) + "\r\n"
	}
	l.head += "Content-Length: "
	if p.TLS.On() {
		l.certs = &certificates{files: p.TLS}
	}
	return l
}

// sendFresh sends a command of a series, which has a connection of its own.
func (c *Client) sendFresh(p *config.Peer, series uint64, j *task) {
	c.mu.Lock()
	w := c.series[series]
	delete(c.series, series)
	if w != nil {
		w.end.Stop()
	}
	c.mu.Unlock()
	w, a := c.carry(newLink(p), w, j)
	c.mu.Lock()
	switch {
	case w == nil:
	case c.closed:
		w.conn.Close()
	default:
		c.series[series] = w
		w.end = time.AfterFunc(seriesLinger, func() {
			c.mu.Lock()
			if c.series[series] == w {
				delete(c.series, series)
				w.stop()
				w.conn.Close()
			}
			c.mu.Unlock()
		})
	}
	c.mu.Unlock()
	j.done(a)
}

// carry sends one command of a series and reads its answer, over w if that is
// not nil. A connection that was used before and ends without a single byte has
// met the peer's idle limit: once more, then.
func (c *Client) carry(l *link, w *wire, j *task) (*wire, ha.Answer) {
	if w == nil {
		w = &wire{}
	}
	for {
		if a, ok := c.open(l, w, j); !ok {
			return nil, a
		}
		c.mu.Lock()
		w.begin(l, j)
		c.mu.Unlock()
		_, err := w.in.Peek(1)
		if err == nil {
			a, keep := c.response(l, w, j)
			if !keep {
				c.drop(w)
				return nil, a
			}
			return w, a
		}
		c.drop(w)
		if !w.used || isTimeout(err) {
			return nil, ha.Answer{Err: err, Ended: !isTimeout(err)}
		}
	}
}

// ended says whether a process that is about to end has met the attempt to
// connect: its listener resets what it does not accept any more.
func ended(err error) bool { return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) }

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

func (c *Client) dial(l *link, deadline time.Time) (net.Conn, error) {
	ctx, cancel := context.WithDeadline(c.ctx, deadline)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", l.address)
	if err != nil || l.certs == nil {
		return conn, err
	}
	settings, err := l.certs.client()
	if err != nil {
		conn.Close()
		return nil, err
	}
	t := tls.Client(conn, settings)
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return t, nil
}
