package engine

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"leasehold/config"
	"leasehold/lease"
)

// leaseCommands are the look-ups of libdhcp_lease_cmds.
func leaseCommands(version int) map[string]Command {
	m := map[string]Command{
		"get":             leaseGet,
		"get-all":         leaseGetAll,
		"get-page":        leaseGetPage,
		"get-by-hostname": leaseGetByHostname,
		"get-by-state":    leaseGetByState,
	}
	m["get-by-hw-address"] = leaseGetByHWAddress
	if version == 4 {
		m["get-by-client-id"] = leaseGetByClientID
	} else {
		m["get-by-duid"] = leaseGetByDUID
	}
	return prefixed(fmt.Sprintf("lease%d-", version), m)
}

func prefixed(prefix string, m map[string]Command) map[string]Command {
	out := make(map[string]Command, len(m))
	for name, fn := range m {
		out[prefix+name] = fn
	}
	return out
}

// leaseTurn is how many leases one turn of a long command looks at or changes.
const leaseTurn = 512

// leaseQuery says which lease a command means: by address, or by who holds it.
type leaseQuery struct {
	addr       netip.Addr
	typ        lease.Type
	subnet     uint32
	iaid       uint32
	by         string // hw-address, client-id, duid; "" = by address
	id         []byte
	updateDDNS bool
}

func (e *Engine) parseLeaseQuery(args *config.Value) (q leaseQuery, err error) {
	if args == nil || args.Kind != config.Map {
		return q, errors.New("Parameters missing or are not a map.")
	}
	if v := args.Get("update-ddns"); v != nil {
		if v.Kind != config.Bool {
			return q, errors.New("'update-ddns' is not a boolean")
		}
		q.updateDDNS = v.Bool
	}
	if v := args.Get("type"); v != nil {
		if q.typ, err = queryType(v); err != nil {
			return q, err
		}
	}
	if v := args.Get("ip-address"); v != nil {
		if v.Kind != config.String {
			return q, errors.New("'ip-address' is not a string.")
		}
		if q.addr, err = parseAddr(v.Str); err != nil {
			return q, err
		}
		if family(q.addr) != e.version {
			return q, fmt.Errorf("Invalid IPv%d address specified: %s", e.version, v.Str)
		}
		return q, nil
	}
	v := args.Get("subnet-id")
	switch {
	case v == nil:
		return q, errors.New("Mandatory 'subnet-id' parameter missing.")
	case v.Kind != config.Int:
		return q, errors.New("'subnet-id' parameter is not integer.")
	case v.Int < 0 || v.Int > math.MaxUint32:
		return q, errors.New("'subnet-id' parameter is not a 32 bit unsigned integer.")
	}
	q.subnet = uint32(v.Int)
	if v := args.Get("iaid"); v != nil {
		switch {
		case e.version == 4:
			return q, errors.New("'iaid' parameter is specific to DHCPv6.")
		case v.Kind != config.Int:
			return q, errors.New("'iaid' parameter is not integer.")
		case v.Int < 0 || v.Int > math.MaxUint32:
			return q, errors.New("'iaid' parameter is not a 32 bit unsigned integer.")
		}
		q.iaid = uint32(v.Int)
	}
	return q, e.queryIdentifier(args, &q)
}

func queryType(v *config.Value) (lease.Type, error) {
	if v.Kind == config.String {
		switch v.Str {
		case "IA_NA", "0", "V4", "3":
			return lease.NA, nil
		case "IA_PD", "2":
			return lease.PD, nil
		}
	}
	text := v.Str
	if v.Kind != config.String {
		text = string(v.AppendJSON(nil))
	}
	return 0, fmt.Errorf("Invalid lease type specified: %s, only supported values are: IA_NA, IA_PD and V4", text)
}

