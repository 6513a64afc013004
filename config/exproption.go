package config

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// refSource is where the first step of an option reference looks.
type refSource uint8

const (
	refOption refSource = iota // option[code]
	refRelay4                  // relay4[code]
	refRelay6                  // relay6[level].option[code]
	refVendor                  // vendor[enterprise].option[code]
)

// optionRef is a reference to an option or, through nested, a sub-option.
type optionRef struct {
	source     refSource
	code       uint16
	level      int           // relay6
	enterprise enterpriseRef // vendor
	nested     []nestedRef
	def        *OptionDef // of the option referred to; nil: none
	version    int
}

// nestedRef is one .option[code] step. padded says whether codes 0 and 255 of
// the space stand for PAD and END.
type nestedRef struct {
	parent *OptionDef
	code   uint16
	padded bool
}

// enterpriseRef is the number in vendor[n] and vendor-class[n].
type enterpriseRef struct {
	number uint32
	any    bool
}

func (e enterpriseRef) matches(data []byte) bool {
	return len(data) >= 4 && (e.any || binary.BigEndian.Uint32(data) == e.number)
}

// find returns the payload of the option referred to.
func (r *optionRef) find(s Subject, x *Scratch) ([]byte, bool) {
	var b []byte
	var ok bool
	switch r.source {
	case refOption:
		b, ok = s.Option(r.code)
	case refRelay4, refRelay6:
		b, ok = s.RelayOption(r.level, r.code)
	case refVendor:
		if b, ok = vendorOptions(s, r.version, r.enterprise); ok {
			b, ok = subOption(b, r.code, r.version, false, x)
		}
	}
	for i := 0; ok && i < len(r.nested); i++ {
		step := &r.nested[i]
		n, known := headerLen(step.parent, b, r.version)
		if !known {
			return nil, false
		}
		b, ok = subOption(b[n:], step.code, r.version, step.padded, x)
	}
	return b, ok
}

// last returns the code of the option referred to.
func (r *optionRef) last() uint16 {
	if n := len(r.nested); n > 0 {
		return r.nested[n-1].code
	}
	return r.code
}

// headerLen returns the length of an option's own fields in front of its
// sub-options. An option without definition has none that we could find.
func headerLen(d *OptionDef, b []byte, version int) (int, bool) {
	if d == nil {
		return 0, false
	}
	n, ok := d.ownFields(b)
	if version == 4 && d.Code == 125 && d.Space == "dhcp4" {
		n++ // RFC 3925 §4: the length of the first enterprise's data
		ok = ok && n <= len(b)
	}
	return n, ok
}

// vendorOptions returns the sub-options of the first vendor option, if its
// enterprise is the wanted one.
func vendorOptions(s Subject, version int, e enterpriseRef) ([]byte, bool) {
	b, ok := s.Option(vendorCode(version))
	if !ok || !e.matches(b) {
		return nil, false
	}
	if b = b[4:]; version == 6 {
		return b, true
	}
	if len(b) == 0 {
		return nil, true
	}
	n := int(b[0])
	return b[1:min(1+n, len(b))], true
}

func vendorCode(version int) uint16 {
	if version == 4 {
		return 125
	}
	return 17
}

func vendorClassCode(version int) uint16 {
	if version == 4 {
		return 124
	}
	return 16
}

// subOption searches a run of options for a code. RFC 3396: several v4
// instances are one value.
func subOption(b []byte, code uint16, version int, padded bool, x *Scratch) (value []byte, found bool) {
	start := -1
	for len(b) > 0 {
		if version == 4 && padded && (b[0] == 0 || b[0] == 255) {
			if b[0] == 255 {
				break
			}
			b = b[1:]
			continue
		}
		c, data, rest, ok := nextOption(b, version)
		if !ok {
			break
		}
		b = rest
		switch {
		case c != code:
		case version == 6:
			return data, true
		case !found:
			value, found = data, true
		default:
			if start < 0 {
				start = len(x.buf)
				x.buf = append(x.buf, value...)
			}
			x.buf = append(x.buf, data...)
			value = x.buf[start:]
		}
	}
	return value, found
}

// optionHex, optionText and optionExists are what is done with a reference.
type (
	optionHex  struct{ optionRef }
	optionText struct {
		optionRef
		defs *OptionDefs
	}
	optionExists struct{ optionRef }
)

func (n *optionHex) value(s Subject, x *Scratch) ([]byte, error) {
	b, _ := n.find(s, x)
	return b, nil
}

func (n *optionText) value(s Subject, x *Scratch) ([]byte, error) {
	b, ok := n.find(s, x)
	if !ok {
		return nil, nil
	}
	start := len(x.buf)
	x.buf = printer{n.defs, n.version}.append(x.buf, n.def, n.last(), b, 0)
	return x.grown(start)
}

func (n *optionExists) test(s Subject, x *Scratch) (bool, error) {
	_, ok := n.find(s, x)
	return ok, nil
}

// vendorExists is vendor[n].exists and vendor-class[n].exists.
type vendorExists struct {
	code       uint16
	enterprise enterpriseRef
}

func (n *vendorExists) test(s Subject, _ *Scratch) (bool, error) {
	b, ok := s.Option(n.code)
	return ok && n.enterprise.matches(b), nil
}

// vendorEnterprise is vendor.enterprise and vendor-class.enterprise.
type vendorEnterprise uint16

func (n vendorEnterprise) value(s Subject, _ *Scratch) ([]byte, error) {
	if b, ok := s.Option(uint16(n)); ok && len(b) >= 4 {
		return b[:4], nil
	}
	return nil, nil
}

// vendorClassData is vendor-class[n].data[index].
type vendorClassData struct {
	enterprise enterpriseRef
	index      int
	version    int
}

func (n *vendorClassData) value(s Subject, _ *Scratch) ([]byte, error) {
	b, ok := s.Option(vendorClassCode(n.version))
	if !ok || !n.enterprise.matches(b) {
		return nil, nil
	}
	b = b[4:]
	for i := 0; ; i++ {
		header, size := 1, 0
		if n.version == 6 {
			header = 2
		}
		if len(b) < header {
			return nil, nil
		}
		if size = int(b[0]); n.version == 6 {
			size = int(binary.BigEndian.Uint16(b))
		}
		if len(b) < header+size {
			return nil, nil
		}
		if i == n.index {
			return b[header : header+size], nil
		}
		if b = b[header+size:]; n.version == 4 {
			b = b[min(4, len(b)):] // RFC 3925 §3: the enterprise stands before each of them
		}
	}
}

// child returns the definition of a sub-option of parent, and whether 0 and
// 255 are PAD and END there.
func (d *OptionDefs) child(parent *OptionDef, code uint16) (def *OptionDef, padded bool) {
	space := parent.childSpace()
	if space == "" {
		return nil, true
	}
	return d.Lookup(space, code), d.Lookup(space, 0) == nil && d.Lookup(space, 255) == nil
}

// childSpace returns the space of a received option's sub-options.
func (d *OptionDef) childSpace() string {
	switch {
	case d == nil:
		return ""
	case d.version == 6 && d.Space == "dhcp6" && slices.Contains([]uint16{3, 4, 5, 25, 26}, d.Code):
		return "dhcp6" // RFC 9915: IAs, their addresses and prefixes have options of the main space
	}
	return d.Encapsulate
}

// vendorDef returns the definition of a sub-option of vendor[e].
func (d *OptionDefs) vendorDef(e enterpriseRef, code uint16) *OptionDef {
	if e.any {
		return nil
	}
	return d.Lookup(fmt.Sprintf("vendor-%d", e.number), code)
}
