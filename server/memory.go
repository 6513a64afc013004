package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
)

// memory keeps what a pair remembers across restarts: how far each partner's
// change stream is known, and how far ours is known to the partners, as a place
// in the lease database. It is JSON, replaced as a whole, in the database or in a
// file beside it, and worth nothing when it does not fit the database: then all
// leases are fetched again, as without it.
type memory struct {
	leases  ledger
	shelf   shelf
	epoch   uint64
	base    uint64
	resumed *engine.Resumed // what was remembered of the run before; nil: nothing

	mu     sync.Mutex
	server string // this-server-name; "": there is no pair, and nothing is written
	spots  []spot
	turn   int // of the lease file that they are in
}

// ledger is a lease database that tells what was written after a place in it.
// Sizes are bytes, or changes, as it counts.
type ledger interface {
	// Size is what has been written and is durable; turn changes when it begins anew.
	Size() (size int64, turn int)
	Since(size int64, most int) ([]lease.Row, error)
}

// shelf is where a memory lies.
type shelf interface {
	Remembered() ([]byte, error)
	Remember(memory []byte) error
}

// fileShelf is a file of its own.
type fileShelf struct {
	fs   lease.FS
	path string
}

// spot tells that every change up to Seq lies within the first Size of the lease
// database.
type spot struct {
	Seq  uint64 `json:"seq"`
	Size int64  `json:"size"`
	at   time.Time
}

// memoryFile is the content of the file.
type memoryFile struct {
	Server   string              `json:"server"` // this-server-name
	Epoch    uint64              `json:"epoch"`  // of our change stream
	Base     uint64              `json:"base"`   // first number of the run
	Size     int64               `json:"size"`   // of the lease database, at least
	End      []byte              `json:"end"`    // the last bytes of a lease file of that size
	Sent     *spot               `json:"sent"`   // the partners have everything up to there
	Known    *spot               `json:"known"`  // and know it
	Partners []engine.Remembered `json:"partners"`
}

const (
	spotsKept = 512
	spotEvery = 100 * time.Millisecond
	// rowsMissed is how many rows may have been written since the partners knew
	// everything; a store remembers as many changes.
	rowsMissed = 1 << 14
)

// memoryPath is where the memory of a lease file lies.
func memoryPath(leases string) string { return leases + ".pair" }

// newMemory returns the memory for a lease database that holds every change of
// the store's stream up to seq, and has nothing else to come. path is the
// database's. nil: none can be kept.
func newMemory(fs lease.FS, path string, b lease.Backend, seq uint64) *memory {
	y := &memory{}
	switch b := b.(type) {
	case *lease.Memfile:
		y.leases, y.shelf = b, fileShelf{fs, memoryPath(path)}
	case *lease.SQLite:
		y.leases, y.shelf = b, b
	default:
		return nil
	}
	size, turn := y.leases.Size()
	y.turn, y.spots = turn, []spot{{Seq: seq, Size: size}}
	return y
}

// openMemory reads the memory that belongs to a lease database, which is loaded
// into the store, and continues the store's change stream.
func openMemory(fs lease.FS, path string, b lease.Backend, store *lease.Store, f *config.Family, now time.Time) *memory {
	y := newMemory(fs, path, b, store.Seq())
	if y == nil {
		return nil
	}
	y.epoch, y.base, y.server = store.Epoch(), store.Seq(), serverName(f)
	if y.server != "" {
		size := y.spots[0].Size
		if x, err := y.read(size); err == nil {
			y.take(x, store, size, now)
		}
	}
	return y
}

// serverName is the name by which the partners know this server; "": there are none.
func serverName(f *config.Family) string {
	if len(f.Relationships) == 0 {
		return ""
	}
	return f.Relationships[0].ThisServer
}

// serve says what this server is called from now on.
func (y *memory) serve(name string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.server = name
}

var errForeign = errors.New("belongs to another lease file")

