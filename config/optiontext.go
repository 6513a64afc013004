package config

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Encode turns comma separated text (csv-format) into the value of the option,
// without header and sub-options.
func (d *OptionDef) Encode(text string) ([]byte, error) {
	if f := d.internalFormat(); f != nil {
		return f(text)
	}
	fields := splitCSV(text)
	var out []byte
	var err error
	switch {
	case d.Type == "empty":
		if len(fields) > 0 {
			return nil, errors.New("the option has no value of its own")
		}
	case d.Type == "record":
		if len(fields) < len(d.Record) {
			return nil, fmt.Errorf("%d values given, the record has %d fields", len(fields), len(d.Record))
		}
		if !d.Array {
			fields = fields[:len(d.Record)]
		}
		for i, f := range fields {
			if out, err = d.appendField(out, d.Record[min(i, len(d.Record)-1)], f); err != nil {
				return nil, err
			}
		}
	case d.Array:
		for _, f := range fields {
			if out, err = d.appendField(out, d.Type, f); err != nil {
				return nil, err
			}
		}
		if len(out) == 0 && d.Type == "fqdn" {
			return nil, errors.New("no option value specified")
		}
		if d.Type == "ipv6-address" && len(out)%16 != 0 {
			return nil, errors.New("an IPv4 address among IPv6 addresses")
		}
	case len(fields) == 0:
		return nil, errors.New("no option value specified")
	default:
		// Kea: what follows the first unescaped comma is dropped.
		return d.appendField(nil, d.Type, fields[0])
	}
	return out, nil
}

// splitCSV splits at commas that no backslash precedes, trims the pieces and
// drops empty ones. "\," and "\\" stand for a comma and a backslash.
func splitCSV(text string) []string { return splitEscaped(text, ',', true) }

// splitEscaped splits at sep; with unescape false the escapes stay for a
// second split.
func splitEscaped(text string, sep byte, unescape bool) []string {
	var fields []string
	var piece strings.Builder
	end := func() {
		if s := strings.Trim(piece.String(), " \t\r\n"); s != "" {
			fields = append(fields, s)
		}
		piece.Reset()
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && (text[i+1] == sep || text[i+1] == '\\'):
			i++
			if !unescape && (text[i] == '\\') {
				piece.WriteByte('\\')
			}
			piece.WriteByte(text[i])
		case c == sep:
			end()
		default:
			piece.WriteByte(c)
		}
	}
	end()
	return fields
}

// appendField encodes one field of a type.
func (d *OptionDef) appendField(out []byte, typ, s string) ([]byte, error) {
	switch typ {
	case "binary":
		b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			return nil, fmt.Errorf("'%s' is not an even number of hexadecimal digits", s)
		}
		return append(out, b...), nil
	case "boolean":
		return appendBoolean(out, s)
	case "fqdn":
		return appendName(out, s)
	case "int8", "int16", "int32", "uint8", "uint16", "uint32":
		return appendInteger(out, typ, s)
	case "ipv4-address", "ipv6-address":
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return nil, errors.New(notAddress(s))
		}
		if d.Type == "record" && a.Is4() != (typ == "ipv4-address") || typ == "ipv6-address" && a.Is4() && !d.Array {
			return nil, fmt.Errorf("'%s' is not an address of the right family", s)
		}
		b := a.AsSlice()
		if typ == "ipv4-address" && !d.Array {
			b = b[:4] // Kea takes an IPv6 address and sends its beginning; warnFamily says so
		}
		return append(out, b...), nil
	case "ipv6-prefix":
		return appendPrefix(out, s)
	case "psid":
		return appendPSID(out, s)
	case "string":
		return append(out, s...), nil
	case "tuple":
		return d.appendTuple(out, s)
	}
	return nil, fmt.Errorf("type %s takes no text", typ)
}

func appendBoolean(out []byte, s string) ([]byte, error) {
	if strings.EqualFold(s, "true") {
		return append(out, 1), nil
	}
	if strings.EqualFold(s, "false") {
		return append(out, 0), nil
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && (n == 0 || n == 1) {
		return append(out, byte(n)), nil
	}
	return nil, fmt.Errorf("'%s' is neither true nor false", s)
}

// appendInteger reads decimal first and hexadecimal, with or without 0x, if
// that is not possible: abcd is 0xabcd, but 10 is ten.
func appendInteger(out []byte, typ, s string) ([]byte, error) {
	bits, _ := strconv.Atoi(strings.TrimLeft(typ, "uint"))
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		digits := s
		if len(s) > 2 && (s[:2] == "0x" || s[:2] == "0X") {
			digits = s[2:]
		}
		var u uint64
		u, err = strconv.ParseUint(digits, 16, 63)
		n = int64(u)
	}
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, fmt.Errorf("'%s' is not an integer", s)
	}
	low, high := int64(0), int64(1)<<bits-1
	if typ[0] == 'i' {
		low, high = -1<<(bits-1), 1<<(bits-1)-1
	}
	if err != nil || n < low || n > high {
		return nil, fmt.Errorf("'%s' is out of range %d..%d of %s", s, low, high, typ)
	}
	switch bits {
	case 8:
		return append(out, byte(n)), nil
	case 16:
		return binary.BigEndian.AppendUint16(out, uint16(n)), nil
	}
	return binary.BigEndian.AppendUint32(out, uint32(n)), nil
}

