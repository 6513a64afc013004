package e2e

import (
	"strings"
	"testing"
)

// TestEndToEndPingCheck: somebody who does not ask uses the first address and
// answers pings. The client, which would not notice, is not offered it.
func TestEndToEndPingCheck(t *testing.T) {
	if isolate(t, "udhcpc") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24")
	s := serve(t, "leasehold", strings.Replace(config4, `"cache-threshold"`,
		`"hooks-libraries": [ { "library": "libdhcp_ping_check.so", "parameters": { "reply-timeout": 1000 } } ], "cache-threshold"`, 1))
	squatter := newHost(t, "squatter")
	squatter.plug("eth0", "lan", squatterMAC, squatted+"/24")

	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	script := newScript(t, "udhcpc", configureAddress)
	h.start("udhcpc", "-f", "-t", "20", "-T", "2", "-i", "eth0", "-s", script.path)
	s.Await("DHCP4_SERVER_INITIATED_DECLINE")
	script.await("bound").check(t, map[string]string{"ip": free})
	s.awaitRow(squatted, "declined", row.declined)
	s.awaitRow(free, "given", row.held)
	s.stop()
}
