package engine

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// house is an engine with one interface and a clock of its own.
type house struct {
	t   testing.TB
	e   *Engine
	now time.Time
	fx  Effects
	log bool
	xid byte
}

// furnish builds a house from the members of a Dhcp4 map; subnet 192.0.2.0/24
// with id 1 is there unless the text has subnet4.
func furnish(t testing.TB, members string) *house {
	t.Helper()
	if !strings.Contains(members, `"subnet4"`) {
		members += `, "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ] } ]`
	}
	text := `{ "Dhcp4": { "valid-lifetime": 4000, "lease-database": { "type": "memfile", "persist": false }, "interfaces-config": { "interfaces": [ "*" ] }, ` +
		strings.TrimLeft(members, ", ") + ` } }`
	c, err := config.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, now: time.Unix(1_700_000_000, 0)}
	h.e = New(c.V4, lease.NewStore(4, 1), Options{
		Now: h.now, Seed: 1, Diskless: true,
		Enabled: func(m *message.Message) bool { return h.log || m.Level <= message.Warn },
	})
	return h
}

// opt4 is one option of a query.
func opt4(code byte, value string) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(dhcpv4.GenericOptionCode(code), []byte(value))
}

// client is a hardware address; relay puts a giaddr and option 82 in.
func client(n byte) dhcpv4.Modifier {
	return dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, n})
}

func relay(agent string) dhcpv4.Modifier {
	return func(d *dhcpv4.DHCPv4) {
		d.GatewayIPAddr = net.IPv4(192, 0, 2, 1)
		opt4(wire.OptAgentOptions, agent)(d)
	}
}

func ciaddr(a string) dhcpv4.Modifier { return dhcpv4.WithClientIP(net.ParseIP(a)) }

func requested(a string) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(a)))
}

// query builds what a client sends.
func (h *house) query(typ dhcpv4.MessageType, mods ...dhcpv4.Modifier) *Query {
	h.t.Helper()
	h.xid++
	d, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithMessageType(typ), dhcpv4.WithTransactionID(dhcpv4.TransactionID{0, 0, 0, h.xid})}, mods...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	q := &Query{Data: d.ToBytes()}
	q.Arrival = wire.Arrival{
		Iface: &wire.Interface{Name: "ve0", Index: 2, MAC: []byte{2, 0, 0, 0, 0, 254}, V4: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}},
		Src:   netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
		Local: netip.MustParseAddr("192.0.2.1"), Multi: true,
	}
	if !d.GatewayIPAddr.IsUnspecified() {
		giaddr, _ := netip.AddrFromSlice(d.GatewayIPAddr.To4())
		q.Arrival.Src, q.Arrival.Dst, q.Arrival.Multi = netip.AddrPortFrom(giaddr, 67), netip.MustParseAddrPort("192.0.2.1:67"), false
	}
	q.Decode4()
	return q
}

// step brings inputs; the effects stay in h.fx until the next one.
func (h *house) step(in ...Input) {
	h.fx.Reset()
	h.e.Step(h.now, in, &h.fx)
}

// send brings a query and returns the response, nil for none.
func (h *house) send(typ dhcpv4.MessageType, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	h.t.Helper()
	h.step(h.query(typ, mods...))
	if len(h.fx.Responses) == 0 {
		return nil
	}
	d, err := dhcpv4.FromBytes(h.fx.Responses[0].Response)
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// get goes through DISCOVER and REQUEST and returns the ACK.
func (h *house) get(mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	h.t.Helper()
	offer := h.send(dhcpv4.MessageTypeDiscover, mods...)
	if offer == nil {
		h.t.Fatal("no offer")
	}
	ack := h.send(dhcpv4.MessageTypeRequest, append(mods, requested(offer.YourIPAddr.String()), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(offer.ServerIdentifier())))...)
	if ack == nil || ack.MessageType() != dhcpv4.MessageTypeAck {
		h.t.Fatalf("no ACK but %v", ack)
	}
	return ack
}

func (h *house) lease(a string) lease.Lease {
	l, _ := h.e.store.Get(netip.MustParseAddr(a))
	return l
}

// show writes a response in one word: type and address, or silence.
func show(d *dhcpv4.DHCPv4) string {
	switch {
	case d == nil:
		return "silence"
	case d.YourIPAddr.IsUnspecified():
		return d.MessageType().String()
	}
	return fmt.Sprintf("%s %s", d.MessageType(), d.YourIPAddr)
}
