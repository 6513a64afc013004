package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"leasehold/config"
	leases "leasehold/lease"
	"leasehold/server/capture"
	"leasehold/server/replay"
)

// replaying is how replay was called.
type replaying struct {
	configs []string
	against []string
	leases  []string
	servers []string
	iface   string
	json    bool
	brief   bool
	stories bool

	own       []netip.Addr
	recording *replay.Recording
	out       printingReplay
}

// inCapture stands for the server whose answers are in the capture.
const inCapture = "capture"

func newReplay() *cobra.Command {
	x := &replaying{}
	c := &cobra.Command{
		Use:   "replay FILE.pcap -c NEW [--against OLD]",
		Short: "Show what configurations answer to the queries in a capture, and where they differ",
		Long: `Put the queries in a capture (pcap or pcapng) to a configuration, in memory, at the
times that the capture has, and show each with its reply or the reason why there is none.
No socket is opened and no file is written.

With --against FILE, the same queries go to a second configuration, and every difference
of the two replies is shown. With --against capture, the reply is compared with what the
server in the capture answered; leases that it gave are taken over where they differ, and
an offer of another free address is not counted as a difference.

Clients go on with the address that they are offered: where the capture has a client ask
for what another server had given, the query is changed to what it would have asked for.
With --against capture nothing is changed.

Of a capture on the host of the server, or at a mirror port, nothing else is needed. The
server's identifiers are those of the answers in the capture, or --server. Queries without
a relay come in on --interface, or on the interface that the capture or the configuration
names. High availability is left out: every client is served, in the class of its server.

The exit code is 1 if there are differences.`,
		Example: "  tcpdump -i eth0 -w day.pcap 'udp port 67 or 68 or 546 or 547'\n  leasehold replay day.pcap -c kea-dhcp4.conf --against capture\n  leasehold replay day.pcap -c new.conf --against old.conf --leases kea-leases4.csv --differences",
		Args:    cobra.ExactArgs(1),
		RunE:    x.run,
	}
	f := c.Flags()
	f.StringArrayVarP(&x.configs, "config", "c", nil, "configuration `FILE`; repeat for each of Dhcp4, Dhcp6")
	f.StringArrayVar(&x.against, "against", nil, "compare with another configuration `FILE`, or with \"capture\"")
	f.StringArrayVar(&x.leases, "leases", nil, "lease `FILE` (Kea's CSV) to start with; repeat for each family")
	f.StringArrayVar(&x.servers, "server", nil, "IPv4 `ADDRESS` that the server goes by; with --against capture, that counts alone")
	f.StringVar(&x.iface, "interface", "", "`NAME` of the interface that queries come in on")
	f.BoolVar(&x.json, "json", false, "print a JSON object for each query, and one with the totals")
	f.BoolVar(&x.brief, "differences", false, "show only queries whose replies differ")
	f.BoolVar(&x.stories, "explain", false, "show how each reply was decided")
	c.MarkFlagRequired("config")
	c.MarkFlagFilename("config")
	return c
}

func (x *replaying) run(c *cobra.Command, args []string) error {
	next, err := loadReplayed(x.configs)
	if err != nil {
		return reportProblems(c.ErrOrStderr(), err)
	}
	recorded := len(x.against) == 1 && x.against[0] == inCapture
	var old *config.Config
	if len(x.against) > 0 && !recorded {
		if old, err = loadReplayed(x.against); err != nil {
			return reportProblems(c.ErrOrStderr(), err)
		}
	}
	for _, text := range x.servers {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return fmt.Errorf("--server %q is no IPv4 address", text)
		}
		x.own = append(x.own, a)
	}
	if x.recording, err = recordFile(args[0]); err != nil {
		return err
	}
	w := bufio.NewWriter(c.OutOrStdout())
	x.out = printingReplay{w: w, json: x.json, brief: x.brief, stories: x.stories, compared: len(x.against) > 0}
	for _, pair := range families(next, old) {
		if err := x.family(pair[0], pair[1], recorded); err != nil {
			return err
		}
	}
	x.out.end(x.recording)
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if x.out.differ > 0 {
		return quiet(1)
	}
	return nil
}

// families pairs the families of two configurations; the second may be nil.
func families(next, old *config.Config) (pairs [][2]*config.Family) {
	if old == nil {
		old = &config.Config{}
	}
	for _, pair := range [][2]*config.Family{{next.V4, old.V4}, {next.V6, old.V6}} {
		if pair[0] != nil {
			pairs = append(pairs, pair)
		}
	}
	return pairs
}

func loadReplayed(files []string) (*config.Config, error) {
	return config.LoadWith(config.Options{}, files...)
}

// recordFile reads the DHCP messages of a capture file; "-" is standard input.
func recordFile(name string) (*replay.Recording, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open capture: %w", err)
		}
		defer f.Close()
		in = f
	}
	r, err := capture.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return replay.Record(r)
}

// family replays the queries of one family.
func (x *replaying) family(next, old *config.Family, recorded bool) error {
	ours, err := x.side(next, !recorded)
	if err != nil {
		return err
	}
	if recorded {
		x.watch(ours)
		return nil
	}
	var theirs *replay.Side
	if old != nil {
		if theirs, err = x.side(old, true); err != nil {
			return err
		}
	}
	for _, m := range x.recording.Messages {
		if m.Version != next.Version || m.Response {
			continue
		}
		e := asked{m: m, ours: ours.Ask(m)}
		if theirs != nil {
			r := theirs.Ask(m)
			e.theirs, e.differences = &r, replay.Differ(next, &e.ours, &r)
		}
		x.out.asked(next, &e)
	}
	return nil
}

// side makes a Side of a configuration.
func (x *replaying) side(f *config.Family, adapt bool) (*replay.Side, error) {
	start := x.recording.Start()
	store := leases.NewStore(f.Version, 1)
	for _, file := range x.leases {
		version, err := leaseFileVersion(file)
		if err != nil {
			return nil, err
		}
		if version != f.Version {
			continue
		}
		if _, err := leases.ReadBeside(file, store); err != nil {
			return nil, fmt.Errorf("read leases: %w", err)
		}
	}
	s := replay.NewSide(f, store, replay.Options{Now: start, Seed: 1, Iface: x.iface, Adapt: adapt})
	for _, a := range x.own {
		if f.Version == 4 {
			s.KnowAddress(a, "")
		}
	}
	if f.Version == 6 || len(x.own) == 0 {
		x.recording.Introduce(s)
	}
	return s, nil
}

// leaseFileVersion tells the family of a lease file by its header.
func leaseFileVersion(name string) (int, error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("read leases: %w", err)
	}
	defer f.Close()
	head, err := bufio.NewReader(f).ReadSlice('\n')
	switch {
	case bytes.HasPrefix(head, []byte("address,hwaddr")):
		return 4, nil
	case bytes.HasPrefix(head, []byte("address,duid")):
		return 6, nil
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
		return 0, fmt.Errorf("read leases: %w", err)
	}
	return 0, fmt.Errorf("read leases: %s does not begin as Kea's lease files do", name)
}

// recordedPatience is how long after a query its answer may come.
const recordedPatience = 10 * time.Second

// watch compares a Side with the server of the capture.
func (x *replaying) watch(s *replay.Side) {
	w := replay.NewWatch(s, x.own, recordedPatience)
	for _, m := range x.recording.Messages {
		if m.Version != s.Family.Version {
			continue
		}
		for _, e := range w.See(m) {
			x.out.exchange(s.Family, e)
		}
	}
	for _, e := range w.Close() {
		x.out.exchange(s.Family, e)
	}
	x.out.totals = append(x.out.totals, w.Totals)
}
