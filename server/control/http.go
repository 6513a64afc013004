package control

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"leasehold/config"
	"leasehold/server/message"
)

// maxHead bounds request line and headers.
const maxHead = 32 << 10

func (d *Door) openHTTP(e Endpoint) error {
	scheme := strings.ToUpper(e.Socket.Type)
	if e.Socket.Type == "https" {
		var err error
		if d.tls, err = loadCertificates(e.Socket.TLS, e.Socket.CertRequired, d); err != nil {
			return fmt.Errorf("open control socket: %w", err)
		}
	}
	listener, err := net.Listen("tcp", e.Socket.Addr.String())
	if err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	d.listener = listener
	addr := listener.Addr().(*net.TCPAddr)
	d.log(message.HTTPCommandMgrServiceStarted, "started %s service bound to address %s port %d", scheme, addr.IP, addr.Port)
	return nil
}

// response is one HTTP response. A nil body with status 0 means none at all.
type response struct {
	status int
	body   [][]byte // in pieces
	realm  *string  // WWW-Authenticate
	close  bool     // the rest of the request was not read
}

// failure is an HTTP error with Kea's body: a map, not a list.
func failure(status int) response {
	return response{status: status, body: [][]byte{AppendAnswer(nil, status, http.StatusText(status), nil)}}
}

// serveHTTP answers the requests of one connection.
func (d *Door) serveHTTP(c net.Conn) {
	if d.tls != nil {
		t := tls.Server(c, d.tls.config())
		ctx, cancel := context.WithTimeout(d.ctx, d.opts.Silence)
		err := t.HandshakeContext(ctx)
		cancel()
		if err != nil {
			return
		}
		c = t
	}
	head := &headReader{}
	br := bufio.NewReader(head)
	for first := true; ; first = false {
		if !first {
			// Kea: an idle connection is closed without a word.
			if d.readBefore(c, d.opts.Now().Add(d.opts.Idle)) != nil {
				return
			}
			head.r, head.left = c, maxHead
			if _, err := br.Peek(1); err != nil {
				return
			}
		}
		r := d.newArrival(c)
		head.r, head.left = r, maxHead
		req, resp := d.exchange(br, head, r)
		r.giveBack()
		if resp.status == 0 || d.respond(c, req, resp) != nil {
			return
		}
		if req == nil || resp.close {
			d.linger(c)
			return
		}
		if req.Close {
			return
		}
	}
}

// headReader lets through a bounded number of bytes. http.ReadRequest sets no
// limit itself.
type headReader struct {
	r    io.Reader
	left int64
}

var errHeadTooLarge = errors.New("request head is too large")

func (h *headReader) Read(p []byte) (int, error) {
	if h.left <= 0 {
		return 0, errHeadTooLarge
	}
	n, err := h.r.Read(p[:min(int64(len(p)), h.left)])
	h.left -= int64(n)
	return n, err
}

// exchange reads one request and decides its response.
func (d *Door) exchange(br *bufio.Reader, head *headReader, r *arrival) (*http.Request, response) {
	req, err := http.ReadRequest(br)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, failure(http.StatusRequestTimeout)
	case errors.Is(err, errGone), errors.Is(err, io.EOF):
		return nil, response{}
	case errors.Is(err, errHeadTooLarge) && guarded(d.endpoint.Load().Socket.Auth):
		// Credentials that long are nobody's.
		return nil, d.unauthorized(&d.endpoint.Load().Socket.Auth.Realm)
	case err != nil:
		return nil, failure(http.StatusBadRequest)
	}
	head.left = d.opts.MaxRequest + int64(br.Size())
	e := d.endpoint.Load()
	caller := Caller{Transport: e.Socket.Type, Addr: r.c.RemoteAddr().String()}
	if resp, ok := d.checkHead(e, req, &caller); !ok {
		// A small body is read past so that the connection can go on.
		if req.ContentLength < 0 || req.ContentLength > maxHead {
			resp.close = true
		} else if _, err := io.CopyN(io.Discard, req.Body, req.ContentLength); err != nil {
			resp.close = true
		}
		return req, resp
	}
	if strings.EqualFold(req.Header.Get("Expect"), "100-continue") && br.Buffered() == 0 {
		if err := d.writeAll(r.c, []byte("HTTP/1.1 100 Continue\r\n\r\n")); err != nil {
			return req, response{}
		}
	}
	err = r.body(req.Body, req.ContentLength)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		resp := failure(http.StatusRequestTimeout)
		resp.close = true
		return req, resp
	case errors.Is(err, errGone), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return req, response{}
	case err != nil:
		resp := failure(http.StatusRequestEntityTooLarge)
		resp.close = true
		return req, resp
	}
	return req, d.answerHTTP(e, r.text, caller)
}

// checkHead decides what can be decided without the body: nobody without
// credentials makes us hold one. Otherwise the response is the answer.
func (d *Door) checkHead(e *Endpoint, req *http.Request, caller *Caller) (response, bool) {
	document := e.Documents[req.URL.Path]
	switch {
	case req.Method == http.MethodGet && document != nil && req.ContentLength == 0:
	case req.Method != http.MethodPost,
		// Kea: exactly, without parameters.
		len(req.Header["Content-Type"]) != 1 || req.Header["Content-Type"][0] != "application/json",
		req.Header.Get("Content-Length") == "" || len(req.TransferEncoding) > 0:
		return failure(http.StatusBadRequest), false
	}
	if resp, ok := d.admit(e.Socket.Auth, req, caller); !ok {
		return resp, false
	}
	switch {
	case req.Method == http.MethodGet:
		return response{status: http.StatusOK, body: [][]byte{document()}}, false
	case req.ContentLength > d.opts.MaxRequest:
		return failure(http.StatusRequestEntityTooLarge), false
	}
	return response{}, true
}

