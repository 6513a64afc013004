package config

import (
	"bytes"
	"encoding/binary"
	"errors"
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

// accept checks data that came as octets against the definition and returns
// what Kea would send of it.
func (d *OptionDef) accept(data []byte) ([]byte, error) {
	if d.Type == "internal" {
		return data, nil
	}
	if d.Array {
		return data, d.checkArray(data)
	}
	if d.Type == "string" {
		if data = bytes.TrimRight(data, "\x00"); len(data) == 0 {
			return nil, errors.New("a string that is empty or has only NULs")
		}
	}
	n, ok := d.ownFields(data)
	if !ok {
		return nil, errShort
	}
	if d.Encapsulate == "" && !carriesEnterprise(d.version, d.Code) && d.Type != "empty" {
		data = data[:n]
	}
	return data, nil
}

func (d *OptionDef) checkArray(data []byte) error {
	if d.Type == "fqdn" && len(data) == 0 {
		return errShort
	}
	for i := 0; len(data) > 0 || i < len(d.Record); i++ {
		n, ok := d.fieldSize(d.field(i), data)
		if !ok {
			return errShort
		}
		data = data[n:]
	}
	return nil
}

// field returns the type of the i-th field; the last one repeats.
func (d *OptionDef) field(i int) string {
	if d.Type != "record" {
		return d.Type
	}
	return d.Record[min(i, len(d.Record)-1)]
}

// checkVendor checks what follows the enterprise number.
func (e *optionEntry) checkVendor(version int) error {
	if e.space != standardSpace(version) || !carriesEnterprise(version, e.Code) {
		return nil
	}
	b := e.Data
	if len(b) < 4 {
		return errShort
	}
	if b = b[4:]; e.Code == vendorClassCode(version) {
		for len(b) > 0 {
			n, ok := e.def.fieldSize("tuple", b)
			if !ok {
				return errors.New("a vendor class datum is longer than what is left")
			}
			if b = b[n:]; version == 4 && len(b) > 0 {
				if len(b) < 4 {
					return errShort
				}
				b = b[4:] // RFC 3925 §3: the enterprise stands before each datum
			}
		}
		return nil
	}
	if version == 4 && len(b) > 0 {
		if int(b[0]) > len(b)-1 {
			return errShort
		}
		b = b[1 : 1+int(b[0])]
	}
	for len(b) > 0 {
		_, _, rest, ok := nextOption(b, version)
		if !ok {
			return errors.New("a vendor sub-option is longer than what is left")
		}
		b = rest
	}
	return nil
}

// nextOption splits the first option off a run of options.
func nextOption(b []byte, version int) (code uint16, data, rest []byte, ok bool) {
	header, n := 2, 0
	if version == 6 {
		header = 4
	}
	if len(b) < header {
		return 0, nil, nil, false
	}
	if code, n = uint16(b[0]), int(b[1]); version == 6 {
		code, n = binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	}
	if len(b) < header+n {
		return 0, nil, nil, false
	}
	return code, b[header : header+n], b[header+n:], true
}
