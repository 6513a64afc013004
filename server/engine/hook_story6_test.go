package engine

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// option6 is one option of a DHCPv6 query.
func option6(code uint16, value string) string {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return string(b) + value
}

// ia is an IA_NA or IA_PD with what stands in it.
func ia(code uint16, iaid uint32, resource string) string {
	b := binary.BigEndian.AppendUint32(nil, iaid)
	return option6(code, string(b)+strings.Repeat("\x00", 8)+resource)
}

// fqdn6 is option 39.
func fqdn6(flags byte, name string) string {
	return option6(39, string(appendWireName([]byte{flags}, []byte(name))))
}

// send6 brings a query of client n and returns the response's options.
func (h *house) send6(typ, n byte, options ...string) wire.Message6 {
	h.t.Helper()
	h.xid++
	b := string([]byte{typ, 0, 1, h.xid}) + option6(1, "\x00\x03\x00\x01\x02\x00\x00\x00\x00"+string([]byte{n})) + strings.Join(options, "")
	q := &Query{Data: []byte(b), Arrival: wire.Arrival{
		Iface: &wire.Interface{Name: "ve0", Index: 2, MAC: []byte{2, 0, 0, 0, 0, 254}},
		Src:   netip.MustParseAddrPort("[fe80::ff:fe00:fd%ve0]:546"), Dst: netip.MustParseAddrPort("[ff02::1:2]:547"),
		Local: netip.MustParseAddr("fe80::ff:fe00:fe"), Multi: true,
	}}
	q.Decode6()
	h.step(q)
	var m wire.Message6
	if len(h.fx.Responses) == 1 {
		if err := m.Decode(h.fx.Responses[0].Response); err != nil {
			h.t.Fatal(err)
		}
	}
	return m
}

// resource is what the first IA of a response holds.
func resource(m *wire.Message6, code uint16) string {
	if v, ok := m.Option(code); ok && len(v) > 12 {
		return string(v[12:])
	}
	return ""
}

// tellStory6 is tellStory4 for DHCPv6.
func tellStory6(t *testing.T, file, members string, show func(*house) string) {
	c, err := config.Parse("test", []byte(`{ "Dhcp6": { `+members+`"interfaces-config": { "interfaces": [ "*" ] },
		"lease-database": { "type": "memfile", "persist": false }, "cache-threshold": 0.0,
		"preferred-lifetime": 3000, "valid-lifetime": 4000, "min-valid-lifetime": 2, "max-valid-lifetime": 4000, "min-preferred-lifetime": 1, "max-preferred-lifetime": 3000,
		"expired-leases-processing": { "reclaim-timer-wait-time": 1, "flush-reclaimed-timer-wait-time": 0, "hold-reclaimed-time": 0 },
		"decline-probation-period": 3, "dhcp-ddns": { "enable-updates": true },
		"subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "ve0", "pools": [ { "pool": "2001:db8:1::10 - 2001:db8:1::99" } ],
			"pd-pools": [ { "prefix": "2001:db8:2::", "prefix-len": 48, "delegated-len": 64 } ] } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	const server = "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x99"
	h := &house{t: t, now: time.Unix(1_795_306_824, 0)}
	h.e = New(c.V6, lease.NewStore(6, 1), Options{Now: h.now, Seed: 1, Diskless: true, DUID: []byte(server),
		Enabled: func(*message.Message) bool { return false }})
	sid := option6(2, server)
	const na, pd = wire.Opt6IANA, wire.Opt6IAPD
	get := func(n byte, prefix bool, options ...string) (string, string) {
		ask := append(options, ia(na, 1234, ""))
		if prefix {
			ask = append(ask, ia(pd, 4321, ""))
		}
		m := h.send6(wire.Solicit, n, ask...)
		a, p := resource(&m, na), resource(&m, pd)
		ask = append(options, sid, ia(na, 1234, a))
		if prefix {
			ask = append(ask, ia(pd, 4321, p))
		}
		m = h.send6(wire.Request, n, ask...)
		return resource(&m, na), resource(&m, pd)
	}
	var a1, a2, p2, a3 string
	steps := map[string]func(){
		"A": func() { a1, _ = get(1, false, fqdn6(1, "host1.example.org")) },
		"B": func() { h.send6(wire.Renew, 1, sid, ia(na, 1234, a1), fqdn6(1, "host1.example.org")) },
		"C": func() { h.send6(wire.Renew, 1, sid, ia(na, 1234, a1), fqdn6(1, "host1b.example.org")) },
		"D": func() { h.send6(wire.Rebind, 1, ia(na, 1234, a1), fqdn6(1, "host1b.example.org")) },
		"E": func() { h.send6(wire.Release, 1, sid, ia(na, 1234, a1)) },
		"F": func() { a2, p2 = get(2, true, fqdn6(0, "host2.example.org")) },
		"G": func() {
			h.send6(wire.Renew, 2, sid, ia(na, 1234, a2), ia(pd, 4321, p2), fqdn6(0, "host2.example.org"))
		},
		"H": func() { h.send6(wire.Decline, 2, sid, ia(na, 1234, a2)) },
		"I": func() { // what was declined comes back, and a client looks what there is
			h.send6(wire.Release, 2, sid, ia(pd, 4321, p2))
			scripts := h.fx.Hooked.Scripts
			h.fx.Hooked = Hooked{}
			h.now = h.now.Add(4 * time.Second)
			h.step(Tick{})
			scripts = append(scripts, h.fx.Hooked.Scripts...)
			h.fx.Hooked = Hooked{}
			m := h.send6(wire.Solicit, 3, ia(na, 1234, ""))
			a3 = resource(&m, na)
			h.fx.Hooked.Scripts = scripts
		},
		"J": func() {
			h.send6(wire.Request, 3, sid, ia(na, 1234, option6(5, a3[4:20]+"\x00\x00\x00\x02\x00\x00\x00\x03")), fqdn6(1, "host3.example.org"))
			scripts := h.fx.Hooked.Scripts
			h.fx.Hooked = Hooked{}
			h.now = h.now.Add(3 * time.Second)
			h.step(Tick{})
			h.fx.Hooked.Scripts = append(scripts, h.fx.Hooked.Scripts...)
		},
	}
	h.send6(wire.Solicit, 200, ia(na, 1, ""))
	compareStory(t, h, file, steps, show)
}
