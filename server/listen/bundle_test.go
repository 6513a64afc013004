package listen

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"leasehold/server/testnet"
	"leasehold/server/wire"
)

// relayAt is a relay of this machine that reads a UDP socket.
func relayAt(t *testing.T, address string) (*net.UDPConn, netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)))
	testnet.Must(t, err)
	t.Cleanup(func() { conn.Close() })
	testnet.Must(t, conn.SetReadDeadline(time.Now().Add(testnet.Patience)))
	return conn, conn.LocalAddr().(*net.UDPAddr).AddrPort()
}

func receive(t *testing.T, conn *net.UDPConn, n int) (got []string) {
	t.Helper()
	b := make([]byte, 65536)
	for range n {
		size, err := conn.Read(b)
		testnet.Must(t, err)
		got = append(got, string(b[:size]))
	}
	return got
}

// A bundle arrives as the datagrams that it was made of, each with its own
// content; what cannot be part of it leaves beside it.
func TestBundle(t *testing.T) {
	if inNamespace(t) {
		return
	}
	up(t, "lo")
	l := listenOn(t, V4, specOf(true, "lo"))
	conn, to := relayAt(t, "127.0.0.1:0")
	src := netip.MustParseAddrPort("127.0.0.1:67")
	var out []Outgoing
	var want []string
	for i := range maxBatch + 5 {
		text := fmt.Sprintf("response %03d", i)
		if i%7 == 3 {
			text += " is longer"
		}
		out = append(out, Outgoing{Data: []byte(text), Departure: wire.Departure{Src: src, Dst: to}, Bundle: i%5 != 4})
		want = append(want, text)
	}
	l.Send(out)
	got := receive(t, conn, len(want))
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	if len(l.failed) > 0 {
		t.Errorf("failed: %v", <-l.failed)
	}
	if l.view.Load().udp.whole.Load() {
		t.Error("this system makes no datagrams of a bundle")
	}
}

// Where the system refuses a bundle, its datagrams leave one by one.
func TestRefusedBundle(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	testnet.Must(t, netlink.LinkSetMTU(linkOf(t, "eth0"), 600))
	l := listenOn(t, V4, specOf(true, "eth0"))
	c := plug(t, "eth0p")
	eth0 := l.view.Load().udp.set.ifaces[linkOf(t, "eth0").Attrs().Index]
	testnet.Must(t, netlink.NeighAdd(&netlink.Neigh{LinkIndex: eth0.Index, State: netlink.NUD_PERMANENT,
		IP: net.IPv4(192, 0, 2, 9), HardwareAddr: clientMAC}))
	dep := wire.Departure{Iface: eth0, Src: ourAddress, Dst: relay}
	large := []byte(strings.Repeat("x", 1000))
	l.Send([]Outgoing{
		{Data: large, Departure: dep, Bundle: true},
		{Data: large, Departure: dep, Bundle: true},
		{Data: []byte("small"), Departure: dep, Bundle: true},
	})
	fragments := 0
	for {
		frame := c.next()
		if _, _, payload, err := parseFrame(frame[14:]); err == nil && string(payload) == "small" {
			break
		}
		if frame[20]&0x20 != 0 {
			fragments++
		}
	}
	if fragments != 2 {
		t.Errorf("%d datagrams left in fragments, want 2", fragments)
	}
	if len(l.failed) > 0 {
		t.Errorf("failed: %v", <-l.failed)
	}
}