// admit lets a caller in, or says why not. Who guesses too fast is not heard.
func (d *Door) admit(a *config.Authentication, req *http.Request, caller *Caller) (response, bool) {
	if !guarded(a) {
		caller.Role = Change
		return response{}, true
	}
	from, now := sourceOf(caller.Addr), d.opts.Now()
	if !d.attempts.open(from, now) {
		return failure(http.StatusTooManyRequests), false
	}
	role, user, ok := authenticate(a, req)
	caller.Role, caller.User = role, user
	if ok {
		return response{}, true
	}
	d.log(message.AccessRefused, "user '%s' from %s over %s has no or wrong credentials",
		printable(user), caller.Addr, caller.Transport)
	// No credentials are no guess: that is how a client asks what is wanted.
	if req.Header.Get("Authorization") != "" && d.attempts.wrong(from, now) {
		d.log(message.AccessRefused, "too many wrong credentials from %s: for %s they are not looked at", from, attemptPause)
	}
	return d.unauthorized(&a.Realm), false
}

func (d *Door) unauthorized(realm *string) response {
	resp := failure(http.StatusUnauthorized)
	resp.realm = realm
	return resp
}

// answerHTTP carries out the command of one body. Every answer is a list.
func (d *Door) answerHTTP(e *Endpoint, text []byte, caller Caller) response {
	if len(text) == 0 {
		return listOf(Answer{Result: Failure, Text: "Command processing failed: NULL command parameter"})
	}
	// Kea: over HTTP neither comments nor anything behind the value.
	if !json.Valid(text) {
		return failure(http.StatusBadRequest)
	}
	c, err := parseEnvelope(text)
	if err != nil {
		return listOf(d.refuse(err))
	}
	c.Caller = caller
	if e.Admit != nil && !e.Admit(c.Name) || !d.permits(c) {
		return response{status: http.StatusForbidden, body: forbidden.pieces()}
	}
	if e.Agent != nil {
		return listOf(d.route(e.Agent, c)...)
	}
	if wrong := foreignService(e.Service, c.Service); wrong != "" {
		return listOf(Answer{Result: Failure, Text: wrong})
	}
	return listOf(d.run(e.Handler, c))
}

// foreignService says what is wrong with the `service` of a command at the
// door of one daemon, or "".
func foreignService(ours string, service *config.Value) string {
	switch {
	case ours == "" || service == nil:
	case service.Kind != config.List:
		return "service value must be a list"
	case len(service.List) > 1:
		return "service value has more than one item"
	case len(service.List) == 1 && service.List[0].Kind != config.String:
		return "service value must be a list of strings"
	case len(service.List) == 1 && service.List[0].Str != ours:
		return fmt.Sprintf("unsupported service '%s', expected '%s'", service.List[0].Str, ours)
	}
	return ""
}

func listOf(answers ...Answer) response {
	body := [][]byte{[]byte("[ ")}
	for i, a := range answers {
		if i > 0 {
			body = append(body, []byte(", "))
		}
		body = append(body, a.pieces()...)
	}
	return response{status: http.StatusOK, body: append(body, []byte(" ]"))}
}

// smallBody is what is written together with the head, in one system call.
const smallBody = 64 << 10

// respond writes head and body. Kea's clients demand a Content-Length.
func (d *Door) respond(c net.Conn, req *http.Request, resp response) error {
	proto := "HTTP/1.1"
	if req != nil && req.ProtoMajor == 1 && req.ProtoMinor == 0 {
		proto = "HTTP/1.0"
	}
	length := 0
	for _, piece := range resp.body {
		length += len(piece)
	}
	p := make([]byte, 0, 1024)
	p = append(p, proto...)
	p = append(p, ' ')
	p = strconv.AppendInt(p, int64(resp.status), 10)
	p = append(p, ' ')
	p = append(p, http.StatusText(resp.status)...)
	p = append(p, "\r\nContent-Length: "...)
	p = strconv.AppendInt(p, int64(length), 10)
	p = append(p, "\r\nContent-Type: application/json\r\nDate: "...)
	p = d.opts.Now().UTC().AppendFormat(p, http.TimeFormat)
	p = append(p, "\r\n"...)
	if resp.realm != nil {
		p = fmt.Appendf(p, "WWW-Authenticate: Basic realm=%q\r\n", *resp.realm)
	}
	for _, h := range d.endpoint.Load().Socket.Headers {
		p = append(append(append(append(p, h.Name...), ": "...), h.Value...), "\r\n"...)
	}
	p = append(p, "\r\n"...)
	if req != nil && req.Method == http.MethodHead {
		return d.writeAll(c, p)
	}
	if length <= smallBody {
		return d.writeAll(c, append(p, bytes.Join(resp.body, nil)...))
	}
	return errors.Join(d.writeAll(c, p), d.writePieces(c, resp.body))
}
