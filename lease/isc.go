package lease

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// iscReader reads dhcpd.leases and dhcpd6.leases, one statement a line, as
// dhcpd writes them: lease { } blocks for DHCPv4; ia-na, ia-ta and ia-pd { }
// with iaaddr or iaprefix { } in them for DHCPv6.
type iscReader struct {
	im        *importer
	skipped   int // depth of blocks inside one that is passed over
	lease     *iscLease
	ia        *iscIA
	bigEndian bool // of IAIDs: the machine that wrote the file was
}

// An iscLease is a block of one address or prefix that is being read.
type iscLease struct {
	line     int
	lease    Lease
	starts   int64
	ends     int64
	hasEnds  bool
	infinite bool
	state    string
	wrong    bool // told already
}

// An iscIA is an ia- block that is being read.
type iscIA struct {
	line  int
	typ   Type
	iaid  uint32
	duid  string
	cltt  int64
	wrong bool
}

// abandonedFor is how long an address that was found in use by somebody else is
// left alone: Kea's default. ISC's server does not say.
const abandonedFor = 24 * 60 * 60

func (r *iscReader) statement(line []byte) error {
	if line[0] == '#' {
		return nil
	}
	text := string(line)
	opens, closes := strings.HasSuffix(text, "{"), text[0] == '}'
	switch {
	case r.skipped > 0:
		if opens {
			r.skipped++
		}
		if closes {
			r.skipped--
		}
		return nil
	case closes:
		return r.close()
	case opens:
		return r.open(strings.Fields(text), text)
	}
	text = strings.TrimSuffix(text, ";")
	f := strings.Fields(text)
	switch {
	case len(f) == 0:
	case r.lease != nil:
		return r.lease.statement(f, text)
	case r.ia != nil:
		if f[0] == "cltt" {
			t, err := iscTime(f[1:])
			r.ia.cltt = t
			return err
		}
	case f[0] == "authoring-byte-order":
		r.bigEndian = f[len(f)-1] == "big-endian"
	case f[0] == "server-duid" || f[0] == "default-duid":
	default:
		return fmt.Errorf("%q is not a lease", f[0])
	}
	return nil
}

// open begins a block. Blocks that hold no lease are passed over whole: what a
// lease does when it ends, states of a failover.
func (r *iscReader) open(f []string, text string) error {
	im := r.im
	switch {
	case r.lease != nil:
		r.skipped++
	case r.ia != nil:
		return r.openAddress(f)
	case len(f) == 3 && f[0] == "lease":
		if im.v6 {
			r.skipped++
			return passed(f[1] + " is of the other family")
		}
		a, err := netip.ParseAddr(f[1])
		if err == nil && !a.Is4() {
			err = fmt.Errorf("%v is not an IPv4 address", a)
		}
		r.lease = &iscLease{line: im.line, lease: Lease{Addr: a, HWType: 1}, state: "active", wrong: err != nil}
		return err
	case len(f) >= 3 && strings.HasPrefix(f[0], "ia-"):
		if !im.v6 {
			r.skipped++
			return passed(f[0] + " is of the other family")
		}
		return r.openIA(f[0], strings.TrimSpace(text[len(f[0]):len(text)-1]))
	case f[0] == "failover":
		r.skipped++
		return passed("the state of a failover is not a lease")
	default:
		r.skipped++
		return fmt.Errorf("%q is not a lease", f[0])
	}
	return nil
}

// openIA reads ia-na "…" {, the string being the IAID in the byte order of the
// machine, and the DUID.
func (r *iscReader) openIA(name, text string) error {
	types := map[string]Type{"ia-na": NA, "ia-ta": TA, "ia-pd": PD}
	typ, known := types[name]
	id, err := iscString(text)
	switch {
	case !known:
		err = fmt.Errorf("%q is not known", name)
	case err == nil && (len(id) < 4+3 || len(id) > 4+130):
		err = fmt.Errorf("IAID and DUID have %d bytes, 7 to 134 are possible", len(id))
	}
	r.ia = &iscIA{line: r.im.line, typ: typ, wrong: err != nil}
	if err != nil {
		return err
	}
	r.ia.iaid, r.ia.duid = binary.LittleEndian.Uint32([]byte(id[:4])), id[4:]
	if r.bigEndian {
		r.ia.iaid = binary.BigEndian.Uint32([]byte(id[:4]))
	}
	return nil
}

