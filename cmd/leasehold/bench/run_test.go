package bench

import (
	"bytes"
	"encoding/json"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
)

// responder answers queries with the codec library: it is the oracle for what
// the generator writes and reads. It remembers what it gave to whom.
type responder struct {
	t      *testing.T
	given  map[string]net.IP
	refuse bool
}

func (s *responder) lease4(mac net.HardwareAddr) net.IP {
	if s.given[mac.String()] == nil {
		n := len(s.given) + 1
		s.given[mac.String()] = net.IPv4(10, 0, byte(n>>8), byte(n)).To4()
	}
	return s.given[mac.String()]
}

func (s *responder) answer4(b []byte) []byte {
	q, err := dhcpv4.FromBytes(b)
	if err != nil {
		s.t.Fatalf("query: %v", err)
	}
	typ := dhcpv4.MessageTypeOffer
	ip := s.lease4(q.ClientHWAddr)
	if q.MessageType() == dhcpv4.MessageTypeRequest {
		typ = dhcpv4.MessageTypeAck
		asked := q.RequestedIPAddress()
		if asked == nil {
			asked = q.ClientIPAddr
		}
		if !asked.Equal(ip) {
			s.t.Errorf("%s asks for %s, was given %s", q.ClientHWAddr, asked, ip)
		}
	}
	if s.refuse {
		typ = dhcpv4.MessageTypeNak
	}
	r, err := dhcpv4.NewReplyFromRequest(q, dhcpv4.WithMessageType(typ), dhcpv4.WithYourIP(ip),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(10, 0, 0, 1))))
	if err != nil {
		s.t.Fatal(err)
	}
	return r.ToBytes()
}

var duid = &dhcpv6.DUIDEN{EnterpriseNumber: 2647, EnterpriseIdentifier: []byte{1, 2, 3}}

func (s *responder) answer6(b []byte) []byte {
	d, err := dhcpv6.FromBytes(b)
	if err != nil {
		s.t.Fatalf("query: %v", err)
	}
	q, err := d.GetInnerMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	mac := q.Options.ClientID().(*dhcpv6.DUIDLL).LinkLayerAddr
	ip := append(net.ParseIP("2001:db8::")[:10:10], mac...)
	s.given[mac.String()] = ip
	typ := dhcpv6.MessageTypeAdvertise
	if q.MessageType != dhcpv6.MessageTypeSolicit {
		typ = dhcpv6.MessageTypeReply
		if asked := q.Options.OneIANA().Options.OneAddress(); asked == nil || !asked.IPv6Addr.Equal(ip) {
			s.t.Errorf("%s asks for %v, was given %s", mac, asked, ip)
		}
		if sid := q.Options.ServerID(); sid == nil || !sid.Equal(duid) {
			s.t.Errorf("server identifier %v", sid)
		}
	}
	r := &dhcpv6.Message{MessageType: typ, TransactionID: q.TransactionID}
	r.AddOption(dhcpv6.OptClientID(q.Options.ClientID()))
	r.AddOption(dhcpv6.OptServerID(duid))
	ia := &dhcpv6.OptIANA{IaId: q.Options.OneIANA().IaId}
	if !s.refuse {
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: ip})
	}
	r.AddOption(ia)
	relay, ok := d.(*dhcpv6.RelayMessage)
	if !ok {
		return r.ToBytes()
	}
	rr, err := dhcpv6.NewRelayReplFromRelayForw(relay, r)
	if err != nil {
		s.t.Fatal(err)
	}
	return rr.ToBytes()
}

// exchangeAll runs r against the responder, one millisecond a turn.
func exchangeAll(r *run, answer func([]byte) []byte, silent bool) time.Duration {
	now := time.Duration(0)
	r.begin(now)
	for !r.over(now) {
		now += time.Millisecond
		var queries [][]byte
		for _, q := range r.out.take() {
			queries = append(queries, bytes.Clone(q))
		}
		r.out.reset()
		for _, q := range queries {
			if !silent {
				r.receive(answer(q), now)
			}
		}
		r.expire(now)
		r.begin(now)
	}
	return now
}

