package config

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

var errShort = errors.New("the value is too short")

// fieldSize returns how many octets of data a field of a type takes.
func (d *OptionDef) fieldSize(typ string, data []byte) (int, bool) {
	n := 0
	switch typ {
	case "boolean", "int8", "uint8":
		n = 1
	case "int16", "uint16":
		n = 2
	case "psid":
		n = 3
	case "int32", "uint32", "ipv4-address":
		n = 4
	case "ipv6-address":
		n = 16
	case "ipv6-prefix":
		if len(data) < 1 || data[0] > 128 {
			return 0, false
		}
		n = 1 + (int(data[0])+7)/8
	case "fqdn":
		for n < len(data) && data[n] != 0 {
			if data[n] > 63 {
				return 0, false
			}
			n += 1 + int(data[n])
		}
		n++
	case "tuple":
		h := d.tupleHeader()
		if len(data) < h {
			return 0, false
		}
		if n = h + int(data[0]); h == 2 {
			n = h + int(binary.BigEndian.Uint16(data))
		}
	default: // binary, string: all there is
		n = len(data)
	}
	return n, n <= len(data)
}

// ownFields returns the length of the fields in front of the sub-options.
func (d *OptionDef) ownFields(data []byte) (int, bool) {
	switch {
	case d.Type == "empty":
		return 0, true
	case d.Array || d.Type == "internal":
		return len(data), true
	case d.Type != "record":
		return d.fieldSize(d.Type, data)
	}
	n := 0
	for _, t := range d.Record {
		size, ok := d.fieldSize(t, data[n:])
		if !ok {
			return 0, false
		}
		n += size
	}
	return n, true
}

// check says whether data is long enough for the definition.
func (d *OptionDef) check(data []byte) error {
	if d.Type == "internal" {
		return nil
	}
	if !d.Array {
		if d.Type == "string" && len(data) == 0 {
			return errors.New("an empty string")
		}
		if _, ok := d.ownFields(data); !ok {
			return errShort
		}
		return nil
	}
	for i := 0; len(data) > 0 || i < len(d.Record); i++ {
		typ := d.Type
		if typ == "record" {
			typ = d.Record[min(i, len(d.Record)-1)]
		}
		n, ok := d.fieldSize(typ, data)
		if !ok {
			return errShort
		}
		if data = data[n:]; n == 0 && i >= len(d.Record) {
			break
		}
	}
	return nil
}

// Text is the printable form of a received option, what .text of an
// expression gives.
func (d *OptionDef) Text(data []byte) string { return string(d.AppendText(nil, data)) }

// AppendText is Text without allocating.
func (d *OptionDef) AppendText(out, data []byte) []byte {
	if d == nil || d.Type == "internal" {
		return appendHex(out, data)
	}
	for i := 0; ; i++ {
		typ := d.Type
		if typ == "record" {
			if i >= len(d.Record) && !d.Array {
				return out
			}
			typ = d.Record[min(i, len(d.Record)-1)]
		} else if i > 0 && !d.Array {
			return out
		}
		if i > 0 && len(data) == 0 {
			return out
		}
		n, ok := d.fieldSize(typ, data)
		if !ok {
			return out
		}
		if i > 0 {
			out = append(out, ' ')
		}
		out = d.appendFieldText(out, typ, data[:n])
		if data = data[n:]; n == 0 {
			return out
		}
	}
}

func (d *OptionDef) appendFieldText(out []byte, typ string, b []byte) []byte {
	switch typ {
	case "boolean":
		return strconv.AppendBool(out, b[0] != 0)
	case "uint8", "uint16", "uint32":
		var n uint64
		for _, c := range b {
			n = n<<8 | uint64(c)
		}
		return strconv.AppendUint(out, n, 10)
	case "int8":
		return strconv.AppendInt(out, int64(int8(b[0])), 10)
	case "int16":
		return strconv.AppendInt(out, int64(int16(binary.BigEndian.Uint16(b))), 10)
	case "int32":
		return strconv.AppendInt(out, int64(int32(binary.BigEndian.Uint32(b))), 10)
	case "ipv4-address", "ipv6-address":
		a, _ := netip.AddrFromSlice(b)
		return a.AppendTo(out)
	case "ipv6-prefix":
		var a [16]byte
		copy(a[:], b[1:])
		return netip.PrefixFrom(netip.AddrFrom16(a), int(b[0])).AppendTo(out)
	case "psid":
		length := min(b[0], 16)
		out = strconv.AppendUint(out, uint64(binary.BigEndian.Uint16(b[1:]))>>(16-length), 10)
		return strconv.AppendUint(append(out, '/'), uint64(b[0]), 10)
	case "fqdn":
		return appendNameText(out, b)
	case "tuple":
		return append(out, b[d.tupleHeader():]...)
	case "string":
		return append(out, b...)
	case "empty":
		return out
	}
	return appendHex(out, b)
}

func appendNameText(out, b []byte) []byte {
	if len(b) == 1 {
		return append(out, '.')
	}
	for len(b) > 1 {
		n := int(b[0])
		out = append(append(out, b[1:1+n]...), '.')
		b = b[1+n:]
	}
	return out
}

func appendHex(out, b []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range b {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}

// UnknownText is the printable form of an option without definition.
func UnknownText(code uint16, data []byte) string {
	return fmt.Sprintf("type=%d, len=%d", code, len(data))
}
