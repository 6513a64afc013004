package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits of a text. Kea: nesting of values and of includes; the size is ours.
const (
	maxDepth    = 100
	maxIncludes = 10
	maxText     = 256 << 20 // bytes, included files too
)

// ParseValue reads one JSON value in Kea's dialect: comments and, with a
// warning, trailing commas; includes only if includes is true. Nesting, size
// and duplicate keys are checked. Used for files and for commands.
func ParseValue(name string, text []byte, includes bool) (*Value, Problems, error) {
	p := &jsonParser{includes: includes}
	if len(text) > maxText {
		return nil, nil, Problems{{Code: "json-size", Pos: Pos{File: name}, What: fmt.Sprintf("more than %d bytes", maxText), Syntax: true}}
	}
	p.open(name, text)
	v := p.value(0)
	if v != nil && p.next() != tokEnd {
		p.unexpected("the end of the text")
	}
	if bad := p.problems.errors(); len(bad) > 0 {
		return nil, p.problems.warnings(), bad
	}
	return v, p.problems.warnings(), nil
}

type token uint8

const (
	tokEnd token = iota
	tokError
	tokOpenMap
	tokCloseMap
	tokOpenList
	tokCloseList
	tokColon
	tokComma
	tokString
	tokInt
	tokReal
	tokTrue
	tokFalse
	tokNull
)

var tokenNames = [...]string{"end of text", "error", "{", "}", "[", "]", ":", ",", "string", "integer", "floating point", "true", "false", "null"}

// source is one text being read; includes stack them.
type source struct {
	name      string
	text      []byte
	off, line int
	lineStart int
}

type jsonParser struct {
	sources  []source
	includes bool
	size     int
	problems Problems

	// The token that next or peek found.
	peeked    bool
	lastComma Pos
	tok       token
	pos       Pos
	str       string
	num       int64
	real      float64
}

func (p *jsonParser) open(name string, text []byte) {
	p.size += len(text)
	p.sources = append(p.sources, source{name: name, text: text, line: 1})
}

func (p *jsonParser) fail(pos Pos, code, what, cure string) token {
	if p.tok != tokError {
		p.problems = append(p.problems, &Problem{Code: code, Pos: pos, What: what, Cure: cure, Syntax: true})
	}
	p.tok, p.peeked = tokError, true // sticky: nothing follows an error
	return tokError
}

// unexpected reports the current token.
func (p *jsonParser) unexpected(want string) {
	p.fail(p.pos, "json-syntax", fmt.Sprintf("unexpected %s, expecting %s", tokenNames[p.tok], want), "")
}

// value reads a value; nil means that a problem was reported.
func (p *jsonParser) value(depth int) *Value {
	tok := p.next()
	v := &Value{Pos: p.pos}
	if depth > maxDepth {
		p.fail(p.pos, "json-depth", fmt.Sprintf("more than %d maps and lists inside each other", maxDepth), "flatten the text")
		return nil
	}
	switch tok {
	case tokOpenMap:
		v.Kind = Map
		if !p.members(v, depth) {
			return nil
		}
	case tokOpenList:
		v.Kind = List
		if !p.elements(v, depth) {
			return nil
		}
	case tokString:
		v.Kind, v.Str = String, p.str
	case tokInt:
		v.Kind, v.Int = Int, p.num
	case tokReal:
		v.Kind, v.Real = Real, p.real
	case tokTrue, tokFalse:
		v.Kind, v.Bool = Bool, tok == tokTrue
	case tokNull:
		v.Kind = Null
	default:
		p.unexpected("a value")
		return nil
	}
	return v
}

func (p *jsonParser) elements(v *Value, depth int) bool {
	v.List = []*Value{}
	for {
		if p.peek() == tokCloseList {
			if len(v.List) > 0 {
				p.extraComma()
			}
			p.next()
			return true
		}
		e := p.value(depth + 1)
		if e == nil {
			return false
		}
		v.List = append(v.List, e)
		switch p.next() {
		case tokComma:
			p.skipCommas()
		case tokCloseList:
			return true
		default:
			p.unexpected("',' or ']'")
			return false
		}
	}
}

func (p *jsonParser) members(v *Value, depth int) bool {
	v.Members = []Member{}
	seen := keySet{}
	for {
		if p.peek() == tokCloseMap {
			if len(v.Members) > 0 {
				p.extraComma()
			}
			p.next()
			return true
		}
		if p.next() != tokString {
			p.unexpected("a key")
			return false
		}
		m := Member{Key: p.str, Pos: p.pos}
		if p.next() != tokColon {
			p.unexpected("':'")
			return false
		}
		if m.Value = p.value(depth + 1); m.Value == nil {
			return false
		}
		if first, twice := seen.add(v.Members, m); twice {
			p.problems = append(p.problems, &Problem{Code: "json-duplicate", Pos: m.Pos, Syntax: true,
				What: fmt.Sprintf("duplicate %s entries in one map, the first at %s", m.Key, first), Cure: "remove one of the two"})
		} else {
			v.Members = append(v.Members, m)
		}
		switch p.next() {
		case tokComma:
			p.skipCommas()
		case tokCloseMap:
			return true
		default:
			p.unexpected("',' or '}'")
			return false
		}
	}
}

