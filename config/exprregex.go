package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// match is match(): the whole string against a regular expression.
type match struct {
	re *regexp.Regexp
	a  valueNode
}

func (n *match) test(s Subject, x *Scratch) (bool, error) {
	b, err := n.a.value(s, x)
	if err != nil {
		return false, err
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return n.re.Match(x.widen(b)), nil
		}
	}
	return n.re.Match(b), nil
}

// widen turns octets into the UTF-8 form of the characters of those numbers:
// the expressions are about octets, package regexp is about characters.
func (x *Scratch) widen(b []byte) []byte {
	start := len(x.buf)
	for _, c := range b {
		x.buf = utf8.AppendRune(x.buf, rune(c))
	}
	return x.buf[start:]
}

// compileRegex translates the ECMAScript dialect that Kea has (std::regex)
// into Go's. Back references and look-ahead have no counterpart.
func compileRegex(text string) (*regexp.Regexp, error) {
	var out strings.Builder
	out.WriteString(`^(?:`)
	for i := 0; i < len(text); {
		n, err := translateRegex(&out, text[i:])
		if err != nil {
			return nil, fmt.Errorf("invalid regular expression '%s': %w", text, err)
		}
		i += n
	}
	out.WriteString(`)$`)
	re, err := regexp.Compile(out.String())
	if err != nil {
		return nil, fmt.Errorf("invalid regular expression '%s': %w", text, err)
	}
	return re, nil
}

// translateRegex writes one element and returns its length.
func translateRegex(out *strings.Builder, s string) (int, error) {
	switch c := s[0]; {
	case c == '\\':
		return translateEscape(out, s, false)
	case c == '[':
		return translateBracket(out, s)
	case c == '(' && len(s) > 1 && s[1] == '?':
		if !strings.HasPrefix(s, "(?:") {
			return 0, fmt.Errorf("'%s' is not supported", s[:min(3, len(s))])
		}
		out.WriteString("(?:")
		return 3, nil
	case c == '.':
		out.WriteString(`[^\n\r]`)
	case c == '{':
		n := strings.IndexByte(s, '}')
		if n < 0 || !isRepeat(s[1:n]) {
			return 0, fmt.Errorf("'{' does not start a repetition")
		}
		out.WriteString(s[:n+1])
		return n + 1, nil
	case (c == '*' || c == '+' || c == '?') && len(s) > 1 && s[1] == '+':
		return 0, fmt.Errorf("'%s' repeats a repetition", s[:2])
	default:
		out.WriteRune(rune(c))
	}
	return 1, nil
}

func isRepeat(s string) bool {
	low, high, _ := strings.Cut(s, ",")
	_, err := strconv.ParseUint(low, 10, 16)
	if err == nil && high != "" {
		_, err = strconv.ParseUint(high, 10, 16)
	}
	return err == nil
}

// translateEscape writes \x… and returns its length.
func translateEscape(out *strings.Builder, s string, inBracket bool) (int, error) {
	if len(s) < 2 {
		return 0, fmt.Errorf("a backslash at the end")
	}
	digits := 0
	switch c := s[1]; {
	case c == 's' || c == 'S':
		// ECMAScript counts the vertical tab as white space, Go does not.
		switch {
		case inBracket && c == 'S':
			return 0, fmt.Errorf(`'\S' within brackets is not supported`)
		case inBracket:
			out.WriteString(`\t\n\v\f\r `)
		case c == 's':
			out.WriteString(`[\t\n\v\f\r ]`)
		default:
			out.WriteString(`[^\t\n\v\f\r ]`)
		}
	case strings.IndexByte("dDwWtnrfv", c) >= 0:
		out.WriteString(s[:2])
	case c == 'b' && inBracket:
		out.WriteString(`\x08`)
	case c == 'b' || c == 'B':
		if inBracket {
			return 0, fmt.Errorf(`'\B' within brackets`)
		}
		out.WriteString(s[:2])
	case c == '0':
		out.WriteString(`\x00`)
	case isDigit(c):
		return 0, fmt.Errorf("back reference '%s' is not supported", s[:2])
	case c == 'x':
		digits = 2
	case c == 'u':
		digits = 4
	case c == 'c' && len(s) > 2 && isLetter(s[2]):
		fmt.Fprintf(out, `\x%02x`, s[2]&31)
		return 3, nil
	case isLetter(c):
		return 0, fmt.Errorf("unknown escape '%s'", s[:2])
	default:
		if c == '-' && inBracket {
			out.WriteByte('\\')
		}
		out.WriteString(regexp.QuoteMeta(string(rune(c))))
	}
	if digits == 0 {
		return 2, nil
	}
	if len(s) < 2+digits {
		return 0, fmt.Errorf("'%s' lacks digits", s)
	}
	n, err := strconv.ParseUint(s[2:2+digits], 16, 16)
	if err != nil || n > 255 {
		return 0, fmt.Errorf("'%s' is not the number of an octet", s[:2+digits])
	}
	fmt.Fprintf(out, `\x%02x`, n)
	return 2 + digits, nil
}

// translateBracket writes […] and returns its length.
func translateBracket(out *strings.Builder, s string) (int, error) {
	i := 1
	out.WriteByte('[')
	if i < len(s) && s[i] == '^' {
		out.WriteByte('^')
		i++
	}
	if i < len(s) && s[i] == ']' {
		return 0, fmt.Errorf("an empty bracket expression")
	}
	for i < len(s) {
		switch c := s[i]; {
		case c == ']':
			out.WriteByte(']')
			return i + 1, nil
		case c == '\\':
			n, err := translateEscape(out, s[i:], true)
			if err != nil {
				return 0, err
			}
			i += n
		case strings.HasPrefix(s[i:], "[:"):
			n := strings.Index(s[i:], ":]")
			if n < 0 {
				return 0, fmt.Errorf("'[:' without ':]'")
			}
			out.WriteString(s[i : i+n+2])
			i += n + 2
		case strings.HasPrefix(s[i:], "[=") || strings.HasPrefix(s[i:], "[."):
			return 0, fmt.Errorf("'%s' is not supported", s[i:i+2])
		case c == '[':
			out.WriteString(`\[`)
			i++
		default:
			out.WriteRune(rune(c))
			i++
		}
	}
	return 0, fmt.Errorf("'[' without ']'")
}
