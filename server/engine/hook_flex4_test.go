package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/server/wire"
)

// flexID switches libdhcp_flex_id on; more are further parameters.
func flexID(more string) string {
	return `"host-reservation-identifiers": [ "hw-address", "flex-id" ],
		"hooks-libraries": [ { "library": "/usr/lib/libdhcp_flex_id.so", "parameters": { "identifier-expression": "option[60].hex"` + more + ` } } ],
		"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ],
			"reservations": [ { "flex-id": "'docsis3.0'", "ip-address": "192.0.2.77" } ] } ]`
}

func TestFlexIDFindsReservations(t *testing.T) {
	h := furnish(t, flexID(""))
	modem := opt4(wire.OptVendorClass, "docsis3.0")
	if a := h.get(client(1), modem).YourIPAddr.String(); a != "192.0.2.77" {
		t.Errorf("the modem gets %s", a)
	}
	if a := h.get(client(2), opt4(wire.OptVendorClass, "docsis3")).YourIPAddr.String(); a != "192.0.2.10" {
		t.Errorf("another one gets %s", a)
	}
	if a := h.get(client(3)).YourIPAddr.String(); a != "192.0.2.11" {
		t.Errorf("one without identifier gets %s", a)
	}
	if id := h.lease("192.0.2.77").ClientID; id != "" {
		t.Errorf("client identifier %q", id)
	}
}

// Kea: the identifier of the lease is 0 and the flexible identifier, whatever
// the client calls itself; the client reads its own in the response.
func TestFlexIDReplacesClientID(t *testing.T) {
	h := furnish(t, flexID(`, "replace-client-id": true`))
	modem, own := opt4(wire.OptVendorClass, "docsis3.0"), opt4(wire.OptClientID, "\xff\x01\x02\x03")
	ack := h.get(client(1), modem, own)
	if got := string(ack.Options.Get(dhcpv4.OptionClientIdentifier)); got != "\xff\x01\x02\x03" {
		t.Errorf("the response says client identifier %q", got)
	}
	if got := h.lease("192.0.2.77").ClientID; got != "\x00docsis3.0" {
		t.Errorf("the lease says client identifier %q", got)
	}
	renew := func(mods ...dhcpv4.Modifier) string {
		return show(h.send(dhcpv4.MessageTypeRequest, append(mods, ciaddr("192.0.2.77"))...))
	}
	if got := renew(client(1), modem, opt4(wire.OptClientID, "other")); got != "ACK 192.0.2.77" {
		t.Errorf("another client identifier, same flexible one: %s", got)
	}
	if got := renew(client(1), own); got != "NAK" {
		t.Errorf("no flexible identifier: %s", got)
	}
	h.send(dhcpv4.MessageTypeRelease, client(1), ciaddr("192.0.2.77"), own)
	if l := h.lease("192.0.2.77"); l.Valid != 4000 {
		t.Errorf("released by one without the flexible identifier: %+v", l)
	}
	h.send(dhcpv4.MessageTypeRelease, client(1), ciaddr("192.0.2.77"), modem)
	if l := h.lease("192.0.2.77"); l.Valid != 0 {
		t.Errorf("not released: %+v", l)
	}
}

func TestFlexIDWithoutMatchClientID(t *testing.T) {
	h := furnish(t, `"match-client-id": false, `+flexID(`, "replace-client-id": true`))
	h.get(client(1), opt4(wire.OptVendorClass, "docsis3.0"))
	if l := h.lease("192.0.2.77"); l.ClientID != "" || l.HWAddr != "\x02\x00\x00\x00\x00\x01" {
		t.Errorf("%+v", l)
	}
}

func flexOptions(entries string) string {
	return `"option-data": [ { "code": 5, "data": "198.51.100.1", "always-send": true } ],
		"hooks-libraries": [ { "library": "libdhcp_flex_option.so", "parameters": { "options": [ ` + entries + ` ] } } ]`
}