func (e *Engine) queryIdentifier(args *config.Value, q *leaseQuery) (err error) {
	typ, id := args.Get("identifier-type"), args.Get("identifier")
	if typ == nil || typ.Kind != config.String {
		return errors.New("No 'ip-address' provided and 'identifier-type' is either missing or not a string.")
	}
	if id == nil || id.Kind != config.String {
		return errors.New("No 'ip-address' provided and 'identifier' is either missing or not a string.")
	}
	switch q.by = typ.Str; q.by {
	case "hw-address":
		q.id, err = parseHWAddr(id.Str)
	case "client-id":
		q.id, err = parseIdentifier(id.Str, 4)
	case "duid":
		q.id, err = parseIdentifier(id.Str, 6)
	default:
		return fmt.Errorf("Incorrect identifier type: %s, the only supported values are: hw-address, duid, client-id", q.by)
	}
	if err != nil {
		return fmt.Errorf("Bad '%s' identifier: %w", q.by, err)
	}
	return nil
}

// refused names the kinds of look-up that the other family has.
func (e *Engine) refused(by, verb string) error {
	if e.version == 4 && by == "duid" || e.version == 6 && (by == "hw-address" || by == "client-id") {
		return fmt.Errorf("%s by %s is not allowed in v%d.", verb, by, e.version)
	}
	return nil
}

// lookUp finds the lease that a query means.
func (e *Engine) lookUp(q *leaseQuery) (lease.Lease, bool) {
	switch q.by {
	case "":
		l, ok := e.store.Get(q.addr)
		return l, ok && l.Type == q.typ
	case "hw-address":
		e.found = e.store.ByHWAddr(e.found[:0], q.id)
	default:
		e.found = e.store.ByClientID(e.found[:0], q.id)
	}
	for i := range e.found {
		l := &e.found[i]
		if l.SubnetID == q.subnet && l.Type == q.typ && (e.version == 4 || l.IAID == q.iaid) {
			return *l, true
		}
	}
	return lease.Lease{}, false
}

func leaseGet(e *Engine, c *CommandReceived) Answer {
	q, err := e.parseLeaseQuery(c.Arguments)
	if err == nil {
		err = e.refused(q.by, "Query")
	}
	if err != nil {
		return failed(err)
	}
	l, ok := e.lookUp(&q)
	if !ok {
		return Answer{Result: Empty, Text: "Lease not found."}
	}
	return Answer{Text: fmt.Sprintf("IPv%d lease found.", e.version), Leases: []lease.Lease{l}}
}

// leasesFound is the answer that lists leases.
func (e *Engine) leasesFound(found []lease.Lease, total int, suffix string) Answer {
	a := Answer{Leases: found, List: true, Text: fmt.Sprintf("%d IPv%d lease(s) found%s.", total, e.version, suffix)}
	if total == 0 {
		a.Result = Empty
	}
	return a
}

// walk takes one turn through the leases by address and keeps those that fit.
// next is nil at the end.
func (e *Engine) walk(c *CommandReceived, fits func(*lease.Lease) bool) (found []lease.Lease, next *Cursor) {
	var at Cursor
	if c.Next != nil {
		at = *c.Next
	}
	found = c.Room
	e.found = e.store.Page(e.found[:0], at.after, leaseTurn)
	for i := range e.found {
		if l := &e.found[i]; fits(l) {
			found = append(found, *l)
		}
	}
	at.count += len(found)
	if n := len(e.found); n > 0 {
		at.after = e.found[n-1].Addr
	}
	return found, &at
}

// more says whether a turn looked at as much as it may.
func (e *Engine) more() bool { return len(e.found) == leaseTurn }

func leaseGetAll(e *Engine, c *CommandReceived) Answer {
	if c.Arguments != nil {
		ids, err := subnetList(c.Arguments)
		if err != nil {
			return failed(err)
		}
		return e.group(c, ids, lease.Group{AnyState: true}, "")
	}
	found, at := e.walk(c, func(*lease.Lease) bool { return true })
	a := e.leasesFound(found, at.count, "")
	if e.more() {
		a.Next = at
	}
	return a
}

