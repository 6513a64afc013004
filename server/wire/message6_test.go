package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// solicit6 is a SOLICIT with client-id, an IA_NA with a hint, an IA_PD that
// asks for a /56 and an option request.
var solicit6 = unhex("01112233" +
	"0001000a" + "00030001020304050607" +
	"00030028" + "00000001" + "0000000000000000" +
	"00050018" + "20010db8000000000000000000000042" + "0000003c" + "00000078" +
	"00190029" + "00000002" + "0000000000000000" +
	"001a0019" + "00000000" + "00000000" + "38" + "00000000000000000000000000000000" +
	"00060004" + "00170018")

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func option6(code uint16, v []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
	return append(b, v...)
}

// forwarded wraps a message as a relay does.
func forwarded(msg []byte, hop byte, link, peer string, options ...[]byte) []byte {
	b := []byte{RelayForw, hop}
	for _, a := range [...]string{link, peer} {
		x := netip.MustParseAddr(a).As16()
		b = append(b, x[:]...)
	}
	for _, o := range options {
		b = append(b, o...)
	}
	return append(b, option6(Opt6RelayMsg, msg)...)
}

func TestMessage6FindsOptions(t *testing.T) {
	var m Message6
	if err := m.Decode(solicit6); err != nil {
		t.Fatal(err)
	}
	if m.Type != Solicit || m.XID() != 0x112233 || len(m.Options) != 4 {
		t.Fatalf("type %d, xid %x, %d options", m.Type, m.XID(), len(m.Options))
	}
	v, ok := m.Option(Opt6IAPD)
	if !ok || IA(v).IAID() != 2 {
		t.Fatalf("IA_PD: %x", v)
	}
	p, ok := SubOption6(IA(v).Options(), Opt6IAPrefix)
	if !ok || ReadIAResource(Opt6IAPrefix, p).Len != 56 {
		t.Errorf("prefix: %x", p)
	}
	v, _ = m.Option(Opt6IANA)
	a, _ := SubOption6(IA(v).Options(), Opt6IAAddr)
	want := IAResource{Addr: netip.MustParseAddr("2001:db8::42"), Len: 128, Preferred: 60, Valid: 120}
	if got := ReadIAResource(Opt6IAAddr, a); got != want {
		t.Errorf("address %+v, want %+v", got, want)
	}
	if m.Count(Opt6ClientID) != 1 || m.Has(Opt6ServerID) {
		t.Error("identifiers miscounted")
	}
}

func TestMessage6UnwrapsRelays(t *testing.T) {
	inner := forwarded(solicit6, 0, "2001:db8:1::1", "fe80::1", option6(Opt6InterfaceID, []byte("port7")))
	outer := forwarded(inner, 1, "::", "2001:db8:1::1", option6(Opt6RemoteID, []byte{0, 0, 0, 9, 'r'}))
	var m Message6
	if err := m.Decode(outer); err != nil {
		t.Fatal(err)
	}
	r := m.Relays()
	if len(r) != 2 || r[0].Hop != 1 || r[1].Link() != netip.MustParseAddr("2001:db8:1::1") {
		t.Fatalf("relays: %+v", r)
	}
	if v, _ := r[1].Option(Opt6InterfaceID); string(v) != "port7" {
		t.Errorf("interface-id %q", v)
	}
	if _, ok := r[0].Option(Opt6InterfaceID); ok {
		t.Error("interface-id found at the wrong level")
	}
	if m.Type != Solicit || len(m.Options) != 4 {
		t.Error("inner message lost")
	}
}

