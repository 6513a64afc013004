package engine

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"leasehold/server/wire"
)

var serverMAC = []byte{2, 0, 0, 0, 0, 0xfe}

// queryTypes are the words for message types; bootp has none.
var queryTypes = map[string]byte{
	"bootp": 0, "discover": 1, "offer": 2, "request": 3, "decline": 4, "ack": 5, "nak": 6, "release": 7, "inform": 8,
	"leasequery": 10,
}

// optionWords are the options that have a word of their own in queries and
// responses.
var optionWords = map[string]byte{
	"mask": 1, "routers": 3, "dns": 6, "host": 12, "domain": 15, "ntp": 42, "requested": 50, "lease": 51,
	"server": 54, "prl": 55, "t1": 58, "t2": 59, "class": 60, "cid": 61, "fqdn": 81, "select": 118,
}

var wordOfOption = func() map[byte]string {
	m := map[byte]string{}
	for w, c := range optionWords {
		m[c] = w
	}
	return m
}()

// parseQuery builds the datagram of a line like
//
//	discover xid=1 hw=02:00:00:00:00:01 requested=192.0.2.10 82.1='port1'
//
// Fields have their RFC 2131 names; broadcast sets the flag; from and to are
// addresses; link=no stands for a UDP socket. Options are a word of
// optionWords or a code, sub-options of 82 are 82.CODE; values are 'text',
// addresses, or hexadecimal digits, for lease a number, for prl codes, for
// fqdn FLAGS:NAME. raw=HEX replaces the whole datagram, more=HEX ends it.
func parseQuery(line string, in *wire.Interface) ([]byte, wire.Arrival, error) {
	words, err := split(line)
	a := wire.Arrival{Iface: in, Link: true, Local: in.V4[0].Addr()}
	if err != nil || len(words) == 0 {
		return nil, a, fmt.Errorf("no query: %v", err)
	}
	typ, ok := queryTypes[words[0]]
	if !ok {
		if n, isType := strings.CutPrefix(words[0], "type="); isType {
			v, err := strconv.ParseUint(n, 10, 8)
			typ, ok = byte(v), err == nil
		}
	}
	if !ok {
		return nil, a, fmt.Errorf("unknown type %q", words[0])
	}
	d := make([]byte, 240, 400)
	d[0], d[1], d[2] = 1, 1, 6
	copy(d[236:], []byte{99, 130, 83, 99})
	var opts, agent, raw, more []byte
	agentAt := -1
	from, to := netip.Addr{}, netip.Addr{}
	srcPort, isRaw := uint16(0), false
	if typ != 0 {
		opts = append(opts, 53, 1, typ)
	}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		var err error
		switch k {
		case "xid":
			var n uint64
			n, err = strconv.ParseUint(v, 10, 32)
			binary.BigEndian.PutUint32(d[4:], uint32(n))
		case "secs", "hops", "htype":
			var n uint64
			n, err = strconv.ParseUint(v, 10, 16)
			switch k {
			case "secs":
				binary.BigEndian.PutUint16(d[8:], uint16(n))
			case "hops":
				d[3] = byte(n)
			default:
				d[1] = byte(n)
			}
		case "broadcast":
			d[10] |= 0x80
		case "hw":
			var b []byte
			b, err = parseBytes(v)
			d[2] = byte(len(b))
			copy(d[28:44], b)
		case "ciaddr", "giaddr", "siaddr", "yiaddr", "from", "to":
			var x netip.Addr
			if x, err = netip.ParseAddr(v); err != nil {
				break
			}
			b := x.As4()
			switch k {
			case "ciaddr":
				copy(d[12:], b[:])
			case "yiaddr":
				copy(d[16:], b[:])
			case "siaddr":
				copy(d[20:], b[:])
			case "giaddr":
				copy(d[24:], b[:])
			case "from":
				from = x
			case "to":
				to = x
			}
		case "sport":
			var n uint64
			n, err = strconv.ParseUint(v, 10, 16)
			srcPort = uint16(n)
		case "link":
			a.Link = v != "no"
		case "raw":
			raw, err = hex.DecodeString(v)
			isRaw = true
		case "more":
			more, err = hex.DecodeString(v)
		default:
			if sub, isAgent := strings.CutPrefix(k, "82."); isAgent {
				var n uint64
				var b []byte
				if n, err = strconv.ParseUint(sub, 10, 8); err == nil {
					b, err = parseBytes(v)
				}
				agent = append(append(agent, byte(n), byte(len(b))), b...)
				agentAt = len(opts)
				break
			}
			var o []byte
			o, err = parseOption(k, v)
			opts = append(opts, o...)
		}
		if err != nil {
			return nil, a, fmt.Errorf("%s: %w", w, err)
		}
	}
	if agentAt >= 0 {
		opts = append(append(opts, 82, byte(len(agent))), agent...)
	}
	d = append(append(d, opts...), more...)
	if more == nil {
		d = append(d, 255)
	}
	if isRaw {
		d = raw
	}
	address(&a, d, from, to, srcPort)
	return d, a, nil
}