func TestExchanges(t *testing.T) {
	relay4, relay6 := netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("2001:db8::9")
	for _, tt := range []struct {
		name string
		v6   bool
		link netip.Addr
	}{
		{"DHCPv4 relayed", false, relay4},
		{"DHCPv4 direct", false, netip.Addr{}},
		{"DHCPv6 relayed", true, relay6},
		{"DHCPv6 direct", true, netip.Addr{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &responder{t: t, given: map[string]net.IP{}}
			var c codec
			var err error
			answer := s.answer4
			if tt.v6 {
				c, err = newCodec6(tt.link)
				answer = s.answer6
			} else {
				c, err = newCodec4(tt.link)
			}
			if err != nil {
				t.Fatal(err)
			}
			l := load{count: 100, window: 7, timeout: time.Second, keep: true}
			fresh := newRun(l, c, 0, 0xfffffff0)
			exchangeAll(fresh, answer, false)
			if f := &fresh.figures; f.Completed != 100 || f.Started != 100 || f.Bad+f.Unexpected+f.Refused != 0 || len(s.given) != 100 {
				t.Errorf("new: %d of %d completed, %d clients, bad %d, unexpected %d", f.Completed, f.Started, len(s.given), f.Bad, f.Unexpected)
			}
			l.renew, l.keep = true, false
			again := newRun(l, c, 0, 5)
			again.clients = fresh.clients
			exchangeAll(again, answer, false)
			if f := &again.figures; f.Completed != 100 || len(s.given) != 100 || len(f.first) != 0 {
				t.Errorf("renew: %d completed, %d clients", f.Completed, len(s.given))
			}
			s.refuse = true
			refused := newRun(load{count: 3, window: 3, timeout: time.Second}, c, 500, 5)
			exchangeAll(refused, answer, false)
			if f := &refused.figures; f.Refused != 3 || f.Completed != 0 {
				t.Errorf("refused %d, completed %d, want 3 and 0", f.Refused, f.Completed)
			}
		})
	}
}

func TestUnansweredMessagesAreDropped(t *testing.T) {
	c, err := newCodec4(netip.MustParseAddr("10.0.0.9"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(load{count: 10, window: 4, timeout: 50 * time.Millisecond}, c, 0, 0)
	if end := exchangeAll(r, nil, true); r.figures.DroppedFirst != 10 || end != 150*time.Millisecond {
		t.Errorf("%d dropped, over after %v", r.figures.DroppedFirst, end)
	}
	s := &responder{t: t, given: map[string]net.IP{}}
	var late client
	r.receive(s.answer4(c.query(nil, first, 3, &late)), time.Second)
	r.receive([]byte("nonsense"), time.Second)
	if r.figures.Unexpected != 1 || r.figures.Bad != 1 {
		t.Errorf("unexpected %d, bad %d, want 1 and 1", r.figures.Unexpected, r.figures.Bad)
	}
}

// Open loop: what is started depends on the clock alone.
func TestOpenLoop(t *testing.T) {
	c, err := newCodec4(netip.MustParseAddr("10.0.0.9"))
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(load{rate: 1000, during: 30 * time.Millisecond, timeout: time.Second}, c, 0, 0)
	for now := time.Duration(0); now <= 40*time.Millisecond; now += 10 * time.Millisecond {
		r.begin(now)
		if want := min(now.Milliseconds(), 20); r.figures.Started != want {
			t.Errorf("after %v: started %d, want %d", now, r.figures.Started, want)
		}
	}
}

func TestFigures(t *testing.T) {
	f := figures{Family: 4, Phase: "new", Path: "relayed", Window: 64, Started: 100, Completed: 90, DroppedFirst: 10}
	for i := range 100 {
		f.whole.add(time.Duration(i+1) * time.Millisecond)
	}
	f.finish(2 * time.Second)
	if f.PerSecond != 45 || f.DropPercent != 10 || f.Latency != (percentiles{51, 91, 100, 100}) {
		t.Errorf("%.1f per second, %.1f %% dropped, %+v", f.PerSecond, f.DropPercent, f.Latency)
	}
	var text strings.Builder
	f.write(&text)
	if !strings.Contains(text.String(), "completed   90 of 100 in 2.00 s: 45 per second") {
		t.Error(text.String())
	}
	if _, err := json.Marshal(&f); err != nil {
		t.Error(err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"--server", "10.0.0.1"},
		{"--server", "10.0.0.1", "--local", "10.0.0.2", "--interface", "eth0"},
		{"--server", "2001:db8::1", "--local", "10.0.0.2"},
		{"--interface", "eth0", "--phase", "old"},
		{"--interface", "eth0", "--window", "0"},
		{"--interface", "eth0", "-n", "0"},
	} {
		cmd := Command()
		cmd.SetArgs(args)
		if err := cmd.Execute(); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

// Building a query allocates nothing.
func BenchmarkQuery(b *testing.B) {
	c, err := newCodec4(netip.MustParseAddr("10.0.0.9"))
	if err != nil {
		b.Fatal(err)
	}
	var cl client
	buf := make([]byte, 0, 600)
	b.ReportAllocs()
	for b.Loop() {
		buf = c.query(buf[:0], first, 1, &cl)
	}
}

func FuzzResponse(f *testing.F) {
	relay4, _ := newCodec4(netip.MustParseAddr("10.0.0.9"))
	relay6, _ := newCodec6(netip.MustParseAddr("2001:db8::9"))
	direct6, _ := newCodec6(netip.Addr{})
	var c client
	f.Add(relay4.query(nil, first, 1, &c))
	f.Add(relay6.query(nil, first, 1, &c))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, x := range []codec{relay4, relay6, direct6} {
			var c client
			x.response(b, &c)
		}
	})
}
