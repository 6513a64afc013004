package server

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
)

// refusal ends a command that edits the configuration with an answer.
type refusal struct {
	result int
	text   string
}

func (r refusal) Error() string { return r.text }

func refused(format string, a ...any) error {
	return refusal{control.Failure, fmt.Sprintf(format, a...)}
}

func missing(format string, a ...any) error {
	return refusal{control.Empty, fmt.Sprintf(format, a...)}
}

// answered turns the error of a command into its answer.
func answered(err error) control.Answer {
	if r := (refusal{}); errors.As(err, &r) {
		return control.Answer{Result: r.result, Text: r.text}
	}
	return failure("%v", err)
}

// edit changes a copy of the configuration's tree, checks the result like any
// configuration and serves by it. change returns what makes the answer.
func (s *Server) edit(ctx context.Context, f *family,
	change func(tree *config.Value) (answer func(*config.Family) control.Answer, err error)) control.Answer {
	s.changing.Lock()
	defer s.changing.Unlock()
	tree := f.cfg.Load().Tree.Clone()
	answer, err := change(tree)
	if err != nil {
		return answered(err)
	}
	next, err := s.parse(f, tree)
	if err != nil {
		return answered(err)
	}
	if _, err := s.configureLocked(ctx, f, next, true); err != nil {
		return answered(err)
	}
	return answer(next)
}

// saying is the answer of an edit that has nothing to look up.
func saying(text string, args ...config.Member) func(*config.Family) control.Answer {
	a := control.Answer{Text: text}
	if len(args) > 0 {
		a.Arguments = arguments(args...)
	}
	return func(*config.Family) control.Answer { return a }
}

// place is where a subnet stands in a tree.
type place struct {
	list    *config.Value // the list it is in
	index   int
	network *config.Value // nil: not in a shared network
}

func (p place) value() *config.Value { return p.list.List[p.index] }

func (p place) remove() { p.list.List = slices.Delete(p.list.List, p.index, p.index+1) }

func (f *family) subnetKey() string { return fmt.Sprintf("subnet%d", f.version) }

// places calls visit for every subnet of a tree until it returns false.
func (f *family) places(tree *config.Value, visit func(place) bool) {
	in := func(list, network *config.Value) bool {
		for i := range elements(list) {
			if !visit(place{list, i, network}) {
				return false
			}
		}
		return true
	}
	for _, n := range elements(tree.Get("shared-networks")) {
		if !in(n.Get(f.subnetKey()), n) {
			return
		}
	}
	in(tree.Get(f.subnetKey()), nil)
}

// placed finds the subnet that fits.
func (f *family) placed(tree *config.Value, fits func(*config.Value) bool) (found place, ok bool) {
	f.places(tree, func(p place) bool {
		if fits(p.value()) {
			found, ok = p, true
		}
		return !ok
	})
	return found, ok
}

func byID(id int64) func(*config.Value) bool {
	return func(v *config.Value) bool { x := v.Get("id"); return x != nil && x.Int == id }
}

func byPrefix(text string) func(*config.Value) bool {
	want, err := netip.ParsePrefix(strings.ReplaceAll(text, " ", ""))
	return func(v *config.Value) bool {
		have, haveErr := netip.ParsePrefix(stringOf(v, "subnet"))
		return err == nil && haveErr == nil && want == have
	}
}

// networkNamed finds a shared network of a tree.
func networkNamed(tree *config.Value, name string) (index int, found *config.Value) {
	for i, n := range elements(tree.Get("shared-networks")) {
		if stringOf(n, "name") == name {
			return i, n
		}
	}
	return -1, nil
}

func stringOf(v *config.Value, key string) string {
	if x := v.Get(key); x != nil && x.Kind == config.String {
		return x.Str
	}
	return ""
}

func intOf(v *config.Value, key string) int64 {
	if x := v.Get(key); x != nil && x.Kind == config.Int {
		return x.Int
	}
	return 0
}

// listIn returns the list of a key, made if there is none.
func listIn(v *config.Value, key string) *config.Value {
	if l := v.Get(key); l != nil && l.Kind == config.List {
		return l
	}
	l := config.NewList()
	v.Set(key, l)
	return l
}

// inherited are the parameters that a tree shows at a subnet although they
// come from above it.
var inherited = []string{
	"valid-lifetime", "min-valid-lifetime", "max-valid-lifetime",
	"preferred-lifetime", "min-preferred-lifetime", "max-preferred-lifetime",
	"renew-timer", "rebind-timer", "calculate-tee-times", "t1-percent", "t2-percent",
	"cache-threshold", "cache-max-age", "adaptive-lease-time-threshold", "offer-lifetime",
	"store-extended-info", "allocator", "pd-allocator",
}

// leave drops what a subnet has from above, before it moves elsewhere.
func leave(subnet, above *config.Value) {
	same := func(key string) bool {
		own, theirs := subnet.Get(key), above.Get(key)
		return own != nil && theirs != nil && string(own.AppendJSON(nil)) == string(theirs.AppendJSON(nil))
	}
	for _, name := range lifetimes {
		// Bounds of a lifetime of its own are its own, too.
		if same(name) {
			singleLifetime(subnet, name)
		}
	}
	for _, key := range inherited {
		if same(key) {
			subnet.Remove(key)
		}
	}
}

// sortMembers puts the members of a map in order.
func sortMembers(v *config.Value) {
	slices.SortFunc(v.Members, func(a, b config.Member) int { return strings.Compare(a.Key, b.Key) })
}

// mapArgs returns the arguments of a subnet or network command.
func mapArgs(c *control.Command) (*config.Value, error) {
	switch {
	case c.Arguments == nil:
		return nil, refused("no arguments specified for the '%s' command", c.Name)
	case c.Arguments.Kind != config.Map:
		return nil, refused("arguments specified for the '%s' command are not a map", c.Name)
	}
	return c.Arguments, nil
}

// oneMap returns the only element of a list argument; what names its kind.
func oneMap(c *control.Command, key, what string) (*config.Value, error) {
	v := c.Arguments.Get(key)
	switch {
	case v == nil:
		return nil, refused("missing '%s' argument for the '%s' command", key, c.Name)
	case v.Kind != config.List:
		return nil, refused("'%s' argument specified for the '%s' command is not a list", key, c.Name)
	case len(v.List) != 1:
		return nil, refused("invalid number of %ss specified for the '%s' command. Expected one %s", what, c.Name, what)
	case v.List[0].Kind != config.Map:
		return nil, refused("invalid %s information specified for the '%s' command. Expected a map", what, c.Name)
	}
	return v.List[0].Clone(), nil
}

// nameArg returns a string argument that must be there.
func nameArg(c *control.Command, key string) (string, error) {
	v := c.Arguments.Get(key)
	switch {
	case v == nil:
		return "", refused("missing '%s' argument for the '%s' command", key, c.Name)
	case v.Kind != config.String:
		return "", refused("'%s' argument specified for the '%s' command is not a string", key, c.Name)
	}
	return v.Str, nil
}