// address fills in where a datagram comes from and goes to: what is not given
// is as a client or relay would send it.
func address(a *wire.Arrival, d []byte, from, to netip.Addr, srcPort uint16) {
	var ci, gi netip.Addr
	if len(d) >= 44 {
		ci, gi = netip.AddrFrom4([4]byte(d[12:16])), netip.AddrFrom4([4]byte(d[24:28]))
		copy(a.HWSrc[:], d[28:34])
	}
	relayed := gi.IsValid() && !gi.IsUnspecified()
	unicast := relayed || ci.IsValid() && !ci.IsUnspecified()
	if !from.IsValid() {
		switch {
		case relayed:
			from = gi
		case unicast:
			from = ci
		default:
			from = netip.IPv4Unspecified()
		}
	}
	if !to.IsValid() {
		if to = broadcast4; unicast {
			to = a.Local
		}
	}
	if srcPort == 0 {
		if srcPort = 68; relayed {
			srcPort = 67
		}
	}
	a.Multi = to == broadcast4
	if !a.Multi {
		a.Local = to
	}
	a.Src, a.Dst = netip.AddrPortFrom(from, srcPort), netip.AddrPortFrom(to, 67)
}

// split cuts a line at blanks outside of '…'.
func split(line string) ([]string, error) {
	var words []string
	var w strings.Builder
	quoted := false
	for _, r := range line {
		switch {
		case r == '\'':
			quoted = !quoted
			w.WriteRune(r)
		case r == ' ' && !quoted:
			if w.Len() > 0 {
				words = append(words, w.String())
				w.Reset()
			}
		default:
			w.WriteRune(r)
		}
	}
	if w.Len() > 0 {
		words = append(words, w.String())
	}
	if quoted {
		return nil, fmt.Errorf("open quote in %q", line)
	}
	return words, nil
}

// parseBytes reads 'text', a comma separated list of addresses, or hexadecimal
// digits with or without colons; N*XX repeats a byte.
func parseBytes(v string) ([]byte, error) {
	if len(v) >= 2 && v[0] == '\'' && v[len(v)-1] == '\'' {
		return []byte(v[1 : len(v)-1]), nil
	}
	if n, b, ok := strings.Cut(v, "*"); ok {
		k, err := strconv.Atoi(n)
		if err != nil {
			return nil, err
		}
		x, err := parseBytes(b)
		return []byte(strings.Repeat(string(x), k)), err
	}
	if strings.Contains(v, ".") {
		var out []byte
		for _, s := range strings.Split(v, ",") {
			a, err := netip.ParseAddr(s)
			if err != nil {
				return nil, err
			}
			out = append(out, a.AsSlice()...)
		}
		return out, nil
	}
	return hex.DecodeString(strings.ReplaceAll(v, ":", ""))
}

func parseOption(k, v string) ([]byte, error) {
	code, ok := optionWords[k]
	if !ok {
		n, err := strconv.ParseUint(k, 10, 8)
		if err != nil {
			return nil, fmt.Errorf("unknown word %q", k)
		}
		code = byte(n)
	}
	var b []byte
	var err error
	switch {
	case code == 55 && ok:
		for _, s := range strings.Split(v, ",") {
			n, e := strconv.ParseUint(s, 10, 8)
			if e != nil {
				return nil, e
			}
			b = append(b, byte(n))
		}
	case code == 51 && ok:
		n, e := strconv.ParseUint(v, 10, 32)
		b, err = binary.BigEndian.AppendUint32(nil, uint32(n)), e
	case code == 81 && ok:
		b = parseFQDN(v)
	default:
		b, err = parseBytes(v)
	}
	var out []byte
	for {
		n := min(len(b), 255)
		out = append(append(out, code, byte(n)), b[:n]...)
		if b = b[n:]; len(b) == 0 {
			return out, err
		}
	}
}

// parseFQDN reads FLAGS:NAME; with E the name goes as labels, a final dot
// stands for the root.
func parseFQDN(v string) []byte {
	flags, name, _ := strings.Cut(v, ":")
	b := []byte{0, 0, 0}
	for _, f := range flags {
		switch f {
		case 'S':
			b[0] |= fqdnS
		case 'O':
			b[0] |= fqdnO
		case 'E':
			b[0] |= fqdnE
		case 'N':
			b[0] |= fqdnN
		}
	}
	if b[0]&fqdnE == 0 {
		return append(b, name...)
	}
	full := strings.HasSuffix(name, ".")
	for _, l := range strings.Split(strings.TrimSuffix(name, "."), ".") {
		if l != "" {
			b = append(append(b, byte(len(l))), l...)
		}
	}
	if full {
		b = append(b, 0)
	}
	return b
}

var typeNames = func() map[byte]string {
	m := map[byte]string{}
	for n, t := range queryTypes {
		m[t] = n
	}
	return m
}()

