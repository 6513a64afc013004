package logging

import (
	"errors"
	"fmt"
	"log/syslog"
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"leasehold/config"
	"leasehold/server/message"
)

// minRotation is the smallest maxsize that rotates. Kea: below it, never.
const minRotation = 204800

// file is a log file that is renamed to .1, .2 … .maxver when it is full.
// Processes that share it take turns in that by a lock on path.lock.
type file struct {
	mu      sync.Mutex
	path    string
	lock    *os.File // nil: not needed yet
	maxSize uint64
	maxVer  uint
	f       *os.File // nil until the next line
	size    uint64
}

// fileFor returns the one file of that path, opened, with the limits of o.
func (w *Writer) fileFor(o config.LogOutput) (*file, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files[o.Output]
	if f == nil {
		f = &file{path: o.Output}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return nil, err
	}
	f.maxSize, f.maxVer = o.MaxSize, max(o.MaxVer, 1)
	if f.maxSize >= minRotation {
		// Where that fails, rotation will, and say so.
		_ = f.openLock()
	}
	w.files[o.Output] = f
	return f, nil
}

func (f *file) open() error {
	if f.f != nil {
		return nil
	}
	h, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640)
	if err != nil {
		return fmt.Errorf("open log file: %w", err)
	}
	info, err := h.Stat()
	if err != nil {
		h.Close()
		return fmt.Errorf("open log file: %w", err)
	}
	f.f, f.size = h, uint64(info.Size())
	return nil
}

func (f *file) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f == nil {
		return nil
	}
	err := f.f.Close()
	f.f = nil
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}

func (f *file) openLock() (err error) {
	if f.lock == nil {
		f.lock, err = os.OpenFile(f.path+".lock", os.O_RDWR|os.O_CREATE, 0o640)
	}
	return err
}

// Write appends whole lines, after a rotation if they would not fit.
func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.open(); err != nil {
		return 0, err
	}
	if f.maxSize >= minRotation && f.size > 0 && f.size+uint64(len(p)) > f.maxSize {
		if err := f.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := f.f.Write(p)
	f.size += uint64(n)
	return n, err
}

func (f *file) rotate() error {
	if err := f.openLock(); err != nil {
		return fmt.Errorf("lock log file: %w", err)
	}
	if err := unix.Flock(int(f.lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock log file: %w", err)
	}
	defer unix.Flock(int(f.lock.Fd()), unix.LOCK_UN)
	own, err := f.f.Stat()
	if err != nil {
		return fmt.Errorf("rotate log file: %w", err)
	}
	f.f.Close()
	f.f = nil
	if now, err := os.Stat(f.path); err == nil && !os.SameFile(own, now) {
		// Another process was faster.
		return f.open()
	}
	for i := f.maxVer; i > 1; i-- {
		// A version that is not there yet leaves nothing to move.
		os.Rename(fmt.Sprintf("%s.%d", f.path, i-1), fmt.Sprintf("%s.%d", f.path, i))
	}
	if err := os.Rename(f.path, f.path+".1"); err != nil {
		return fmt.Errorf("rotate log file: %w", err)
	}
	return f.open()
}

// syslogOutput talks to the local syslog daemon, once there is one.
type syslogOutput struct {
	facility syslog.Priority
	tag      string
	w        *syslog.Writer // nil: not connected
}

var facilities = map[string]syslog.Priority{
	"KERN": syslog.LOG_KERN, "USER": syslog.LOG_USER, "MAIL": syslog.LOG_MAIL,
	"DAEMON": syslog.LOG_DAEMON, "AUTH": syslog.LOG_AUTH, "SYSLOG": syslog.LOG_SYSLOG,
	"LPR": syslog.LOG_LPR, "NEWS": syslog.LOG_NEWS, "UUCP": syslog.LOG_UUCP,
	"CRON": syslog.LOG_CRON, "AUTHPRIV": syslog.LOG_AUTHPRIV, "FTP": syslog.LOG_FTP,
	"LOCAL0": syslog.LOG_LOCAL0, "LOCAL1": syslog.LOG_LOCAL1, "LOCAL2": syslog.LOG_LOCAL2,
	"LOCAL3": syslog.LOG_LOCAL3, "LOCAL4": syslog.LOG_LOCAL4, "LOCAL5": syslog.LOG_LOCAL5,
	"LOCAL6": syslog.LOG_LOCAL6, "LOCAL7": syslog.LOG_LOCAL7,
}

// syslogFor returns the connection for "syslog" or "syslog:FACILITY". Kea: the
// facility is LOCAL0 unless named.
func (w *Writer) syslogFor(name, tag string) (*syslogOutput, error) {
	facility := syslog.LOG_LOCAL0
	if _, word, ok := strings.Cut(name, ":"); ok {
		facility, ok = facilities[strings.ToUpper(word)]
		if !ok {
			return nil, fmt.Errorf("unknown syslog facility %q", word)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	key := tag + " " + name
	if w.syslogs[key] == nil {
		w.syslogs[key] = &syslogOutput{facility: facility, tag: tag}
	}
	return w.syslogs[key], nil
}

func (s *syslogOutput) write(level message.Level, text []byte) error {
	if s.w == nil {
		w, err := syslog.New(s.facility|syslog.LOG_INFO, s.tag)
		if err != nil {
			return fmt.Errorf("reach syslog: %w", err)
		}
		s.w = w
	}
	t := string(text)
	switch level {
	case message.Fatal:
		return s.w.Crit(t)
	case message.Error:
		return s.w.Err(t)
	case message.Warn:
		return s.w.Warning(t)
	case message.Info:
		return s.w.Info(t)
	}
	return s.w.Debug(t)
}

func (s *syslogOutput) close() {
	if s.w != nil {
		s.w.Close()
	}
}
