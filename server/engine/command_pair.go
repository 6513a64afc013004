package engine

import (
	"encoding/json"
	"fmt"

	"leasehold/config"
)

// pairCommands are about pairs, beside those that the machines answer.
func pairCommands(int) map[string]Command {
	return map[string]Command{"leasehold-conflicts": pairConflicts}
}

// pairConflicts answers with the addresses that both servers of a pair gave
// away, the last 256 of each relationship, oldest first.
func pairConflicts(e *Engine, _ *CommandReceived) Answer {
	list, total := e.report(), uint64(0)
	for _, r := range list {
		total += r.Total
	}
	b, err := json.Marshal(map[string]any{"relationships": list})
	if err != nil {
		return failed(err)
	}
	v, _, err := config.ParseValue("<conflicts>", b, false)
	if err != nil {
		return failed(err)
	}
	a := Answer{Arguments: v, Text: fmt.Sprintf("%d address(es) were given away by both servers.", total)}
	if total == 0 {
		a.Result = Empty
	}
	return a
}
