package engine

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

var ourID = option6(2, string(serverDUID))

// furnish6 is furnish for DHCPv6; subnet 2001:db8:1::/64 is on the interface.
func furnish6(t testing.TB, members string) *house {
	t.Helper()
	c, err := config.Parse("test", []byte(`{ "Dhcp6": { `+members+`, "interfaces-config": { "interfaces": [ "*" ] },
		"lease-database": { "type": "memfile", "persist": false }, "preferred-lifetime": 3000, "valid-lifetime": 4000,
		"host-reservation-identifiers": [ "duid", "flex-id" ],
		"subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "ve0", "pools": [ { "pool": "2001:db8:1::10 - 2001:db8:1::99" } ],
			"pd-pools": [ { "prefix": "2001:db8:2::", "prefix-len": 48, "delegated-len": 64 } ],
			"reservations": [ { "flex-id": "'port7'", "ip-addresses": [ "2001:db8:1::7" ] } ] } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, now: time.Unix(1_700_000_000, 0)}
	h.e = New(c.V6, lease.NewStore(6, 1), Options{Now: h.now, Seed: 1, Diskless: true, DUID: serverDUID,
		Enabled: func(m *message.Message) bool { return h.log || m.Level <= message.Warn }})
	return h
}

// iaOf reads the first association of a response: its IAID, and the address or
// the status in it.
func iaOf(m *wire.Message6, code uint16) string {
	v, ok := m.Option(code)
	if !ok {
		return "none"
	}
	inner, x, _, ok := wire.NextOption6(wire.IA(v).Options())
	switch {
	case !ok:
		return fmt.Sprintf("%d empty", wire.IA(v).IAID())
	case inner == wire.Opt6StatusCode:
		return fmt.Sprintf("%d status %d", wire.IA(v).IAID(), x[1])
	}
	r := wire.ReadIAResource(inner, x)
	return fmt.Sprintf("%d %s for %d s", wire.IA(v).IAID(), r.Addr, r.Valid)
}

func flexID6(more string) string {
	return `"hooks-libraries": [ { "library": "libdhcp_flex_id.so", "parameters": { "identifier-expression": "option[15].hex"` + more + ` } } ]`
}

func TestFlexIDFindsReservations6(t *testing.T) {
	h := furnish6(t, flexID6(""))
	m := h.send6(wire.Request, 1, ourID, option6(15, "port7"), ia(wire.Opt6IANA, 5, ""))
	if got := iaOf(&m, wire.Opt6IANA); got != "5 2001:db8:1::7 for 4000 s" {
		t.Errorf("the client of port7 gets %s", got)
	}
	m = h.send6(wire.Request, 2, ourID, option6(15, "port8"), ia(wire.Opt6IANA, 5, ""))
	if got := iaOf(&m, wire.Opt6IANA); got != "5 2001:db8:1::10 for 4000 s" {
		t.Errorf("another one gets %s", got)
	}
	if id := h.lease("2001:db8:1::7").ClientID; len(id) != 10 {
		t.Errorf("the lease says DUID %x", id)
	}
}

// Kea: the DUID of the lease is of type 0 and the flexible identifier, whatever
// the client calls itself; the client reads its own in the response.
func TestFlexIDReplacesDUID(t *testing.T) {
	h := furnish6(t, flexID6(`, "replace-client-id": true`))
	port := option6(15, "port7")
	address := option6(5, string(netip.MustParseAddr("2001:db8:1::7").AsSlice())+"\x00\x00\x00\x02\x00\x00\x00\x03")
	m := h.send6(wire.Request, 1, ourID, port, ia(wire.Opt6IANA, 5, ""))
	if got := iaOf(&m, wire.Opt6IANA); got != "5 2001:db8:1::7 for 4000 s" {
		t.Fatal(got)
	}
	if id, _ := m.Option(wire.Opt6ClientID); len(id) != 10 || id[9] != 1 {
		t.Errorf("the response says DUID %x", id)
	}
	if id := h.lease("2001:db8:1::7").ClientID; id != "\x00\x00port7" {
		t.Errorf("the lease says DUID %q", id)
	}
	m = h.send6(wire.Renew, 2, ourID, port, ia(wire.Opt6IANA, 5, address))
	if got := iaOf(&m, wire.Opt6IANA); got != "5 2001:db8:1::7 for 4000 s" {
		t.Errorf("another DUID at the same port renews: %s", got)
	}
	m = h.send6(wire.Release, 1, ourID, option6(15, "port8"), ia(wire.Opt6IANA, 5, address))
	if got := iaOf(&m, wire.Opt6IANA); got != "5 status 3" {
		t.Errorf("the same DUID at another port releases: %s", got)
	}
	m = h.send6(wire.Release, 2, ourID, port, ia(wire.Opt6IANA, 5, address))
	if got := iaOf(&m, wire.Opt6IANA); got != "5 status 0" {
		t.Errorf("the port's client releases: %s", got)
	}
}

func TestFlexIDIgnoresIAID(t *testing.T) {
	const na, pd = wire.Opt6IANA, wire.Opt6IAPD
	h := furnish6(t, flexID6(`, "ignore-iaid": true`))
	for _, iaid := range []uint32{5, 6} {
		m := h.send6(wire.Request, 1, ourID, ia(na, iaid, ""), ia(pd, iaid+10, ""))
		want := fmt.Sprintf("%d 2001:db8:1::10 for 4000 s, %d 2001:db8:2:: for 4000 s", iaid, iaid+10)
		if got := iaOf(&m, na) + ", " + iaOf(&m, pd); got != want {
			t.Errorf("IAID %d gets %s", iaid, got)
		}
	}
	if l := h.lease("2001:db8:1::10"); l.IAID != 0 {
		t.Errorf("lease of IAID %d", l.IAID)
	}
	// Two of a kind must be told apart; the only prefix need not.
	h.send6(wire.Request, 2, ourID, ia(na, 5, ""), ia(na, 6, ""), ia(pd, 7, ""))
	for a, want := range map[string]uint32{"2001:db8:1::11": 5, "2001:db8:1::12": 6, "2001:db8:2:1::": 0} {
		if got := h.lease(a).IAID; got != want {
			t.Errorf("%s is a lease of IAID %d, want %d", a, got, want)
		}
	}
}

// An IAID that comes twice is the same association and holds the same address.
func TestRepeatedAssociation(t *testing.T) {
	h := furnish6(t, flexID6(""))
	m := h.send6(wire.Request, 1, ourID, ia(wire.Opt6IANA, 5, ""), ia(wire.Opt6IANA, 5, ""), ia(wire.Opt6IANA, 6, ""))
	got := ""
	for _, o := range m.Options {
		if o.Code == wire.Opt6IANA {
			r := wire.ReadIAResource(wire.Opt6IAAddr, o.Data[16:])
			got += fmt.Sprintf("%d %s, ", wire.IA(o.Data).IAID(), r.Addr)
		}
	}
	if want := "5 2001:db8:1::10, 5 2001:db8:1::10, 6 2001:db8:1::11, "; got != want {
		t.Errorf("got %s", got)
	}
	if n := h.e.subnets[1].poolsFor(lease.NA)[0].free.Len(); n != 0x99-0x10+1-2 {
		t.Errorf("%d addresses free", n)
	}
}

func TestFlexOption6(t *testing.T) {
	for _, c := range []struct {
		name, entries string
		code          uint16
		want          string // bytes, "-" for no such option
	}{
		{"add what is not there", `{ "code": 31, "add": "'3000::1'", "csv-format": true }`, 31, "\x30" + string(make([]byte, 14)) + "\x01"},
		{"add leaves what is there", `{ "code": 32, "add": "'9'", "csv-format": true }`, 32, "\x00\x00\x0e\x10"},
		{"supersede replaces", `{ "code": 32, "supersede": "'9'", "csv-format": true }`, 32, "\x00\x00\x00\x09"},
		{"an empty value changes nothing", `{ "code": 32, "supersede": "''" }`, 32, "\x00\x00\x0e\x10"},
		{"remove if the test holds", `{ "code": 32, "remove": "option[15].exists" }`, 32, "-"},
		{"remove not if it does not", `{ "code": 32, "remove": "option[16].exists" }`, 32, "\x00\x00\x0e\x10"},
		{"octets of a code beyond 255", `{ "code": 4000, "add": "0xfe01" }`, 4000, "\xfe\x01"},
		{"a vendor's sub-options", `{ "code": 17, "sub-options": [ { "space": "vendor-4491", "code": 1026, "add": "'ab'" }, { "space": "vendor-4491", "code": 2, "add": "'c'" } ] }`,
			17, "\x00\x00\x11\x8b\x04\x02\x00\x02ab\x00\x02\x00\x01c"},
		{"no container, none made", `{ "code": 17, "sub-options": [ { "space": "vendor-4491", "code": 2, "container-add": false, "add": "'ab'" } ] }`, 17, "-"},
		{"the last sub-option takes the container along", `{ "code": 17, "sub-options": [ { "space": "vendor-4491", "code": 2, "add": "'ab'" } ] },
			{ "code": 17, "sub-options": [ { "space": "vendor-4491", "code": 2, "remove": "'a' == 'a'" } ] }`, 17, "-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish6(t, `"option-data": [ { "code": 32, "data": "3600", "always-send": true } ],
				"hooks-libraries": [ { "library": "libdhcp_flex_option.so", "parameters": { "options": [ `+c.entries+` ] } } ]`)
			m := h.send6(wire.Solicit, 1, option6(15, "port7"), ia(wire.Opt6IANA, 5, ""))
			got := "-"
			if v, ok := m.Option(c.code); ok {
				got = string(v)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
