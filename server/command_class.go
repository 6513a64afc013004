package server

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"leasehold/config"
	"leasehold/server/control"
)

var kindNames = map[config.Kind]string{
	config.Null: "null", config.Bool: "boolean", config.Int: "integer", config.Real: "real",
	config.String: "string", config.List: "list", config.Map: "map",
}

// classArgs returns the one argument that a class command has.
func classArgs(c *control.Command, expected string) (*config.Value, error) {
	switch {
	case c.Arguments == nil:
		return nil, refused("invalid command '%s': 'arguments' is empty", c.Name)
	case c.Arguments.Kind != config.Map:
		return nil, refused("invalid command '%s': expected 'arguments' to be a map, got %s instead", c.Name, kindNames[c.Arguments.Kind])
	case len(c.Arguments.Members) == 0:
		return nil, refused("invalid command '%s': 'arguments' is empty", c.Name)
	case len(c.Arguments.Members) > 1:
		return nil, refused("invalid number of arguments %d for the '%s' command. Expecting %s", len(c.Arguments.Members), c.Name, expected)
	}
	return c.Arguments, nil
}

// classArg returns the class definition that a command brings.
func classArg(c *control.Command) (*config.Value, error) {
	args, err := classArgs(c, "'client-classes' list")
	if err != nil {
		return nil, err
	}
	list := args.Get("client-classes")
	switch {
	case list == nil:
		return nil, refused("missing 'client-classes' argument for the '%s' command", c.Name)
	case list.Kind != config.List:
		return nil, refused("'client-classes' argument specified for the '%s' command is not a list", c.Name)
	case len(list.List) != 1:
		return nil, refused("invalid number of classes specified for the '%s' command. Expected one class", c.Name)
	case list.List[0].Kind != config.Map:
		return nil, refused("invalid class definition specified for the '%s' command. Expected a map", c.Name)
	}
	return list.List[0].Clone(), nil
}

// classNamed finds a class of a tree.
func classNamed(tree *config.Value, name string) (int, *config.Value) {
	for i, v := range elements(tree.Get("client-classes")) {
		if stringOf(v, "name") == name {
			return i, v
		}
	}
	return -1, nil
}

func classAdd(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	v, err := classArg(c)
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		name := stringOf(v, "name")
		if _, twin := classNamed(tree, name); twin != nil && name != "" {
			return nil, refused("Client class '%s' has already been defined", name)
		}
		list := listIn(tree, "client-classes")
		list.List = append(list.List, v)
		return saying(fmt.Sprintf("Class '%s' added", name)), nil
	})
}

func classUpdate(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	v, err := classArg(c)
	if err != nil {
		return answered(err)
	}
	if v.Get("name") == nil {
		return failure("the first class definition is missing a mandatory 'name' parameter")
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		name := stringOf(v, "name")
		i, old := classNamed(tree, name)
		if old == nil {
			return nil, missing("Class '%s' is not found", name)
		}
		tree.Get("client-classes").List[i] = v
		return saying(fmt.Sprintf("Class '%s' updated", name)), nil
	})
}

func classDel(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	if _, err := classArgs(c, "'name' string"); err != nil {
		return answered(err)
	}
	name, err := nameArg(c, "name")
	if err != nil {
		return answered(err)
	}
	return s.edit(ctx, f, func(tree *config.Value) (func(*config.Family) control.Answer, error) {
		i, old := classNamed(tree, name)
		if old == nil {
			return nil, missing("Class '%s' not found", name)
		}
		list := tree.Get("client-classes")
		uses := regexp.MustCompile(`member\s*\(\s*'` + regexp.QuoteMeta(name) + `'\s*\)`)
		for _, v := range list.List {
			if other := stringOf(v, "name"); other != name && uses.MatchString(stringOf(v, "test")+stringOf(v, "template-test")) {
				return nil, refused("Class '%s' is used by class '%s'", name, other)
			}
		}
		list.List = slices.Delete(list.List, i, i+1)
		return saying(fmt.Sprintf("Class '%s' deleted", name)), nil
	})
}

func classGet(_ context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	if _, err := classArgs(c, "'name' string"); err != nil {
		return answered(err)
	}
	name, err := nameArg(c, "name")
	if err != nil {
		return answered(err)
	}
	_, v := classNamed(f.cfg.Load().Tree, name)
	if v == nil {
		return control.Answer{Result: control.Empty, Text: fmt.Sprintf("Class '%s' not found", name)}
	}
	return control.Answer{Text: fmt.Sprintf("Class '%s' definition returned", name),
		Arguments: arguments(config.M("client-classes", config.NewList(v)))}
}

func classList(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	list := config.NewList()
	for _, v := range elements(f.cfg.Load().Tree.Get("client-classes")) {
		list.List = append(list.List, config.NewMap(config.M("name", config.NewString(stringOf(v, "name")))))
	}
	a := control.Answer{Arguments: arguments(config.M("client-classes", list)), Text: fmt.Sprintf("%d classes found", len(list.List))}
	switch len(list.List) {
	case 0:
		a.Result = control.Empty
	case 1:
		a.Text = "1 class found"
	}
	return a
}
