package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"leasehold/config"
)

func newWhy(c *client) *cobra.Command {
	var partner string
	why := &cobra.Command{
		Use:   "why",
		Short: "Show why the pair is in its state, and what would change it",
		Long: `Show for each relationship the state of this server and what each condition for
leaving it stands at, with the time that is left where time alone meets it, and which
pools the servers of a load-balancing pair do not have in halves any more; the same
from the partner, which is asked at the address that the configuration has for it;
the last changes of state of both, with their causes; and the last addresses that both
gave away while they were parted, with both clients and whose stays. The command
leasehold-conflicts tells the last 256.

A partner that is no Leasehold tells less: its status, or at least what its heartbeat
says. --partner names another way to it, a URL or the path of a control socket.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pairs, err := c.views(contextOf(cmd), partner)
			if err != nil {
				return err
			}
			if c.json {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(pairs)
			}
			for i, p := range pairs {
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				if err := p.print(cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	why.Flags().StringVar(&partner, "partner", "", "`ADDRESS` of the partner: a URL or the path of a control socket")
	return why
}

// view is what one server says of a relationship.
type view struct {
	Mode           string        `json:"mode"`
	This           string        `json:"this"`
	Partner        string        `json:"partner"`
	Role           string        `json:"role"`
	State          string        `json:"state"`
	Scopes         []string      `json:"scopes,omitempty"`
	PartnerState   string        `json:"partner-state"`
	Interrupted    bool          `json:"interrupted"`
	Silence        time.Duration `json:"silence-ns"`
	Skew           time.Duration `json:"skew-ns"`
	Unacked        int           `json:"unacked"`
	Unsent         uint64        `json:"unsent"`
	Queued         int           `json:"queued"`
	SecondsInState float64       `json:"seconds-in-state"`
	Conditions     []condition   `json:"conditions"`
	Journal        []transition  `json:"journal"`
	Twice          []twice       `json:"given-twice,omitempty"`
	Divided        []dividedPool `json:"divided,omitempty"`
	Source         string        `json:"source"` // the command that told it
}

// dividedPool is a pool that the servers do not have in halves any more.
type dividedPool struct {
	Subnet uint32 `json:"subnet-id"`
	Pool   string `json:"pool"`
	From   string `json:"secondary-from"`
	Ours   uint64 `json:"free-ours"`
	Beyond uint64 `json:"free-beyond"`
}

type condition struct {
	Name  string        `json:"name"`
	Value string        `json:"value"`
	Met   bool          `json:"met"`
	In    time.Duration `json:"in-ns"`
}

type transition struct {
	At      time.Time `json:"at"`
	From    string    `json:"from"`
	To      string    `json:"to"`
	Partner string    `json:"partner"`
	Why     string    `json:"why"`
}

// twice is an address that both servers gave away.
type twice struct {
	Addr   string    `json:"ip-address"`
	Seen   time.Time `json:"seen"`
	Ours   claim     `json:"ours"`
	Theirs claim     `json:"theirs"`
	Kept   bool      `json:"kept"`
	Why    string    `json:"why"`
}

type claim struct {
	HWAddr   string `json:"hw-address"`
	ClientID string `json:"client-id"`
}

func (c *claim) client() string { return nameOr(c.HWAddr, c.ClientID) }

// bothViews are a relationship as its two servers see it.
type bothViews struct {
	Here   view   `json:"here"`
	There  *view  `json:"there,omitempty"`
	Silent string `json:"no-answer,omitempty"` // why the partner does not tell
}

const surveyCommand = "leasehold-survey"

// views asks this server and its partners.
func (c *client) views(ctx context.Context, partner string) ([]bothViews, error) {
	here, err := c.surveyed(ctx)
	if err != nil {
		return nil, err
	}
	rels, err := c.relationships(ctx)
	if err != nil {
		return nil, err
	}
	var all []bothViews
	for i, v := range here {
		if i >= len(rels) {
			break
		}
		p := bothViews{Here: v}
		if status, err := c.told(ctx, rels[i].ThisServer); err == nil {
			p.Here.Scopes = status.Scopes
		}
		if other := rels[i].Partner(); other != nil {
			if p.There, err = c.partnerView(ctx, other, partner); err != nil {
				p.Silent = err.Error()
			}
		}
		all = append(all, p)
	}
	return all, nil
}

// surveyed returns a server's own view of its relationships.
func (c *client) surveyed(ctx context.Context) ([]view, error) {
	a, err := c.send(ctx, surveyCommand, nil)
	if err != nil {
		return nil, err
	}
	var survey struct{ Pairs []view }
	if err := json.Unmarshal(a.Arguments, &survey); err != nil {
		return nil, fmt.Errorf("read survey: %w", err)
	}
	if len(survey.Pairs) == 0 {
		return nil, errNoPair
	}
	for i := range survey.Pairs {
		survey.Pairs[i].Source = surveyCommand
	}
	return survey.Pairs, nil
}

// partnerView asks the partner, for as much as it tells.
func (c *client) partnerView(ctx context.Context, p *config.Peer, address string) (*view, error) {
	at, err := c.toPeer(p)
	if address != "" {
		at, err = c.toward(address), nil
	}
	if err != nil {
		return nil, err
	}
	at.timeout = min(at.timeout, 5*time.Second)
	if told, err := at.surveyed(ctx); err == nil {
		for i := range told {
			if told[i].This == p.Name {
				if status, err := at.told(ctx, p.Name); err == nil {
					told[i].Scopes = status.Scopes
				}
				return &told[i], nil
			}
		}
	}
	if told, err := at.told(ctx, p.Name); err == nil {
		return told, nil
	}
	return at.heard(ctx, p)
}

// told returns what status-get says of the relationship in which the server
// has a name.
func (c *client) told(ctx context.Context, name string) (*view, error) {
	a, err := c.send(ctx, "status-get", nil)
	if err != nil {
		return nil, err
	}
	var status haStatus
	if err := json.Unmarshal(a.Arguments, &status); err != nil {
		return nil, fmt.Errorf("read status: %w", err)
	}
	for _, r := range status.HA {
		l, p := r.Servers.Local, r.Servers.Remote
		if l.Name != "" && l.Name != name { // Kea 2.2 gives no names
			continue
		}
		return &view{Mode: r.Mode, This: name, Partner: p.Name, Role: l.Role, State: l.State, Scopes: l.Scopes,
			PartnerState: p.LastState, Interrupted: p.Interrupted, Silence: time.Duration(p.Age) * time.Second,
			Unacked: p.Unacked, Source: "status-get"}, nil
	}
	return nil, fmt.Errorf("status-get does not tell of %s", name)
}

// heard returns what a heartbeat of the server says.
func (c *client) heard(ctx context.Context, p *config.Peer) (*view, error) {
	a, err := c.send(ctx, "ha-heartbeat", nil)
	if err != nil {
		return nil, err
	}
	var beat struct {
		State  string
		Scopes []string
		Unsent uint64 `json:"unsent-update-count"`
	}
	if err := json.Unmarshal(a.Arguments, &beat); err != nil {
		return nil, fmt.Errorf("read heartbeat: %w", err)
	}
	return &view{This: p.Name, Role: p.Role, State: beat.State, Scopes: beat.Scopes, Unsent: beat.Unsent, Source: "ha-heartbeat"}, nil
}

func (p *bothViews) print(w io.Writer) error {
	h := &p.Here
	fmt.Fprintf(w, "%s\n\n", h.Mode)
	if err := h.print(w, h.This+" (this server)"); err != nil {
		return err
	}
	switch {
	case p.There != nil:
		fmt.Fprintln(w)
		if err := p.There.print(w, p.There.This+" (partner, as it says itself by "+p.There.Source+")"); err != nil {
			return err
		}
	case p.Silent != "":
		fmt.Fprintf(w, "\n%s (partner) does not tell: %s\n", h.Partner, p.Silent)
	}
	if err := p.printJournal(w); err != nil {
		return err
	}
	return p.printTwice(w)
}

// printTwice tells the addresses given twice that either side has noticed.
func (p *bothViews) printTwice(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	begun := false
	for _, v := range []*view{&p.Here, p.There} {
		if v == nil {
			continue
		}
		for _, x := range v.Twice {
			if !begun {
				begun = true
				fmt.Fprintln(tab, "\nGIVEN TWICE\tSEEN\tBY\tTO\tBY\tTO\tSTAYS WITH\tBECAUSE")
			}
			keeper := &x.Theirs
			if x.Kept {
				keeper = &x.Ours
			}
			fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Addr, x.Seen.UTC().Format("2006-01-02 15:04:05Z"),
				v.This, x.Ours.client(), v.Partner, x.Theirs.client(), keeper.client(), x.Why)
		}
	}
	return tab.Flush()
}

// print tells one side: its state, what it thinks of its partner, and what its
// next change of state depends on.
func (v *view) print(w io.Writer, who string) error {
	fmt.Fprintf(w, "%s\n  %s, %s", who, v.Role, v.State)
	if v.Source == surveyCommand {
		fmt.Fprintf(w, " for %s", sinceText(time.Duration(v.SecondsInState*float64(time.Second))))
	}
	if v.Source != surveyCommand || v.Scopes != nil {
		fmt.Fprintf(w, ", serves %s", scopes(v.Scopes))
	}
	fmt.Fprintln(w)
	if v.PartnerState != "" || v.Partner != "" {
		fmt.Fprintf(w, "  sees its partner %s", nameOr(v.PartnerState, "not yet"))
		if v.PartnerState != "" {
			fmt.Fprintf(w, ", heard %s ago", sinceText(v.Silence))
		}
		if v.Interrupted {
			fmt.Fprint(w, ", interrupted")
		}
		fmt.Fprintln(w)
	}
	if v.Unsent > 0 {
		fmt.Fprintf(w, "  %d updates were never sent to the partner\n", v.Unsent)
	}
	if v.Queued > 0 {
		fmt.Fprintf(w, "  %d changes wait for the partner\n", v.Queued)
	}
	v.printDivided(w)
	if len(v.Conditions) == 0 {
		return nil
	}
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tab, "  CONDITION\tNOW\tMET")
	for _, c := range v.Conditions {
		met := "no"
		switch {
		case c.Met:
			met = "yes"
		case c.In > 0:
			met = "in " + sinceText(c.In)
		}
		fmt.Fprintf(tab, "  %s\t%s\t%s\n", c.Name, nameOr(c.Value, "unknown"), met)
	}
	return tab.Flush()
}

// maxDivided is how many pools are printed.
const maxDivided = 10

// printDivided tells where the boundaries of pools are that demand has moved.
func (v *view) printDivided(w io.Writer) {
	for _, p := range v.Divided[:min(len(v.Divided), maxDivided)] {
		fmt.Fprintf(w, "  pool %s of subnet %d is the secondary's from %s on: %d free on its own side, %d beyond\n",
			p.Pool, p.Subnet, nameOr(p.From, "its end"), p.Ours, p.Beyond)
	}
	if more := len(v.Divided) - maxDivided; more > 0 {
		fmt.Fprintf(w, "  and %d more pools that are not divided in the middle\n", more)
	}
}

// printJournal tells the changes of state of both sides in the order of time.
func (p *bothViews) printJournal(w io.Writer) error {
	type entry struct {
		who string
		transition
	}
	var all []entry
	for _, v := range []*view{&p.Here, p.There} {
		if v == nil {
			continue
		}
		for _, t := range v.Journal {
			all = append(all, entry{v.This, t})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.At.Compare(b.At) })
	fmt.Fprintln(w)
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tab, "TIME\tSERVER\tFROM\tTO\tPARTNER\tCAUSE")
	for _, t := range all {
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\n", t.At.UTC().Format("2006-01-02 15:04:05.000Z"), t.who,
			nameOr(t.From, "-"), t.To, nameOr(t.Partner, "-"), strings.ReplaceAll(t.Why, "\n", " "))
	}
	return tab.Flush()
}

// sinceText is a duration with as many digits as matter.
func sinceText(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