func TestFlexOption(t *testing.T) {
	pxe, host := opt4(wire.OptVendorClass, "PXE"), opt4(wire.OptHostName, "unique")
	for _, c := range []struct {
		name, entries string
		mods          []dhcpv4.Modifier
		code          uint8
		want          string // bytes, "-" for no such option
	}{
		{"add what is not there", `{ "code": 67, "add": "'x' + option[12].text", "csv-format": true }`, []dhcpv4.Modifier{host}, 67, "xunique"},
		{"add leaves what is there", `{ "code": 5, "add": "'10.0.0.1'", "csv-format": true }`, nil, 5, "\xc6\x33\x64\x01"},
		{"supersede replaces", `{ "code": 5, "supersede": "'10.0.0.1'", "csv-format": true }`, nil, 5, "\x0a\x00\x00\x01"},
		{"supersede adds", `{ "name": "boot-file-name", "supersede": "'f'" }`, nil, 67, "f"},
		{"an empty value changes nothing", `{ "code": 5, "supersede": "''" }`, nil, 5, "\xc6\x33\x64\x01"},
		{"remove if the test holds", `{ "code": 5, "remove": "option[60].exists" }`, []dhcpv4.Modifier{pxe}, 5, "-"},
		{"remove not if it does not", `{ "code": 5, "remove": "option[60].exists" }`, nil, 5, "\xc6\x33\x64\x01"},
		{"remove what is not there", `{ "code": 67, "remove": "'a' == 'a'" }`, nil, 67, "-"},
		{"text that is no value changes nothing", `{ "code": 5, "supersede": "'nonsense'", "csv-format": true }`, nil, 5, "\xc6\x33\x64\x01"},
		{"a domain name", `{ "code": 119, "add": "'a.example'", "csv-format": true }`, nil, 119, "\x01a\x07example\x00"},
		{"octets as they are", `{ "code": 222, "add": "0xfe01" }`, nil, 222, "\xfe\x01"},
		{"for members of a class", `{ "code": 67, "client-class": "VENDOR_CLASS_PXE", "add": "'f'" }`, []dhcpv4.Modifier{pxe}, 67, "f"},
		{"not for others", `{ "code": 67, "client-class": "VENDOR_CLASS_PXE", "add": "'f'" }`, nil, 67, "-"},
		{"a sub-option, its container made", `{ "code": 43, "sub-options": [ { "code": 2, "add": "'ab'" }, { "code": 3, "add": "'c'" } ] }`, nil, 43, "\x02\x02ab\x03\x01c"},
		{"a sub-option, its container not made", `{ "code": 43, "sub-options": [ { "code": 2, "container-add": false, "add": "'ab'" } ] }`, nil, 43, "-"},
		{"a vendor's sub-option", `{ "code": 125, "sub-options": [ { "space": "vendor-4491", "code": 2, "add": "'ab'" } ] }`, nil, 125, "\x00\x00\x11\x8b\x04\x02\x02ab"},
		{"the last sub-option takes the container along", `{ "code": 43, "sub-options": [ { "code": 2, "add": "'ab'" } ] },
			{ "code": 43, "sub-options": [ { "code": 2, "remove": "'a' == 'a'" } ] }`, nil, 43, "-"},
		{"unless it is to stay", `{ "code": 43, "sub-options": [ { "code": 2, "add": "'ab'" } ] },
			{ "code": 43, "sub-options": [ { "code": 2, "container-remove": false, "remove": "'a' == 'a'" } ] }`, nil, 43, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, flexOptions(c.entries))
			offer := h.send(dhcpv4.MessageTypeDiscover, append(c.mods, client(1))...)
			if offer == nil {
				t.Fatal("no offer")
			}
			got := "-"
			if offer.Options.Has(dhcpv4.GenericOptionCode(c.code)) {
				got = string(offer.Options.Get(dhcpv4.GenericOptionCode(c.code)))
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A hook that is not switched on costs an exchange nothing.
func BenchmarkDiscoverWithoutHooks(b *testing.B) { benchmarkDiscover(b, ``) }

func BenchmarkDiscoverWithFlexOption(b *testing.B) {
	benchmarkDiscover(b, flexOptions(`{ "code": 67, "add": "'x'" }`))
}

func benchmarkDiscover(b *testing.B, members string) {
	h := furnish(b, members)
	q := h.query(dhcpv4.MessageTypeDiscover, client(1))
	in, data, arrival := []Input{q}, q.Data, q.Arrival
	b.ReportAllocs()
	for b.Loop() {
		q.Reset()
		q.Data, q.Arrival = data, arrival
		q.Decode4()
		h.step(in...)
	}
	if len(h.fx.Responses) != 1 {
		b.Fatal(fmt.Sprint("no response, log: ", strings.TrimSpace(string(h.fx.LogText))))
	}
}
