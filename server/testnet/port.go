package testnet

import (
	"fmt"
	"net"
	"os"
	"testing"
)

// Ports returns ports of loopback that nobody has, TCP or UDP, and that nobody
// gets until the test ends: the kernel gives out others, and other tests that
// ask here get others.
func Ports(t testing.TB, n int) (ports []int) {
	t.Helper()
	const first = 10_000
	end := 32_768
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if fmt.Sscan(string(text), &end); end < first+1000 {
			end = 1 << 16
		}
	}
	// Not all begin at the same one; which it is does not matter.
	for i := range end - first {
		if len(ports) == n {
			return ports
		}
		port := first + (os.Getpid()*100+i)%(end-first)
		if claim, ok := claimPort(port); ok {
			t.Cleanup(func() { claim.Close() })
			ports = append(ports, port)
		}
	}
	t.Fatalf("loopback has no %d free ports", n)
	return nil
}

// claimPort keeps other tests from a port that is free. The kernel forgets the
// claim with the process.
func claimPort(port int) (claim net.Listener, ok bool) {
	claim, err := net.Listen("unix", fmt.Sprintf("@leasehold-test-port-%d", port))
	if err != nil {
		return nil, false
	}
	address := fmt.Sprintf(":%d", port)
	if tcp, err := net.Listen("tcp", address); err == nil {
		tcp.Close()
		if udp, err := net.ListenPacket("udp", address); err == nil {
			udp.Close()
			return claim, true
		}
	}
	claim.Close()
	return nil, false
}
