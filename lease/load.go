package lease

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// LoadReport is what Load met in the lease files.
type LoadReport struct {
	Files  []string // in the order they were read
	Rows   int      // that counted
	Bad    int      // that were skipped
	Errors []RowError
	// Upgraded and Downgraded: a file lacked columns, or had more than we
	// know. Run Cleanup soon.
	Upgraded, Downgraded bool
	// Unfinished: a cleanup was interrupted. Run Cleanup soon.
	Unfinished bool
}

// RowError is a row that was skipped. A report has the first 1000.
type RowError struct {
	File string
	Line int // 1 = header
	Err  error
}

func (e RowError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

func (e RowError) Unwrap() error { return e.Err }

const maxRowErrors = 1000

func (r *LoadReport) bad(file string, line int, err error) {
	r.Bad++
	if len(r.Errors) < maxRowErrors {
		r.Errors = append(r.Errors, RowError{file, line, err})
	}
}

// Report returns what the last Load met.
func (m *Memfile) Report() LoadReport {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.report
}

// Load calls fn for every lease. To fill a Store, Store.Restore is cheaper.
func (m *Memfile) Load(fn func(Lease) error) error {
	s := NewStore(family(m.v6), 0)
	s.filling = true // for good: nobody looks anything up
	if err := m.restore(s); err != nil {
		return err
	}
	var err error
	s.Each(func(l *Lease) bool {
		err = fn(*l)
		return err == nil
	})
	return err
}

// Restore fills an empty Store from a backend, without making changes of it:
// together the leases are one change, the first, which is not retained. Whoever
// reads the changes from the start has to take a full copy.
func (s *Store) Restore(b Backend) error {
	err := s.fill(func() error {
		if r, ok := b.(interface{ restore(*Store) error }); ok {
			return r.restore(s)
		}
		return b.Load(func(l Lease) error {
			s.set(&l)
			return nil
		})
	})
	if err == nil && s.Len() > 0 {
		s.seq++
	}
	return err
}

func (m *Memfile) restore(s *Store) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.report = LoadReport{}
	files, err := m.sources()
	if err != nil {
		return fmt.Errorf("load lease files: %w", err)
	}
	for _, name := range files {
		end, err := m.bring(s, name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		} else if err != nil {
			return fmt.Errorf("load lease file %s: %w", name, err)
		}
		m.report.Files = append(m.report.Files, name)
		names, _ := columns(m.v6)
		m.report.Upgraded = m.report.Upgraded || end.schema != 0 && end.schema < len(names)
		m.report.Downgraded = m.report.Downgraded || end.schema > len(names)
		if name == m.path {
			m.tail, m.good = end, end.size
		}
	}
	if !m.tail.known {
		m.tail.known = true // no current file
	}
	return nil
}

func (m *Memfile) bad(file string, line int, err error) error {
	m.report.bad(filepath.Base(file), line, err)
	if m.most > 0 && m.report.Bad > m.most {
		return fmt.Errorf("more than %d bad rows, the last in line %d: %w", m.most, line, err)
	}
	return nil
}

// sources returns the files that make up the leases, in order.
func (m *Memfile) sources() ([]string, error) {
	done, err := exists(m.fs, m.path+".completed")
	if err != nil {
		return nil, err
	}
	if done {
		m.report.Unfinished = true
		return []string{m.path + ".completed", m.path}, nil
	}
	if m.report.Unfinished, err = exists(m.fs, m.path+".1"); err != nil {
		return nil, err
	}
	return []string{m.path + ".2", m.path + ".1", m.path}, nil
}

// inspect finds the end of the current file when nobody has loaded it.
func (m *Memfile) inspect() error {
	end, err := readRows(context.Background(), m.fs, m.path, m.v6, 0,
		func(p *rowParser, line []byte, at int64) error {
			var l Lease
			_, err := p.parse(line, &l)
			return err
		}, func(string, int, error) error { return nil })
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	m.tail, m.good = end, end.size
	m.tail.known = true
	return nil
}

