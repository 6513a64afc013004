package config

import (
	"fmt"
	"strings"
)

// Load reads configuration files: Dhcp4, Dhcp6 and Control-agent maps, one per
// file. The error is a Problems value with everything found, warnings too; the
// Config is nil then.
func Load(files ...string) (*Config, error) { return LoadWith(Options{}, files...) }

// LoadWith is Load for a caller that knows the machine.
func LoadWith(opts Options, files ...string) (*Config, error) {
	c := &Config{}
	var bad Problems
	for _, name := range files {
		text, err := readFile(name)
		if err != nil {
			bad = append(bad, &Problem{Code: "file", Pos: Pos{File: name}, What: err.Error(), Syntax: true})
			continue
		}
		bad = append(bad, c.read(opts, name, text)...)
	}
	return c.orProblems(bad)
}

// Parse is Load for one text; name stands in positions.
func Parse(name string, text []byte) (*Config, error) { return ParseWith(Options{}, name, text) }

// ParseWith is Parse for a caller that knows the machine.
func ParseWith(opts Options, name string, text []byte) (*Config, error) {
	c := &Config{}
	return c.orProblems(c.read(opts, name, text))
}

func (c *Config) orProblems(bad Problems) (*Config, error) {
	if len(bad) == 0 {
		return c, nil
	}
	all := append(bad, c.Warnings...)
	sortProblems(all)
	return nil, all
}

// read adds what one text says and returns what is wrong with it.
func (c *Config) read(opts Options, name string, text []byte) Problems {
	v, warnings, err := ParseValue(name, text, true)
	c.Warnings = append(c.Warnings, warnings...)
	if err != nil {
		return err.(Problems)
	}
	syntax := func(pos Pos, what, cure string) Problems {
		return Problems{{Code: "top-level", Pos: pos, What: what, Cure: cure, Syntax: true}}
	}
	if v.Kind != Map || len(v.Members) == 0 {
		return syntax(v.Pos, "a map with one key is expected", "start with { \"Dhcp4\": {")
	}
	if len(v.Members) > 1 {
		return syntax(v.Members[1].Pos, fmt.Sprintf("second top-level key %q", v.Members[1].Key), "a file holds one of Dhcp4, Dhcp6, Control-agent")
	}
	m := &v.Members[0]
	var ps Problems
	twice := false
	switch m.Key {
	case "Dhcp4":
		twice = c.V4 != nil
		c.V4, ps = parseFamily(opts, 4, m.Value, name, true)
	case "Dhcp6":
		twice = c.V6 != nil
		c.V6, ps = parseFamily(opts, 6, m.Value, name, true)
	case "Control-agent":
		twice = c.Agent != nil
		c.Agent, ps = parseAgent(opts, m.Value, name)
	default:
		return syntax(m.Pos, fmt.Sprintf("unknown top-level key %q", m.Key), "a file holds one of Dhcp4, Dhcp6, Control-agent")
	}
	if twice {
		ps.add("top-level", m.Pos, m.Key, "a second file with this map", "give one file for each map")
	}
	c.Warnings = append(c.Warnings, ps.warnings()...)
	return ps.errors()
}

func parseAgent(opts Options, v *Value, file string) (*Agent, Problems) {
	top := &trail{name: "Control-agent", index: -1}
	if v.Kind != Map {
		return nil, Problems{{Code: "wrong-type", Pos: v.Pos, Path: top.name, What: "a map is expected", Syntax: true}}
	}
	w := &walker{version: 4, grammar: true, told: make(map[string]bool)}
	w.walk(v, lvAgent, top)
	r := &reader{version: 4, opts: opts, top: v, f: &Family{}, ps: w.ps}
	a := r.agent(v, top)
	a.File = file
	v.sortKeys()
	sortProblems(r.ps)
	return a, r.ps
}

// LastLine gives the line with which Kea's -t ends on stderr.
func LastLine(err error) string {
	ps, ok := err.(Problems)
	if !ok || len(ps) == 0 {
		return "Error encountered: " + err.Error()
	}
	ps = ps.errors()
	for _, p := range ps {
		if p.Syntax {
			// Kea: file:line.column, its columns from 1.
			return fmt.Sprintf("Syntax check failed with: %s:%d.%d: %s", p.Pos.File, p.Pos.Line, p.Pos.Col, p.What)
		}
	}
	return "Error encountered: " + ps[0].Placed()
}

// Element is the top-level element that a Problem is in, as Kea's log names it.
func (p *Problem) Element() string {
	_, rest, _ := strings.Cut(p.Path, "/")
	rest, _, _ = strings.Cut(rest, "/")
	rest, _, _ = strings.Cut(rest, "[")
	return rest
}
