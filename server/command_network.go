package server

import (
	"context"
	"fmt"
	"slices"

	"leasehold/config"
	"leasehold/server/control"
)

func networkList(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	list := config.NewList()
	for _, n := range f.cfg.Load().Networks {
		list.List = append(list.List, networkName(n.Name))
	}
	a := control.Answer{Text: plural(len(list.List), f.protocol()+" network") + " found",
		Arguments: arguments(config.M("shared-networks", list))}
	if len(list.List) == 0 {
		a.Result = control.Empty
	}
	return a
}

func networkName(name string) *config.Value {
	return config.NewMap(config.M("name", config.NewString(name)))
}

func networkGet(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	args, err := mapArgs(c)
	if err != nil {
		return answered(err)
	}
	name := args.Get("name")
	switch {
	case name == nil:
		return failure("invalid '%s': missing mandatory 'name' parameter", c.Name)
	case name.Kind != config.String:
		return failure("'name' parameter must be a string")
	}
	_, n := networkNamed(f.cfg.Load().Tree, name.Str)
	if n == nil {
		return control.Answer{Result: control.Empty, Text: fmt.Sprintf("No '%s' shared network found", name.Str)}
	}
	return control.Answer{Text: fmt.Sprintf("Info about %s shared network '%s' returned", f.protocol(), name.Str),
		Arguments: arguments(config.M("shared-networks", config.NewList(n)))}
}

func networkAdd(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	if _, err := mapArgs(c); err != nil {
		return answered(err)
	}
	v, err := oneMap(c, "shared-networks", "network")
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		name := stringOf(v, "name")
		if _, twin := networkNamed(tree, name); twin != nil && name != "" {
			return nil, refused("duplicate network '%s' found in the configuration", name)
		}
		list := listIn(tree, "shared-networks")
		list.List = append(list.List, v)
		return saying(fmt.Sprintf("A new %s shared network '%s' added", f.protocol(), name),
			config.M("shared-networks", config.NewList(networkName(name)))), nil
	})
}

func networkDel(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	args, err := mapArgs(c)
	if err != nil {
		return answered(err)
	}
	name, action := args.Get("name"), args.Get("subnets-action")
	switch {
	case name == nil:
		return failure("network name ('name') is required for the '%s' command", c.Name)
	case name.Kind != config.String:
		return failure("network name ('name') specified for the '%s' is not a string", c.Name)
	case action != nil && action.Kind != config.String:
		return failure("subnets-action parameter for %s command must be a string. Supported values are: 'keep' and 'delete'.", c.Name)
	case action != nil && action.Str != "keep" && action.Str != "delete":
		return failure("Invalid value for subnets-action parameter: %s, Supported values: 'keep' and 'delete'.", action.Str)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		i, n := networkNamed(tree, name.Str)
		if n == nil {
			return nil, missing("no shared network with name '%s' found", name.Str)
		}
		networks := tree.Get("shared-networks")
		networks.List = slices.Delete(networks.List, i, i+1)
		if action == nil || action.Str == "keep" {
			list := listIn(tree, f.subnetKey())
			for _, v := range elements(n.Get(f.subnetKey())) {
				leave(v, n)
				list.List = append(list.List, v)
			}
		}
		return saying(fmt.Sprintf("%s shared network '%s' deleted", f.protocol(), name.Str),
			config.M("shared-networks", config.NewList(networkName(name.Str)))), nil
	})
}

// memberArgs returns the network and subnet that a command ties or unties.
func memberArgs(c *control.Command) (name string, id int64, err error) {
	if _, err = mapArgs(c); err != nil {
		return "", 0, err
	}
	if name, err = nameArg(c, "name"); err != nil {
		return "", 0, err
	}
	v := c.Arguments.Get("id")
	switch {
	case v == nil:
		return "", 0, refused("missing 'id' argument for the '%s' command", c.Name)
	case v.Kind != config.Int:
		return "", 0, refused("'id' argument specified for the '%s' command is not an integer", c.Name)
	}
	return name, v.Int, nil
}

func networkSubnetAdd(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	name, id, err := memberArgs(c)
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		_, n := networkNamed(tree, name)
		if n == nil {
			return nil, missing("no %s shared network with name '%s' found", f.protocol(), name)
		}
		p, ok := f.placed(tree, byID(id))
		switch {
		case !ok:
			return nil, missing("no %s subnet with id '%d' found", f.protocol(), id)
		case p.network != nil:
			return nil, refused("subnet %s (id %d) is already part of the shared network '%s'", stringOf(p.value(), "subnet"), id, stringOf(p.network, "name"))
		}
		v := p.value()
		p.remove()
		leave(v, tree)
		list := listIn(n, f.subnetKey())
		list.List = append(list.List, v)
		return saying(fmt.Sprintf("%s subnet %s (id %d) is now part of shared network '%s'", f.protocol(), stringOf(v, "subnet"), id, name)), nil
	})
}

func networkSubnetDel(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	name, id, err := memberArgs(c)
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		_, n := networkNamed(tree, name)
		if n == nil {
			return nil, missing("no %s shared network with name '%s' found", f.protocol(), name)
		}
		p, ok := f.placed(tree, byID(id))
		if !ok || p.network != n {
			return nil, missing("The %s subnet with id %d is not part of the shared network with name '%s' found", f.protocol(), id, name)
		}
		v := p.value()
		p.remove()
		leave(v, n)
		list := listIn(tree, f.subnetKey())
		list.List = append(list.List, v)
		return saying(fmt.Sprintf("%s subnet %s (id %d) is now removed from shared network '%s'", f.protocol(), stringOf(v, "subnet"), id, name)), nil
	})
}
