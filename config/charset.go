package config

import "regexp"

// CharSet is a compiled hostname-char-set: the characters to replace.
type CharSet struct{ re *regexp.Regexp }

// Scrub replaces every match in s.
func (c *CharSet) Scrub(s, replacement string) string {
	return c.re.ReplaceAllLiteralString(s, replacement)
}

// compileCharSet reads a POSIX extended regular expression.
func compileCharSet(text string) (*CharSet, error) {
	re, err := regexp.CompilePOSIX(text)
	if err != nil {
		return nil, err
	}
	return &CharSet{re}, nil
}
