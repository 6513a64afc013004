package lease

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// Columns of Kea's lease files. Which schema a file has is told by how many of
// them its header names; up to hostname they are all needed.
var (
	columns4 = strings.Split("address,hwaddr,client_id,valid_lifetime,expire,subnet_id,"+
		"fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id", ",")
	columns6 = strings.Split("address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,"+
		"lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,"+
		"hwtype,hwaddr_source,pool_id", ",")
)

const (
	needed4    = 9
	needed6    = 12
	maxColumns = 64
)

func columns(v6 bool) (names []string, needed int) {
	if v6 {
		return columns6, needed6
	}
	return columns4, needed4
}

// header is the first line of every file we write: the newest schema. Kea 2.2
// cuts off the column it does not know, with a warning, and cleans up at once;
// so going back stays possible, and there is one form to write.
func header(v6 bool) string {
	names, _ := columns(v6)
	return strings.Join(names, ",") + "\n"
}

// A schema is how many columns the rows of one file may have.
type schema struct {
	min, max int
	names    int // columns in the header
}

// parseHeader returns the schema of a file from its first line.
func parseHeader(line []byte, v6 bool) (schema, error) {
	got := strings.Split(string(line), ",")
	want, needed := columns(v6)
	if other, _ := columns(!v6); len(got) >= 2 && got[0] == other[0] && got[1] == other[1] {
		return schema{}, fmt.Errorf("is a DHCPv%d lease file", family(!v6))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return schema{}, fmt.Errorf("column %d is called %q, should be %q", i+1, got[i], want[i])
		}
	}
	if len(got) < needed {
		return schema{}, fmt.Errorf("column %q is missing", want[len(got)])
	}
	if len(got) > maxColumns {
		return schema{}, fmt.Errorf("%d columns are too many", len(got))
	}
	// Kea: rows of an upgraded file may have any number of columns from the
	// old to the new.
	return schema{min: min(len(got), len(want)), max: max(len(got), len(want)), names: len(got)}, nil
}

func family(v6 bool) int {
	if v6 {
		return 6
	}
	return 4
}

// A rowParser turns rows into leases. The strings of a lease are in text.
type rowParser struct {
	v6     bool
	schema schema
	fields [maxColumns][]byte
	text   []byte
}

var (
	errNoIdentifier = errors.New("neither hardware address nor client identifier")
	errEscape       = errors.New("user context is not a JSON map")
)

// parse is add for one row at a time: the strings of the lease are good until
// the next one.
func (p *rowParser) parse(line []byte, l *Lease) (gone bool, err error) {
	p.text = p.text[:0]
	return p.add(line, l)
}

// add reads a row and adds its strings to text. gone means that the row takes
// the lease away.
func (p *rowParser) add(line []byte, l *Lease) (gone bool, err error) {
	n := p.split(line)
	if n > p.schema.max {
		return false, fmt.Errorf("more than %d columns", p.schema.max)
	}
	if n < p.schema.min {
		return false, fmt.Errorf("%d columns, at least %d are needed", n, p.schema.min)
	}
	clear(p.fields[n:])
	*l = Lease{}
	if p.v6 {
		err = p.parse6(l)
	} else {
		err = p.parse4(l)
	}
	if err != nil {
		return false, err
	}
	// Kea keeps a released lease for affinity with lifetime 0 in memory, but
	// takes its row for a deletion when it loads the file. We keep it; the row
	// that deletes it has another state (see appendRow).
	return l.Valid == 0 && l.State != Released, nil
}

// split cuts a line at its commas, eight bytes at a time, and returns how many
// fields it has; from maxColumns on they are not cut any more.
func (p *rowParser) split(line []byte) int {
	const commas, low = 0x2c2c2c2c2c2c2c2c, 0x7f7f7f7f7f7f7f7f
	n, start := 0, 0
	cut := func(end int) {
		if n < len(p.fields) {
			p.fields[n] = line[start:end]
		}
		n, start = n+1, end+1
	}
	i := 0
	for ; i+8 <= len(line); i += 8 {
		x := binary.LittleEndian.Uint64(line[i:]) ^ commas
		// The high bit of each byte that is 0 now.
		for x = ^(x&low + low | x | low); x != 0; x &= x - 1 {
			cut(i + bits.TrailingZeros64(x)/8)
		}
	}
	for ; i < len(line); i++ {
		if line[i] == ',' {
			cut(i)
		}
	}
	cut(len(line))
	return n
}

