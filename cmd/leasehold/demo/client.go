package demo

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
)

// client is a DHCPv4 client with an interface of its own.
type client struct {
	stage *stage
	name  string
	mac   net.HardwareAddr

	conn    *nclient4.Client
	lease   *nclient4.Lease // nil: none
	renewed int             // how often lease was
}

// connect plugs the client's interface into the wire. The client asks again so
// often if nobody answers within a second.
func (c *client) connect(again int) error {
	if err := c.stage.plug(c.name, c.mac, 0); err != nil {
		return err
	}
	var err error
	if c.conn, err = nclient4.New(c.name, nclient4.WithTimeout(time.Second), nclient4.WithRetry(again)); err != nil {
		return fmt.Errorf("open the interface of %s: %w", c.name, err)
	}
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
	}
}

// next does what a client does next: get a lease, renew it twice, release it.
func (c *client) next(ctx context.Context) error {
	switch {
	case c.lease == nil:
		return c.obtain(ctx)
	case c.renewed < 2:
		return c.renew(ctx)
	default:
		return c.release(ctx)
	}
}

// obtain gets a lease: DISCOVER, OFFER, REQUEST, ACK.
func (c *client) obtain(ctx context.Context) error {
	named := dhcpv4.WithOption(dhcpv4.OptHostName(c.name))
	offer, err := c.conn.DiscoverOffer(ctx, named)
	if err != nil {
		return fmt.Errorf("DISCOVER: %w", err)
	}
	c.stage.say(c.name, "DISCOVER             → OFFER %s by %s", offer.YourIPAddr, offer.ServerIdentifier())
	if c.lease, err = c.conn.RequestFromOffer(ctx, offer, named); err != nil {
		return fmt.Errorf("REQUEST %s: %w", offer.YourIPAddr, err)
	}
	c.renewed = 0
	a := c.lease.ACK
	c.stage.say(c.name, "REQUEST %-12s → ACK for %v, router %s, DNS %s, domain %s", a.YourIPAddr,
		a.IPAddressLeaseTime(0), a.Router(), a.DNS(), a.DomainName())
	return nil
}

// renew keeps the lease. An address that the server no longer grants is given
// up.
func (c *client) renew(ctx context.Context) error {
	addr := c.lease.ACK.YourIPAddr
	lease, err := c.conn.Renew(ctx, c.lease)
	if err != nil {
		c.lease = nil
		return fmt.Errorf("renew %s: %w", addr, err)
	}
	c.lease = lease
	c.renewed++
	c.stage.say(c.name, "RENEW   %-12s → ACK for %v", addr, lease.ACK.IPAddressLeaseTime(0))
	return nil
}

// release gives the lease back. Nobody answers.
func (c *client) release(context.Context) error {
	addr := c.lease.ACK.YourIPAddr
	if err := c.conn.Release(c.lease); err != nil {
		return fmt.Errorf("release %s: %w", addr, err)
	}
	c.lease = nil
	c.stage.say(c.name, "RELEASE %s", addr)
	return nil
}
