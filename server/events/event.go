// Package events is the stream of what happens: leases that are stored and
// deleted, and servers of a pair that change their state. Every event has a
// cursor; whoever reads the stream, over server-sent events or a webhook, goes
// on after a break where the reader stopped. A Log keeps the last events in
// memory and in two files, so that a restart is no break.
//
// Lease events tell of changes that are on the disk. The package knows no
// engine: whoever owns one appends what it reports.
package events

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"leasehold/ha"
	"leasehold/lease"
)

// Types of events; config.EventTypes lists them for operators.
const (
	LeaseStored  = "lease-stored"
	LeaseDeleted = "lease-deleted"
	HAState      = "ha-state"
	Start        = "start" // the server started; "complete": false if events before it may be missing
	Gap          = "gap"   // events are missing here: read leases and states anew
)

// Cursor is the place of an event: Epoch tells one history from another, Seq
// counts within it.
type Cursor struct{ Epoch, Seq uint64 }

// String is how clients see a cursor: epoch.seq.
func (c Cursor) String() string { return string(c.append(nil)) }

func (c Cursor) append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, c.Epoch, 10)
	return strconv.AppendUint(append(dst, '.'), c.Seq, 10)
}

// MarshalText and UnmarshalText keep cursors in JSON.
func (c Cursor) MarshalText() ([]byte, error) { return c.append(nil), nil }

func (c *Cursor) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCursor(string(text))
	return err
}

// Compare orders the cursors of one epoch.
func (c Cursor) Compare(d Cursor) int { return cmp.Compare(c.Seq, d.Seq) }

var errCursor = errors.New("a cursor has the form epoch.seq, two decimal numbers")

// ParseCursor is the inverse of String.
func ParseCursor(s string) (c Cursor, err error) {
	epoch, seq, ok := strings.Cut(s, ".")
	if !ok || len(s) > 41 {
		return c, errCursor
	}
	if c.Epoch, err = strconv.ParseUint(epoch, 10, 64); err != nil {
		return Cursor{}, errCursor
	}
	if c.Seq, err = strconv.ParseUint(seq, 10, 64); err != nil {
		return Cursor{}, errCursor
	}
	return c, nil
}

// Event is one entry of the stream.
type Event struct {
	Cursor Cursor
	Type   string
	Family int    // 4, 6; 0 = of the process
	Body   []byte // the event as one line of JSON; never changed
}

// Draft is an event that has no place yet.
type Draft struct {
	Type   string
	Family int
	Time   time.Time
	Lease  *lease.Change  // of LeaseStored and LeaseDeleted
	Move   *ha.Transition // of HAState
	// Of HAState: the names of the servers; Partner may be "".
	Server, Partner string
	Complete        bool // of Start
}

// appendBody writes the line of a draft.
func (d *Draft) appendBody(dst []byte, c Cursor) []byte {
	dst = append(dst, `{"id":"`...)
	dst = c.append(dst)
	dst = append(dst, `","type":"`...)
	dst = append(dst, d.Type...)
	dst = append(dst, `","time":"`...)
	dst = d.Time.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
	dst = append(dst, '"')
	if d.Family != 0 {
		dst = append(dst, `,"family":`...)
		dst = strconv.AppendInt(dst, int64(d.Family), 10)
	}
	switch {
	case d.Lease != nil:
		dst = append(dst, `,"lease":`...)
		start := len(dst)
		dst = lease.AppendJSON(dst, &d.Lease.Lease, d.Family)
		// Between the values of a user context there may be line ends.
		for i := start; i < len(dst); i++ {
			if dst[i] == '\n' || dst[i] == '\r' {
				dst[i] = ' '
			}
		}
	case d.Move != nil:
		dst = text(dst, "server", d.Server)
		if d.Partner != "" {
			dst = text(dst, "partner", d.Partner)
		}
		dst = text(dst, "from", d.Move.From.String())
		dst = text(dst, "to", d.Move.To.String())
		dst = text(dst, "partner-state", d.Move.Partner.String())
		dst = text(dst, "why", d.Move.Why)
	case d.Type == Start:
		dst = append(dst, `,"complete":`...)
		dst = strconv.AppendBool(dst, d.Complete)
	}
	return append(dst, '}')
}

func text(dst []byte, key, value string) []byte {
	dst = append(dst, `,"`...)
	dst = append(dst, key...)
	dst = append(dst, `":`...)
	return appendQuoted(dst, value)
}

// appendQuoted writes s as a JSON string that is safe inside a line.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = append(dst, string(r)...)
		}
	}
	return append(dst, '"')
}
