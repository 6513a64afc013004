package server

import (
	"context"
	"errors"
	"fmt"

	"leasehold/config"
	"leasehold/server/control"
)

// plural is how Kea counts: the noun gets an s unless there is one.
func plural(n int, noun string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func (f *family) protocol() string { return fmt.Sprintf("IPv%d", f.version) }

func subnetList(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	list := config.NewList()
	for _, s := range f.cfg.Load().Subnets {
		network := &config.Value{Kind: config.Null}
		if s.Network != nil {
			network = config.NewString(s.Network.Name)
		}
		list.List = append(list.List, config.NewMap(config.M("id", config.NewInt(int64(s.ID))),
			config.M("shared-network-name", network), config.M("subnet", config.NewString(s.Text))))
	}
	a := control.Answer{Text: plural(len(list.List), f.protocol()+" subnet") + " found",
		Arguments: arguments(config.M("subnets", list))}
	if len(list.List) == 0 {
		a.Result = control.Empty
	}
	return a
}

func subnetGet(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := mapArgs(c)
	if err != nil {
		return answered(err)
	}
	if len(args.Members) != 1 {
		return failure("invalid number of arguments %d for the '%s' command. Expecting 'id' or 'subnet'", len(args.Members), c.Name)
	}
	var fits func(*config.Value) bool
	var none string
	id, prefix := args.Get("id"), args.Get("subnet")
	switch {
	case prefix != nil && prefix.Kind != config.String:
		return failure("'subnet' parameter must be a string")
	case prefix != nil:
		fits, none = byPrefix(prefix.Str), fmt.Sprintf("No %s subnet found", prefix.Str)
	case id == nil:
		return failure("'id' or 'subnet' parameter required")
	case id.Kind != config.Int:
		return failure("'id' parameter must be an integer")
	default:
		fits, none = byID(id.Int), fmt.Sprintf("No subnet with id %d found", id.Int)
	}
	p, ok := f.placed(f.cfg.Load().Tree, fits)
	if !ok {
		return control.Answer{Result: control.Empty, Text: none}
	}
	v := p.value()
	return control.Answer{
		Text:      fmt.Sprintf("Info about %s subnet %s (id %d) returned", f.protocol(), stringOf(v, "subnet"), intOf(v, "id")),
		Arguments: arguments(config.M(f.subnetKey(), config.NewList(v))),
	}
}

// subnetArg returns the one subnet that a command brings.
func (f *family) subnetArg(c *control.Command, hint string) (*config.Value, error) {
	args, err := mapArgs(c)
	if err != nil {
		return nil, err
	}
	if len(args.Members) != 1 {
		return nil, refused("invalid number of arguments %d for the '%s' command. Expecting '%s' list", len(args.Members), c.Name, f.subnetKey())
	}
	v, err := oneMap(c, f.subnetKey(), "subnet")
	if err == nil && v.Get("reservations") != nil {
		err = refused("must not specify host reservations with '%s'.%s", c.Name, hint)
	}
	if err == nil && v.Get("id") != nil && v.Get("subnet") == nil {
		err = refused("subnet configuration failed: mandatory 'subnet' parameter is missing for a subnet being configured (%s)", v.Pos)
	}
	return v, err
}

// existing finds the subnet that a command brings a new form of.
func (f *family) existing(tree, v *config.Value, name string) (place, error) {
	id := v.Get("id")
	if id == nil {
		return place{}, refused("must specify subnet id with '%s' command.", name)
	}
	if id.Kind != config.Int {
		return place{}, refused("invalid type specified for parameter 'id' (%s)", id.Pos)
	}
	p, ok := f.placed(tree, byID(id.Int))
	if !ok {
		return p, missing("Can't find subnet '%d' to update", id.Int)
	}
	return p, nil
}

// subnetDone is the answer that names a subnet; its id may be a new one.
func (f *family) subnetDone(prefix, what string) func(*config.Family) control.Answer {
	return func(next *config.Family) control.Answer {
		id := int64(0)
		if p, ok := f.placed(next.Tree, byPrefix(prefix)); ok {
			id, prefix = intOf(p.value(), "id"), stringOf(p.value(), "subnet")
		}
		return saying(fmt.Sprintf("%s subnet %s", f.protocol(), what), config.M("subnets", config.NewList(subnetName(id, prefix))))(next)
	}
}

func subnetName(id int64, prefix string) *config.Value {
	return config.NewMap(config.M("id", config.NewInt(id)), config.M("subnet", config.NewString(prefix)))
}

func subnetAdd(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	v, err := f.subnetArg(c, " Use 'reservation-add' to add a reservation to a subnet")
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		if _, twin := f.placed(tree, byID(intOf(v, "id"))); twin {
			return nil, refused("ID of the new %s subnet '%d' is already in use", f.protocol(), intOf(v, "id"))
		}
		list := listIn(tree, f.subnetKey())
		list.List = append(list.List, v)
		return f.subnetDone(stringOf(v, "subnet"), "added"), nil
	})
}

func subnetUpdate(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	v, err := f.subnetArg(c, "")
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		p, err := f.existing(tree, v, c.Name)
		if err != nil {
			return nil, err
		}
		if hosts := p.value().Get("reservations"); hosts != nil {
			v.Set("reservations", hosts)
		}
		p.list.List[p.index] = v
		return f.subnetDone(stringOf(v, "subnet"), "updated"), nil
	})
}

func subnetDel(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	args, err := mapArgs(c)
	if err != nil {
		return answered(err)
	}
	id := args.Get("id")
	switch {
	case len(args.Members) != 1:
		return failure("invalid number of arguments specified for the '%s' command. Expected subnet identifier", c.Name)
	case id == nil:
		return failure("subnet identifier is required for the '%s' command", c.Name)
	case id.Kind != config.Int:
		return failure("subnet identifier specified for the '%s' is not a number", c.Name)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		p, ok := f.placed(tree, byID(id.Int))
		if !ok {
			return nil, missing("no subnet with id %d found", id.Int)
		}
		prefix := stringOf(p.value(), "subnet")
		p.remove()
		return saying(fmt.Sprintf("%s subnet %s (id %d) deleted", f.protocol(), prefix, id.Int),
			config.M("subnets", config.NewList(subnetName(id.Int, prefix)))), nil
	})
}

func subnetDeltaAdd(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	return subnetDelta(ctx, s, f, c, addParts)
}

func subnetDeltaDel(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	return subnetDelta(ctx, s, f, c, removeParts)
}

// subnetDelta applies a change to the parts of a subnet that the command names.
func subnetDelta(ctx context.Context, s *Server, f *family, c *control.Command, apply func(v, delta *config.Value)) control.Answer {
	delta, err := f.subnetArg(c, "")
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		p, err := f.existing(tree, delta, c.Name)
		if err != nil {
			return nil, err
		}
		v := p.value()
		singleLifetimes(v)
		if err := s.wellTyped(f, v, delta); err != nil {
			return nil, err
		}
		apply(v, delta)
		return f.subnetDone(stringOf(v, "subnet"), "updated"), nil
	})
}

// wellTyped refuses members of a delta that have the wrong type: what is to be
// removed would not be looked at otherwise.
func (s *Server) wellTyped(f *family, v, delta *config.Value) error {
	both := v.Clone()
	addParts(both, delta)
	_, _, err := config.ParseFamily(f.version, config.NewMap(config.M(f.subnetKey(), config.NewList(both))))
	var ps config.Problems
	if !errors.As(err, &ps) {
		return nil
	}
	for _, p := range ps {
		if p.Code == "wrong-type" {
			return worded(config.Problems{p})
		}
	}
	return nil
}