// appendName encodes a domain name, always fully qualified and uncompressed.
func appendName(out []byte, s string) ([]byte, error) {
	start := len(out)
	label := len(out)
	out = append(out, 0)
	closeLabel := func() error {
		n := len(out) - label - 1
		if n == 0 || n > 63 {
			return fmt.Errorf("'%s' has a label of %d octets (1 to 63 are possible)", s, n)
		}
		out[label] = byte(n)
		return nil
	}
	s = strings.TrimSuffix(s, ".")
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			n, _ := strconv.Atoi(s[i+1 : i+4])
			if n > 255 {
				return nil, fmt.Errorf("'%s' has an escape above \\255", s)
			}
			out = append(out, byte(n))
			i += 3
		case c == '\\' && i+1 < len(s):
			i++
			out = append(out, s[i])
		case c == '.':
			if err := closeLabel(); err != nil {
				return nil, err
			}
			label = len(out)
			out = append(out, 0)
		default:
			out = append(out, c)
		}
		// Kea: a name must be the same when it is written and read again.
		if b := out[len(out)-1]; c != '.' && (b <= ' ' || b > '~' || strings.IndexByte(`.@$";()\`, b) >= 0) {
			return nil, fmt.Errorf("'%s' has a character that a name cannot have", s)
		}
	}
	if err := closeLabel(); err != nil {
		return nil, err
	}
	out = append(out, 0)
	if len(out)-start > 255 {
		return nil, fmt.Errorf("'%s' is longer than 255 octets", s)
	}
	return out, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func appendPrefix(out []byte, s string) ([]byte, error) {
	p, err := netip.ParsePrefix(strings.ReplaceAll(s, " ", ""))
	if err != nil || !p.Addr().Is6() {
		return nil, fmt.Errorf("'%s' is not an IPv6 prefix", s)
	}
	a := p.Masked().Addr().As16()
	out = append(out, byte(p.Bits()))
	return append(out, a[:(p.Bits()+7)/8]...), nil
}

// RFC 7597 §5.1: the PSID stands in the leftmost bits of the field.
func appendPSID(out []byte, s string) ([]byte, error) {
	left, right, ok := strings.Cut(strings.ReplaceAll(s, " ", ""), "/")
	base := 10
	if hexDigits, ok := strings.CutPrefix(left, "0x"); ok {
		left, base = hexDigits, 16
	}
	psid, err1 := strconv.ParseUint(left, base, 16)
	length, err2 := strconv.ParseUint(right, 10, 8)
	if !ok || err1 != nil || err2 != nil || length > 16 {
		return nil, fmt.Errorf("'%s' is not psid/length with a length up to 16", s)
	}
	if length == 0 {
		psid = 0 // RFC 7597 §5.1: the field is ignored then
	}
	if psid>>length != 0 {
		return nil, fmt.Errorf("psid %d does not fit %d bits", psid, length)
	}
	out = append(out, byte(length))
	return binary.BigEndian.AppendUint16(out, uint16(psid<<(16-length))), nil
}

// tupleHeader is the size of the length in front of a tuple.
func (d *OptionDef) tupleHeader() int {
	if d.version == 6 || d.Code == 143 && d.Space == "dhcp4" { // v4-sztp-redirect
		return 2
	}
	return 1
}

func (d *OptionDef) appendTuple(out []byte, s string) ([]byte, error) {
	n := d.tupleHeader()
	if len(s) >= 1<<(8*n) {
		return nil, fmt.Errorf("a tuple of %d octets is too long", len(s))
	}
	if n == 2 {
		out = append(out, byte(len(s)>>8))
	}
	return append(append(out, byte(len(s))), s...), nil
}

// decodeHexData reads data with csv-format false: quoted text, or octets in
// hexadecimal, separated by colons or blanks or not at all.
func decodeHexData(s string) ([]byte, error) {
	if len(s) > 2 && s[0] == '\'' && s[len(s)-1] == '\'' {
		return []byte(s[1 : len(s)-1]), nil
	}
	bad := fmt.Errorf("'%s' is not a valid string of hexadecimal digits", s)
	for _, sep := range []string{":", " "} {
		if !strings.Contains(s, sep) {
			continue
		}
		var out []byte
		for octet := range strings.SplitSeq(s, sep) {
			n, err := strconv.ParseUint(octet, 16, 8)
			if err != nil || len(octet) > 2 {
				return nil, bad
			}
			out = append(out, byte(n))
		}
		return out, nil
	}
	if strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X") {
		if s = s[2:]; s == "" {
			return nil, bad
		}
	}
	if len(s)%2 == 1 {
		s = "0" + s
	}
	out, err := hex.DecodeString(s)
	if err != nil {
		return nil, bad
	}
	return out, nil
}
