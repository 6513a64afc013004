package e2e

import (
	"regexp"
	"strconv"
	"testing"

	"leasehold/server/testnet"
)

// configLoad4 has room for many clients, on the link and behind a relay agent.
const configLoad4 = `{ "Dhcp4": {
	"interfaces-config": { "interfaces": [ "lan" ] },
	"lease-database": { "type": "memfile", "name": "%LEASES%", "lfc-interval": 0 },
	"control-socket": { "socket-type": "unix", "socket-name": "%SOCKET%" },
	"hooks-libraries": [ { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" } ],
	"valid-lifetime": 3600,
	"subnet4": [
		{ "id": 1, "subnet": "10.0.0.0/16", "pools": [ { "pool": "10.0.1.0 - 10.0.255.254" } ] },
		{ "id": 2, "subnet": "198.51.100.0/24", "pools": [ { "pool": "198.51.100.10 - 198.51.100.99" } ],
		  "option-data": [ { "name": "routers", "data": "198.51.100.1" } ] }
	]
} }`

// configLoad6 likewise.
const configLoad6 = `{ "Dhcp6": {
	"interfaces-config": { "interfaces": [ "lan", "lan/2001:db8:1::1" ] },
	"lease-database": { "type": "memfile", "name": "%LEASES%", "lfc-interval": 0 },
	"control-socket": { "socket-type": "unix", "socket-name": "%SOCKET%" },
	"hooks-libraries": [ { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" } ],
	"valid-lifetime": 3600,
	"subnet6": [
		{ "id": 1, "subnet": "2001:db8:1::/64", "interface": "lan",
		  "pools": [ { "pool": "2001:db8:1::1:0/112" } ],
		  "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56 } ] },
		{ "id": 2, "subnet": "2001:db8:2::/64", "pools": [ { "pool": "2001:db8:2::10 - 2001:db8:2::99" } ],
		  "option-data": [ { "name": "dns-servers", "data": "2001:db8::53" } ] }
	]
} }`

// exchanges is how many clients perfdhcp plays.
const exchanges = 100

// ISC's load generator gets a lease for every client, on the link and relayed.
func TestEndToEndPerfdhcp(t *testing.T) {
	if isolate(t, "perfdhcp", "tshark") {
		return
	}
	bridge(t, "lan", "10.0.0.1/16")
	wire := record(t, "lan")
	s := serve(t, "kea-dhcp4", configLoad4)
	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	perfdhcp(h, "-4", "-l", "eth0", "-b", "mac=00:0c:01:00:00:01")
	perfdhcp(h, "-4", "-l", "10.0.0.2", "-b", "mac=00:0c:02:00:00:01", "10.0.0.1")
	if n := held(s.rows()); n != 2*exchanges {
		t.Errorf("%d leases in the file, want %d", n, 2*exchanges)
	}
	wire.wellFormed(answers4)
	s.stop()
}

// The same for addresses and prefixes of DHCPv6.
func TestEndToEndPerfdhcp6(t *testing.T) {
	if isolate(t, "perfdhcp", "tshark") {
		return
	}
	bridge(t, "lan", "2001:db8:1::1/64")
	wire := record(t, "lan")
	s := serve(t, "kea-dhcp6", configLoad6)
	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC)
	perfdhcp(h, "-6", "-l", "eth0", "-e", "address-and-prefix")
	if n := held(s.rows()); n != 2*exchanges {
		t.Errorf("%d leases in the file, want %d", n, 2*exchanges)
	}
	wire.wellFormed(answers6)
	s.stop()
}

var perfdhcpNow = regexp.MustCompile(`^sent: \d+/\d+; received: \d+/(\d+); drops: (\d+)/(\d+); rejected: 0/0$`)

// perfdhcp has so many clients ask, one after the other and again, until each of
// them has been answered several times, and ends. It sends nothing twice: where
// a datagram was lost, it counts anew.
func perfdhcp(h *host, args ...string) {
	h.t.Helper()
	// When it ends by itself depends on the speed of the server: it does not.
	const pid = "/run/perfdhcp.pid"
	p := h.start(append([]string{"sh", "-c", `echo $$ >` + pid + `; exec perfdhcp "$@"`, "perfdhcp",
		"-t", "1", "-r", "100", "-R", strconv.Itoa(exchanges), "-d", "600"}, args...)...)
	since, lost := 0, 0
	p.AwaitLine("that every client was answered", func(line string) bool {
		m := perfdhcpNow.FindStringSubmatch(line)
		if m == nil {
			return false
		}
		number := func(i int) int { return testnet.Must1(strconv.Atoi(m[i]))(h.t) }
		if n := number(2) + number(3); n > lost {
			since, lost = number(1), n
		}
		return number(1)-since >= 3*exchanges
	})
	h.run("sh", "-c", "kill -INT $(cat "+pid+")")
	p.Wait()
}

func held(rows map[string]row) (n int) {
	for _, r := range rows {
		if r.held() {
			n++
		}
	}
	return n
}

// loadClients starts the load generator on a host: clients one after the other,
// none of which asks twice.
func loadClients(h *host, version, first, count int) *testnet.Process {
	args := []string{testnet.Program(h.t), "bench", "--interface", "eth0", "--first-client", strconv.Itoa(first),
		"-n", strconv.Itoa(count), "--window", "32", "--timeout", "1s"}
	if version == 6 {
		args = append(args, "-6")
	}
	return h.start(args...)
}
