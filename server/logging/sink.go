package logging

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/server/message"
)

// Sink is the log of one daemon. Its methods may be called from any goroutine.
type Sink struct {
	w     *Writer
	root  string
	table atomic.Pointer[table]
}

// table is what the loggers of a configuration say, resolved for every logger
// of the catalogue. Immutable; a reload swaps it.
type table struct {
	wanted  [message.Loggers]int16     // highest Level that is printed; -1 = none
	route   [message.Loggers][]*output // where to
	outputs []*output                  // each one once
}

// output is one destination with its layout.
type output struct {
	w      io.Writer
	syslog *syslogOutput // instead of w
	layout layout

	// Owned by the writer goroutine.
	buf     []byte
	failing bool // and standard error knows
}

// Configure replaces levels and outputs, between two lines.
func (s *Sink) Configure(loggers []config.Logger) error {
	named := make(map[string]config.Logger, len(loggers))
	for _, l := range loggers {
		named[l.Name] = l
	}
	t := &table{}
	made := make(map[string][]*output)
	for l := message.Root; l < message.Loggers; l++ {
		name := s.root
		if l != message.Root {
			name += "." + l.String()
		}
		own, outputs := s.resolve(name, named)
		wanted, err := threshold(own)
		if err != nil {
			return fmt.Errorf("configure logger %s: %w", own.Name, err)
		}
		if s.w.opts.Debug {
			wanted = int16(message.Debug + 99)
		}
		t.wanted[l] = wanted
		if _, ok := made[outputs.Name]; !ok {
			list, err := s.open(outputs)
			if err != nil {
				return fmt.Errorf("configure logger %s: %w", outputs.Name, err)
			}
			made[outputs.Name] = list
			t.outputs = append(t.outputs, list...)
		}
		t.route[l] = made[outputs.Name]
	}
	s.table.Store(t)
	return nil
}

// resolve finds the entry that gives a logger its level, and the one that
// gives it its outputs: the nearest of itself and the loggers above it. Kea: a
// logger without output-options prints where the one above it does.
func (s *Sink) resolve(name string, named map[string]config.Logger) (level, outputs config.Logger) {
	level = config.Logger{Name: s.root, Severity: "INFO"}
	outputs = config.Logger{Name: "", Outputs: []config.LogOutput{{Output: "stdout"}}}
	haveLevel, haveOutputs := false, false
	for {
		if l, ok := named[name]; ok {
			if !haveLevel {
				level, haveLevel = l, true
			}
			if !haveOutputs && len(l.Outputs) > 0 {
				outputs, haveOutputs = l, true
			}
		}
		dot := strings.LastIndexByte(name, '.')
		if dot < 0 {
			return level, outputs
		}
		name = name[:dot]
	}
}

func threshold(l config.Logger) (int16, error) {
	switch strings.ToUpper(l.Severity) {
	case "NONE":
		return -1, nil
	case "FATAL":
		return int16(message.Fatal), nil
	case "ERROR":
		return int16(message.Error), nil
	case "WARN":
		return int16(message.Warn), nil
	case "INFO", "":
		return int16(message.Info), nil
	case "DEBUG":
		return int16(message.Debug) + int16(min(max(l.DebugLevel, 0), 99)), nil
	}
	return 0, fmt.Errorf("unknown severity %q", l.Severity)
}

func (s *Sink) open(l config.Logger) ([]*output, error) {
	list := make([]*output, 0, len(l.Outputs))
	for _, o := range l.Outputs {
		out, err := s.openOutput(o)
		if err != nil {
			return nil, err
		}
		list = append(list, out)
	}
	return list, nil
}

func (s *Sink) openOutput(o config.LogOutput) (*output, error) {
	w := s.w
	switch {
	case o.Output == "stdout":
		if w.opts.Console && o.Pattern == "" {
			return &output{w: w.opts.Stdout, layout: newConsole()}, nil
		}
		return &output{w: w.opts.Stdout, layout: newLayout(o.Pattern, keaPattern)}, nil
	case o.Output == "stderr":
		return &output{w: w.opts.Stderr, layout: newLayout(o.Pattern, keaPattern)}, nil
	case o.Output == "syslog" || strings.HasPrefix(o.Output, "syslog:"):
		sys, err := w.syslogFor(o.Output, s.root)
		if err != nil {
			return nil, err
		}
		return &output{syslog: sys, layout: newLayout(o.Pattern, syslogPattern)}, nil
	}
	f, err := w.fileFor(o)
	if err != nil {
		return nil, err
	}
	return &output{w: f, layout: newLayout(o.Pattern, keaPattern)}, nil
}

// Enabled says whether a message is printed anywhere: two loads, so that an
// engine can ask before it writes the text.
func (s *Sink) Enabled(m *message.Message) bool {
	return int16(m.Level) <= s.table.Load().wanted[m.Logger]
}

// Write hands over a batch of lines that happened at now. Entries that are not
// enabled are skipped. The caller may reuse both slices at once. Never blocks:
// what does not fit the queue is dropped and counted.
func (s *Sink) Write(now time.Time, entries []message.Entry, text []byte) {
	b := s.w.pool.Get().(*batch)
	b.entries, b.text = b.entries[:0], b.text[:0]
	for i, e := range entries {
		if !s.Enabled(e.Msg) {
			continue
		}
		if len(b.text)+e.End-e.Start > batchLimit {
			s.w.lost.Add(uint64(len(entries) - i))
			break
		}
		start := len(b.text)
		b.text = append(b.text, text[e.Start:e.End]...)
		b.entries = append(b.entries, message.Entry{Msg: e.Msg, Start: start, End: len(b.text)})
	}
	if len(b.entries) == 0 {
		s.w.pool.Put(b)
		return
	}
	s.w.enqueue(s, now, b)
}

// Log prints one line now, for the shell. format is that of fmt.
func (s *Sink) Log(m *message.Message, format string, args ...any) {
	if !s.Enabled(m) {
		return
	}
	b := s.w.pool.Get().(*batch)
	b.text = fmt.Appendf(b.text[:0], format, args...)
	b.entries = append(b.entries[:0], message.Entry{Msg: m, End: len(b.text)})
	s.w.enqueue(s, s.w.opts.Now(), b)
}
