package lease

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// ImportReport says what Import took over and what not.
type ImportReport struct {
	Taken   int
	Skipped []RowError // File is empty
}

func (r *ImportReport) skip(line int, err error) {
	r.Skipped = append(r.Skipped, RowError{Line: line, Err: err})
}

// Refusal is an error that put returns for a lease that it does not take: the
// import tells of it, with its line, and goes on.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Lost returns how many of the skipped ones may have been promises to a client:
// not those that were over, or are for the other family.
func (r *ImportReport) Lost() (n int) {
	for _, e := range r.Skipped {
		if !errors.As(e.Err, new(passed)) {
			n++
		}
	}
	return n
}

// passed says of a line that it is well understood and holds no promise of this
// family's.
type passed string

func (p passed) Error() string { return string(p) }

// Import reads leases of a family from a file of another server, or of
// another Leasehold, and calls put for each that counts, in the order of the
// file: a later one for the same address replaces an earlier one, and one with
// Valid 0 (unless Released) takes it away. What is not taken over is in the report, with its
// line. now is the time of the import: what foreign files do not say (when the
// client was last heard) is reckoned from it. Leases of ISC and Dnsmasq have
// SubnetID 0: the caller knows the subnets.
func Import(f Format, family int, r io.Reader, now int64, put func(Lease) error) (ImportReport, error) {
	im := importer{v6: family == 6, now: now, put: put, in: lines{r: r, buf: make([]byte, 0, 64<<10)}}
	var err error
	switch f {
	case CSV:
		err = im.each(im.csv)
	case JSON:
		err = im.each(im.json)
	case Dnsmasq:
		err = im.each(im.dnsmasq)
	case ISC:
		im.isc.im = &im
		err = im.each(im.isc.statement)
		if err == nil {
			im.isc.end()
		}
	default:
		err = fmt.Errorf("no such format %q", f)
	}
	if err != nil {
		err = fmt.Errorf("import leases: %w", err)
	}
	return im.report, err
}

type importer struct {
	v6     bool
	now    int64
	put    func(Lease) error
	in     lines
	line   int
	report ImportReport
	rows   rowParser
	isc    iscReader
}

// each calls fn for each line that is not blank. fn returns what is wrong with
// the line; the error of put, in a fatal, ends the import.
func (im *importer) each(fn func(line []byte) error) error {
	for {
		line, _, err := im.in.next()
		if err == io.EOF {
			return nil
		} else if err != nil && err != errLong {
			return err
		}
		im.line++
		line = bytes.TrimSpace(line)
		if err == nil && len(line) > 0 {
			err = fn(line)
		}
		var f fatal
		if errors.As(err, &f) {
			return f.err
		} else if err != nil {
			im.report.skip(im.line, err)
		}
	}
}

type fatal struct{ err error }

func (f fatal) Error() string { return f.err.Error() }

func (im *importer) take(l Lease) error {
	if err := im.put(l.detached()); errors.As(err, new(Refusal)) {
		return err
	} else if err != nil {
		return fatal{err}
	}
	im.report.Taken++
	return nil
}

func (im *importer) csv(line []byte) error {
	if im.line == 1 {
		im.rows.v6 = im.v6
		s, err := parseHeader(line, im.v6)
		if err != nil {
			return fatal{fmt.Errorf("header: %w", err)}
		}
		im.rows.schema = s
		return nil
	}
	var l Lease
	gone, err := im.rows.parse(line, &l)
	if err != nil {
		return err
	}
	if gone {
		l.Valid = 0
	}
	return im.take(l)
}

func (im *importer) json(line []byte) error {
	l, err := FromJSON(line, family(im.v6))
	if err != nil {
		return err
	}
	return im.take(l)
}

// dnsmasq: end, hardware address or IAID, address, name or *, identifier or *.
// The line "duid ..." begins the DHCPv6 leases.
func (im *importer) dnsmasq(line []byte) error {
	f := strings.Fields(string(line))
	if f[0] == "duid" {
		return nil
	}
	if len(f) != 5 {
		return fmt.Errorf("%d fields, 5 are needed", len(f))
	}
	a, err := netip.ParseAddr(f[2])
	if err != nil {
		return err
	}
	if a.Is6() != im.v6 || a.Is4In6() || a.Zone() != "" {
		return passed(fmt.Sprintf("%v is of the other family", a))
	}
	end, err := strconv.ParseInt(f[0], 10, 64)
	if err != nil {
		return fmt.Errorf("end is %q", f[0])
	}
	l := Lease{Addr: a}
	im.times(&l, end, end == 0)
	if f[3] != "*" {
		l.Hostname = strings.ToLower(f[3])
	}
	d := decoder{}
	p := rowParser{text: make([]byte, 0, len(line))}
	if f[4] != "*" {
		l.ClientID = p.hex(&d, "identifier", []byte(f[4]))
	}
	if im.v6 {
		l.PrefixLen, l.Preferred = 128, l.Valid
		iaid := strings.TrimPrefix(f[1], "T") // temporary address
		if iaid != f[1] {
			l.Type = TA
		}
		l.IAID = d.uint32("IAID", []byte(iaid))
		if l.ClientID == "" {
			return errors.New("no DUID")
		}
	} else {
		hw := f[1]
		l.HWType = 1
		if t, rest, ok := strings.Cut(hw, "-"); ok { // another type than Ethernet
			n, _ := strconv.ParseUint(t, 16, 16)
			l.HWType, hw = uint16(n), rest
		}
		l.HWAddr = p.hex(&d, "hardware address", []byte(hw))
	}
	if d.err != nil {
		return d.err
	}
	return im.take(l)
}

// times fills in the lifetime of a lease of which only the end is known: as if
// it had begun now, or when it is over already, a second before its end.
func (im *importer) times(l *Lease, end int64, infinite bool) {
	switch {
	case infinite:
		l.CLTT, l.Valid = im.now, Infinite
	case end > im.now:
		l.CLTT, l.Valid = im.now, uint32(min(end-im.now, Infinite-1))
	default:
		l.CLTT, l.Valid = end-1, 1
	}
}
