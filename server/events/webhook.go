package events

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Bounds of a webhook.
const (
	hookTurn     = 100 // events in one request
	hookTime     = 10 * time.Second
	hookAnswer   = 64 << 10 // octets of an answer that are read
	firstBackOff = time.Second
	lastBackOff  = 5 * time.Minute
)

// SignatureHeader carries t=UNIX,v1=HEX: when the request was signed, and the
// HMAC-SHA256 with the secret over that number, a dot, and the body.
const SignatureHeader = "Leasehold-Signature"

// Target is where a webhook sends events.
type Target struct {
	URL, Secret, TrustAnchor string
	Types                    []string // none = all
}

// same says whether nothing has changed about a target.
func (t *Target) same(u *Target) bool {
	return t.URL == u.URL && t.Secret == u.Secret && t.TrustAnchor == u.TrustAnchor && fmt.Sprint(t.Types) == fmt.Sprint(u.Types)
}

// Sign returns the value of SignatureHeader.
func Sign(secret string, at time.Time, body []byte) string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "."))
	mac.Write(body)
	return "t=" + stamp + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Hook sends events of a log to one target, in order, each until it is taken.
// What waits is not held apart from the log: if the target is away for longer
// than the log remembers, it is told of the gap.
type Hook struct {
	target  Target
	from    Cursor // where it begins
	log     *Log
	cursors *cursors
	client  *http.Client
	now     func() time.Time
	// wait lets time pass until the next attempt.
	wait func(ctx context.Context, d time.Duration) error
	tell func(error) // hears of the first failure in a row, and nil when it is over

	mu    sync.Mutex // guards the rest
	state HookState
}

// HookState is how a webhook stands.
type HookState struct {
	Host     string    // of the target; the rest of its URL may be secret
	Pending  int       // events that it has not taken
	Sent     uint64    // events that it took since the start
	Failures uint64    // attempts in vain since the start
	Trouble  string    // why the last attempt failed; "" if it did not
	Last     time.Time // of the last attempt that succeeded
}

func newHook(t Target, l *Log, c *cursors, tell func(error)) (*Hook, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, fmt.Errorf("open webhook: %w", err)
	}
	h := &Hook{target: t, log: l, cursors: c, now: l.o.Now, wait: sleep, tell: tell, state: HookState{Host: u.Host}}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: hookTime}
	if t.TrustAnchor != "" {
		pool, err := anchors(t.TrustAnchor)
		if err != nil {
			return nil, fmt.Errorf("open webhook: %w", err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	h.client = &http.Client{Transport: transport, Timeout: hookTime,
		// What is sent is meant for the configured target alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	h.from = c.get(t.URL, l.Last())
	c.set(t.URL, h.from)
	return h, nil
}

// anchors reads the certificates of a file or of all files of a directory.
func anchors(path string) (*x509.CertPool, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(path, "*"))
	}
	pool := x509.NewCertPool()
	found := false
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		found = pool.AppendCertsFromPEM(text) || found
	}
	if !found {
		return nil, fmt.Errorf("%s has no certificate", path)
	}
	return pool, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// State returns how the webhook stands.
func (h *Hook) State() HookState {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.state
	s.Pending = h.log.Behind(h.cursors.get(h.target.URL, h.log.Last()))
	return s
}

// run sends until ctx ends.
func (h *Hook) run(ctx context.Context) {
	at := h.from
	f := filter{types: h.target.Types}
	var list []Event
	for ctx.Err() == nil {
		var lost bool
		var more <-chan struct{}
		list, lost, more = h.log.After(list[:0], at, hookTurn)
		body, n := encode(list, &f, lost, at)
		if n > 0 && h.deliver(ctx, body) != nil {
			return
		}
		if len(list) > 0 {
			at = list[len(list)-1].Cursor
			h.cursors.set(h.target.URL, at)
			h.mu.Lock()
			h.state.Sent += uint64(n)
			h.mu.Unlock()
			continue
		}
		select {
		case <-more:
			if h.log.closed() {
				return
			}
		case <-ctx.Done():
		}
	}
}

// encode returns {"events": […]} of those that are wanted, and how many they are.
func encode(list []Event, f *filter, lost bool, at Cursor) (body []byte, n int) {
	body = []byte(`{"events":[`)
	if lost {
		body = gapBody(body, at)
		n++
	}
	for i := range list {
		if !f.wants(&list[i]) {
			continue
		}
		if n++; n > 1 {
			body = append(body, ',')
		}
		body = append(body, list[i].Body...)
	}
	return append(body, "]}"...), n
}

// deliver tries until the target has taken the body; only the end of ctx ends
// it before.
func (h *Hook) deliver(ctx context.Context, body []byte) error {
	for pause := firstBackOff; ; pause = min(2*pause, lastBackOff) {
		asked, err := h.post(ctx, body)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		h.note(err)
		if err == nil {
			return nil
		}
		// Many servers that lost one target shall not return to it at once.
		d := max(pause/2+rand.N(pause/2), min(asked, lastBackOff))
		if err := h.wait(ctx, d); err != nil {
			return err
		}
	}
}

func (h *Hook) note(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	was := h.state.Trouble != ""
	if err == nil {
		h.state.Trouble, h.state.Last = "", h.now()
	} else {
		h.state.Trouble = err.Error()
		h.state.Failures++
	}
	if was != (err != nil) && h.tell != nil {
		h.tell(err)
	}
}

// post sends the body once. asked is how long the target wants to be left alone.
func (h *Hook) post(ctx context.Context, body []byte) (asked time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.target.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("send events: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "leasehold")
	req.Header.Set(SignatureHeader, Sign(h.target.Secret, h.now(), body))
	resp, err := h.client.Do(req)
	if err != nil {
		// The error of the client shows the URL, which may hold a secret.
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err
		}
		return 0, fmt.Errorf("send events to %s: %w", h.state.Host, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, hookAnswer))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
			asked = time.Duration(min(n, 3600)) * time.Second
		}
		return asked, fmt.Errorf("send events to %s: it answered %s", h.state.Host, resp.Status)
	}
	return 0, nil
}
