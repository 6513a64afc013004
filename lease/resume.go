package lease

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Size returns how many bytes of the current lease file are whole and durable,
// and which one it is: turn changes when Cleanup sets it aside for a new one.
func (m *Memfile) Size() (size int64, turn int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.good, m.turns
}

// End returns the last bytes, at most 64, of the first size bytes of the current
// file: they tell whether it is still the same file.
func (m *Memfile) End(size int64) ([]byte, error) {
	f, err := m.fs.Open(m.path)
	if err != nil {
		return nil, fmt.Errorf("read end of lease file: %w", err)
	}
	defer f.Close()
	end := make([]byte, min(size, 64))
	if _, err := f.ReadAt(end, size-int64(len(end))); err != nil {
		return nil, fmt.Errorf("read end of lease file: %w", err)
	}
	return end, nil
}

// A Row is a row of the lease file: the lease, or that it is gone.
type Row struct {
	Lease Lease
	Gone  bool
	At    int64 // its offset in the file
}

var errMany = errors.New("too many rows")

// Since reads the rows of the current file after its first size bytes, which end
// with a row. It is an error when there are more than most.
func (m *Memfile) Since(size int64, most int) ([]Row, error) {
	f, err := m.fs.Open(m.path)
	if err != nil {
		return nil, fmt.Errorf("read lease file: %w", err)
	}
	defer f.Close()
	names, _ := columns(m.v6)
	if m.tail.schema != len(names) {
		return nil, fmt.Errorf("read lease file: it has %d columns", m.tail.schema)
	}
	// Its own schema: the header is not looked at.
	head := header(m.v6)
	if size < int64(len(head)) {
		return nil, fmt.Errorf("read lease file: no row ends at %d", size)
	}
	var rows []Row
	part := io.MultiReader(strings.NewReader(head), io.NewSectionReader(f, size, 1<<62))
	_, err = parseRows(context.Background(), part, "", m.v6, 0, func(p *rowParser, line []byte, at int64) error {
		if len(rows) == most {
			return errMany
		}
		var l Lease
		gone, err := p.parse(line, &l)
		rows = append(rows, Row{l.detached(), gone, size + at - int64(len(head))})
		return err
	}, func(_ string, _ int, err error) error { return err })
	if err != nil {
		return nil, fmt.Errorf("read lease file: %w", err)
	}
	return rows, nil
}

// Resume makes the changes of an earlier run and those of this one a single
// stream: epoch is that run's, and everything from now on has numbers above
// base, which must be above all that were ever used in it. missed are the rows
// written after change since, from which on readers of that run may go on.
// It returns the numbers that the last row of each address got, in order of
// the rows. To be called once the Store is filled and before it is changed.
func (s *Store) Resume(epoch, base, since uint64, missed []Row) []uint64 {
	s.epoch, s.seq = epoch, base
	s.ring = ring{limit: s.ring.limit}
	s.since, s.base = since, base
	last := make(map[netip.Addr]int, len(missed))
	for i := range missed {
		last[missed[i].Lease.Addr] = i
	}
	numbers := make([]uint64, len(missed))
	for i := range missed {
		a := missed[i].Lease.Addr
		if last[a] == i {
			s.seq++
			c := Change{Seq: s.seq, Lease: missed[i].Lease, Delete: true}
			if l, ok := s.Get(a); ok {
				c.Lease, c.Delete = l, false
			}
			s.ring.add(&c)
		}
		numbers[i] = s.seq
	}
	return numbers
}
