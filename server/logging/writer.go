package logging

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/server/message"
)

// queueLimit is how many batches may wait for the writer, and batchLimit how
// much text one of them may carry: together they bound the memory of logging.
const (
	queueLimit = 1024
	batchLimit = 1 << 20
)

// Options are what a Writer needs from its process.
type Options struct {
	Stdout, Stderr io.Writer
	Now            func() time.Time // for Log; Write brings its own time
	PID            int
	Console        bool // standard output is a terminal: print for people
	Debug          bool // every logger at DEBUG 99, as Kea's -d
}

// Writer is the goroutine behind every Sink of a process, with the files they
// share: two daemons may name the same one.
type Writer struct {
	opts  Options
	queue chan job
	done  chan struct{}
	lost  atomic.Uint64 // lines dropped since the last report
	pool  sync.Pool

	closing sync.RWMutex // held for reading while something is queued
	closed  bool

	mu      sync.Mutex // guards the maps
	files   map[string]*file
	syslogs map[string]*syslogOutput
}

// job is a batch of lines, or a request to the writer (then flushed is set).
type job struct {
	sink    *Sink
	now     time.Time
	batch   *batch
	flushed chan struct{}
}

// batch is a copy of what an engine handed over, which reuses its buffers.
type batch struct {
	entries []message.Entry
	text    []byte
}

// Start begins to write. Close ends it.
func Start(o Options) *Writer {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Stderr == nil {
		o.Stderr = os.Stderr
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PID == 0 {
		o.PID = os.Getpid()
	}
	w := &Writer{
		opts:    o,
		queue:   make(chan job, queueLimit),
		done:    make(chan struct{}),
		files:   make(map[string]*file),
		syslogs: make(map[string]*syslogOutput),
	}
	w.pool.New = func() any { return new(batch) }
	go w.run()
	return w
}

// Sink returns the log of one daemon. root is the name of its root logger:
// kea-dhcp4, kea-dhcp6 or leasehold. Without loggers it prints INFO to
// standard output.
func (w *Writer) Sink(root string, loggers []config.Logger) (*Sink, error) {
	s := &Sink{w: w, root: root}
	if err := s.Configure(loggers); err != nil {
		return nil, err
	}
	return s, nil
}

// Reopen closes every file so that the next line makes it anew, after
// logrotate has moved it away.
func (w *Writer) Reopen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.files {
		f.close()
	}
}

// Flush returns when everything handed over before it is written.
func (w *Writer) Flush() {
	w.closing.RLock()
	if w.closed {
		w.closing.RUnlock()
		return
	}
	flushed := make(chan struct{})
	w.queue <- job{flushed: flushed}
	w.closing.RUnlock()
	<-flushed
}

// Close writes what is queued and closes the outputs. Later lines are dropped.
func (w *Writer) Close() error {
	w.closing.Lock()
	if w.closed {
		w.closing.Unlock()
		return nil
	}
	w.closed = true
	close(w.queue)
	w.closing.Unlock()
	<-w.done

	w.mu.Lock()
	defer w.mu.Unlock()
	var first error
	for _, f := range w.files {
		if err := f.close(); err != nil && first == nil {
			first = fmt.Errorf("close log file: %w", err)
		}
	}
	for _, s := range w.syslogs {
		s.close()
	}
	return first
}

// enqueue hands a batch to the writer, or drops it.
func (w *Writer) enqueue(s *Sink, now time.Time, b *batch) {
	w.closing.RLock()
	defer w.closing.RUnlock()
	if !w.closed {
		select {
		case w.queue <- job{sink: s, now: now, batch: b}:
			return
		default:
		}
	}
	w.lost.Add(uint64(len(b.entries)))
	w.pool.Put(b)
}

func (w *Writer) run() {
	defer close(w.done)
	for j := range w.queue {
		if j.flushed != nil {
			close(j.flushed)
			continue
		}
		w.write(j.sink, j.now, j.batch.entries, j.batch.text)
		if lost := w.lost.Swap(0); lost > 0 {
			text := fmt.Appendf(nil, "%d log lines were dropped because the outputs are too slow", lost)
			w.write(j.sink, j.now, []message.Entry{{Msg: message.LogLinesLost, End: len(text)}}, text)
		}
		w.pool.Put(j.batch)
	}
}

// write prints one batch: each output gets the lines that are for it in one
// piece, so a batch costs one system call per output.
func (w *Writer) write(s *Sink, now time.Time, entries []message.Entry, text []byte) {
	t := s.table.Load()
	for _, o := range t.outputs {
		o.buf = o.buf[:0]
	}
	for _, e := range entries {
		l := line{now: now, root: s.root, msg: e.Msg, text: text[e.Start:e.End], pid: w.opts.PID}
		for _, o := range t.route[e.Msg.Logger] {
			if o.syslog != nil {
				o.buf = o.layout.append(o.buf[:0], l)
				w.check(o, o.syslog.write(e.Msg.Level, o.buf))
				o.buf = o.buf[:0]
				continue
			}
			o.buf = o.layout.append(o.buf, l)
		}
	}
	for _, o := range t.outputs {
		if len(o.buf) > 0 {
			_, err := o.w.Write(o.buf)
			w.check(o, err)
		}
	}
}

// check complains on standard error when an output begins to fail, once: a
// full disk must not fill the journal too.
func (w *Writer) check(o *output, err error) {
	if err != nil && !o.failing {
		fmt.Fprintf(w.opts.Stderr, "write log: %v\n", err)
	}
	o.failing = err != nil
}
