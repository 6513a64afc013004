package link

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/ha"
)

// Handler answers a command that came in over HTTP: with an HTTP status, 200
// for all that was processed, and a body. It may be called by many goroutines.
type Handler func(ctx context.Context, r *ha.Request) (status int, answer []byte)

// Listener is the dedicated HTTP listener of a relationship. Set the fields
// before Serve.
type Listener struct {
	Handler        Handler
	Admit          func(command string) bool // nil: all; else the others get 403
	User, Password string                    // "" = no authentication
	TLS            config.TLSFiles           // empty: plain HTTP
	DemandCerts    bool                      // of clients
	MaxBody        int                       // bytes; 0 = 64 MiB
	MaxConns       int                       // 0 = 256
	IdleTimeout    time.Duration             // 0 = 75 s; Kea: 30 s
	ReadTimeout    time.Duration             // for a request; 0 = 10 s as Kea

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	wait  sync.WaitGroup
}

// NewListener returns the listener that a relationship asks for.
func NewListener(rel *config.Relationship, h Handler) *Listener {
	this := rel.This()
	l := &Listener{Handler: h, User: this.User, Password: this.Password, TLS: this.TLS, DemandCerts: rel.RequireClientCerts}
	if rel.RestrictCommands {
		l.Admit = ha.Admitted
	}
	return l
}

// Address returns host and port of our own URL.
func Address(rel *config.Relationship) (string, error) {
	u, err := url.Parse(rel.This().URL)
	if err != nil {
		return "", err
	}
	return u.Host, nil
}

// Serve answers connections until ctx ends, then waits for the commands under
// way. It closes ln.
func (l *Listener) Serve(ctx context.Context, ln net.Listener) error {
	l.conns = make(map[net.Conn]struct{})
	if l.MaxBody <= 0 {
		l.MaxBody = 64 << 20
	}
	if l.MaxConns <= 0 {
		l.MaxConns = 256
	}
	if l.IdleTimeout <= 0 {
		l.IdleTimeout = 75 * time.Second
	}
	if l.ReadTimeout <= 0 {
		l.ReadTimeout = 10 * time.Second
	}
	var certs *certificates
	if l.TLS.On() {
		certs = &certificates{files: l.TLS}
		if _, _, err := certs.load(); err != nil {
			ln.Close()
			return err
		}
	}
	stop := context.AfterFunc(ctx, func() {
		ln.Close()
		l.mu.Lock()
		for c := range l.conns {
			c.SetReadDeadline(time.Unix(1, 0)) // the command under way is still answered
		}
		l.mu.Unlock()
	})
	defer stop()
	defer l.wait.Wait()
	for {
		conn, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			if e, ok := err.(net.Error); ok && e.Timeout() {
				continue
			}
			if !pause(ctx, 10*time.Millisecond) { // out of descriptors, or the like
				return nil
			}
			continue
		}
		if certs != nil {
			conn = tls.Server(conn, certs.server(l.DemandCerts))
		}
		if !l.enter(ctx, conn) {
			conn.Close()
			continue
		}
		l.wait.Go(func() {
			defer l.exit(conn)
			l.talk(ctx, conn)
		})
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (l *Listener) enter(ctx context.Context, c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.MaxConns || ctx.Err() != nil {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Listener) exit(c net.Conn) {
	c.Close()
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}

// head is what we read of a request before its body.
type head struct {
	version   string // HTTP/1.0, HTTP/1.1
	post      bool
	json      bool
	keepAlive bool
	chunked   bool
	length    int // -1: none
	auth      string
}

var errHead = errors.New("not a request that we take")

// talk answers the requests of one connection.
func (l *Listener) talk(ctx context.Context, conn net.Conn) {
	in := bufio.NewReaderSize(conn, 16<<10)
	var body, out []byte
	for first := true; ctx.Err() == nil; first = false {
		if first {
			conn.SetReadDeadline(time.Now().Add(l.ReadTimeout))
		} else {
			conn.SetReadDeadline(time.Now().Add(l.IdleTimeout))
			if _, err := in.Peek(1); err != nil || ctx.Err() != nil {
				return
			}
			conn.SetReadDeadline(time.Now().Add(l.ReadTimeout))
		}
		h, err := readHead(in)
		status, keep := 0, h.keepAlive
		switch {
		case err != nil && isTimeout(err) && ctx.Err() == nil:
			status, keep = 408, false
		case errors.Is(err, errHead):
			status, keep = 400, false
		case err != nil:
			return
		case !h.post || !h.json || h.chunked || h.length < 0 || h.length > l.MaxBody:
			status, keep = 400, false
		case !l.authorized(h.auth):
			status, keep = 401, false // before a byte of the body is kept
		}
		var answer []byte
		if status == 0 {
			// Ten seconds for a command, more for what takes longer to send.
			conn.SetReadDeadline(time.Now().Add(l.ReadTimeout * time.Duration(1+h.length>>20)))
			body, err = readBody(in, body, h.length)
			switch {
			case err != nil && isTimeout(err) && ctx.Err() == nil:
				status, keep = 408, false
			case err != nil:
				return
			default:
				status, answer = l.answer(ctx, body)
			}
		}
		if answer == nil {
			answer = refusal(status)
		}
		out = appendResponse(out[:0], h.version, status, keep, answer)
		conn.SetWriteDeadline(time.Now().Add(l.ReadTimeout * time.Duration(1+len(out)>>20)))
		if _, err := conn.Write(out); err != nil || !keep {
			if err == nil {
				l.drain(conn, in)
			}
			return
		}
		if cap(body) > 1<<20 {
			body = nil
		}
		if cap(out) > 1<<20 {
			out = nil
		}
	}
}

// drain gives the peer time to read a refusal: closing with unread bytes would
// destroy it on the way.
func (l *Listener) drain(conn net.Conn, in *bufio.Reader) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
	conn.SetReadDeadline(time.Now().Add(time.Second))
	io.CopyN(io.Discard, in, 1<<20)
}

// answer admits a command and has it answered.
func (l *Listener) answer(ctx context.Context, body []byte) (int, []byte) {
	if len(bytes.TrimSpace(body)) == 0 {
		r := ha.Reply{Result: 1, Text: "Command processing failed: NULL command parameter"}
		return 200, r.Append(nil)
	}
	r, err := ha.ParseRequest(body)
	switch {
	case errors.Is(err, ha.ErrSyntax):
		return 400, nil
	case err != nil:
		reply := ha.Reply{Result: 1, Text: err.Error()}
		return 200, reply.Append(nil)
	case l.Admit != nil && !l.Admit(r.Name):
		return 403, nil
	}
	return l.Handler(ctx, &r)
}

func (l *Listener) authorized(header string) bool {
	if l.User == "" {
		return true
	}
	scheme, code, _ := strings.Cut(header, " ")
	given, err := base64.StdEncoding.DecodeString(strings.TrimSpace(code))
	return err == nil && strings.EqualFold(scheme, "Basic") &&
		subtle.ConstantTimeCompare(given, []byte(l.User+":"+l.Password)) == 1
}

// readHead reads request line and header fields.
func readHead(in *bufio.Reader) (h head, err error) {
	h.version, h.length = "HTTP/1.1", -1
	line, err := readLine(in)
	if err != nil {
		return h, err
	}
	parts := strings.Fields(line)
	if len(parts) != 3 || parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0" {
		return h, errHead
	}
	h.post, h.version = parts[0] == "POST", parts[2]
	h.keepAlive = h.version == "HTTP/1.1"
	for range 100 {
		if line, err = readLine(in); err != nil {
			return h, err
		}
		if line == "" {
			return h, nil
		}
		if err := h.field(line); err != nil {
			return h, err
		}
	}
	return h, errHead
}

