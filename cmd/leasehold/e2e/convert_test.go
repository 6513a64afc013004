package e2e

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"leasehold/server/testnet"
)

// fromISC and fromDnsmasq say the same of one network, each in its server's way,
// with classes, known clients, reservations and conditions.
const fromISC = `
authoritative;
ddns-update-style none;
default-lease-time 600;
max-lease-time 7200;
option domain-name "example.org";
option domain-name-servers 192.0.2.53, 192.0.2.54;
option rfc3442-classless-static-routes code 121 = array of unsigned integer 8;
option arch code 93 = unsigned integer 16;
class "phones" {
	match if substring(option vendor-class-identifier, 0, 5) = "phone";
	option tftp-server-name "voice.example.org";
	option ntp-servers 192.0.2.124;
}
class "badges" { match hardware; option ntp-servers 192.0.2.125; }
subclass "badges" 1:02:00:00:00:be:01;
if option arch = 00:07 {
	filename "efi/loader.efi";
} else {
	filename "pxelinux.0";
}
next-server 192.0.2.5;
shared-network office {
	option routers 192.0.2.1;
	subnet 192.0.2.0 netmask 255.255.255.0 {
		option rfc3442-classless-static-routes 24, 198, 51, 100, 192, 0, 2, 1;
		option broadcast-address 192.0.2.255;
		pool { deny members of "phones"; deny known-clients; range 192.0.2.100 192.0.2.119; }
		pool { allow members of "phones"; range 192.0.2.200 192.0.2.219; }
		pool { allow known-clients; deny members of "phones"; range 192.0.2.140 192.0.2.149; }
	}
}
group {
	option domain-name "lab.example.org";
	option domain-search "lab.example.org", "example.org";
	use-host-decl-names on;
	host printer { hardware ethernet 02:00:00:00:77:77; fixed-address 192.0.2.77; filename "printer.bin"; next-server 192.0.2.6; }
	host scanner { hardware ethernet 02:00:00:00:77:78; }
}
`

const fromDnsmasq = `
port=0
interface=lan
bind-interfaces
domain=example.org
dhcp-authoritative
dhcp-range=192.0.2.100,192.0.2.119,255.255.255.0,20m
dhcp-range=tag:phones,192.0.2.200,192.0.2.219,255.255.255.0,20m
dhcp-host=02:00:00:00:77:77,192.0.2.77,printer
dhcp-host=02:00:00:00:77:78,set:bench,192.0.2.78
dhcp-vendorclass=set:phones,phone
dhcp-mac=set:badges,02:00:00:00:be:*
dhcp-match=set:efi,option:client-arch,7
dhcp-option=option:dns-server,192.0.2.53,192.0.2.54
dhcp-option=option:router,192.0.2.1
dhcp-option=option:ntp-server,192.0.2.123
dhcp-option=tag:badges,option:ntp-server,192.0.2.125
dhcp-option=tag:bench,option:tftp-server,bench.example.org
dhcp-option=121,198.51.100.0/24,192.0.2.1
dhcp-option=option:domain-search,example.org,lab.example.org
dhcp-boot=tag:efi,efi/loader.efi,boot,192.0.2.5
dhcp-boot=tag:!efi,pxelinux.0,,192.0.2.5
`

// asking are the clients that ask both servers, by name: arguments of udhcpc
// behind those of all.
var asking = map[string]struct {
	mac  string
	args []string
}{
	"stranger": {mac: "02:00:00:00:00:31"},
	"phone":    {"02:00:00:00:00:32", []string{"-V", "phone 3.1"}},
	"badge":    {mac: "02:00:00:00:be:01"},
	"efi":      {"02:00:00:00:00:33", []string{"-x", "0x5d:0007"}},
	"printer":  {mac: "02:00:00:00:77:77"},
	"scanner":  {mac: "02:00:00:00:77:78"},
}

