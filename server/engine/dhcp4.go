package engine

import (
	"errors"
	"net/netip"

	"leasehold/config"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// Reasons for which a DHCPv4 query gets no answer.
var (
	dropParse       = &Drop{"malformed", Pkt4ParseFailed}
	dropDisabled    = &Drop{"service disabled", Pkt4ServiceDisabled}
	dropType        = &Drop{"no or unknown message type", Pkt4RFCViolation}
	dropInform      = &Drop{"DHCPINFORM without any address", Pkt4RFCViolation}
	dropServerID    = &Drop{"meant for another server", Pkt4NotForUs}
	dropScope       = &Drop{"in the scope of the partner", Pkt4NotForUs}
	dropClass       = &Drop{"class DROP", Pkt4AdminFiltered}
	dropSanity      = &Drop{"violates RFC 2131", Pkt4RFCViolation}
	dropNoSubnet    = &Drop{"no subnet", NoStat}
	dropNoLease     = &Drop{"no address for the client", NoStat}
	dropInitReboot  = &Drop{"unknown client in INIT-REBOOT, not authoritative", NoStat}
	dropUnknownAddr = &Drop{"requested address is in no pool", NoStat}
	dropParked      = &Drop{"too many parked responses", Pkt4QueueFull}
)

// requestState is the client's state as DHCPREQUEST shows it, RFC 2131 §4.3.2.
type requestState uint8

const (
	stateNone requestState = iota
	stateSelecting
	stateInitReboot
	stateRenewing
	stateRebinding
)

// receive4 takes a DHCPv4 query from reception to its response or drop. The
// order of the steps is Kea's.
func (e *Engine) receive4(q *Query) {
	q.q4 = subject4{q: q}
	e.stats.count(Pkt4Received)
	if !e.service.On() {
		e.drop(q, dropDisabled, message.DHCP4PacketDrop0008)
		return
	}
	if q.Bad == nil {
		q.Bad = e.malformed4(&q.M4)
	}
	if q.Bad != nil {
		e.drop(q, dropParse, message.DHCP4PacketDrop0001)
		return
	}
	e.stats.count(received4(q.M4.Type))
	if !e.identify4(q) {
		return
	}
	e.logReceived4(q)
	if e.filterScope(q) {
		return
	}
	if e.cfg.StashAgentOptions {
		e.recoverAgentOptions(q)
	}
	e.classify4(q)
	if !e.accept4(q) {
		return
	}
	if e.cfg.FlexibleID != nil {
		e.identifyFlex(q)
	}
	if q.classes.has(config.ClassDrop) {
		e.drop(q, dropClass, message.DHCP4PacketDrop0010)
		return
	}
	if e.limits != nil && !e.slow(q) {
		return
	}
	if e.cfg.EarlyGlobalReservations && !e.earlyHosts(q, dropClass, message.DHCP4PacketDrop0014) {
		return
	}
	if !e.sane4(q) || !e.locate4(q) {
		return
	}
	e.logClasses(q)
	switch q.M4.Type {
	case wire.Discover4:
		e.processDiscover(q)
	case wire.Request4:
		e.processRequest(q)
		e.commitEvent(q)
	case wire.Inform4:
		e.processInform(q)
	case wire.Release4:
		e.processRelease(q)
		e.commitEvent(q)
		return
	case wire.Decline4:
		e.processDecline(q)
		e.commitEvent(q)
		return
	}
	e.finish(q)
}

func received4(t byte) Stat {
	switch t {
	case wire.Discover4:
		return Pkt4DiscoverReceived
	case wire.Offer4:
		return Pkt4OfferReceived
	case wire.Request4:
		return Pkt4RequestReceived
	case wire.Ack4:
		return Pkt4AckReceived
	case wire.Nak4:
		return Pkt4NakReceived
	case wire.Release4:
		return Pkt4ReleaseReceived
	case wire.Decline4:
		return Pkt4DeclineReceived
	case wire.Inform4:
		return Pkt4InformReceived
	}
	return Pkt4UnknownReceived
}

// identify4 notes who the client is and, for BOOTP, makes the query a REQUEST.
func (e *Engine) identify4(q *Query) bool {
	m := &q.M4
	q.hw = m.CHAddr()
	q.clientID, _ = m.Option(wire.OptClientID)
	if m.Type == 0 && !m.Has(wire.OptMessageType) && e.hooks.bootp {
		q.bootp = true
		q.classes.add(config.ClassBOOTP)
	}
	return true
}

// shortest4 is how long the options that the server reads are at least.
var shortest4 = [...]struct{ code, length byte }{
	{wire.OptRequestedAddress, 4}, {wire.OptLeaseTime, 4}, {wire.OptServerID, 4}, {wire.OptParameterList, 1},
	{wire.OptMaxMessageSize, 2}, {wire.OptClientID, 2}, {wire.OptSubnetSelection, 4},
}

var errShort = errors.New("an option is shorter than it must be")

// malformed4 says why a query cannot be taken seriously although its options
// could be told apart. Kea drops these, too.
func (e *Engine) malformed4(m *wire.Message4) error {
	for _, s := range shortest4 {
		if v, ok := m.Option(s.code); ok && len(v) < int(s.length) {
			return errShort
		}
	}
	if v, ok := m.Option(wire.OptFQDN); ok {
		return malformedFQDN4(v, e.cfg.Compat.LenientOptionParsing)
	}
	return nil
}

// accept4 refuses what is not for this server: unknown types, DHCPINFORM
// without an address, another server's identifier.
func (e *Engine) accept4(q *Query) bool {
	m := &q.M4
	switch m.Type {
	case wire.Discover4, wire.Request4, wire.Decline4, wire.Release4, wire.Inform4:
	case 0:
		if q.bootp {
			m.Type = wire.Request4
			break
		}
		e.drop(q, dropType, message.DHCP4PacketDrop0009)
		return false
	default:
		e.drop(q, dropType, message.DHCP4PacketDrop0005)
		return false
	}
	if m.Type == wire.Inform4 && m.GIAddr().IsUnspecified() && m.CIAddr().IsUnspecified() &&
		q.Arrival.Src.Addr().IsUnspecified() {
		e.drop(q, dropInform, message.DHCP4PacketDrop0002)
		return false
	}
	if !e.ourServerID(q) {
		e.drop(q, dropServerID, message.DHCP4PacketDrop0003)
		return false
	}
	return true
}

// ourServerID says whether option 54 is absent or names this server.
func (e *Engine) ourServerID(q *Query) bool {
	id, ok := q.M4.Addr(wire.OptServerID)
	if !ok || e.cfg.Compat.IgnoreServerID {
		return true
	}
	// RFC 5107 §3: the relay told the client to use the override.
	if v, ok := q.M4.AgentOption(wire.RAIServerIDOverride); ok && len(v) == 4 && id == netip.AddrFrom4([4]byte(v)) {
		return true
	}
	if id == q.Arrival.Local || e.ownAddr(id) || e.serverIDs[id] {
		return true
	}
	for _, c := range q.classes.order {
		if d := e.class(c); d != nil {
			for _, o := range d.Options.Lookup(wire.OptServerID) {
				if len(o.Data) == 4 && id == netip.AddrFrom4([4]byte(o.Data)) {
					return true
				}
			}
		}
	}
	return false
}

// sane4 applies what RFC 2131 demands of a query.
func (e *Engine) sane4(q *Query) bool {
	m := &q.M4
	bad := ""
	switch {
	case m.Type == wire.Discover4 && m.Has(wire.OptServerID):
		bad = "server identifier in DHCPDISCOVER"
	case m.HLen() == 0 && len(q.clientID) == 0:
		bad = "neither hardware address nor client identifier"
	case m.Type == wire.Decline4 && !m.Has(wire.OptRequestedAddress):
		bad = "Mandatory 'Requested IP address' option missing in DHCPDECLINE"
	}
	if bad == "" {
		return true
	}
	e.log(q, message.DHCP4PacketDrop0007, "failed to process packet: %s", bad)
	e.drop(q, dropSanity, nil)
	return false
}

// earlyHosts looks global reservations up before a subnet is selected; false
// if their classes drop the query.
func (e *Engine) earlyHosts(q *Query, d *Drop, m *message.Message) bool {
	q.hosts.global = e.findHost(q, 0)
	if h := q.hosts.global; h != nil {
		q.hosts.known = true
		e.reserveClasses(q, h)
		if q.classes.has(config.ClassDrop) {
			e.drop(q, d, m)
			return false
		}
		e.settleKnown(q, true)
		if q.classes.has(config.ClassDrop) {
			e.drop(q, d, m)
			return false
		}
	}
	return true
}

// locate4 finds the subnet, the reservations and the classes that follow from
// them.
func (e *Engine) locate4(q *Query) bool {
	m := &q.M4
	if m.Type == wire.Discover4 || m.Type == wire.Request4 || m.Type == wire.Inform4 {
		q.subnet = e.select4(q)
		q.selected = q.subnet
		if q.subnet == nil {
			e.log(q, message.DHCP4SubnetSelectionFailed, "no subnet for the query")
		} else if e.on(message.DHCP4SubnetSelected) {
			e.log(q, message.DHCP4SubnetSelected, "subnet with id %d selected", q.subnet.ID)
		}
		if e.filterSubnetScope(q) || e.limits != nil && !e.slowSubnet(q) {
			return false
		}
	}
	if q.subnet != nil {
		e.findHosts(q)
		if h := q.hosts.current(q.subnet); h != nil && (h == q.hosts.global || q.subnet.network == nil) {
			e.reserveClasses(q, h)
		}
	}
	if !q.classes.has(config.ClassKnown) {
		e.settleKnown(q, q.hosts.known)
	}
	if q.classes.has(config.ClassDrop) {
		e.drop(q, dropClass, message.DHCP4PacketDrop0013)
		return false
	}
	return true
}

// processDiscover answers DHCPDISCOVER with an OFFER, or not at all.
func (e *Engine) processDiscover(q *Query) {
	q.offer = true
	if q.subnet == nil {
		e.silence(q, dropNoSubnet, nil)
		e.log(q, message.DHCP4PacketNAK0001, "failed to select a subnet for incoming packet, src %s, type DHCPDISCOVER", q.Arrival.Src.Addr())
		return
	}
	if q.classes.has(config.ClassReject) {
		e.silence(q, dropClass, nil)
		return
	}
	q.hint = hint4(&q.M4)
	e.nameClient4(q)
	if e.v6Only(q) {
		return
	}
	l, ok := e.discover4(q)
	if !ok {
		e.silence(q, dropNoLease, message.DHCP4PacketNAK0003)
		return
	}
	q.lease = l
	e.settleLease4(q)
	e.respond4(q, wire.Offer4)
	if e.on(message.DHCP4LeaseOffer) {
		e.logLease(q, message.DHCP4LeaseOffer, "lease offered: ", q.lease.Addr, -1)
	}
	if e.cfg.PingCheck == nil || !e.probe(q) && q.Response != nil {
		e.persistOffer(q)
	}
}

// processRequest answers DHCPREQUEST with an ACK or a NAK, or not at all.
func (e *Engine) processRequest(q *Query) {
	q.state = requestState4(q)
	q.hint = hint4(&q.M4)
	if q.subnet == nil {
		e.refuseNoSubnet(q)
		return
	}
	if q.classes.has(config.ClassReject) {
		q.refusal = "class REJECT"
		e.nak4(q)
		return
	}
	e.nameClient4(q)
	if e.v6Only(q) {
		return
	}
	if q.state == stateInitReboot && !e.initReboot(q) {
		return
	}
	l, ok := e.request4(q)
	if !ok {
		if q.unknown {
			e.silence(q, dropUnknownAddr, message.DHCP4UnknownAddressRequested)
			return
		}
		if q.refusal == "" {
			q.refusal = refusedTaken
		}
		e.log(q, message.DHCP4PacketNAK0004, "no lease of the requested address for the client, NAK")
		e.nak4(q)
		return
	}
	q.lease = l
	e.settleLease4(q)
	e.grant4(q)
	e.respond4(q, wire.Ack4)
}

// hint4 returns the address that the client asks for: option 50, else ciaddr.
func hint4(m *wire.Message4) netip.Addr {
	a, ok := m.Addr(wire.OptRequestedAddress)
	if !ok {
		a = m.CIAddr()
	}
	if a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// refuseNoSubnet decides between NAK and silence when no subnet was found.
func (e *Engine) refuseNoSubnet(q *Query) {
	switch {
	case q.state == stateRebinding,
		q.state == stateInitReboot && !e.cfg.Params.Authoritative:
		e.silence(q, dropNoSubnet, message.DHCP4NoLeaseInitReboot)
	default:
		q.refusal = dropNoSubnet.Name
		e.log(q, message.DHCP4PacketNAK0001, "failed to select a subnet for incoming packet, src %s, type DHCPREQUEST", q.Arrival.Src.Addr())
		e.nak4(q)
	}
}

func requestState4(q *Query) requestState {
	m := &q.M4
	has54, has50 := m.Has(wire.OptServerID), m.Has(wire.OptRequestedAddress)
	ci := !m.CIAddr().IsUnspecified()
	switch {
	case has54 && has50 && !ci:
		return stateSelecting
	case !has54 && has50 && !ci:
		return stateInitReboot
	case !has54 && !has50 && ci && !q.Arrival.Multi:
		return stateRenewing
	case !has54 && !has50 && ci:
		return stateRebinding
	}
	return stateNone
}

// initReboot applies RFC 2131 §4.3.2, INIT-REBOOT: silent for strangers unless
// authoritative, NAK for a known client's wrong notion.
func (e *Engine) initReboot(q *Query) bool {
	if e.on(message.DHCP4InitReboot) {
		e.log(q, message.DHCP4InitReboot, "client is in INIT-REBOOT state and requests address %s", q.hint)
	}
	at := q.subnet
	l, known := e.clientLease4(q)
	q.subnet = at
	authoritative := q.subnet.Params.Authoritative
	switch {
	case !known && !authoritative:
		e.silence(q, dropInitReboot, message.DHCP4NoLeaseInitReboot)
		return false
	case !known, l.Addr != q.hint:
		q.refusal = refusedReboot
		e.log(q, message.DHCP4PacketNAK0002, "invalid address %s requested in INIT-REBOOT", q.hint)
		e.nak4(q)
		return false
	}
	return true
}
