package engine

import (
	"fmt"

	"leasehold/config"
	"leasehold/lease"
)

// Result codes of Kea's commands.
const (
	Success     = 0
	Failure     = 1
	Unsupported = 2
	Empty       = 3
	Conflict    = 4
)

// CommandReceived is a command that only the engine can answer. Its answer
// comes in Effects.Answers with the same ID.
type CommandReceived struct {
	ID        uint64
	Name      string
	Arguments *config.Value // nil: none given
}

func (*CommandReceived) input() {}

// Answered is the answer to a command.
type Answered struct {
	ID     uint64
	Answer Answer
}

// Answer is what a command says. Leases, if not nil, are encoded outside the
// engine's lock into Arguments["leases"].
type Answer struct {
	Result    int
	Text      string
	Arguments *config.Value
	Leases    []lease.Lease
	List      bool // Leases stand in a list with their count; else the one lease is Arguments
	Count     bool // Arguments["count"], too
}

// Command is the engine's part of a command, run inside Step.
type Command func(e *Engine, args *config.Value) Answer

func failure(format string, a ...any) Answer {
	return Answer{Result: Failure, Text: fmt.Sprintf(format, a...)}
}

// Has says whether the engine answers a command of that name.
func (e *Engine) Has(name string) bool { return e.commands[name] != nil }

func (e *Engine) command(c *CommandReceived) {
	fn := e.commands[c.Name]
	a := Answer{Result: Unsupported, Text: fmt.Sprintf("'%s' command not supported.", c.Name)}
	if fn != nil {
		a = fn(e, c.Arguments)
	}
	e.fx.Answers = append(e.fx.Answers, Answered{c.ID, a})
}

// engineCommands returns the commands of a family that need the engine.
func engineCommands(version int) map[string]Command {
	m := map[string]Command{}
	for _, table := range commandTables {
		for name, fn := range table(version) {
			m[name] = fn
		}
	}
	return m
}

// commandTables are filled by the command_*.go files, one table per subject.
var commandTables = []func(version int) map[string]Command{serviceCommands}
