package engine

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
	"leasehold/server/wire"
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
	Arguments *config.Value   // nil: none given
	Next      *Cursor         // of the part before; nil: from the start
	Iface     *wire.Interface // select-test: the one that the arguments name
	// Room may be used for the Leases of the answer: that of the part before.
	Room []lease.Lease
}

// Cursor is where the next part of a long answer begins. A command that would
// hold the engine for long does a bounded turn of its work at a time.
type Cursor struct {
	after netip.Addr // leases: the last one looked at
	index int        // subnets: how many are done
	place lease.Place
	count int // leases found or changed so far
}

func (*CommandReceived) input() {}

// Answered is the answer to a command.
type Answered struct {
	ID     uint64
	Answer Answer
}

// Answer is what a command says. Leases and statistics are encoded outside the
// engine's lock. An answer with Next is a part: Leases, Statistics and rows of
// the Table of all parts belong together, everything else is said by the last one.
type Answer struct {
	Result      int
	Text        string
	Arguments   *config.Value
	Leases      []lease.Lease
	List        bool // Leases are Arguments["leases"]; else the one lease is Arguments
	Count       bool // Arguments["count"], too
	Statistics  []Statistic
	Stats       bool      // Statistics are Arguments
	Table       *Table    // Arguments["result-set"]
	Outside     int       // of Reconfigured
	HA          *ha.Reply // of high availability's commands
	Raw         []byte    // status-get: the high-availability list
	Explanation *Explanation
	Survey      *Survey // of TakeSurvey
	Events      *Events // of TakeEvents
	Next        *Cursor
}

// Explanation is what leasehold-explain found: decisions, oldest first, and the
// leases that the client holds.
type Explanation struct {
	Version   int
	Decisions []Decision
	Leases    []lease.Lease
}

// Command is the engine's part of a command, run inside Step.
type Command func(e *Engine, c *CommandReceived) Answer

func failure(format string, a ...any) Answer {
	return Answer{Result: Failure, Text: fmt.Sprintf(format, a...)}
}

// conflict is an error that stems from configuration or state, not from the
// command: Kea answers it with a result of its own.
type conflict struct{ error }

func conflicts(format string, a ...any) error { return conflict{fmt.Errorf(format, a...)} }

// failed is the answer to a command that ended in err.
func failed(err error) Answer {
	var c conflict
	if errors.As(err, &c) {
		return Answer{Result: Conflict, Text: err.Error()}
	}
	return Answer{Result: Failure, Text: err.Error()}
}

// Has says whether the engine answers a command of that name.
func (e *Engine) Has(name string) bool { return e.commands[name] != nil }

func (e *Engine) command(c *CommandReceived) {
	fn := e.commands[c.Name]
	if fn == nil {
		e.answer(c.ID, Answer{Result: Unsupported, Text: fmt.Sprintf("'%s' command not supported.", c.Name)})
		return
	}
	before := e.store.Seq()
	a := fn(e, c)
	e.noteUnshared(c, before)
	if e.store.Seq() == before || e.diskless {
		e.answer(c.ID, a)
		return
	}
	e.parked.answers = append(e.parked.answers, parkedAnswer{e.store.Seq(), Answered{c.ID, a}})
}

func (e *Engine) answer(id uint64, a Answer) {
	e.fx.Answers = append(e.fx.Answers, Answered{id, a})
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
var commandTables = []func(version int) map[string]Command{
	serviceCommands, leaseCommands, leaseChanges, statisticCommands, statLeaseCommands, selectCommands, explainCommands, pairCommands, holderCommands,
}

// CommandNames returns the names of all commands that an engine of a family
// answers, in no order.
func CommandNames(version int) []string {
	return slices.Collect(maps.Keys(engineCommands(version)))
}
