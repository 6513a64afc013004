package interop

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var build struct {
	once sync.Once
	dir  string
	err  error
}

// program returns the path of leasehold, built once.
func program(t *testing.T) string {
	t.Helper()
	if path := os.Getenv(binaryVariable); path != "" {
		return path
	}
	build.once.Do(func() {
		if build.dir, build.err = os.MkdirTemp("", "leasehold-interop"); build.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", filepath.Join(build.dir, "leasehold"), "leasehold/cmd/leasehold")
		cmd.Stderr = os.Stderr
		build.err = cmd.Run()
	})
	must(t, build.err)
	return filepath.Join(build.dir, "leasehold")
}

// process is a program that runs beside the test. What it says is looked at
// line by line.
type process struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all was read

	mu    sync.Mutex
	lines []string
	more  chan struct{} // closed and replaced with each line
}

func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: cmd, done: make(chan struct{}), more: make(chan struct{})}
	r, w, err := os.Pipe()
	must(t, err)
	cmd.Stdout, cmd.Stderr = w, w
	must(t, cmd.Start())
	w.Close()
	go func() {
		p.read(r)
		cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s said at last:\n  %s", name, strings.Join(p.said(80), "\n  "))
		}
	})
	return p
}

func (p *process) read(r io.Reader) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
	}
}

// said returns the last n lines.
func (p *process) said(n int) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.lines[max(0, len(p.lines)-n):]...)
}

// await waits until ok holds for some line and returns that line; the lines of
// the past count.
func (p *process) await(what string, ok func(line string) bool) string {
	p.t.Helper()
	limit := time.After(patience)
	for seen := 0; ; {
		p.mu.Lock()
		more, lines := p.more, p.lines
		p.mu.Unlock()
		for ; seen < len(lines); seen++ {
			if ok(lines[seen]) {
				return lines[seen]
			}
		}
		select {
		case <-more:
		case <-p.done:
			if p.count() == seen {
				p.t.Fatalf("%s ended and was never: %s", p.name, what)
			}
		case <-limit:
			p.t.Fatalf("%s was never: %s", p.name, what)
		}
	}
}

func (p *process) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.lines)
}

// mentions waits for a line with all words in it.
func (p *process) mentions(words ...string) string {
	p.t.Helper()
	return p.await(strings.Join(words, " "), func(line string) bool {
		for _, w := range words {
			if !strings.Contains(line, w) {
				return false
			}
		}
		return true
	})
}

// kill ends the process without a chance to say goodbye.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
}
