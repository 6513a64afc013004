package lease

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ImportReport says what Import took over and what not.
type ImportReport struct {
	Taken   int
	Skipped []RowError // File is empty
}

func (r *ImportReport) skip(line int, err error) {
	r.Skipped = append(r.Skipped, RowError{Line: line, Err: err})
}

// Import reads leases of a family from a file of another server, or of
// another Leasehold, and calls put for each that counts, in the order of the
// file: a later one for the same address replaces an earlier one, and one with
// Valid 0 takes it away. What is not taken over is in the report, with its
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
		err = im.each(im.isc)
		if err == nil && im.open != nil {
			im.report.skip(im.open.line, errors.New("the lease is not ended"))
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
	open   *iscLease
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
	l.HWAddr, l.ClientID = strings.Clone(l.HWAddr), strings.Clone(l.ClientID)
	l.Hostname, l.UserContext = strings.Clone(l.Hostname), strings.Clone(l.UserContext)
	if err := im.put(l); err != nil {
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
		return fmt.Errorf("%v is of the other family", a)
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

// An iscLease is a lease { } block that is being read.
type iscLease struct {
	line     int
	lease    Lease
	starts   int64
	ends     int64
	hasEnds  bool
	infinite bool
	state    string
}

// isc reads dhcpd.leases of DHCPv4: one statement a line, as dhcpd writes it.
func (im *importer) isc(line []byte) error {
	if line[0] == '#' {
		return nil
	}
	if im.v6 {
		return errors.New("DHCPv6 leases of ISC DHCP are not read")
	}
	text := strings.TrimSuffix(string(line), ";")
	f := strings.Fields(text)
	if len(f) == 0 {
		return nil
	}
	if im.open == nil {
		if len(f) == 3 && f[0] == "lease" && f[2] == "{" {
			a, err := netip.ParseAddr(f[1])
			if err == nil && !a.Is4() {
				err = fmt.Errorf("%v is not an IPv4 address", a)
			}
			im.open = &iscLease{line: im.line, lease: Lease{Addr: a, HWType: 1}, state: "active"}
			return err
		}
		return fmt.Errorf("%q is not a lease", f[0])
	}
	if text == "}" {
		o := im.open
		im.open = nil
		return im.iscEnd(o)
	}
	return im.open.statement(f, text)
}

func (o *iscLease) statement(f []string, text string) (err error) {
	last := f[len(f)-1]
	switch {
	case f[0] == "starts" || f[0] == "ends":
		var t int64
		never := last == "never"
		if !never {
			if t, err = iscTime(f[1:]); err != nil {
				return err
			}
		}
		if f[0] == "starts" {
			o.starts = t
		} else {
			o.ends, o.hasEnds, o.infinite = t, true, never
		}
	case f[0] == "binding" && len(f) == 3:
		o.state = last
	case f[0] == "hardware" && len(f) == 3:
		d, p := decoder{}, rowParser{text: make([]byte, 0, len(last))}
		o.lease.HWAddr = p.hex(&d, "hardware address", []byte(last))
		if f[1] == "token-ring" {
			o.lease.HWType = 6
		}
		return d.err
	case f[0] == "uid":
		o.lease.ClientID, err = iscString(strings.TrimSpace(text[3:]))
	case f[0] == "client-hostname":
		o.lease.Hostname, err = iscString(strings.TrimSpace(text[len(f[0]):]))
		o.lease.Hostname = strings.ToLower(o.lease.Hostname)
	}
	return err // the other statements are dhcpd's own business
}

func (im *importer) iscEnd(o *iscLease) error {
	l := o.lease
	switch {
	case !l.Addr.IsValid():
		return nil // told already
	case o.state == "abandoned":
		l.State, l.HWAddr, l.ClientID, l.Hostname = Declined, "", "", ""
	case o.state != "active":
		// A later block takes back what an earlier one of the address gave.
		l.Valid = 0
		if err := im.put(l); err != nil {
			return fatal{err}
		}
		return fmt.Errorf("%v is %s", l.Addr, o.state)
	case l.HWAddr == "" && l.ClientID == "":
		return fmt.Errorf("%v: %w", l.Addr, errNoIdentifier)
	case len(l.ClientID) == 1:
		return fmt.Errorf("%v: client identifier has one byte", l.Addr)
	case !o.hasEnds:
		return fmt.Errorf("%v has no end", l.Addr)
	}
	im.times(&l, o.ends, o.infinite)
	if !o.infinite && o.starts > 0 && o.starts < o.ends {
		l.CLTT, l.Valid = o.starts, uint32(min(o.ends-o.starts, Infinite-1))
	}
	return im.take(l)
}

// iscTime reads "4 2024/05/30 12:00:01" (UTC) or "epoch 1717070401; # …".
func iscTime(f []string) (int64, error) {
	if len(f) >= 2 && f[0] == "epoch" {
		return strconv.ParseInt(strings.TrimSuffix(f[1], ";"), 10, 64)
	}
	if len(f) != 3 {
		return 0, fmt.Errorf("time is %q", strings.Join(f, " "))
	}
	t, err := time.Parse("2006/01/02 15:04:05", f[1]+" "+f[2])
	return t.Unix(), err
}

// iscString reads a string with octal escapes, or bytes in hexadecimal.
func iscString(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		d, p := decoder{}, rowParser{text: make([]byte, 0, len(s))}
		return p.hex(&d, "value", []byte(s)), d.err
	}
	s = strings.TrimSuffix(s[1:], `"`)
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if i+3 <= len(s) {
			if n, err := strconv.ParseUint(s[i:i+3], 8, 8); err == nil {
				b = append(b, byte(n))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b), nil
}
