package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// haGuide tells how a pair is made and moved.
const haGuide = `Show and steer high availability.

A first pair: "leasehold ha init ADDRESS1 ADDRESS2 --from FILE" makes of the configuration
of one server those of two. Copy each to its server and start both; "ha status" shows when
both are in their normal state, "ha why" what each state depends on, "ha diff" whether the
configurations mean the same, and "ha drill" rehearses a failover.

Joining a Kea partner, or moving a live Kea pair: "leasehold ha maintenance start" on the
server that stays, which may be the Kea, makes it take all clients. Put Leasehold in place
of the other, on the same files; when "ha status" shows both in the normal state, the same
the other way round.`

func newHA(c *client) *cobra.Command {
	ha := &cobra.Command{Use: "ha", Short: "Show and steer high availability", Long: haGuide}
	partner := func(args []string) (any, error) {
		if len(args) == 0 {
			return map[string]any{}, nil
		}
		return map[string]any{"server-name": args[0]}, nil
	}
	ha.AddCommand(
		&cobra.Command{Use: "status", Short: "Show the pair as this server sees it", Args: cobra.NoArgs,
			RunE: c.verb("status-get", nil, printHA)},
		&cobra.Command{Use: "heartbeat [SERVER]", Short: "Show what the partner is told", Args: cobra.MaximumNArgs(1),
			RunE: c.verb("ha-heartbeat", partner, printTree)},
		&cobra.Command{Use: "sync SERVER", Short: "Fetch all leases from another server", Args: cobra.ExactArgs(1),
			RunE: c.verb("ha-sync", partner, printTree)},
		&cobra.Command{Use: "scopes [SCOPE…]", Short: "Serve these scopes; none: serve nobody",
			RunE: c.verb("ha-scopes", func(args []string) (any, error) {
				return map[string]any{"scopes": append([]string{}, args...)}, nil
			}, printTree)},
		&cobra.Command{Use: "continue [SERVER]", Short: "Go on from a state that waits for an operator", Args: cobra.MaximumNArgs(1),
			RunE: c.verb("ha-continue", partner, printTree)},
		&cobra.Command{Use: "reset [SERVER]", Short: "Begin again in the waiting state", Args: cobra.MaximumNArgs(1),
			RunE: c.verb("ha-reset", partner, printTree)},
		&cobra.Command{Use: "maintenance start|cancel", Short: "Take the partner's load while it is maintained, or give it back",
			Args: cobra.ExactArgs(1), ValidArgs: []string{"start", "cancel"},
			RunE: func(cmd *cobra.Command, args []string) error {
				if !slices.Contains(cmd.ValidArgs, args[0]) {
					return fmt.Errorf("maintenance can start or cancel, not %q", args[0])
				}
				return c.carryOut(cmd, "ha-maintenance-"+args[0], nil, printTree)
			}},
		newWhy(c), newDiff(c), newDrill(c), newInit(),
	)
	return ha
}
