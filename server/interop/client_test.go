package interop

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"leasehold/server/testnet"
)

// retry is how long a client waits before it sends a message again.
const retry = 300 * time.Millisecond

// clients are DHCP clients behind a relay agent that sends to both servers. It
// hears both answer.
type clients struct {
	t      *testing.T
	family int
	conn   *net.UDPConn
	to     []netip.AddrPort
	list   []*client
	serial uint32
	born   int
	bare   bool // DHCPv6: ask for no prefixes

	mu   sync.Mutex
	open map[uint32]*exchange // by transaction
	past []*exchange
}

// exchange is one message and its answers.
type exchange struct {
	what    string
	replies chan reply
	from    map[string]bool // servers that have answered; under clients.mu
}

// reply is one answer.
type reply struct {
	from string
	m4   *dhcpv4.DHCPv4
	m6   *dhcpv6.Message
}

// client is one of them.
type client struct {
	*clients
	mac    net.HardwareAddr
	addr   netip.Addr
	prefix netip.Prefix // DHCPv6; none where clients.bare
	server []byte       // identifier of the server that gave it
	from   string
}

func newClients(t *testing.T, family int) *clients {
	t.Helper()
	c := &clients{t: t, family: family, open: map[uint32]*exchange{}}
	local := netip.MustParseAddrPort("10.77.0.3:67")
	c.to = []netip.AddrPort{netip.MustParseAddrPort("10.77.0.1:67"), netip.MustParseAddrPort("10.77.0.2:67")}
	if family == 6 {
		local = netip.MustParseAddrPort("[2001:db8:1::3]:547")
		c.to = []netip.AddrPort{netip.MustParseAddrPort("[ff02::1:2%lan]:547")}
	}
	c.conn = testnet.Must1(net.ListenUDP("udp", net.UDPAddrFromAddrPort(local)))(t)
	t.Cleanup(func() { c.conn.Close() })
	go c.read()
	return c
}

func (c *clients) read() {
	buf := make([]byte, 4096)
	for {
		n, from, err := c.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		id, r := uint32(0), reply{from: from.Addr().WithZone("").String()}
		if c.family == 4 {
			m, err := dhcpv4.FromBytes(buf[:n])
			if err != nil {
				c.t.Errorf("%s sent what is no DHCPv4: %v", from, err)
				continue
			}
			r.m4, id = m, binary.BigEndian.Uint32(m.TransactionID[:])
			r.from = m.ServerIdentifier().String()
		} else {
			m, err := dhcpv6.FromBytes(append([]byte(nil), buf[:n]...))
			if err == nil {
				r.m6, err = m.GetInnerMessage()
			}
			if err != nil {
				c.t.Errorf("%s sent what is no DHCPv6: %v", from, err)
				continue
			}
			x := r.m6.TransactionID
			id = uint32(x[0])<<16 | uint32(x[1])<<8 | uint32(x[2])
		}
		c.mu.Lock()
		if x := c.open[id]; x != nil {
			x.from[r.from] = true
			select {
			case x.replies <- r:
			default: // more answers than messages: counted above
			}
		}
		c.mu.Unlock()
	}
}

// add makes n more clients, which have no lease yet.
func (c *clients) add(n int) []*client {
	from := len(c.list)
	for range n {
		c.born++
		c.list = append(c.list, &client{clients: c, mac: net.HardwareAddr{2, 0x77, 0, 0, byte(c.born >> 8), byte(c.born)}})
	}
	return c.list[from:]
}

// transact sends what build makes until an answer is wanted. build is told how
// long the client has tried.
func (c *clients) transact(what string, limit time.Duration, build func(id uint32, tried time.Duration) []byte, wanted func(reply) bool) (reply, error) {
	c.mu.Lock()
	c.serial++
	id := c.serial
	x := &exchange{what: what, replies: make(chan reply, 8), from: map[string]bool{}}
	c.open[id] = x
	c.past = append(c.past, x)
	c.mu.Unlock()
	over := time.NewTimer(limit)
	defer over.Stop()
	for begin := time.Now(); ; {
		packet := build(id, time.Since(begin))
		for _, to := range c.to {
			// A server that is down refuses; the other one may not.
			_, _ = c.conn.WriteToUDPAddrPort(packet, to)
		}
		again := time.NewTimer(retry)
		for waiting := true; waiting; {
			select {
			case r := <-x.replies:
				if wanted(r) {
					again.Stop()
					return r, nil
				}
			case <-again.C:
				waiting = false
			case <-over.C:
				again.Stop()
				return reply{}, fmt.Errorf("%s: no answer within %s", what, limit)
			}
		}
	}
}

