package e2e

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binaryVariable names the program under test, for the process of a test.
const binaryVariable = "LEASEHOLD_E2E_BINARY"

var build struct {
	once sync.Once
	dir  string
	err  error
}

// program returns the path of leasehold, built once. It lies in a directory
// with its other names.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(binaryVariable); path != "" {
		return path
	}
	build.once.Do(func() {
		if build.dir, build.err = os.MkdirTemp("", "leasehold-e2e"); build.err != nil {
			return
		}
		if build.err = os.Chmod(build.dir, 0o755); build.err != nil {
			return
		}
		path := filepath.Join(build.dir, "leasehold")
		cmd := exec.Command("go", "build", "-o", path, "leasehold/cmd/leasehold")
		cmd.Stderr = os.Stderr
		if build.err = cmd.Run(); build.err != nil {
			return
		}
		for _, name := range []string{"kea-dhcp4", "kea-dhcp6"} {
			if build.err = os.Symlink("leasehold", filepath.Join(build.dir, name)); build.err != nil {
				return
			}
		}
	})
	must(t, build.err)
	return filepath.Join(build.dir, "leasehold")
}

// process is a program that runs beside the test.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	said chan struct{} // closed when all it said was read

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
	seen  int           // lines that await has passed
}

func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, done: make(chan struct{}), said: make(chan struct{}), more: make(chan struct{})}
	r, w := must1Pair(os.Pipe())(t)
	cmd.Stdout, cmd.Stderr = w, w
	must(t, cmd.Start())
	w.Close()
	go p.read(r)
	go func() {
		cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("%s said at last:\n  %s", name, strings.Join(p.lines[max(0, len(p.lines)-20):], "\n  "))
		}
	})
	return p
}

func (p *process) read(r io.Reader) {
	defer close(p.said)
	s := bufio.NewScanner(r)
	for s.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

// await waits for a line with word in it, behind those awaited before, and
// returns it.
func (p *process) await(word string) string {
	p.t.Helper()
	return p.awaitLine(strconv.Quote(word), func(line string) bool { return strings.Contains(line, word) })
}

// awaitLine is await for lines that are told by more than a word.
func (p *process) awaitLine(what string, ok func(line string) bool) string {
	p.t.Helper()
	limit := time.After(patience)
	for {
		p.mu.Lock()
		more := p.more
		for p.seen < len(p.lines) {
			line := p.lines[p.seen]
			p.seen++
			if ok(line) {
				p.mu.Unlock()
				return line
			}
		}
		p.mu.Unlock()
		select {
		case <-more:
		case <-p.said:
			select {
			case <-more: // its last words
			default:
				p.t.Fatalf("%s ended without saying %s", p.name, what)
			}
		case <-limit:
			p.t.Fatalf("%s never said %s", p.name, what)
		}
	}
}

// wait waits for the end of the process, and of what it had to say, and returns
// its exit code; -1: a signal ended it.
func (p *process) wait() int {
	p.t.Helper()
	limit := time.After(patience)
	for _, end := range [...]chan struct{}{p.done, p.said} {
		select {
		case <-end:
		case <-limit:
			p.t.Fatalf("%s does not end", p.name)
		}
	}
	return p.cmd.ProcessState.ExitCode()
}

// all returns what was said so far.
func (p *process) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(s))
}

func must1Pair[A, B any](a A, b B, err error) func(testing.TB) (A, B) {
	return func(t testing.TB) (A, B) {
		t.Helper()
		must(t, err)
		return a, b
	}
}
