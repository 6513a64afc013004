package config

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Text is the printable form of a received option, what .text gives in an
// expression: the value of a string; otherwise type, length and fields.
func (d *OptionDef) Text(data []byte) string {
	return string(printer{standardDefs(d.version), d.version}.append(nil, d, d.Code, data, 0))
}

// printer writes options in Kea's printable form.
type printer struct {
	defs    *OptionDefs
	version int
}

// append writes one option; indent is that of its first line.
func (p printer) append(out []byte, d *OptionDef, code uint16, data []byte, indent int) []byte {
	if d != nil && d.Type == "string" && !d.Array && indent == 0 {
		return append(out, bytes.TrimRight(data, "\x00")...)
	}
	for range indent {
		out = append(out, ' ')
	}
	if d == nil || d.Type == "binary" || d.Type == "internal" {
		return appendOctets(p.header(out, code, "", len(data), ": "), data)
	}
	switch special, ok := p.special(out, d, data); {
	case ok:
		return special
	case d.Array && d.Type == "tuple":
		return appendTuples(p.plainHeader(out, code, len(data), ""), d, data, "data")
	case d.version == 4 && d.Space == "dhcp4" && d.Code == 124, d.version == 6 && d.Space == "dhcp6" && d.Code == 16:
		return p.vendorClass(out, d, data)
	}
	name := ""
	if d.version == 6 && d.Space == "dhcp6" {
		name = namedOptions[d.Code]
	}
	out = p.header(out, code, name, len(data), ":")
	n, ok := headerLen(d, data, p.version)
	if !ok {
		n = len(data)
	}
	if d.Array {
		n = len(data)
	}
	out = p.fields(out, d, data[:n])
	space := d.childSpace()
	if d.Space == standardSpace(p.version) && d.Code == vendorCode(p.version) && n >= 4 {
		space = "vendor-" + strconv.FormatUint(uint64(binary.BigEndian.Uint32(data)), 10)
	}
	return p.subOptions(out, space, data[n:], indent+2)
}

// namedOptions are the v6 options whose type is printed with a name.
var namedOptions = map[uint16]string{3: "(IA_NA)", 5: "(IAADDR)", 25: "(IA_PD)", 26: "(IAPREFIX)"}

// header writes "type=003, len=008" with the digits that the family has.
func (p printer) header(out []byte, code uint16, name string, length int, end string) []byte {
	digits := 3
	if p.version == 6 {
		digits = 5
	}
	out = appendPadded(append(out, "type="...), int(code), digits)
	out = appendPadded(append(append(out, name...), ", len="...), length, digits)
	return append(out, end...)
}

// plainHeader is header without leading zeros.
func (p printer) plainHeader(out []byte, code uint16, length int, end string) []byte {
	out = strconv.AppendUint(append(out, "type="...), uint64(code), 10)
	out = strconv.AppendInt(append(out, ", len="...), int64(length), 10)
	return append(out, end...)
}

func appendPadded(out []byte, n, digits int) []byte {
	limit := 1
	for range digits - 1 {
		limit *= 10
	}
	for ; limit > 1 && n < limit; limit /= 10 {
		out = append(out, '0')
	}
	return strconv.AppendInt(out, int64(n), 10)
}

// fields writes the option's own fields, each behind a blank.
func (p printer) fields(out []byte, d *OptionDef, data []byte) []byte {
	switch {
	case d.Type == "empty":
		return out
	case p.version == 6 && d.Space == "dhcp6" && (d.Code == 3 || d.Code == 25) && len(data) >= 12:
		return appendNumbers(out, data, " iaid=", ", t1=", ", t2=")
	case p.version == 6 && d.Space == "dhcp6" && d.Code == 5 && len(data) >= 24:
		a, _ := netip.AddrFromSlice(data[:16])
		out = a.AppendTo(append(out, " address="...))
		return appendNumbers(out, data[16:], ", preferred-lft=", ", valid-lft=")
	case p.version == 6 && d.Space == "dhcp6" && d.Code == 26 && len(data) >= 25:
		a, _ := netip.AddrFromSlice(data[9:25])
		out = a.AppendTo(append(out, " prefix="...))
		out = strconv.AppendUint(append(out, '/'), uint64(data[8]), 10)
		return appendNumbers(out, data, ", preferred-lft=", ", valid-lft=")
	}
	for i := 0; i == 0 || len(data) > 0; i++ {
		if !d.Array && i > 0 && i >= len(d.Record) {
			break
		}
		typ := d.field(i)
		n, ok := d.fieldSize(typ, data)
		if !ok {
			break
		}
		out = d.appendFieldText(append(out, ' '), typ, data[:n])
		switch isInteger := typ[len(typ)-1] >= '0' && typ[len(typ)-1] <= '9'; {
		case d.Array && d.Type != "record" && isInteger:
			out = append(append(append(out, '('), typ...), ')')
		case d.Array && (d.Type == "ipv4-address" || d.Type == "ipv6-address"):
		default:
			out = append(append(append(out, " ("...), typ...), ')')
		}
		data = data[n:]
	}
	if p.version == 4 && d.Code == 125 && d.Space == "dhcp4" && len(data) > 0 {
		out = append(strconv.AppendUint(append(out, ' '), uint64(data[0]), 10), " (uint8)"...)
	}
	return out
}

// appendNumbers writes 32 bit numbers behind their labels.
func appendNumbers(out, data []byte, labels ...string) []byte {
	for i, label := range labels {
		out = strconv.AppendUint(append(out, label...), uint64(binary.BigEndian.Uint32(data[4*i:])), 10)
	}
	return out
}

