package testnet

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// AwaitUp waits until interfaces of this namespace carry frames. The kernel
// brings a link up in its own time, and drops what is sent before.
func AwaitUp(t testing.TB, names ...string) {
	t.Helper()
	changes, done := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	defer close(done)
	Must(t, netlink.LinkSubscribe(changes, done))
	limit := time.After(Patience)
	for _, name := range names {
		for Must1(netlink.LinkByName(name))(t).Attrs().OperState != netlink.OperUp {
			select {
			case <-changes:
			case <-limit:
				t.Fatalf("%s does not come up", name)
			}
		}
	}
}

// AwaitOwn waits until packets to an IPv6 address of an interface are taken. The
// kernel lets that begin in its own time, also where it need not look for others
// who have the address.
func AwaitOwn(t testing.TB, name string, addr net.IP) {
	t.Helper()
	changes, done := make(chan netlink.RouteUpdate, 64), make(chan struct{})
	defer close(done)
	Must(t, netlink.RouteSubscribe(changes, done))
	own := &netlink.Route{Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL, LinkIndex: Must1(netlink.LinkByName(name))(t).Attrs().Index}
	limit := time.After(Patience)
	for {
		routes := Must1(netlink.RouteListFiltered(netlink.FAMILY_V6, own, netlink.RT_FILTER_TABLE|netlink.RT_FILTER_TYPE|netlink.RT_FILTER_OIF))(t)
		if slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Dst != nil && r.Dst.IP.Equal(addr) }) {
			return
		}
		select {
		case <-changes:
		case <-limit:
			t.Fatalf("%s is not an address of %s", addr, name)
		}
	}
}
