package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"leasehold/config"
	"leasehold/server/probe"
)

// drill is a rehearsal of a failover.
type drill struct {
	c       *client
	out     io.Writer
	last    time.Duration
	servers []string
	iface   string
	subnet  string
	clients int
	every   time.Duration
	noProbe bool

	rel *config.Relationship
}

func newDrill(c *client) *cobra.Command {
	d := &drill{c: c}
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Rehearse a failover and measure what clients notice",
		Long: `Rehearse a failover: this server takes the load of its partner as for maintenance of
the partner, and gives it back after a while. Clients ask both servers all the time, as
behind a relay agent, with queries that lease nothing; the longest time that one of them
had no answer is told.

It begins only with both servers in the normal state and every client answered, and
always ends with the maintenance cancelled: after an error, a signal, or Ctrl-C, too.

The clients speak from this machine to the addresses in the URLs of the configuration,
or to those of --server (DHCPv4), or on the link of --interface (DHCPv6). A DHCPv4
server on raw sockets, which is the default, does not hear its own machine: run the drill
on a third one then, with --url or a forwarded --socket.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(contextOf(cmd), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			d.out = cmd.OutOrStdout()
			return d.run(ctx)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&d.last, "for", 10*time.Second, "`HOW LONG` the partner's load is taken")
	f.StringSliceVar(&d.servers, "server", nil, "`ADDRESS` of a server, for the queries")
	f.StringVar(&d.iface, "interface", "", "`NAME` of the interface for the queries (DHCPv6)")
	f.StringVar(&d.subnet, "subnet", "", "`PREFIX` of the subnet in which the clients are (default the first one)")
	f.IntVar(&d.clients, "clients", 8, "`NUMBER` of clients that ask")
	f.DurationVar(&d.every, "every", 50*time.Millisecond, "`PAUSE` between two queries of a client")
	f.BoolVar(&d.noProbe, "no-probe", false, "ask nothing, measure nothing")
	return cmd
}

// How long the drill waits for the pair to be in the normal state at first,
// for clients to be answered, and for the normal state at the end.
const (
	beginWait   = 10 * time.Second
	probeWait   = 15 * time.Second
	restoreWait = 2 * time.Minute
)

func (d *drill) run(ctx context.Context) error {
	f, err := d.c.configuration(ctx)
	if err != nil {
		return err
	}
	if len(f.Relationships) != 1 || f.Relationships[0].Partner() == nil {
		return errors.New("a drill is for a server with one partner")
	}
	d.rel = f.Relationships[0]
	if err := d.await(ctx, beginWait); err != nil {
		return err
	}
	var p *probe.Probe
	if !d.noProbe {
		settings, err := d.settings(f)
		if err != nil {
			return err
		}
		if p, err = probe.Open(settings); err != nil {
			return err
		}
		asking, end := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); p.Run(asking) }()
		defer func() { end(); <-ended }()
		p.Phase("before")
		select {
		case <-p.Served():
		case <-time.After(probeWait):
			return fmt.Errorf("not every client is answered (%d of %d queries were): nothing was changed; see `leasehold ha drill --help`",
				p.Report().Answered, p.Report().Asked)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err = d.rehearse(ctx, p)
	if p == nil {
		return err
	}
	select { // the servers have agreed; what clients notice of it comes now
	case <-time.After(afterwards):
	case <-ctx.Done():
	}
	d.tell(p.Report())
	return err
}

// rehearse takes the partner's load and gives it back, whatever happens.
func (d *drill) rehearse(ctx context.Context, p *probe.Probe) (err error) {
	phase := func(name string) {
		if p != nil {
			p.Phase(name)
		}
	}
	this, partner := d.rel.ThisServer, d.rel.Partner().Name
	defer func() {
		phase(givenBack)
		err = errors.Join(err, d.restore(context.WithoutCancel(ctx)))
	}()
	phase(takenOver)
	if _, err := d.c.send(context.WithoutCancel(ctx), "ha-maintenance-start", nil); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s takes the load of %s for %s\n", this, partner, d.last)
	select {
	case <-time.After(d.last):
		return nil
	case <-ctx.Done():
		return errors.New("ended early")
	}
}

// The phases of a drill.
const (
	takenOver = "taking over"
	givenBack = "giving back"
)

// restore cancels the maintenance until both servers are in the normal state.
func (d *drill) restore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, restoreWait)
	defer cancel()
	for state := ""; ; {
		view, err := d.c.told(ctx, d.rel.ThisServer)
		if err == nil && strings.HasSuffix(view.State, "in-maintenance") {
			_, err = d.c.send(ctx, "ha-maintenance-cancel", nil)
		}
		if err == nil {
			if state, err = d.normal(ctx); err == nil && state == "" {
				fmt.Fprintf(d.out, "both servers are in the state %s again\n", d.rel.Mode)
				return nil
			}
		}
		select {
		case <-time.After(pollPause):
		case <-ctx.Done():
			return fmt.Errorf("the pair is not in its normal state again (%s): see `leasehold ha why`, and `leasehold ha maintenance cancel` if a server is in maintenance",
				cmp.Or(state, fmt.Sprint(err)))
		}
	}
}

// await waits for the normal state, which the servers learn of each other by
// heartbeats.
func (d *drill) await(ctx context.Context, limit time.Duration) error {
	for begin := time.Now(); ; {
		state, err := d.normal(ctx)
		if err != nil || state == "" {
			return err
		}
		if time.Since(begin) > limit {
			return fmt.Errorf("the pair is not in its normal state: %s", state)
		}
		select {
		case <-time.After(pollPause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// afterwards is how long clients are watched after the end.
const afterwards = 2 * time.Second

// pollPause is the time between two looks at the state.
const pollPause = 100 * time.Millisecond

// normal returns "" if both servers are in the normal state, else who is not.
func (d *drill) normal(ctx context.Context) (string, error) {
	v, err := d.c.told(ctx, d.rel.ThisServer)
	if err != nil {
		return "", err
	}
	if v.State != d.rel.Mode {
		return d.rel.ThisServer + " is in the state " + v.State, nil
	}
	p := d.rel.Partner()
	there, err := d.c.partnerView(ctx, p, "")
	if err != nil {
		return p.Name + " does not answer", nil
	}
	if there.State != d.rel.Mode {
		return p.Name + " is in the state " + there.State, nil
	}
	if v.PartnerState != d.rel.Mode {
		return d.rel.ThisServer + " does not know yet that " + p.Name + " is in the state " + d.rel.Mode, nil
	}
	return "", nil
}

// settings say whom the clients ask and where they are.
func (d *drill) settings(f *config.Family) (s probe.Settings, err error) {
	s = probe.Settings{Version: f.Version, Interface: d.iface, Clients: d.clients, Every: d.every}
	if f.Version == 6 && d.iface == "" && len(d.servers) == 0 {
		return s, errors.New("name the --interface on which DHCPv6 servers are asked")
	}
	if f.Version == 4 && len(d.servers) == 0 {
		for _, p := range []*config.Peer{d.rel.This(), d.rel.Partner()} {
			if u, err := url.Parse(p.URL); err == nil {
				d.servers = append(d.servers, u.Hostname())
			}
		}
	}
	for _, text := range d.servers {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return s, fmt.Errorf("read --server: %w", err)
		}
		s.Servers = append(s.Servers, a)
	}
	if d.subnet != "" {
		if s.Subnet, err = netip.ParsePrefix(d.subnet); err != nil {
			return s, fmt.Errorf("read --subnet: %w", err)
		}
		return s, nil
	}
	i := slices.IndexFunc(f.Subnets, func(x *config.Subnet) bool { return len(x.Guard) == 0 && len(x.Pools) > 0 })
	if i < 0 {
		return s, errors.New("no subnet has pools for everyone: name one with --subnet")
	}
	s.Subnet = f.Subnets[i].Prefix
	return s, nil
}

// tell prints what the clients noticed, for people or programs.
func (d *drill) tell(r probe.Report) {
	if d.c.json {
		_ = json.NewEncoder(d.out).Encode(map[string]any{"asked": r.Asked, "answered": r.Answered, "servers": r.Servers,
			"gap-taking-over-ms": r.Gaps[takenOver].Milliseconds(), "gap-giving-back-ms": r.Gaps[givenBack].Milliseconds()})
		return
	}
	fmt.Fprintf(d.out, "%d clients asked %d times and were answered %d times\n", d.clients, r.Asked, r.Answered)
	for _, phase := range []string{takenOver, givenBack} {
		fmt.Fprintf(d.out, "longest time without an answer, %s: %s\n", phase, sinceText(r.Gaps[phase]))
	}
}
