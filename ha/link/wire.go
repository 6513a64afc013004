package link

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"

	"leasehold/ha"
)

// wire is one connection, and the goroutine that reads from it: answers, and
// between them the end of the peer's process, so that this is known when it
// happens. Whoever gives it a task writes the request.
type wire struct {
	raw  syscall.RawConn // nil: writing is more than a system call
	in   *bufio.Reader
	out  []byte
	body []byte
	used bool        // has carried an answer
	end  *time.Timer // of a series
	stop func() bool // unties the connection from the client's end

	conn    net.Conn      // written by the goroutine, under Client.mu; nil: none
	task    *task         // guarded by Client.mu; nil: idle
	handing bool          // guarded by Client.mu: an answer is being handed out
	written chan struct{} // guarded by Client.mu: closed when the rest of a request is; nil: none was left
}

// open connects a wire for j, unless it is connected.
func (c *Client) open(l *link, w *wire, j *task) (a ha.Answer, ok bool) {
	switch {
	case l.err != nil:
		return ha.Answer{Err: l.err}, false
	case w.conn != nil:
		return a, true
	}
	conn, err := c.dial(l, j.deadline)
	if err != nil {
		return ha.Answer{Err: err, Refused: errors.Is(err, syscall.ECONNREFUSED), Ended: ended(err)}, false
	}
	w.in, w.used, w.raw = bufio.NewReaderSize(conn, 8<<10), false, nil
	if t, ok := conn.(*net.TCPConn); ok {
		if raw, err := t.SyscallConn(); err == nil {
			w.raw = raw
		}
	}
	w.stop = context.AfterFunc(c.ctx, func() { conn.Close() })
	c.mu.Lock()
	w.conn = conn
	c.mu.Unlock()
	return a, true
}

// drop ends a wire's connection.
func (c *Client) drop(w *wire) {
	c.mu.Lock()
	conn := w.conn
	w.conn = nil
	c.mu.Unlock()
	if conn != nil {
		w.stop()
		conn.Close()
	}
}

// begin gives a connected wire a task and sends the request, without waiting:
// what the connection does not take at once is left to a goroutine. Client.mu is
// held.
func (w *wire) begin(l *link, j *task) {
	w.task = j
	w.conn.SetReadDeadline(j.deadline)
	w.compose(l, j.command)
	n := 0
	if w.raw != nil {
		n = w.try()
	}
	if w.written = nil; n < len(w.out) {
		conn, rest, written := w.conn, slices.Clone(w.out[n:]), make(chan struct{})
		w.written = written
		go func() {
			defer close(written)
			conn.SetWriteDeadline(j.deadline)
			conn.Write(rest) // that it did not arrive is what reading will tell
		}()
	}
	if cap(w.out) > 1<<20 {
		w.out = nil
	}
}

// compose writes a request into w.out.
func (w *wire) compose(l *link, command *ha.Command) {
	const room = 96 // for the digits and the rest of the head
	w.out = append(w.out[:0], l.head...)
	at := len(w.out)
	var rest [room]byte
	w.out = append(w.out, rest[:]...)
	w.out = command.Append(w.out)
	head := append(strconv.AppendInt(rest[:0], int64(len(w.out)-at-room), 10), "\r\nContent-Type: application/json\r\n\r\n"...)
	copy(w.out[at:], head)
	w.out = w.out[:at+len(head)+copy(w.out[at+len(head):], w.out[at+room:])]
}

// try writes as much of w.out as the connection takes now.
func (w *wire) try() (n int) {
	err := w.raw.Write(func(fd uintptr) bool {
		var err error
		if n, err = syscall.Write(int(fd), w.out); err != nil {
			n = 0
			if err != syscall.EAGAIN && err != syscall.EINTR {
				n = len(w.out) // it is broken, as reading will tell
			}
		}
		return true
	})
	if err != nil {
		return len(w.out) // closed
	}
	return n
}

// work carries commands over one connection at a time, beginning with w.task.
func (c *Client) work(l *link, w *wire, j *task) {
	for j != nil {
		a, ok := c.open(l, w, j)
		if !ok {
			j.done(a)
			j = c.next(l, w)
			continue
		}
		c.mu.Lock()
		w.begin(l, j)
		c.mu.Unlock()
		j = c.listen(l, w)
	}
}

// next returns the next command of the queue for a wire without connection. If
// there is none, the wire is no more.
func (c *Client) next(l *link, w *wire) *task {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.task = l.pop(); w.task == nil {
		l.remove(w)
	}
	return w.task
}

