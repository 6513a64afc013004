package ha

import (
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of values from the network.
const maxDepth = 64

var errSyntax = errors.New("not valid JSON")

// scanner reads JSON in one pass, without building a tree: what is asked for
// is taken out, the rest is checked and skipped. After the first mistake every
// call returns its zero value.
type scanner struct {
	b     []byte
	i     int
	depth int
	err   error
}

func (s *scanner) fail() {
	if s.err == nil {
		s.err = errSyntax
	}
	s.i = len(s.b)
}

// peek returns the next byte that is no blank, 0 at the end.
func (s *scanner) peek() byte {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n':
			s.i++
		default:
			return c
		}
	}
	return 0
}

// take skips the byte c if it is next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

// object calls field for every member; field must read the value.
func (s *scanner) object(field func(key []byte)) {
	if !s.open('{') {
		return
	}
	for first := true; s.err == nil && !s.take('}'); first = false {
		if !first && !s.take(',') {
			s.fail()
			return
		}
		if s.peek() != '"' {
			s.fail()
			return
		}
		key := s.text()
		if !s.take(':') {
			s.fail()
			return
		}
		field(key)
	}
	s.depth--
}

// array calls element for every element; element must read it.
func (s *scanner) array(element func()) {
	if !s.open('[') {
		return
	}
	for first := true; s.err == nil && !s.take(']'); first = false {
		if !first && !s.take(',') {
			s.fail()
			return
		}
		element()
	}
	s.depth--
}

func (s *scanner) open(c byte) bool {
	if s.depth >= maxDepth || !s.take(c) {
		s.fail()
		return false
	}
	s.depth++
	return true
}

// text reads a string. The result is part of the input, or a copy where that
// has escapes.
func (s *scanner) text() []byte {
	if !s.take('"') {
		s.fail()
		return nil
	}
	start := s.i
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return s.b[start : s.i-1]
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			s.fail()
			return nil
		}
		s.i++
	}
	s.fail()
	return nil
}

// escaped reads the rest of a string whose first escape is next.
func (s *scanner) escaped(start int) []byte {
	out := append([]byte(nil), s.b[start:s.i]...)
	for s.i < len(s.b) {
		c := s.b[s.i]
		s.i++
		switch {
		case c == '"':
			return out
		case c < ' ':
			s.fail()
			return nil
		case c != '\\':
			out = append(out, c)
			continue
		case s.i >= len(s.b):
			s.fail()
			return nil
		}
		c = s.b[s.i]
		s.i++
		switch c {
		case '"', '\\', '/':
			out = append(out, c)
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			out = utf8.AppendRune(out, s.unit())
		default:
			s.fail()
			return nil
		}
	}
	s.fail()
	return nil
}

// unit reads the digits of \u, and of a second \u that completes a pair.
func (s *scanner) unit() rune {
	r := s.hex4()
	if utf16.IsSurrogate(r) && s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		s.i += 2
		return utf16.DecodeRune(r, s.hex4())
	}
	return r
}

func (s *scanner) hex4() rune {
	if s.i+4 > len(s.b) {
		s.fail()
		return 0
	}
	v, err := strconv.ParseUint(string(s.b[s.i:s.i+4]), 16, 16)
	if err != nil {
		s.fail()
		return 0
	}
	s.i += 4
	return rune(v)
}

// raw skips a value of any kind and returns its text.
func (s *scanner) raw() []byte {
	s.peek()
	start := s.i
	s.skip()
	if s.err != nil {
		return nil
	}
	return s.b[start:s.i]
}

func (s *scanner) skip() {
	switch c := s.peek(); {
	case c == '{':
		s.object(func([]byte) { s.skip() })
	case c == '[':
		s.array(s.skip)
	case c == '"':
		s.text()
	case c == 't':
		s.word("true")
	case c == 'f':
		s.word("false")
	case c == 'n':
		s.word("null")
	default:
		s.number()
	}
}

func (s *scanner) word(w string) {
	if s.i+len(w) > len(s.b) || string(s.b[s.i:s.i+len(w)]) != w {
		s.fail()
		return
	}
	s.i += len(w)
}

// number returns the text of a number.
func (s *scanner) number() []byte {
	s.peek()
	start := s.i
	for s.i < len(s.b) && numeric(s.b[s.i]) {
		s.i++
	}
	t := s.b[start:s.i]
	if len(t) == 0 || t[0] == '+' || t[0] == '.' {
		s.fail()
		return nil
	}
	if _, ok := integer(t); !ok {
		if _, err := strconv.ParseFloat(string(t), 64); err != nil {
			s.fail()
			return nil
		}
	}
	return t
}

func numeric(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// value kinds, as told by the first byte.
func (s *scanner) isText() bool   { return s.peek() == '"' }
func (s *scanner) isObject() bool { return s.peek() == '{' }
func (s *scanner) isArray() bool  { return s.peek() == '[' }

// integer reads an integer; ok is false, and the value skipped, for anything
// else.
func (s *scanner) integer() (v int64, ok bool) {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		s.skip()
		return 0, false
	}
	return integer(s.number())
}

// unsigned is integer for 64 bits without sign.
func (s *scanner) unsigned() (uint64, bool) {
	if c := s.peek(); c < '0' || c > '9' {
		s.skip()
		return 0, false
	}
	t := s.number()
	v, err := strconv.ParseUint(string(t), 10, 64)
	return v, err == nil
}

// boolean reads true or false.
func (s *scanner) boolean() (v, ok bool) {
	c := s.peek()
	s.skip()
	return c == 't', (c == 't' || c == 'f') && s.err == nil
}

// string reads a string; ok is false, and the value skipped, for anything else.
func (s *scanner) string() (v []byte, ok bool) {
	if !s.isText() {
		s.skip()
		return nil, false
	}
	v = s.text()
	return v, s.err == nil
}

// end says whether nothing but blanks is left.
func (s *scanner) end() bool { return s.err == nil && s.peek() == 0 && s.i == len(s.b) }

func integer(t []byte) (v int64, ok bool) {
	neg := len(t) > 0 && t[0] == '-'
	if neg {
		t = t[1:]
	}
	if len(t) == 0 || len(t) > 18 {
		return 0, false
	}
	for _, c := range t {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	if neg {
		v = -v
	}
	return v, true
}
