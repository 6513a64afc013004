package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// printIndented prints JSON as it could stand in a file.
func printIndented(w io.Writer, arguments json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, arguments, "", "  "); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	_, err := fmt.Fprintln(w, &b)
	return err
}

// printTree prints any arguments as `key: value` lines, indented by depth.
func printTree(w io.Writer, arguments json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(arguments))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	writeTree(w, v, "")
	return nil
}

func writeTree(w io.Writer, v any, indent string) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if short, ok := shortText(v[key]); ok {
				fmt.Fprintf(w, "%s%s: %s\n", indent, key, short)
				continue
			}
			fmt.Fprintf(w, "%s%s:\n", indent, key)
			writeTree(w, v[key], indent+"  ")
		}
	case []any:
		for _, e := range v {
			if short, ok := shortText(e); ok {
				fmt.Fprintf(w, "%s- %s\n", indent, short)
				continue
			}
			fmt.Fprintf(w, "%s-\n", indent)
			writeTree(w, e, indent+"  ")
		}
	default:
		short, _ := shortText(v)
		fmt.Fprintf(w, "%s%s\n", indent, short)
	}
}

// shortText prints what fits on the line of its key.
func shortText(v any) (string, bool) {
	switch v := v.(type) {
	case map[string]any:
		return "(none)", len(v) == 0
	case []any:
		words := make([]string, len(v))
		for i, e := range v {
			switch e.(type) {
			case map[string]any, []any:
				return "", false
			}
			words[i], _ = shortText(e)
		}
		if len(words) == 0 {
			return "(none)", true
		}
		return strings.Join(words, ", "), len(words) <= 8
	case nil:
		return "null", true
	case string:
		return strings.ReplaceAll(v, "\n", "; "), true
	}
	return fmt.Sprint(v), true
}

// shownLease is a lease as the lease commands give it, of either family.
type shownLease struct {
	Address  string `json:"ip-address"`
	Prefix   int    `json:"prefix-len"`
	HWAddr   string `json:"hw-address"`
	ClientID string `json:"client-id"`
	DUID     string `json:"duid"`
	IAID     uint32 `json:"iaid"`
	Hostname string `json:"hostname"`
	Subnet   uint32 `json:"subnet-id"`
	State    int    `json:"state"`
	CLTT     int64  `json:"cltt"`
	Valid    int64  `json:"valid-lft"`
}

var leaseStates = [...]string{"assigned", "declined", "reclaimed", "released", "registered"}

// infiniteLifetime is a lease that never expires. RFC 2131 §3.3.
const infiniteLifetime = 0xffffffff

type leaseTable struct {
	tab *tabwriter.Writer
	n   int
}

func newLeaseTable(w io.Writer) *leaseTable {
	return &leaseTable{tab: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
}

func (t *leaseTable) add(leases []shownLease) {
	for _, l := range leases {
		if t.n == 0 {
			fmt.Fprintln(t.tab, "ADDRESS\tCLIENT\tSUBNET\tSTATE\tEXPIRES\tHOSTNAME")
		}
		t.n++
		address, client := l.Address, l.HWAddr
		if l.DUID != "" {
			client = l.DUID
		}
		if l.Prefix > 0 && l.Prefix < 128 {
			address = fmt.Sprintf("%s/%d", l.Address, l.Prefix)
		}
		state := fmt.Sprint(l.State)
		if 0 <= l.State && l.State < len(leaseStates) {
			state = leaseStates[l.State]
		}
		expires := "never"
		if l.Valid != infiniteLifetime {
			expires = time.Unix(l.CLTT+l.Valid, 0).UTC().Format("2006-01-02 15:04:05Z")
		}
		fmt.Fprintf(t.tab, "%s\t%s\t%d\t%s\t%s\t%s\n", address, client, l.Subnet, state, expires, l.Hostname)
	}
}

func (t *leaseTable) end() error {
	if t.n == 0 {
		fmt.Fprintln(t.tab, "no leases")
	}
	return t.tab.Flush()
}

// printLeases prints the lease, or the leases, of an answer.
func printLeases(w io.Writer, arguments json.RawMessage) error {
	var many struct{ Leases []shownLease }
	if err := json.Unmarshal(arguments, &many); err != nil {
		return fmt.Errorf("read leases: %w", err)
	}
	if many.Leases == nil {
		var one shownLease
		if err := json.Unmarshal(arguments, &one); err != nil {
			return fmt.Errorf("read lease: %w", err)
		}
		if one.Address != "" {
			many.Leases = []shownLease{one}
		}
	}
	t := newLeaseTable(w)
	t.add(many.Leases)
	return t.end()
}

// peer is one side of a relationship in status-get.
type peer struct {
	Name        string   `json:"server-name"`
	Role        string   `json:"role"`
	State       string   `json:"state"`
	LastState   string   `json:"last-state"`
	Scopes      []string `json:"scopes"`
	LastScopes  []string `json:"last-scopes"`
	Age         int      `json:"age"`
	InTouch     bool     `json:"in-touch"`
	Interrupted bool     `json:"communication-interrupted"`
	Unacked     int      `json:"unacked-clients"`
}

// haStatus is what status-get says of high availability.
type haStatus struct {
	HA []struct {
		Mode    string                       `json:"ha-mode"`
		Servers struct{ Local, Remote peer } `json:"ha-servers"`
	} `json:"high-availability"`
}

// printHA prints the relationships of status-get, one line for each server.
func printHA(w io.Writer, arguments json.RawMessage) error {
	var status haStatus
	if err := json.Unmarshal(arguments, &status); err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	if len(status.HA) == 0 {
		fmt.Fprintln(w, "high availability is not configured")
		return nil
	}
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tab, "SERVER\tROLE\tSTATE\tSCOPES\tCONTACT")
	for _, r := range status.HA {
		l, p := r.Servers.Local, r.Servers.Remote
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\n", nameOr(l.Name, "this"), l.Role, l.State, scopes(l.Scopes), r.Mode)
		contact := fmt.Sprintf("%d s ago", p.Age)
		switch {
		case p.Interrupted:
			contact += fmt.Sprintf(", interrupted, %d clients unanswered", p.Unacked)
		case !p.InTouch:
			contact = "never"
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\n", nameOr(p.Name, "partner"), p.Role, nameOr(p.LastState, "unknown"), scopes(p.LastScopes), contact)
	}
	return tab.Flush()
}

func nameOr(name, or string) string {
	if name == "" {
		return or
	}
	return name
}

func scopes(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	return strings.Join(names, ",")
}
