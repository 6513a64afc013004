package engine

import (
	"net/netip"

	"leasehold/server/wire"
)

// Ports of DHCPv4, RFC 2131 §4.1.
const (
	serverPort4 = 67
	clientPort4 = 68
)

var broadcast4 = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// address4 decides where a response goes, RFC 2131 §4.1 with Kea's order.
func (e *Engine) address4(q *Query, typ byte) {
	m, a := &q.M4, &q.Arrival
	d := wire.Departure{Iface: a.Iface, Src: netip.AddrPortFrom(a.Local, e.ports.server)}
	to := func(addr netip.Addr, port uint16) { d.Dst = netip.AddrPortFrom(addr, port) }
	client, relay := e.ports.client, e.ports.server
	gi, ci := m.GIAddr(), m.CIAddr()
	inform := m.Type == wire.Inform4
	switch {
	case inform && !ci.IsUnspecified():
		to(ci, client)
		e.unrelay(q)
	case inform && !gi.IsUnspecified():
		to(gi, relayPort(q, relay))
		q.W4.SetBroadcast(true)
	case inform:
		to(a.Src.Addr(), client)
		e.unrelay(q)
	case !gi.IsUnspecified():
		to(gi, relayPort(q, relay))
	case !ci.IsUnspecified():
		to(ci, client)
	case typ == wire.Nak4:
		to(broadcast4, client)
	case q.lease.Addr.IsValid() && (m.Broadcast() || !a.Link):
		to(broadcast4, client)
	case q.lease.Addr.IsValid():
		to(q.lease.Addr, client)
		d.Frame = true
		copy(d.HWDst[:], m.CHAddr())
	default:
		to(a.Src.Addr(), client)
	}
	// What came as a frame is answered to where the frame came from, without
	// routing or ARP, as Kea's raw socket does.
	if a.Link && !d.Frame && d.Dst.Addr() != broadcast4 {
		d.Frame, d.HWDst = true, a.HWSrc
	}
	if e.toSource {
		d.Dst, d.Frame = a.Src, false
	}
	if e.cfg.Interfaces.UseRouting && e.cfg.Interfaces.UDP && !gi.IsUnspecified() {
		d.Iface, d.Src = nil, netip.AddrPortFrom(netip.Addr{}, e.ports.server)
	}
	q.Departure = d
}

// unrelay takes the relay's marks off an answer that goes past the relay.
func (e *Engine) unrelay(q *Query) {
	if !q.M4.GIAddr().IsUnspecified() {
		q.W4.SetHops(0)
		q.W4.SetGIAddr(netip.Addr{})
		q.W4.Remove(wire.OptAgentOptions)
	}
}

// relayPort is where the relay listens: RFC 8357 sub-option 19 asks for the
// port that it sent from.
func relayPort(q *Query, normal uint16) uint16 {
	if _, ok := q.M4.AgentOption(wire.RAIRelayPort); ok {
		return q.Arrival.Src.Port()
	}
	return normal
}
