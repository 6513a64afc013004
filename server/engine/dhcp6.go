package engine

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"leasehold/config"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// Reasons for which a DHCPv6 query gets no answer.
var (
	dropParse6    = &Drop{"malformed", Pkt6ParseFailed}
	dropDisabled6 = &Drop{"service disabled", Pkt6ServiceDisabled}
	dropType6     = &Drop{"not a message for servers", Pkt6RFCViolation}
	dropServerID6 = &Drop{"meant for another server", Pkt6NotForUs}
	dropUnicast   = &Drop{"sent to a unicast address", Pkt6RFCViolation}
	dropDUID      = &Drop{"client or server identifier missing, repeated or out of place", Pkt6RFCViolation}
	dropScope6    = &Drop{"in the scope of the partner", Pkt6NotForUs}
	dropClass6    = &Drop{"class DROP", Pkt6AdminFiltered}
	dropCrowded   = &Drop{"too many identity associations", Pkt6LimitExceeded}
	dropRebindPD  = &Drop{"prefix to be rebound in an unknown network", Pkt6RFCViolation}
	dropConfirm   = &Drop{"nothing to confirm", NoStat}
	dropTooLarge  = &Drop{"response larger than a datagram", Pkt6ProcessingFailed}
)

// receive6 takes a DHCPv6 query from reception to its response or drop. The
// order of the steps is Kea's.
func (e *Engine) receive6(q *Query) {
	q.q6 = subject6{q: q}
	e.stats.count(Pkt6Received)
	if !e.service.On() {
		e.drop(q, dropDisabled6, message.DHCP6PacketDropDHCPDisabled)
		return
	}
	if q.Bad != nil {
		e.drop(q, dropParse6, message.DHCP6PacketDropParseFail)
		return
	}
	e.stats.count(received6(q.M6.Type))
	e.logReceived6(q)
	if !e.accept6(q) {
		return
	}
	q.duid, _ = q.M6.Option(wire.Opt6ClientID)
	e.learnMAC(q)
	if e.filterScope(q) {
		return
	}
	e.classify6(q)
	if !e.sane6(q) {
		return
	}
	if e.cfg.FlexibleID != nil {
		e.identifyFlex(q)
	}
	if q.classes.has(config.ClassDrop) {
		e.drop(q, dropClass6, message.DHCP6PacketDropDropClass)
		return
	}
	if e.limits != nil && !e.slow(q) {
		return
	}
	if !e.locate6(q) {
		return
	}
	e.process6(q)
}

func received6(t byte) Stat {
	switch t {
	case wire.Solicit:
		return Pkt6SolicitReceived
	case wire.Advertise:
		return Pkt6AdvertiseReceived
	case wire.Request:
		return Pkt6RequestReceived
	case wire.Renew:
		return Pkt6RenewReceived
	case wire.Rebind:
		return Pkt6RebindReceived
	case wire.Reply:
		return Pkt6ReplyReceived
	case wire.Release:
		return Pkt6ReleaseReceived
	case wire.Decline:
		return Pkt6DeclineReceived
	case wire.InformationRequest:
		return Pkt6InfRequestReceived
	case wire.DHCPv4Query:
		return Pkt6DHCPv4QueryReceived
	case wire.DHCPv4Response:
		return Pkt6DHCPv4ResponseReceived
	case wire.AddrRegInform:
		return Pkt6AddrRegInformReceived
	case wire.AddrRegReply:
		return Pkt6AddrRegReplyReceived
	}
	return Pkt6UnknownReceived
}

// logReceived6 writes a line of every exchange, without fmt.
func (e *Engine) logReceived6(q *Query) {
	if !e.on(message.DHCP6PacketReceived) {
		return
	}
	start := e.logBegin(q)
	t := append(e.fx.LogText, typeName6(q.M6.Type)...)
	t = append(t, " (type "...)
	t = strconv.AppendUint(t, uint64(q.M6.Type), 10)
	t = append(t, ") received from "...)
	t = q.Arrival.Src.AppendTo(t)
	t = append(t, " to "...)
	t = q.Arrival.Dst.AppendTo(t)
	if q.Arrival.Iface != nil {
		t = append(t, " on interface "...)
		t = append(t, q.Arrival.Iface.Name...)
	}
	e.fx.LogText = t
	e.logEnd(message.DHCP6PacketReceived, start)
}

