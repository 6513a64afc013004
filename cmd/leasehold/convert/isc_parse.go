package convert

import (
	"fmt"
	"strings"
)

// word is a token of dhcpd.conf.
type word struct {
	text   string
	quoted bool
	line   int
}

// statement is one statement with the block behind it, if there is one.
type statement struct {
	file   string
	line   int
	words  []word
	block  []*statement
	braces bool // there is a block, maybe an empty one
}

// at returns the text of a word; "" if there are not so many.
func (s *statement) at(i int) string {
	if i < len(s.words) {
		return s.words[i].text
	}
	return ""
}

// is says whether the statement begins with these words.
func (s *statement) is(words ...string) bool {
	for i, w := range words {
		if i >= len(s.words) || s.words[i].quoted || !strings.EqualFold(s.words[i].text, w) {
			return false
		}
	}
	return true
}

// text is the statement as it stands in the file, without its block.
func (s *statement) text() string {
	var b strings.Builder
	for i, w := range s.words {
		if i > 0 && w.text != "," {
			b.WriteByte(' ')
		}
		if w.quoted {
			fmt.Fprintf(&b, "%q", w.text)
		} else {
			b.WriteString(w.text)
		}
	}
	return b.String()
}

// iscParser reads dhcpd.conf.
type iscParser struct {
	file  string
	words []word
	pos   int
}

// parseISC reads a file into statements.
func parseISC(file string, text []byte) ([]*statement, error) {
	words, err := lexISC(file, string(text))
	if err != nil {
		return nil, err
	}
	p := &iscParser{file: file, words: words}
	list, err := p.statements(0)
	if err == nil && p.pos < len(p.words) {
		err = fmt.Errorf("%s:%d: unexpected }", file, p.words[p.pos].line)
	}
	return list, err
}

// deepest bounds how blocks nest.
const deepest = 100

func (p *iscParser) statements(depth int) (list []*statement, err error) {
	if depth > deepest {
		return nil, fmt.Errorf("%s: blocks are nested too deep", p.file)
	}
	for p.pos < len(p.words) && p.words[p.pos].text != "}" {
		s := &statement{file: p.file, line: p.words[p.pos].line}
		for ended := false; !ended; {
			if p.pos == len(p.words) {
				return nil, fmt.Errorf("%s:%d: the statement does not end", p.file, s.line)
			}
			w := p.words[p.pos]
			switch {
			case w.quoted || !strings.Contains(";{}", w.text):
				s.words = append(s.words, w)
				p.pos++
			case w.text == "}" && len(s.words) > 0:
				return nil, fmt.Errorf("%s:%d: ; is missing before }", p.file, w.line)
			case w.text == "{" && s.is("option"):
				p.record(s) // the types of a record
			case w.text == "{":
				p.pos++
				s.braces = true
				if s.block, err = p.statements(depth + 1); err != nil {
					return nil, err
				}
				if p.pos == len(p.words) {
					return nil, fmt.Errorf("%s:%d: } is missing", p.file, s.line)
				}
				p.pos++
				ended = true
			default:
				p.pos++
				ended = true
			}
		}
		if len(s.words) > 0 || s.braces {
			list = append(list, s)
		}
	}
	return list, nil
}

// record takes braces as words.
func (p *iscParser) record(s *statement) {
	for p.pos < len(p.words) {
		w := p.words[p.pos]
		if w.text == ";" && !w.quoted {
			return
		}
		s.words = append(s.words, w)
		p.pos++
		if w.text == "}" {
			return
		}
	}
}

// lexISC cuts a text into words, strings and punctuation.
func lexISC(file, text string) ([]word, error) {
	var words []word
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case c == '"':
			s, n, ok := quotedISC(text[i:])
			if !ok {
				return nil, fmt.Errorf("%s:%d: the string does not end", file, line)
			}
			words = append(words, word{s, true, line})
			line += strings.Count(text[i:i+n], "\n")
			i += n
		case isWord(c):
			from := i
			for i < len(text) && isWord(text[i]) {
				i++
			}
			words = append(words, word{text[from:i], false, line})
		case strings.HasPrefix(text[i:], "!=") || strings.HasPrefix(text[i:], "~=") || strings.HasPrefix(text[i:], "~~") || strings.HasPrefix(text[i:], "=="):
			words = append(words, word{text[i : i+2], false, line})
			i += 2
		default:
			words = append(words, word{text[i : i+1], false, line})
			i++
		}
	}
	return words, nil
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.:/", c) >= 0 || c >= 0x80
}

// quotedISC reads a string with C's escapes.
func quotedISC(text string) (s string, n int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), i + 1, true
		case c == '\\' && i+1 < len(text):
			i++
			i += escapeISC(&b, text[i:]) - 1
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}

// escapeISC writes what an escape behind a backslash stands for, and returns its
// length.
func escapeISC(b *strings.Builder, text string) int {
	if i := strings.IndexByte("tnrb", text[0]); i >= 0 {
		b.WriteByte("\t\n\r\b"[i])
		return 1
	}
	base, digits, from := 8, 3, 0
	if text[0] == 'x' {
		base, digits, from = 16, 2, 1
	}
	value, n := 0, from
	for n < len(text) && n < from+digits {
		d := strings.IndexByte("0123456789abcdef", text[n]|0x20)
		if text[n] >= '0' && text[n] <= '9' {
			d = int(text[n] - '0')
		}
		if d < 0 || d >= base {
			break
		}
		value, n = value*base+d, n+1
	}
	if n == from {
		b.WriteByte(text[0])
		return 1
	}
	b.WriteByte(byte(value))
	return n
}
