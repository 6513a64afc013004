package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a configuration.
type Problem struct {
	Code    string // stable, e.g. "pool-overlap"
	Pos     Pos
	Path    string // Dhcp4/subnet4[2]/pools[0]
	What    string
	Cure    string
	Warning bool
	Syntax  bool // found by the grammar, not by meaning: Kea words its last line differently
}

func (p *Problem) Error() string {
	var b strings.Builder
	if pos := p.Pos.String(); pos != "" {
		b.WriteString(pos + ": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.What)
	if p.Cure != "" {
		fmt.Fprintf(&b, ": %s", p.Cure)
	}
	return b.String()
}

// placeless are the codes of problems whose place Kea does not tell.
var placeless = []string{"host-outside", "host-duplicate", "host-address-taken"}

// Placed is What and where, as Kea's messages have it.
func (p *Problem) Placed() string {
	switch {
	case p.Pos.Line == 0 || slices.Contains(placeless, p.Code):
		return p.What
	case p.Code == "class-expression":
		return fmt.Sprintf("%s at (%s)", p.What, p.Pos)
	}
	return fmt.Sprintf("%s (%s)", p.What, p.Pos)
}

// Problems is every problem found in one run, in the order of the text.
type Problems []*Problem

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// add appends an error.
func (ps *Problems) add(code string, pos Pos, path, what, cure string) {
	*ps = append(*ps, &Problem{Code: code, Pos: pos, Path: path, What: what, Cure: cure})
}

// warn appends a warning.
func (ps *Problems) warn(code string, pos Pos, path, what, cure string) {
	*ps = append(*ps, &Problem{Code: code, Pos: pos, Path: path, What: what, Cure: cure, Warning: true})
}

func (ps Problems) errors() Problems   { return ps.where(false) }
func (ps Problems) warnings() Problems { return ps.where(true) }

func (ps Problems) where(warning bool) Problems {
	var out Problems
	for _, p := range ps {
		if p.Warning == warning {
			out = append(out, p)
		}
	}
	return out
}

// sortProblems brings problems into the order of the text, file by file.
func sortProblems(ps Problems) {
	file := make(map[string]int)
	for _, p := range ps {
		if _, ok := file[p.Pos.File]; !ok {
			file[p.Pos.File] = len(file)
		}
	}
	slices.SortStableFunc(ps, func(a, b *Problem) int {
		return cmp.Or(cmp.Compare(file[a.Pos.File], file[b.Pos.File]), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Col, b.Pos.Col))
	})
}