// answeredTwice returns the messages that both servers have answered since the
// last call of forget.
func (c *clients) answeredTwice() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []string
	for _, x := range c.past {
		if len(x.from) > 1 {
			found = append(found, x.what)
		}
	}
	return found
}

// forget drops what answeredTwice remembers.
func (c *clients) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.past = nil
}

// serve has each of the clients get a lease, side by side.
func (c *clients) serve(list []*client) {
	c.t.Helper()
	c.each(list, "get a lease", (*client).get)
}

// keep has all clients with a lease extend it; the address must stay.
func (c *clients) keep() {
	c.t.Helper()
	c.each(c.list, "keep its lease", (*client).extend)
}

// renewing has all clients extend their leases again and again, until the
// returned function is called; that returns how often they all did.
func (c *clients) renewing() (stop func() int) {
	c.t.Helper()
	list, over, done := c.list, make(chan struct{}), make(chan error, 1)
	rounds := 0
	go func() {
		for {
			if err := together(list, (*client).extend); err != nil {
				done <- err
				return
			}
			rounds++
			select {
			case <-over:
				done <- nil
				return
			default:
			}
		}
	}()
	return func() int {
		c.t.Helper()
		close(over)
		testnet.Must(c.t, <-done)
		return rounds
	}
}

// together has each of the clients do something, side by side.
func together(list []*client, do func(*client) error) error {
	errs := make([]error, len(list))
	var wait sync.WaitGroup
	for i, c := range list {
		wait.Go(func() {
			if err := do(c); err != nil {
				errs[i] = fmt.Errorf("client %s: %w", c.mac, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

func (c *clients) each(list []*client, what string, do func(*client) error) {
	c.t.Helper()
	if err := together(list, do); err != nil {
		c.t.Fatalf("could not %s: %v", what, err)
	}
	holder := map[netip.Addr]*client{}
	for _, cl := range c.list {
		if other := holder[cl.addr]; cl.addr.IsValid() && other != nil {
			c.t.Errorf("clients %s and %s both have %s", cl.mac, other.mac, cl.addr)
		}
		holder[cl.addr] = cl
	}
}

func (c *client) get() error {
	if c.family == 6 {
		return c.get6()
	}
	return c.get4()
}

func (c *client) extend() error {
	if c.family == 6 {
		return c.extend6(dhcpv6.MessageTypeRebind)
	}
	return c.extend4()
}

// release gives the lease back.
func (c *client) release() {
	if c.family == 6 {
		c.extend6(dhcpv6.MessageTypeRelease)
		c.addr = netip.Addr{}
		return
	}
	packet := c.message4(0, 0, dhcpv4.WithMessageType(dhcpv4.MessageTypeRelease), dhcpv4.WithClientIP(c.addr.AsSlice()),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(c.server)))
	for _, to := range c.to {
		_, _ = c.conn.WriteToUDPAddrPort(packet, to)
	}
	c.addr = netip.Addr{}
}

func (c *client) message4(id uint32, tried time.Duration, with ...dhcpv4.Modifier) []byte {
	m := testnet.Must1(dhcpv4.New(with...))(c.t)
	binary.BigEndian.PutUint32(m.TransactionID[:], id)
	m.ClientHWAddr = c.mac
	m.GatewayIPAddr = net.IPv4(10, 77, 0, 3)
	m.HopCount = 1
	m.NumSeconds = uint16(tried / time.Second)
	return m.ToBytes()
}

func (c *client) get4() error {
	offer, err := c.transact("DISCOVER of "+c.mac.String(), testnet.Patience, func(id uint32, tried time.Duration) []byte {
		return c.message4(id, tried, dhcpv4.WithMessageType(dhcpv4.MessageTypeDiscover))
	}, func(r reply) bool { return r.m4.MessageType() == dhcpv4.MessageTypeOffer })
	if err != nil {
		return err
	}
	c.server = offer.m4.ServerIdentifier()
	return c.request4("REQUEST", dhcpv4.WithOption(dhcpv4.OptServerIdentifier(c.server)),
		dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.m4.YourIPAddr)))
}

// extend4 rebinds: any server may answer.
func (c *client) extend4() error {
	was := c.addr
	if err := c.request4("rebinding REQUEST", dhcpv4.WithClientIP(net.IP(was.AsSlice()))); err != nil {
		return err
	}
	if c.addr != was {
		return fmt.Errorf("had %s and got %s", was, c.addr)
	}
	return nil
}

func (c *client) request4(what string, with ...dhcpv4.Modifier) error {
	with = append(with, dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest))
	r, err := c.transact(what+" of "+c.mac.String(), testnet.Patience, func(id uint32, tried time.Duration) []byte {
		return c.message4(id, tried, with...)
	}, func(reply) bool { return true })
	if err != nil {
		return err
	}
	if r.m4.MessageType() != dhcpv4.MessageTypeAck {
		return fmt.Errorf("%s: %s from %s", what, r.m4.MessageType(), r.from)
	}
	c.addr, _ = netip.AddrFromSlice(r.m4.YourIPAddr.To4())
	c.server, c.from = r.m4.ServerIdentifier().To4(), r.from
	return nil
}

func (c *client) message6(id uint32, tried time.Duration, kind dhcpv6.MessageType) []byte {
	m := &dhcpv6.Message{MessageType: kind, TransactionID: dhcpv6.TransactionID{byte(id >> 16), byte(id >> 8), byte(id)}}
	m.AddOption(dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: c.mac}))
	m.AddOption(dhcpv6.OptElapsedTime(tried))
	na := &dhcpv6.OptIANA{IaId: [4]byte{1}}
	pd := &dhcpv6.OptIAPD{IaId: [4]byte{2}}
	if c.addr.IsValid() && kind != dhcpv6.MessageTypeSolicit {
		na.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: c.addr.AsSlice()})
	}
	if c.prefix.IsValid() && kind != dhcpv6.MessageTypeSolicit {
		pd.Options.Add(&dhcpv6.OptIAPrefix{Prefix: &net.IPNet{IP: c.prefix.Addr().AsSlice(), Mask: net.CIDRMask(c.prefix.Bits(), 128)}})
	}
	m.AddOption(na)
	if !c.bare {
		m.AddOption(pd)
	}
	if kind == dhcpv6.MessageTypeRequest || kind == dhcpv6.MessageTypeRelease {
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionServerID, OptionData: c.server})
	}
	relay := &dhcpv6.RelayMessage{MessageType: dhcpv6.MessageTypeRelayForward, LinkAddr: net.ParseIP("2001:db8:1::3"), PeerAddr: net.ParseIP("fe80::77")}
	relay.AddOption(dhcpv6.OptRelayMessage(m))
	return relay.ToBytes()
}