func TestMessage6RefusesBadInput(t *testing.T) {
	deep := solicit6
	for i := 0; i <= MaxRelays; i++ {
		deep = forwarded(deep, byte(i), "::", "fe80::1")
	}
	header := []byte{1, 0, 0, 1}
	cases := []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"header cut", header[:3], ErrTruncated},
		{"relay header cut", append([]byte{RelayForw, 0}, make([]byte, 31)...), ErrTruncated},
		{"relay without message", append([]byte{RelayForw, 0}, make([]byte, 32)...), ErrRelayMsg},
		{"relay with empty message", forwarded(nil, 0, "::", "::"), ErrTruncated},
		{"relay reply", append([]byte{RelayRepl, 0}, make([]byte, 32)...), ErrRelayTyp},
		{"33 relays", deep, ErrRelays},
		{"IA cut", append(header, option6(Opt6IANA, make([]byte, 11))...), ErrIA},
		{"address cut", append(header, option6(Opt6IANA, append(make([]byte, 12), option6(Opt6IAAddr, make([]byte, 23))...))...), ErrIA},
		{"half a code requested", append(header, option6(Opt6ORO, []byte{0, 23, 0})...), ErrOption},
		{"elapsed time of one byte", append(header, option6(Opt6ElapsedTime, []byte{0})...), ErrOption},
		{"vendor class cut", append(header, option6(Opt6VendorClass, []byte{0, 0, 0, 9, 0, 7, 'a'})...), ErrOption},
		{"FQDN without flags", append(header, option6(Opt6FQDN, nil)...), ErrOption},
		{"FQDN with N and S", append(header, option6(Opt6FQDN, []byte{5, 1, 'a', 0})...), ErrOption},
		{"FQDN label cut", append(header, option6(Opt6FQDN, []byte{1, 9, 'a'})...), ErrOption},
		{"partial FQDN", append(header, option6(Opt6FQDN, []byte{1, 1, 'a'})...), nil},
		{"prefix longer than 128 bits", append(header, option6(Opt6IAPD, append(make([]byte, 12),
			option6(Opt6IAPrefix, append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 200}, make([]byte, 16)...))...))...), nil},
		{"option longer than the rest", append(header, 0, 1, 0, 200, 7), nil},
		{"32 relays", deep[38:], nil},
	}
	for _, c := range cases {
		var m Message6
		if err := m.Decode(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// TestMessage6Reuse: what an earlier datagram had does not shine through.
func TestMessage6Reuse(t *testing.T) {
	var m Message6
	if err := m.Decode(forwarded(solicit6, 3, "::", "::")); err != nil {
		t.Fatal(err)
	}
	if err := m.Decode([]byte{11, 0, 0, 1}); err != nil || len(m.Relays()) != 0 || len(m.Options) != 0 {
		t.Errorf("left over: %v, %d relays, %d options", err, len(m.Relays()), len(m.Options))
	}
}

func TestWriter6WrapsForRelays(t *testing.T) {
	inner := forwarded(solicit6, 0, "2001:db8:1::1", "fe80::1", option6(Opt6InterfaceID, []byte("port7")))
	outer := forwarded(inner, 1, "::", "2001:db8:1::1", option6(Opt6RelaySourcePort, []byte{0, 0}),
		option6(Opt6ERO, []byte{0, Opt6RemoteID}), option6(Opt6RemoteID, []byte{0, 0, 0, 9, 'r'}))
	var m Message6
	if err := m.Decode(outer); err != nil {
		t.Fatal(err)
	}
	var w Writer6
	w.Start(Advertise)
	w.OpenIA(Opt6IANA, 1, 10, 20)
	w.IAAddr(netip.MustParseAddr("2001:db8::42"), 30, 40)
	w.CloseIA()
	w.OpenIA(Opt6IAPD, 2, 0, 0)
	w.IAStatus(6, "none")
	w.CloseIA()
	w.Add(Opt6ClientID, []byte{0, 3, 0, 1, 2, 3})
	got := w.Finish(&m)

	d, err := dhcpv6.FromBytes(got)
	if err != nil {
		t.Fatal(err)
	}
	r0 := d.(*dhcpv6.RelayMessage)
	if r0.HopCount != 1 || !r0.PeerAddr.Equal(net.ParseIP("2001:db8:1::1")) || r0.GetOneOption(135) == nil || r0.GetOneOption(37) == nil {
		t.Errorf("outer relay: %s", r0.Summary())
	}
	r1 := r0.Options.RelayMessage().(*dhcpv6.RelayMessage)
	if string(r1.Options.InterfaceID()) != "port7" {
		t.Errorf("inner relay: %s", r1.Summary())
	}
	msg, err := d.GetInnerMessage()
	if err != nil {
		t.Fatal(err)
	}
	if msg.MessageType != dhcpv6.MessageTypeAdvertise || msg.TransactionID != [3]byte{0x11, 0x22, 0x33} {
		t.Errorf("message: %s", msg.Summary())
	}
	if a := msg.Options.OneIANA().Options.OneAddress(); a.PreferredLifetime.Seconds() != 30 || a.ValidLifetime.Seconds() != 40 {
		t.Errorf("address: %v", a)
	}
	if s := msg.Options.OneIAPD().Options.Status(); s == nil || s.StatusCode != 6 || s.StatusMessage != "none" {
		t.Errorf("status: %v", s)
	}
	for i, code := range []dhcpv6.OptionCode{1, 3, 25} {
		if c := msg.Options.Options[i].Code(); c != code {
			t.Errorf("option %d is %v, want ascending codes", i, c)
		}
	}
}

// TestExcludedPrefix: the examples of RFC 6603 §4.2 and its padding rule.
func TestExcludedPrefix(t *testing.T) {
	cases := []struct {
		delegated, excluded string
		want                string
	}{
		{"2001:db8::/56", "2001:db8:0:7a::/64", "00430002407a"},
		{"2001:db8:dead:bee0::/59", "2001:db8:dead:beef::/64", "0043000240" + "78"},
		{"2001:db8::/48", "2001:db8:0:abc0::/60", "004300033c" + "abc0"},
	}
	for _, c := range cases {
		var w Writer6
		w.Start(Reply)
		w.OpenIA(Opt6IAPD, 1, 0, 0)
		d := netip.MustParsePrefix(c.delegated)
		w.IAPrefix(d.Addr(), uint8(d.Bits()), 1, 2, netip.MustParsePrefix(c.excluded))
		w.CloseIA()
		v, _ := w.Get(Opt6IAPD)
		_, iaprefix, _, _ := NextOption6(v[iaLen:])
		if got := hex.EncodeToString(iaprefix[iaPrefixLen:]); got != c.want {
			t.Errorf("%s without %s: %s, want %s", c.delegated, c.excluded, got, c.want)
		}
	}
}

func TestWriter6RefusesMoreThanUDPCarries(t *testing.T) {
	var m Message6
	if err := m.Decode(solicit6); err != nil {
		t.Fatal(err)
	}
	var w Writer6
	w.Start(Reply)
	for i := 0; i < 2; i++ {
		w.Add(Opt6UserClass, make([]byte, 40000))
	}
	if got := w.Finish(&m); got != nil {
		t.Errorf("%d bytes", len(got))
	}
}

// FuzzMessage6 holds the view against the codec: where both accept a
// datagram, both see the same relays and options.
func FuzzMessage6(f *testing.F) {
	f.Add(solicit6)
	f.Add(forwarded(solicit6, 0, "2001:db8::1", "fe80::1", option6(Opt6InterfaceID, []byte("x"))))
	f.Add([]byte{11, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		var m Message6
		if m.Decode(data) != nil {
			return
		}
		d, err := dhcpv6.FromBytes(data)
		if err != nil {
			return
		}
		for _, r := range m.Relays() {
			x, ok := d.(*dhcpv6.RelayMessage)
			if !ok {
				t.Fatal("a relay too many")
			}
			if x.HopCount != r.Hop || !bytes.Equal(x.LinkAddr, r.Addresses()[:16]) || !bytes.Equal(x.PeerAddr, r.Addresses()[16:]) {
				t.Fatal("relay header differs")
			}
			sameCodes(t, x.Options.Options, r.Options)
			d = x.Options.RelayMessage()
		}
		msg, ok := d.(*dhcpv6.Message)
		if !ok {
			t.Fatal("a relay too few")
		}
		if byte(msg.MessageType) != m.Type {
			t.Fatalf("type %d, the codec says %d", m.Type, msg.MessageType)
		}
		sameCodes(t, msg.Options.Options, m.Options)
	})
}

func sameCodes(t *testing.T, theirs dhcpv6.Options, ours []Option6) {
	t.Helper()
	if len(theirs) != len(ours) {
		t.Fatalf("%d options, the codec sees %d", len(ours), len(theirs))
	}
	for i := range ours {
		if uint16(theirs[i].Code()) != ours[i].Code {
			t.Fatalf("option %d has code %d, the codec says %d", i, ours[i].Code, theirs[i].Code())
		}
	}
}
