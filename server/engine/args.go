package engine

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/lease"
)

// The functions here read one member of a command's arguments. Their errors
// have Kea's texts, which clients compare.

// at is where a value stands, as Kea's texts show it.
func at(v *config.Value) string { return fmt.Sprintf("(%s)", v.Pos) }

// member returns a mandatory member of a kind.
func member(args *config.Value, name string, k config.Kind) (*config.Value, error) {
	v := args.Get(name)
	if v == nil {
		return nil, fmt.Errorf("missing parameter '%s' %s", name, at(args))
	}
	if v.Kind != k {
		return nil, fmt.Errorf("invalid type specified for parameter '%s' %s", name, at(v))
	}
	return v, nil
}

func stringArg(args *config.Value, name string) (string, error) {
	v, err := member(args, name, config.String)
	if err != nil {
		return "", err
	}
	return v.Str, nil
}

// optionalString is stringArg for a member that may be absent.
func optionalString(args *config.Value, name string) (string, error) {
	if args.Get(name) == nil {
		return "", nil
	}
	return stringArg(args, name)
}

func optionalBool(args *config.Value, name string) (bool, error) {
	if args.Get(name) == nil {
		return false, nil
	}
	v, err := member(args, name, config.Bool)
	if err != nil {
		return false, err
	}
	return v.Bool, nil
}

// uintArg returns a mandatory number of at most the given size.
func uintArg(args *config.Value, name string, most int64) (int64, error) {
	v, err := member(args, name, config.Int)
	if err != nil {
		return 0, err
	}
	if v.Int < 0 || v.Int > most {
		return 0, fmt.Errorf("out of range value (%d) specified for parameter '%s' %s", v.Int, name, at(v))
	}
	return v.Int, nil
}

// optionalUint32 says whether the member is there.
func optionalUint32(args *config.Value, name string) (n uint32, given bool, err error) {
	if args.Get(name) == nil {
		return 0, false, nil
	}
	x, err := uintArg(args, name, math.MaxUint32)
	return uint32(x), true, err
}

// addrArg returns a mandatory address of either family.
func addrArg(args *config.Value, name string) (netip.Addr, error) {
	v, err := member(args, name, config.String)
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := parseAddr(v.Str)
	if err != nil {
		return a, fmt.Errorf("Failed to convert '%s' to address: %w%s", v.Str, err, at(v))
	}
	return a, nil
}

func parseAddr(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("Failed to convert string to address '%s': Invalid argument", s)
	}
	return a, nil
}

// family is the version of an address.
func family(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

const hexChars = "0123456789abcdefABCDEF"

// separatedHex decodes octets of one or two digits with a separator between.
func separatedHex(s, sep string) ([]byte, error) {
	if s == "" {
		return nil, nil
	}
	var out []byte
	for _, octet := range strings.Split(s, sep) {
		switch {
		case octet == "":
			return nil, fmt.Errorf("two consecutive separators ('%s') specified in a decoded string '%s'", sep, s)
		case len(octet) > 2:
			return nil, fmt.Errorf("invalid format of the decoded string '%s'", s)
		}
		n := byte(0)
		for _, c := range []byte(octet) {
			i := strings.IndexByte(hexChars, c)
			if i < 0 {
				return nil, fmt.Errorf("'%c' is not a valid hexadecimal digit in decoded string '%s'", c, s)
			}
			if i > 15 {
				i -= 6
			}
			n = n<<4 | byte(i)
		}
		out = append(out, n)
	}
	return out, nil
}

// formattedHex decodes an identifier: octets with colons or blanks between, or
// bare digits, with or without 0x.
func formattedHex(s string) ([]byte, error) {
	for _, sep := range []string{":", " "} {
		if strings.Contains(s, sep) {
			return separatedHex(s, sep)
		}
	}
	digits := strings.TrimPrefix(s, "0x")
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	out := make([]byte, 0, len(digits)/2)
	for i := 0; i < len(digits); i += 2 {
		b, err := separatedHex(digits[i:i+2], ":")
		if err != nil {
			return nil, fmt.Errorf("'%s' is not a valid string of hexadecimal digits", s)
		}
		out = append(out, b...)
	}
	return out, nil
}

// maxHWAddr is the longest hardware address that Kea knows.
const maxHWAddr = 20

func parseHWAddr(s string) ([]byte, error) {
	b, err := separatedHex(s, ":")
	if err == nil && len(b) > maxHWAddr {
		err = errors.New("address vector size exceeds MAX_HWADDR_LEN")
	}
	return b, err
}

// identifierBounds are the lengths of client identifiers and DUIDs.
var identifierBounds = map[int][2]int{4: {2, 255}, 6: {3, 130}}

// parseIdentifier reads a client identifier (4) or DUID (6).
func parseIdentifier(s string, version int) ([]byte, error) {
	b, err := formattedHex(s)
	if err != nil {
		return nil, err
	}
	bounds := identifierBounds[version]
	switch {
	case len(b) < bounds[0]:
		return nil, fmt.Errorf("identifier is too short (%d), at least %d is required", len(b), bounds[0])
	case len(b) > bounds[1]:
		return nil, fmt.Errorf("identifier is too large (%d), at most %d is required", len(b), bounds[1])
	}
	return b, nil
}

// sorted returns v with the members of all maps in the order of their names,
// as Kea prints them.
func sorted(v *config.Value) *config.Value {
	c := *v
	c.List, c.Members = slices.Clone(v.List), slices.Clone(v.Members)
	for i, x := range c.List {
		c.List[i] = sorted(x)
	}
	for i := range c.Members {
		c.Members[i].Value = sorted(c.Members[i].Value)
	}
	slices.SortFunc(c.Members, func(a, b config.Member) int { return strings.Compare(a.Key, b.Key) })
	return &c
}

// leaseType reads the type of a v6 lease.
func leaseType(s string) (lease.Type, bool) {
	switch s {
	case "IA_NA":
		return lease.NA, true
	case "IA_PD":
		return lease.PD, true
	}
	return 0, false
}
