package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/engine"
)

// commandFunc carries out a command that the process answers.
type commandFunc func(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer

// command is one entry of the command table.
type command struct {
	run  commandFunc  // nil: the engine answers
	role control.Role // what it demands of the caller
	hook string       // the library that Kea has it in; "" = always there
	only int          // the one family that has it; 0 = both
	doc  string       // one line for descriptions
}

const (
	leaseCmds  = "libdhcp_lease_cmds.so"
	statCmds   = "libdhcp_stat_cmds.so"
	hostCmds   = "libdhcp_host_cmds.so"
	subnetCmds = "libdhcp_subnet_cmds.so"
	classCmds  = "libdhcp_class_cmds.so"
	haHook     = "libdhcp_ha.so"
)

// commands are all commands of a family by name.
var commands map[int]map[string]command

// The table names functions that look at the table: it cannot be a plain value.
func init() { commands = map[int]map[string]command{4: expand(4), 6: expand(6)} }

// expand puts the number of a family in place of X in the names of the table.
func expand(version int) map[string]command {
	m := make(map[string]command)
	for name, c := range commandTable() {
		if c.only == 0 || c.only == version {
			m[strings.ReplaceAll(name, "X", fmt.Sprint(version))] = c
		}
	}
	return m
}

// CommandDoc describes a command for manual pages.
type CommandDoc struct {
	Name string // with X for the number of the family
	Doc  string
	Role string // read, operate, change
	Hook string // the library that has to be configured; "" = none
}

// CommandDocs returns every command by name.
func CommandDocs() []CommandDoc {
	table := commandTable()
	docs := make([]CommandDoc, 0, len(table))
	for _, name := range slices.Sorted(maps.Keys(table)) {
		c := table[name]
		docs = append(docs, CommandDoc{name, c.doc, c.role.String(), c.hook})
	}
	return docs
}

// Role says what a command demands of its caller. A name that nobody knows
// demands nothing: the answer is that it is not supported.
func Role(name string) control.Role {
	for _, m := range commands {
		if c, ok := m[name]; ok {
			return c.role
		}
	}
	return control.Read
}

// Handler answers the commands of a family.
func (s *Server) Handler(version int) control.Handler {
	return control.HandlerFunc(func(ctx context.Context, c *control.Command) control.Answer {
		for _, f := range s.families() {
			if f.version == version {
				return s.handle(ctx, f, c)
			}
		}
		return control.Answer{Result: control.Failure, Text: fmt.Sprintf("DHCPv%d is not configured", version)}
	})
}

func (s *Server) handle(ctx context.Context, f *family, c *control.Command) control.Answer {
	cfg := f.cfg.Load()
	x, ok := commands[f.version][c.Name]
	switch {
	case ok && x.available(cfg) && x.run != nil:
		return x.run(ctx, s, f, c)
	case ok && x.available(cfg):
		return f.command(ctx, c)
	case !ok:
		// Kea's hooks bring the commands of both families into either daemon,
		// where those of the other one find nothing or fail.
		other := 10 - f.version
		x, ok = commands[other][c.Name]
		switch {
		case !ok || x.hook == "" || !x.available(cfg):
		case strings.HasPrefix(c.Name, fmt.Sprintf("lease%d-get-", other)):
			return control.Answer{Result: control.Empty, Text: fmt.Sprintf("0 IPv%d lease(s) found.", other)}
		default:
			return failure("%s is a command of the DHCPv%d server", c.Name, other)
		}
	}
	return control.Answer{Result: control.Unsupported, Text: fmt.Sprintf("'%s' command not supported.", c.Name)}
}

// available says whether the configuration provides a command.
func (x command) available(f *config.Family) bool { return x.hook == "" || f.Hook(x.hook) != nil }

// commandNames lists what list-commands answers, in order.
func commandNames(f *config.Family) []string {
	names := make(map[string]bool)
	for version, m := range commands {
		for name, x := range m {
			if x.available(f) && (version == f.Version || x.hook != "") {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func failure(format string, a ...any) control.Answer {
	return control.Answer{Result: control.Failure, Text: fmt.Sprintf(format, a...)}
}

// arguments encodes members as the arguments of an answer.
func arguments(members ...config.Member) []byte { return config.NewMap(members...).AppendJSON(nil) }

// command has the engine answer.
func (f *family) command(ctx context.Context, c *control.Command) control.Answer {
	in := engine.CommandReceived{Name: c.Name, Arguments: c.Arguments}
	if v := c.Arguments.Get("interface"); v != nil && v.Kind == config.String {
		in.Iface = interfaceNamed(v.Str)
	}
	w := answerWriter{version: f.version}
	for {
		a, err := f.ask(ctx, in)
		if err != nil {
			return failure("%v", err)
		}
		w.add(&a)
		if a.Next == nil {
			return w.finish(&a, f.now())
		}
		in.Next, in.Room = a.Next, a.Leases[:0]
	}
}
