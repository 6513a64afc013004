package config

import (
	"fmt"
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
	fmt.Fprintf(&b, "%s: %s: %s", p.Pos, p.Path, p.What)
	if p.Cure != "" {
		fmt.Fprintf(&b, ": %s", p.Cure)
	}
	return b.String()
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
