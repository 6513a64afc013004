package main

import (
	"os"
	"runtime"
)

// waiting is how many goroutines are in a system call nearly all the time: one
// waits for datagrams, one for the disk. The runtime lends each a processor.
const waiting = 2

// lendProcessors lets as many goroutines run as there are processors, beside
// those that wait in a system call: otherwise an answer of the partner, or a
// command, could find all lent, and the runtime looks after that every ten
// milliseconds only. GOMAXPROCS in the environment is left alone.
func lendProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + waiting)
	}
}