// keySet finds duplicates: by a walk in small maps, by an index in large ones.
type keySet struct{ index map[string]Pos }

func (s *keySet) add(have []Member, m Member) (first Pos, twice bool) {
	if s.index == nil && len(have) < 16 {
		for i := range have {
			if have[i].Key == m.Key {
				return have[i].Pos, true
			}
		}
		return Pos{}, false
	}
	if s.index == nil {
		s.index = make(map[string]Pos, 2*len(have))
		for i := range have {
			s.index[have[i].Key] = have[i].Pos
		}
	}
	if first, twice = s.index[m.Key]; !twice {
		s.index[m.Key] = m.Pos
	}
	return first, twice
}

// skipCommas: Kea takes any number of commas behind an element.
func (p *jsonParser) skipCommas() {
	for p.lastComma = p.pos; p.peek() == tokComma; p.lastComma = p.pos {
		p.next()
		p.extraComma()
	}
}

func (p *jsonParser) extraComma() {
	p.problems = append(p.problems, &Problem{Code: "json-extra-comma", Pos: p.lastComma, Warning: true, Syntax: true,
		What: "extraneous comma", Cure: "remove it: other JSON readers refuse it"})
}

func (p *jsonParser) peek() token {
	p.next()
	p.peeked = true
	return p.tok
}

// next moves to the next token of the innermost source that has one left.
func (p *jsonParser) next() token {
	if p.peeked {
		p.peeked = p.tok == tokError
		return p.tok
	}
	for {
		s := &p.sources[len(p.sources)-1]
		if !p.skipSpace(s) {
			return tokError
		}
		p.pos = Pos{s.name, s.line, s.off - s.lineStart + 1}
		if s.off < len(s.text) {
			break
		}
		if len(p.sources) == 1 {
			p.tok = tokEnd
			return tokEnd
		}
		p.sources = p.sources[:len(p.sources)-1]
	}
	s := &p.sources[len(p.sources)-1]
	switch c := s.text[s.off]; {
	case c == '"':
		return p.scanString(s)
	case c == '<':
		return p.include(s)
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		return p.scanNumber(s)
	case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		return p.scanWord(s)
	default:
		i := strings.IndexByte("{}[]:,", c)
		if i < 0 {
			return p.fail(p.pos, "json-syntax", fmt.Sprintf("invalid character %q", rune(c)), "")
		}
		s.off++
		p.tok = tokOpenMap + token(i)
		return p.tok
	}
}

// skipSpace skips blanks and comments; false means an open comment.
func (p *jsonParser) skipSpace(s *source) bool {
	for s.off < len(s.text) {
		switch c := s.text[s.off]; {
		case c == '\n':
			s.off++
			s.line++
			s.lineStart = s.off
		case c == ' ' || c == '\t' || c == '\r':
			s.off++
		case c == '#', c == '/' && s.has("//"):
			for s.off < len(s.text) && s.text[s.off] != '\n' {
				s.off++
			}
		case c == '/' && s.has("/*"):
			start := Pos{s.name, s.line, s.off - s.lineStart + 1}
			for s.off += 2; !s.has("*/"); s.off++ {
				if s.off >= len(s.text) {
					p.fail(start, "json-syntax", "comment not closed", "end it with */")
					return false
				}
				if s.text[s.off] == '\n' {
					s.line++
					s.lineStart = s.off + 1
				}
			}
			s.off += 2
		default:
			return true
		}
	}
	return true
}

func (s *source) has(prefix string) bool {
	return strings.HasPrefix(string(s.text[s.off:min(s.off+len(prefix), len(s.text))]), prefix)
}

