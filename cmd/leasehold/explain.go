package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func newExplain(c *client) *cobra.Command {
	var limit int
	var dropped bool
	explain := &cobra.Command{
		Use:   "explain [CLIENT]",
		Short: "Show why a client got what it got",
		Long: `Show how the server decided about the last queries of a client, oldest first: where
the query came in, which subnet was chosen and by what, the classes it was in, the
reservation and pool, what high availability said, and the answer, or why there was none.

CLIENT is a hardware address, DUID or client identifier (octets with colons, or digits
after 0x), an address, or a hostname. Without it, the last queries of all clients are shown.
The server keeps the last 4096 queries ("leasehold": { "explain-records": … }).`,
		Example: "  leasehold explain 02:00:00:00:00:01\n  leasehold explain -6 00:03:00:01:02:00:00:00:00:01\n  leasehold explain 192.0.2.10\n  leasehold explain --dropped",
		Args:    cobra.MaximumNArgs(1),
		RunE: c.verb("leasehold-explain", func(args []string) (any, error) {
			a := map[string]any{"limit": limit}
			if len(args) == 1 {
				a["client"] = args[0]
			}
			if dropped {
				a["dropped"] = true
			}
			return a, nil
		}, printExplanation),
	}
	explain.Flags().IntVar(&limit, "limit", 20, "show the last `N` decisions")
	explain.Flags().BoolVar(&dropped, "dropped", false, "only queries that got no answer")
	return explain
}

// decision is one decision as leasehold-explain gives it.
type decision struct {
	Time     time.Time
	Type     string
	XID      int64
	HWAddr   string `json:"hw-address"`
	ClientID string `json:"client-id"`
	DUID     string
	Hostname string
	Classes  []string
	Others   []string `json:"classes-false"`
	Story    []string
}

// printExplanation tells each decision as a paragraph. Names come from the
// network: they are quoted.
func printExplanation(w io.Writer, arguments json.RawMessage) error {
	var x struct {
		Decisions []decision
		Leases    []lease
	}
	if err := json.Unmarshal(arguments, &x); err != nil {
		return fmt.Errorf("read decisions: %w", err)
	}
	for _, d := range x.Decisions {
		fmt.Fprintf(w, "\n%s  xid 0x%x", d.Time.Local().Format("2006-01-02 15:04:05.000"), d.XID)
		for _, part := range []struct{ name, text string }{
			{"hw", d.HWAddr}, {"client-id", d.ClientID}, {"duid", d.DUID},
		} {
			if part.text != "" {
				fmt.Fprintf(w, "  %s %s", part.name, part.text)
			}
		}
		if d.Hostname != "" {
			fmt.Fprintf(w, "  name %s", strconv.Quote(d.Hostname))
		}
		fmt.Fprintln(w)
		for _, line := range d.Story {
			fmt.Fprintf(w, "  %s\n", line)
		}
	}
	if len(x.Leases) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\nleases held:")
	t := newLeaseTable(w)
	t.add(x.Leases)
	return t.end()
}
