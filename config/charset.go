package config

import "regexp"

// CharSet is a compiled hostname-char-set: the characters to replace.
type CharSet struct{ re *regexp.Regexp }

// String is the expression; "" for no set.
func (c *CharSet) String() string {
	if c == nil {
		return ""
	}
	return c.re.String()
}

// Scrub replaces every match in s.
func (c *CharSet) Scrub(s, replacement string) string {
	return c.re.ReplaceAllLiteralString(s, replacement)
}

// Matches says whether s has anything to replace; it does not allocate.
func (c *CharSet) Matches(s []byte) bool { return c.re.Match(s) }

// compileCharSet reads a POSIX extended regular expression.
func compileCharSet(text string) (*CharSet, error) {
	re, err := regexp.CompilePOSIX(text)
	if err != nil {
		return nil, err
	}
	return &CharSet{re}, nil
}