func (c *client) get6() error {
	r, err := c.transact("SOLICIT of "+c.mac.String(), testnet.Patience, func(id uint32, tried time.Duration) []byte {
		return c.message6(id, tried, dhcpv6.MessageTypeSolicit)
	}, func(r reply) bool { return r.m6.MessageType == dhcpv6.MessageTypeAdvertise })
	if err != nil {
		return err
	}
	if err := c.take6(r); err != nil {
		return err
	}
	return c.extend6(dhcpv6.MessageTypeRequest)
}

// extend6 sends a message about the lease that the client has.
func (c *client) extend6(kind dhcpv6.MessageType) error {
	was, prefix := c.addr, c.prefix
	r, err := c.transact(kind.String()+" of "+c.mac.String(), testnet.Patience, func(id uint32, tried time.Duration) []byte {
		return c.message6(id, tried, kind)
	}, func(r reply) bool { return r.m6.MessageType == dhcpv6.MessageTypeReply })
	if err != nil || kind == dhcpv6.MessageTypeRelease {
		return err
	}
	if err := c.take6(r); err != nil {
		return err
	}
	if c.addr != was || c.prefix != prefix {
		return fmt.Errorf("had %s and %s, and got %s and %s", was, prefix, c.addr, c.prefix)
	}
	return nil
}

// take6 takes the lease of an answer.
func (c *client) take6(r reply) error {
	na, pd := r.m6.Options.OneIANA(), r.m6.Options.OneIAPD()
	if na == nil || na.Options.OneAddress() == nil || !c.bare && (pd == nil || len(pd.Options.Prefixes()) != 1) {
		return fmt.Errorf("%s from %s: %s", r.m6.MessageType, r.from, r.m6.Summary())
	}
	c.addr, _ = netip.AddrFromSlice(na.Options.OneAddress().IPv6Addr)
	c.server, c.from = r.m6.GetOneOption(dhcpv6.OptionServerID).ToBytes(), r.from
	if c.bare {
		return nil
	}
	given := pd.Options.Prefixes()[0].Prefix
	base, _ := netip.AddrFromSlice(given.IP)
	bits, _ := given.Mask.Size()
	c.prefix = netip.PrefixFrom(base, bits)
	return nil
}
