package lease

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
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

// Write makes a lease file of all leases of a pager: lease4-write, lease6-write
// and the online backup. Under its name there is always a whole file. Leases
// that change meanwhile are written as they were or as they are.
func Write(fsys FS, path string, family int, page Pager) (n int, err error) {
	f, err := fsys.Create(path + ".tmp")
	if err != nil {
		return 0, fmt.Errorf("write lease file: %w", err)
	}
	n, err = Export(f, CSV, family, page)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.Rename(path+".tmp", path)
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		fsys.Remove(path + ".tmp")
		return n, fmt.Errorf("write lease file: %w", err)
	}
	return n, nil
}