func (p *rowParser) parse4(l *Lease) error {
	f := &p.fields
	d := decoder{}
	l.Addr = d.addr4(f[0])
	l.HWAddr = p.hex(&d, "hwaddr", f[1])
	l.HWType = 1
	l.ClientID = p.hex(&d, "client_id", f[2])
	l.Valid = d.uint32("valid_lifetime", f[3])
	l.CLTT = d.int64("expire", f[4]) - int64(l.Valid)
	l.SubnetID = d.uint32("subnet_id", f[5])
	l.FQDNFwd = d.bool("fqdn_fwd", f[6])
	l.FQDNRev = d.bool("fqdn_rev", f[7])
	l.Hostname = p.unescape(f[8])
	l.State = d.state(f[9])
	l.UserContext = p.context(&d, f[10])
	l.PoolID = d.orZero("pool_id", f[11])
	if d.err != nil {
		return d.err
	}
	switch {
	case l.ClientID != "" && (len(l.ClientID) < 2 || len(l.ClientID) > 255):
		return fmt.Errorf("client_id has %d bytes, 2 to 255 are possible", len(l.ClientID))
	case len(l.HWAddr) > 255:
		return fmt.Errorf("hwaddr has %d bytes", len(l.HWAddr))
	case l.HWAddr == "" && l.ClientID == "" && l.State != Declined:
		return errNoIdentifier
	case l.State == Registered:
		return errors.New("state 4 is for DHCPv6 only")
	}
	return nil
}

func (p *rowParser) parse6(l *Lease) error {
	f := &p.fields
	d := decoder{}
	l.Addr = d.addr6(f[0])
	l.ClientID = p.hex(&d, "duid", f[1])
	l.Valid = d.uint32("valid_lifetime", f[2])
	l.CLTT = d.int64("expire", f[3]) - int64(l.Valid)
	l.SubnetID = d.uint32("subnet_id", f[4])
	l.Preferred = d.uint32("pref_lifetime", f[5])
	l.Type = Type(d.number("lease_type", f[6], 2))
	l.IAID = d.uint32("iaid", f[7])
	l.PrefixLen = uint8(d.number("prefix_len", f[8], 128))
	l.FQDNFwd = d.bool("fqdn_fwd", f[9])
	l.FQDNRev = d.bool("fqdn_rev", f[10])
	l.Hostname = p.unescape(f[11])
	l.HWAddr = p.hex(&d, "hwaddr", f[12])
	l.State = d.state(f[13])
	l.UserContext = p.context(&d, f[14])
	if len(f[15]) > 0 {
		l.HWType = uint16(d.number("hwtype", f[15], 0xffff))
	} else if l.HWAddr != "" {
		l.HWType = 1
	}
	l.HWSource = d.orZero("hwaddr_source", f[16])
	l.PoolID = d.orZero("pool_id", f[17])
	if d.err != nil {
		return d.err
	}
	if l.Type != PD {
		// Kea 2.2 writes 0 for what it got from its partner.
		l.PrefixLen = 128
	}
	switch {
	case len(l.ClientID) == 0 || len(l.ClientID) > 130:
		return fmt.Errorf("duid has %d bytes, 1 to 130 are possible", len(l.ClientID))
	case isEmptyDUID(l.ClientID):
		if l.State != Declined {
			return errors.New("the empty duid is for declined leases only")
		}
		l.ClientID = ""
	}
	return nil
}

// emptyDUID stands for no DUID, in declined leases. Kea up to 2.2 wrote one
// byte, and reads both.
const emptyDUID = "\x00\x00\x00"

func isEmptyDUID(s string) bool { return s == "\x00" || s == emptyDUID }