// option is one option of a response as it lies on the wire.
type option struct {
	code  byte
	value []byte
}

// scanOptions reads options in their order; pieces of one code that follow
// each other are one.
func scanOptions(b []byte) (list []option, end bool) {
	for len(b) > 0 {
		switch {
		case b[0] == 0:
			b = b[1:]
			continue
		case b[0] == 255:
			return list, true
		case len(b) < 2 || len(b) < 2+int(b[1]):
			return list, false
		}
		n := 2 + int(b[1])
		v := b[2:n]
		if k := len(list); k > 0 && list[k-1].code == b[0] && (len(list[k-1].value)%255 == 0 || len(list[k-1].value)%253 == 0) {
			list[k-1].value = append(list[k-1].value, v...)
		} else {
			list = append(list, option{b[0], append([]byte(nil), v...)})
		}
		b = b[n:]
	}
	return list, false
}

// printResponse writes a response as a line: type, transaction, header fields
// that are set, options in their order on the wire, destination.
func printResponse(t tester, d []byte, dep wire.Departure) string {
	if len(d) < 240 {
		t.Fatalf("response of %d bytes", len(d))
	}
	opts, end := scanOptions(d[240:])
	if !end {
		t.Fatalf("response without end: %x", d)
	}
	typ := byte(0)
	if len(opts) > 0 && opts[0].code == 53 {
		typ = opts[0].value[0]
		opts = opts[1:]
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s xid=%d", typeNames[typ], binary.BigEndian.Uint32(d[4:]))
	for _, f := range []struct {
		name string
		at   int
	}{{"ciaddr", 12}, {"yiaddr", 16}, {"siaddr", 20}, {"giaddr", 24}} {
		if a := netip.AddrFrom4([4]byte(d[f.at:])); !a.IsUnspecified() {
			fmt.Fprintf(&s, " %s=%s", f.name, a)
		}
	}
	if d[3] != 0 {
		fmt.Fprintf(&s, " hops=%d", d[3])
	}
	if d[10]&0x80 != 0 {
		s.WriteString(" broadcast")
	}
	for _, f := range []struct {
		name     string
		from, to int
	}{{"sname", 44, 108}, {"file", 108, 236}} {
		if b := strings.TrimRight(string(d[f.from:f.to]), "\x00"); b != "" {
			fmt.Fprintf(&s, " %s='%s'", f.name, b)
		}
	}
	for _, o := range opts {
		s.WriteString(" " + printOption(o))
	}
	if typ == 0 {
		fmt.Fprintf(&s, " size=%d", len(d))
	}
	dst := dep.Dst.String()
	if dep.Dst.Port() == 68 {
		dst = dep.Dst.Addr().String()
	}
	fmt.Fprintf(&s, " dst=%s", dst)
	if dep.Frame && dep.Dst.Addr() != broadcast4 {
		// Kea sends broadcasts in frames to the client's address, we to all.
		fmt.Fprintf(&s, "/%s", net.HardwareAddr(dep.HWDst[:]))
	}
	return s.String()
}

func printOption(o option) string {
	name, ok := wordOfOption[o.code]
	if !ok {
		name = strconv.Itoa(int(o.code))
	}
	v := o.value
	switch o.code {
	case 1, 3, 6, 42, 54, 118, 4, 5, 7, 9, 69, 70, 72:
		if len(v) > 0 && len(v)%4 == 0 {
			var list []string
			for i := 0; i < len(v); i += 4 {
				list = append(list, netip.AddrFrom4([4]byte(v[i:])).String())
			}
			return name + "=" + strings.Join(list, ",")
		}
	case 51, 58, 59:
		if len(v) == 4 {
			if n := binary.BigEndian.Uint32(v); n != 0xffffffff {
				return fmt.Sprintf("%s=%ds", name, n)
			}
			return name + "=infinite"
		}
	case 12, 15, 17, 60, 66, 67, 100, 101:
		return fmt.Sprintf("%s='%s'", name, v)
	case 81:
		if len(v) >= 3 {
			return fmt.Sprintf("%s=%s", name, printFQDN(v))
		}
	}
	if len(v) > 40 {
		return fmt.Sprintf("%s=%x…(%d)", name, v[:4], len(v))
	}
	return fmt.Sprintf("%s=%x", name, v)
}

func printFQDN(v []byte) string {
	flags := ""
	for _, f := range []struct {
		bit byte
		r   string
	}{{fqdnS, "S"}, {fqdnO, "O"}, {fqdnE, "E"}, {fqdnN, "N"}} {
		if v[0]&f.bit != 0 {
			flags += f.r
		}
	}
	if v[0]&fqdnE == 0 {
		return fmt.Sprintf("%s:%s(%d,%d)", flags, v[3:], v[1], v[2])
	}
	text, full := appendLabels(nil, v[3:])
	if full {
		text = append(text, '.')
	}
	return fmt.Sprintf("%s:%s(%d,%d)", flags, text, v[1], v[2])
}
