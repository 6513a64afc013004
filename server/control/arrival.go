package control

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// errGone ends a connection without an answer: the caller left, or we do.
var errGone = errors.New("caller is gone")

// arrival reads one request with bounded patience: each piece must come within
// Silence, the whole within Patience, and its memory out of the budget.
type arrival struct {
	d    *Door
	c    net.Conn
	end  time.Time
	text []byte // what has come, for more
	held int64  // bytes of the budget
}

func (d *Door) newArrival(c net.Conn) *arrival {
	return &arrival{d: d, c: c, end: d.opts.Now().Add(d.opts.Patience)}
}

// Read reads one piece. The error is os.ErrDeadlineExceeded for a caller that
// is too slow, else errGone.
func (r *arrival) Read(p []byte) (int, error) {
	deadline := r.d.opts.Now().Add(r.d.opts.Silence)
	if deadline.After(r.end) {
		deadline = r.end
	}
	if err := r.d.readBefore(r.c, deadline); err != nil {
		return 0, errGone
	}
	n, err := r.c.Read(p)
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded) && !r.d.isClosing():
		return n, os.ErrDeadlineExceeded
	}
	return n, errGone
}

// more reads one piece, appends it to text and returns it.
func (r *arrival) more() ([]byte, error) {
	if err := r.room(); err != nil {
		return nil, err
	}
	before := len(r.text)
	n, err := r.Read(r.text[before:cap(r.text)])
	r.text = r.text[:before+n]
	return r.text[before:], err
}

// room makes space for the next piece of text.
func (r *arrival) room() error {
	if len(r.text) < cap(r.text) {
		return nil
	}
	grow := max(int64(cap(r.text)), 4096)
	if int64(len(r.text))+grow > r.d.opts.MaxRequest || !r.d.opts.Budget.take(grow) {
		return fmt.Errorf("request is larger than %d bytes", len(r.text))
	}
	r.held += grow
	r.text = append(make([]byte, 0, int64(cap(r.text))+grow), r.text...)
	return nil
}

// body reads exactly n bytes from src, which reads from r, into text.
func (r *arrival) body(src io.Reader, n int64) error {
	r.text = nil
	for int64(len(r.text)) < n {
		if err := r.room(); err != nil {
			return err
		}
		before := len(r.text)
		m, err := src.Read(r.text[before:min(int64(cap(r.text)), n)])
		r.text = r.text[:before+m]
		if err != nil && int64(len(r.text)) < n {
			return err
		}
	}
	return nil
}

func (r *arrival) giveBack() {
	r.d.opts.Budget.give(r.held)
	r.held = 0
}
