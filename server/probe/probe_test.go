package probe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
)

func someone() question {
	return question{xid: 0x020003, mac: [6]byte{2, 0, 0, 0, 0, 1}, tried: 2500 * time.Millisecond, port: true}
}

func TestDiscoverIsOfARelayedClient(t *testing.T) {
	q := someone()
	q.link, q.relay = netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("198.51.100.3")
	m, err := dhcpv4.FromBytes(q.append4(nil))
	if err != nil {
		t.Fatal(err)
	}
	if m.MessageType() != dhcpv4.MessageTypeDiscover || m.GatewayIPAddr.String() != "198.51.100.3" || m.NumSeconds != 2 ||
		m.ClientHWAddr.String() != "02:00:00:00:00:01" {
		t.Error(m.Summary())
	}
	agent := m.RelayAgentInfo()
	if got := agent.Get(dhcpv4.GenericOptionCode(5)); string(got) != "\xc0\x00\x02\x00" || !agent.Has(dhcpv4.GenericOptionCode(19)) {
		t.Error(agent)
	}
	offer, err := dhcpv4.NewReplyFromRequest(m, dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithServerIP([]byte{192, 0, 2, 1}),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier([]byte{192, 0, 2, 1})))
	if err != nil {
		t.Fatal(err)
	}
	if xid, server, ok := read4(offer.ToBytes()); !ok || xid != q.xid || server != "192.0.2.1" {
		t.Error(xid, server, ok)
	}
}

func TestSolicitIsOfARelayedClient(t *testing.T) {
	q := someone()
	q.link = netip.MustParseAddr("2001:db8:1::")
	m, err := dhcpv6.FromBytes(q.append6(nil))
	if err != nil {
		t.Fatal(err)
	}
	relay := m.(*dhcpv6.RelayMessage)
	inner, err := m.GetInnerMessage()
	if err != nil || relay.LinkAddr.String() != "2001:db8:1::" || relay.PeerAddr.String() != "fe80::ff:fe00:1" {
		t.Fatal(err, m.Summary())
	}
	if inner.MessageType != dhcpv6.MessageTypeSolicit || inner.Options.OneIANA() == nil || inner.Options.ElapsedTime() != 2500*time.Millisecond {
		t.Error(inner.Summary())
	}
	advertise, err := dhcpv6.NewAdvertiseFromSolicit(inner, dhcpv6.WithServerID(&dhcpv6.DUIDLL{HWType: 1, LinkLayerAddr: []byte{2, 0, 0, 0, 0, 9}}),
		dhcpv6.WithIANA(dhcpv6.OptIAAddress{IPv6Addr: []byte(q.link.AsSlice())}))
	if err != nil {
		t.Fatal(err)
	}
	reply := &dhcpv6.RelayMessage{MessageType: dhcpv6.MessageTypeRelayReply, LinkAddr: relay.LinkAddr, PeerAddr: relay.PeerAddr}
	reply.AddOption(dhcpv6.OptRelayMessage(advertise))
	if xid, server, ok := read6(reply.ToBytes()); !ok || xid != q.xid || server != "00:03:00:01:02:00:00:00:00:09" {
		t.Error(xid, server, ok)
	}
}

func FuzzRead(f *testing.F) {
	q := someone()
	q.link, q.relay = netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("198.51.100.3")
	f.Add(q.append4(nil))
	q.link = netip.MustParseAddr("2001:db8:1::")
	f.Add(q.append6(nil))
	f.Fuzz(func(_ *testing.T, m []byte) {
		read4(m)
		read6(m)
	})
}

// A gap is the time from the first question that nobody answered.
func TestGapBeginsWithTheFirstOpenQuestion(t *testing.T) {
	p := &Probe{s: Settings{Clients: 1}, clients: make([]client, 1), report: Report{Servers: map[string]int{}, Gaps: map[string]time.Duration{}}}
	at := time.Now()
	p.clients[0].since = at
	served := p.Served()
	p.Phase("takeover")
	p.answered(7, "a", at.Add(300*time.Millisecond))
	p.answered(7, "b", at.Add(400*time.Millisecond))
	<-served
	r := p.Report()
	if r.Gaps["takeover"] != 300*time.Millisecond || r.Answered != 1 || r.Servers["a"] != 1 || r.Servers["b"] != 1 {
		t.Errorf("%+v", r)
	}
}
