package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
	"leasehold/server/wire"
)

var (
	broadcastMAC = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	noAddress    = netip.MustParseAddrPort("0.0.0.0:68")
	everyServer  = netip.MustParseAddrPort("255.255.255.255:67")
	relay        = netip.MustParseAddrPort("192.0.2.9:67")
	ourAddress   = netip.MustParseAddrPort("192.0.2.1:67")
)

// Each datagram arrives exactly once, whatever kind of socket is asked for and
// however it was addressed: a second copy would stand before the next one.
func TestEachDatagramOnce(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24", "192.0.2.2/24")
	for _, udp := range []bool{false, true} {
		l := listenOn(t, V4, specOf(udp, "eth0"))
		c := plug(t, "eth0p")
		for _, tt := range []struct {
			name     string
			mac      net.HardwareAddr
			src, dst netip.AddrPort
			multi    bool
			local    string
		}{
			{"broadcast of a client without address", broadcastMAC, noAddress, everyServer, true, "192.0.2.1"},
			{"relayed unicast", serverMAC, relay, ourAddress, false, "192.0.2.1"},
			{"unicast to the second address", serverMAC, relay, netip.MustParseAddrPort("192.0.2.2:67"), false, "192.0.2.2"},
			{"directed broadcast", broadcastMAC, relay, netip.MustParseAddrPort("192.0.2.255:67"), true, "192.0.2.1"},
			{"broadcast again", broadcastMAC, noAddress, everyServer, true, "192.0.2.1"},
		} {
			c.send(serverMAC, nil, relay, netip.MustParseAddrPort("203.0.113.5:67"), []byte("through us to another server"))
			c.send(tt.mac, nil, tt.src, tt.dst, []byte(tt.name))
			d := l.next()
			if string(d.Data) != tt.name {
				t.Fatalf("udp %v: sent %q, received %q", udp, tt.name, d.Data)
			}
			a := d.Arrival
			if a.Src != tt.src || a.Dst != tt.dst || a.Multi != tt.multi || a.Local.String() != tt.local ||
				a.Link == udp || a.Iface == nil || a.Iface.Name != "eth0" {
				t.Errorf("udp %v, %s: arrival %+v", udp, tt.name, a)
			}
			if a.Link && !bytes.Equal(a.HWSrc[:], clientMAC) {
				t.Errorf("%s: source MAC %x", tt.name, a.HWSrc)
			}
		}
		l.Close()
	}
}

// A tagged frame belongs to its VLAN interface, never to the parent.
func TestTaggedFrameIsNotTheParents(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	l := listenOn(t, V4, specOf(false, "*"))
	c := plug(t, "eth0p")
	c.send(broadcastMAC, []byte{0x81, 0, 0, 7}, noAddress, everyServer, []byte("vlan 7"))
	c.send(broadcastMAC, nil, noAddress, everyServer, []byte("untagged"))
	if d := l.next(); string(d.Data) != "untagged" || d.Arrival.Iface.Name != "eth0" {
		t.Errorf("received %q on %s", d.Data, d.Arrival.Iface.Name)
	}
}

func TestVLANInterface(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = "eth0.5", linkOf(t, "eth0").Attrs().Index
	err := netlink.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: 5})
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("this kernel has no VLAN interfaces")
	}
	testnet.Must(t, err)
	up(t, "eth0.5")
	addAddr(t, "eth0.5", "198.51.100.1/24")
	l := listenOn(t, V4, specOf(false, "*"))
	c := plug(t, "eth0p")
	c.send(broadcastMAC, []byte{0x81, 0, 0, 5}, noAddress, everyServer, []byte("vlan 5"))
	d := l.next()
	if string(d.Data) != "vlan 5" || d.Arrival.Iface.Name != "eth0.5" || d.Arrival.Local.String() != "198.51.100.1" {
		t.Errorf("received %q on %s", d.Data, d.Arrival.Iface.Name)
	}
	c.send(broadcastMAC, nil, noAddress, everyServer, []byte("untagged"))
	if d := l.next(); string(d.Data) != "untagged" || d.Arrival.Iface.Name != "eth0" {
		t.Errorf("received %q on %s", d.Data, d.Arrival.Iface.Name)
	}
}

// RFC 2131 §4.1: a client that has no address yet is answered at its hardware
// address, without ARP.
func TestAnswerToClientWithoutAddress(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	l := listenOn(t, V4, specOf(false, "eth0"))
	c := plug(t, "eth0p")
	c.send(broadcastMAC, nil, noAddress, everyServer, []byte("discover"))
	d := l.next()
	l.Send([]Outgoing{{Data: []byte("offer"), Departure: wire.Departure{
		Iface: d.Arrival.Iface, Src: ourAddress, Dst: netip.MustParseAddrPort("192.0.2.100:68"),
		Frame: true, HWDst: d.Arrival.HWSrc}}})
	f := c.next()
	if !bytes.Equal(f[:6], clientMAC) || !bytes.Equal(f[6:12], serverMAC) {
		t.Errorf("frame from %x to %x", f[6:12], f[:6])
	}
	src, dst, payload, err := parseFrame(f[14:])
	if err != nil || src != ourAddress || dst.String() != "192.0.2.100:68" || string(payload) != "offer" {
		t.Errorf("answer %v > %v %q, %v", src, dst, payload, err)
	}
	if f[22] != 128 || f[20] != 0x40 {
		t.Errorf("ttl %d, flags %x, want 128 and don't fragment", f[22], f[20])
	}
}

