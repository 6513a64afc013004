package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
)

// identifierTypes are the members of a reservation that identify its client.
var identifierTypes = []string{"hw-address", "duid", "circuit-id", "client-id", "flex-id"}

// maxHWAddr is the longest hardware address that Kea knows.
const maxHWAddr = 20

// host is a reservation where it stands in a tree.
type host struct {
	subnet int64 // 0 = global
	list   *config.Value
	index  int
}

func (h host) value() *config.Value { return h.list.List[h.index] }

// shown is the reservation as commands answer it: with its subnet.
func (h host) shown() *config.Value {
	v := h.value().Clone()
	v.Set("subnet-id", config.NewInt(h.subnet))
	sortMembers(v)
	return v
}

// hosts returns the reservations of a tree that fit: global ones first, then
// those of subnets in the order of the tree.
func (f *family) hosts(tree *config.Value, fits func(host) bool) []host {
	var found []host
	in := func(subnet int64, list *config.Value) {
		for i := range elements(list) {
			if h := (host{subnet, list, i}); fits(h) {
				found = append(found, h)
			}
		}
	}
	in(0, tree.Get("reservations"))
	f.places(tree, func(p place) bool {
		in(intOf(p.value(), "id"), p.value().Get("reservations"))
		return true
	})
	return found
}

// identifier reads an identifier as configurations have it: a text in quotes,
// or hexadecimal digits with or without separators.
func identifier(text string) ([]byte, error) {
	if len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		return []byte(text[1 : len(text)-1]), nil
	}
	digits := strings.TrimPrefix(text, "0x")
	for _, sep := range []string{":", " "} {
		if !strings.Contains(digits, sep) {
			continue
		}
		octets := strings.Split(digits, sep)
		for i, o := range octets {
			if len(o) == 1 {
				octets[i] = "0" + o
			} else if len(o) != 2 {
				return nil, errors.New("not a string of octets")
			}
		}
		return hex.DecodeString(strings.Join(octets, ""))
	}
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	return hex.DecodeString(digits)
}

// identifiedBy says whether a reservation has an identifier.
func identifiedBy(typ string, id []byte) func(host) bool {
	return func(h host) bool {
		v := h.value().Get(typ)
		if v == nil || v.Kind != config.String {
			return false
		}
		own, err := identifier(v.Str)
		return err == nil && string(own) == string(id)
	}
}

// reserving says whether a reservation is for an address or prefix.
func reserving(a netip.Addr) func(host) bool {
	same := func(text string) bool {
		text, _, _ = strings.Cut(text, "/")
		own, err := netip.ParseAddr(text)
		return err == nil && own == a
	}
	return func(h host) bool {
		v := h.value()
		if same(stringOf(v, "ip-address")) {
			return true
		}
		for _, key := range []string{"ip-addresses", "prefixes"} {
			for _, x := range elements(v.Get(key)) {
				if x.Kind == config.String && same(x.Str) {
					return true
				}
			}
		}
		return false
	}
}

func both(a, b func(host) bool) func(host) bool {
	return func(h host) bool { return a(h) && b(h) }
}

func inSubnet(id int64) func(host) bool {
	return func(h host) bool { return h.subnet == id }
}

// hostArgs returns the arguments of a reservation command whose target, if
// given, is what we have: the configuration.
func hostArgs(c *control.Command) (*config.Value, error) {
	args := c.Arguments
	if args == nil || args.Kind != config.Map {
		return nil, refused("Parameters missing or are not a map.")
	}
	target := args.Get("operation-target")
	switch {
	case target == nil:
		return args, nil
	case target.Kind != config.String:
		return nil, refused("invalid type specified for parameter 'operation-target' (%s)", target.Pos)
	}
	switch target.Str {
	case "memory", "all", "default":
		return args, nil
	case "database":
		return nil, refused("Host database not available: reservations are in the configuration.")
	}
	return nil, refused("The 'operation-target' value (%s) is not within expected set: (memory, database, all, default)", target.Str)
}

