package lease

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// MemfileOptions says where a Memfile is and how careful it is.
type MemfileOptions struct {
	Path   string
	Family int // 4 or 6
	// Sync makes Append wait for the disk; without it, what was appended
	// survives the end of the process but not a power cut, as with Kea.
	Sync bool
	// MaxRowErrors is how many bad rows Load skips before it gives up; 0 = any
	// number.
	MaxRowErrors int
	FS           FS // nil = OS
}

// Memfile is the Backend that writes Kea's CSV lease file: a journal with a
// row for each change, the last row of an address being the lease. Kea opens
// it, and it opens Kea's, of every schema version.
//
// What is written is always of the newest schema (see header). A file with
// another one is set aside for Cleanup before the first row is appended to it.
type Memfile struct {
	path string
	v6   bool
	sync bool
	most int
	fs   FS
	lock io.Closer

	cleaning sync.Mutex // held by Cleanup

	mu     sync.Mutex // held to write, and by Cleanup to change files
	closed bool
	file   File   // nil = to be opened
	good   int64  // size of the file up to which all is whole and durable
	rows   []byte // rows that are to be written, all that is not durable yet
	turns  int    // how often the file was set aside
	linked bool   // the directory entry of the file is durable
	tail   tail

	report LoadReport
}

// What Load found at the end of the file.
type tail struct {
	known  bool
	schema int   // columns named in the header, 0 = no file
	size   int64 // up to the end of the last row that counts
	open   bool  // the last row has no newline
}

// maxWaiting is how many bytes of rows may wait for a disk that does not take
// them, before only the last row of each address is kept.
const maxWaiting = 64 << 20

// OpenMemfile locks the lease file against other servers. It is an error when
// kea-lfc works on it.
func OpenMemfile(o MemfileOptions) (*Memfile, error) {
	if o.Path == "" || o.Family != 4 && o.Family != 6 {
		return nil, fmt.Errorf("open lease file %q: no path or family", o.Path)
	}
	m := &Memfile{path: o.Path, v6: o.Family == 6, sync: o.Sync, most: o.MaxRowErrors, fs: o.FS}
	if m.fs == nil {
		m.fs = OS
	}
	lock, err := m.fs.Lock(o.Path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("open lease file %s: %w", o.Path, err)
	}
	m.lock = lock
	if pid, err := cleaner(m.fs, m.path+".pid"); err != nil || pid != 0 {
		lock.Close()
		if err == nil {
			err = fmt.Errorf("kea-lfc works on it, process %d", pid)
		}
		return nil, fmt.Errorf("open lease file %s: %w", o.Path, err)
	}
	return m, nil
}

// SetSync says whether Append waits for the disk from now on.
func (m *Memfile) SetSync(on bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sync = on
	return nil
}

// Append writes the changes in one piece, and syncs it if so configured. After
// an error the file is opened anew and cut back to where it was good, and all
// rows since then are written again: after a failed sync nobody knows what the
// disk has of them, and the last row of an address wins.
func (m *Memfile) Append(changes []Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range changes {
		m.rows = appendRow(m.rows, &changes[i].Lease, changes[i].Delete)
	}
	if !m.closed && m.file == nil {
		// The file may have to be set aside, which is Cleanup's ground.
		m.mu.Unlock()
		m.cleaning.Lock()
		defer m.cleaning.Unlock()
		m.mu.Lock()
	}
	if err := m.flush(); err != nil {
		return fmt.Errorf("append lease file: %w", err)
	}
	return nil
}

func (m *Memfile) flush() error {
	if m.closed {
		return os.ErrClosed
	}
	if len(m.rows) == 0 && m.file != nil {
		return nil
	}
	err := m.ready()
	if err == nil && len(m.rows) > 0 {
		_, err = m.file.Write(m.rows)
		if err == nil && m.sync {
			err = m.file.Sync()
		}
	}
	if err != nil {
		m.shut()
		if len(m.rows) > maxWaiting {
			m.rows = lastRows(m.rows, m.v6)
		}
		return err
	}
	m.good += int64(len(m.rows))
	if cap(m.rows) > 1<<20 {
		m.rows = nil
	}
	m.rows = m.rows[:0]
	return nil
}

func (m *Memfile) shut() {
	if m.file != nil {
		// An error of close has nothing to add: the file is not trusted.
		m.file.Close()
		m.file = nil
	}
}

// ready opens the file, cuts off what is not known to be good, and writes the
// header of a new one.
func (m *Memfile) ready() error {
	if m.file != nil {
		return nil
	}
	if !m.tail.known {
		if err := m.inspect(); err != nil {
			return err
		}
	}
	names, _ := columns(m.v6)
	if m.tail.schema != 0 && m.tail.schema != len(names) {
		return m.renew()
	}
	return m.open()
}

func (m *Memfile) open() error {
	f, err := m.fs.Append(m.path)
	if err != nil {
		return err
	}
	m.file = f
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size < m.good {
		return fmt.Errorf("%s has %d bytes, %d were written", m.path, size, m.good)
	}
	if size > m.good {
		if err := f.Truncate(m.good); err != nil {
			return err
		}
	}
	start := ""
	if m.good == 0 {
		start = header(m.v6)
	} else if m.tail.open {
		start = "\n"
	}
	if _, err := io.WriteString(f, start); err != nil {
		return err
	}
	if start != "" || size != m.good {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if !m.linked {
		if err := m.fs.SyncDir(filepath.Dir(m.path)); err != nil {
			return err
		}
		m.linked = true
	}
	m.good += int64(len(start))
	m.tail.open = false
	return nil
}

// renew sets a file of another schema aside, where Cleanup takes it up.
func (m *Memfile) renew() error {
	if err := m.finish(); err != nil {
		return err
	}
	aside, err := exists(m.fs, m.path+".1")
	if err != nil {
		return err
	}
	if aside {
		if err := m.merge(context.Background()); err != nil {
			return err
		}
	}
	return m.turn()
}

// turn moves the current file aside and begins a new one. .1 must not exist.
func (m *Memfile) turn() error {
	m.shut()
	if err := m.fs.Rename(m.path, m.path+".1"); err != nil {
		return err
	}
	m.good, m.linked, m.tail = 0, false, tail{known: true}
	m.turns++
	if err := m.open(); err != nil {
		m.shut()
		return err
	}
	return nil
}

// Close writes what is still waiting, and gives the file free.
func (m *Memfile) Close() error {
	m.cleaning.Lock()
	defer m.cleaning.Unlock()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	var err error
	if len(m.rows) > 0 {
		err = m.flush()
	}
	m.closed = true
	if m.file != nil {
		if m.sync && err == nil {
			err = m.file.Sync()
		}
		err = errors.Join(err, m.file.Close())
		m.file = nil
	}
	return errors.Join(err, m.lock.Close())
}

// lastRows keeps the last row of each address.
func lastRows(rows []byte, v6 bool) []byte {
	last := make(map[string]int)
	for p := 0; p < len(rows); {
		row := rows[p:]
		last[string(row[:bytes.IndexByte(row, ',')])] = p
		p += bytes.IndexByte(row, '\n') + 1
	}
	kept := make([]byte, 0, len(rows)/2)
	for p := 0; p < len(rows); {
		row := rows[p:]
		end := bytes.IndexByte(row, '\n') + 1
		if last[string(row[:bytes.IndexByte(row, ',')])] == p {
			kept = append(kept, row[:end]...)
		}
		p += end
	}
	return kept
}
