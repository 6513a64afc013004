package e2e

import (
	"maps"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// acks are the leases that a server granted on an interface, and to whom.
type acks struct {
	ifi     *net.Interface
	conn    *packet.Conn
	granted func(frame []byte, to map[string]string)
	holder  string // the column of the lease file with the holder
	done    chan struct{}
	marks   *marks

	mu    sync.Mutex
	to    map[string]string // holder by address or prefix
	limit int
	full  chan struct{} // closed when there are limit of them
}

func countAcks(t *testing.T, name string, version int) *acks {
	t.Helper()
	ifi := testnet.Must1(net.InterfaceByName(name))(t)
	a := &acks{ifi: ifi, done: make(chan struct{}), marks: newMarks(), to: map[string]string{}, granted: granted4, holder: "hwaddr"}
	if version == 6 {
		a.granted, a.holder = granted6, "duid"
	}
	a.conn = testnet.Must1(packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil))(t)
	testnet.Must(t, setReceiveBuffer(a.conn))
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
		if a.marks.take(buf[:n]) {
			continue
		}
		a.mu.Lock()
		a.granted(buf[:n], a.to)
		if a.full != nil && len(a.to) >= a.limit {
			close(a.full)
			a.full = nil
		}
		a.mu.Unlock()
	}
}

// granted4 notes what the frame of a DHCPACK grants.
func granted4(frame []byte, to map[string]string) {
	const payload = 14 + 20 + 8
	if len(frame) < payload || frame[12] != 8 || frame[13] != 0 || frame[23] != unix.IPPROTO_UDP || frame[35] != 67 {
		return
	}
	d, err := dhcpv4.FromBytes(frame[payload:])
	if err == nil && d.MessageType() == dhcpv4.MessageTypeAck {
		to[d.YourIPAddr.String()] = d.ClientHWAddr.String()
	}
}

// granted6 notes what the frame of a Reply grants.
func granted6(frame []byte, to map[string]string) {
	const payload = 14 + 40 + 8
	if len(frame) < payload || frame[12] != 0x86 || frame[13] != 0xdd || frame[20] != unix.IPPROTO_UDP ||
		int(frame[54])<<8|int(frame[55]) != 547 {
		return
	}
	d, err := dhcpv6.MessageFromBytes(frame[payload:])
	if err != nil || d.Type() != dhcpv6.MessageTypeReply {
		return
	}
	holder := net.HardwareAddr(d.Options.ClientID().ToBytes()).String()
	for _, ia := range d.Options.IANA() {
		for _, x := range ia.Options.Addresses() {
			to[x.IPv6Addr.String()] = holder
		}
	}
	for _, ia := range d.Options.IAPD() {
		for _, x := range ia.Options.Prefixes() {
			to[x.Prefix.IP.String()] = holder
		}
	}
}

// more waits for n further grants.
func (a *acks) more(t *testing.T, n int) {
	t.Helper()
	full := make(chan struct{})
	a.mu.Lock()
	a.limit, a.full = len(a.to)+n, full
	have := len(a.to)
	a.mu.Unlock()
	select {
	case <-full:
	case <-time.After(testnet.Patience):
		t.Fatalf("no %d leases were granted after %d", n, have)
	}
}

// sofar returns what was granted until now.
func (a *acks) sofar(t *testing.T) map[string]string {
	t.Helper()
	a.marks.catchUp(t, a.ifi)
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.to)
}

// kept fails the test if a lease that was granted is not among those that a
// server or file has.
func (a *acks) kept(t *testing.T, granted map[string]string, rows map[string]row) {
	t.Helper()
	lost := 0
	for addr, holder := range granted {
		if r := rows[addr]; !r.held() || r[a.holder] != holder {
			if lost++; lost < 5 {
				t.Errorf("%s was granted to %s; there is %v", addr, holder, r)
			}
		}
	}
	if lost > 0 {
		t.Fatalf("%d of %d leases that were granted are lost", lost, len(granted))
	}
}
