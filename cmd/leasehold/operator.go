package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"leasehold/config"
)

// addOperatorVerbs adds what talks to a running server. Each verb is one of
// Kea's commands, and a reader of its answer.
func addOperatorVerbs(root *cobra.Command) {
	c := &client{}
	status := &cobra.Command{
		Use:   "status",
		Short: "Show what the server is doing",
		Args:  cobra.NoArgs,
		RunE:  c.verb("status-get", nil, printTree),
	}
	command := &cobra.Command{
		Use:   "command NAME [ARGUMENTS]",
		Short: "Send any of Kea's commands; ARGUMENTS is JSON",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			var arguments json.RawMessage
			if len(args) == 2 {
				if !json.Valid([]byte(args[1])) {
					return errors.New("the arguments are no JSON")
				}
				arguments = json.RawMessage(args[1])
			}
			return c.carryOut(cmd, args[0], arguments, printTree)
		},
	}
	for _, verb := range []*cobra.Command{status, command, newLeases(c), newExplain(c), newShadow(c), newHA(c), newConfig(c)} {
		c.flags(verb.PersistentFlags())
		root.AddCommand(verb)
	}
}

// printer prints the arguments of an answer for people.
type printer func(w io.Writer, arguments json.RawMessage) error

// verb is a command whose arguments follow from those of the command line.
func (c *client) verb(name string, arguments func(args []string) (any, error), print printer) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		var text json.RawMessage
		if arguments != nil {
			v, err := arguments(args)
			if err != nil {
				return err
			}
			if text, err = json.Marshal(v); err != nil {
				return fmt.Errorf("encode arguments: %w", err)
			}
		}
		return c.carryOut(cmd, name, text, print)
	}
}

func (c *client) carryOut(cmd *cobra.Command, name string, arguments json.RawMessage, print printer) error {
	a, err := c.send(contextOf(cmd), name, arguments)
	out := cmd.OutOrStdout()
	if a != nil && c.json {
		fmt.Fprintf(out, "%s\n", a.raw)
		if err != nil {
			return quiet(1)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if a.Text != "" {
		fmt.Fprintln(out, a.Text)
	}
	if len(a.Arguments) > 0 && print != nil {
		return print(out, a.Arguments)
	}
	return nil
}

func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

func newConfig(c *client) *cobra.Command {
	top := &cobra.Command{Use: "config", Short: "Show, test and change the configuration"}
	file := func(args []string) (any, error) {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		// The dialect of files is wider than that of commands.
		v, _, err := config.ParseValue(args[0], text, true)
		if err != nil {
			return nil, err
		}
		return json.RawMessage(v.AppendJSON(nil)), nil
	}
	top.AddCommand(
		&cobra.Command{Use: "get", Short: "Print the running configuration", Args: cobra.NoArgs,
			RunE: c.verb("config-get", nil, printIndented)},
		&cobra.Command{Use: "hash", Short: "Print the hash of the running configuration", Args: cobra.NoArgs,
			RunE: c.verb("config-hash-get", nil, printTree)},
		&cobra.Command{Use: "test FILE", Short: "Let the server test a configuration", Args: cobra.ExactArgs(1),
			RunE: c.verb("config-test", file, printTree)},
		&cobra.Command{Use: "set FILE", Short: "Run with another configuration, in memory", Args: cobra.ExactArgs(1),
			RunE: c.verb("config-set", file, printTree)},
		&cobra.Command{Use: "reload", Short: "Read the configuration file again", Args: cobra.NoArgs,
			RunE: c.verb("config-reload", nil, printTree)},
		&cobra.Command{Use: "write [FILE]", Short: "Write the running configuration to its file, or another", Args: cobra.MaximumNArgs(1),
			RunE: c.verb("config-write", func(args []string) (any, error) {
				if len(args) == 0 {
					return map[string]any{}, nil
				}
				return map[string]any{"filename": args[0]}, nil
			}, printTree)},
	)
	return top
}

func newLeases(c *client) *cobra.Command {
	var by struct{ hw, clientID, duid, hostname, state string }
	top := &cobra.Command{
		Use:     "leases [ADDRESS]",
		Short:   "List leases, or those of one address or client",
		Example: "  leasehold leases\n  leasehold leases 192.0.2.10\n  leasehold leases --hw 02:00:00:00:00:01\n  leasehold leases -6 --duid 00:03:00:01:02:00:00:00:00:01",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.verb("lease"+c.family()+"-get", func([]string) (any, error) {
					return map[string]any{"ip-address": args[0]}, nil
				}, printLeases)(cmd, args)
			}
			for _, q := range []struct{ command, key, value string }{
				{"by-hw-address", "hw-address", by.hw}, {"by-client-id", "client-id", by.clientID},
				{"by-duid", "duid", by.duid}, {"by-hostname", "hostname", by.hostname}, {"by-state", "state", by.state},
			} {
				if q.value != "" {
					return c.verb("lease"+c.family()+"-get-"+q.command, func([]string) (any, error) {
						return map[string]any{q.key: q.value}, nil
					}, printLeases)(cmd, args)
				}
			}
			return c.listLeases(cmd)
		},
	}
	top.Flags().StringVar(&by.hw, "hw", "", "leases of a hardware `ADDRESS`")
	top.Flags().StringVar(&by.clientID, "client-id", "", "leases of a client `ID` (v4)")
	top.Flags().StringVar(&by.duid, "duid", "", "leases of a `DUID` (v6)")
	top.Flags().StringVar(&by.hostname, "hostname", "", "leases of a host `NAME`")
	top.Flags().StringVar(&by.state, "state", "", "leases in a `STATE`: assigned, declined, released …")
	top.AddCommand(
		&cobra.Command{Use: "delete ADDRESS", Short: "Delete a lease", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.verb("lease"+c.family()+"-del", func([]string) (any, error) {
					return map[string]any{"ip-address": args[0]}, nil
				}, printTree)(cmd, args)
			}},
		newLeasesExport(c), newLeasesImport(c), newLeasesConvert(c), newLeasesBackup(c),
	)
	return top
}

// leasePage is how many leases are asked for at once: the server works on one
// page between two batches of queries.
const leasePage = 1000

// listLeases prints every lease, page by page.
func (c *client) listLeases(cmd *cobra.Command) error {
	out := cmd.OutOrStdout()
	table := newLeaseTable(out)
	for from := "start"; ; {
		request, err := json.Marshal(map[string]any{"from": from, "limit": leasePage})
		if err != nil {
			return fmt.Errorf("encode arguments: %w", err)
		}
		a, err := c.send(contextOf(cmd), "lease"+c.family()+"-get-page", request)
		if err != nil {
			return err
		}
		if c.json {
			fmt.Fprintf(out, "%s\n", a.raw)
		}
		var page struct{ Leases []shownLease }
		if len(a.Arguments) > 0 {
			if err := json.Unmarshal(a.Arguments, &page); err != nil {
				return fmt.Errorf("read leases: %w", err)
			}
		}
		if !c.json {
			table.add(page.Leases)
		}
		if len(page.Leases) < leasePage {
			break
		}
		next := page.Leases[len(page.Leases)-1].Address
		if strings.EqualFold(next, from) {
			return fmt.Errorf("the server gives the page after %s again", from)
		}
		from = next
	}
	if c.json {
		return nil
	}
	return table.end()
}
