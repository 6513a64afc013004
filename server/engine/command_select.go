package engine

import (
	"errors"
	"fmt"
	"net/netip"

	"leasehold/config"
	"leasehold/server/wire"
)

// selectCommands are the commands that say which subnet would be selected.
func selectCommands(version int) map[string]Command {
	if version == 4 {
		return map[string]Command{"subnet4-select-test": subnet4SelectTest}
	}
	return nil
}

// selectArgs are the facts of a query that select its subnet.
type selectArgs struct {
	iface   string
	addrs   map[string]netip.Addr // address, relay, local, remote, link, subnet
	classes []string
}

// parseSelect reads the arguments of a select-test command; names are those of
// the addresses that it takes.
func parseSelect(args *config.Value, version int, names ...string) (s selectArgs, err error) {
	switch {
	case args == nil:
		return s, errors.New("empty arguments")
	case args.Kind != config.Map:
		return s, errors.New("arguments must be a map")
	}
	s.addrs = make(map[string]netip.Addr)
	known := make(map[string]bool, len(names))
	for _, n := range names {
		known[n] = true
	}
	for _, m := range sorted(args).Members {
		v := m.Value
		switch {
		case m.Key == "interface":
			if v.Kind != config.String {
				return s, errors.New("'interface' entry must be a string")
			}
			s.iface = v.Str
		case m.Key == "classes":
			if s.classes, err = classesEntry(v); err != nil {
				return s, err
			}
		case known[m.Key]:
			if v.Kind != config.String {
				return s, fmt.Errorf("'%s' entry must be a string", m.Key)
			}
			a, err := parseAddr(v.Str)
			if err != nil {
				return s, fmt.Errorf("bad '%s' entry: %w", m.Key, err)
			}
			if family(a) != version {
				return s, fmt.Errorf("bad '%s' entry: not IPv%d", m.Key, version)
			}
			s.addrs[m.Key] = a
		default:
			return s, fmt.Errorf("unknown entry '%s'", m.Key)
		}
	}
	return s, nil
}

func classesEntry(v *config.Value) ([]string, error) {
	if v.Kind != config.List {
		return nil, errors.New("'classes' entry must be a list")
	}
	var names []string
	for _, x := range v.List {
		if x.Kind != config.String {
			return nil, errors.New("'classes' entry must be a list of strings")
		}
		names = append(names, x.Str)
	}
	return names, nil
}

// located says whether an address selects the subnet, not the interface.
func (s *selectArgs) located() bool {
	for _, name := range [...]string{"address", "relay", "remote", "link", "subnet"} {
		if _, ok := s.addrs[name]; ok {
			return true
		}
	}
	return false
}

func subnet4SelectTest(e *Engine, c *CommandReceived) Answer {
	s, err := parseSelect(c.Arguments, 4, "address", "relay", "local", "remote", "link", "subnet")
	if err != nil {
		return failed(err)
	}
	q := new(Query)
	q.Data = selectQuery4(&s)
	q.Decode4()
	if q.Bad != nil {
		return failure("build the query: %v", q.Bad)
	}
	q.Arrival = wire.Arrival{Local: s.addrs["local"]}
	if a := s.addrs["remote"]; a.IsValid() {
		q.Arrival.Src = netip.AddrPortFrom(a, clientPort4)
	}
	q.Arrival.Multi = q.Arrival.Local == netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if q.Arrival.Iface = c.Iface; c.Iface == nil && s.iface != "" {
		if !s.located() {
			return failure("Error during command processing: interface %s doesn't exist and "+
				"therefore it is impossible to find a suitable subnet for its IPv4 address", s.iface)
		}
		q.Arrival.Iface = &wire.Interface{Name: s.iface}
	}
	q.classes.add(config.ClassAll)
	for _, name := range s.classes {
		q.classes.add(e.cfg.ClassID(name))
	}
	return selected(e.select4(q))
}

// selectQuery4 makes the message of a client that the facts describe.
func selectQuery4(s *selectArgs) []byte {
	b := make([]byte, 240, 300)
	b[0], b[1], b[2] = 1, 1, 6
	copy(b[236:], []byte{99, 130, 83, 99})
	ci, gi := addr4(s.addrs["address"]), addr4(s.addrs["relay"])
	copy(b[12:], ci[:])
	copy(b[24:], gi[:])
	b = append(b, wire.OptMessageType, 1, discover4)
	if a, ok := s.addrs["link"]; ok {
		x := addr4(a)
		b = append(append(b, wire.OptAgentOptions, 6, wire.RAILinkSelection, 4), x[:]...)
	}
	if a, ok := s.addrs["subnet"]; ok {
		x := addr4(a)
		b = append(append(b, wire.OptSubnetSelection, 4), x[:]...)
	}
	return append(b, 255)
}

func selected(s *subnet) Answer {
	switch {
	case s == nil:
		return Answer{Result: Empty, Text: "no subnet selected"}
	case s.network != nil:
		return Answer{Text: fmt.Sprintf("selected shared network '%s' starting with subnet '%s' id %d", s.network.Name, s.Text, s.ID)}
	}
	return Answer{Text: fmt.Sprintf("selected subnet '%s' id %d", s.Text, s.ID)}
}
