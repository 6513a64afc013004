package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func newExplain(c *client) *cobra.Command {
	var limit int
	var dropped, whatIf, prefix bool
	explain := &cobra.Command{
		Use:   "explain [CLIENT]",
		Short: "Show why a client got what it got",
		Long: `Show how the server decided about the last queries of a client, oldest first: where
the query came in, which subnet was chosen and by what, the classes it was in, the
reservation and pool, what high availability said, and the answer, or why there was none.

CLIENT is a hardware address, DUID or client identifier (octets with colons, or digits
after 0x), an address, or a hostname. Without it, the last queries of all clients are shown.
The server keeps the last 4096 queries ("leasehold": { "explain-records": … }).`,
		Example: "  leasehold explain 02:00:00:00:00:01\n  leasehold explain -6 00:03:00:01:02:00:00:00:00:01\n  leasehold explain 192.0.2.10\n  leasehold explain --dropped\n  leasehold explain 02:00:00:00:00:01 --what-if --relay 192.0.2.1\n  leasehold explain -6 00:03:00:01:02:00:00:00:00:01 --what-if --interface eth0 --prefix",
		Args:    cobra.MaximumNArgs(1),
	}
	asked := c.verb("leasehold-explain", func(args []string) (any, error) {
		a := map[string]any{"limit": limit}
		if len(args) == 1 {
			a["client"] = args[0]
		}
		if dropped {
			a["dropped"] = true
		}
		return a, nil
	}, printExplanation)
	described := map[string]*string{}
	evaluated := c.verb("leasehold-what-if", func(args []string) (any, error) {
		if len(args) != 1 {
			return nil, errors.New("--what-if needs the hardware address of a client, or its DUID")
		}
		a := map[string]any{"hw-address": args[0]}
		if _, err := net.ParseMAC(args[0]); c.v6 && (err != nil || strings.Count(args[0], ":") != 5) {
			a = map[string]any{"duid": args[0]}
		}
		if prefix {
			a["prefix"] = true
		}
		for key, value := range described {
			if *value != "" {
				a[key] = *value
			}
		}
		return a, nil
	}, printWhatIf)
	explain.RunE = func(cmd *cobra.Command, args []string) error {
		if whatIf {
			return evaluated(cmd, args)
		}
		return asked(cmd, args)
	}
	explain.Flags().IntVar(&limit, "limit", 20, "show the last `N` decisions")
	explain.Flags().BoolVar(&dropped, "dropped", false, "only queries that got no answer")
	explain.Flags().BoolVar(&whatIf, "what-if", false, "evaluate a query of CLIENT (hardware address or DUID) now, without storing or sending")
	explain.Flags().BoolVar(&prefix, "prefix", false, "what-if: it asks for a prefix, too (v6)")
	for _, flag := range [...][2]string{
		{"interface", "what-if: `NAME` of the interface it comes in on"}, {"relay", "what-if: `ADDRESS` of the relay"},
		{"requested", "what-if: `ADDRESS` that it asks for; v6: or prefix"}, {"client-id", "what-if: client identifier in `HEX`"},
		{"hostname", "what-if: `NAME` of the client"}, {"vendor-class", "what-if: `TEXT` of option 60"},
		{"type", "what-if: `TYPE` of the query: discover, request; v6: solicit, request, renew, rebind, information-request"},
	} {
		described[flag[0]] = explain.Flags().String(flag[0], "", flag[1])
	}
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
		Leases    []shownLease
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

// printWhatIf tells what would be decided, and the options of the response.
func printWhatIf(w io.Writer, arguments json.RawMessage) error {
	var x struct {
		Decision decision
		Options  []struct {
			Code                           int
			Name, Data, Value, Level, File string
			Line                           int
		}
	}
	if err := json.Unmarshal(arguments, &x); err != nil {
		return fmt.Errorf("read the evaluation: %w", err)
	}
	for _, line := range x.Decision.Story {
		fmt.Fprintf(w, "  %s\n", line)
	}
	if len(x.Options) == 0 {
		return nil
	}
	fmt.Fprintln(w, "\noptions of the response:")
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, o := range x.Options {
		from := o.Level
		if o.File != "" {
			from += fmt.Sprintf("  %s:%d", o.File, o.Line)
		}
		fmt.Fprintf(tab, "  %d\t%s\t%s\t%s\n", o.Code, o.Name, nameOr(o.Value, o.Data), from)
	}
	return tab.Flush()
}
