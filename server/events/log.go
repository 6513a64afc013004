package events

import (
	"errors"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a Log needs.
type Options struct {
	Dir  string // where its files are; "" = in memory only
	Name string // what the names of its files begin with
	Keep int    // events that are kept, at least
	Now  func() time.Time
	// Fail hears once of files that cannot be written. Events go on from memory.
	Fail func(error)
}

// Log keeps the last events and wakes those who wait for more.
type Log struct {
	o Options

	mu    sync.Mutex // guards the rest
	ring  []Event
	first int // of the oldest in ring
	last  Cursor
	next  chan struct{} // closed when there are more events
	file  *journal      // nil: in memory only, or broken
	shut  bool
	line  []byte // reused
}

// Open returns a Log with the events that its files have, and appends that the
// server started.
func Open(o Options) (*Log, error) {
	l := &Log{o: o, next: make(chan struct{})}
	l.last.Epoch = uint64(o.Now().UnixNano())
	clean := false
	if o.Dir != "" {
		var old []Event
		var err error
		if l.file, old, clean, err = openJournal(filepath.Join(o.Dir, o.Name+journalSuffix), o.Keep); err != nil {
			return nil, err
		}
		if n := len(old); n > 0 {
			l.last = old[n-1].Cursor
			l.ring = append(l.ring, old[max(0, n-o.Keep):]...)
		}
	}
	l.Append([]Draft{{Type: Start, Time: o.Now(), Complete: clean}})
	return l, nil
}

// Append gives drafts their places, in order.
func (l *Log) Append(drafts []Draft) {
	if len(drafts) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		return
	}
	for i := range drafts {
		d := &drafts[i]
		l.last.Seq++
		l.line = d.appendBody(l.line[:0], l.last)
		l.keep(Event{Cursor: l.last, Type: d.Type, Family: d.Family, Body: append([]byte(nil), l.line...)})
		if l.file != nil {
			l.file.add(l.line)
		}
	}
	if l.file != nil {
		if err := l.file.flush(); err != nil {
			l.file.abandon()
			l.file = nil
			if l.o.Fail != nil {
				l.o.Fail(err)
			}
		}
	}
	close(l.next)
	l.next = make(chan struct{})
}

func (l *Log) keep(e Event) {
	if len(l.ring) < l.o.Keep {
		l.ring = append(l.ring, e)
		return
	}
	l.ring[l.first] = e
	l.first = (l.first + 1) % len(l.ring)
}

// Last is the place of the newest event.
func (l *Log) Last() Cursor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// Behind counts the events after a cursor; all that are kept if it is lost.
func (l *Log) Behind(c Cursor) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Epoch != l.last.Epoch || c.Seq > l.last.Seq || l.last.Seq-c.Seq > uint64(len(l.ring)) {
		return len(l.ring)
	}
	return int(l.last.Seq - c.Seq)
}

// After appends the events after c to dst, at most limit. If some of them are
// not kept any more, or c is of another history, lost is true and the events
// are the oldest there are. more is closed when there are newer ones than all.
func (l *Log) After(dst []Event, c Cursor, limit int) (events []Event, lost bool, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.ring)
	skip := 0
	if lost = c.Epoch != l.last.Epoch || c.Seq > l.last.Seq || l.last.Seq-c.Seq > uint64(n); !lost {
		skip = n - int(l.last.Seq-c.Seq)
	}
	for i := skip; i < n && limit > 0; i++ {
		dst = append(dst, l.ring[(l.first+i)%n])
		limit--
	}
	return dst, lost, l.next
}

// Close notes in the files that nothing is missing and wakes everybody.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shut {
		return errors.New("close events: closed already")
	}
	l.shut = true
	close(l.next)
	l.next = make(chan struct{})
	if l.file == nil {
		return nil
	}
	return l.file.close()
}
