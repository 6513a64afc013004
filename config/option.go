package config

// OptionSet is the option-data list of one scope object (global, class,
// network, subnet, pool, host), encoded and indexed. The zero value is empty.
type OptionSet struct {
	options []Option // standard space, by ascending code; equal codes in the order of the text
	vendor  []Option // spaces vendor-N: by enterprise, then code
	always  []uint16 // codes with always-send, ascending
	never   []uint16 // codes with never-send, ascending
}

// Option is one configured option of the standard space or of a vendor space.
type Option struct {
	Code       uint16
	Enterprise uint32 // vendor space: its number; codes 124/125 and 16/17: the enterprise in Data
	Data       []byte // value without header, sub-options of encapsulated spaces appended
	AlwaysSend bool
	NeverSend  bool
	Classes    []ClassID // tags: eligible only for members of one of them; empty = everyone
	Name       string
	Pos        Pos
}

// Lookup returns the entries of a code, in the order of the text.
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

// Vendor returns the sub-options of space vendor-<enterprise>, by ascending code.
func (s *OptionSet) Vendor(enterprise uint32) []Option {
	return span(s.vendor, func(o *Option) int {
		switch {
		case o.Enterprise < enterprise:
			return -1
		case o.Enterprise > enterprise:
			return 1
		}
		return 0
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