// subnetID reads a subnet-id; given says whether there is one.
func subnetID(args *config.Value) (id int64, given bool, err error) {
	v := args.Get("subnet-id")
	switch {
	case v == nil:
		return 0, false, nil
	case v.Kind != config.Int:
		return 0, true, refused("invalid type specified for parameter 'subnet-id' (%s)", v.Pos)
	case v.Int < 0 || v.Int >= math.MaxUint32:
		return 0, true, refused("The 'subnet-id' value (%d) is not within expected range: (0 - 4294967294)", v.Int)
	}
	return v.Int, true, nil
}

// identifierPair reads identifier-type and identifier.
func identifierPair(args *config.Value, without string) (func(host) bool, error) {
	typ, id := args.Get("identifier-type"), args.Get("identifier")
	if typ == nil || typ.Kind != config.String {
		return nil, refused("%s'identifier-type' is either missing or not a string.", without)
	}
	if id == nil || id.Kind != config.String {
		return nil, refused("%s'identifier' is either missing or not a string.", without)
	}
	b, err := identifier(id.Str)
	switch {
	case err != nil:
		return nil, refused("Unable to parse 'identifier' value.")
	case len(b) == 0:
		return nil, refused("Unable to query for empty 'identifier'.")
	case !slices.Contains(identifierTypes, typ.Str):
		return nil, refused("Value of 'identifier-type' was not recognized.")
	}
	return identifiedBy(typ.Str, b), nil
}

// whichHost reads which one reservation a command means.
func (f *family) whichHost(c *control.Command) (func(host) bool, error) {
	args, err := hostArgs(c)
	if err != nil {
		return nil, err
	}
	id, given, err := subnetID(args)
	if err != nil {
		return nil, err
	}
	addr := args.Get("ip-address")
	if addr != nil {
		if addr.Kind != config.String {
			return nil, refused("'ip-address' is not a string.")
		}
		if !given {
			return nil, refused("missing parameter 'subnet-id', use 'reservation-get-by-address' with 'ip-address' set to \"%s\" to get the list of reservations with this address", addr.Str)
		}
		a, err := netip.ParseAddr(addr.Str)
		if err != nil {
			return nil, refused("Failed to convert string to address '%s': Invalid argument", addr.Str)
		}
		return both(inSubnet(id), reserving(a)), nil
	}
	if !given && args.Get("identifier-type") == nil && args.Get("identifier") == nil {
		return nil, refused("missing parameter 'subnet-id' (%s)", args.Pos)
	}
	fits, err := identifierPair(args, "No 'ip-address' provided and ")
	if err != nil {
		return nil, err
	}
	if !given {
		return nil, refused("missing parameter 'subnet-id', use 'reservation-get-by-id' with 'identifier-type' set to \"%s\" and 'identifier' to \"%s\" to get the list of reservations with this identifier",
			stringOf(args, "identifier-type"), stringOf(args, "identifier"))
	}
	return both(inSubnet(id), fits), nil
}

func reservationGet(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	fits, err := f.whichHost(c)
	if err != nil {
		return answered(err)
	}
	found := f.hosts(f.cfg.Load().Tree, fits)
	if len(found) == 0 {
		return control.Answer{Result: control.Empty, Text: "Host not found."}
	}
	return control.Answer{Text: "Host found.", Arguments: found[0].shown().AppendJSON(nil)}
}

// hostsFound is the answer that lists reservations.
func (f *family) hostsFound(found []host, more ...config.Member) control.Answer {
	list := config.NewList()
	for _, h := range found {
		list.List = append(list.List, h.shown())
	}
	v := config.NewMap(append(more, config.M("hosts", list))...)
	sortMembers(v)
	a := control.Answer{Text: fmt.Sprintf("%d %s host(s) found.", len(found), f.protocol()), Arguments: v.AppendJSON(nil)}
	if len(found) == 0 {
		a.Result = control.Empty
	}
	return a
}

// list answers with all reservations that fit.
func (f *family) listHosts(fits func(host) bool) control.Answer {
	return f.hostsFound(f.hosts(f.cfg.Load().Tree, fits))
}

func reservationGetAll(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := hostArgs(c)
	if err != nil {
		return answered(err)
	}
	id, given, err := subnetID(args)
	switch {
	case err != nil:
		return answered(err)
	case !given:
		return failure("missing parameter 'subnet-id' (%s)", args.Pos)
	}
	return f.listHosts(inSubnet(id))
}

