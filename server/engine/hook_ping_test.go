package engine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/lease"
)

const pingHook = `"hooks-libraries": [ { "library": "libdhcp_ping_check.so", "parameters": { "min-ping-requests": 2, "reply-timeout": 50 } } ]`

// answer tells the engine what became of the ping that was asked for last, and
// shows the response that leaves then.
func (h *house) answer(p Ping, taken bool) string {
	h.t.Helper()
	h.step(Pinged{ID: p.ID, Addr: p.Addr, Taken: taken})
	if len(h.fx.Responses) == 0 {
		return "silence"
	}
	d, err := dhcpv4.FromBytes(h.fx.Responses[0].Response)
	if err != nil {
		h.t.Fatal(err)
	}
	return show(d)
}

// ping returns the only ping that the last step asked for.
func (h *house) ping() Ping {
	h.t.Helper()
	if len(h.fx.Hooked.Pings) != 1 {
		h.t.Fatalf("pings are %v", h.fx.Hooked.Pings)
	}
	return h.fx.Hooked.Pings[0]
}

// RFC 2131 §3.1: a server should probe an address before it offers it.
func TestOfferWaitsForThePing(t *testing.T) {
	h := furnish(t, pingHook)
	if d := h.send(dhcpv4.MessageTypeDiscover, client(1)); d != nil {
		t.Fatalf("the offer left at once: %s", show(d))
	}
	p := h.ping()
	if p.Addr != netip.MustParseAddr("192.0.2.10") || p.Requests != 2 || p.Timeout != 50*time.Millisecond {
		t.Errorf("ping is %+v", p)
	}
	if got := h.answer(p, false); got != "OFFER 192.0.2.10" {
		t.Errorf("an address where nobody answers: %s", got)
	}
	if got := h.answer(p, true); got != "silence" || h.lease("192.0.2.10").State == lease.Declined {
		t.Errorf("a second answer: %s", got)
	}
}

func TestAddressThatAnswersIsDeclined(t *testing.T) {
	h := furnish(t, pingHook)
	h.send(dhcpv4.MessageTypeDiscover, client(1))
	if got := h.answer(h.ping(), true); got != "silence" {
		t.Errorf("an address where somebody answers: %s", got)
	}
	l := h.lease("192.0.2.10")
	if l.State != lease.Declined || l.HWAddr != "" || l.Valid != 86400 {
		t.Errorf("lease is %+v", l)
	}
	s := h.e.subnets[1]
	if s.counts[scDeclined].value != 1 || s.counts[scAssigned].value != 1 {
		t.Errorf("declined %v, assigned %v", s.counts[scDeclined].value, s.counts[scAssigned].value)
	}
	h.send(dhcpv4.MessageTypeDiscover, client(1))
	if got := h.answer(h.ping(), false); got != "OFFER 192.0.2.11" {
		t.Errorf("the next attempt: %s", got)
	}
	if n := h.e.recorder.drops[dropPinged]; n != 1 {
		t.Errorf("%d queries are explained by the ping", n)
	}
}

// Kea: hooks-ping-check: not what is active or reserved, nor what the client
// itself had a moment ago.
func TestWhatIsNotPinged(t *testing.T) {
	h := furnish(t, pingHook+`, "subnet4": [
		{ "id": 1, "subnet": "192.0.2.0/24", "valid-lifetime": 30, "pools": [ { "pool": "192.0.2.10 - 192.0.2.10" } ],
		  "reservations": [ { "hw-address": "02:00:00:00:00:09", "ip-address": "192.0.2.99" } ] } ]`)
	discover := func(n byte) int {
		h.send(dhcpv4.MessageTypeDiscover, client(n))
		return len(h.fx.Hooked.Pings)
	}
	if n := discover(9); n != 0 {
		t.Error("a reserved address is pinged")
	}
	if n := discover(1); n != 1 {
		t.Fatal("a free address is not pinged")
	}
	first := h.ping()
	if n := discover(1); n != 0 || len(h.fx.Responses) != 0 {
		t.Error("an address is pinged twice at the same time, or offered meanwhile")
	}
	h.answer(first, false)
	h.send(dhcpv4.MessageTypeRequest, client(1), requested("192.0.2.10"), dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{192, 0, 2, 1})))
	if n := discover(1); n != 0 || len(h.fx.Responses) != 1 {
		t.Error("an active lease is pinged")
	}
	h.now = h.now.Add(45 * time.Second)
	if n := discover(1); n != 0 || len(h.fx.Responses) != 1 {
		t.Error("the client's own lease of 45 seconds ago is pinged")
	}
	h.now = h.now.Add(20 * time.Second)
	if n := discover(1); n != 1 {
		t.Error("the client's own lease of 65 seconds ago is not pinged")
	}
}

func TestPingOfAnotherTimeIsWorthNothing(t *testing.T) {
	h := furnish(t, pingHook+`, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.10" } ] },
		{ "id": 2, "subnet": "198.51.100.0/24", "user-context": { "ping-check": { "enable-ping-check": false } } } ]`)
	if p := h.e.cfg.PingCheck; p.Of(2).Enabled || !p.Of(1).Enabled || p.Of(2).Requests != 2 {
		t.Errorf("parameters are %+v", p)
	}
	h.send(dhcpv4.MessageTypeDiscover, client(1))
	p := h.ping()
	h.step(Reconfigured{Family: h.e.cfg})
	if got := h.answer(p, false); got != "silence" {
		t.Errorf("after another configuration: %s", got)
	}
	h.send(dhcpv4.MessageTypeDiscover, client(1))
	p = h.ping()
	// A client that asks for the address without a DISCOVER is quicker.
	h.send(dhcpv4.MessageTypeRequest, client(2), requested("192.0.2.10"), dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{192, 0, 2, 1})))
	if got := h.answer(p, true); got != "silence" || h.lease("192.0.2.10").HWAddr == "" {
		t.Errorf("another client has it: %s, lease %+v", got, h.lease("192.0.2.10"))
	}
}
