package config

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// OptionSet is the option-data list of one scope object (global, class,
// network, subnet, pool, host), encoded and indexed. The zero value is empty.
type OptionSet struct {
	options []Option // standard space, by ascending code; equal codes in the order to try them
	vendor  []Option // spaces vendor-N: by enterprise, then code
	always  []uint16 // codes with always-send, ascending
	never   []uint16 // codes with never-send, ascending
}

// Option is one configured option of the standard space or of a vendor space.
//
// Entries of one code are alternatives: the first one whose tags allow it is
// sent, those without tags come last. The codes that carry an enterprise
// number are alternatives per (Code, Enterprise).
type Option struct {
	Code       uint16
	Enterprise uint32   // vendor space: its number; codes 124/125 and 16/17: the enterprise in Data
	Data       []byte   // value without header, sub-options of encapsulated spaces appended
	More       [][]byte // values of further instances to send with this one (v6 ntp-server, v6-dnr)
	AlwaysSend bool
	NeverSend  bool
	Classes    []ClassID // tags: eligible only for members of one of them; empty = everyone
	Name       string
	Pos        Pos
}

// Lookup returns the entries of a code, in the order to try them.
func (s *OptionSet) Lookup(code uint16) []Option {
	return span(s.options, func(o *Option) int { return int(o.Code) - int(code) })
}

// Empty says whether the scope configures nothing.
func (s *OptionSet) Empty() bool { return len(s.options) == 0 && len(s.vendor) == 0 }

// All returns the entries of the standard space, by ascending code.
func (s *OptionSet) All() []Option { return s.options }

// Always and Never return the codes marked always-send and never-send.
func (s *OptionSet) Always() []uint16 { return s.always }

func (s *OptionSet) Never() []uint16 { return s.never }

// VendorAll returns the sub-options of every vendor space, by enterprise, then code.
func (s *OptionSet) VendorAll() []Option { return s.vendor }

// Vendor returns the sub-options of space vendor-<enterprise>, by ascending code.
func (s *OptionSet) Vendor(enterprise uint32) []Option {
	return span(s.vendor, func(o *Option) int { return cmp.Compare(o.Enterprise, enterprise) })
}

// VendorLookup returns the entries of a sub-option of space
// vendor-<enterprise>, in the order to try them.
func (s *OptionSet) VendorLookup(enterprise uint32, code uint16) []Option {
	return span(s.vendor, func(o *Option) int {
		return cmp.Or(cmp.Compare(o.Enterprise, enterprise), cmp.Compare(o.Code, code))
	})
}

// span returns the run of a sorted slice for which cmp is 0.
func span(list []Option, cmp func(*Option) int) []Option {
	lo, hi := 0, len(list)
	for lo < hi {
		if m := (lo + hi) / 2; cmp(&list[m]) < 0 {
			lo = m + 1
		} else {
			hi = m
		}
	}
	end := lo
	for end < len(list) && cmp(&list[end]) == 0 {
		end++
	}
	return list[lo:end]
}

// carriesEnterprise says whether a top-level code starts with an enterprise
// number, of which several may coexist.
func carriesEnterprise(version int, code uint16) bool {
	if version == 4 {
		return code == 124 || code == 125
	}
	return code == 16 || code == 17
}

// Kea's codes that several instances of are sent from one scope.
const (
	codeNTPServer6 = 56
	codeResolver6  = 144
)

// newOptionSet sorts the entries of one scope object by space, resolves
// encapsulation among them, and drops what later entries replace.
func newOptionSet(version int, entries []*optionEntry) OptionSet {
	spaces := map[string][]*optionEntry{}
	for _, e := range entries {
		spaces[e.space] = append(spaces[e.space], e)
	}
	for name, list := range spaces {
		spaces[name] = effective(list, version)
	}
	var s OptionSet
	for name, list := range spaces {
		enterprise, isVendor := vendorSpace(name)
		if !isVendor && name != standardSpace(version) {
			continue // reached through the options that encapsulate it
		}
		for _, e := range list {
			o := e.Option
			e.encapsulate(&o, spaces, version)
			if isVendor {
				o.Enterprise = enterprise
				s.vendor = append(s.vendor, o)
				continue
			}
			s.options = append(s.options, o)
			if o.AlwaysSend {
				s.always = append(s.always, o.Code)
			}
			if o.NeverSend {
				s.never = append(s.never, o.Code)
			}
		}
	}
	slices.SortStableFunc(s.options, func(a, b Option) int { return cmp.Compare(a.Code, b.Code) })
	slices.SortStableFunc(s.vendor, func(a, b Option) int {
		return cmp.Or(cmp.Compare(a.Enterprise, b.Enterprise), cmp.Compare(a.Code, b.Code))
	})
	slices.Sort(s.always)
	slices.Sort(s.never)
	s.always, s.never = slices.Compact(s.always), slices.Compact(s.never)
	return s
}

