package engine

import (
	"errors"
	"fmt"
	"math"

	"leasehold/config"
)

// statisticCommands are the statistic-* commands.
func statisticCommands(int) map[string]Command {
	return prefixed("statistic-", map[string]Command{
		"get":                  statisticGet,
		"get-all":              statisticGetAll,
		"global-get-all":       statisticGlobalGetAll,
		"reset":                statisticReset,
		"reset-all":            statisticResetAll,
		"remove":               statisticRemove,
		"remove-all":           statisticRemoveAll,
		"sample-age-set":       sampleAgeSet,
		"sample-age-set-all":   sampleAgeSetAll,
		"sample-count-set":     sampleCountSet,
		"sample-count-set-all": sampleCountSetAll,
	})
}

// statName reads the argument that names a statistic.
func statName(args *config.Value) (string, error) {
	v := args.Get("name")
	switch {
	case v == nil:
		return "", errors.New("Missing mandatory 'name' parameter.")
	case v.Kind != config.String:
		return "", errors.New("'name' parameter expected to be a string.")
	}
	return v.Str, nil
}

func statisticGet(e *Engine, c *CommandReceived) Answer {
	name, err := statName(c.Arguments)
	if err != nil {
		return failed(err)
	}
	a := Answer{Stats: true}
	if r, ok := e.findStat(name); ok {
		a.Statistics = []Statistic{e.read(r)}
	}
	return a
}

// subnetTurn is of how many subnets one turn reads the statistics.
const subnetTurn = 64

func statisticGetAll(e *Engine, c *CommandReceived) Answer {
	a := Answer{Stats: true}
	collect := func(r statRef) { a.Statistics = append(a.Statistics, e.read(r)) }
	first := 0
	if c.Next == nil {
		e.globalStats(collect)
	} else {
		first = min(c.Next.index, len(e.ordered))
	}
	last := min(first+subnetTurn, len(e.ordered))
	for _, s := range e.ordered[first:last] {
		e.subnetStats(s, collect)
	}
	if last < len(e.ordered) {
		a.Next = &Cursor{index: last}
	}
	return a
}

func statisticGlobalGetAll(e *Engine, _ *CommandReceived) Answer {
	a := Answer{Stats: true}
	e.globalStats(func(r statRef) { a.Statistics = append(a.Statistics, e.read(r)) })
	return a
}

// onStat carries out a change of one statistic. Totals cannot be changed.
func (e *Engine) onStat(c *CommandReceived, text string, change func(*counter)) Answer {
	name, err := statName(c.Arguments)
	if err != nil {
		return failed(err)
	}
	r, ok := e.findStat(name)
	if !ok {
		return failure("No '%s' statistic found", name)
	}
	if r.c != nil {
		change(r.c)
	}
	return Answer{Text: fmt.Sprintf("Statistic '%s' %s.", name, text)}
}

// onEveryStat carries out a change of all statistics.
func (e *Engine) onEveryStat(text string, change func(*counter)) Answer {
	visit := func(r statRef) {
		if r.c != nil {
			change(r.c)
		}
	}
	e.globalStats(visit)
	for _, s := range e.ordered {
		e.subnetStats(s, visit)
	}
	return Answer{Text: text}
}

func (e *Engine) zero(c *counter) { c.reset(e.stats) }

func (e *Engine) forget(c *counter) {
	c.reset(e.stats)
	c.removed = true
}

func statisticReset(e *Engine, c *CommandReceived) Answer { return e.onStat(c, "reset", e.zero) }

func statisticResetAll(e *Engine, _ *CommandReceived) Answer {
	return e.onEveryStat("All statistics reset to neutral values.", e.zero)
}

func statisticRemove(e *Engine, c *CommandReceived) Answer { return e.onStat(c, "removed", e.forget) }

func statisticRemoveAll(e *Engine, _ *CommandReceived) Answer {
	return e.onEveryStat("Warning: statistic-remove-all command is deprecated. All statistics removed.", e.forget)
}

// sampleArg reads a number that limits samples.
func sampleArg(args *config.Value, name string) (uint32, error) {
	v := args.Get(name)
	switch {
	case v == nil:
		return 0, fmt.Errorf("Missing mandatory '%s' parameter.", name)
	case v.Kind != config.Int:
		return 0, fmt.Errorf("'%s' parameter expected to be an integer.", name)
	case v.Int < 0 || v.Int > math.MaxUint32:
		return 0, fmt.Errorf("'%s' parameter is out of range.", name)
	}
	return uint32(v.Int), nil
}

// maxSamples bounds what sample-count-set may ask for.
const maxSamples = 100000

func countArg(args *config.Value) (uint32, error) {
	n, err := sampleArg(args, "max-samples")
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		return 0, errors.New("'max-samples' parameter must not be zero")
	case n > maxSamples:
		return 0, fmt.Errorf("'max-samples' parameter must not be larger than %d", maxSamples)
	}
	return n, nil
}

func sampleAgeSet(e *Engine, c *CommandReceived) Answer {
	if _, err := statName(c.Arguments); err != nil {
		return failed(err)
	}
	age, err := sampleArg(c.Arguments, "duration")
	if err != nil {
		return failed(err)
	}
	return e.onStat(c, "duration limit is set", func(x *counter) { x.restrict(e.stats, agedSamples, age) })
}

func sampleAgeSetAll(e *Engine, c *CommandReceived) Answer {
	age, err := sampleArg(c.Arguments, "duration")
	if err != nil {
		return failed(err)
	}
	return e.onEveryStat("All statistics duration limit are set.", func(x *counter) { x.restrict(e.stats, agedSamples, age) })
}

func sampleCountSet(e *Engine, c *CommandReceived) Answer {
	if _, err := statName(c.Arguments); err != nil {
		return failed(err)
	}
	n, err := countArg(c.Arguments)
	if err != nil {
		return failed(err)
	}
	return e.onStat(c, "count limit is set", func(x *counter) { x.restrict(e.stats, n, 0) })
}

func sampleCountSetAll(e *Engine, c *CommandReceived) Answer {
	n, err := countArg(c.Arguments)
	if err != nil {
		return failed(err)
	}
	return e.onEveryStat("All statistics count limit are set.", func(x *counter) { x.restrict(e.stats, n, 0) })
}
