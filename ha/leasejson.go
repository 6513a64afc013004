package ha

import (
	"errors"
	"net/netip"
	"strconv"
	"unicode/utf8"

	"leasehold/lease"
)

// form is the use that a lease is written for.
type form uint8

const (
	updateForm form = iota // expire, force-create and origin (v4)
	deleteForm             // expire
	storedForm             // cltt, as in pages
)

// appendLease writes a lease as Kea does, members in alphabetical order;
// extra is written first, for our own commands.
func appendLease(dst []byte, l *lease.Lease, use form, extra string) []byte {
	dst = append(append(dst, "{ "...), extra...)
	if l.Addr.Is4() {
		return appendLease4(dst, l, use)
	}
	return appendLease6(dst, l, use)
}

func appendLease4(dst []byte, l *lease.Lease, use form) []byte {
	if len(l.ClientID) > 0 {
		dst = append(dst, `"client-id": `...)
		dst = append(appendHex(dst, l.ClientID), ", "...)
	}
	dst = appendTimes(dst, l, use)
	if use == updateForm {
		dst = append(dst, `"force-create": true, `...)
	}
	dst = appendNames(dst, l)
	dst = append(dst, `"hw-address": `...)
	dst = appendHex(dst, l.HWAddr)
	dst = append(dst, `, "ip-address": "`...)
	dst = l.Addr.AppendTo(dst)
	dst = append(dst, '"')
	if use == updateForm {
		dst = append(dst, `, "origin": "ha-partner"`...)
	}
	dst = appendNumber(dst, `, "pool-id": `, l.PoolID)
	dst = append(dst, `, "state": `...)
	dst = strconv.AppendUint(dst, uint64(l.State), 10)
	dst = append(dst, `, "subnet-id": `...)
	dst = strconv.AppendUint(dst, uint64(l.SubnetID), 10)
	dst = appendContext(dst, l)
	dst = append(dst, `, "valid-lft": `...)
	dst = strconv.AppendUint(dst, uint64(l.Valid), 10)
	return append(dst, " }"...)
}

func appendLease6(dst []byte, l *lease.Lease, use form) []byte {
	if use == storedForm {
		dst = appendTimes(dst, l, use)
	}
	dst = append(dst, `"duid": `...)
	if len(l.ClientID) == 0 || l.ClientID == "\x00" {
		// Declined; "00" is Kea 2.2's. From 2.4 on it wants three bytes at least.
		dst = append(dst, `"00:00:00"`...)
	} else {
		dst = appendHex(dst, l.ClientID)
	}
	dst = append(dst, ", "...)
	if use != storedForm {
		dst = appendTimes(dst, l, use)
	}
	dst = appendNames(dst, l)
	if len(l.HWAddr) > 0 {
		dst = append(dst, `"hw-address": `...)
		dst = append(appendHex(dst, l.HWAddr), ", "...)
	}
	dst = append(dst, `"iaid": `...)
	dst = strconv.AppendUint(dst, uint64(l.IAID), 10)
	dst = append(dst, `, "ip-address": "`...)
	dst = append(l.Addr.AppendTo(dst), '"')
	dst = appendNumber(dst, `, "pool-id": `, l.PoolID)
	dst = append(dst, `, "preferred-lft": `...)
	dst = strconv.AppendUint(dst, uint64(l.Preferred), 10)
	if l.Type == lease.PD {
		dst = appendNumber(dst, `, "prefix-len": `, uint32(l.PrefixLen))
	}
	dst = append(dst, `, "state": `...)
	dst = strconv.AppendUint(dst, uint64(l.State), 10)
	dst = append(dst, `, "subnet-id": `...)
	dst = strconv.AppendUint(dst, uint64(l.SubnetID), 10)
	dst = append(dst, `, "type": "`...)
	dst = append(dst, typeName(l.Type)...)
	dst = append(dst, '"')
	dst = appendContext(dst, l)
	dst = append(dst, `, "valid-lft": `...)
	dst = strconv.AppendUint(dst, uint64(l.Valid), 10)
	return append(dst, " }"...)
}

func typeName(t lease.Type) string {
	switch t {
	case lease.PD:
		return "IA_PD"
	case lease.TA:
		return "IA_TA"
	}
	return "IA_NA"
}

func appendTimes(dst []byte, l *lease.Lease, use form) []byte {
	if use == storedForm {
		dst = append(dst, `"cltt": `...)
		return append(strconv.AppendInt(dst, l.CLTT, 10), ", "...)
	}
	dst = append(dst, `"expire": `...)
	return append(strconv.AppendInt(dst, l.Expires(), 10), ", "...)
}

func appendNames(dst []byte, l *lease.Lease) []byte {
	dst = append(dst, `"fqdn-fwd": `...)
	dst = strconv.AppendBool(dst, l.FQDNFwd)
	dst = append(dst, `, "fqdn-rev": `...)
	dst = strconv.AppendBool(dst, l.FQDNRev)
	dst = append(dst, `, "hostname": `...)
	return append(appendString(dst, l.Hostname), ", "...)
}

func appendContext(dst []byte, l *lease.Lease) []byte {
	if l.UserContext == "" {
		return dst
	}
	dst = append(dst, `, "user-context": `...)
	return append(dst, l.UserContext...)
}

// appendNumber writes a member unless its value is 0.
func appendNumber(dst []byte, name string, v uint32) []byte {
	if v == 0 {
		return dst
	}
	return strconv.AppendUint(append(dst, name...), uint64(v), 10)
}

const hexDigits = "0123456789abcdef"