// optionalSubnet restricts fits to a subnet, if the arguments name one.
func (f *family) optionalSubnet(args *config.Value, fits func(host) bool) (func(host) bool, error) {
	id, given, err := subnetID(args)
	if err != nil || !given {
		return fits, err
	}
	if _, ok := f.placed(f.cfg.Load().Tree, byID(id)); !ok && id != 0 {
		return nil, refused("%s subnet with ID of '%d' is not configured", f.protocol(), id)
	}
	return both(inSubnet(id), fits), nil
}

func reservationGetByHostname(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := hostArgs(c)
	if err != nil {
		return answered(err)
	}
	v := args.Get("hostname")
	switch {
	case v == nil:
		return failure("missing parameter 'hostname' (%s)", args.Pos)
	case v.Kind != config.String:
		return failure("invalid type specified for parameter 'hostname' (%s)", v.Pos)
	case v.Str == "":
		return failure("Empty hostname")
	}
	fits, err := f.optionalSubnet(args, func(h host) bool { return strings.EqualFold(stringOf(h.value(), "hostname"), v.Str) })
	if err != nil {
		return answered(err)
	}
	return f.listHosts(fits)
}

func reservationGetByID(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := hostArgs(c)
	if err != nil {
		return answered(err)
	}
	if args.Get("subnet-id") != nil {
		return failure("'subnet-id' is forbidden in reservation-get-by-id")
	}
	fits, err := identifierPair(args, "")
	if err != nil {
		return answered(err)
	}
	return f.listHosts(fits)
}

func reservationGetByAddress(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := hostArgs(c)
	if err != nil {
		return answered(err)
	}
	v := args.Get("ip-address")
	switch {
	case v == nil:
		return failure("missing parameter 'ip-address' (%s)", args.Pos)
	case v.Kind != config.String:
		return failure("invalid type specified for parameter 'ip-address' (%s)", v.Pos)
	}
	a, err := netip.ParseAddr(v.Str)
	if err != nil {
		return failure("Failed to convert '%s' to address: Failed to convert string to address '%[1]s': Invalid argument(%s)", v.Str, v.Pos)
	}
	fits, err := f.optionalSubnet(args, reserving(a))
	if err != nil {
		return answered(err)
	}
	return f.listHosts(fits)
}

// maxHostPage bounds one page of reservations.
const maxHostPage = math.MaxUint32

// reservationGetPage lists reservations in their order, whose numbers, from 1,
// are what `from` means.
func reservationGetPage(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := hostArgs(c)
	if err != nil {
		return answered(err)
	}
	limit, err := numberArg(args, "limit", maxHostPage, true)
	if err != nil {
		return answered(err)
	}
	source, err := numberArg(args, "source-index", 10, false)
	if err != nil {
		return answered(err)
	}
	from, err := numberArg(args, "from", math.MaxInt64, false)
	if err != nil {
		return answered(err)
	}
	fits, err := f.optionalSubnet(args, func(host) bool { return true })
	if err != nil {
		return answered(err)
	}
	number, last := int64(0), from
	var page []host
	f.hosts(f.cfg.Load().Tree, func(h host) bool {
		number++
		if source == 0 && number > from && int64(len(page)) < limit && fits(h) {
			page = append(page, h)
			last = number
		}
		return false
	})
	if len(page) == 0 {
		return f.hostsFound(nil, config.M("count", config.NewInt(0)))
	}
	next := config.NewMap(config.M("from", config.NewInt(last)), config.M("source-index", config.NewInt(0)))
	return f.hostsFound(page, config.M("count", config.NewInt(int64(len(page)))), config.M("next", next))
}

func numberArg(args *config.Value, name string, most int64, mandatory bool) (int64, error) {
	v := args.Get(name)
	switch {
	case v == nil && mandatory:
		return 0, refused("missing parameter '%s' (%s)", name, args.Pos)
	case v == nil:
		return 0, nil
	case v.Kind != config.Int:
		return 0, refused("invalid type specified for parameter '%s' (%s)", name, v.Pos)
	case v.Int < 0 || v.Int > most:
		return 0, refused("The '%s' value (%d) is not within expected range: (0 - %d)", name, v.Int, most)
	}
	return v.Int, nil
}
