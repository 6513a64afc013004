package engine

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/server/wire"
)

// tellStory4 repeats exchanges that a real kea-dhcp4 2.2.0 served and compares
// what show tells after each with the recording in file.
func tellStory4(t *testing.T, file, members string, show func(*house) string) {
	h := furnish(t, members+`"cache-threshold": 0.0, "min-valid-lifetime": 2, "max-valid-lifetime": 4000, "decline-probation-period": 3,
		"expired-leases-processing": { "reclaim-timer-wait-time": 1, "flush-reclaimed-timer-wait-time": 0, "hold-reclaimed-time": 0 },
		"dhcp-ddns": { "enable-updates": true }, "ddns-qualifying-suffix": "example.org.",
		"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.99" } ],
			"reservations": [ { "hw-address": "02:00:00:00:00:05", "hostname": "reserved5" } ] } ]`)
	const duid, lineAgent = "\xff\x01\x02\x03\x04\x00\x03\x00\x01\x02\x00\x00\x00\x00\x09", "\x01\x04line\x02\x03rem"
	own := opt4(61, "\x01\x02\x00\x00\x00\x00\x02")
	host := func(name string) dhcpv4.Modifier { return opt4(wire.OptHostName, name) }
	fqdn := func(v string) dhcpv4.Modifier { return opt4(wire.OptFQDN, v) }
	via := func(d *dhcpv4.DHCPv4) { d.GatewayIPAddr, d.HopCount = []byte{192, 0, 2, 2}, 1 }
	request, release := dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeRelease
	steps := map[string]func(){
		"A": func() { h.get(client(1), via, host("Host1")) },
		"B": func() { h.send(request, client(1), via, host("Host1"), ciaddr("192.0.2.11")) },
		"C": func() { h.send(request, client(1), via, host("host1b"), ciaddr("192.0.2.11")) },
		"D": func() { h.send(release, client(1), via, ciaddr("192.0.2.11")) },
		"E": func() {
			h.get(client(2), via, own, fqdn("\x01\x00\x00host2.example.org."), opt4(82, lineAgent))
		},
		"F": func() { h.get(client(3), via, fqdn("\x00\x00\x00host3")) },
		"G": func() { h.send(dhcpv4.MessageTypeDecline, client(2), via, own, requested("192.0.2.12")) },
		"H": func() { // a lease of three seconds, and what was declined, end meanwhile
			h.get(client(4), via, host("host4"), opt4(51, "\x00\x00\x00\x03"))
			for range 2 {
				seen := h.fx.Hooked
				h.fx.Hooked = Hooked{}
				h.now = h.now.Add(2 * time.Second)
				h.step(Tick{})
				h.fx.Hooked.NameChanges = append(seen.NameChanges, h.fx.Hooked.NameChanges...)
				h.fx.Hooked.Scripts = append(seen.Scripts, h.fx.Hooked.Scripts...)
			}
		},
		"I": func() { h.get(client(5), via) },
		"J": func() { h.get(client(6), via) },
		"K": func() { h.send(release, client(6), via, ciaddr("192.0.2.16")) },
		"L": func() { h.get(client(7), via, fqdn("\x05\x00\x00\x05host7\x07example\x03org\x00")) },
		"M": func() {},
		"N": func() { h.send(release, client(3), via, ciaddr("192.0.2.13")) },
		"O": func() { h.get(client(8), via, fqdn("\x08\x00\x00host8")) },
		"P": func() { h.get(client(9), via, host("host9"), opt4(61, duid)) },
		"Q": func() { h.send(request, client(9), via, host("host9"), opt4(61, duid), requested("192.0.2.60")) },
		"R": func() { h.get(client(10), via, host("host10"), opt4(51, "\x00\x00\x01\x2c")) },
	}
	h.send(dhcpv4.MessageTypeDiscover, client(200), via)
	compareStory(t, h, file, steps, show)
}

// compareStory plays the steps of a recording at their times.
func compareStory(t *testing.T, h *house, file string, steps map[string]func(), show func(*house) string) {
	golden, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(golden), "\nstep ")[1:] {
		head, want, _ := strings.Cut(part, "\n")
		var step string
		var at int64
		if _, err := fmt.Sscan(head, &step, &at); err != nil {
			t.Fatal(err)
		}
		h.now = time.Unix(at, 0)
		h.fx.Reset()
		steps[step]()
		if got := show(h); strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("step %s:\n%s", step, difference(got, want))
		}
	}
}

// difference shows the lines that only one of two texts has.
func difference(got, want string) string {
	var b strings.Builder
	for _, x := range [...]struct{ mark, a, b string }{{"+", got, want}, {"-", want, got}} {
		have := map[string]int{}
		for _, l := range strings.Split(x.b, "\n") {
			have[l]++
		}
		for _, l := range strings.Split(x.a, "\n") {
			if have[l]--; have[l] < 0 {
				fmt.Fprintln(&b, x.mark, l)
			}
		}
	}
	return b.String()
}
