package server

import (
	"context"
	"errors"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"leasehold/server/engine"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// scriptRunner runs the operator's script. Kea starts a process for each event
// and forgets it; here so many run at once at most, so many wait at most, and
// one that does not end is killed.
type scriptRunner struct {
	log *logging.Sink

	mu      sync.Mutex // guards what follows
	queue   chan engine.Script
	lost    int // since the last that was queued
	stop    context.CancelFunc
	running sync.WaitGroup
}

const (
	scriptsAtOnce = 8
	scriptsQueued = 1024
	scriptLimit   = 30 * time.Second // of one run
	scriptGrace   = 5 * time.Second  // of what is queued when the server ends
)

// run queues one run, or drops it when too many wait.
func (r *scriptRunner) run(s engine.Script) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue == nil {
		r.start()
	}
	select {
	case r.queue <- s:
		if r.lost > 0 {
			r.log.Log(message.RunScriptLost, "%d events were not told to the script: %d runs waited already", r.lost, scriptsQueued)
			r.lost = 0
		}
	default:
		r.lost++
	}
}

// start begins the workers. Called with mu held.
func (r *scriptRunner) start() {
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	r.queue = make(chan engine.Script, scriptsQueued)
	for range scriptsAtOnce {
		r.running.Go(func() {
			for s := range r.queue {
				if err := runScript(ctx, &s); err != nil {
					r.log.Log(message.RunScriptFail, "run %s %s: %v", s.Path, s.Event, err)
				}
			}
		})
	}
}

var errScriptLimit = errors.New("killed after " + scriptLimit.String())

// runScript runs a script to its end, with nothing of our own environment.
func runScript(ctx context.Context, s *engine.Script) error {
	ctx, cancel := context.WithTimeoutCause(ctx, scriptLimit, errScriptLimit)
	defer cancel()
	c := exec.CommandContext(ctx, s.Path, s.Event)
	c.Env = append([]string{}, s.Env...)
	// A group of its own, so that what the script started is killed with it.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = time.Second
	err := c.Run()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

// close waits for the runs that are queued, but not for ever.
func (r *scriptRunner) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queue == nil {
		return
	}
	close(r.queue)
	kill := time.AfterFunc(scriptGrace, r.stop)
	r.running.Wait()
	kill.Stop()
	r.stop()
	r.queue = nil
}