// maxLine is the length from which on a line is taken for garbage.
const maxLine = 1 << 20

// readRows calls row for each row of a file with its offset; what row returns
// as an error is told to bad, which may end the reading.
func readRows(ctx context.Context, fsys FS, name string, v6 bool, chunk int,
	row func(*rowParser, []byte, int64) error, bad func(string, int, error) error) (tail, error) {

	f, err := fsys.Open(name)
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	return parseRows(ctx, f, name, v6, chunk, row, bad)
}

func parseRows(ctx context.Context, f io.Reader, name string, v6 bool, chunk int,
	row func(*rowParser, []byte, int64) error, bad func(string, int, error) error) (tail, error) {

	if chunk == 0 {
		chunk = 256 << 10
	}
	var (
		p    = rowParser{v6: v6}
		in   = lines{r: f, buf: make([]byte, 0, chunk)}
		end  = tail{known: true}
		line int
	)
	for {
		text, at, err := in.next()
		if err == io.EOF {
			return end, nil
		} else if err != nil && err != errLong {
			return end, err
		}
		line++
		if line&0xfff == 0 && ctx.Err() != nil {
			return end, ctx.Err()
		}
		switch {
		case line == 1 && in.open && strings.HasPrefix(header(v6), string(bytes.TrimRight(text, "\x00"))):
			// The power went before the header of a new file was on the disk.
			return end, nil
		case line == 1:
			if p.schema, err = parseHeader(text, v6); err != nil {
				return end, fmt.Errorf("header: %w", err)
			}
			end.schema = p.schema.names
		case err == errLong:
		case len(text) == 0:
		default:
			err = row(&p, text, at)
		}
		if err != nil {
			if !in.open {
				end.size = in.at
			}
			if err := bad(name, line, err); err != nil {
				return end, err
			}
			continue
		}
		end.size, end.open = in.at, in.open
	}
}

// lines cuts a stream into lines, in place.
type lines struct {
	r    io.Reader
	buf  []byte
	pos  int
	at   int64 // offset of what comes next
	eof  bool
	open bool // the last line had no newline
}

var errLong = errors.New("line is too long")

// next returns a line without its newline, and its offset. It is good until
// the next call.
func (in *lines) next() (line []byte, at int64, err error) {
	at = in.at
	for {
		if i := bytes.IndexByte(in.buf[in.pos:], '\n'); i >= 0 {
			line = in.buf[in.pos : in.pos+i]
			in.pos += i + 1
			in.at += int64(i + 1)
			return line, at, nil
		}
		if in.eof {
			line = in.buf[in.pos:]
			if len(line) == 0 {
				return nil, at, io.EOF
			}
			in.pos = len(in.buf)
			in.at += int64(len(line))
			in.open = true
			return line, at, nil
		}
		if len(in.buf)-in.pos > maxLine {
			return in.skip(at)
		}
		if err := in.fill(); err != nil {
			return nil, at, err
		}
	}
}

func (in *lines) fill() error {
	n := copy(in.buf[:cap(in.buf)], in.buf[in.pos:])
	in.pos = 0
	if n == cap(in.buf) {
		in.buf = append(make([]byte, 0, 2*n), in.buf[:n]...)
	}
	got, err := in.r.Read(in.buf[n:cap(in.buf)])
	in.buf = in.buf[:n+got]
	if err == io.EOF {
		in.eof, err = true, nil
	}
	return err
}

// skip drops a line that is too long.
func (in *lines) skip(at int64) ([]byte, int64, error) {
	for {
		if i := bytes.IndexByte(in.buf[in.pos:], '\n'); i >= 0 {
			in.pos += i + 1
			in.at += int64(i + 1)
			return nil, at, errLong
		}
		in.at += int64(len(in.buf) - in.pos)
		in.pos = len(in.buf)
		if in.eof {
			in.open = true
			return nil, at, errLong
		}
		if err := in.fill(); err != nil {
			return nil, at, err
		}
	}
}