// accept6 refuses what is not for this server.
func (e *Engine) accept6(q *Query) bool {
	m := &q.M6
	if id, ok := m.Option(wire.Opt6ServerID); ok && !bytes.Equal(id, e.duid) {
		e.drop(q, dropServerID6, message.DHCP6PacketDropServerIDMismatch)
		return false
	}
	// RFC 9915 §16: clients do not send to a server's unicast address. Older
	// ones do what option 12 tells them, RFC 8415 §18.2.
	if len(m.Relays()) == 0 && !q.Arrival.Multi && !(e.unicast && maySkipMulticast(m.Type)) {
		e.drop(q, dropUnicast, message.DHCP6PacketDropUnicast)
		return false
	}
	return true
}

// maySkipMulticast says whether RFC 8415 lets clients send a message to the
// address in option 12.
func maySkipMulticast(t byte) bool {
	return t == wire.Request || t == wire.Renew || t == wire.Release || t == wire.Decline
}

// sane6 applies RFC 9915 §16: which message carries which identifier.
func (e *Engine) sane6(q *Query) bool {
	clients, servers := q.M6.Count(wire.Opt6ClientID), q.M6.Count(wire.Opt6ServerID)
	client, server := mandatory, mandatory
	switch q.M6.Type {
	case wire.Solicit, wire.Rebind, wire.Confirm, wire.AddrRegInform:
		server = forbidden
	case wire.Request, wire.Renew, wire.Release, wire.Decline:
	case wire.InformationRequest:
		client, server = optional, optional
	default:
		e.drop(q, dropType6, message.DHCP6UnknownMsgReceived)
		return false
	}
	m, name := message.DHCP6RequiredOptionsCheckFail, typeName6(q.M6.Type)
	bad := client.broken("client-id", clients, name)
	if bad == "" {
		bad = server.broken("server-id", servers, name)
	}
	// RFC 9915 §11.1: a type of two bytes and at most 128 more.
	if bad == "" && clients == 1 && (len(q.duid) < 3 || len(q.duid) > 130) {
		bad = fmt.Sprintf("client-id of %d bytes", len(q.duid))
	}
	if bad != "" {
		e.log(q, m, "%s message received from %s failed the following check: %s", name, q.client(), bad)
		e.drop(q, dropDUID, nil)
		return false
	}
	if !q.gather() {
		e.drop(q, dropCrowded, message.DHCP6RequiredOptionsCheckFail)
		return false
	}
	return true
}

// presence says how often a message carries an identifier.
type presence uint8

const (
	mandatory presence = iota
	optional
	forbidden
)

// broken says what is wrong with n identifiers, "" if nothing is.
func (p presence) broken(id string, n int, msg string) string {
	switch {
	case p == mandatory && n != 1:
		return fmt.Sprintf("Exactly 1 %s option expected in %s, but %d received", id, msg, n)
	case p == optional && n > 1:
		return fmt.Sprintf("Too many (%d) %s options received in %s", n, id, msg)
	case p == forbidden && n > 0:
		return fmt.Sprintf("%s%s option was not expected, but %d received in %s", strings.ToUpper(id[:1]), id[1:], n, msg)
	}
	return ""
}

