package bench

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	xid4    = 4 // offsets of header fields and options, RFC 2131 §2
	ciaddr4 = 12
	yiaddr4 = 16
	giaddr4 = 24
	chaddr4 = 28
	option4 = 240
)

type codec4 struct {
	giaddr   netip.Addr // zero: direct
	discover template
	servers  map[[4]byte]*server
}

func newCodec4(giaddr netip.Addr) (*codec4, error) {
	c := &codec4{giaddr: giaddr, servers: map[[4]byte]*server{}}
	t, err := c.template(dhcpv4.MessageTypeDiscover)
	c.discover = t
	return c, err
}

func (c *codec4) template(typ dhcpv4.MessageType, mods ...dhcpv4.Modifier) (template, error) {
	mods = append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(typ),
		dhcpv4.WithHwAddr(markMAC),
		dhcpv4.WithRequestedOptions(dhcpv4.OptionSubnetMask, dhcpv4.OptionRouter, dhcpv4.OptionDomainNameServer,
			dhcpv4.OptionDomainName, dhcpv4.OptionBroadcastAddress),
	}, mods...)
	if c.giaddr.IsValid() {
		mods = append(mods, dhcpv4.WithRelay(c.giaddr.AsSlice()))
	} else {
		// The clients share one link-layer address: only a broadcast reaches them all.
		mods = append(mods, dhcpv4.WithBroadcast(true))
	}
	d, err := dhcpv4.New(mods...)
	if err != nil {
		return template{}, fmt.Errorf("build %s: %w", typ, err)
	}
	b := d.ToBytes()
	t := template{bytes: b, xid: xid4, macs: []int{chaddr4}}
	if !d.ClientIPAddr.IsUnspecified() {
		t.addrs = append(t.addrs, ciaddr4)
	}
	options4(b, func(code byte, at int, _ []byte) {
		if code == dhcpv4.OptionRequestedIPAddress.Code() {
			t.addrs = append(t.addrs, at)
		}
	})
	return t, nil
}

// server makes the templates of the server with identifier id.
func (c *codec4) server(id [4]byte) *server {
	if s := c.servers[id]; s != nil {
		return s
	}
	s := &server{}
	placeholder := dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(markAddr[:4]))
	var err error
	s.templates[second], err = c.template(dhcpv4.MessageTypeRequest, placeholder,
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(id[:])))
	if err == nil {
		if c.giaddr.IsValid() {
			placeholder = dhcpv4.WithClientIP(markAddr[:4])
		}
		s.templates[renew], err = c.template(dhcpv4.MessageTypeRequest, placeholder)
	}
	if err != nil {
		return nil
	}
	c.servers[id] = s
	return s
}

func (c *codec4) xidMask() uint32 { return 0xffffffff }

func (c *codec4) query(buf []byte, s step, xid uint32, cl *client) []byte {
	t := &c.discover
	if s != first {
		t = &cl.server.templates[s]
	}
	start := len(buf)
	buf = t.appendTo(buf, cl, 4)
	binary.BigEndian.PutUint32(buf[start+xid4:], xid)
	return buf
}

func (c *codec4) response(b []byte, cl *client) (xid uint32, a answer, ok bool) {
	if len(b) < option4 || b[0] != byte(dhcpv4.OpcodeBootReply) {
		return 0, other, false
	}
	var typ dhcpv4.MessageType
	var id []byte
	options4(b, func(code byte, at int, value []byte) {
		switch code {
		case dhcpv4.OptionDHCPMessageType.Code():
			if len(value) == 1 {
				typ = dhcpv4.MessageType(value[0])
			}
		case dhcpv4.OptionServerIdentifier.Code():
			id = value
		}
	})
	switch {
	case typ == dhcpv4.MessageTypeNak:
		a = refused
	case typ == dhcpv4.MessageTypeOffer && len(id) == 4:
		a = offered
	case typ == dhcpv4.MessageTypeAck && len(id) == 4:
		a = granted
	}
	if a == offered || a == granted {
		copy(cl.addr[:4], b[yiaddr4:])
		if cl.server = c.server([4]byte(id)); cl.server == nil {
			a = other
		}
	}
	return binary.BigEndian.Uint32(b[xid4:]), a, true
}

// options4 calls f for each option of a message, with the offset of its value.
func options4(b []byte, f func(code byte, at int, value []byte)) {
	for p := option4; p < len(b) && b[p] != 255; {
		if b[p] == 0 {
			p++
			continue
		}
		if p+2 > len(b) || p+2+int(b[p+1]) > len(b) {
			return
		}
		n := int(b[p+1])
		f(b[p], p+2, b[p+2:p+2+n])
		p += 2 + n
	}
}
