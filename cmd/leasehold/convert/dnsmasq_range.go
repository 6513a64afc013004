package convert

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// dhcpRange is one dhcp-range.
type dhcpRange struct {
	at            setting
	set, demanded []string
	first, last   netip.Addr
	prefix        netip.Prefix
	lease         int64 // seconds
	static, guess bool
}

// Lease times of dnsmasq where a range says none.
const (
	leaseTime4  = 3600
	leaseTime6  = 86400
	leastLease  = 120 // what a client may ask for
	foreverTime = 1<<32 - 1
)

// leaseTime reads 12h, 45m, 600, infinite.
func leaseTime(text string) (int64, bool) {
	if text == "infinite" {
		return foreverTime, true
	}
	unit := int64(1)
	if n := len(text) - 1; n > 0 {
		if i := strings.IndexByte("smhdwSMHDW", text[n]); i >= 0 {
			unit = []int64{1, 60, 3600, 86400, 604800}[i%5]
			text = text[:n]
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > foreverTime/unit {
		return 0, false
	}
	return max(n*unit, leastLease), true
}

func (d *dnsmasq) dhcpRange() {
	r := &dhcpRange{at: d.line, lease: map[int]int64{4: leaseTime4, 6: leaseTime6}[d.version]}
	var rest []string
	r.set, r.demanded, rest = tagged(words(d.line.value))
	if len(rest) == 0 {
		d.skip("there is no range")
		return
	}
	var err error
	if r.first, err = netip.ParseAddr(rest[0]); err != nil {
		d.skip("%q is no address", rest[0])
		return
	}
	if r.first.Is4() != (d.version == 4) {
		d.skip("it is of the other family: convert the file with -%d, too", 10-d.version)
		return
	}
	r.last = r.first
	for _, w := range rest[1:] {
		if !d.rangeWord(r, w) {
			return
		}
	}
	if !r.prefix.IsValid() {
		r.guess = true
		r.prefix = parsePrefix(r.first, map[int]int{4: 24, 6: 64}[d.version])
		if d.version == 4 {
			d.skip("it has no netmask, dnsmasq takes that of its interface: /24 is assumed")
		}
	}
	if !r.static && !contains(r.prefix, r.first, r.last) {
		d.skip("the range is not in %s", r.prefix)
		return
	}
	for _, t := range r.set {
		d.tag(t).ranged = true
	}
	d.ranges = append(d.ranges, r)
}

// rangeWord takes one word behind the first address; false if the range is not
// carried over.
func (d *dnsmasq) rangeWord(r *dhcpRange, w string) bool {
	if a, err := netip.ParseAddr(w); err == nil {
		switch {
		case a.Is4() && maskLen(w) > 0 && r.last != r.first || a.Is4() && maskLen(w) > 0 && r.static:
			if !r.prefix.IsValid() {
				r.prefix = parsePrefix(r.first, maskLen(w))
			}
		case r.prefix.IsValid(): // the broadcast address
		default:
			r.last = a
		}
		return true
	}
	if n, err := strconv.Atoi(w); err == nil && d.version == 6 && n <= 128 {
		r.prefix = parsePrefix(r.first, n)
		return true
	}
	if n, ok := leaseTime(w); ok {
		r.lease = n
		return true
	}
	switch {
	case w == "static":
		r.static = true
	case w == "proxy":
		d.skip("answers beside another DHCP server are of a PXE server")
		return false
	case strings.HasPrefix(w, "constructor:"):
		d.skip("addresses that are made of an interface's: write the subnet")
		return false
	case slices.Contains([]string{"ra-only", "slaac", "ra-names", "ra-stateless", "ra-advrouter", "off-link"}, w):
		d.skip("router advertisements are radvd's")
		if w == "ra-only" || w == "slaac" || w == "ra-stateless" {
			r.static = true
		}
	default:
		d.skip("%q is not understood", w)
	}
	return true
}

// pool is the pool of a range; "" for none.
func (r *dhcpRange) pool() string {
	if r.static {
		return ""
	}
	return fmt.Sprintf("%s - %s", r.first, r.last)
}

// dhcpHost is one dhcp-host.
type dhcpHost struct {
	at     setting
	ids    []identifier
	set    []string
	addr   netip.Addr
	name   string
	ignore bool
}

type identifier struct{ key, value string }

func (d *dnsmasq) dhcpHost() {
	h := &dhcpHost{at: d.line}
	for _, w := range words(d.line.value) {
		kind, rest, colon := strings.Cut(w, ":")
		bare := strings.Trim(w, "[]")
		a, addrErr := netip.ParseAddr(bare)
		mac, isMAC := octets(strings.TrimPrefix(w, "1-"))
		_, isTime := leaseTime(w)
		switch {
		case colon && kind == "set", colon && kind == "net":
			h.set = append(h.set, rest)
		case colon && kind == "tag":
			d.skip("the reservation holds for every client, whatever its tags")
		case colon && kind == "id":
			d.hostID(h, rest)
		case w == "ignore":
			h.ignore = true
		case addrErr == nil && a.Is4() == (d.version == 4):
			h.addr = a
		case addrErr == nil:
			d.skip("%s is of the other family", a)
		case isMAC && len(mac) == 6:
			h.ids = append(h.ids, identifier{"hw-address", colons(mac)})
		case colon && strings.Contains(w, "*"):
			d.skip("an address with * matches many clients: write a class")
		case isTime && w[0] >= '0' && w[0] <= '9' || w == "infinite":
			d.skip("a reservation has no lease time")
		case w != "":
			h.name = w
		}
	}
	if len(h.ids) == 0 {
		d.skip("nothing identifies the host but its name")
		return
	}
	for _, t := range h.set {
		d.classOf([]string{t})
	}
	d.hosts = append(d.hosts, h)
}

func (d *dnsmasq) hostID(h *dhcpHost, text string) {
	key := map[int]string{4: "client-id", 6: "duid"}[d.version]
	switch b, ok := octets(text); {
	case text == "*":
		d.skip("write \"match-client-id\": false in the subnet")
	case ok && strings.Contains(text, ":"):
		h.ids = append(h.ids, identifier{key, colons(b)})
	default:
		h.ids = append(h.ids, identifier{key, colons([]byte(text))})
	}
}