// include reads <?include "file"?> and goes on in that file.
func (p *jsonParser) include(s *source) token {
	line := string(s.text[s.off:])
	if i := strings.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	rest, ok := strings.CutPrefix(line, "<?include")
	name, after, closed := strings.Cut(strings.TrimLeft(rest, " \t"), "?>")
	name = strings.TrimSpace(name)
	if !ok || !closed || len(name) < 2 || name[0] != '"' || name[len(name)-1] != '"' {
		return p.fail(p.pos, "json-syntax", "malformed include", `write <?include "file"?>`)
	}
	name = name[1 : len(name)-1]
	s.off += len(line) - len(after)
	switch {
	case !p.includes:
		return p.fail(p.pos, "json-include", "no file can be included here", "")
	case len(p.sources) > maxIncludes:
		return p.fail(p.pos, "json-include", fmt.Sprintf("more than %d files included by each other", maxIncludes), "")
	}
	text, err := readFile(name)
	if os.IsNotExist(err) && !filepath.IsAbs(name) {
		// Kea looks in the working directory only; a file beside the
		// including one is what the writer means otherwise.
		beside := filepath.Join(filepath.Dir(s.name), name)
		if text, err = readFile(beside); err == nil {
			name = beside
		}
	}
	if err != nil {
		return p.fail(p.pos, "json-include", fmt.Sprintf("can't open include file %s: %v", name, err), "")
	}
	if p.size+len(text) > maxText {
		return p.fail(p.pos, "json-size", fmt.Sprintf("more than %d bytes", maxText), "")
	}
	p.open(name, text)
	return p.next()
}

// readFile reads at most a little more than a text may have.
func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxText+1))
}

func (p *jsonParser) scanWord(s *source) token {
	start := s.off
	for s.off < len(s.text) && (s.text[s.off]|0x20 >= 'a' && s.text[s.off]|0x20 <= 'z') {
		s.off++
	}
	switch word := string(s.text[start:s.off]); word {
	case "true":
		p.tok = tokTrue
	case "false":
		p.tok = tokFalse
	case "null":
		p.tok = tokNull
	default:
		cure := "put text in double quotes"
		if lower := strings.ToLower(word); lower == "true" || lower == "false" || lower == "null" {
			cure = "write it in lower case"
		}
		return p.fail(p.pos, "json-syntax", fmt.Sprintf("unknown word %.40q", word), cure)
	}
	return p.tok
}

// scanNumber: Kea tells integers from reals by the spelling: 10.0 and 1e3 are
// reals. It takes .5 and leading zeros, which JSON does not.
func (p *jsonParser) scanNumber(s *source) token {
	start := s.off
	for s.off < len(s.text) && strings.IndexByte("+-.eE0123456789", s.text[s.off]) >= 0 {
		s.off++
	}
	text := string(s.text[start:s.off])
	if strings.Trim(strings.TrimPrefix(text, "-"), "0123456789") == "" && text != "-" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return p.fail(p.pos, "json-number", fmt.Sprintf("integer %.40s needs more than 64 bits", text), "")
		}
		p.tok, p.num = tokInt, n
		return p.tok
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return p.fail(p.pos, "json-number", fmt.Sprintf("%.40q is no number", text), "")
	}
	p.tok, p.real = tokReal, f
	return p.tok
}

// scanString: an escape \u00hh is the byte hh, as Kea writes every byte beyond
// 0x7e; higher code points are refused as Kea does.
func (p *jsonParser) scanString(s *source) token {
	start := s.off + 1
	i := start
	for i < len(s.text) && s.text[i] != '"' && s.text[i] != '\\' && s.text[i] >= 0x20 {
		i++
	}
	out := s.text[start:i]
	copied := false
	for {
		if i >= len(s.text) || s.text[i] < 0x20 {
			return p.fail(p.at(s, i), "json-string", "control character or end of text in a string", "close it with a double quote")
		}
		c := s.text[i]
		if c == '"' {
			break
		}
		if !copied {
			out, copied = append(make([]byte, 0, len(out)+16), out...), true
		}
		if c != '\\' {
			out = append(out, c)
			i++
			continue
		}
		b, n := unescape(s.text[i:])
		if n == 0 {
			return p.fail(p.at(s, i), "json-string", "bad escape in a string", `admitted: \" \\ \/ \b \f \n \r \t \u00hh`)
		}
		out = append(out, b)
		i += n
	}
	s.off = i + 1
	p.tok, p.str = tokString, string(out)
	return p.tok
}

func (p *jsonParser) at(s *source, off int) Pos { return Pos{s.name, s.line, off - s.lineStart + 1} }

// unescape returns the byte that an escape stands for and the escape's length.
func unescape(text []byte) (b byte, n int) {
	if len(text) < 2 {
		return 0, 0
	}
	if i := strings.IndexByte(`"\/bfnrt`, text[1]); i >= 0 {
		return "\"\\/\b\f\n\r\t"[i], 2
	}
	if text[1] == 'u' && len(text) >= 6 && text[2] == '0' && text[3] == '0' {
		h, err := strconv.ParseUint(string(text[4:6]), 16, 8)
		if err == nil {
			return byte(h), 6
		}
	}
	return 0, 0
}
