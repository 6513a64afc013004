package engine

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"leasehold/config"
	"leasehold/server/wire"
)

// selectCommands are the commands that say which subnet would be selected.
func selectCommands(version int) map[string]Command {
	if version == 4 {
		return map[string]Command{"subnet4-select-test": subnet4SelectTest, "subnet4o6-select-test": subnet4o6SelectTest}
	}
	return map[string]Command{"subnet6-select-test": subnet6SelectTest}
}

// selectArgs are the facts of a query that select its subnet.
type selectArgs struct {
	iface   string
	ifaceID []byte
	addrs   map[string]netip.Addr // address, relay, local, remote, link, subnet
	classes []string
}

// parseSelect reads the arguments of a select-test command; versions has the
// family of each address that it takes, and 0 at interface-id if it takes that.
func parseSelect(args *config.Value, versions map[string]int) (s selectArgs, err error) {
	switch {
	case args == nil:
		return s, errors.New("empty arguments")
	case args.Kind != config.Map:
		return s, errors.New("arguments must be a map")
	}
	s.addrs = make(map[string]netip.Addr)
	for _, m := range sorted(args).Members {
		version, known := versions[m.Key]
		switch {
		case m.Key == "interface":
			s.iface, err = textEntry(m)
		case m.Key == "classes":
			s.classes, err = classesEntry(m.Value)
		case !known:
			err = fmt.Errorf("unknown entry '%s'", m.Key)
		case m.Key == "interface-id":
			s.ifaceID, err = interfaceIDEntry(m)
		default:
			s.addrs[m.Key], err = addressEntry(m, version)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

func textEntry(m config.Member) (string, error) {
	if m.Value.Kind != config.String {
		return "", fmt.Errorf("'%s' entry must be a string", m.Key)
	}
	return m.Value.Str, nil
}

func addressEntry(m config.Member, version int) (netip.Addr, error) {
	text, err := textEntry(m)
	if err != nil {
		return netip.Addr{}, err
	}
	a, err := parseAddr(text)
	if err != nil {
		return a, fmt.Errorf("bad '%s' entry: %w", m.Key, err)
	}
	if family(a) != version {
		return a, fmt.Errorf("bad '%s' entry: not IPv%d", m.Key, version)
	}
	return a, nil
}

// interfaceIDEntry reads hexadecimal digits or a text in quotes.
func interfaceIDEntry(m config.Member) ([]byte, error) {
	text, err := textEntry(m)
	if err != nil {
		return nil, err
	}
	if text == "" {
		return nil, fmt.Errorf("'%s' must be not empty", m.Key)
	}
	if len(text) > 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		return []byte(text[1 : len(text)-1]), nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimPrefix(text, "0x"), ":", ""))
	if err != nil {
		return nil, fmt.Errorf("value of '%s' was not recognized", m.Key)
	}
	return b, nil
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
	s, err := parseSelect(c.Arguments, map[string]int{"address": 4, "relay": 4, "local": 4, "remote": 4, "link": 4, "subnet": 4})
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
	q.classes = e.classesNamed(s.classes)
	return selected(e.select4(q))
}

func (e *Engine) classesNamed(names []string) (c classSet) {
	c.add(config.ClassAll)
	for _, name := range names {
		c.add(e.cfg.ClassID(name))
	}
	return c
}

func subnet6SelectTest(e *Engine, c *CommandReceived) Answer {
	s, err := parseSelect(c.Arguments, map[string]int{"interface-id": 0, "remote": 6, "link": 6})
	if err != nil {
		return failed(err)
	}
	classes := e.classesNamed(s.classes)
	link := s.addrs["link"]
	if s.ifaceID == nil && !link.IsValid() {
		found, _ := e.selection.direct6(s.iface, s.addrs["remote"], &classes)
		return selected(found)
	}
	found, _ := e.selection.relayed6(link, s.ifaceID, &classes)
	return selected(found)
}

// subnet4o6SelectTest tells what the 4o6 members of subnets say, although
// DHCPv4 over DHCPv6 is not served.
func subnet4o6SelectTest(e *Engine, c *CommandReceived) Answer {
	s, err := parseSelect(c.Arguments, map[string]int{"interface-id": 0,
		"address": 4, "relay": 4, "subnet": 4, "local": 6, "remote": 6, "link": 6})
	if err != nil {
		return failed(err)
	}
	classes := e.classesNamed(s.classes)
	for _, x := range e.cfg.Subnets {
		by := &x.Over6
		if remote := s.addrs["remote"]; (by.Prefix.IsValid() && remote.IsValid() && by.Prefix.Contains(remote) ||
			by.InterfaceID != "" && by.InterfaceID == string(s.ifaceID) ||
			by.Interface != "" && by.Interface == s.iface) && e.subnets[x.ID].allows(&classes) {
			return selected(e.subnets[x.ID])
		}
	}
	return selected(nil)
}

// selectQuery4 makes the message of a client that the facts describe.
func selectQuery4(s *selectArgs) []byte {
	b := make([]byte, 240, 300)
	b[0], b[1], b[2] = 1, 1, 6
	copy(b[236:], []byte{99, 130, 83, 99})
	ci, gi := addr4(s.addrs["address"]), addr4(s.addrs["relay"])
	copy(b[12:], ci[:])
	copy(b[24:], gi[:])
	b = append(b, wire.OptMessageType, 1, wire.Discover4)
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
