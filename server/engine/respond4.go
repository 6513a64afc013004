package engine

import (
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// respond4 builds the OFFER or ACK of q.lease (an invalid address: an answer
// without a lease) and says where it goes.
func (e *Engine) respond4(q *Query, typ byte) {
	w := &q.W4
	w.Start(&q.M4)
	w.AddUint8(wire.OptMessageType, typ)
	granted := q.lease.Addr.IsValid()
	if typ == wire.Ack4 {
		w.SetCIAddr(q.M4.CIAddr())
	}
	if granted {
		w.SetYIAddr(q.lease.Addr)
		e.addTimes(q)
		mask := netip.PrefixFrom(netip.IPv4Unspecified(), q.subnet.Prefix.Bits())
		w.AddAddr(wire.OptSubnetMask, maskOf(mask.Bits()))
	}
	e.addNames4(q)
	if q.subnet != nil {
		e.addOptions4(q)
		e.fixedFields(q)
	}
	e.echo4(q)
	if !w.Has(wire.OptServerID) {
		w.AddAddr(wire.OptServerID, e.serverID4(q))
	}
	e.complete4(q, typ)
}

// nak4 builds a NAK: message type, server identifier, and what is echoed.
func (e *Engine) nak4(q *Query) {
	w := &q.W4
	w.Start(&q.M4)
	w.AddUint8(wire.OptMessageType, wire.Nak4)
	e.echo4(q)
	if q.subnet != nil {
		e.addServerID(q)
	}
	if !w.Has(wire.OptServerID) {
		w.AddAddr(wire.OptServerID, e.serverID4(q))
	}
	q.lease = lease.Lease{}
	e.complete4(q, wire.Nak4)
}

// complete4 lays the response down and addresses it.
func (e *Engine) complete4(q *Query, typ byte) {
	if len(e.cfg.FlexOptions) > 0 {
		e.flexOptions(q)
	}
	e.address4(q, typ)
	pad := 0
	if q.bootp {
		for _, c := range [...]byte{
			wire.OptRequestedAddress, wire.OptLeaseTime, wire.OptMessageType, wire.OptServerID,
			wire.OptParameterList, wire.OptMessage, wire.OptMaxMessageSize, wire.OptRenewalTime, wire.OptRebindingTime,
		} {
			q.W4.Remove(c)
		}
		pad = 300 // RFC 1542 §2.1: the size of a BOOTP message
	}
	q.sent = typ
	q.Response = q.W4.Finish(pad)
}

func maskOf(ones int) netip.Addr {
	return u128{0, uint64(^uint32(0) << (32 - ones) & 0xffffffff)}.addr4()
}

// addTimes adds the lease time, T1 and T2.
func (e *Engine) addTimes(q *Query) {
	valid := q.lease.Valid
	if q.lease.ReuseableValid > 0 {
		valid = q.lease.ReuseableValid
	}
	q.W4.AddUint32(wire.OptLeaseTime, valid)
	t1, t2, ok1, ok2 := teeTimes(&q.subnet.Params, valid)
	if ok1 {
		q.W4.AddUint32(wire.OptRenewalTime, t1)
	}
	if ok2 {
		q.W4.AddUint32(wire.OptRebindingTime, t2)
	}
}

// optionScopes lists where option values come from, in order of precedence: host,
// pool, subnet, shared network, classes in the order of attachment, global.
func (e *Engine) optionScopes(q *Query) []*config.OptionSet {
	s := q.scopes[:0]
	add := func(o *config.OptionSet) {
		if !o.Empty() {
			s = append(s, o)
		}
	}
	if h := q.hosts.current(q.subnet); h != nil {
		add(&h.Options)
	} else if q.subnet == nil && q.hosts.global != nil {
		add(&q.hosts.global.Options)
	}
	if q.pool != nil {
		add(&q.pool.Options)
	}
	for _, p := range q.pools {
		add(&p.Options)
	}
	if q.subnet != nil {
		add(&q.subnet.Options)
		if q.subnet.network != nil {
			add(&q.subnet.network.Options)
		}
	}
	for _, id := range q.classes.order {
		if c := e.class(id); c != nil {
			add(&c.Options)
		}
	}
	add(&e.cfg.Options)
	q.scopes = s
	return s
}

// value returns the first eligible value of a code at the highest scope that
// has one: entries tagged with classes count only for members.
func value(scopes []*config.OptionSet, code uint16, c *classSet) *config.Option {
	for _, s := range scopes {
		list := s.Lookup(code)
		for i := range list {
			if (len(list[i].Classes) == 0 || c.allows(list[i].Classes)) && !list[i].NeverSend {
				return &list[i]
			}
		}
	}
	return nil
}

// codeSet is a set of DHCPv4 option codes.
type codeSet [4]uint64

func (s *codeSet) add(c byte)      { s[c/64] |= 1 << (c % 64) }
func (s *codeSet) remove(c byte)   { s[c/64] &^= 1 << (c % 64) }
func (s *codeSet) has(c byte) bool { return s[c/64]&(1<<(c%64)) != 0 }

// addOptions4 adds the configured options: those requested, those that are
// always sent, and the few that Kea sends unasked.
func (e *Engine) addOptions4(q *Query) {
	scopes := e.optionScopes(q)
	var want codeSet
	prl, _ := q.M4.Option(wire.OptParameterList)
	for _, c := range prl {
		want.add(c)
	}
	for _, s := range scopes {
		for _, c := range s.Always() {
			if c < 255 && value(scopes, c, &q.classes) != nil {
				want.add(byte(c))
			}
		}
	}
	for _, c := range [...]byte{wire.OptRouters, wire.OptDNSServers, wire.OptDomainName, wire.OptServerID} {
		want.add(c)
	}
	for _, s := range scopes {
		for _, c := range s.Never() {
			if c < 255 && e.neverApplies(s, c, &q.classes) {
				want.remove(byte(c))
			}
		}
	}
	for i, bits := range want {
		for ; bits != 0; bits &= bits - 1 {
			code := byte(i*64 + trailing(bits))
			if code == wire.OptVIVendorOptions || code == wire.OptVIVendorClass {
				continue
			}
			if q.W4.Has(code) {
				continue
			}
			if o := value(scopes, uint16(code), &q.classes); o != nil {
				q.W4.Add(code, o.Data)
			}
		}
	}
	e.addVendor4(q, scopes, &want)
}

// neverApplies says whether a never-send mark of a scope holds for the query.
func (e *Engine) neverApplies(s *config.OptionSet, code uint16, c *classSet) bool {
	for _, o := range s.Lookup(code) {
		if o.NeverSend && (len(o.Classes) == 0 || c.allows(o.Classes)) {
			return true
		}
	}
	return false
}

// addServerID adds a configured option 54.
func (e *Engine) addServerID(q *Query) {
	if o := value(e.optionScopes(q), wire.OptServerID, &q.classes); o != nil {
		q.W4.Add(wire.OptServerID, o.Data)
	}
}

// serverID4 is our identifier towards the client.
func (e *Engine) serverID4(q *Query) netip.Addr { return q.Arrival.Local }

// fixedFields sets siaddr, sname and file: the subnet's, overridden by the
// first class that has one, overridden by the reservation.
func (e *Engine) fixedFields(q *Query) {
	p := &q.subnet.Params
	next, sname, file := p.NextServer, p.ServerHostname, p.BootFileName
	var cn netip.Addr
	cs, cf := "", ""
	for _, id := range q.classes.order {
		c := e.class(id)
		if c == nil {
			continue
		}
		if !cn.IsValid() && c.NextServer.IsValid() && !c.NextServer.IsUnspecified() {
			cn = c.NextServer
		}
		if cs == "" {
			cs = c.ServerHostname
		}
		if cf == "" {
			cf = c.BootFileName
		}
	}
	if cn.IsValid() {
		next = cn
	}
	if cs != "" {
		sname = cs
	}
	if cf != "" {
		file = cf
	}
	if h := q.hosts.current(q.subnet); h != nil {
		if h.NextServer.IsValid() && !h.NextServer.IsUnspecified() {
			next = h.NextServer
		}
		if h.ServerHostname != "" {
			sname = h.ServerHostname
		}
		if h.BootFileName != "" {
			file = h.BootFileName
		}
	}
	if next.IsValid() {
		q.W4.SetSIAddr(next)
	}
	if sname != "" {
		q.W4.SetSName(sname)
	}
	if file != "" {
		q.W4.SetFile(file)
	}
}

// echo4 returns what the client and the relay sent along: option 61 (RFC 6842),
// 118 (RFC 3011) and 82 (RFC 3046).
func (e *Engine) echo4(q *Query) {
	m, w := &q.M4, &q.W4
	if id, ok := m.Option(wire.OptClientID); ok && len(id) > 0 && e.cfg.EchoClientID {
		w.Set(wire.OptClientID, id)
	}
	if v, ok := m.Option(wire.OptSubnetSelection); ok && q.subnet != nil {
		w.Set(wire.OptSubnetSelection, v)
	}
	if v, ok := m.Option(wire.OptAgentOptions); ok && !q.stashed {
		if v = wire.SubOptions4(v); len(v) > 0 {
			w.Set(wire.OptAgentOptions, v)
		}
	}
}

// processInform answers DHCPINFORM with the configured options, RFC 2131 §4.3.5.
func (e *Engine) processInform(q *Query) {
	q.lease = lease.Lease{}
	if q.subnet != nil {
		e.nameClient4(q)
		e.additional(q)
	}
	e.respond4(q, wire.Ack4)
}

// countSent counts a response that leaves.
func (e *Engine) countSent(q *Query) {
	if e.version != 4 {
		e.countSent6(q)
		return
	}
	e.stats.count(Pkt4Sent)
	e.logSent(q, message.DHCP4PacketSend, message.DHCP4ResponseData)
	switch q.sent {
	case wire.Offer4:
		e.stats.count(Pkt4OfferSent)
	case wire.Ack4:
		e.stats.count(Pkt4AckSent)
	case wire.Nak4:
		e.stats.count(Pkt4NakSent)
	}
}