// effective puts the entries of one space into the order to try them: tagged
// ones as written, then per code the last of those without tags.
func effective(list []*optionEntry, version int) []*optionEntry {
	var out []*optionEntry
	type key struct {
		code       uint16
		enterprise uint32
	}
	last := map[key]int{}
	var plain []*optionEntry
	for _, e := range list {
		k := key{e.Code, e.Enterprise}
		i, seen := last[k]
		switch {
		case len(e.Classes) > 0:
			out = append(out, e)
		case e.space == "v6-ntp-server-suboptions":
			plain = append(plain, e)
		case seen && version == 6 && e.space == "dhcp6" && e.Code == codeResolver6 && !e.NeverSend:
			plain[i].More = append(plain[i].More, e.Data)
			plain[i].AlwaysSend = plain[i].AlwaysSend || e.AlwaysSend
		case seen:
			plain[i] = e
		default:
			last[k] = len(plain)
			plain = append(plain, e)
		}
	}
	return append(out, plain...)
}

// maxOptionLen is what the length field of a v6 option can say.
const maxOptionLen = 65535

// encapsulate appends the sub-options that the same scope object configures in
// the space of e's definition.
func (e *optionEntry) encapsulate(o *Option, spaces map[string][]*optionEntry, version int) {
	if carriesEnterprise(version, e.Code) && e.space == standardSpace(version) {
		return // the server picks from the vendor space per query
	}
	space := e.def.subSpace()
	if version == 6 && e.space == "dhcp6" && e.Code == codeNTPServer6 && len(e.Data) == 0 {
		// RFC 5908 §4: an instance has exactly one sub-option.
		for i, c := range spaces[space] {
			data := appendSubOptions(nil, []*optionEntry{c}, spaces, version, []string{space})
			if i == 0 {
				o.Data = data
			} else {
				o.More = append(o.More, data)
			}
		}
		return
	}
	if len(spaces[space]) > 0 {
		o.Data = appendSubOptions(slices.Clone(e.Data), spaces[space], spaces, version, []string{space})
	}
}

// subSpace returns the space whose options follow the own fields; "" if none.
// The main space does not: those containers are leasequery's.
func (d *OptionDef) subSpace() string {
	if d == nil || d.Encapsulate == standardSpace(d.version) {
		return ""
	}
	return d.Encapsulate
}

// appendSubOptions writes options with headers, by ascending code. path are
// the spaces they stand in: spaces may form a ring, which ends there.
func appendSubOptions(out []byte, list []*optionEntry, spaces map[string][]*optionEntry, version int, path []string) []byte {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *optionEntry) int { return cmp.Compare(a.Code, b.Code) })
	for _, e := range list {
		data := e.Data
		if space := e.def.subSpace(); space != "" && !slices.Contains(path, space) {
			data = appendSubOptions(slices.Clone(data), spaces[space], spaces, version, append(path, space))
		}
		if out = appendOption(out, e.Code, data, version); len(out) > maxOptionLen {
			break
		}
	}
	return out
}

// appendOption writes one option with its header. RFC 3396: v4 values beyond
// 255 octets become several options of the same code.
func appendOption(out []byte, code uint16, data []byte, version int) []byte {
	if version == 6 {
		data = data[:min(len(data), maxOptionLen)]
		out = binary.BigEndian.AppendUint16(out, code)
		out = binary.BigEndian.AppendUint16(out, uint16(len(data)))
		return append(out, data...)
	}
	for {
		n := min(len(data), 255)
		out = append(append(out, byte(code), byte(n)), data[:n]...)
		if data = data[n:]; len(data) == 0 {
			return out
		}
	}
}
