package config

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// exprKind is the kind of a token of the expression language.
type exprKind uint8

const (
	exprEnd exprKind = iota
	exprWord
	exprInt
	exprString // quoted, hexadecimal or address: a constant
	exprPunct
)

// exprToken is one token. text is a word, the digits of an integer, or a punctuation
// mark; value are the bytes of a constant.
type exprToken struct {
	kind   exprKind
	text   string
	value  []byte
	quoted bool
	at     int // offset in the text
}

func (t exprToken) String() string {
	if t.kind == exprEnd {
		return "end of file"
	}
	return t.text
}

// exprError is a fault of an expression. Its text says where as Kea does, by
// the position within the expression, counted from 1; Pos is the place in the
// configuration, if the expression comes from one.
type exprError struct {
	Pos     Pos
	text    string
	at, end int // offsets; end 0: unknown
	what    string
}

func (e *exprError) Error() string {
	where := fmt.Sprintf("1.%d", e.at+1)
	if e.end > e.at+1 {
		where += fmt.Sprintf("-%d", e.end)
	}
	return fmt.Sprintf("expression: [%s] error: <string>:%s: %s", e.text, where, e.what)
}

// lexExpr splits an expression into tokens; the longest match wins.
func lexExpr(text string) ([]exprToken, error) {
	var tokens []exprToken
	for i := 0; i < len(text); {
		c := text[i]
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			i++
			continue
		}
		t, n := lexOne(text[i:])
		if n == 0 {
			return nil, &exprError{text: text, at: i, what: "Invalid character: " + text[i:i+1]}
		}
		if n < 0 {
			return nil, &exprError{text: text, at: i, end: i - n, what: "Failed to convert " + text[i:i-n] + " to an IP address."}
		}
		t.at = i
		tokens = append(tokens, t)
		i += n
	}
	return append(tokens, exprToken{kind: exprEnd, at: len(text)}), nil
}

// lexOne reads the token at the start of s and returns its length: 0 if there
// is none, negative for a malformed address.
func lexOne(s string) (exprToken, int) {
	if s[0] == '\'' {
		n := strings.IndexAny(s[1:], "'\n")
		if n < 0 || s[1+n] == '\n' {
			return exprToken{}, 0
		}
		return exprToken{kind: exprString, text: s[:n+2], value: []byte(s[1 : n+1]), quoted: true}, n + 2
	}
	word, number, hexa, addr := wordLen(s), intLen(s), hexLen(s), addrLen(s)
	switch n := max(word, number, hexa, addr); n {
	case 0:
	case hexa:
		digits := s[2:n]
		if len(digits)%2 == 1 {
			digits = "0" + digits
		}
		b, _ := hex.DecodeString(digits)
		return exprToken{kind: exprString, text: s[:n], value: b}, n
	case word:
		return exprToken{kind: exprWord, text: s[:n]}, n
	case number:
		return exprToken{kind: exprInt, text: s[:n]}, n
	default:
		a, err := netip.ParseAddr(s[:n])
		if err != nil {
			return exprToken{}, -n
		}
		return exprToken{kind: exprString, text: s[:n], value: a.AsSlice()}, n
	}
	if strings.HasPrefix(s, "==") {
		return exprToken{kind: exprPunct, text: "=="}, 2
	}
	if strings.IndexByte("()[].,+*", s[0]) >= 0 {
		return exprToken{kind: exprPunct, text: s[:1]}, 1
	}
	return exprToken{}, 0
}

// wordLen measures a keyword or option name: letters, digits, '-' and '_',
// from a letter to a letter or digit.
func wordLen(s string) int {
	if !isLetter(s[0]) {
		return 0
	}
	n := 1
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case isLetter(c), isDigit(c):
			n = i + 1
		case c != '-' && c != '_':
			return n
		}
	}
	return n
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func intLen(s string) int {
	n := 0
	if s[0] == '-' {
		n = 1
	}
	start := n
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n == start {
		return 0
	}
	return n
}

func hexLen(s string) int {
	if len(s) < 3 || s[0] != '0' || s[1]|0x20 != 'x' {
		return 0
	}
	n := 2
	for n < len(s) && isHexDigit(s[n]) {
		n++
	}
	if n == 2 {
		return 0
	}
	return n
}

func isHexDigit(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

// addrLen measures what looks like an IPv4 address (four numbers) or an IPv6
// address (hexadecimal digits with at least two colons).
func addrLen(s string) int {
	n, colons, dots := 0, 0, 0
	for n < len(s) && (isHexDigit(s[n]) || s[n] == ':' || s[n] == '.') {
		switch s[n] {
		case ':':
			colons++
		case '.':
			if n+1 == len(s) || !isDigit(s[n+1]) {
				break
			}
			dots++
		}
		n++
	}
	if colons >= 2 {
		return len(strings.TrimRight(s[:n], "."))
	}
	if dots < 3 {
		return 0
	}
	for n, dots = 0, 0; n < len(s); n++ {
		if s[n] == '.' && n+1 < len(s) && isDigit(s[n+1]) && dots < 3 {
			dots++
		} else if !isDigit(s[n]) {
			break
		}
	}
	if dots < 3 {
		return 0
	}
	return n
}