// Failures of single datagrams are reported one by one and the rest is sent.
func TestFailureDoesNotStopTheBatch(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	l := listenOn(t, V4, specOf(true, "eth0"))
	c := plug(t, "eth0p")
	eth0 := l.view.Load().udp.set.ifaces[linkOf(t, "eth0").Attrs().Index]
	testnet.Must(t, netlink.NeighAdd(&netlink.Neigh{LinkIndex: eth0.Index, State: netlink.NUD_PERMANENT,
		IP: net.IPv4(192, 0, 2, 9), HardwareAddr: clientMAC}))
	good := wire.Departure{Iface: eth0, Src: ourAddress, Dst: relay}
	l.Send([]Outgoing{
		{Data: []byte("no route"), Departure: wire.Departure{Src: ourAddress, Dst: netip.MustParseAddrPort("203.0.113.1:67")}},
		{Data: []byte("first"), Departure: good},
		{Data: []byte("not our address"), Departure: wire.Departure{Src: relay, Dst: relay}},
		{Data: []byte("frame without packet socket"), Departure: wire.Departure{Iface: eth0, Src: ourAddress, Dst: relay, Frame: true}},
		{Departure: good},
		{Data: []byte("second"), Departure: good},
		{Data: []byte("to all"), Departure: wire.Departure{Iface: eth0, Src: ourAddress, Dst: netip.MustParseAddrPort("255.255.255.255:68")}},
	})
	for _, want := range []string{"first", "second", "to all"} {
		if _, _, payload, err := parseFrame(c.next()[14:]); err != nil || string(payload) != want {
			t.Errorf("sent %q, %v, want %q", payload, err, want)
		}
	}
	if len(l.failed) != 4 {
		t.Errorf("%d failures, want 4", len(l.failed))
	}
	for len(l.failed) > 0 {
		t.Logf("failed: %v", <-l.failed)
	}
}

// A frame larger than the link allows leaves in fragments.
func TestLargeAnswerIsFragmented(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	l := listenOn(t, V4, specOf(false, "eth0"))
	c := plug(t, "eth0p")
	c.send(serverMAC, nil, relay, ourAddress, []byte("query"))
	d := l.next()
	testnet.Must(t, netlink.NeighAdd(&netlink.Neigh{LinkIndex: d.Arrival.Iface.Index, State: netlink.NUD_PERMANENT,
		IP: net.IPv4(192, 0, 2, 9), HardwareAddr: clientMAC}))
	dep := wire.Departure{Iface: d.Arrival.Iface, Src: ourAddress, Dst: relay, Frame: true, HWDst: d.Arrival.HWSrc}
	l.Send([]Outgoing{{Data: make([]byte, 1600), Departure: dep}, {Data: []byte("small"), Departure: dep}})
	first := c.next()
	if first[20]&0x20 == 0 {
		t.Errorf("first frame is no first fragment: flags %x", first[20])
	}
	for {
		if _, _, payload, err := parseFrame(c.next()[14:]); err == nil && string(payload) == "small" {
			break
		}
	}
	if len(l.failed) != 0 {
		t.Errorf("failed: %v", <-l.failed)
	}
}

// A query that reaches us in fragments is one query, in either order of them.
func TestFragmentedQuery(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	want := bytes.Repeat([]byte("long "), 1800/5)
	for _, udp := range []bool{false, true} {
		l := listenOn(t, V4, specOf(udp, "eth0"))
		c := plug(t, "eth0p")
		for id, order := range [][]int{{0, 1}, {1, 0}} {
			parts := fragments(uint16(id+1), 1400, relay, ourAddress, want)
			for _, i := range order {
				c.frame(serverMAC, parts[i])
			}
			d := l.next()
			if !bytes.Equal(d.Data, want) || d.Arrival.Src != relay || d.Arrival.Dst != ourAddress || d.Arrival.Link == udp {
				t.Errorf("udp %v, order %v: received %d bytes, %+v", udp, order, len(d.Data), d.Arrival)
			}
		}
		c.frame(serverMAC, fragments(9, 1400, relay, ourAddress, want)[0])
		c.send(serverMAC, nil, relay, ourAddress, []byte("whole"))
		if d := l.next(); string(d.Data) != "whole" {
			t.Errorf("udp %v: after half a query received %q", udp, d.Data)
		}
		l.Close()
	}
}

// fragments cuts a datagram in two IPv4 packets, the first with size bytes
// behind its header.
func fragments(id uint16, size int, src, dst netip.AddrPort, payload []byte) [2][]byte {
	var h [headerLen]byte
	putHeaders(&h, src, dst, payload)
	whole := append(h[:], payload...)
	part := func(offset uint16, data []byte) []byte {
		p := append(bytes.Clone(whole[:ipHeaderLen]), data...)
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		binary.BigEndian.PutUint16(p[4:], id)
		binary.BigEndian.PutUint16(p[6:], offset)
		binary.BigEndian.PutUint16(p[10:], 0)
		binary.BigEndian.PutUint16(p[10:], ^fold(sum(0, p[:ipHeaderLen])))
		return p
	}
	const moreFragments = 0x2000
	body := whole[ipHeaderLen:]
	return [2][]byte{part(moreFragments, body[:size]), part(uint16(size/8), body[size:])}
}

// What the queues cannot hold is counted.
func TestLostDatagramsAreCounted(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	release := make(chan struct{})
	s := New(Options{Family: V4, Serve: func(*Socket) { <-release }})
	defer s.Close()
	defer close(release)
	spec := specOf(false, "eth0")
	testnet.Must(t, s.Apply(&spec))
	c := plug(t, "eth0p")
	for sent := 0; s.Lost() == 0; sent++ {
		if sent > receiveBuffer {
			t.Fatalf("%d datagrams sent, none lost", sent)
		}
		c.send(broadcastMAC, nil, noAddress, everyServer, make([]byte, 1000))
	}
}
