package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Options are the flags of the command.
type Options struct {
	V6        bool
	Server    string
	Local     string
	Link      string
	Interface string // direct
	Phase     string
	Count     int
	During    time.Duration
	Window    int
	Rate      float64
	Timeout   time.Duration
	First     uint64
	Coalesce  time.Duration
	PIDs      []int
	JSON      bool
}

// Command returns `leasehold bench`.
func Command() *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:   "bench [flags]",
		Short: "Load a DHCP server and measure it",
		Long: `Loads a DHCPv4 or DHCPv6 server with many clients and prints how many exchanges
it completes, how long they take and what they cost it.

Relayed (--server and --local): all clients are behind one relay agent at the
local address. Direct (--interface): they are on the server's own link; DHCPv4
clients then ask for broadcast answers, and "renew" is INIT-REBOOT.

Closed loop (--window): so many exchanges are in flight all the time. Open loop
(--rate): so many are started per second, whatever comes back.

Phase "new" is four messages for a client never seen before, "renew" two
messages of clients that got their leases beforehand; "both" measures one after
the other. It takes addresses from the server's pools: never point it at a
server that other clients depend on.`,
		Example: `  leasehold bench --server 10.0.0.1 --local 10.0.0.2 --phase both -n 50000
  leasehold bench -6 --interface eth1 --rate 2000 --time 10s --json`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return o.run(ctx, cmd.OutOrStdout())
		},
	}
	cmd.AddCommand(beside())
	f := cmd.Flags()
	f.BoolVarP(&o.V6, "v6", "6", false, "DHCPv6")
	f.StringVar(&o.Server, "server", "", "relayed: `address` of the server")
	f.StringVar(&o.Local, "local", "", "relayed: own `address`, that of the relay agent")
	f.StringVar(&o.Link, "link", "", "relayed: giaddr or link-address, if not the own address")
	f.StringVar(&o.Interface, "interface", "", "direct: `name` of the interface")
	f.StringVar(&o.Phase, "phase", "new", "new, renew or both")
	f.IntVarP(&o.Count, "count", "n", 10000, "exchanges to start; 0: no limit")
	f.DurationVar(&o.During, "time", 0, "how long to start exchanges; 0: no limit")
	f.IntVarP(&o.Window, "window", "w", 64, "closed loop: exchanges in flight")
	f.Float64Var(&o.Rate, "rate", 0, "open loop: exchanges started per second")
	f.DurationVar(&o.Timeout, "timeout", time.Second, "after how long an unanswered message is a drop")
	f.Uint64Var(&o.First, "first-client", 0, "number of the first client, which makes its hardware address")
	f.DurationVar(&o.Coalesce, "coalesce", 0, "wait so long after few responses came, so that more are read at once: less CPU taken from the server, coarser latencies")
	f.IntSliceVar(&o.PIDs, "pid", nil, "process `id` of the server, to report its CPU time")
	f.BoolVar(&o.JSON, "json", false, "print one JSON object per phase")
	return cmd
}

func (o *Options) check() error {
	switch {
	case (o.Interface == "") == (o.Server == ""):
		return errors.New("one of --interface (direct) and --server with --local (relayed) is needed")
	case o.Server != "" && o.Local == "":
		return errors.New("--local is needed with --server")
	case o.Phase != "new" && o.Phase != "renew" && o.Phase != "both":
		return fmt.Errorf("--phase %q: want new, renew or both", o.Phase)
	case o.Count == 0 && o.During == 0:
		return errors.New("--count or --time is needed")
	case o.Count == 0 && o.Phase != "new":
		return errors.New("--count is needed for renewals: it is the number of clients")
	case o.Window < 1 || o.Window > ringSize:
		return fmt.Errorf("--window %d: want 1 to %d", o.Window, ringSize)
	case o.Rate < 0 || o.Timeout <= 0:
		return errors.New("--rate and --timeout must not be negative")
	}
	return nil
}

// run measures the phases asked for and prints their figures to w.
func (o *Options) run(ctx context.Context, w io.Writer) error {
	return o.load(ctx, func(f *figures) error {
		if !o.JSON {
			f.write(w)
			return nil
		}
		if err := json.NewEncoder(w).Encode(f); err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
		return nil
	})
}

