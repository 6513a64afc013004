package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"leasehold/config"
)

func newDiff(c *client) *cobra.Command {
	return &cobra.Command{
		Use:   "diff [A [B]]",
		Short: "Compare the configurations of a pair by meaning",
		Long: `Compare two configurations by what they mean for clients and for the pair: subnets
and their ids, pools, prefixes, options, reservations, classes, lifetimes, and what both
must say alike of high availability. The order and layout of the text, defaults that are
written out, and what each server has of its own (its name, interfaces, sockets, files,
logs) make no difference. The exit code is 1 where something differs.

A and B are files, paths of control sockets, or URLs. Without B, A is compared with the
running server; without both, the running server with its partner, at the address that
the configuration has for it. A partner that is a Kea whose listener lets only commands
of high availability in (restrict-commands) has to be named by its socket, URL or file.`,
		Example: "  leasehold ha diff\n  leasehold ha diff server1.conf server2.conf\n  leasehold ha diff --socket /run/kea/kea4-ctrl-socket https://192.0.2.2:8001/",
		Args:    cobra.MaximumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			a, b, err := c.sides(contextOf(cmd), args)
			if err != nil {
				return err
			}
			secrets := !a.mirrored && !b.mirrored
			found := differences(facetsOf(a.family, secrets), facetsOf(b.family, secrets))
			if c.json {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(append([]difference{}, found...))
			} else {
				printDifferences(cmd.OutOrStdout(), found, a.name, b.name)
			}
			if err == nil && len(found) > 0 {
				return quiet(1)
			}
			return err
		},
	}
}

// side is one configuration of a comparison.
type side struct {
	name     string
	family   *config.Family
	mirrored bool // without credentials
}

// sides finds the two configurations that the arguments mean.
func (c *client) sides(ctx context.Context, args []string) (a, b side, err error) {
	if len(args) < 2 {
		if a, err = c.side(ctx, "this server", ""); err != nil {
			return a, b, err
		}
	}
	switch len(args) {
	case 0:
		b, err = c.partnerSide(ctx, a.family)
	case 1:
		b, err = c.side(ctx, args[0], args[0])
	case 2:
		if a, err = c.side(ctx, args[0], args[0]); err == nil {
			b, err = c.side(ctx, args[1], args[1])
		}
	}
	return a, b, err
}

// side reads a file, or asks the server at an address; "" is the server of the
// command line.
func (c *client) side(ctx context.Context, name, address string) (side, error) {
	if address == "" {
		f, err := c.configuration(ctx)
		return side{name: name, family: f}, err
	}
	if info, err := os.Stat(address); err == nil && info.Mode()&os.ModeSocket == 0 {
		cfg, problems, err := checkFile(address)
		switch {
		case err != nil:
			return side{}, err
		case cfg == nil:
			return side{}, problems
		case c.v6 && cfg.V6 != nil || cfg.V4 == nil && cfg.V6 != nil:
			return side{name: name, family: cfg.V6}, nil
		case cfg.V4 != nil && !c.v6:
			return side{name: name, family: cfg.V4}, nil
		}
		return side{}, fmt.Errorf("%s has no Dhcp%s", address, c.family())
	}
	f, err := c.toward(address).configuration(ctx)
	return side{name: name, family: f}, err
}

// partnerSide asks the partner of the first relationship.
func (c *client) partnerSide(ctx context.Context, f *config.Family) (side, error) {
	if len(f.Relationships) == 0 {
		return side{}, errNoPair
	}
	p := f.Relationships[0].Partner()
	if p == nil {
		return side{}, fmt.Errorf("%s has no partner", f.Relationships[0].ThisServer)
	}
	at, err := c.toPeer(p)
	if err != nil {
		return side{}, err
	}
	if mirror, err := at.parsed(ctx, "leasehold-mirror"); err == nil {
		return side{p.Name, mirror, true}, nil
	}
	other, err := at.configuration(ctx)
	if err != nil {
		return side{}, fmt.Errorf("ask %s at %s, name its file, control socket or another URL instead: %w", p.Name, p.URL, err)
	}
	return side{name: p.Name, family: other}, nil
}

// difference is one thing that two configurations say differently. The side
// that does not say it has no value.
type difference struct {
	Path string `json:"path"`
	A    *said  `json:"a,omitempty"`
	B    *said  `json:"b,omitempty"`
}

// said is what one configuration says, and where.
type said struct {
	Value string `json:"value,omitempty"` // "" for a thing with parts
	At    string `json:"at,omitempty"`
}

func (f *facet) said() *said {
	s := &said{f.value, place(f.pos)}
	if f.hidden {
		s.Value = "(hidden)"
	}
	return s
}

// place prints where something stands in a file; answers of servers have no
// places.
func place(p config.Pos) string {
	if p.Line == 1 && (p.File == "config-get" || p.File == "leasehold-mirror") {
		return ""
	}
	return p.String()
}

// differences compares two facets of the same name.
func differences(a, b *facet) []difference { return inherited(a.compare(b, "")) }

// inherited leaves out what differs below only because it differs above: a
// subnet has the parameters that it was not given from the top, and bounds of
// a lifetime follow the lifetime.
func inherited(found []difference) []difference {
	alike := func(x, y *said) bool {
		return (x == nil) == (y == nil) && (x == nil || x.Value == y.Value && x.Value != "")
	}
	same := func(d, above difference) bool { return alike(d.A, above.A) && alike(d.B, above.B) }
	at := map[string]difference{}
	for _, d := range found {
		at[d.Path] = d
	}
	return slices.DeleteFunc(found, func(d difference) bool {
		dir, key := path.Split(d.Path)
		if base := strings.TrimPrefix(strings.TrimPrefix(key, "min-"), "max-"); base != key && same(d, at[dir+base]) {
			return true
		}
		above, given := at[key]
		return given && dir != "" && same(d, above)
	})
}

func (f *facet) compare(g *facet, at string) (found []difference) {
	if f.value != g.value {
		return []difference{{at, f.said(), g.said()}}
	}
	below := func(name string) string { return strings.TrimPrefix(at+"/"+name, "/") }
	for _, x := range f.parts {
		if y := g.byName[x.name]; y != nil {
			found = append(found, x.compare(y, below(x.name))...)
		} else {
			found = append(found, difference{below(x.name), x.said(), nil})
		}
	}
	for _, y := range g.parts {
		if f.byName[y.name] == nil {
			found = append(found, difference{below(y.name), nil, y.said()})
		}
	}
	return found
}

func printDifferences(w io.Writer, found []difference, a, b string) {
	tell := func(s *said, name string) string {
		if s.Value != "" {
			name = s.Value + " in " + name
		}
		if s.At != "" {
			name += " (" + s.At + ")"
		}
		return name
	}
	for _, d := range found {
		switch {
		case d.B == nil:
			fmt.Fprintf(w, "%s: only %s\n", d.Path, onlyIn(tell(d.A, a), d.A))
		case d.A == nil:
			fmt.Fprintf(w, "%s: only %s\n", d.Path, onlyIn(tell(d.B, b), d.B))
		default:
			fmt.Fprintf(w, "%s: %s, %s\n", d.Path, tell(d.A, a), tell(d.B, b))
		}
	}
	switch len(found) {
	case 0:
		fmt.Fprintf(w, "%s and %s mean the same\n", a, b)
	case 1:
		fmt.Fprintln(w, "1 difference")
	default:
		fmt.Fprintf(w, "%d differences\n", len(found))
	}
}

func onlyIn(text string, s *said) string {
	if s.Value == "" {
		return "in " + text
	}
	return text
}
