package lease

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Cleanup makes the lease files small again: what has gathered is set aside as
// .1, merged with the result of the cleanup before (.2) into .output, which
// becomes .completed and then the new .2, as Kea does it. It may run beside
// Append, and may be interrupted anywhere: the next one goes on.
func (m *Memfile) Cleanup(ctx context.Context) error {
	m.cleaning.Lock()
	defer m.cleaning.Unlock()
	if err := m.cleanup(ctx); err != nil {
		return fmt.Errorf("clean up lease file %s: %w", m.path, err)
	}
	return nil
}

func (m *Memfile) cleanup(ctx context.Context) error {
	pid := m.path + ".pid"
	if n, err := cleaner(m.fs, pid); err != nil {
		return err
	} else if n != 0 {
		return fmt.Errorf("kea-lfc works on it, process %d", n)
	}
	if err := m.writePID(pid); err != nil {
		return err
	}
	defer m.fs.Remove(pid)
	if err := m.finish(); err != nil {
		return err
	}
	if err := m.setAside(); err != nil {
		return err
	}
	return m.merge(ctx)
}

func (m *Memfile) writePID(name string) error {
	f, err := m.fs.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(strconv.AppendInt(nil, int64(os.Getpid()), 10))
	return errors.Join(err, f.Close())
}