// load measures the phases asked for and hands over the figures of each.
func (o *Options) load(ctx context.Context, done func(*figures) error) error {
	if err := o.check(); err != nil {
		return err
	}
	p, c, err := o.connect()
	if err != nil {
		return err
	}
	defer p.close()
	p.coalesce.Store(int64(o.Coalesce))

	l := load{count: o.Count, during: o.During, window: o.Window, rate: o.Rate, timeout: o.Timeout, keep: o.Phase != "new"}
	if o.Phase == "renew" {
		l.rate, l.during = 0, 0 // the leases are got as fast as the window allows
	}
	fresh := newRun(l, c, o.First, rand.Uint32())
	if err := o.measure(ctx, p, fresh); err != nil {
		return err
	}
	if o.Phase != "renew" {
		if err := done(&fresh.figures); err != nil || o.Phase == "new" {
			return err
		}
	}
	if len(fresh.clients) == 0 {
		return errors.New("no client got a lease: there is nothing to renew")
	}
	l.renew, l.keep, l.rate, l.during = true, false, o.Rate, o.During
	again := newRun(l, c, 0, rand.Uint32())
	again.clients = fresh.clients
	if l.rate == 0 {
		again.count = len(again.clients)
	}
	if err := o.measure(ctx, p, again); err != nil {
		return err
	}
	return done(&again.figures)
}

// connect opens the way to the server.
func (o *Options) connect() (*port, codec, error) {
	var local, link netip.Addr
	var err error
	if o.Server != "" {
		if local, err = netip.ParseAddr(o.Local); err != nil {
			return nil, nil, fmt.Errorf("--local: %w", err)
		}
		link = local
		if o.Link != "" {
			if link, err = netip.ParseAddr(o.Link); err != nil {
				return nil, nil, fmt.Errorf("--link: %w", err)
			}
		}
	}
	var c codec
	if o.V6 {
		c, err = newCodec6(link)
	} else {
		c, err = newCodec4(link)
	}
	if err != nil {
		return nil, nil, err
	}
	if o.Server == "" {
		p, err := openDirect(o.V6, o.Interface)
		return p, c, err
	}
	server, err := netip.ParseAddr(o.Server)
	if err != nil {
		return nil, nil, fmt.Errorf("--server: %w", err)
	}
	if server.Is4() == o.V6 || local.Is4() == o.V6 {
		return nil, nil, errors.New("--server, --local and -6 are of different families")
	}
	name, err := interfaceOf(local)
	if err != nil {
		return nil, nil, err
	}
	p, err := openRelay(o.V6, name, local, server)
	return p, c, err
}

func interfaceOf(a netip.Addr) (string, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("list interfaces: %w", err)
	}
	for _, i := range ifaces {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, have := range addrs {
			if n, ok := have.(*net.IPNet); ok && n.IP.Equal(a.AsSlice()) {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no interface has the address %s", a)
}

// measure drives one run and completes its figures.
func (o *Options) measure(ctx context.Context, p *port, r *run) error {
	before := make([]time.Duration, len(o.PIDs))
	for i, pid := range o.PIDs {
		var err error
		if before[i], err = cpuOf(pid); err != nil {
			return err
		}
	}
	own := ownCPU()
	elapsed := p.drive(ctx, r)
	own = ownCPU() - own
	f := &r.figures
	f.finish(elapsed)
	f.Family, f.Phase, f.Path = 4, "new", "relayed"
	if o.V6 {
		f.Family = 6
	}
	if r.renew {
		f.Phase = "renew"
	}
	if o.Server == "" {
		f.Path = "direct"
	}
	if f.Rate = r.rate; f.Rate == 0 {
		f.Window = r.window
	}
	done := float64(max(1, f.Completed))
	f.GeneratorCPU = float64(own.Microseconds()) / done
	for i, pid := range o.PIDs {
		if f.Completed == 0 {
			break
		}
		after, err := cpuOf(pid)
		if err != nil {
			return err
		}
		if f.ServerCPU == nil {
			f.ServerCPU = map[string]float64{}
		}
		f.ServerCPU[fmt.Sprint(pid)] = float64((after - before[i]).Microseconds()) / done
	}
	return ctx.Err()
}
