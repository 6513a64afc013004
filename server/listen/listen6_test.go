package listen

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"testing"
	"time"

	"leasehold/server/testnet"
	"leasehold/server/wire"
)

func hears(kinds ...string) func(Change) bool {
	return func(c Change) bool {
		for _, kind := range kinds {
			if !slices.ContainsFunc(c.Status.Serving, func(v Serving) bool { return v.Kind == kind }) {
				return false
			}
		}
		return c.Status.State == Ready
	}
}

// dial6 is a client at fe80::2 on the far end of the link. The zone is a number
// because package net remembers names longer than a test keeps an interface.
func dial6(t *testing.T, ifname string) (conn *net.UDPConn, zone string) {
	t.Helper()
	zone = strconv.Itoa(linkOf(t, ifname).Attrs().Index)
	addAddr(t, ifname, "fe80::2/64")
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.ParseIP("fe80::2"), Port: 546, Zone: zone})
	testnet.Must(t, err)
	t.Cleanup(func() { conn.Close() })
	testnet.Must(t, conn.SetDeadline(time.Now().Add(testnet.Patience)))
	return conn, zone
}

func TestDHCPv6MulticastAndUnicast(t *testing.T) {
	if inNamespace(t) {
		return
	}
	up(t, "lo")
	veth(t, "eth0", "fe80::1/64", "2001:db8::1/64")
	l := listenOn(t, V6, specOf(false, "eth0/2001:db8::1"))
	client, zone := dial6(t, "eth0p")
	for _, tt := range []struct {
		dst   string
		multi bool
		local string
	}{
		{"ff02::1:2", true, "fe80::1"},
		{"ff05::1:3", true, "fe80::1"},
		{"fe80::1", false, "fe80::1"},
		{"ff02::1:2", true, "fe80::1"},
	} {
		_, err := client.WriteTo([]byte(tt.dst), &net.UDPAddr{IP: net.ParseIP(tt.dst), Port: 547, Zone: zone})
		testnet.Must(t, err)
		d := l.next()
		a := d.Arrival
		if string(d.Data) != tt.dst || a.Multi != tt.multi || a.Local.String() != tt.local || a.Link ||
			a.Src.String() != "[fe80::2]:546" || a.Dst.Addr().String() != tt.dst || a.Iface.Name != "eth0" {
			t.Errorf("sent to %s: received %q, %+v", tt.dst, d.Data, a)
		}
		l.Send([]Outgoing{{Data: d.Data, Departure: wire.Departure{Iface: a.Iface,
			Src: netip.AddrPortFrom(a.Local, 547), Dst: a.Src}}})
		buf := make([]byte, 100)
		n, from, err := client.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != tt.dst || from.Port() != 547 || from.Addr().WithZone("").String() != "fe80::1" {
			t.Errorf("answer %q from %v, %v", buf[:n], from, err)
		}
	}
	loop := testnet.Must1(net.DialUDP("udp6", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::1]:547"))))(t)
	defer loop.Close()
	testnet.Must1(loop.Write([]byte("relayed")))(t)
	if d := l.next(); string(d.Data) != "relayed" || d.Arrival.Multi || d.Arrival.Local.String() != "2001:db8::1" {
		t.Errorf("relayed unicast: %q %+v", d.Data, d.Arrival)
	}
	select {
	case err := <-l.failed:
		t.Errorf("send: %v", err)
	default:
	}
}