func (r *iscReader) openAddress(f []string) error {
	if len(f) != 3 || f[0] != "iaaddr" && f[0] != "iaprefix" {
		r.skipped++
		return fmt.Errorf("%q is not an address or prefix", f[0])
	}
	l := Lease{Type: r.ia.typ, IAID: r.ia.iaid, ClientID: r.ia.duid, PrefixLen: 128}
	var err error
	if f[0] == "iaprefix" {
		var p netip.Prefix
		p, err = netip.ParsePrefix(f[1])
		l.Addr, l.PrefixLen = p.Addr(), uint8(max(p.Bits(), 0))
	} else {
		l.Addr, err = netip.ParseAddr(f[1])
	}
	if err == nil && (!l.Addr.Is6() || l.Addr.Is4In6() || l.Addr.Zone() != "") {
		err = fmt.Errorf("%v is not an IPv6 address", l.Addr)
	}
	r.lease = &iscLease{line: r.im.line, lease: l, starts: r.ia.cltt, state: "active", wrong: err != nil || r.ia.wrong}
	return err
}

func (r *iscReader) close() error {
	switch {
	case r.lease != nil:
		l := r.lease
		r.lease = nil
		return r.im.iscEnd(l)
	case r.ia != nil:
		r.ia = nil
	default:
		return errors.New("a block ends that did not begin")
	}
	return nil
}

// end tells of a block that the end of the file cut off.
func (r *iscReader) end() {
	switch {
	case r.lease != nil:
		r.im.report.skip(r.lease.line, errors.New("the lease is not ended"))
	case r.ia != nil:
		r.im.report.skip(r.ia.line, errors.New("the identity association is not ended"))
	}
}

func (o *iscLease) statement(f []string, text string) (err error) {
	last := f[len(f)-1]
	switch {
	case f[0] == "starts" || f[0] == "ends":
		var t int64
		never := last == "never"
		if !never {
			if t, err = iscTime(f[1:]); err != nil {
				return o.spoilt(err)
			}
		}
		if f[0] == "starts" {
			o.starts = t
		} else {
			o.ends, o.hasEnds, o.infinite = t, true, never
		}
	case f[0] == "binding" && len(f) == 3:
		o.state = last
	case f[0] == "preferred-life" && len(f) == 2:
		d := decoder{}
		o.lease.Preferred = d.uint32(f[0], []byte(last))
		err = d.err
	case f[0] == "hardware" && len(f) == 3:
		d, p := decoder{}, rowParser{text: make([]byte, 0, len(last))}
		o.lease.HWAddr = p.hex(&d, "hardware address", []byte(last))
		if f[1] == "token-ring" {
			o.lease.HWType = 6
		}
		err = d.err
	case f[0] == "uid":
		o.lease.ClientID, err = iscString(strings.TrimSpace(text[3:]))
	case f[0] == "client-hostname":
		o.lease.Hostname, err = iscString(strings.TrimSpace(text[len(f[0]):]))
		o.lease.Hostname = strings.ToLower(o.lease.Hostname)
	} // the other statements are dhcpd's own business
	return o.spoilt(err)
}

// spoilt marks the whole lease when a statement of it cannot be read.
func (o *iscLease) spoilt(err error) error {
	if err == nil {
		return nil
	}
	o.wrong = true
	return fmt.Errorf("%v: %w", o.lease.Addr, err)
}

func (im *importer) iscEnd(o *iscLease) error {
	l := o.lease
	if o.wrong {
		return nil
	}
	switch o.state {
	case "active":
	case "abandoned":
		l.State, l.HWAddr, l.ClientID, l.Hostname, l.Preferred = Declined, "", "", "", 0
		l.CLTT, l.Valid = im.now, abandonedFor
		return im.take(l)
	default:
		// A later block takes back what an earlier one of the address gave.
		l.Valid = 0
		if err := im.put(l); err != nil && !errors.As(err, new(Refusal)) {
			return fatal{err}
		}
		return passed(fmt.Sprintf("%v is %s", l.Addr, o.state))
	}
	switch {
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
	l.Preferred = min(l.Preferred, l.Valid)
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