// listen reads from a connected wire until the connection ends, and returns the
// command that is to be carried over another one, if any. One that was used
// before and ends without a single byte has met the peer's idle limit: once more,
// then.
func (c *Client) listen(l *link, w *wire) *task {
	for {
		_, err := w.in.Peek(1)
		c.mu.Lock()
		j := w.task
		switch {
		case isTimeout(err) && (j == nil || time.Now().Before(j.deadline)): // that of a task that is done
			if j == nil {
				w.conn.SetReadDeadline(time.Time{})
			}
			c.mu.Unlock()
			continue
		case j == nil: // ended, or bytes nobody asked for
			l.remove(w)
			replaced := l.ended
			c.mu.Unlock()
			c.drop(w)
			if c.OnClosed != nil && !replaced && c.ctx.Err() == nil {
				c.OnClosed(l.peer.Name)
			}
			return nil
		}
		c.mu.Unlock()
		if err == nil {
			if !c.answered(l, w, j) {
				return c.next(l, w)
			}
			continue
		}
		c.drop(w)
		if w.used && !isTimeout(err) {
			return j
		}
		j.done(ha.Answer{Err: err, Ended: !isTimeout(err)})
		return c.next(l, w)
	}
}

// answered reads an answer and hands it out. The wire can take the next command
// before that, unless it is not kept.
func (c *Client) answered(l *link, w *wire, j *task) (keep bool) {
	a, keep := c.response(l, w, j)
	c.mu.Lock()
	keep = keep && !l.ended
	if keep {
		w.task, w.handing = nil, true
		if next := l.pop(); next != nil {
			w.begin(l, next)
		}
	}
	c.mu.Unlock()
	if !keep {
		c.drop(w)
	}
	j.done(a)
	if keep {
		c.mu.Lock()
		w.handing = false
		c.mu.Unlock()
	}
	return keep
}

// response reads an answer. keep says whether the connection can be used again.
func (c *Client) response(l *link, w *wire, j *task) (a ha.Answer, keep bool) {
	limit := maxAnswer
	if j.command.Bulky() {
		limit = maxPage
	}
	body, keep, err := w.read(limit)
	if err != nil {
		return ha.Answer{Err: err, Ended: !isTimeout(err)}, false
	}
	w.used = true
	if c.OnResponse != nil {
		c.OnResponse(&l.peer, body)
	}
	return j.command.Decode(body), keep && c.wrote(w)
}

// wrote says whether all of a request is written. An answer may come before
// that, if only by a little.
func (c *Client) wrote(w *wire) bool {
	c.mu.Lock()
	written := w.written
	c.mu.Unlock()
	if written == nil {
		return true
	}
	select {
	case <-written:
		return true
	case <-time.After(answerEarly):
		return false
	}
}

var errTooLong = errors.New("response is too long")

// read reads a response of at most limit bytes. The body is valid until the next.
func (w *wire) read(limit int) (body []byte, keep bool, err error) {
	if n, ok := w.ownHead(); ok {
		if n > limit {
			return nil, false, errTooLong
		}
		// Grown as it arrives: a length is only a promise.
		w.body, err = readAll(io.LimitReader(w.in, int64(n)), slices.Grow(w.body[:0], min(n+1, 1<<20)))
		if err == nil && len(w.body) < n {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, false, fmt.Errorf("read response: %w", err)
		}
		body = w.body
		if cap(w.body) > 1<<20 {
			w.body = nil
		}
		return body, w.in.Buffered() == 0, nil
	}
	res, err := http.ReadResponse(w.in, &http.Request{Method: http.MethodPost})
	if err != nil {
		return nil, false, fmt.Errorf("read response: %w", err)
	}
	defer res.Body.Close()
	if res.ContentLength > int64(limit) {
		return nil, false, errTooLong
	}
	if n := res.ContentLength; n >= 0 {
		body = make([]byte, 0, min(n, 1<<20)+1)
	}
	body, err = readAll(io.LimitReader(res.Body, int64(limit)+1), body)
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("read response: %w", err)
	case len(body) > limit:
		return nil, false, errTooLong
	}
	return body, !res.Close && w.in.Buffered() == 0, nil
}

// ownHead reads the head of a response if all of it is there, and worded as our
// listener words it, and returns the length of the body. Else it reads nothing.
func (w *wire) ownHead() (n int, ok bool) {
	b, _ := w.in.Peek(w.in.Buffered())
	size := bytes.Index(b, []byte("\r\n\r\n"))
	if size < 0 {
		return 0, false
	}
	b, ok = bytes.CutPrefix(b[:size], []byte("HTTP/1.1 200 OK\r\nContent-Length: "))
	if !ok {
		return 0, false
	}
	digits, b, _ := bytes.Cut(b, []byte("\r\n"))
	date, ok := bytes.CutPrefix(b, []byte("Content-Type: application/json\r\nDate: "))
	if !ok || len(digits) == 0 || len(digits) > 9 || bytes.IndexByte(date, '\n') >= 0 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	w.in.Discard(size + 4)
	return n, true
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
