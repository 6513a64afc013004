package link

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
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
	watchAfter    = 5 * time.Millisecond
	seriesLinger  = 2 * time.Second
	defaultClient = 4 // connections to a peer where the configuration has 0
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
		close(l.jobs)
	}
	c.peers = make(map[string]*link)
	for _, w := range c.series {
		w.close()
	}
	c.series = make(map[uint64]*wire)
	c.mu.Unlock()
	c.stop()
	c.wait.Wait()
}

// Send sends the command of a DoSend and calls done exactly once, from another
// goroutine, with what came of it. threads is the relationship's
// http-client-threads. Of a only the command is kept.
func (c *Client) Send(a *ha.Action, threads int, done func(ha.Answer)) {
	j := &task{command: a.Command, done: done, deadline: time.Now().Add(a.Timeout)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		go done(ha.Answer{Err: errClosed})
		return
	}
	if a.Fresh {
		peer, series := a.Peer, a.Series // a is the caller's again once Send returns
		c.wait.Go(func() { c.sendFresh(peer, series, j) })
		return
	}
	l := c.link(a.Peer)
	select {
	case l.jobs <- j:
	default:
		go done(ha.Answer{Err: errBusy})
		return
	}
	if threads <= 0 {
		threads = defaultClient
	}
	if l.workers < threads && len(l.jobs) > l.idle {
		l.workers++
		c.wait.Go(func() { c.work(l) })
	}
}

// link is the way to one peer entry: its queue and its workers.
type link struct {
	peer    config.Peer
	address string
	head    string // of a request, up to the length
	certs   *certificates
	err     error
	jobs    chan *task
	workers int // under Client.mu
	idle    int // under Client.mu
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
		close(l.jobs)
	}
	l = newLink(p)
	c.peers[p.Name] = l
	return l
}

func newLink(p *config.Peer) *link {
	l := &link{peer: *p, jobs: make(chan *task, maxQueued)}
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

// wire is one connection. It is used by one goroutine at a time.
type wire struct {
	conn net.Conn
	in   *bufio.Reader
	out  []byte
	used bool // has carried an answer
	end  *time.Timer
	stop func() bool // unties the connection from the client's end
}

func (w *wire) close() {
	if w != nil {
		w.stop()
		w.conn.Close()
	}
}

// work carries commands over one connection at a time.
func (c *Client) work(l *link) {
	var w *wire
	defer func() { w.close() }()
	for {
		j, ok := c.nextTask(l, &w)
		if !ok {
			return
		}
		var a ha.Answer
		w, a = c.carry(l, w, j)
		j.done(a)
	}
}

// nextTask waits for a command. An idle connection is watched meanwhile, so
// that the end of the peer's process is known when it happens.
func (c *Client) nextTask(l *link, w **wire) (*task, bool) {
	c.mu.Lock()
	l.idle++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		l.idle--
		c.mu.Unlock()
	}()
	if *w == nil {
		j, ok := <-l.jobs
		return j, ok
	}
	soon := time.NewTimer(watchAfter)
	defer soon.Stop()
	select {
	case j, ok := <-l.jobs:
		return j, ok
	case <-soon.C:
	}
	ended := make(chan struct{})
	conn := (*w).conn
	go func() {
		(*w).in.Peek(1) // returns at the end, at a deadline, or for bytes nobody asked for
		close(ended)
	}()
	select {
	case j, ok := <-l.jobs:
		conn.SetReadDeadline(time.Unix(1, 0))
		<-ended
		if (*w).in.Buffered() > 0 || conn.SetReadDeadline(time.Time{}) != nil {
			(*w).close()
			*w = nil
		}
		return j, ok
	case <-ended:
		(*w).close()
		*w = nil
		if c.OnClosed != nil && c.ctx.Err() == nil {
			c.OnClosed(l.peer.Name)
		}
		j, ok := <-l.jobs
		return j, ok
	}
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
		w.close()
	default:
		c.series[series] = w
		w.end = time.AfterFunc(seriesLinger, func() {
			c.mu.Lock()
			if c.series[series] == w {
				delete(c.series, series)
				w.close()
			}
			c.mu.Unlock()
		})
	}
	c.mu.Unlock()
	j.done(a)
}

// carry sends one command and reads its answer. A connection that was used
// before and ends without a single byte has met the peer's idle limit: once
// more, then.
func (c *Client) carry(l *link, w *wire, j *task) (*wire, ha.Answer) {
	if l.err != nil {
		w.close()
		return nil, ha.Answer{Err: l.err}
	}
	for {
		if w == nil {
			conn, err := c.dial(l, j.deadline)
			if err != nil {
				return nil, ha.Answer{Err: err, Refused: errors.Is(err, syscall.ECONNREFUSED), Ended: ended(err)}
			}
			w = &wire{conn: conn, in: bufio.NewReaderSize(conn, 8<<10)}
			w.stop = context.AfterFunc(c.ctx, func() { conn.Close() })
		}
		body, keep, started, err := w.exchange(l, j)
		if err == nil {
			if !keep {
				w.close()
				w = nil
			}
			if c.OnResponse != nil {
				c.OnResponse(&l.peer, body)
			}
			return w, j.command.Decode(body)
		}
		stale := w.used && !started && !isTimeout(err)
		w.close()
		w = nil
		if !stale {
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

// exchange writes the request and reads the response. started says whether
// any byte of the response was seen.
func (w *wire) exchange(l *link, j *task) (body []byte, keep, started bool, err error) {
	w.conn.SetDeadline(j.deadline)
	const room = 96 // for the digits and the rest of the head
	w.out = append(w.out[:0], l.head...)
	at := len(w.out)
	w.out = append(w.out, make([]byte, room)...)
	w.out = j.command.Append(w.out)
	length := len(w.out) - at - room
	rest := append(strconv.AppendInt(nil, int64(length), 10), "\r\nContent-Type: application/json\r\n\r\n"...)
	copy(w.out[at:], rest)
	w.out = w.out[:at+len(rest)+copy(w.out[at+len(rest):], w.out[at+room:])]
	_, err = w.conn.Write(w.out)
	if cap(w.out) > 1<<20 {
		w.out = nil
	}
	if err != nil {
		return nil, false, false, err
	}
	if _, err = w.in.Peek(1); err != nil {
		return nil, false, false, err
	}
	res, err := http.ReadResponse(w.in, &http.Request{Method: http.MethodPost})
	if err != nil {
		return nil, false, true, fmt.Errorf("read response: %w", err)
	}
	defer res.Body.Close()
	limit := int64(maxAnswer)
	if j.command.Bulky() {
		limit = maxPage
	}
	if res.ContentLength > limit {
		return nil, false, true, errors.New("response is too long")
	}
	if n := res.ContentLength; n >= 0 {
		// Grown as it arrives: a length is only a promise.
		body = make([]byte, 0, min(n, 1<<20)+1)
	}
	body, err = readAll(io.LimitReader(res.Body, limit+1), body)
	switch {
	case err != nil:
		return nil, false, true, fmt.Errorf("read response: %w", err)
	case int64(len(body)) > limit:
		return nil, false, true, errors.New("response is too long")
	}
	w.used = true
	w.conn.SetDeadline(time.Time{})
	return body, !res.Close && w.in.Buffered() == 0, true, nil
}

func readAll(r io.Reader, dst []byte) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}