// hex decodes bytes in hexadecimal, colons between them or not.
func (p *rowParser) hex(d *decoder, name string, b []byte) string {
	start := len(p.text)
	p.text = slices.Grow(p.text, len(b))
	to, n := p.text[start:cap(p.text)], 0
	for i := 0; i < len(b); n++ {
		hi, lo := byte(0), unhex[b[i]]
		i++
		if i < len(b) && b[i] != ':' {
			hi, lo = lo, unhex[b[i]]
			i++
		}
		if hi|lo > 0xf {
			d.fail(name, b)
			return ""
		}
		to[n] = hi<<4 | lo
		if i < len(b) && b[i] == ':' {
			if i++; i == len(b) {
				d.fail(name, b)
				return ""
			}
		}
	}
	p.text = p.text[:start+n]
	return view(p.text[start:])
}

const notHex = 0xff

// unhex is the value of each hexadecimal digit, notHex for what is none.
var unhex = func() (t [256]byte) {
	for c := range t {
		t[c] = notHex
	}
	for i, c := range hexDigits {
		t[c] = byte(i)
	}
	for i, c := range hexDigits[10:] {
		t[c+'A'-'a'] = byte(10 + i)
	}
	return t
}()

// unescape reads &#xHH, without a semicolon, as the byte HH.
func (p *rowParser) unescape(b []byte) string {
	start := len(p.text)
	if bytes.IndexByte(b, '&') < 0 {
		p.text = append(p.text, b...)
		return view(p.text[start:])
	}
	for i := 0; i < len(b); i++ {
		if b[i] == '&' && i+4 < len(b) && b[i+1] == '#' && b[i+2] == 'x' {
			if hi, lo := unhex[b[i+3]], unhex[b[i+4]]; hi|lo <= 0xf {
				p.text = append(p.text, byte(hi<<4|lo))
				i += 4
				continue
			}
		}
		p.text = append(p.text, b[i])
	}
	return view(p.text[start:])
}

func (p *rowParser) context(d *decoder, b []byte) string {
	if len(b) == 0 {
		return ""
	}
	s := p.unescape(b)
	if !isMap(s) && d.err == nil {
		d.err = errEscape
	}
	return s
}

func isMap(s string) bool {
	in := scanner{b: unsafe.Slice(unsafe.StringData(s), len(s))}
	v, err := in.value(0)
	return err == nil && v[0] == '{' && in.end()
}

// detached returns the lease with texts of its own: those of a parsed row are
// good until the next one is parsed.
func (l Lease) detached() Lease {
	l.HWAddr, l.ClientID = strings.Clone(l.HWAddr), strings.Clone(l.ClientID)
	l.Hostname, l.UserContext = strings.Clone(l.Hostname), strings.Clone(l.UserContext)
	return l
}

func view(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	return unsafe.String(&b[0], len(b))
}

// decoder reads fields and keeps the first error.
type decoder struct{ err error }

func (d *decoder) fail(name string, b []byte) {
	if d.err == nil {
		d.err = fmt.Errorf("%s is %q", name, b[:min(len(b), 64)])
	}
}

func (d *decoder) addr4(b []byte) netip.Addr {
	var a [4]byte
	n, digits, v := 0, 0, 0
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9' && digits < 3 && (digits == 0 || v > 0): // no leading zero
			v = v*10 + int(c-'0')
			digits++
		case c == '.' && digits > 0 && v < 256 && n < 3:
			a[n] = byte(v)
			n, digits, v = n+1, 0, 0
		default:
			d.fail("address", b)
			return netip.Addr{}
		}
	}
	if n != 3 || digits == 0 || v > 255 {
		d.fail("address", b)
		return netip.Addr{}
	}
	a[3] = byte(v)
	return netip.AddrFrom4(a)
}

func (d *decoder) addr6(b []byte) netip.Addr {
	a, err := netip.ParseAddr(view(b))
	if err != nil || !a.Is6() || a.Zone() != "" || a.Is4In6() {
		d.fail("address", b)
		return netip.Addr{}
	}
	return a
}

func (d *decoder) number(name string, b []byte, most uint64) uint64 {
	var v uint64
	for _, c := range b {
		if c < '0' || c > '9' || v > most {
			d.fail(name, b)
			return 0
		}
		v = v*10 + uint64(c-'0')
	}
	if len(b) == 0 || v > most {
		d.fail(name, b)
		return 0
	}
	return v
}

