package testnet

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inside names the test of which a process is the second one.
const inside = "LEASEHOLD_TEST_INSIDE"

// Inside says whether this process runs the calling test in namespaces.
func Inside(t testing.TB) bool { return os.Getenv(inside) == t.Name() }

// Chosen says whether a subtest is to be run: in the second process of one only
// that one.
func Chosen(t testing.TB, name string) bool {
	only := os.Getenv(inside)
	return only == "" || only == t.Name()+"/"+name
}

// Again runs the calling test, or benchmark, once more, in a process with a
// network namespace and the other namespaces of flags for itself. That is over
// when Again returns, and so is the test. env is added to the environment. Who
// is not root becomes root of a user namespace.
func Again(t testing.TB, flags uintptr, env ...string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run="+pattern(t.Name()), "-test.v", "-test.timeout="+timeLeft(t).String())
	if _, ok := t.(*testing.B); ok {
		cmd = exec.Command("/proc/self/exe", "-test.run=^$", "-test.bench="+pattern(t.Name()), "-test.v")
	}
	cmd.Env = append(append(os.Environ(), inside+"="+t.Name()), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | flags, Pdeathsig: unix.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		Missing(t, "no namespaces can be made here: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("--- SKIP: "+t.Name())) {
		t.SkipNow()
	}
}

// pattern is the regular expression of one test.
func pattern(name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = "^" + regexp.QuoteMeta(parts[i]) + "$"
	}
	return strings.Join(parts, "/")
}

// timeLeft is how long the second process of a test may take: not so long that
// the first one is ended before it can tell what the second one said. 0: for
// ever.
func timeLeft(t testing.TB) time.Duration {
	if t, ok := t.(*testing.T); ok {
		if end, ok := t.Deadline(); ok {
			return max(time.Until(end)*9/10, time.Second)
		}
	}
	return 0
}
