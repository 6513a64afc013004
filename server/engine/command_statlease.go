package engine

import (
	"errors"
	"fmt"
	"sort"

	"leasehold/config"
)

// Table is the result set of stat-lease4-get and stat-lease6-get.
type Table struct {
	Columns []string
	Rows    [][]Number
}

// statLeaseCommands are the commands of libdhcp_stat_cmds.
func statLeaseCommands(version int) map[string]Command {
	return map[string]Command{fmt.Sprintf("stat-lease%d-get", version): statLeaseGet}
}

var statLeaseColumns = map[int][]string{
	4: {"subnet-id", "total-addresses", "cumulative-assigned-addresses", "assigned-addresses", "declined-addresses"},
	6: {"subnet-id", "total-nas", "cumulative-assigned-nas", "assigned-nas", "declined-addresses",
		"total-pds", "cumulative-assigned-pds", "assigned-pds"},
}

// subnetRange is which subnets are asked for; all if last is 0.
type subnetRange struct{ first, last int64 }

func (r subnetRange) String() string {
	switch {
	case r.last == 0:
		return "[all subnets]"
	case r.first == r.last:
		return fmt.Sprintf("[subnet-id=%d]", r.first)
	}
	return fmt.Sprintf("[subnets %d through %d]", r.first, r.last)
}

func rangeArg(args *config.Value) (r subnetRange, err error) {
	if args == nil {
		return r, nil
	}
	if args.Kind != config.Map {
		return r, errors.New("'arguments' parameter is not a map")
	}
	one, many := args.Get("subnet-id"), args.Get("subnet-range")
	if one != nil {
		switch {
		case one.Kind != config.Int:
			return r, errors.New("'subnet-id' parameter is not integer")
		case one.Int <= 0:
			return r, errors.New("'subnet-id' parameter must be > 0")
		case many != nil:
			return r, errors.New("cannot specify both subnet-id and subnet-range")
		}
		return subnetRange{one.Int, one.Int}, nil
	}
	if many == nil {
		return r, nil
	}
	if many.Kind != config.Map {
		return r, errors.New("subnet-range parameter is not a map")
	}
	for name, n := range map[string]*int64{"first-subnet-id": &r.first, "last-subnet-id": &r.last} {
		v := many.Get(name)
		if v == nil || v.Kind != config.Int {
			return r, fmt.Errorf("'%s' parameter missing or not an integer", name)
		}
		if v.Int <= 0 {
			return r, fmt.Errorf("'%s' parameter must be > 0", name)
		}
		*n = v.Int
	}
	if r.last < r.first {
		return r, errors.New("'last-subnet-id' must be greater than 'first-subnet-id'")
	}
	return r, nil
}

func statLeaseGet(e *Engine, c *CommandReceived) Answer {
	r, err := rangeArg(c.Arguments)
	if err != nil {
		return failed(err)
	}
	subnets := e.ordered
	if r.last != 0 {
		i := sort.Search(len(subnets), func(i int) bool { return int64(subnets[i].ID) >= r.first })
		j := sort.Search(len(subnets), func(j int) bool { return int64(subnets[j].ID) > r.last })
		subnets = subnets[i:j]
	}
	what := c.Name + r.String()
	if len(subnets) == 0 && r.last != 0 {
		reason := fmt.Sprintf("selected ID range: %d through %d includes no known subnets", r.first, r.last)
		if r.first == r.last {
			reason = fmt.Sprintf("subnet-id: %d does not exist", r.first)
		}
		return Answer{Result: Empty, Text: what + ": no matching data, " + reason, Arguments: config.NewMap()}
	}
	done := 0
	if c.Next != nil {
		done = min(c.Next.index, len(subnets)) // there may be fewer by now
	}
	end := min(done+statTurn, len(subnets))
	t := &Table{Columns: statLeaseColumns[e.version], Rows: make([][]Number, 0, end-done)}
	for _, s := range subnets[done:end] {
		t.Rows = append(t.Rows, e.statRow(s))
	}
	a := Answer{Text: fmt.Sprintf("%s: %d rows found", what, len(subnets)), Table: t}
	switch {
	case len(subnets) == 0:
		a.Result = Empty
	case end < len(subnets):
		a.Next = &Cursor{index: end}
	}
	return a
}

// statTurn is how many subnets one turn of the command counts.
const statTurn = 256

func (e *Engine) statRow(s *subnet) []Number {
	value := func(st scopeStat) Number { return Number{Int: s.counts[st].value} }
	// Here, declined leases are not among the assigned ones.
	assigned := Number{Int: s.counts[scAssigned].value - s.counts[scDeclined].value}
	row := []Number{{Int: int64(s.ID)}, total(s.pools), value(scCumulative), assigned, value(scDeclined)}
	if e.version == 6 {
		row = append(row, total(s.pd), value(scCumulativePD), value(scAssignedPD))
	}
	return row
}
