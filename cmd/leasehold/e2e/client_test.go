package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// event is one call of a client's script: what happened, and the environment
// that the client gave.
type event struct {
	name string
	env  map[string]string
}

// script is the program that a client calls when something happened. It
// reports to the test through a pipe.
type script struct {
	t      *testing.T
	path   string
	client string
	events chan event
	past   []string
}

// newScript writes a script for a client. body is shell text that does what the
// client leaves to its script; $event is what happened. It runs before the
// report; its exit code is the script's.
func newScript(t *testing.T, client, body string) *script {
	t.Helper()
	dir := t.TempDir()
	s := &script{t: t, path: filepath.Join(dir, "script"), client: client, events: make(chan event, 64)}
	pipe := filepath.Join(dir, "pipe")
	testnet.Must(t, unix.Mkfifo(pipe, 0o666))
	testnet.Must(t, os.Chmod(dir, 0o755))
	text := fmt.Sprintf(`#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
event=${reason:-${REASON:-$1}}
act() {
	:
%s
}
act
code=$?
report="event=$event
$(env)
end"
echo "$report" >%s
exit $code
`, body, pipe)
	testnet.Must(t, os.WriteFile(s.path, []byte(text), 0o755))
	f := testnet.Must1(os.OpenFile(pipe, os.O_RDWR, 0))(t)
	t.Cleanup(func() { f.Close() })
	go s.read(f)
	return s
}

func (s *script) read(f *os.File) {
	e := event{env: map[string]string{}}
	for in := bufio.NewScanner(f); in.Scan(); {
		key, value, _ := strings.Cut(in.Text(), "=")
		switch {
		case key == "event" && e.name == "":
			e.name = value
		case key == "end":
			s.events <- e
			e = event{env: map[string]string{}}
		default:
			e.env[key] = value
		}
	}
}

// await waits for one of the events named.
func (s *script) await(names ...string) event {
	s.t.Helper()
	limit := time.After(testnet.Patience)
	for {
		select {
		case e := <-s.events:
			s.past = append(s.past, e.name)
			if slices.Contains(names, e.name) {
				return e
			}
		case <-limit:
			s.t.Fatalf("%s: no event %v, but %v", s.client, names, s.past)
		}
	}
}

// forget drops the events so far.
func (s *script) forget() {
	for {
		select {
		case e := <-s.events:
			s.past = append(s.past, e.name)
		default:
			return
		}
	}
}

// check compares what the client's script was given with what is configured.
func (e event) check(t *testing.T, want map[string]string) {
	t.Helper()
	for key, value := range want {
		if got := strings.TrimSpace(e.env[key]); got != value {
			t.Errorf("%s: %s=%q, want %q", e.name, key, got, value)
		}
	}
}
