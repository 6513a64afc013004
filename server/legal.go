package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// legalLog writes the entries of the legal log to its files. Entries are
// written in order by one goroutine; more than legalQueued waiting ones are
// lost, and that is said.
type legalLog struct {
	log *logging.Sink

	mu      sync.Mutex // guards what follows
	queue   chan engine.Legal
	lost    int
	running sync.WaitGroup

	file legalFile // of the goroutine
}

const legalQueued = 1 << 16

// open opens the file of a configuration, so that a wrong path is known when
// the server starts.
func (x *legalLog) open(c *config.LegalLog, now time.Time) error {
	if err := x.file.open(c, now); err != nil {
		return fmt.Errorf("open legal log: %w", err)
	}
	x.log.Log(message.LegalLogStoreOpened, "Legal store opened: %s", x.file.name)
	return nil
}

// add queues an entry.
func (x *legalLog) add(l engine.Legal) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.queue == nil {
		queue := make(chan engine.Legal, legalQueued)
		x.queue = queue
		x.running.Go(func() { x.run(queue) })
	}
	select {
	case x.queue <- l:
		if x.lost > 0 {
			x.log.Log(message.LegalLogLost, "%d entries of the legal log are lost: %d waited already", x.lost, legalQueued)
			x.lost = 0
		}
	default:
		x.lost++
	}
}

func (x *legalLog) run(queue <-chan engine.Legal) {
	failed := false
	for l := range queue {
		err := x.file.write(&l)
		if err != nil && !failed {
			x.log.Log(message.LegalLogStoreFail, "legal log: %v", err)
		}
		failed = err != nil
	}
}

func (x *legalLog) close() {
	x.mu.Lock()
	if x.queue != nil {
		close(x.queue)
		x.queue = nil
	}
	x.mu.Unlock()
	x.running.Wait()
	x.file.close()
}

// legalFile is the file that is being written.
type legalFile struct {
	c    *config.LegalLog
	f    *os.File
	name string
	from time.Time // its first moment
}

// write adds an entry, to the next file if it is time for one.
func (x *legalFile) write(l *engine.Legal) error {
	at := time.Unix(l.At, 0)
	switch {
	case x.f == nil || x.c.Path != l.Log.Path || x.c.BaseName != l.Log.BaseName:
		x.close()
		if err := x.open(l.Log, at); err != nil {
			return err
		}
	case x.due(l.Log, at):
		if err := x.rotate(l.Log, at); err != nil {
			return err
		}
	}
	x.c = l.Log
	var b strings.Builder
	stamp := strftime(l.Log.TimeFormat, at)
	for line := range strings.SplitSeq(strings.TrimSuffix(l.Text, "\n"), "\n") {
		fmt.Fprintf(&b, "%s %s\n", stamp, line)
	}
	_, err := x.f.WriteString(b.String())
	return err
}

// due says whether the file has had its time.
func (x *legalFile) due(c *config.LegalLog, at time.Time) bool {
	if c.Count == 0 {
		return false
	}
	n := int(c.Count)
	y, m, d := x.from.Date()
	midnight := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, x.from.Location()) }
	var end time.Time
	switch c.Unit {
	case "second":
		end = x.from.Add(time.Duration(n) * time.Second)
	case "day":
		end = midnight(y, m, d+n)
	case "month":
		end = midnight(y, m+time.Month(n), 1)
	case "year":
		end = midnight(y+n, 1, 1)
	}
	return !at.Before(end)
}

// rotate goes on to the next file and tells the programs that want to know.
func (x *legalFile) rotate(c *config.LegalLog, at time.Time) error {
	before := x.name
	x.close()
	err := rotated(c.Before, before)
	if e := x.open(c, at); e != nil {
		return e
	}
	return errors.Join(err, rotated(c.After, x.name))
}

func rotated(program, file string) error {
	if program == "" {
		return nil
	}
	if err := runScript(context.Background(), &engine.Script{Path: program, Event: file}); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}

func (x *legalFile) open(c *config.LegalLog, at time.Time) error {
	stamp := at.Format("20060102")
	if c.Unit == "second" {
		stamp = fmt.Sprintf("T%020d", at.Unix())
	}
	name := filepath.Join(c.Path, c.BaseName+"."+stamp+".txt")
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	x.c, x.f, x.name, x.from = c, f, name, at.Truncate(time.Second) // as entries have it
	return nil
}

func (x *legalFile) close() {
	if x.f != nil {
		x.f.Close()
		x.f = nil
	}
}

// strftimeLayouts are the conversions of strftime that a log line wants, as
// layouts of package time.
var strftimeLayouts = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "01", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05", 'p': "PM",
	'Z': "MST", 'z': "-0700", 'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'j': "002", 'F': "2006-01-02",
	'T': "15:04:05", 'D': "01/02/06", 'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
}

// strftime formats a time; conversions that it does not know stay as they are.
func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		switch layout := strftimeLayouts[format[i]]; {
		case format[i] == '%':
			b.WriteByte('%')
		case format[i] == 's':
			fmt.Fprint(&b, t.Unix())
		case layout != "":
			b.WriteString(t.Format(layout))
		default:
			b.WriteString(format[i-1 : i+1])
		}
	}
	return b.String()
}
