package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

// timerSlack is by how much the kernel may wake a thread late. While work comes
// in small pieces, Go's monitor thread looks at it every 70 µs, which is a tenth
// of what a busy server costs; with more slack it looks when something else
// happens anyway. Our timers ask for nothing finer.
const timerSlack = time.Millisecond

// slacken gives all threads so far the slack; later ones inherit it. That is up
// to CAP_SYS_NICE; without it, whoever starts the process may have done it
// (TimerSlackNSec= of systemd). A single processor is left alone: there the
// monitor is what lets others run while the disk is waited for.
func slacken() error {
	if runtime.GOMAXPROCS(0) < 2 {
		return nil
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list threads: %w", err)
	}
	for _, t := range threads {
		if err := os.WriteFile("/proc/"+t.Name()+"/timerslack_ns", strconv.AppendInt(nil, int64(timerSlack), 10), 0); err != nil {
			return fmt.Errorf("set timer slack: %w", err)
		}
	}
	return nil
}
