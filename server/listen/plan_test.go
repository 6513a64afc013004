package listen

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"leasehold/server/wire"
)

func linkWith(index int, name, flags string, addrs ...string) link {
	l := link{Interface: &wire.Interface{Name: name, Index: index},
		up: strings.Contains(flags, "up"), loopback: strings.Contains(flags, "loop"),
		multicast: !strings.Contains(flags, "loop")}
	for _, a := range addrs {
		if p := netip.MustParsePrefix(a); p.Addr().Is4() {
			l.V4 = append(l.V4, p)
		} else {
			l.V6 = append(l.V6, p)
		}
	}
	return l
}

var planLinks = []link{
	linkWith(1, "lo", "up loop", "127.0.0.1/8", "::1/128"),
	linkWith(2, "eth0", "up", "192.0.2.1/24", "192.0.2.2/32", "fe80::1/64", "2001:db8::1/64"),
	linkWith(3, "eth1", "up", "198.51.100.1/31", "fe80::1/64"),
	linkWith(4, "eth2", "down", "203.0.113.1/24", "fe80::2/64"),
	linkWith(5, "eth3", "up"),
}

func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name     string
		family   Family
		udp      bool
		entries  string
		want     string // interface kind [address], by interface and kind
		problems string
	}{
		{"nothing", V4, false, "", "", ""},
		{"all, raw: no loopback, no interface that is down or has no address", V4, false, "*",
			"eth0 raw, eth1 raw, eth0 udp 192.0.2.1, eth0 udp 192.0.2.2, eth1 udp 198.51.100.1", ""},
		{"one address", V4, false, "eth0/192.0.2.2", "eth0 raw, eth0 udp 192.0.2.2", ""},
		{"several addresses", V4, false, "eth0/192.0.2.2 eth0/192.0.2.1",
			"eth0 raw, eth0 udp 192.0.2.1, eth0 udp 192.0.2.2", ""},
		{"udp", V4, true, "eth0/192.0.2.1",
			"eth0 udp 192.0.2.1, eth0 broadcast 192.0.2.255, eth0 broadcast 255.255.255.255", ""},
		{"RFC 3021: no broadcast address in a /31", V4, true, "eth1",
			"eth1 udp 198.51.100.1, eth1 broadcast 255.255.255.255", ""},
		{"loopback with udp", V4, true, "lo", "lo udp 127.0.0.1", ""},
		{"loopback with raw", V4, false, "lo", "",
			"interface lo is a loopback interface: it needs dhcp-socket-type udp"},
		{"named and missing", V4, false, "eth9 eth2 eth3 eth0/192.0.2.9", "",
			"interface eth9 is not there; interface eth2 is down; interface eth3 has no usable IPv4 address; " +
				"interface eth0 has no address 192.0.2.9"},
		{"all and one by name", V4, false, "* eth0/192.0.2.2",
			"eth0 raw, eth1 raw, eth0 udp 192.0.2.2, eth1 udp 198.51.100.1", ""},
		{"DHCPv6", V6, false, "eth1",
			"eth1 multicast ff02::1:2, eth1 multicast ff05::1:3, eth1 link-local fe80::1", ""},
		{"DHCPv6 with a global address", V6, false, "eth0/2001:db8::1",
			"eth0 multicast ff02::1:2, eth0 multicast ff05::1:3, eth0 link-local fe80::1, eth0 unicast 2001:db8::1", ""},
		{"DHCPv6 on loopback, unicast alone", V6, false, "lo/::1", "lo unicast ::1", ""},
		{"DHCPv6 without link-local address", V6, false, "eth3", "",
			"interface eth3 has no usable link-local address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			spec := specOf(tt.udp, strings.Fields(tt.entries)...)
			p := makePlan(tt.family, &spec, planLinks)
			var got, problems []string
			for _, k := range slices.SortedFunc(maps.Keys(p.sockets), compareKeys) {
				s := Socket{key: k, want: p.sockets[k]}
				got = append(got, s.Serving().String())
			}
			for _, err := range p.problems {
				problems = append(problems, err.Error())
			}
			if g := strings.Join(got, ", "); g != tt.want {
				t.Errorf("sockets\n got %s\nwant %s", g, tt.want)
			}
			if g := strings.Join(problems, "; "); g != tt.problems {
				t.Errorf("problems\n got %s\nwant %s", g, tt.problems)
			}
		})
	}
}

// Where the packet socket takes an address, the UDP socket refuses it, and only
// there.
func TestOneOwnerPerAddress(t *testing.T) {
	spec := specOf(false, "*")
	p := makePlan(V4, &spec, planLinks)
	for k, w := range p.sockets {
		if k.kind != unicast4 {
			continue
		}
		var takers []int
		for k2, w2 := range p.sockets {
			if k2.kind == packet4 && slices.Contains(w2.dsts, k.addr) {
				takers = append(takers, k2.ifindex)
			}
		}
		if !slices.Equal(takers, w.except) {
			t.Errorf("%s: taken by interfaces %v, refused from %v", k.addr, takers, w.except)
		}
	}
}
