package events

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Bounds of a stream.
const (
	streamTurn  = 256              // events that are written at once
	streamQuiet = 15 * time.Second // after which a comment shows that the stream lives
	streamWrite = 10 * time.Second // in which a reader has to take what is written
)

// Streams admits open streams up to a limit.
type Streams struct {
	Limit int64
	open  atomic.Int64
}

// Enter takes a place; leave gives it back. ok is false if all are taken.
func (s *Streams) Enter() (leave func(), ok bool) {
	if s.open.Add(1) > s.Limit {
		s.open.Add(-1)
		return nil, false
	}
	return func() { s.open.Add(-1) }, true
}

// Open is how many places are taken.
func (s *Streams) Open() int { return int(s.open.Load()) }

// Begin turns a response into a stream of server-sent events; write sends a
// part of it. It answers itself, and ok is false, when the limit is reached.
func (s *Streams) Begin(w http.ResponseWriter) (write func(p []byte) error, leave func(), ok bool) {
	leave, ok = s.Enter()
	if !ok {
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many open streams", http.StatusServiceUnavailable)
		return nil, nil, false
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Accel-Buffering", "no") // nginx would gather the stream
	c := http.NewResponseController(w)
	write = func(p []byte) error {
		// The server's own limits are for pages; recorders of tests have none.
		_ = c.SetWriteDeadline(time.Now().Add(streamWrite))
		if _, err := w.Write(p); err != nil {
			return err
		}
		return c.Flush()
	}
	_ = c.SetReadDeadline(time.Time{})
	return write, leave, true
}

// filter is what a reader wants of the events.
type filter struct {
	types  []string // empty = all
	family int      // 0 = all
}

func (f *filter) wants(e *Event) bool {
	if e.Type == Start || e.Type == Gap {
		return true
	}
	return (len(f.types) == 0 || slices.Contains(f.types, e.Type)) && (f.family == 0 || f.family == e.Family)
}

// Serve answers a request for the stream. Parameters: after, the cursor behind
// which to begin (the header Last-Event-ID comes first; without either only
// what is new is sent); types, separated by commas; family, 4 or 6. It returns
// when the client goes or ctx ends.
func (l *Log) Serve(ctx context.Context, s *Streams, w http.ResponseWriter, r *http.Request) {
	at, f, err := l.wish(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	write, leave, ok := s.Begin(w)
	if !ok {
		return
	}
	defer leave()
	t := time.NewTicker(streamQuiet)
	defer t.Stop()
	if write([]byte(": cursor "+at.String()+"\n\n")) != nil {
		return
	}
	var list []Event
	var out []byte
	for {
		var lost bool
		var more <-chan struct{}
		list, lost, more = l.After(list[:0], at, streamTurn)
		out = out[:0]
		if lost {
			out = appendGap(out, at)
		}
		for i := range list {
			if f.wants(&list[i]) {
				out = appendMessage(out, &list[i])
			}
		}
		if n := len(list); n > 0 {
			at = list[n-1].Cursor
		}
		if len(out) > 0 && write(out) != nil {
			return
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-more:
			if l.closed() {
				return
			}
		case <-t.C:
			if write([]byte(":\n\n")) != nil {
				return
			}
		case <-r.Context().Done():
			return
		case <-ctx.Done():
			return
		}
	}
}

func (l *Log) closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shut
}

// wish reads what a request asks for.
func (l *Log) wish(r *http.Request) (at Cursor, f filter, err error) {
	q := r.URL.Query()
	at = l.Last()
	after := q.Get("after")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		after = id
	}
	if after != "" {
		if at, err = ParseCursor(after); err != nil {
			return at, f, err
		}
	}
	if text := q.Get("types"); text != "" {
		f.types = strings.Split(text, ",")
		for _, t := range f.types {
			if !slices.Contains([]string{LeaseStored, LeaseDeleted, HAState, Start, Gap}, t) {
				return at, f, fmt.Errorf("unknown type of event %.40q", t)
			}
		}
	}
	if text := q.Get("family"); text != "" {
		if f.family, err = strconv.Atoi(text); err != nil || f.family != 4 && f.family != 6 {
			return at, f, fmt.Errorf("family is 4 or 6, not %.40q", text)
		}
	}
	return at, f, nil
}

func appendMessage(dst []byte, e *Event) []byte {
	dst = append(dst, "id: "...)
	dst = e.Cursor.append(dst)
	dst = append(dst, "\nevent: "...)
	dst = append(dst, e.Type...)
	dst = append(dst, "\ndata: "...)
	dst = append(dst, e.Body...)
	return append(dst, "\n\n"...)
}

// appendGap tells a reader that what followed its cursor is lost. It has no id:
// the next event has.
func appendGap(dst []byte, after Cursor) []byte {
	dst = append(dst, "event: gap\ndata: "...)
	return append(gapBody(dst, after), "\n\n"...)
}

func gapBody(dst []byte, after Cursor) []byte {
	dst = append(dst, `{"type":"gap","after":"`...)
	return append(after.append(dst), `"}`...)
}
