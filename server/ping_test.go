package server

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"

	"leasehold/server/engine"
)

// aimed is a pinger without a socket that has asked 192.0.2.10 twice.
func aimed(ended *[]engine.Pinged) (*pinger, *probe) {
	a := netip.MustParseAddr("192.0.2.10")
	b := &probe{Ping: engine.Ping{ID: 7, Addr: a, Requests: 2}, sent: 2, number: 1<<16 | 6, timer: time.NewTimer(time.Hour)}
	p := &pinger{secret: 42, probes: map[netip.Addr]*probe{a: b}, bring: func(r engine.Pinged) { *ended = append(*ended, r) }}
	return p, b
}

func echo(t *testing.T, typ ipv4.ICMPType, seq int, secret uint64) []byte {
	t.Helper()
	m := icmp.Message{Type: typ, Body: &icmp.Echo{ID: 1, Seq: seq, Data: binary.BigEndian.AppendUint64(nil, secret)}}
	text, err := m.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestWhatAnswersAPing(t *testing.T) {
	asked, other := netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("192.0.2.11")
	for _, tt := range []struct {
		name string
		from netip.Addr
		text []byte
		want bool
	}{
		{"the last request's answer", asked, echo(t, ipv4.ICMPTypeEchoReply, 6, 42), true},
		{"a late answer", asked, echo(t, ipv4.ICMPTypeEchoReply, 5, 42), true},
		{"an answer from before", asked, echo(t, ipv4.ICMPTypeEchoReply, 4, 42), false},
		{"an answer from elsewhere", other, echo(t, ipv4.ICMPTypeEchoReply, 6, 42), false},
		{"an answer to somebody else", asked, echo(t, ipv4.ICMPTypeEchoReply, 6, 43), false},
		{"a request", asked, echo(t, ipv4.ICMPTypeEcho, 6, 42), false},
		{"nonsense", asked, []byte{0, 0}, false},
	} {
		var ended []engine.Pinged
		p, _ := aimed(&ended)
		p.log = newServer(t, "ping", []byte(allHooks), nil).v4.log
		p.received(tt.from, tt.text)
		if got := len(ended) == 1 && ended[0].Taken && ended[0].ID == 7; got != tt.want {
			t.Errorf("%s: %v", tt.name, ended)
		}
	}
}

// A router that knows no such host says the same as silence, sooner.
func TestUnreachableAddressIsFree(t *testing.T) {
	var ended []engine.Pinged
	p, _ := aimed(&ended)
	p.log = newServer(t, "ping", []byte(allHooks), nil).v4.log
	head, err := (&ipv4.Header{Version: 4, Len: 20, TotalLen: 36, TTL: 64, Protocol: 1, Dst: []byte{192, 0, 2, 10}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	m := icmp.Message{Type: ipv4.ICMPTypeDestinationUnreachable, Code: 1, Body: &icmp.DstUnreach{Data: append(head, echo(t, ipv4.ICMPTypeEcho, 6, 42)...)}}
	text, err := m.Marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.received(netip.MustParseAddr("192.0.2.1"), text)
	if len(ended) != 1 || ended[0].Taken {
		t.Errorf("ended: %v", ended)
	}
}

// A process that was stopped while the answer came reads it before it takes the
// address for free.
func TestLateProbeReadsWhatHasArrived(t *testing.T) {
	asked := netip.MustParseAddr("192.0.2.10")
	for _, answered := range []bool{true, false} {
		var ended []engine.Pinged
		p, b := aimed(&ended)
		p.log = newServer(t, "ping", []byte(allHooks), nil).v4.log
		b.due = time.Now().Add(-time.Hour)
		p.expired(b)
		b.timer.Stop() // the test says when
		if len(ended) != 0 {
			t.Fatalf("ended at once: %v", ended)
		}
		if answered {
			p.received(asked, echo(t, ipv4.ICMPTypeEchoReply, 6, 42))
		}
		p.expired(b)
		if len(ended) != 1 || ended[0].Taken != answered {
			t.Errorf("answered %v: ended %v", answered, ended)
		}
	}
}

// Without the right to ping, clients are served.
func TestNoSocketToPingWith(t *testing.T) {
	var ended []engine.Pinged
	p := &pinger{bring: func(r engine.Pinged) { ended = append(ended, r) },
		listen: func() (*icmp.PacketConn, error) { return nil, errors.New("not permitted") }}
	p.log = newServer(t, "ping", []byte(allHooks), nil).v4.log
	p.ping(engine.Ping{ID: 1, Addr: netip.MustParseAddr("192.0.2.10"), Requests: 1, Timeout: time.Hour})
	p.close()
	if len(ended) != 1 || ended[0].Taken {
		t.Errorf("ended: %v", ended)
	}
}
