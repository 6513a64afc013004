package testnet

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// binary names the program under test, for the second process of a test.
const binary = "LEASEHOLD_TEST_BINARY"

var build struct {
	once sync.Once
	dir  string
	err  error
}

// Program returns the path of leasehold, built once for all tests of a process
// whose TestMain calls Run. It lies in a directory with its other names.
func Program(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(binary); path != "" {
		return path
	}
	build.once.Do(func() { build.err = buildProgram() })
	Must(t, build.err)
	return filepath.Join(build.dir, "leasehold")
}

func buildProgram() (err error) {
	if build.dir, err = os.MkdirTemp("", "leasehold-test"); err != nil {
		return err
	}
	if err := os.Chmod(build.dir, 0o755); err != nil {
		return err
	}
	cmd := exec.Command("go", "build", "-o", filepath.Join(build.dir, "leasehold"), "leasehold/cmd/leasehold")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	for _, name := range []string{"kea-dhcp4", "kea-dhcp6"} {
		if err := os.Symlink("leasehold", filepath.Join(build.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// WithProgram is an environment in which Program returns what it returns here.
func WithProgram(t testing.TB) string {
	t.Helper()
	return binary + "=" + Program(t)
}

// Run runs the tests and takes away what Program made.
func Run(m *testing.M) (code int) {
	code = m.Run()
	if build.dir != "" {
		os.RemoveAll(build.dir)
	}
	return code
}

// Process is a program that runs beside a test. What it says is read line by
// line.
type Process struct {
	Name string
	Cmd  *exec.Cmd
	Done chan struct{} // closed when it has ended; others may go on to write for it

	t    testing.TB
	pipe syscall.RawConn

	mu    sync.Mutex
	part  []byte // of a line
	lines []string
	seen  int           // lines that Await has passed
	over  bool          // nobody is left who can write
	more  chan struct{} // closed and replaced with each line, closed when over
}

// Start begins a command. What ends it is the caller's affair: who kills nsenter
// makes a program in other namespaces an orphan of the test, which reaps none.
// What it said last is in the log of a test that has failed.
func Start(t testing.TB, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	r, w, err := os.Pipe()
	Must(t, err)
	p := &Process{Name: name, Cmd: cmd, Done: make(chan struct{}), t: t, more: make(chan struct{})}
	p.pipe = Must1(r.SyscallConn())(t)
	cmd.Stdout, cmd.Stderr = w, w
	err = cmd.Start()
	w.Close()
	Must(t, err)
	go func() {
		_ = p.pipe.Read(func(fd uintptr) bool { return p.take(fd) })
		r.Close()
	}()
	go func() {
		cmd.Wait()
		close(p.Done)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			lines := p.Lines()
			t.Logf("%s said at last:\n  %s", name, strings.Join(lines[max(0, len(lines)-80):], "\n  "))
		}
	})
	return p
}

// take reads what there is and reports whether it was the last.
func (p *Process) take(fd uintptr) (over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var buf [16 << 10]byte
	for !p.over {
		n, err := unix.Read(int(fd), buf[:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return false
		case err != nil || n == 0:
			p.over = true
			if len(p.part) > 0 {
				p.lines = append(p.lines, string(p.part))
			}
			close(p.more)
		default:
			p.split(buf[:n])
		}
	}
	return true
}

func (p *Process) split(b []byte) {
	for {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		p.part = append(p.part, line...)
		if !whole {
			return
		}
		p.lines = append(p.lines, string(p.part))
		p.part, b = p.part[:0], rest
		close(p.more)
		p.more = make(chan struct{})
	}
}

// Lines returns all that was said so far: what a program wrote before it did
// something else that the test has seen is among it.
func (p *Process) Lines() []string {
	_ = p.pipe.Control(func(fd uintptr) { p.take(fd) }) // closed: all was read
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[:len(p.lines):len(p.lines)]
}

// Text is Lines in one.
func (p *Process) Text() string { return strings.Join(p.Lines(), "\n") }

// Until waits until ok holds for what was said so far.
func (p *Process) Until(what string, ok func(lines []string) bool) {
	p.t.Helper()
	limit := time.After(Patience)
	for {
		p.mu.Lock()
		more, over := p.more, p.over
		p.mu.Unlock()
		if ok(p.Lines()) {
			return
		}
		if over {
			p.t.Fatalf("%s ended and never said %s", p.Name, what)
		}
		select {
		case <-more:
		case <-limit:
			p.t.Fatalf("%s never said %s", p.Name, what)
		}
	}
}

// AwaitLine waits for a line, behind those awaited before, and returns it.
func (p *Process) AwaitLine(what string, ok func(line string) bool) (found string) {
	p.t.Helper()
	p.Until(what, func(lines []string) bool {
		for p.seen < len(lines) {
			found = lines[p.seen]
			p.seen++
			if ok(found) {
				return true
			}
		}
		return false
	})
	return found
}

// Await is AwaitLine for a line with a word in it.
func (p *Process) Await(word string) string {
	p.t.Helper()
	return p.AwaitLine(word, func(line string) bool { return strings.Contains(line, word) })
}

// Mentions waits for a line with all words in it; those of the past count.
func (p *Process) Mentions(words ...string) (found string) {
	p.t.Helper()
	next := 0
	p.Until(strings.Join(words, " "), func(lines []string) bool {
	lines:
		for ; next < len(lines); next++ {
			for _, w := range words {
				if !strings.Contains(lines[next], w) {
					continue lines
				}
			}
			found = lines[next]
			return true
		}
		return false
	})
	return found
}

// Wait waits for the end of the process, and of what it had to say, and returns
// its exit code; -1: a signal ended it.
func (p *Process) Wait() int {
	p.t.Helper()
	limit := time.After(Patience)
	select {
	case <-p.Done:
	case <-limit:
		p.t.Fatalf("%s does not end", p.Name)
	}
	for {
		p.mu.Lock()
		more, over := p.more, p.over
		p.mu.Unlock()
		if over {
			return p.Cmd.ProcessState.ExitCode()
		}
		select {
		case <-more:
		case <-limit:
			p.t.Fatalf("%s has ended, and somebody goes on in its name", p.Name)
		}
	}
}

func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	Must(p.t, p.Cmd.Process.Signal(s))
}

// Kill ends the process without a chance to say goodbye.
func (p *Process) Kill() {
	p.Cmd.Process.Kill()
	<-p.Done
}
