package interop

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"leasehold/server/probe"
	"leasehold/server/testnet"
)

// TestInteropGaps: whatever happens to one server of ours, clients are served
// again; how long they were not is told, not judged.
func TestInteropGaps(t *testing.T) {
	for _, mode := range []string{hotStandby, loadBalancing} {
		if !testnet.Chosen(t, mode) {
			continue
		}
		t.Run(mode, func(t *testing.T) {
			if isolate(t) {
				return
			}
			p := newPair(t, setting{family: 4, mode: mode, beat: 1000}, ours, ours)
			p.start()
			p.undisturbed(func() { p.serve(p.add(20)) })
			rounds := 1
			if long {
				rounds = 10
			}
			for i := range p.nodes {
				for range rounds {
					p.gaps(t, i)
				}
			}
			p.undisturbed(p.keep)
			p.same()
		})
	}
}

// gaps measures what clients notice while a server is killed and returns, and
// while it is restarted in order.
func (p *pair) gaps(t *testing.T, i int) {
	t.Helper()
	asking := testnet.Must1(probe.Open(probe.Settings{Version: 4, Servers: []netip.Addr{netip.MustParseAddr("10.77.0.1"), netip.MustParseAddr("10.77.0.2")},
		Subnet: netip.MustParsePrefix("10.77.0.0/16"), Clients: 16, Every: 40 * time.Millisecond}))(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); asking.Run(ctx) }()
	defer func() { stop(); <-ended }()
	served := func() {
		t.Helper()
		select {
		case <-asking.Served():
		case <-time.After(testnet.Patience):
			t.Fatal("a client is not served")
		}
	}
	victim, survivor := p.nodes[i], p.nodes[1-i]
	var told string
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"undisturbed", func() {}},
		{"killed", func() { victim.Kill(); survivor.awaitState("partner-down") }},
		{"returning", func() { victim.start(); p.normal() }},
		{"stopped", func() { victim.stop(); survivor.awaitState("partner-down") }},
		{"returning again", func() { victim.start(); p.normal() }},
	} {
		asking.Phase(step.name)
		step.do()
		served()
		told += fmt.Sprintf("  %s %d ms", step.name, asking.Report().Gaps[step.name].Milliseconds())
	}
	t.Logf("%s %s, longest time without an answer:%s", p.set.mode, victim.who(), told)
}