// locate6 finds the subnet, the reservations and the classes that follow from
// them.
func (e *Engine) locate6(q *Query) bool {
	if e.cfg.EarlyGlobalReservations && !e.earlyHosts(q, dropClass6, message.DHCP6PacketDropDropClass) {
		return false
	}
	q.subnet = e.select6(q)
	q.selected = q.subnet
	if e.filterSubnetScope(q) {
		return false
	}
	if q.subnet == nil {
		e.log(q, message.DHCP6SubnetSelectionFailed, "no subnet for the query")
	} else if e.limits != nil && !e.slowSubnet(q) {
		return false
	} else {
		if e.on(message.DHCP6SubnetSelected) {
			e.log(q, message.DHCP6SubnetSelected, "subnet with id %d selected", q.subnet.ID)
		}
		e.findHosts(q)
		if h := q.hosts.current(q.subnet); h != nil && (h == q.hosts.global || q.subnet.network == nil) {
			e.reserveClasses(q, h)
		}
	}
	if !q.classes.has(config.ClassKnown) {
		e.settleKnown(q, q.hosts.known)
	}
	e.logClasses(q)
	if q.classes.has(config.ClassDrop) {
		e.drop(q, dropClass6, message.DHCP6PacketDropDropClassLate)
		return false
	}
	return true
}

// process6 answers by the type of the message.
func (e *Engine) process6(q *Query) {
	typ := byte(wire.Reply)
	switch q.M6.Type {
	case wire.Solicit:
		q.rapid = q.subnet != nil && q.subnet.RapidCommit && q.M6.Has(wire.Opt6RapidCommit)
		q.offer = !q.rapid
		if q.offer {
			typ = wire.Advertise
		} else {
			e.log(q, message.DHCP6RapidCommit, "Rapid Commit option received")
		}
		e.lease6(q)
	case wire.Request, wire.Renew, wire.Rebind:
		if !e.lease6(q) {
			return
		}
	case wire.Confirm:
		if !e.confirm6(q) {
			e.drop(q, dropConfirm, nil)
			return
		}
	case wire.Release:
		e.release6(q)
	case wire.Decline:
		e.decline6(q)
	case wire.AddrRegInform:
		if !e.register6(q) {
			return
		}
		typ = wire.AddrRegReply
	case wire.InformationRequest:
		e.additional(q)
	}
	e.respond6(q, typ)
	if !q.offer && q.M6.Type != wire.Confirm && q.M6.Type != wire.InformationRequest && q.M6.Type != wire.AddrRegInform {
		e.commitEvent(q)
	}
	e.finish(q)
}

// typeName6 is the name of a message type as in RFC 9915 §7.3.
func typeName6(t byte) string {
	if int(t) < len(typeNames6) && typeNames6[t] != "" {
		return typeNames6[t]
	}
	return "UNKNOWN"
}

var typeNames6 = [...]string{
	wire.Solicit: "SOLICIT", wire.Advertise: "ADVERTISE", wire.Request: "REQUEST", wire.Confirm: "CONFIRM",
	wire.Renew: "RENEW", wire.Rebind: "REBIND", wire.Reply: "REPLY", wire.Release: "RELEASE",
	wire.Decline: "DECLINE", wire.Reconfigure: "RECONFIGURE", wire.InformationRequest: "INFORMATION_REQUEST",
	wire.RelayForw: "RELAY_FORWARD", wire.RelayRepl: "RELAY_REPLY", wire.DHCPv4Query: "DHCPV4_QUERY",
	wire.DHCPv4Response: "DHCPV4_RESPONSE", wire.AddrRegInform: "ADDR_REG_INFORM", wire.AddrRegReply: "ADDR_REG_REPLY",
}

// appendLabel6 names the client and the exchange as Kea's lines do.
func (q *Query) appendLabel6(t []byte) []byte {
	if len(q.M6.Inner()) == 0 {
		return append(t, "duid=[no info], [no hwaddr info], tid=0x0"...)
	}
	t = append(t, "duid=["...)
	if id, ok := q.M6.Option(wire.Opt6ClientID); ok {
		t = appendHex(t, id)
	} else {
		t = append(t, "no info"...)
	}
	if len(q.hw) > 0 {
		t = append(t, "], [hwtype="...)
		t = strconv.AppendUint(t, uint64(q.hwType), 10)
		t = append(t, ' ')
		t = appendHex(t, q.hw)
		t = append(t, "], tid=0x"...)
	} else {
		t = append(t, "], [no hwaddr info], tid=0x"...)
	}
	return strconv.AppendUint(t, uint64(q.M6.XID()), 16)
}