func (d *decoder) uint32(name string, b []byte) uint32 {
	return uint32(d.number(name, b, 0xffffffff))
}

func (d *decoder) orZero(name string, b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	return d.uint32(name, b)
}

func (d *decoder) int64(name string, b []byte) int64 {
	if len(b) > 0 && b[0] == '-' {
		return -int64(d.number(name, b[1:], 1<<60))
	}
	return int64(d.number(name, b, 1<<60))
}

func (d *decoder) bool(name string, b []byte) bool { return d.number(name, b, 1) == 1 }

func (d *decoder) state(b []byte) State {
	if len(b) == 0 {
		return Default
	}
	return State(d.number("state", b, states-1))
}

// appendRow appends the row of a lease; gone makes it the row that takes the
// lease away.
func appendRow(dst []byte, l *Lease, gone bool) []byte {
	valid, preferred, state := l.Valid, l.Preferred, l.State
	if gone {
		// Kea: lifetimes 0, expire is cltt. A row with lifetime 0 in state
		// released means kept (see parse), so this one says default.
		valid, preferred = 0, 0
		if state == Released {
			state = Default
		}
	}
	dst = l.Addr.AppendTo(dst)
	dst = append(dst, ',')
	if l.Addr.Is4() {
		dst = appendHex(dst, l.HWAddr)
		dst = append(dst, ',')
		dst = appendHex(dst, l.ClientID)
		dst = appendNumber(dst, uint64(valid))
		dst = append(dst, ',')
		dst = strconv.AppendInt(dst, l.CLTT+int64(valid), 10)
		dst = appendNumber(dst, uint64(l.SubnetID))
		dst = appendBools(dst, l)
		dst = appendEscaped(dst, l.Hostname)
		dst = appendNumber(dst, uint64(state))
		dst = append(dst, ',')
		dst = appendEscaped(dst, l.UserContext)
		dst = appendNumber(dst, uint64(l.PoolID))
		return append(dst, '\n')
	}
	dst = appendDUID(dst, l.ClientID)
	dst = appendNumber(dst, uint64(valid))
	dst = append(dst, ',')
	dst = strconv.AppendInt(dst, l.CLTT+int64(valid), 10)
	dst = appendNumber(dst, uint64(l.SubnetID))
	dst = appendNumber(dst, uint64(preferred))
	dst = appendNumber(dst, uint64(l.Type))
	dst = appendNumber(dst, uint64(l.IAID))
	dst = appendNumber(dst, uint64(l.PrefixLen))
	dst = appendBools(dst, l)
	dst = appendEscaped(dst, l.Hostname)
	dst = append(dst, ',')
	dst = appendHex(dst, l.HWAddr)
	dst = appendNumber(dst, uint64(state))
	dst = append(dst, ',')
	dst = appendEscaped(dst, l.UserContext)
	if l.HWAddr == "" && l.HWType == 0 && l.HWSource == 0 {
		dst = append(dst, ",,"...)
	} else {
		dst = appendNumber(dst, uint64(l.HWType))
		dst = appendNumber(dst, uint64(l.HWSource))
	}
	dst = appendNumber(dst, uint64(l.PoolID))
	return append(dst, '\n')
}

// appendNumber appends a comma and the number, appendBools both DNS flags and
// the comma after them.
func appendNumber(dst []byte, n uint64) []byte {
	return strconv.AppendUint(append(dst, ','), n, 10)
}

func appendBools(dst []byte, l *Lease) []byte {
	b := [...]byte{',', '0', ',', '0', ','}
	if l.FQDNFwd {
		b[1] = '1'
	}
	if l.FQDNRev {
		b[3] = '1'
	}
	return append(dst, b[:]...)
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, s string) []byte {
	for i := range len(s) {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return dst
}

func appendDUID(dst []byte, s string) []byte {
	if s == "" {
		s = emptyDUID
	}
	return appendHex(dst, s)
}

// appendEscaped hides what would end a field or a line. Kea from 3.3 on hides
// all that is not printable ASCII; every version reads that.
func appendEscaped(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c == ',' || c == '&' || c < 0x20 || c > 0x7e {
			dst = append(dst, '&', '#', 'x', hexDigits[c>>4], hexDigits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}
