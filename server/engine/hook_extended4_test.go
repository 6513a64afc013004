package engine

import (
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestStoreExtendedInfo4(t *testing.T) {
	const both = "\x0c\x06relay7\x02\x07remote8"
	for _, c := range []struct {
		name, members, agent, before, want string
	}{
		{"off, nothing is stored", ``, both, "", ""},
		{"unknown sub-options only", `"store-extended-info": true`, "\x01\x06\x06\x01\x06\x02\x06\x03", "",
			`{ "ISC": { "relay-agent-info": { "sub-options": "0x0106060106020603" } } }`},
		{"relay-id and remote-id have keys of their own", `"store-extended-info": true`, both, "",
			`{ "ISC": { "relay-agent-info": { "relay-id": "72656C617937", "remote-id": "72656D6F746538", "sub-options": "0x0C0672656C617937020772656D6F746538" } } }`},
		{"other context stays", `"store-extended-info": true`, "\x01\x01x", `{ "a": 1, "ISC": { "b": [ 2 ] } }`,
			`{ "a": 1, "ISC": { "b": [ 2 ], "relay-agent-info": { "sub-options": "0x010178" } } }`},
		{"the text of Kea 2.2 is replaced", `"store-extended-info": true`, "\x01\x01x", `{ "ISC": { "relay-agent-info": "0x010179" } }`,
			`{ "ISC": { "relay-agent-info": { "sub-options": "0x010178" } } }`},
		{"the same again is left alone", `"store-extended-info": true`, "\x01\x01x", `{"ISC":{"relay-agent-info":"0x010178"}}`,
			`{"ISC":{"relay-agent-info":"0x010178"}}`},
		{"a query without option 82 leaves what is stored", `"store-extended-info": true`, "", `{ "ISC": { "relay-agent-info": "0x010179" } }`,
			`{ "ISC": { "relay-agent-info": "0x010179" } }`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, c.members)
			a := h.get(client(1)).YourIPAddr.String()
			l := h.lease(a)
			l.UserContext = c.before
			h.e.store.Put(l)
			mods := []dhcpv4.Modifier{client(1), ciaddr(a)}
			if c.agent != "" {
				mods = append(mods, relay(c.agent))
			}
			if got := show(h.send(dhcpv4.MessageTypeRequest, mods...)); got != "ACK "+a {
				t.Fatal(got)
			}
			if got := h.lease(a).UserContext; got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

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
		withAgentInfo(text, &agentInfo{SubOptions: "0x01"})
	})
}