// told are the variables of udhcpc's script that both servers must give alike.
var told = []string{
	"mask", "router", "dns", "domain", "ntpsrv", "tftp", "bootfile", "search", "staticroutes", "siaddr", "boot_file", "sname",
	"lease", "hostname", "broadcast",
}

// ask has every client ask once and returns what its script was told.
func ask(t *testing.T, h *host) map[string]map[string]string {
	t.Helper()
	got := map[string]map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(asking)) {
		c := asking[name]
		h.ip("link set eth0 down")
		h.ip("link set eth0 address " + c.mac)
		h.ip("link set eth0 up")
		s := newScript(t, "udhcpc", "")
		args := []string{"udhcpc", "-f", "-q", "-t", "30", "-T", "1", "-A", "1", "-i", "eth0", "-s", s.path}
		for _, o := range []string{"ntpsrv", "tftp", "bootfile", "search", "staticroutes", "hostname", "broadcast"} {
			args = append(args, "-O", o)
		}
		p := h.start(append(args, c.args...)...)
		e := s.await("bound")
		p.Wait()
		got[name] = map[string]string{"pool": poolOf(e.env["ip"])}
		for _, key := range told {
			got[name][key] = strings.TrimSpace(e.env[key])
		}
	}
	return got
}

// poolOf names the pool of an address, or the address outside of them.
func poolOf(text string) string {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return text
	}
	switch n := a.As4()[3]; {
	case n >= 100 && n <= 119:
		return "first"
	case n >= 140 && n <= 149:
		return "known"
	case n >= 200 && n <= 219:
		return "phones"
	}
	return text
}

// sameAnswers asks the old server and ours with the converted configuration.
func sameAnswers(t *testing.T, text string, old func(conf, leases string) *exec.Cmd, ready string, args ...string) {
	t.Helper()
	bridge(t, "lan", "192.0.2.1/24")
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	dir := t.TempDir()
	conf, leases := filepath.Join(dir, "old.conf"), filepath.Join(dir, "old.leases")
	testnet.Must(t, os.WriteFile(conf, []byte(text), 0o644))
	testnet.Must(t, os.WriteFile(leases, nil, 0o644))
	p := testnet.Start(t, "the old server", old(conf, leases))
	p.Await(ready)
	want := ask(t, h)
	p.Signal(syscall.SIGTERM)
	p.Wait()

	cmd := exec.Command(testnet.Program(t), append([]string{"convert", conf}, args...)...)
	var said strings.Builder
	cmd.Stderr = &said
	out := testnet.Must1(cmd.Output())(t)
	t.Logf("convert: %s", said.String())
	s := serve(t, "leasehold", strings.Replace(string(out), "/run/kea", dir, 1))
	got := ask(t, h)
	s.stop()
	for name, answers := range want {
		if answers["bootfile"] != "" { // dnsmasq leaves the fields empty then
			delete(answers, "boot_file")
			delete(answers, "sname")
		}
		for key, value := range answers {
			if got[name][key] != value {
				t.Errorf("%s is told %s=%q, was told %q", name, key, got[name][key], value)
			}
		}
	}
}

// What dhcpd tells its clients, ours tells them with the converted file.
func TestEndToEndFromISC(t *testing.T) {
	if isolate(t, "dhcpd", "udhcpc") {
		return
	}
	sameAnswers(t, fromISC, func(conf, leases string) *exec.Cmd {
		return exec.Command("dhcpd", "-4", "-f", "-d", "--no-pid", "-cf", conf, "-lf", leases, "lan")
	}, "Server starting service", "--interface", "lan")
}

// The same with dnsmasq.
func TestEndToEndFromDnsmasq(t *testing.T) {
	if isolate(t, "dnsmasq", "udhcpc") {
		return
	}
	sameAnswers(t, fromDnsmasq, func(conf, leases string) *exec.Cmd {
		return exec.Command("dnsmasq", "--no-daemon", "--user=root", "--conf-file="+conf, fmt.Sprintf("--dhcp-leasefile=%s", leases))
	}, "DHCP, sockets bound")
}
