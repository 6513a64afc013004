package listen

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/config"
	"leasehold/server/testnet"
)

// inNamespace runs the calling test again in a network namespace of its own and
// reports false there; in the first process it reports true and the test is
// over.
func inNamespace(t testing.TB) bool {
	t.Helper()
	if testnet.Inside(t) {
		return false
	}
	testnet.Again(t, 0)
	return true
}

var (
	serverMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	clientMAC = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// veth makes a pair of interfaces, name and name + "p" (the client's end), up
// and with addrs on the server's end.
func veth(t testing.TB, name string, addrs ...string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.HardwareAddr = serverMAC
	testnet.Must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name + "p", PeerHardwareAddr: clientMAC}))
	up(t, name)
	up(t, name+"p")
	testnet.AwaitUp(t, name, name+"p")
	for _, a := range addrs {
		addAddr(t, name, a)
	}
}

func linkOf(t testing.TB, name string) netlink.Link {
	t.Helper()
	return testnet.Must1(netlink.LinkByName(name))(t)
}

func up(t testing.TB, name string) {
	t.Helper()
	testnet.Must(t, netlink.LinkSetUp(linkOf(t, name)))
}

func addAddr(t testing.TB, name, addr string) {
	t.Helper()
	a := testnet.Must1(netlink.ParseAddr(addr))(t)
	a.Flags |= unix.IFA_F_NODAD
	testnet.Must(t, netlink.AddrAdd(linkOf(t, name), a))
	if a.IP.To4() == nil {
		testnet.AwaitOwn(t, name, a.IP)
	}
}

// cable is the client's end of a link: it sends and sees whole frames.
type cable struct {
	t    testing.TB
	conn *packet.Conn
	ifi  *net.Interface
}

func plug(t testing.TB, name string) *cable {
	t.Helper()
	ifi := testnet.Must1(net.InterfaceByName(name))(t)
	conn := testnet.Must1(packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil))(t)
	t.Cleanup(func() { conn.Close() })
	return &cable{t, conn, ifi}
}

// send puts an IPv4 UDP datagram on the wire; tag is written between the
// addresses and the type (a VLAN tag).
func (c *cable) send(dstMAC net.HardwareAddr, tag []byte, src, dst netip.AddrPort, payload []byte) {
	c.t.Helper()
	var h [headerLen]byte
	putHeaders(&h, src, dst, payload)
	c.tagged(dstMAC, tag, append(h[:], payload...))
}

// frame puts an IPv4 packet on the wire.
func (c *cable) frame(dstMAC net.HardwareAddr, p []byte) {
	c.t.Helper()
	c.tagged(dstMAC, nil, p)
}

func (c *cable) tagged(dstMAC net.HardwareAddr, tag, p []byte) {
	c.t.Helper()
	f := append(append([]byte(dstMAC), clientMAC...), tag...)
	f = append(append(f, 0x08, 0x00), p...)
	if _, err := c.conn.WriteTo(f, &packet.Addr{HardwareAddr: dstMAC}); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next frame from the server that holds IPv4 UDP from port 67.
func (c *cable) next() []byte {
	c.t.Helper()
	buf := make([]byte, 2048)
	testnet.Must(c.t, c.conn.SetReadDeadline(time.Now().Add(testnet.Patience)))
	for {
		n, _, err := c.conn.ReadFrom(buf)
		if err != nil {
			c.t.Fatal(err)
		}
		f := buf[:n]
		if n > 42 && f[6] == 2 && f[11] == 1 && f[12] == 8 && f[13] == 0 && f[23] == protoUDP && f[35] == 67 {
			return f
		}
	}
}

// listener is a Set under test; what it receives and reports comes in channels.
type listener struct {
	*Set
	t       testing.TB
	got     chan Datagram
	changes chan Change
	failed  chan error
}

func listenOn(t testing.TB, f Family, spec config.InterfacesConfig) *listener {
	t.Helper()
	return listenKept(t, f, spec, nil)
}

// listenKept has its sockets kept.
func listenKept(t testing.TB, f Family, spec config.InterfacesConfig, keeper Keeper) *listener {
	t.Helper()
	l := &listener{t: t, got: make(chan Datagram, 64), changes: make(chan Change, 64), failed: make(chan error, 64)}
	l.Set = New(Options{
		Family:  f,
		Keeper:  keeper,
		Serve:   l.serve,
		Changed: func(c Change) { l.changes <- c },
		Failed:  func(_ *Outgoing, err error) { l.failed <- err },
	})
	t.Cleanup(l.Close)
	testnet.Must(t, l.Apply(&spec))
	return l
}

func (l *listener) serve(s *Socket) {
	batch := NewBatch(8, Size4)
	for {
		n, err := s.Receive(batch)
		if err != nil {
			return
		}
		for _, d := range batch[:n] {
			l.got <- Datagram{Data: append([]byte(nil), d.Data...), Arrival: d.Arrival}
		}
	}
}

func (l *listener) next() Datagram {
	l.t.Helper()
	select {
	case d := <-l.got:
		return d
	case <-time.After(testnet.Patience):
		l.t.Fatal("nothing was received")
	}
	panic("unreachable")
}

// until waits for a change after which ok holds.
func (l *listener) until(what string, ok func(Change) bool) {
	l.t.Helper()
	limit := time.After(testnet.Patience)
	for {
		select {
		case c := <-l.changes:
			l.t.Logf("change: +%v -%v problems %v, %s", c.Opened, c.Closed, c.Problems, c.Status.State)
			if ok(c) {
				return
			}
		case <-limit:
			l.t.Fatalf("no change brought: %s", what)
		}
	}
}

func specOf(udp bool, entries ...string) config.InterfacesConfig {
	spec := config.InterfacesConfig{UDP: udp}
	for _, e := range entries {
		if e == "*" {
			spec.All = true
			continue
		}
		name, addr, _ := cutLast(e)
		s := config.InterfaceSpec{Name: name}
		if addr != "" {
			s.Addr = netip.MustParseAddr(addr)
		}
		spec.Interfaces = append(spec.Interfaces, s)
	}
	return spec
}

func cutLast(s string) (before, after string, found bool) {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '/' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}