// setAside moves the current file to .1 unless one is there already.
func (m *Memfile) setAside() error {
	aside, err := exists(m.fs, m.path+".1")
	if err != nil || aside {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// Nothing half written may be left behind in .1.
	if err := m.flush(); err != nil {
		return err
	}
	aside, err = exists(m.fs, m.path+".1")
	if err != nil || aside {
		return err // ready had to do it
	}
	return m.turn()
}

// finish completes a cleanup that got as far as .completed.
func (m *Memfile) finish() error {
	done, err := exists(m.fs, m.path+".completed")
	if err != nil || !done {
		return err
	}
	if err := removeIfThere(m.fs, m.path+".2"); err != nil {
		return err
	}
	if err := removeIfThere(m.fs, m.path+".1"); err != nil {
		return err
	}
	if err := m.fs.Rename(m.path+".completed", m.path+".2"); err != nil {
		return err
	}
	return m.fs.SyncDir(filepath.Dir(m.path))
}

// merge makes .2 out of .2 and .1.
func (m *Memfile) merge(ctx context.Context) error {
	out, err := m.fs.Create(m.path + ".output")
	if err != nil {
		return err
	}
	w := &rowWriter{file: out, buf: make([]byte, 0, 256<<10)}
	w.buf = append(w.buf, header(m.v6)...)
	if m.v6 {
		err = mergeRows(ctx, m, w, func(l *Lease) addr6 { return key6(l.Addr) })
	} else {
		err = mergeRows(ctx, m, w, func(l *Lease) addr4 { return key4(l.Addr) })
	}
	if err == nil {
		err = w.flush()
	}
	if err == nil {
		// .2 and .1 go away: what replaces them must be on the disk.
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := m.fs.Rename(m.path+".output", m.path+".completed"); err != nil {
		return err
	}
	if err := m.fs.SyncDir(filepath.Dir(m.path)); err != nil {
		return err
	}
	return m.finish()
}

type rowWriter struct {
	file File
	buf  []byte
}

func (w *rowWriter) add(l *Lease) error {
	w.buf = appendRow(w.buf, l, false)
	if len(w.buf) < 192<<10 {
		return nil
	}
	return w.flush()
}

func (w *rowWriter) flush() error {
	_, err := w.file.Write(w.buf)
	w.buf = w.buf[:0]
	return err
}

// A place is where the last row of an address is in the journal.
type place[K ordered[K]] struct {
	key K
	at  int64
	len int32
}

// mergeRows writes the last row of each address, by ascending address. Memory:
// a place for each address in the journal .1; .2 has an order already and only
// streams through. A .2 without order (not written by a cleanup) is first
// read as if it were journal.
func mergeRows[K ordered[K]](ctx context.Context, m *Memfile, w *rowWriter, key func(*Lease) K) error {
	journal, err := indexRows(ctx, m, m.path+".1", key)
	if err != nil {
		return err
	}
	err = mergeInto(ctx, m, w, key, journal)
	if !errors.Is(err, errOrder) {
		return err
	}
	if err := w.file.Truncate(0); err != nil {
		return err
	}
	w.buf = append(w.buf[:0], header(m.v6)...)
	previous, err := indexRows(ctx, m, m.path+".2", key)
	if err != nil {
		return err
	}
	return mergeIndexes(m, w, previous, journal)
}

var errOrder = errors.New("rows are not in order")

// indexRows returns the place of the last row of each address in a file, by
// ascending address.
func indexRows[K ordered[K]](ctx context.Context, m *Memfile, name string, key func(*Lease) K) ([]place[K], error) {
	var (
		places []place[K]
		limit  = 1 << 20
		l      Lease
	)
	_, err := readRows(ctx, m.fs, name, m.v6, 0, func(p *rowParser, line []byte, at int64) error {
		if _, err := p.parse(line, &l); err != nil {
			return err
		}
		places = append(places, place[K]{key(&l), at, int32(len(line))})
		if len(places) == limit {
			places = lastPlaces(places)
			limit = max(limit, 2*len(places))
		}
		return nil
	}, func(string, int, error) error { return nil })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return lastPlaces(places), nil
}

func lastPlaces[K ordered[K]](ps []place[K]) []place[K] {
	slices.SortFunc(ps, func(a, b place[K]) int {
		switch {
		case a.key.less(b.key):
			return -1
		case b.key.less(a.key):
			return 1
		}
		return cmp.Compare(a.at, b.at)
	})
	kept := ps[:0]
	for i, p := range ps {
		if i+1 == len(ps) || ps[i+1].key != p.key {
			kept = append(kept, p)
		}
	}
	return kept
}

// mergeInto streams .2 and lets the journal's rows in at their places.
func mergeInto[K ordered[K]](ctx context.Context, m *Memfile, w *rowWriter, key func(*Lease) K, journal []place[K]) error {
	rows, err := openPlaces(m, ".1", journal)
	if err != nil {
		return err
	}
	defer rows.close()
	var (
		last  K
		first = true
		next  int
		l     Lease
		fatal error
	)
	_, err = readRows(ctx, m.fs, m.path+".2", m.v6, 0, func(p *rowParser, line []byte, at int64) error {
		gone, err := p.parse(line, &l)
		if err != nil {
			return err
		}
		k := key(&l)
		if !first && !last.less(k) {
			fatal = errOrder
			return fatal
		}
		first, last = false, k
		for next < len(journal) && journal[next].key.less(k) {
			if fatal = rows.copy(w, next); fatal != nil {
				return fatal
			}
			next++
		}
		if next < len(journal) && journal[next].key == k || gone {
			return nil
		}
		fatal = w.add(&l)
		return fatal
	}, func(string, int, error) error { return fatal })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for ; next < len(journal); next++ {
		if err := rows.copy(w, next); err != nil {
			return err
		}
	}
	return nil
}

func mergeIndexes[K ordered[K]](m *Memfile, w *rowWriter, previous, journal []place[K]) error {
	old, err := openPlaces(m, ".2", previous)
	if err != nil {
		return err
	}
	defer old.close()
	rows, err := openPlaces(m, ".1", journal)
	if err != nil {
		return err
	}
	defer rows.close()
	for i, j := 0, 0; i < len(previous) || j < len(journal); {
		if j == len(journal) || i < len(previous) && previous[i].key.less(journal[j].key) {
			err = old.copy(w, i)
			i++
		} else {
			if i < len(previous) && previous[i].key == journal[j].key {
				i++
			}
			err = rows.copy(w, j)
			j++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// placed reads rows by their places.
type placed[K ordered[K]] struct {
	file   File
	places []place[K]
	parser rowParser
	buf    []byte
}

func openPlaces[K ordered[K]](m *Memfile, suffix string, places []place[K]) (*placed[K], error) {
	p := &placed[K]{places: places, parser: rowParser{v6: m.v6}}
	if len(places) == 0 {
		return p, nil
	}
	f, err := m.fs.Open(m.path + suffix)
	if err != nil {
		return nil, err
	}
	head := lines{r: f, buf: make([]byte, 0, 4096)}
	line, _, err := head.next()
	if err == nil {
		p.parser.schema, err = parseHeader(line, m.v6)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	p.file = f
	return p, nil
}

func (p *placed[K]) copy(w *rowWriter, i int) error {
	at := p.places[i]
	p.buf = slices.Grow(p.buf[:0], int(at.len))[:at.len]
	if _, err := p.file.ReadAt(p.buf, at.at); err != nil {
		return fmt.Errorf("read lease file again: %w", err)
	}
	var l Lease
	gone, err := p.parser.parse(p.buf, &l)
	if err != nil {
		return fmt.Errorf("read lease file again: %w", err)
	}
	if gone {
		return nil
	}
	return w.add(&l)
}

func (p *placed[K]) close() {
	if p.file != nil {
		p.file.Close()
	}
}
