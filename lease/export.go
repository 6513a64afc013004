package lease

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
)

// Pager gives leases by ascending address, a page at a time; Store.Page is
// one. A server puts its lock around each call, so that service goes on.
type Pager func(dst []Lease, after netip.Addr, limit int) []Lease

// Format is a form of lease files.
type Format string

const (
	CSV     Format = "csv"     // Kea's lease file
	JSON    Format = "json"    // a lease a line, as the lease commands answer it
	ISC     Format = "isc"     // dhcpd.leases of ISC DHCP; only for Import
	Dnsmasq Format = "dnsmasq" // dnsmasq.leases; only for Import
	DB      Format = "sqlite"  // an SQLite database; for Write and ReadDB
)

const pageLimit = 1000

// Export writes all leases of a pager in a format, CSV or JSON.
func Export(w io.Writer, f Format, family int, page Pager) (n int, err error) {
	if f != CSV && f != JSON {
		return 0, fmt.Errorf("export leases: no such format %q", f)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	if f == CSV {
		out.WriteString(header(family == 6))
	}
	var (
		buf   []byte
		ls    []Lease
		after netip.Addr
	)
	for {
		ls = page(ls[:0], after, pageLimit)
		for i := range ls {
			if f == CSV {
				buf = appendRow(buf[:0], &ls[i], false)
			} else {
				buf = append(AppendJSON(buf[:0], &ls[i], family), '\n')
			}
			if _, err := out.Write(buf); err != nil {
				return n, fmt.Errorf("export leases: %w", err)
			}
			n++
		}
		if len(ls) < pageLimit {
			break
		}
		after = ls[len(ls)-1].Addr
	}
	if err := out.Flush(); err != nil {
		return n, fmt.Errorf("export leases: %w", err)
	}
	return n, nil
}

// Write makes a file of all leases of a pager: CSV, which is a lease file and an
// online backup of one, JSON or DB. Under its name there is always a whole file.
// Leases that change meanwhile are written as they were or as they are.
//
// It is an error when a server uses what would be replaced, or when rows that
// wait for their cleanup beside it would count as leases, too.
func Write(fsys FS, path string, f Format, family int, page Pager) (n int, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write lease file: %w", err)
		}
	}()
	free, err := claim(fsys, lockName(path, f, family))
	if err != nil {
		return 0, err
	}
	defer free()
	if f == CSV {
		if err := alone(fsys, path); err != nil {
			return 0, err
		}
	}
	tmp := path + ".tmp"
	if f == DB {
		n, err = writeDB(tmp, family, page)
	} else {
		n, err = writeText(fsys, tmp, f, family, page)
	}
	if err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		fsys.Remove(tmp)
	}
	return n, err
}

func writeText(fsys FS, path string, f Format, family int, page Pager) (int, error) {
	out, err := fsys.Create(path)
	if err != nil {
		return 0, err
	}
	n, err := Export(out, f, family, page)
	if err == nil {
		err = out.Sync()
	}
	return n, errors.Join(err, out.Close())
}

func writeDB(path string, family int, page Pager) (n int, err error) {
	if err := removeIfThere(OS, path); err != nil {
		return 0, err
	}
	q, err := OpenSQLite(path, family, true)
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, q.Close(), removeIfThere(OS, lockName(path, DB, family)))
	}()
	var (
		ls      []Lease
		changes []Change
		after   netip.Addr
	)
	for {
		ls, changes = page(ls[:0], after, pageLimit), changes[:0]
		for _, l := range ls {
			changes = append(changes, Change{Lease: l})
		}
		if err := q.Append(changes); err != nil {
			return n, err
		}
		n += len(ls)
		if len(ls) < pageLimit {
			return n, nil
		}
		after = ls[len(ls)-1].Addr
	}
}

// lockName is the file that whoever serves from a lease file or database locks.
func lockName(path string, f Format, family int) string {
	if f == DB {
		return fmt.Sprintf("%s.lock%d", path, family) // the other family may be in the same file
	}
	return path + ".lock"
}

// claim keeps servers away from a file until free is called, by its lock. It
// leaves none behind beside a file that no server ever used.
func claim(fsys FS, lock string) (free func(), err error) {
	if there, err := exists(fsys, lock); err != nil || !there {
		return func() {}, err
	}
	c, err := fsys.Lock(lock)
	if err != nil {
		return nil, err
	}
	return func() { c.Close() }, nil
}

// alone says why a file would not be the whole of a lease file.
func alone(fsys FS, path string) error {
	for _, suffix := range [...]string{".1", ".2", ".completed"} {
		there, err := exists(fsys, path+suffix)
		if there {
			err = fmt.Errorf("%s%s would count, too: move it away", path, suffix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadFiles fills an empty Store from lease files that are at rest, and leaves
// them as they are. It is an error when there is none, or a server uses them.
func ReadFiles(fsys FS, path string, s *Store) (LoadReport, error) {
	free, err := claim(fsys, lockName(path, CSV, s.Family()))
	if err != nil {
		return LoadReport{}, fmt.Errorf("read lease file %s: %w", path, err)
	}
	defer free()
	if pid, err := cleaner(fsys, path+".pid"); err != nil || pid != 0 {
		return LoadReport{}, errors.Join(err, fmt.Errorf("read lease file %s: kea-lfc works on it, process %d", path, pid))
	}
	m := &Memfile{path: path, v6: s.v6, fs: fsys}
	if err := s.Restore(m); err != nil {
		return m.report, err
	}
	if len(m.report.Files) == 0 {
		return m.report, fmt.Errorf("read lease file %s: %w", path, os.ErrNotExist)
	}
	return m.report, nil
}
