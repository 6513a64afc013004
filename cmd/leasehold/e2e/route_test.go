package e2e

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/server/route"
	"leasehold/server/testnet"
)

// No renewal comes in between: dhcpcd releases nothing that it is renewing.
var configRoutes = strings.NewReplacer(
	`"Dhcp6": {`, `"Dhcp6": { "leasehold": { "install-pd-routes": true },`,
	`"renew-timer": 3, "rebind-timer": 8`, `"renew-timer": 300, "rebind-timer": 450`,
).Replace(config6)

// A router takes a /56 and numbers its own network from it. The server's host
// reaches a machine in there, through restarts of the server and losses of the
// link, until the router gives the prefix back.
func TestEndToEndRoutes(t *testing.T) {
	if isolate(t, "dhcpcd") {
		return
	}
	bridge(t, "lan", "2001:db8:1::1/64")
	bridge(t, "home")
	const static, stale = "2001:db8:8100::/56", "2001:db8:8200::/56"
	addRoute(t, static, "fe80::9", unix.RTPROT_STATIC)
	addRoute(t, stale, "fe80::9", route.Protocol)

	s := serve(t, "leasehold", configRoutes)
	awaitRoute(t, stale, "") // of a lease that ended while the server was away
	router := newHost(t, "router")
	router.plug("eth0", "lan", clientMAC)
	router.plug("inner", "home", net.HardwareAddr{2, 0, 0, 0, 0, 0x11})
	router.ip("route add 2001:db8:1::/64 dev eth0") // what a router advertisement would say
	router.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
	c := dhcpcd6(t)
	script := newScript(t, c.program, c.script)
	c.start(router, script)
	script.await("BOUND6")

	const delegated = prefix6 + "/56"
	via := netip.MustParsePrefix(linkLocal(clientMAC)).Addr().String()
	awaitRoute(t, delegated, via)
	inside := newHost(t, "inside")
	inside.plug("eth0", "home", net.HardwareAddr{2, 0, 0, 0, 0, 0x12}, inside6+":2/64")
	inside.ip("route add default via " + inside6 + ":1 dev eth0")
	reach(t, inside6+":2")

	s.Signal(syscall.SIGKILL)
	s.Wait()
	awaitRoute(t, delegated, via)
	reach(t, inside6+":2")
	testnet.Must(t, netlink.RouteDel(routeTo(t, delegated, 0))) // as if the machine had been started anew
	s.start()
	awaitRoute(t, delegated, via)

	link := testnet.Must1(netlink.LinkByName("lan"))(t)
	testnet.Must(t, netlink.LinkSetDown(link))
	awaitRoute(t, delegated, "")
	testnet.Must(t, netlink.LinkSetUp(link))
	testnet.AwaitUp(t, "lan")
	address(t, "lan", linkLocal(serverMAC))
	testnet.AwaitOwn(t, "lan", netip.MustParsePrefix(linkLocal(serverMAC)).Addr().AsSlice())
	awaitRoute(t, delegated, via)

	addRoute(t, static, "fe80::9", unix.RTPROT_STATIC) // went with the link, too
	c.release(router)
	awaitRoute(t, delegated, "")
	awaitRoute(t, static, "fe80::9")
	s.stop()
}

// The same with another client: the route comes with the prefix and goes with
// it.
func TestEndToEndRoutesDhcp6c(t *testing.T) {
	if isolate(t, "dhcp6c") {
		return
	}
	bridge(t, "lan", "2001:db8:1::1/64")
	bridge(t, "home")
	s := serve(t, "kea-dhcp6", configRoutes)
	router := newHost(t, "router")
	router.plug("eth0", "lan", clientMAC)
	router.plug("inner", "home", net.HardwareAddr{2, 0, 0, 0, 0, 0x11})
	c := dhcp6c(t)
	script := newScript(t, c.program, c.script)
	c.start(router, script)
	script.await(c.bound...)
	awaitRoute(t, prefix6+"/56", netip.MustParsePrefix(linkLocal(clientMAC)).Addr().String())
	c.release(router)
	awaitRoute(t, prefix6+"/56", "")
	s.stop()
}

func routeTo(t *testing.T, prefix string, protocol netlink.RouteProtocol) *netlink.Route {
	t.Helper()
	_, dst, err := net.ParseCIDR(prefix)
	testnet.Must(t, err)
	return &netlink.Route{Dst: dst, Protocol: protocol, LinkIndex: testnet.Must1(netlink.LinkByName("lan"))(t).Attrs().Index}
}

func addRoute(t *testing.T, prefix, via string, protocol netlink.RouteProtocol) {
	t.Helper()
	r := routeTo(t, prefix, protocol)
	r.Gw = net.ParseIP(via)
	testnet.Must(t, netlink.RouteAdd(r))
}

// awaitRoute waits until the test's own namespace routes a prefix through an
// address; "" stands for no route.
func awaitRoute(t *testing.T, prefix, via string) {
	t.Helper()
	updates, done := make(chan netlink.RouteUpdate, 64), make(chan struct{})
	defer close(done)
	testnet.Must(t, netlink.RouteSubscribe(updates, done))
	want := routeTo(t, prefix, 0)
	limit := time.After(testnet.Patience)
	for {
		list := testnet.Must1(netlink.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Dst: want.Dst}, netlink.RT_FILTER_DST))(t)
		if len(list) == 0 && via == "" || len(list) == 1 && list[0].Gw.String() == via {
			return
		}
		select {
		case <-updates:
		case <-limit:
			t.Fatalf("the routes to %s are %v, want one via %q", prefix, list, via)
		}
	}
}

// reach makes sure that packets to an address come to arrive, and answers come
// back: there, nobody listens, and the system says so.
func reach(t *testing.T, addr string) {
	t.Helper()
	for limit := time.Now().Add(testnet.Patience); ; time.Sleep(50 * time.Millisecond) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(addr, "9"), time.Until(limit))
		if err == nil {
			conn.Close()
		}
		if err == nil || errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%s is out of reach: %v", addr, err)
		}
	}
}
