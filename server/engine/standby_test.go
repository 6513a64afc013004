package engine

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/ha"
)

var errUnheard = errors.New("nobody answers")

// Clients have the class of the server that should answer them, on a standby
// that answers for it, too: pools and options by class are the same then.
func TestStandbyGivesTheClassOfThePrimary(t *testing.T) {
	h := furnish(t, `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [
			{ "pool": "192.0.2.10 - 192.0.2.19", "client-class": "HA_b" },
			{ "pool": "192.0.2.30 - 192.0.2.39", "client-class": "HA_a" } ] } ],
		"client-classes": [ { "name": "served", "test": "member('HA_a')", "boot-file-name": "a.img" } ],
		"hooks-libraries": [ { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
			"this-server-name": "b", "mode": "hot-standby", "max-unacked-clients": 0, "peers": [
				{ "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary" },
				{ "name": "b", "url": "http://192.0.2.2:8000/", "role": "standby" } ] } ] } } ]`)
	// tick lets a second pass; the partner is never heard of.
	tick := func() {
		h.now = h.now.Add(time.Second)
		h.step(Tick{})
		for sends := slices.Clone(h.fx.Sends); len(sends) > 0; sends = sends[1:] {
			h.step(&PeerAnswered{Pair: sends[0].Pair, ID: sends[0].Action.ID, Answer: ha.Answer{Err: errUnheard}})
			sends = append(sends, h.fx.Sends...)
		}
	}
	tick()
	if d := h.send(dhcpv4.MessageTypeDiscover, client(1)); d != nil {
		t.Fatalf("answers before it serves: %s", show(d))
	}
	for range 100 {
		tick()
	}
	if s := h.e.pairs[0].machine.State(); s != ha.PartnerDown {
		t.Fatalf("is %s", s)
	}
	d := h.get(client(1))
	if d.YourIPAddr.String() != "192.0.2.30" || d.BootFileName != "a.img" {
		t.Errorf("%s, boot file %q", show(d), d.BootFileName)
	}
}
