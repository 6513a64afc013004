package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// configLoad4 has room for many clients, on the link and behind a relay agent.
const configLoad4 = `{ "Dhcp4": {
	"interfaces-config": { "interfaces": [ "lan" ] },
	"lease-database": { "type": "memfile", "name": "%LEASES%", "lfc-interval": 0 },
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
	"valid-lifetime": 3600,
	"subnet6": [
		{ "id": 1, "subnet": "2001:db8:1::/64", "interface": "lan",
		  "pools": [ { "pool": "2001:db8:1::1:0/112" } ],
		  "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56 } ] },
		{ "id": 2, "subnet": "2001:db8:2::/64", "pools": [ { "pool": "2001:db8:2::10 - 2001:db8:2::99" } ],
		  "option-data": [ { "name": "dns-servers", "data": "2001:db8::53" } ] }
	]
} }`

// exchanges is what perfdhcp has in flight at most: what fits the receive
// buffers of sockets, however long a loaded machine lets nobody read them.
const exchanges = 100

// ISC's load generator gets every exchange completed, on the link and relayed.
func TestEndToEndPerfdhcp(t *testing.T) {
	if isolate(t, "perfdhcp", "tshark") {
		return
	}
	bridge(t, "lan", "10.0.0.1/16")
	wire := record(t, "lan")
	s := serve(t, "kea-dhcp4", configLoad4)
	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	clients := perfdhcp(h, "-4", "-l", "eth0", "-b", "mac=00:0c:01:00:00:01")
	clients += perfdhcp(h, "-4", "-l", "10.0.0.2", "-b", "mac=00:0c:02:00:00:01", "10.0.0.1")
	if n := held(s.rows()); n != clients {
		t.Errorf("%d leases in the file, want %d", n, clients)
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
	clients := perfdhcp(h, "-6", "-l", "eth0", "-e", "address-and-prefix")
	if n := held(s.rows()); n != 2*clients {
		t.Errorf("%d leases in the file, want %d", n, 2*clients)
	}
	wire.wellFormed(answers6)
	s.stop()
}

var (
	perfdhcpNow   = regexp.MustCompile(`^sent: (\d+)/(\d+); received: (\d+)/(\d+); drops: 0/0; rejected: 0/0$`)
	perfdhcpCount = regexp.MustCompile(`sent packets: (\d+)\nreceived packets: (\d+)\ndrops: (\d+)`)
)

// perfdhcp runs exchanges, or a few more on a busy machine, each of another
// client, waits until all have been answered, and returns how many there were.
func perfdhcp(h *host, args ...string) int {
	h.t.Helper()
	n := strconv.Itoa(exchanges)
	// It would wait to the end of -W; it is interrupted when it has everything.
	const pid = "/run/perfdhcp.pid"
	p := h.start(append([]string{"sh", "-c", `echo $$ >` + pid + `; exec perfdhcp "$@"`, "perfdhcp",
		"-t", "1", "-r", "100", "-n", n, "-R", n, "-W", "600000000", "-d", "600"}, args...)...)
	p.awaitLine("that every exchange was answered", func(line string) bool {
		m := perfdhcpNow.FindStringSubmatch(line)
		if m == nil {
			return false
		}
		sent, err := strconv.Atoi(m[1])
		must(h.t, err)
		return sent >= exchanges && m[2] == m[1] && m[3] == m[1] && m[4] == m[1]
	})
	h.run("sh", "-c", "kill -INT $(cat "+pid+")")
	p.wait()
	out := p.all()
	phases := perfdhcpCount.FindAllStringSubmatch(out, -1)
	sent := 0
	for _, m := range phases {
		if m[2] != m[1] || m[3] != "0" {
			h.t.Errorf("perfdhcp: %s\n%s", m[0], out)
		}
		sent, _ = strconv.Atoi(m[1])
	}
	if len(phases) != 2 {
		h.t.Errorf("perfdhcp counts no two messages:\n%s", out)
	}
	return sent
}

func held(rows map[string]row) (n int) {
	for _, r := range rows {
		if r.held() {
			n++
		}
	}
	return n
}

// acks counts the addresses that were acknowledged on an interface, and to
// whom.
type acks struct {
	conn *packet.Conn
	done chan struct{}

	mu    sync.Mutex
	to    map[string]string // hardware address by address
	limit int
	full  chan struct{} // closed when there are limit of them
}

func countAcks(t *testing.T, name string) *acks {
	t.Helper()
	ifi := must1(net.InterfaceByName(name))(t)
	a := &acks{done: make(chan struct{}), to: map[string]string{}}
	a.conn = must1(packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil))(t)
	must(t, setReceiveBuffer(a.conn))
	go a.read()
	t.Cleanup(func() { a.conn.Close(); <-a.done })
	return a
}

