package main

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"

	"leasehold/server/testnet"
)

func TestSlackOfThreads(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one processor")
	}
	if err := slacken(); errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
		testnet.Missing(t, "%v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile("/proc/self/timerslack_ns")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(string(b)); got != "1000000" {
		t.Errorf("main thread has %s ns", got)
	}
}
