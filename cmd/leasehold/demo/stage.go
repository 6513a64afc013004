package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
)

// pace is how often something happens on the stage.
const pace = time.Second

// stage is a wire with servers and clients on it.
type stage struct {
	dir     string // of configurations, lease files, logs
	wire    *netlink.Bridge
	nodes   []*node
	clients []*client

	mu  sync.Mutex
	out io.Writer
}

// say prints a line of the story.
func (s *stage) say(who, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.out, "%s  %-8s  %s\n", time.Now().Format("15:04:05.000"), who, fmt.Sprintf(format, args...))
}

// play sets the stage and lets things happen on it: one round, or until ctx
// ends.
func play(ctx context.Context, once bool, out io.Writer) error {
	dir, err := os.MkdirTemp("", "leasehold-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &stage{dir: dir, out: out}
	defer s.strike()
	again := 2 // that nobody answers is part of the story
	if once {
		again = 60
	}
	if err := s.set(ctx, again); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if once {
		return s.round(ctx)
	}
	s.say("demo", "Ctrl-C ends it. Meanwhile, in another terminal:")
	for _, n := range s.nodes {
		s.say("demo", "  bin/leasehold status --socket %s", n.socket())
		s.say("demo", "  bin/leasehold leases --socket %s", n.socket())
	}
	return s.goOn(ctx)
}

// set builds the wire and connects everyone; clients ask again so often.
func (s *stage) set(ctx context.Context, again int) error {
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("set up the loopback interface: %w", err)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "wire"
	s.wire = &netlink.Bridge{LinkAttrs: attrs}
	if err := netlink.LinkAdd(s.wire); err != nil {
		return fmt.Errorf("make the wire (as root it may work): %w", err)
	}
	if err := netlink.LinkSetUp(s.wire); err != nil {
		return fmt.Errorf("set up the wire: %w", err)
	}
	for i, n := range []*node{{name: "server1", addr: "192.0.2.1/24"}, {name: "server2", addr: "192.0.2.2/24"}} {
		n.stage, n.index = s, i+1
		s.nodes = append(s.nodes, n)
		if err := n.start(ctx); err != nil {
			return err
		}
		s.say(n.name, "started at %s", n.addr)
	}
	for _, n := range s.nodes {
		if err := n.together(ctx); err != nil {
			return err
		}
	}
	s.say("demo", "the pair serves 192.0.2.0/24")
	for i, name := range []string{"laptop", "printer", "phone", "camera"} {
		c := &client{stage: s, name: name, mac: net.HardwareAddr{2, 0, 0, 0, 1, byte(i)}}
		if err := c.connect(again); err != nil {
			return err
		}
		s.clients = append(s.clients, c)
	}
	return nil
}

// strike ends the servers and waits for them.
func (s *stage) strike() {
	for _, c := range s.clients {
		c.close()
	}
	for _, n := range s.nodes {
		n.stop()
	}
}

// plug makes a pair of interfaces, one end on the wire, and returns the name of
// the other. pid, if not 0, is a process in whose network namespace it is.
func (s *stage) plug(name string, mac net.HardwareAddr, pid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "w-" + name
	attrs.MasterIndex = s.wire.Index
	peer := name
	veth := &netlink.Veth{LinkAttrs: attrs, PeerHardwareAddr: mac}
	if pid != 0 {
		peer = "lan"
		veth.PeerNamespace = netlink.NsPid(pid)
	}
	veth.PeerName = peer
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("connect %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(veth); err != nil {
		return fmt.Errorf("set up %s: %w", attrs.Name, err)
	}
	if pid != 0 {
		return nil
	}
	link, err := netlink.LinkByName(peer)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return fmt.Errorf("set up %s: %w", peer, err)
	}
	return nil
}

// round lets each client get a lease, then each renew it, then each release it.
func (s *stage) round(ctx context.Context) error {
	for _, step := range []func(*client, context.Context) error{(*client).obtain, (*client).renew, (*client).release} {
		for _, c := range s.clients {
			if err := step(c, ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// Every so many beats server1 leaves, and after a while returns.
const (
	leaves  = 24
	returns = 32
	cycle   = 48
)

// goOn lets one client after the other do what is next for it, and server1 leave
// and return. A server that does not answer is part of the story, one that ends
// by itself is the end of it.
func (s *stage) goOn(ctx context.Context) error {
	beat := time.NewTicker(pace)
	defer beat.Stop()
	for i := 0; ; i++ {
		c := s.clients[i%len(s.clients)]
		if err := c.next(ctx); err != nil && ctx.Err() == nil {
			s.say(c.name, "%v", err)
		}
		switch first := s.nodes[0]; i % cycle {
		case leaves:
			s.say(first.name, "is stopped: its partner takes over")
			first.stop()
			first.away = true
		case returns:
			if err := first.start(ctx); err != nil {
				return err
			}
			first.away = false
			s.say(first.name, "is back and asks its partner for the leases")
		}
		var ended <-chan struct{}
		for _, n := range s.nodes {
			if n.away {
				continue
			}
			ended = n.done
			select {
			case <-ended:
				return errors.Join(fmt.Errorf("%s ended", n.name), n.err)
			default:
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
		}
	}
}