// setReceiveBuffer makes room for what comes while the test does not run.
func setReceiveBuffer(c *packet.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
		if failed != nil {
			failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<20)
		}
	})
	if err == nil {
		err = failed
	}
	return err
}

func (a *acks) read() {
	defer close(a.done)
	buf := make([]byte, 2048)
	for {
		n, _, err := a.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		const payload = 14 + 20 + 8
		if n < payload || buf[12] != 8 || buf[13] != 0 || buf[23] != unix.IPPROTO_UDP || buf[35] != 67 {
			continue
		}
		d, err := dhcpv4.FromBytes(buf[payload:n])
		if err != nil || d.MessageType() != dhcpv4.MessageTypeAck {
			continue
		}
		a.mu.Lock()
		a.to[d.YourIPAddr.String()] = d.ClientHWAddr.String()
		if a.full != nil && len(a.to) >= a.limit {
			close(a.full)
			a.full = nil
		}
		a.mu.Unlock()
	}
}

// more waits for n further acknowledged addresses.
func (a *acks) more(t *testing.T, n int) {
	t.Helper()
	full := make(chan struct{})
	a.mu.Lock()
	a.limit, a.full = len(a.to)+n, full
	have := len(a.to)
	a.mu.Unlock()
	select {
	case <-full:
	case <-time.After(patience):
		t.Fatalf("no %d acknowledgements after %d", n, have)
	}
}

// stored fails the test if the lease file does not have what was acknowledged,
// and returns how many were.
func (a *acks) stored(t *testing.T, s *server) int {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	rows := s.rows()
	lost := 0
	for addr, hw := range a.to {
		if r := rows[addr]; !r.held() || r["hwaddr"] != hw {
			if lost++; lost < 5 {
				t.Errorf("%s was acknowledged to %s; the lease file says %v", addr, hw, r)
			}
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged leases are not in the lease file", lost, len(a.to))
	}
	return len(a.to)
}

// loadClients starts the load generator on a host: clients without end.
func loadClients(h *host, first, count int) *process {
	return h.start(program(h.t), "bench", "--interface", "eth0", "--first-client", strconv.Itoa(first),
		"-n", strconv.Itoa(count), "--window", "32", "--timeout", "300ms")
}

// A server that is killed in the middle of its work has every lease that it
// acknowledged in its file, and goes on from there.
func TestEndToEndKill(t *testing.T) {
	if isolate(t) {
		return
	}
	bridge(t, "lan", "10.0.0.1/16")
	acked := countAcks(t, "lan")
	s := serve(t, "leasehold", configLoad4)
	for round := range 5 {
		h := newHost(t, fmt.Sprintf("load%d", round))
		h.plug("eth0", "lan", net.HardwareAddr{2, 0, 0, 0, 1, byte(round)}, "10.0.0.2/16")
		loadClients(h, 1_000_000*(round+1), 100_000)
		acked.more(t, 200+rand.IntN(200))
		s.signal(syscall.SIGKILL)
		s.wait()
		h.shutDown()
		acked.stored(t, s)
		s.start()
	}
	s.stop()
	t.Logf("%d leases were acknowledged in 5 lives", acked.stored(t, s))
}

// When the disk is full nothing is acknowledged that is not stored; when there
// is room again, clients are served again.
func TestEndToEndFullDisk(t *testing.T) {
	if isolate(t) {
		return
	}
	bridge(t, "lan", "10.0.0.1/16")
	acked := countAcks(t, "lan")
	disk := t.TempDir()
	must(t, unix.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"))
	t.Cleanup(func() { unix.Unmount(disk, unix.MNT_DETACH) })
	text := strings.ReplaceAll(configLoad4, "%LEASES%", filepath.Join(disk, "leases.csv"))
	s := serve(t, "leasehold", text)
	s.leases = filepath.Join(disk, "leases.csv")

	h := newHost(t, "load")
	h.plug("eth0", "lan", clientMAC, "10.0.0.2/16")
	const clients = 1500 // some 65 bytes each
	load := loadClients(h, 1, clients)
	s.await("LEASEHOLD_LEASE_STORE_FAIL")
	load.wait()
	full := acked.stored(t, s)
	if full == 0 || full >= clients {
		t.Errorf("%d clients were acknowledged on a disk of 64 KiB", full)
	}

	must(t, unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=4m"))
	load = loadClients(h, 10_000, 200)
	s.await("LEASEHOLD_LEASE_STORE_RECOVERED")
	if code := load.wait(); code != 0 {
		t.Errorf("load generator: exit code %d", code)
	}
	if got := acked.stored(t, s); got < full+100 {
		t.Errorf("%d clients were acknowledged with room on the disk, %d without", got, full)
	}
	s.stop()
	s.start() // the file can be read
	s.stop()
}
