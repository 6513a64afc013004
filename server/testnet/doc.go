// Package testnet is what tests share that run programs, on links and ports of
// their own: namespaces (Again), programs and what they say (Program, Start),
// links that are ready (AwaitUp), ports that nobody else has (Ports). It is for
// tests alone; the test of imports sees to that.
//
// Nothing in it waits for a while: it waits for what must happen, and Patience
// is the limit.
package testnet

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// Patience is how long a test waits for what must happen; it is a limit, never
// a duration that is slept.
const Patience = 2 * time.Minute

// Missing skips the test, but not where everything must be there: with
// LEASEHOLD_CI, or CI=true, in the environment it fails.
func Missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("LEASEHOLD_CI") != "" || os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Need ends the test if a program that it is about is not installed.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Missing(t, "%s is not installed", p)
		}
	}
}

// Must ends the test with an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Must1 is Must for calls that return a value as well: Must1(f())(t).
func Must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		Must(t, err)
		return v
	}
}