// maxPrintIndent bounds how deep options within options are printed.
const maxPrintIndent = 32

// subOptions writes the options behind the own fields.
func (p printer) subOptions(out []byte, space string, b []byte, indent int) []byte {
	if space == "" || indent > maxPrintIndent {
		return out
	}
	for first := true; ; first = false {
		code, data, rest, ok := nextOption(b, p.version)
		if !ok {
			return out
		}
		if first {
			out = append(out, ",\noptions:"...)
		}
		out = p.append(append(out, '\n'), p.defs.Lookup(space, code), code, data, indent)
		b = rest
	}
}

// vendorClass writes options 124 and 16.
func (p printer) vendorClass(out []byte, d *OptionDef, b []byte) []byte {
	out = p.plainHeader(out, d.Code, len(b), ", ")
	for i := 0; len(b) >= 4; i++ {
		if i == 0 || p.version == 4 {
			out = append(out, " enterprise id=0x"...)
			out = strconv.AppendUint(out, uint64(binary.BigEndian.Uint32(b)), 16)
			if b = b[4:]; len(b) == 0 {
				break
			}
		}
		n, ok := d.fieldSize("tuple", b)
		if !ok {
			break
		}
		out = appendTuple(out, i, b[d.tupleHeader():n], "vendor-class-data")
		if b = b[n:]; len(b) > 0 && p.version == 4 {
			out = append(out, ',')
		}
	}
	return out
}

func appendTuples(out []byte, d *OptionDef, b []byte, label string) []byte {
	for i := 0; ; i++ {
		n, ok := d.fieldSize("tuple", b)
		if !ok {
			return out
		}
		out = appendTuple(out, i, b[d.tupleHeader():n], label)
		b = b[n:]
	}
}

// appendTuple writes ", data-len0=3, data0='foo'".
func appendTuple(out []byte, i int, b []byte, label string) []byte {
	out = strconv.AppendInt(append(out, ", data-len"...), int64(i), 10)
	out = strconv.AppendInt(append(out, '='), int64(len(b)), 10)
	out = strconv.AppendInt(append(append(out, ", "...), label...), int64(i), 10)
	return append(append(append(out, "='"...), b...), '\'')
}

// special writes the options that Kea prints in a way of their own.
func (p printer) special(out []byte, d *OptionDef, b []byte) ([]byte, bool) {
	if d.Space != standardSpace(p.version) {
		return out, false
	}
	switch {
	case p.version == 4 && d.Code == 79 && len(b) > 0:
		out = p.header(out, d.Code, "", len(b), ": mandatory:")
		out = strconv.AppendUint(out, uint64(b[0]), 10)
		return append(append(append(out, `, scope-list:"`...), b[1:]...), '"'), true
	case p.version == 4 && d.Code == 81 && len(b) >= 3:
		return appendClientName(append(out, "type=81 (CLIENT_FQDN), flags: ("...), b[0], b[3:], "NEOS", "\x08\x04\x02\x01", b[0]&4 != 0), true
	case p.version == 6 && d.Code == 39 && len(b) >= 1:
		return appendClientName(append(out, "type=39(CLIENT_FQDN), flags: ("...), b[0], b[1:], "NOS", "\x04\x02\x01", true), true
	case p.version == 6 && d.Code == 67 && len(b) > 1:
		out = p.header(out, d.Code, "", len(b), ": excluded-prefix-len=")
		out = strconv.AppendUint(out, uint64(b[0]), 10)
		return appendHex(append(out, ", subnet-id=0x"...), b[1:]), true
	}
	return out, false
}

// appendClientName writes flags and name of options 81 and 39. A name in wire
// form without the root label at the end is partial.
func appendClientName(out []byte, flags byte, name []byte, letters, bits string, wire bool) []byte {
	for i := range len(letters) {
		if i > 0 {
			out = append(out, ", "...)
		}
		bit := byte('0')
		if flags&bits[i] != 0 {
			bit = '1'
		}
		out = append(out, letters[i], '=', bit)
	}
	out = append(out, "), domain-name='"...)
	full := false
	if !wire {
		out = append(out, bytes.TrimRight(name, ".")...)
		if full = bytes.HasSuffix(name, []byte(".")); full {
			out = append(out, '.')
		}
	}
	for first := true; wire && len(name) > 0; first = false {
		n := int(name[0])
		if full = n == 0; full || n >= len(name) {
			break
		}
		if !first {
			out = append(out, '.')
		}
		out, name = append(out, name[1:1+n]...), name[1+n:]
	}
	if full && wire {
		out = append(out, '.')
	}
	if full {
		return append(out, "' (full)"...)
	}
	return append(out, "' (partial)"...)
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
		return out // Kea prints none
	case "psid":
		length := min(b[0], 16)
		out = strconv.AppendUint(append(out, "len="...), uint64(b[0]), 10)
		psid := uint64(binary.BigEndian.Uint16(b[1:])) >> (16 - length)
		return strconv.AppendUint(append(out, ",psid="...), psid, 10)
	case "fqdn":
		return append(appendNameText(append(out, '"'), b), '"')
	case "tuple":
		return append(append(append(out, '"'), b[d.tupleHeader():]...), '"')
	case "string":
		return append(append(append(out, '"'), b...), '"')
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

// appendOctets writes octets with colons between them.
func appendOctets(out, b []byte) []byte {
	const digits = "0123456789abcdef"
	for i, c := range b {
		if i > 0 {
			out = append(out, ':')
		}
		out = append(out, digits[c>>4], digits[c&15])
	}
	return out
}