// appendHex writes bytes as "01:02:ff".
func appendHex(dst []byte, b string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(b); i++ {
		if i > 0 {
			dst = append(dst, ':')
		}
		dst = append(dst, hexDigits[b[i]>>4], hexDigits[b[i]&15])
	}
	return append(dst, '"')
}

// appendString writes a JSON string; bytes that are no UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ' || c == 0x7f:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
			continue
		}
		i++
	}
	return append(dst, '"')
}

var errLease = errors.New("lease is incomplete or out of range")

// leaseMembers are what was seen of a lease while reading it.
type leaseMembers struct {
	addr, hw, id, cltt, expire, valid, state, subnet, iaid, hostname, fwd, rev bool
	expires                                                                    int64
	bad                                                                        bool
}

// readLease reads a lease of our family in stored form, or in the forms of
// updates. The address is filled in whenever it could be read, even where the
// lease is refused.
func (s *scanner) readLease(family int) (c lease.Change, err error) {
	var seen leaseMembers
	l := &c.Lease
	if !s.isObject() {
		s.skip()
		return c, errLease
	}
	s.object(func(key []byte) { s.leaseMember(&c, &seen, key) })
	if s.err != nil {
		return c, s.err
	}
	if family == 6 && l.Type != lease.PD {
		l.PrefixLen = 128
	}
	if seen.expire && !seen.cltt && seen.valid {
		l.CLTT, seen.cltt = seen.expires-int64(l.Valid), true
	}
	switch {
	case seen.bad, !seen.addr, l.Addr.Is4() != (family == 4), !seen.cltt, l.CLTT <= 0,
		!seen.valid, !seen.fwd, !seen.rev, !seen.hostname, !seen.state, l.State > lease.Registered,
		!seen.subnet || l.SubnetID == 0:
		return c, errLease
	case family == 4 && !seen.hw, family == 6 && (!seen.id || !seen.iaid):
		return c, errLease
	case l.Type == lease.PD && (l.PrefixLen == 0 || l.PrefixLen > 128):
		return c, errLease
	}
	return c, nil
}

func (s *scanner) leaseMember(c *lease.Change, seen *leaseMembers, key []byte) {
	l := &c.Lease
	ok := true
	switch string(key) {
	case "ip-address":
		var t []byte
		if t, ok = s.string(); ok {
			var err error
			l.Addr, err = netip.ParseAddr(string(t))
			ok = err == nil && l.Addr.Zone() == "" && !l.Addr.Is4In6()
			seen.addr = ok
			if !ok {
				l.Addr = netip.Addr{}
			}
		}
	case "hw-address":
		l.HWAddr, ok = s.hex()
		seen.hw = ok
	case "client-id", "duid":
		l.ClientID, ok = s.hex()
		seen.id = ok
	case "hostname":
		var t []byte
		t, ok = s.string()
		l.Hostname, seen.hostname = lower(t), ok
	case "fqdn-fwd":
		l.FQDNFwd, ok = s.boolean()
		seen.fwd = ok
	case "fqdn-rev":
		l.FQDNRev, ok = s.boolean()
		seen.rev = ok
	case "cltt":
		l.CLTT, ok = s.integer()
		seen.cltt = ok
	case "expire":
		seen.expires, ok = s.integer()
		seen.expire = ok
	case "valid-lft":
		l.Valid, ok = s.uint32()
		seen.valid = ok
	case "preferred-lft":
		l.Preferred, ok = s.uint32()
	case "iaid":
		l.IAID, ok = s.uint32()
		seen.iaid = ok
	case "subnet-id":
		l.SubnetID, ok = s.uint32()
		seen.subnet = ok
	case "pool-id":
		l.PoolID, ok = s.uint32()
	case "state":
		var v uint32
		v, ok = s.uint32()
		l.State, seen.state = lease.State(min(v, 255)), ok
	case "prefix-len":
		var v uint32
		v, ok = s.uint32()
		l.PrefixLen = uint8(min(v, 255))
	case "type":
		var t []byte
		t, ok = s.string()
		switch string(t) {
		case "IA_NA":
		case "IA_TA":
			l.Type = lease.TA
		case "IA_PD":
			l.Type = lease.PD
		default:
			ok = false
		}
	case "user-context":
		ok = s.isObject()
		l.UserContext = string(s.raw())
	case "delete":
		c.Delete, ok = s.boolean()
	default:
		s.skip()
	}
	seen.bad = seen.bad || !ok
}

func (s *scanner) uint32() (uint32, bool) {
	v, ok := s.integer()
	return uint32(v), ok && v >= 0 && v <= 1<<32-1
}

// hex reads "01:02:ff", "0102ff" or "".
func (s *scanner) hex() (string, bool) {
	t, ok := s.string()
	if !ok {
		return "", false
	}
	out := make([]byte, 0, len(t)/2+1)
	digits, v := 0, byte(0)
	for i := 0; i <= len(t); i++ {
		if i == len(t) || t[i] == ':' {
			if digits == 1 {
				out = append(out, v)
			} else if digits%2 == 1 {
				return "", false
			}
			digits = 0
			continue
		}
		d, ok := digit(t[i])
		if !ok {
			return "", false
		}
		if digits%2 == 0 {
			v = d
		} else {
			out = append(out, v<<4|d)
		}
		digits++
	}
	return string(out), true
}

func digit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// lower returns a name in lower case; names are ASCII.
func lower(t []byte) string {
	out := make([]byte, len(t))
	for i, c := range t {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return string(out)
}
