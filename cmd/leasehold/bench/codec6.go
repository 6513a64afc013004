package bench

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

const (
	relayHeader6 = 34 // RFC 9915 §9
	header6      = 4  // RFC 9915 §8
	iaHeader6    = 12 // IAID, T1, T2
	xidMask6     = 0xffffff
)

type codec6 struct {
	link    netip.Addr // zero: direct
	solicit template
	servers map[string]*server
}

func newCodec6(link netip.Addr) (*codec6, error) {
	c := &codec6{link: link, servers: map[string]*server{}}
	t, err := c.template(dhcpv6.MessageTypeSolicit)
	c.solicit = t
	return c, err
}

func (c *codec6) template(typ dhcpv6.MessageType, more ...dhcpv6.Option) (template, error) {
	m, err := dhcpv6.NewMessage(dhcpv6.WithRequestedOptions(dhcpv6.OptionDNSRecursiveNameServer, dhcpv6.OptionDomainSearchList))
	if err != nil {
		return template{}, fmt.Errorf("build %s: %w", typ, err)
	}
	m.MessageType = typ
	m.AddOption(dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: markMAC}))
	m.AddOption(dhcpv6.OptElapsedTime(0))
	ia := &dhcpv6.OptIANA{IaId: [4]byte{0, 0, 0, 1}}
	if typ != dhcpv6.MessageTypeSolicit {
		ia.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: markAddr})
	}
	m.AddOption(ia)
	for _, o := range more {
		m.AddOption(o)
	}
	if !c.link.IsValid() {
		return find6(m.ToBytes(), 1), nil
	}
	peer := append([]byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0}, markMAC...)
	relayed, err := dhcpv6.EncapsulateRelay(m, dhcpv6.MessageTypeRelayForward, c.link.AsSlice(), peer)
	if err != nil {
		return template{}, fmt.Errorf("build %s in Relay-forward: %w", typ, err)
	}
	b := relayed.ToBytes()
	return find6(b, bytes.Index(b, m.ToBytes())+1), nil
}

// find6 makes b a template whose transaction id stands at xid.
func find6(b []byte, xid int) template {
	return template{bytes: b, xid: xid, macs: find(b, markMAC), addrs: find(b, markAddr)}
}

func (c *codec6) server(duid []byte) *server {
	if s := c.servers[string(duid)]; s != nil {
		return s
	}
	id, err := dhcpv6.DUIDFromBytes(duid)
	if err != nil {
		return nil
	}
	s := &server{}
	for step, typ := range map[step]dhcpv6.MessageType{second: dhcpv6.MessageTypeRequest, renew: dhcpv6.MessageTypeRenew} {
		if s.templates[step], err = c.template(typ, dhcpv6.OptServerID(id)); err != nil {
			return nil
		}
	}
	c.servers[string(duid)] = s
	return s
}

func (c *codec6) xidMask() uint32 { return xidMask6 }

func (c *codec6) query(buf []byte, s step, xid uint32, cl *client) []byte {
	t := &c.solicit
	if s != first {
		t = &cl.server.templates[s]
	}
	start := len(buf)
	buf = t.appendTo(buf, cl, 16)
	b := buf[start+t.xid:]
	b[0], b[1], b[2] = byte(xid>>16), byte(xid>>8), byte(xid)
	return buf
}

func (c *codec6) response(b []byte, cl *client) (xid uint32, a answer, ok bool) {
	if c.link.IsValid() {
		if len(b) < relayHeader6 || b[0] != byte(dhcpv6.MessageTypeRelayReply) {
			return 0, other, false
		}
		var inner []byte
		options6(b[relayHeader6:], func(code dhcpv6.OptionCode, value []byte) {
			if code == dhcpv6.OptionRelayMsg {
				inner = value
			}
		})
		b = inner
	}
	if len(b) < header6 {
		return 0, other, false
	}
	var duid, addr []byte
	options6(b[header6:], func(code dhcpv6.OptionCode, value []byte) {
		switch {
		case code == dhcpv6.OptionServerID:
			duid = value
		case code == dhcpv6.OptionIANA && len(value) >= iaHeader6:
			options6(value[iaHeader6:], func(code dhcpv6.OptionCode, value []byte) {
				if code == dhcpv6.OptionIAAddr && len(value) >= 24 {
					addr = value[:16]
				}
			})
		}
	})
	switch typ := dhcpv6.MessageType(b[0]); {
	case typ != dhcpv6.MessageTypeAdvertise && typ != dhcpv6.MessageTypeReply:
	case addr == nil || duid == nil:
		a = refused
	default:
		a = offered
		if typ == dhcpv6.MessageTypeReply {
			a = granted
		}
		copy(cl.addr[:], addr)
		if cl.server = c.server(duid); cl.server == nil {
			a = other
		}
	}
	return binary.BigEndian.Uint32(b) & xidMask6, a, true
}

func options6(b []byte, f func(code dhcpv6.OptionCode, value []byte)) {
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if 4+n > len(b) {
			return
		}
		f(dhcpv6.OptionCode(binary.BigEndian.Uint16(b)), b[4:4+n])
		b = b[4+n:]
	}
}
