package engine

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// entries returns what the last step wrote into the legal log.
func (h *house) entries() string {
	var list []string
	for _, l := range h.fx.Hooked.Legal {
		list = append(list, l.Text)
	}
	return strings.Join(list, "|")
}

func legalLog(parameters string) string {
	return `"hooks-libraries": [ { "library": "libdhcp_legal_log.so", "parameters": { "path": "/x"` + parameters + ` } } ], "valid-lifetime": 600, `
}

func TestLegalLog4(t *testing.T) {
	id := opt4(wire.OptClientID, "\x00\x01\x02")
	for _, c := range []struct {
		name, parameters string
		mods             []dhcpv4.Modifier
		want             string
	}{
		{"hardware address alone", "", nil, "Address: 192.0.2.10 has been assigned for 0 hrs 10 mins 0 secs to a device with hardware address: hwtype=1 02:00:00:00:00:01"},
		{"client identifier", "", []dhcpv4.Modifier{id},
			"Address: 192.0.2.10 has been assigned for 0 hrs 10 mins 0 secs to a device with hardware address: hwtype=1 02:00:00:00:00:01, client-id: 00:01:02"},
		{"relay", "", []dhcpv4.Modifier{relay("\x01\x04line\x02\x02\x00\x01")},
			"Address: 192.0.2.10 has been assigned for 0 hrs 10 mins 0 secs to a device with hardware address: hwtype=1 02:00:00:00:00:01" +
				" connected via relay at address: 192.0.2.1, identified by circuit-id: 6c:69:6e:65 (line), remote-id: 00:01"},
		{"expressions", `, "request-parser-format": "'?' + int8totext(option[53].hex) + 0x0a", "response-parser-format": "'!' + int8totext(option[53].hex) + ' ' + addrtotext(pkt4.yiaddr)"`, nil,
			"?3\n!5 192.0.2.10"},
		{"an expression on the response alone", `, "response-parser-format": "hexstring(pkt4.mac, ':')"`, nil, "02:00:00:00:00:01"},
		{"no line of its own out of an option", `, "request-parser-format": "option[12].hex"`, []dhcpv4.Modifier{opt4(wire.OptHostName, "a\r\x1bb")}, `a\x0d\x1bb`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, strings.Replace(legalLog(c.parameters), `"valid-lifetime": 600, `, `"min-valid-lifetime": 600, "max-valid-lifetime": 4000`, 1))
			h.get(append(c.mods, client(1), dhcpv4.WithOption(dhcpv4.OptIPAddressLeaseTime(600_000_000_000)))...)
			if got := h.entries(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestLegalLogOfReleaseAndSilence(t *testing.T) {
	h := furnish(t, strings.TrimSuffix(strings.Replace(legalLog(""), `, "valid-lifetime": 600, `, "", 1), ", "))
	a := h.get(client(1)).YourIPAddr.String()
	h.send(dhcpv4.MessageTypeRelease, client(1), ciaddr(a))
	if got, want := h.entries(), "Address: "+a+" has been released from a device with hardware address: hwtype=1 02:00:00:00:00:01"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	h = furnish(t, strings.Replace(legalLog(""), `"valid-lifetime": 600, `, "", 1)+`"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24",
		"pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ], "user-context": { "legal-logging": false } } ]`)
	h.get(client(1))
	if got := h.entries(); got != "" {
		t.Errorf("a silent subnet says %s", got)
	}
}

// Each lease of an exchange is written about as if it were alone in it.
func TestLegalFormat6(t *testing.T) {
	const na, pd = "ifelse(option[3].option[5].exists, addrtotext(substring(option[3].option[5].hex, 0, 16)), 'none')",
		"ifelse(option[25].option[26].exists, addrtotext(substring(option[25].option[26].hex, 9, 16)), 'none')"
	h := furnish6(t, `"hooks-libraries": [ { "library": "libdhcp_legal_log.so", "parameters": { "path": "/x",
		"request-parser-format": "`+na+` + ' '", "response-parser-format": "`+na+` + ' ' + `+pd+`" } } ]`)
	h.send6(wire.Request, 1, ourID, ia(wire.Opt6IANA, 7, ""), ia(wire.Opt6IANA, 8, ""), ia(wire.Opt6IAPD, 7, ""))
	if got, want := h.entries(), "none 2001:db8:1::10 none|none 2001:db8:1::11 none|none none 2001:db8:2::"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A relayed response is as readable as a relayed query.
func TestLegalFormatOfRelayedResponse(t *testing.T) {
	h := furnish6(t, `"cache-threshold": 0.0, "hooks-libraries": [ { "library": "libdhcp_legal_log.so", "parameters": { "path": "/x",
		"response-parser-format": "int32totext(pkt6.msgtype) + ' ' + addrtotext(relay6[0].linkaddr)" } } ]`)
	h.send6(wire.Request, 1, ourID, ia(wire.Opt6IANA, 7, ""))
	q := h.fx.Responses[0]
	link, peer := netip.MustParseAddr("2001:db8:1::5"), netip.MustParseAddr("fe80::1")
	inner := string(q.Data)
	forward := "\x0c\x00" + string(link.AsSlice()) + string(peer.AsSlice()) + option6(9, inner)
	relayed := &Query{Data: []byte(forward), Arrival: q.Arrival}
	relayed.Decode6()
	h.step(relayed)
	if got, want := h.entries(), "7 2001:db8:1::5"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestLegalLogOfCommands(t *testing.T) {
	h := furnish(t, strings.TrimSuffix(strings.Replace(legalLog(""), `, "valid-lifetime": 600, `, "", 1), ", "))
	for _, c := range []struct{ command, arguments, want string }{
		{"lease4-add", `{ "ip-address": "192.0.2.15", "hw-address": "1a:1b:1c:1d:1e:1f", "client-id": "aa:bb", "valid-lft": 7777, "subnet-id": 1 }`,
			"Administrator added a lease of address: 192.0.2.15 to a device with hardware address: 1a:1b:1c:1d:1e:1f, client-id: aa:bb for 2 hrs 9 mins 37 secs"},
		{"lease4-update", `{ "ip-address": "192.0.2.15", "hw-address": "1a:1b:1c:1d:1e:1f", "valid-lft": 500000, "subnet-id": 1 }`,
			"Administrator updated information on the lease of address: 192.0.2.15 to a device with hardware address: 1a:1b:1c:1d:1e:1f for 5 days 18 hrs 53 mins 20 secs"},
		{"lease4-update", `{ "ip-address": "192.0.2.15", "hw-address": "1a:1b:1c:1d:1e:1f", "valid-lft": 60, "subnet-id": 1, "origin": "ha-partner" }`,
			"HA partner updated information on the lease of address: 192.0.2.15 to a device with hardware address: 1a:1b:1c:1d:1e:1f for 0 hrs 1 mins 0 secs"},
		{"lease4-del", `{ "identifier-type": "hw-address", "identifier": "1a:1b:1c:1d:1e:1f", "subnet-id": 1 }`,
			"Administrator deleted a lease for a device identified by: hw-address of 1a:1b:1c:1d:1e:1f"},
	} {
		args, _, err := config.ParseValue("", []byte(c.arguments), false)
		if err != nil {
			t.Fatal(err)
		}
		h.step(&CommandReceived{ID: 1, Name: c.command, Arguments: args})
		if got := h.entries(); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.command, got, c.want)
		}
	}
}

func TestLegalText6(t *testing.T) {
	h := furnish(t, strings.TrimSuffix(strings.Replace(legalLog(""), `, "valid-lifetime": 600, `, "", 1), ", "))
	h.e.version = 6
	a := lease.Lease{Type: lease.PD, PrefixLen: 94, Valid: 600, ClientID: "\x00\x03", HWAddr: "\xf6\xf5", HWSource: 64}
	if err := a.Addr.UnmarshalText([]byte("2001:db8:2::4:0:0")); err != nil {
		t.Fatal(err)
	}
	got := h.e.legalText(&Query{}, &a, "assigned")
	if want := "Prefix: 2001:db8:2::4:0:0/94 has been assigned for 0 hrs 10 mins 0 secs to a device with DUID: 00:03 and hardware address: hwtype=1 f6:f5 (from DOCSIS CMTS)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
