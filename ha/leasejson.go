package ha

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"unicode/utf8"

	"leasehold/lease"
)

// appendChange writes a change as pages do leases, with a mark where it is a
// deletion.
func appendChange(dst []byte, c *lease.Change) []byte {
	at := len(dst) + len("{ ")
	dst = lease.AppendJSON(dst, &c.Lease, family(c.Lease.Addr))
	if c.Delete {
		dst = slices.Insert(dst, at, []byte(`"delete": true, `)...)
	}
	return dst
}

func family(a netip.Addr) int {
	if a.Is4() {
		return 4
	}
	return 6
}

const hexDigits = "0123456789abcdef"

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

var errLease = errors.New("lease is not a map")

// readChange reads what appendChange writes. The address is filled in whenever
// it could be read, even where the lease is refused: it is the place at which
// to go on.
func (s *scanner) readChange(family int) (c lease.Change, err error) {
	if !s.isObject() {
		s.skip()
		return c, errLease
	}
	if c, ok := s.cutChange(family); ok {
		return c, nil
	}
	text := s.raw()
	if s.err != nil {
		return c, s.err
	}
	in := scanner{b: text}
	in.object(func(key []byte) {
		switch string(key) {
		case "ip-address":
			t, _ := in.string()
			c.Lease.Addr, _ = netip.ParseAddr(string(t))
		case "delete":
			c.Delete, _ = in.boolean()
		default:
			in.skip()
		}
	})
	l, err := lease.FromJSON(text, family)
	if err != nil {
		return c, err
	}
	c.Lease = l
	return c, nil
}

// cutChange reads a change that is exactly as appendChange writes it.
func (s *scanner) cutChange(family int) (c lease.Change, ok bool) {
	text := s.b[s.i+1:]
	text, c.Delete = bytes.CutPrefix(text, []byte(` "delete": true,`))
	if c.Lease, text, ok = lease.CutJSON(text, family); ok {
		s.i = len(s.b) - len(text)
	}
	return c, ok
}

func (s *scanner) uint32() (uint32, bool) {
	v, ok := s.integer()
	return uint32(v), ok && v >= 0 && v <= 1<<32-1
}
