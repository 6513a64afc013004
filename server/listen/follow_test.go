package listen

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"

	"leasehold/server/testnet"
)

// follow runs the listener until the test ends.
func follow(t *testing.T, l *listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func serves(want ...string) func(Change) bool {
	return func(c Change) bool {
		var have []string
		for _, v := range c.Status.Serving {
			have = append(have, v.String())
		}
		return slices.Equal(have, want)
	}
}

func TestInterfacesAreFollowed(t *testing.T) {
	if inNamespace(t) {
		return
	}
	l := listenOn(t, V4, specOf(false, "eth0"))
	follow(t, l)
	l.until("the interface is missed", func(c Change) bool {
		return len(c.Problems) == 1 && c.Problems[0].Error() == "interface eth0 is not there"
	})
	veth(t, "eth0", "192.0.2.1/24")
	l.until("it appears", serves("eth0 raw", "eth0 udp 192.0.2.1"))

	addAddr(t, "eth0", "192.0.2.2/24")
	l.until("it gets an address", serves("eth0 raw", "eth0 udp 192.0.2.1", "eth0 udp 192.0.2.2"))
	c := plug(t, "eth0p")
	c.send(serverMAC, nil, relay, netip.MustParseAddrPort("192.0.2.2:67"), []byte("to the new address"))
	if d := l.next(); string(d.Data) != "to the new address" || !d.Arrival.Link {
		t.Errorf("received %q %+v", d.Data, d.Arrival)
	}

	old := testnet.Must1(netlink.ParseAddr("192.0.2.1/24"))(t)
	testnet.Must(t, netlink.AddrDel(linkOf(t, "eth0"), old))
	l.until("it loses all addresses (the second was secondary)", func(c Change) bool {
		return len(c.Status.Serving) == 0 && c.Status.State == Failed
	})
	addAddr(t, "eth0", "192.0.2.3/24")
	l.until("it has one again", serves("eth0 raw", "eth0 udp 192.0.2.3"))

	testnet.Must(t, netlink.LinkSetDown(linkOf(t, "eth0")))
	l.until("it goes down", func(c Change) bool { return len(c.Status.Serving) == 0 })
	testnet.Must(t, netlink.LinkSetName(linkOf(t, "eth0"), "lan0"))
	l.until("it is renamed", func(c Change) bool { return len(c.Problems) == 1 })
	testnet.Must(t, netlink.LinkSetName(linkOf(t, "lan0"), "eth0"))
	up(t, "eth0")
	l.until("it is up again", serves("eth0 raw", "eth0 udp 192.0.2.3"))
	testnet.Must(t, netlink.LinkDel(linkOf(t, "eth0")))
	l.until("it vanishes", func(c Change) bool { return len(c.Status.Serving) == 0 })
}

// DHCPv6: the groups are joined again when the interface returns, after its
// link-local address has passed duplicate address detection.
func TestGroupsAreJoinedAgain(t *testing.T) {
	if inNamespace(t) {
		return
	}
	l := listenOn(t, V6, specOf(false, "eth0"))
	follow(t, l)
	for range 2 {
		veth(t, "eth0")
		l.until("it is served", hears("multicast", "link-local"))
		client, zone := dial6(t, "eth0p")
		group := netip.AddrPortFrom(relaysAndServers.WithZone(zone), 547)
		testnet.Must1(client.WriteToUDPAddrPort([]byte("solicit"), group))(t)
		if d := l.next(); string(d.Data) != "solicit" || !d.Arrival.Multi || d.Arrival.Iface.Name != "eth0" {
			t.Errorf("received %q %+v", d.Data, d.Arrival)
		}
		client.Close()
		testnet.Must(t, netlink.LinkDel(linkOf(t, "eth0")))
		l.until("it vanishes", func(c Change) bool { return len(c.Status.Serving) == 0 })
	}
}

// A new configuration keeps the sockets that both have.
func TestApplyKeepsUnchangedSockets(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	veth(t, "eth1", "198.51.100.1/24")
	l := listenOn(t, V4, specOf(false, "eth0"))
	l.until("start", serves("eth0 raw", "eth0 udp 192.0.2.1"))
	spec := specOf(false, "*")
	testnet.Must(t, l.Apply(&spec))
	c := <-l.changes
	if len(c.Closed) != 0 || len(c.Opened) != 2 {
		t.Errorf("opened %v, closed %v", c.Opened, c.Closed)
	}
	udp := specOf(true, "eth0")
	testnet.Must(t, l.Apply(&udp))
	l.until("udp only", serves("eth0 udp 192.0.2.1", "eth0 broadcast 192.0.2.255", "eth0 broadcast 255.255.255.255"))
	wire := plug(t, "eth0p")
	wire.send(serverMAC, nil, relay, ourAddress, []byte("unicast"))
	if d := l.next(); string(d.Data) != "unicast" || d.Arrival.Link {
		t.Errorf("received %q %+v", d.Data, d.Arrival)
	}
}

// service-sockets-require-all without retries: nothing changes on failure.
func TestRequireAllKeepsTheOldSockets(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	l := listenOn(t, V4, specOf(false, "eth0"))
	spec := specOf(false, "eth0", "eth9")
	spec.RequireAll = true
	if err := l.Apply(&spec); err == nil || err.Error() != "interface eth9 is not there" {
		t.Errorf("error %v", err)
	}
	if st := l.Status(); st.State != Ready || len(st.Serving) != 2 {
		t.Errorf("status %+v", st)
	}
}

// With retries, a socket that another process holds is had once it is free, and
// given up, for the caller to end, when the retries are used up.
func TestRetries(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	holder := listenOn(t, V4, specOf(true, "eth0/192.0.2.1"))

	spec := specOf(true, "eth0")
	spec.RequireAll, spec.MaxRetries, spec.RetryWait = true, 2, 1
	l := listenOn(t, V4, spec)
	if st := l.Status(); st.State != Retrying || st.Fatal {
		t.Errorf("status %+v", st)
	}
	follow(t, l)
	l.until("it gives up", func(c Change) bool { return c.Status.State == Failed && c.Status.Fatal })

	holder.Close()
	spec.MaxRetries = 1000
	testnet.Must(t, l.Apply(&spec))
	l.until("it is free", func(c Change) bool { return c.Status.State == Ready })
}