func (h *head) field(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t") {
		return errHead
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(name) {
	case "content-length":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || h.length >= 0 {
			return errHead
		}
		h.length = int(n)
	case "content-type":
		h.json = value == "application/json"
	case "transfer-encoding":
		h.chunked = true
	case "authorization":
		h.auth = value
	case "connection":
		switch strings.ToLower(value) {
		case "close":
			h.keepAlive = false
		case "keep-alive":
			h.keepAlive = true
		}
	}
	return nil
}

// readLine reads a line of a head. Lines that do not fit the buffer are
// refused.
func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errHead
	}
	if err != nil {
		return "", err
	}
	return string(bytes.TrimRight(line, "\r\n")), nil
}

// readBody reads n bytes into dst, which grows as they arrive: a length is
// only a promise.
func readBody(in *bufio.Reader, dst []byte, n int) ([]byte, error) {
	dst = dst[:0]
	for len(dst) < n {
		step := min(n-len(dst), 256<<10)
		at := len(dst)
		dst = append(dst, make([]byte, step)...)
		if _, err := io.ReadFull(in, dst[at:]); err != nil {
			return dst[:0], err
		}
	}
	return dst, nil
}

func reason(status int) string {
	switch status {
	case 200:
		return "OK"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 408:
		return "Request Timeout"
	}
	return "Internal Server Error"
}

// refusal is the body that goes with a status other than 200.
func refusal(status int) []byte {
	b := append([]byte(`{ "result": `), strconv.Itoa(status)...)
	return append(append(append(b, `, "text": "`...), reason(status)...), `" }`...)
}

// appendResponse writes a response as Kea does. Content-Length is always
// there: Kea takes a response without for one without body.
func appendResponse(dst []byte, version string, status int, keep bool, body []byte) []byte {
	dst = append(append(dst, version...), ' ')
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(append(dst, ' '), reason(status)...)
	dst = append(dst, "\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(dst, "\r\nContent-Type: application/json\r\nDate: "...)
	dst = time.Now().UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	if status == 401 {
		dst = append(dst, "\r\nWWW-Authenticate: Basic realm=\"leasehold\""...)
	}
	switch {
	case !keep && version == "HTTP/1.1":
		dst = append(dst, "\r\nConnection: close"...)
	case keep && version == "HTTP/1.0":
		dst = append(dst, "\r\nConnection: keep-alive"...)
	}
	dst = append(dst, "\r\n\r\n"...)
	return append(dst, body...)
}
