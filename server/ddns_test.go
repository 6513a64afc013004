package server

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/logging"
	"leasehold/server/testnet"
)

// listening returns a log and what it said.
func listening(t testing.TB) (log *logging.Sink, said func() string) {
	t.Helper()
	var out bytes.Buffer
	w := logging.Start(logging.Options{Stdout: &out, Now: func() time.Time { return date }})
	log, err := w.Sink("kea-dhcp4", []config.Logger{{Name: "kea-dhcp4", Severity: "WARN", Outputs: []config.LogOutput{{Output: "stdout", Pattern: "%m%n"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return log, func() string { w.Flush(); return out.String() }
}

// newNameSender returns a sender with the clock stopped.
func newNameSender(t testing.TB, now *time.Time) (n *nameSender, said func() string) {
	log, said := listening(t)
	n = &nameSender{log: log, now: func() time.Time { return *now }}
	t.Cleanup(n.close)
	return n, said
}

func TestNameChangesReachTheDDNSServer(t *testing.T) {
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		testnet.Missing(t, "no loopback: %v", err)
	}
	defer server.Close()
	now := date
	n, _ := newNameSender(t, &now)
	d2 := &config.D2{Enable: true, Server: server.LocalAddr().(*net.UDPAddr).AddrPort(), Sender: netip.MustParseAddrPort("127.0.0.1:0"), MaxQueueSize: 8}
	b := make([]byte, 4096)
	for _, name := range []string{"a.", "b."} {
		c := engine.NameChange{D2: d2, FQDN: name, Addr: netip.MustParseAddr("192.0.2.1")}
		n.send(&c)
		if err := server.SetReadDeadline(time.Now().Add(testnet.Patience)); err != nil {
			t.Fatal(err)
		}
		k, err := server.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.Append(nil); !bytes.Equal(b[:k], want) {
			t.Errorf("got %q, want %q", b[:k], want)
		}
	}
}

// A queue that overflows suspends the updates for a while; the server serves on.
func TestNameChangesAreSuspended(t *testing.T) {
	now := date
	n, said := newNameSender(t, &now)
	d2 := &config.D2{Enable: true, MaxQueueSize: 2}
	n.d2, n.queue = d2, make(chan []byte, 2) // nobody takes from it
	defer func() { n.d2, n.queue = nil, nil }()
	c := &engine.NameChange{D2: d2, Addr: netip.MustParseAddr("192.0.2.1")}
	for range 5 {
		n.send(c)
	}
	if got := said(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "queue of 2 requests is full") {
		t.Errorf("log: %s", got)
	}
	<-n.queue
	n.send(c)
	if len(n.queue) != 1 {
		t.Error("queued while suspended")
	}
	now = now.Add(suspension)
	n.send(c)
	if len(n.queue) != 2 {
		t.Error("still suspended")
	}
}
