package e2e

import (
	"net"
	"testing"

	"github.com/vishvananda/netlink"

	"leasehold/server/testnet"
)

// A client behind ISC's relay agent gets an address of its own link, with the
// agent's option 82 in the query.
func TestEndToEndRelay(t *testing.T) {
	if isolate(t, "dhcrelay", "udhcpc", "tshark") {
		return
	}
	bridge(t, "lan", "10.0.0.1/16")
	bridge(t, "far") // between client and agent
	wire := record(t, "lan")

	agent := newHost(t, "agent")
	agent.plug("up", "lan", net.HardwareAddr{2, 0, 0, 0, 0, 0x31}, "10.0.0.9/16")
	agent.plug("down", "far", net.HardwareAddr{2, 0, 0, 0, 0, 0x32}, "198.51.100.1/24")
	agent.run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
	newRoute(t, "198.51.100.0/24", "10.0.0.9")
	s := serve(t, "leasehold", configLoad4)
	relay := agent.start("dhcrelay", "-4", "-d", "-a", "-iu", "up", "-id", "down", "10.0.0.1")
	relay.Await("Sending on   Socket/fallback")

	h := newHost(t, "client")
	h.plug("eth0", "far", clientMAC)
	c := udhcpc()
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	const want = "198.51.100.10"
	e := script.await("bound")
	e.check(t, map[string]string{"ip": want, "router": "198.51.100.1"})
	h.ip("route add default via 198.51.100.1")
	c.renew(h) // past the agent, to the server itself
	script.await("renew").check(t, map[string]string{"ip": want})
	c.release(h)
	s.awaitRow(want, "released", func(r row) bool { return !r.held() })
	wire.wellFormed(answers4)
	if wire.tshark(answers4+" && dhcp.option.type == 82") == "" {
		t.Error("no answer echoes option 82")
	}
	s.stop()
}

// The same for DHCPv6: the agent wraps the query and names its interface.
func TestEndToEndRelay6(t *testing.T) {
	if isolate(t, "dhcrelay", "dhclient", "tshark") {
		return
	}
	bridge(t, "lan", "2001:db8:1::1/64")
	bridge(t, "far")
	wire := record(t, "lan")
	agent := newHost(t, "agent")
	agent.plug("up", "lan", net.HardwareAddr{2, 0, 0, 0, 0, 0x31}, "2001:db8:1::9/64")
	agent.plug("down", "far", net.HardwareAddr{2, 0, 0, 0, 0, 0x32}, "2001:db8:2::1/64")
	s := serve(t, "leasehold", configLoad6)
	relay := agent.start("dhcrelay", "-6", "-d", "-I", "-l", "down", "-u", "2001:db8:1::1%up")
	relay.Await("Sending on   Socket/up")

	h := newHost(t, "client")
	h.plug("eth0", "far", clientMAC)
	c := dhclient6(t)
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	const want = "2001:db8:2::10"
	script.await("BOUND6").check(t, map[string]string{"new_ip6_address": want, "new_dhcp6_name_servers": "2001:db8::53"})
	s.awaitRow(want, "assigned", row.held)
	c.release(h)
	s.awaitRow(want, "released", func(r row) bool { return !r.held() })
	wire.wellFormed(answers6)
	if wire.tshark("udp.srcport == 547 && dhcpv6.msgtype == 13 && dhcpv6.interface_id") == "" {
		t.Error("no answer echoes the interface-id")
	}
	s.stop()
}

func newRoute(t *testing.T, to, via string) {
	t.Helper()
	_, dst, err := net.ParseCIDR(to)
	testnet.Must(t, err)
	testnet.Must(t, netlink.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}))
}
