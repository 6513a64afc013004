package engine

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// A client that renews directly is still known by its line: the reservation by
// circuit-id holds.
func TestStashAgentOptions(t *testing.T) {
	const members = `"store-extended-info": true, "host-reservation-identifiers": [ "circuit-id" ],
		"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ],
			"reservations": [ { "circuit-id": "'line1'", "ip-address": "192.0.2.77" } ] } ]`
	for _, c := range []struct{ name, stash, want string }{
		{"on", `"stash-agent-options": true, `, "ACK 192.0.2.77"},
		{"off", ``, "NAK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, c.stash+members)
			if a := h.get(client(1), relay("\x01\x05line1")).YourIPAddr.String(); a != "192.0.2.77" {
				t.Fatal(a)
			}
			l := h.lease("192.0.2.77")
			l.UserContext = `{ "ISC": { "relay-agent-info": { "sub-options": "0x01056C696E6531" } } }`
			h.e.store.Put(l)
			d := h.send(dhcpv4.MessageTypeRequest, client(1), ciaddr("192.0.2.77"))
			if got := show(d); got != c.want {
				t.Fatalf("renewed directly: %s, want %s", got, c.want)
			}
			if d.Options.Has(dhcpv4.OptionRelayAgentInformation) {
				t.Error("option 82 is sent to a client that did not send it")
			}
			if got := show(h.send(dhcpv4.MessageTypeRequest, client(2), ciaddr("192.0.2.77"))); got != "NAK" {
				t.Errorf("somebody else's address: %s", got)
			}
		})
	}
}

func FuzzStoredAgentOptions(f *testing.F) {
	f.Add(`{"ISC":{"relay-agent-info":"0x0101"}}`)
	f.Add(`{"ISC":{"relay-agent-info":{"sub-options":"0x01"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if v, ok := storedAgentOptions(text); ok && len(v) == 0 {
			t.Error("nothing is no option 82")
		}
	})
}
