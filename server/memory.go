package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/engine"
	"leasehold/server/message"
)

// memory keeps what a pair remembers across restarts, in a file beside the
// lease file: how far each partner's change stream is known, and how far ours
// is known to the partners, as a place in the lease file. It is JSON, replaced
// as a whole, and worth nothing when it does not fit the lease file: then all
// leases are fetched again, as without it.
type memory struct {
	fs      lease.FS
	path    string
	leases  *lease.Memfile
	server  string
	epoch   uint64
	base    uint64
	resumed *engine.Resumed // what was remembered of the run before; nil: nothing

	mu    sync.Mutex
	spots []spot
	turn  int // of the lease file that they are in
}

// spot tells that every change up to Seq lies within the first Size bytes of
// the lease file.
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
	Size     int64               `json:"size"`   // of the lease file, at least
	End      []byte              `json:"end"`    // the last bytes of that
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

// openMemory reads the memory that belongs to a lease file, which is loaded into
// the store, and continues the store's change stream. nil: there is no pair.
func openMemory(fs lease.FS, path string, m *lease.Memfile, store *lease.Store, f *config.Family, now time.Time) *memory {
	if len(f.Relationships) == 0 || m == nil {
		return nil
	}
	y := &memory{fs: fs, path: memoryPath(path), leases: m, server: f.Relationships[0].ThisServer, epoch: store.Epoch(), base: store.Seq()}
	size, turn := m.Size()
	y.turn, y.spots = turn, []spot{{Seq: store.Seq(), Size: size}}
	if x, err := y.read(size); err == nil {
		y.take(x, store, size, now)
	}
	return y
}

var errForeign = errors.New("belongs to another lease file")

func (y *memory) read(size int64) (*memoryFile, error) {
	f, err := y.fs.Open(y.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 1<<20))
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
	end, err := y.leases.End(x.Size)
	if err != nil || !bytes.Equal(end, x.End) || len(end) == 0 {
		return nil, errForeign
	}
	return x, nil
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

// write replaces the file. What the memory tells is durable already.
func (y *memory) write(w *engine.Memory) error {
	y.mu.Lock()
	defer y.mu.Unlock()
	size, turn := y.leases.Size()
	x := memoryFile{Server: y.server, Epoch: y.epoch, Base: y.base, Size: size, Partners: w.Points}
	if turn == y.turn {
		x.Sent, x.Known = y.before(w.Sent), y.before(w.Known)
	}
	end, err := y.leases.End(x.Size)
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
	next := y.path + ".new"
	f, err := y.fs.Create(next)
	if err != nil {
		return err
	}
	if _, err = f.Write(append(b, '\n')); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := y.fs.Rename(next, y.path); err != nil {
		return err
	}
	return y.fs.SyncDir(filepath.Dir(y.path))
}

// keeper writes a memory while everything else goes on.
type keeper struct {
	f      *family
	memory *memory // nil: there is no pair, or no lease file to go with
	next   chan *engine.Memory
	stop   chan struct{}
	done   chan struct{}
	failed bool
	over   atomic.Bool
}

func newKeeper(f *family, m *memory) *keeper {
	k := &keeper{f: f, memory: m, next: make(chan *engine.Memory, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go k.run()
	return k
}

// keep has a memory written, unless a later one comes first.
func (k *keeper) keep(m *engine.Memory) {
	for k != nil && k.memory != nil {
		select {
		case k.next <- m:
			return
		default:
		}
		select {
		case <-k.next:
		default:
		}
	}
}

func (k *keeper) run() {
	defer close(k.done)
	for {
		select {
		case m := <-k.next:
			k.write(m)
		case <-k.stop:
			return
		}
	}
}

// abandon leaves the memory as it is: the leases go to another database.
func (k *keeper) abandon() {
	if k != nil {
		k.over.Store(true)
	}
}

// write reports once that the file cannot be written, and once that it can.
func (k *keeper) write(m *engine.Memory) {
	if k.over.Load() {
		return
	}
	err := k.memory.write(m)
	switch {
	case err != nil && !k.failed:
		k.f.log.Log(message.PairMemoryFail, "after a restart all leases will be fetched from the partner: %v", err)
	case err == nil && k.failed:
		k.f.log.Log(message.PairMemoryRecovered, "what is known of the partner is stored again")
	}
	k.failed = err != nil
}

// appended notes that every change up to seq is in the lease file.
func (k *keeper) appended(seq uint64, now time.Time) {
	if k != nil && k.memory != nil && !k.over.Load() {
		k.memory.appended(seq, now)
	}
}

// close writes what is known at the end, when nothing changes any more.
func (k *keeper) close() {
	close(k.stop)
	<-k.done
	if k.memory == nil {
		return
	}
	var fx engine.Effects
	k.f.engine.Step(k.f.now(), []engine.Input{engine.TakeMemory{}}, &fx)
	if fx.Memory != nil {
		k.write(fx.Memory)
	}
}
