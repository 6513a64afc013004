package lease

import (
	"errors"
	"slices"
	"strconv"
	"unicode/utf8"
)

// JSON as Kea reads and writes it: a string is bytes, what is not ASCII is
// written as \u00HH for each byte, and maps are written with sorted keys and a
// blank after braces and commas. That is why encoding/json does not serve.

var errJSON = errors.New("not valid JSON")

const maxDepth = 100

// A scanner walks over JSON text.
type scanner struct {
	b []byte
	p int
}

func (s *scanner) blank() {
	for s.p < len(s.b) && (s.b[s.p] == ' ' || s.b[s.p] == '\t' || s.b[s.p] == '\n' || s.b[s.p] == '\r') {
		s.p++
	}
}

// take skips blanks and c, if that comes next.
func (s *scanner) take(c byte) bool {
	s.blank()
	if s.p < len(s.b) && s.b[s.p] == c {
		s.p++
		return true
	}
	return false
}

// value returns the text of the next value.
func (s *scanner) value(depth int) ([]byte, error) {
	s.blank()
	start := s.p
	if s.p == len(s.b) || depth > maxDepth {
		return nil, errJSON
	}
	var err error
	switch c := s.b[s.p]; {
	case c == '"':
		err = s.skipString()
	case c == '{':
		err = s.members(depth, func(string, []byte) error { return nil })
	case c == '[':
		err = s.elements(depth, func([]byte) error { return nil })
	case c == '-' || '0' <= c && c <= '9':
		for s.p < len(s.b) && isNumberByte(s.b[s.p]) {
			s.p++
		}
		if _, err = strconv.ParseFloat(view(s.b[start:s.p]), 64); errors.Is(err, strconv.ErrRange) {
			err = nil
		}
	default:
		for s.p < len(s.b) && 'a' <= s.b[s.p] && s.b[s.p] <= 'z' {
			s.p++
		}
		if w := string(s.b[start:s.p]); w != "true" && w != "false" && w != "null" {
			err = errJSON
		}
	}
	if err != nil {
		return nil, errJSON
	}
	return s.b[start:s.p], nil
}

func isNumberByte(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func (s *scanner) skipString() error {
	for s.p++; s.p < len(s.b); s.p++ {
		switch c := s.b[s.p]; {
		case c == '"':
			s.p++
			return nil
		case c < 0x20:
			return errJSON
		case c == '\\':
			s.p++
		}
	}
	return errJSON
}

// members calls fn for each member of a map.
func (s *scanner) members(depth int, fn func(key string, value []byte) error) error {
	if !s.take('{') {
		return errJSON
	}
	if s.take('}') {
		return nil
	}
	for {
		s.blank()
		raw, err := s.value(depth + 1)
		if err != nil || raw[0] != '"' {
			return errJSON
		}
		key, err := jsonString(raw)
		if err != nil || !s.take(':') {
			return errJSON
		}
		v, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		if err := fn(key, v); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return errJSON
		}
	}
}

func (s *scanner) elements(depth int, fn func(value []byte) error) error {
	if !s.take('[') {
		return errJSON
	}
	if s.take(']') {
		return nil
	}
	for {
		v, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		if err := fn(v); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return errJSON
		}
	}
}

func (s *scanner) end() bool {
	s.blank()
	return s.p == len(s.b)
}

// jsonString returns the bytes of a string that is quoted in raw.
func jsonString(raw []byte) (string, error) {
	raw = raw[1 : len(raw)-1]
	plain := true
	for _, c := range raw {
		plain = plain && c != '\\'
	}
	if plain {
		return string(raw), nil
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			b = append(b, raw[i])
			continue
		}
		i++
		switch c := raw[i]; c {
		case '"', '\\', '/':
			b = append(b, c)
		case 'b':
			b = append(b, '\b')
		case 'f':
			b = append(b, '\f')
		case 'n':
			b = append(b, '\n')
		case 'r':
			b = append(b, '\r')
		case 't':
			b = append(b, '\t')
		case 'u':
			if i+4 >= len(raw) {
				return "", errJSON
			}
			r := rune(0)
			for _, c := range raw[i+1 : i+5] {
				d := unhex[c]
				if d == notHex {
					return "", errJSON
				}
				r = r<<4 | rune(d)
			}
			i += 4
			if r <= 0xff {
				b = append(b, byte(r))
			} else {
				b = utf8.AppendRune(b, r)
			}
		default:
			return "", errJSON
		}
	}
	return string(b), nil
}

// appendJSONString quotes a string as Kea does.
func appendJSONString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20 || c > 0x7e:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// appendValue writes a JSON value in Kea's layout.
func appendValue(dst, raw []byte) ([]byte, error) {
	s := scanner{b: raw}
	switch raw[0] {
	case '{':
		type member struct {
			key   string
			value []byte
		}
		var ms []member
		if err := s.members(0, func(k string, v []byte) error {
			ms = append(ms, member{k, v})
			return nil
		}); err != nil {
			return dst, err
		}
		slices.SortStableFunc(ms, func(a, b member) int {
			if a.key < b.key {
				return -1
			} else if a.key > b.key {
				return 1
			}
			return 0
		})
		dst = append(dst, "{ "...)
		first := true
		for i, m := range ms {
			if i+1 < len(ms) && ms[i+1].key == m.key {
				continue // the last one counts
			}
			if !first {
				dst = append(dst, ", "...)
			}
			first = false
			dst = append(appendJSONString(dst, m.key), ": "...)
			var err error
			if dst, err = appendValue(dst, m.value); err != nil {
				return dst, err
			}
		}
		return append(dst, " }"...), nil
	case '[':
		dst = append(dst, "[ "...)
		first := true
		err := s.elements(0, func(v []byte) error {
			if !first {
				dst = append(dst, ", "...)
			}
			first = false
			var err error
			dst, err = appendValue(dst, v)
			return err
		})
		return append(dst, " ]"...), err
	case '"':
		str, err := jsonString(raw)
		return appendJSONString(dst, str), err
	}
	return append(dst, raw...), nil
}