// group answers with one turn through the leases of some subnets, one after the
// other.
func (e *Engine) group(c *CommandReceived, subnets []uint32, g lease.Group, suffix string) Answer {
	var at Cursor
	if c.Next != nil {
		at = *c.Next
	}
	found := c.Room
	for at.index < len(subnets) && len(found) < leaseTurn {
		g.Subnet = subnets[at.index]
		var done bool
		if found, at.place, done = e.store.InGroup(found, g, at.place, leaseTurn-len(found)); !done {
			break
		}
		at.index++
		at.place = 0
	}
	slices.SortFunc(found, func(a, b lease.Lease) int { return a.Addr.Compare(b.Addr) })
	at.count += len(found)
	a := e.leasesFound(found, at.count, suffix)
	if at.index < len(subnets) {
		a.Next = &at
	}
	return a
}

// subnetList is the list of subnets in the arguments, ascending, each once.
func subnetList(args *config.Value) ([]uint32, error) {
	v := args.Get("subnets")
	switch {
	case v == nil:
		return nil, errors.New("'subnets' parameter not specified")
	case v.Kind != config.List:
		return nil, errors.New("'subnets' parameter must be a list")
	}
	ids := make([]uint32, 0, len(v.List))
	for _, x := range v.List {
		if x.Kind != config.Int {
			return nil, errors.New("listed subnet identifiers must be numbers")
		}
		if x.Int < 0 || x.Int > math.MaxUint32 {
			return nil, fmt.Errorf("out of range subnet identifier %d", x.Int)
		}
		if x.Int != 0 { // no subnet, but every one to the store
			ids = append(ids, uint32(x.Int))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

func leaseGetPage(e *Engine, c *CommandReceived) Answer {
	from, limit, err := e.pageArgs(c)
	if err != nil {
		return failed(err)
	}
	at := Cursor{after: from}
	if c.Next != nil {
		at = *c.Next
	}
	turn := int(min(limit-int64(at.count), leaseTurn))
	found := e.store.Page(c.Room, at.after, turn)
	at.count += len(found)
	a := e.leasesFound(found, at.count, "")
	a.Count = true
	if len(found) == turn && int64(at.count) < limit {
		at.after = found[len(found)-1].Addr
		a.Next = &at
	}
	return a
}

func (e *Engine) pageArgs(c *CommandReceived) (from netip.Addr, limit int64, err error) {
	args := c.Arguments
	if args == nil || args.Kind != config.Map {
		return from, 0, fmt.Errorf("no parameters specified for the %s command", c.Name)
	}
	v := args.Get("from")
	switch {
	case v == nil:
		return from, 0, errors.New("'from' parameter not specified")
	case v.Kind != config.String:
		return from, 0, errors.New("'from' parameter must be a string")
	case v.Str != "start":
		if from, err = parseAddr(v.Str); err != nil {
			return from, 0, fmt.Errorf("'from' parameter value is neither 'start' keyword nor a valid IPv%d address", e.version)
		}
		if family(from) != e.version {
			return from, 0, fmt.Errorf("'from' parameter value %s is not an IPv%d address", from, e.version)
		}
		if from.IsUnspecified() {
			from = netip.Addr{}
		}
	}
	v = args.Get("limit")
	switch {
	case v == nil:
		err = errors.New("'limit' parameter not specified")
	case v.Kind != config.Int:
		err = errors.New("'limit' parameter must be a number")
	case v.Int < 0 || v.Int > math.MaxUint32:
		err = errors.New("'limit' parameter is not a 32 bit unsigned integer.")
	case v.Int == 0:
		err = errors.New("'limit' parameter must not be 0.")
	default:
		limit = v.Int
	}
	return from, limit, err
}

// byArg reads the one string argument of a get-by command.
func byArg(args *config.Value, name string) (string, error) {
	if args == nil || args.Kind != config.Map {
		return "", errors.New("Command arguments missing or a not a map.")
	}
	v := args.Get(name)
	switch {
	case v == nil:
		return "", fmt.Errorf("'%s' parameter not specified", name)
	case v.Kind != config.String:
		return "", fmt.Errorf("'%s' parameter must be a string", name)
	}
	return v.Str, nil
}

func leaseGetByHWAddress(e *Engine, c *CommandReceived) Answer {
	text, err := byArg(c.Arguments, "hw-address")
	if err == nil && text == "" {
		err = errors.New("'hw-address' parameter must not be empty")
	}
	if err != nil {
		return failed(err)
	}
	hw, err := parseHWAddr(text)
	if err != nil {
		return failure("bad 'hw-address' parameter: %v", err)
	}
	found := e.store.ByHWAddr(nil, hw)
	return e.leasesFound(found, len(found), "")
}

func leaseGetByClientID(e *Engine, c *CommandReceived) Answer {
	return e.leaseGetByIdentifier(c, "client-id")
}

func leaseGetByDUID(e *Engine, c *CommandReceived) Answer { return e.leaseGetByIdentifier(c, "duid") }

func (e *Engine) leaseGetByIdentifier(c *CommandReceived, name string) Answer {
	text, err := byArg(c.Arguments, name)
	if err != nil {
		return failed(err)
	}
	id, err := parseIdentifier(text, e.version)
	if err != nil {
		return failure("bad '%s' parameter: %v", name, err)
	}
	found := e.store.ByClientID(nil, id)
	return e.leasesFound(found, len(found), "")
}

func leaseGetByHostname(e *Engine, c *CommandReceived) Answer {
	name, err := byArg(c.Arguments, "hostname")
	if err == nil && name == "" {
		err = errors.New("'hostname' parameter is empty")
	}
	if err != nil {
		return failed(err)
	}
	found := e.store.ByHostname(nil, name)
	return e.leasesFound(found, len(found), "")
}

var stateNumbers = map[string]int64{
	"default": 0, "assigned": 0, "declined": 1, "expired-reclaimed": 2, "released": 3, "registered": 4,
}

var stateNames = [...]string{"default", "declined", "expired-reclaimed", "released", "registered"}

func leaseGetByState(e *Engine, c *CommandReceived) Answer {
	args := c.Arguments
	if args == nil || args.Kind != config.Map {
		return failure("Command arguments missing or a not a map.")
	}
	state, err := stateArg(args.Get("state"))
	if err != nil {
		return failed(err)
	}
	suffix := fmt.Sprintf(" with state %d", state)
	if int(state) < len(stateNames) {
		suffix = fmt.Sprintf(" with state %s (%d)", stateNames[state], state)
	}
	subnet := uint32(0)
	if v := args.Get("subnet-id"); v != nil {
		switch {
		case v.Kind != config.Int:
			return failure("'subnet-id' parameter must be a number")
		case v.Int < 0 || v.Int > math.MaxUint32:
			return failure("'subnet-id' parameter must be a 32 bit unsigned integer")
		}
		if subnet = uint32(v.Int); subnet != 0 {
			suffix += fmt.Sprintf(" in subnet %d", subnet)
		}
	}
	if state > uint32(lease.Registered) {
		return e.leasesFound(nil, 0, suffix)
	}
	return e.group(c, []uint32{subnet}, lease.Group{State: lease.State(state)}, suffix)
}

func stateArg(v *config.Value) (uint32, error) {
	switch {
	case v == nil:
		return 0, errors.New("'state' parameter not specified")
	case v.Kind == config.Int:
		return uint32(v.Int), nil
	case v.Kind != config.String:
		return 0, errors.New("'state' parameter must be a number or a string")
	case v.Str == "":
		return 0, errors.New("'state' parameter is empty")
	}
	n, ok := stateNumbers[v.Str]
	if !ok {
		return 0, fmt.Errorf("'state' parameter value (%s) is not recognized", v.Str)
	}
	return uint32(n), nil
}