func (y *memory) read(size int64) (*memoryFile, error) {
	b, err := y.shelf.Remembered()
	if err != nil {
		return nil, err
	}
	x := &memoryFile{}
	if err := json.Unmarshal(b, x); err != nil {
		return nil, err
	}
	if x.Server != y.server || x.Epoch == 0 || x.Size > size || x.Size < 0 {
		return nil, errForeign
	}
	end, err := y.end(x.Size)
	if err != nil || !bytes.Equal(end, x.End) {
		return nil, errForeign
	}
	return x, nil
}

// end returns what tells whether a lease file is the one that a memory is of. In
// a database they cannot be parted.
func (y *memory) end(size int64) ([]byte, error) {
	if m, ok := y.leases.(*lease.Memfile); ok {
		return m.End(size)
	}
	return nil, nil
}

// take goes on where the run before has ended.
func (y *memory) take(x *memoryFile, store *lease.Store, size int64, now time.Time) {
	// What the partners lack may have to be fetched as a whole; we need not.
	y.resumed = &engine.Resumed{Points: x.Partners, Owed: 1}
	if x.Sent == nil || x.Known == nil || x.Known.Size > x.Sent.Size || x.Sent.Size > x.Size {
		return
	}
	rows, err := y.leases.Since(x.Known.Size, rowsMissed)
	if err != nil {
		return
	}
	// Above every number of that run, even if the clock was set back, and above those
	// of runs that a copy of the machine may have had since.
	next := *x
	next.Base = max(uint64(now.UnixNano()), x.Base+1<<32)
	if err := y.replace(&next); err != nil {
		return
	}
	y.epoch, y.base = next.Epoch, next.Base
	numbers := store.Resume(y.epoch, y.base, x.Known.Seq, rows)
	sent := y.base
	for i := range rows {
		if rows[i].At < x.Sent.Size {
			sent = numbers[i]
		}
	}
	y.spots = []spot{{Seq: y.base, Size: x.Known.Size}, {Seq: store.Seq(), Size: size}}
	y.resumed.Owed = sent + 1
}

// appended notes that every change up to seq is in the lease file.
func (y *memory) appended(seq uint64, now time.Time) {
	size, turn := y.leases.Size()
	y.mu.Lock()
	defer y.mu.Unlock()
	if turn != y.turn { // the file was set aside
		y.turn, y.spots = turn, y.spots[:0]
	}
	n := len(y.spots)
	p := spot{seq, size, now}
	switch {
	case n > 1 && now.Sub(y.spots[n-2].at) < spotEvery:
		y.spots[n-1] = p
	case n == spotsKept:
		copy(y.spots, y.spots[1:])
		y.spots[n-1] = p
	default:
		y.spots = append(y.spots, p)
	}
}

// before returns the last place that has no change after seq.
func (y *memory) before(seq uint64) *spot {
	for i := len(y.spots) - 1; i >= 0; i-- {
		if p := y.spots[i]; p.Seq <= seq {
			return &p
		}
	}
	return nil
}

// write replaces the memory. What it tells is durable already.
func (y *memory) write(w *engine.Memory) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.server == "" {
		return nil
	}
	size, turn := y.leases.Size()
	x := memoryFile{Server: y.server, Epoch: y.epoch, Base: y.base, Size: size, Partners: w.Points}
	if turn == y.turn {
		x.Sent, x.Known = y.before(w.Sent), y.before(w.Known)
	}
	end, err := y.end(x.Size)
	if err == nil {
		x.End = end
		err = y.replace(&x)
	}
	if err != nil {
		return fmt.Errorf("remember the partner: %w", err)
	}
	return nil
}

func (y *memory) replace(x *memoryFile) error {
	b, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return y.shelf.Remember(append(b, '\n'))
}

// Remembered reads the file.
func (s fileShelf) Remembered() ([]byte, error) {
	f, err := s.fs.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 8<<20))
}

// Remember replaces the file.
func (s fileShelf) Remember(memory []byte) error {
	next := s.path + ".new"
	f, err := s.fs.Create(next)
	if err != nil {
		return err
	}
	if _, err = f.Write(memory); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := s.fs.Rename(next, s.path); err != nil {
		return err
	}
	return s.fs.SyncDir(filepath.Dir(s.path))
}
