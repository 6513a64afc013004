package events

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Hooks are the webhooks of a log.
type Hooks struct {
	log     *Log
	cursors *cursors
	tell    func(host string, err error)

	mu      sync.Mutex // guards the rest
	running []*running
	closed  bool
}

type running struct {
	hook *Hook
	stop context.CancelFunc
	done chan struct{}
}

// NewHooks returns the webhooks of a log, none yet. tell hears of each target
// once when it begins to fail, and with nil when that is over.
func NewHooks(l *Log, tell func(host string, err error)) (*Hooks, error) {
	c, err := openCursors(l.o.Dir, l.o.Name)
	if err != nil {
		return nil, err
	}
	return &Hooks{log: l, cursors: c, tell: tell}, nil
}

// Configure makes the targets those that events are sent to. One that stays is
// not disturbed; one that comes back goes on where it was.
func (h *Hooks) Configure(targets []Target) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil
	}
	var next, fresh []*running
	for i := range targets {
		if old := h.find(&targets[i]); old != nil {
			next = append(next, old)
			continue
		}
		r := &running{done: make(chan struct{})}
		hook, err := newHook(targets[i], h.log, h.cursors, func(err error) { h.tell(r.hook.state.Host, err) })
		if err != nil {
			return err
		}
		r.hook = hook
		next, fresh = append(next, r), append(fresh, r)
	}
	for _, old := range h.running {
		kept := false
		for _, r := range next {
			kept = kept || r == old
		}
		if !kept {
			old.stop()
			<-old.done
		}
	}
	for _, r := range fresh {
		ctx, stop := context.WithCancel(context.Background())
		r.stop = stop
		go func() {
			defer close(r.done)
			r.hook.run(ctx)
		}()
	}
	h.running = next
	return nil
}

func (h *Hooks) find(t *Target) *running {
	for _, r := range h.running {
		if r.hook.target.same(t) {
			return r
		}
	}
	return nil
}

// States returns how each webhook stands, in the order of the configuration.
func (h *Hooks) States() []HookState {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []HookState
	for _, r := range h.running {
		all = append(all, r.hook.State())
	}
	return all
}

// Close ends all webhooks and keeps where each of them was.
func (h *Hooks) Close() error {
	err := h.Configure(nil)
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	return errors.Join(err, h.cursors.save())
}

// cursors remember how far each target is, in a file if there is a directory.
type cursors struct {
	path string

	mu sync.Mutex // guards the rest
	at map[string]Cursor
}

const cursorsSuffix = "-webhooks.json"

func openCursors(dir, name string) (*cursors, error) {
	c := &cursors{at: map[string]Cursor{}}
	if dir == "" {
		return c, nil
	}
	c.path = filepath.Join(dir, name+cursorsSuffix)
	text, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read how far webhooks are: %w", err)
	}
	if err := json.Unmarshal(text, &c.at); err != nil {
		return nil, fmt.Errorf("read how far webhooks are: %s: %w", c.path, err)
	}
	return c, nil
}

// name stands for a URL, which may hold a secret.
func name(url string) string {
	sum := sha256.Sum256([]byte(url))
	return hex.EncodeToString(sum[:8])
}

func (c *cursors) get(url string, absent Cursor) Cursor {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at, ok := c.at[name(url)]; ok {
		return at
	}
	return absent
}

// set notes how far a target is. If the file cannot be written now it can be
// later: what is lost is that a restart sends some events twice.
func (c *cursors) set(url string, at Cursor) {
	c.mu.Lock()
	c.at[name(url)] = at
	c.mu.Unlock()
	_ = c.save()
}

func (c *cursors) save() error {
	if c.path == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := json.Marshal(c.at)
	if err == nil {
		err = os.WriteFile(c.path+".new", append(text, '\n'), 0o640)
	}
	if err == nil {
		err = os.Rename(c.path+".new", c.path)
	}
	if err != nil {
		return fmt.Errorf("keep how far webhooks are: %w", err)
	}
	return nil
}
