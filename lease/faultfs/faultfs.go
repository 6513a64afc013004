// Package faultfs is a file system in memory for tests of what survives: it
// fails where it is told to, and shows what a disk could hold after the power
// went.
//
// Start with New, give it to lease.OpenMemfile, and look at Crash.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"sync"

	"leasehold/lease"
)

// ErrInjected is for Fail functions that need an error.
var ErrInjected = errors.New("injected")

// FS is a flat file system: names are not looked into.
type FS struct {
	mu    sync.Mutex
	names map[string]*inode
	kept  map[string]*inode   // names that are durable
	moves []map[string]*inode // names after each change since
	locks map[string]bool
	ops   int
	fail  func(op int, kind, name string) error
}

type inode struct {
	data  []byte
	kept  []byte   // durable content
	steps [][]byte // content after each change since
}

// New returns an empty file system.
func New() *FS {
	return &FS{names: map[string]*inode{}, kept: map[string]*inode{}, locks: map[string]bool{}}
}

// Ops returns how many operations that change something were tried.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Fail makes every operation that changes something ask fn first: its number
// from 1, its kind (create, write, truncate, sync, rename, remove, syncdir)
// and the name. An error makes it fail; a write then leaves half behind.
func (f *FS) Fail(fn func(op int, kind, name string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fn
}

func (f *FS) step(kind, name string) error {
	f.ops++
	if f.fail == nil {
		return nil
	}
	if err := f.fail(f.ops, kind, name); err != nil {
		return &fs.PathError{Op: kind, Path: name, Err: err}
	}
	return nil
}

// Survival says what a crash does to what was not synced.
type Survival int

const (
	Kept  Survival = iota // all of it is there
	Lost                  // none of it
	Torn                  // some of it, the last change in part
	Holed                 // as Torn, and zeros where the rest should be
)

// Crash returns the file system as it could be after a power cut, without
// locks and failures. Changes of one directory or one file survive in order.
func (f *FS) Crash(s Survival, rnd *rand.Rand) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := f.kept
	if n := len(f.moves); n > 0 {
		switch s {
		case Kept:
			names = f.moves[n-1]
		case Torn, Holed:
			if i := rnd.IntN(n + 1); i > 0 {
				names = f.moves[i-1]
			}
		}
	}
	after := New()
	for _, name := range slices.Sorted(maps.Keys(names)) {
		b := names[name].after(s, rnd)
		after.names[name] = &inode{data: b, kept: b}
	}
	after.kept = maps.Clone(after.names)
	return after
}

func (n *inode) after(s Survival, rnd *rand.Rand) []byte {
	if s == Kept {
		return slices.Clone(n.data)
	}
	b := slices.Clone(n.kept)
	if s == Lost || len(n.steps) == 0 {
		return b
	}
	i := rnd.IntN(len(n.steps) + 1)
	if i > 0 {
		b = slices.Clone(n.steps[i-1])
	}
	if i == len(n.steps) || len(n.steps[i]) <= len(b) {
		return b
	}
	next := n.steps[i]
	torn := len(b) + rnd.IntN(len(next)-len(b)+1)
	b = append(b, next[len(b):torn]...)
	if s == Holed {
		b = append(b, make([]byte, len(next)-torn)...)
	}
	return b
}

// Read returns the content of a file.
func (f *FS) Read(name string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.names[name]
	if n == nil {
		return nil, missing("open", name)
	}
	return slices.Clone(n.data), nil
}

// Write makes a file, durable at once.
func (f *FS) Write(name string, b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[name] = &inode{data: slices.Clone(b), kept: slices.Clone(b)}
	f.kept, f.moves = maps.Clone(f.names), nil
}

func missing(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

func (f *FS) moved() { f.moves = append(f.moves, maps.Clone(f.names)) }

func (f *FS) Open(name string) (lease.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[name] == nil {
		return nil, missing("open", name)
	}
	return &file{fs: f, name: name, n: f.names[name]}, nil
}

func (f *FS) Append(name string) (lease.File, error) { return f.create(name, false) }
func (f *FS) Create(name string) (lease.File, error) { return f.create(name, true) }

func (f *FS) create(name string, empty bool) (lease.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("create", name); err != nil {
		return nil, err
	}
	n := f.names[name]
	if n == nil {
		n = new(inode)
		f.names[name] = n
		f.moved()
	}
	if empty && len(n.data) > 0 {
		n.change(nil)
	}
	return &file{fs: f, name: name, n: n}, nil
}

func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("rename", from); err != nil {
		return err
	}
	n := f.names[from]
	if n == nil {
		return missing("rename", from)
	}
	delete(f.names, from)
	f.names[to] = n
	f.moved()
	return nil
}

func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("remove", name); err != nil {
		return err
	}
	if f.names[name] == nil {
		return missing("remove", name)
	}
	delete(f.names, name)
	f.moved()
	return nil
}

func (f *FS) SyncDir(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.step("syncdir", dir); err != nil {
		return err
	}
	f.kept, f.moves = maps.Clone(f.names), nil
	return nil
}

func (f *FS) Lock(name string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks[name] {
		return nil, fmt.Errorf("lock %s: %w", path.Base(name), lease.ErrLocked)
	}
	f.locks[name] = true
	return unlock{f, name}, nil
}

type unlock struct {
	fs   *FS
	name string
}

func (u unlock) Close() error {
	u.fs.mu.Lock()
	defer u.fs.mu.Unlock()
	delete(u.fs.locks, u.name)
	return nil
}

func (n *inode) change(b []byte) {
	n.data = b
	n.steps = append(n.steps, b)
}

type file struct {
	fs   *FS
	name string
	n    *inode
	pos  int
}

func (f *file) Read(b []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.pos >= len(f.n.data) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[f.pos:])
	f.pos += n
	return n, nil
}

func (f *file) ReadAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.n.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(b []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.step("write", f.name)
	if err != nil {
		b = b[:len(b)/2]
	}
	if len(b) > 0 {
		f.n.change(append(slices.Clone(f.n.data), b...))
	}
	return len(b), err
}

func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("truncate", f.name); err != nil {
		return err
	}
	f.n.change(slices.Clone(f.n.data[:size]))
	return nil
}

// Sync makes the content durable. When it fails, the content is as uncertain
// as before, and a later Sync does not make it durable either: the kernel
// forgets what it could not write.
func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step("sync", f.name); err != nil {
		f.n.lost()
		return err
	}
	f.n.kept, f.n.steps = f.n.data, nil
	return nil
}

// lost turns what was not synced into zeros on the disk, while reading still
// shows it: the worst that a failed sync may leave.
func (n *inode) lost() {
	if len(n.data) <= len(n.kept) {
		return
	}
	holed := append(slices.Clone(n.kept), make([]byte, len(n.data)-len(n.kept))...)
	n.kept, n.steps = holed, nil
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.n.data)), nil
}

func (f *file) Close() error { return nil }
