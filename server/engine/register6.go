package engine

import (
	"fmt"
	"net/netip"

	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

var dropRegister = &Drop{"address registration refused", NoStat}

// register6 notes the address that a client made up itself, RFC 9686; false if
// the request is refused, which is silent.
func (e *Engine) register6(q *Query) bool {
	if !e.cfg.AllowAddressRegistration {
		e.drop(q, dropRegister, nil)
		return false
	}
	r, reason := e.registrable(q)
	if reason != "" {
		e.log(nil, message.DHCP6AddrRegInformFail, "error on ADDR-REG-INFORM from client %s, %s", q.client(), reason)
		e.drop(q, dropRegister, nil)
		return false
	}
	l := lease.Lease{
		Addr: r.Addr, Type: lease.NA, PrefixLen: 128, State: lease.Registered, SubnetID: q.subnet.ID,
		Valid: r.Valid, Preferred: r.Preferred, CLTT: e.now,
		ClientID: string(q.duid), HWAddr: string(q.hw), HWType: q.hwType, HWSource: q.hwSource,
	}
	e.extendedInfo6(q, &l)
	old, had := e.store.Get(l.Addr)
	if had && !holds(&old, e.now) {
		e.takeOver(&old)
	}
	e.put(l)
	if !had || old.State != lease.Registered || old.Expired(e.now) {
		e.countAssigned(&l, 1)
	}
	q.grants = append(q.grants, grant{lease: l, subnet: q.subnet})
	e.promise(q)
	return true
}

// client returns where the client itself sent from, before any relay.
func (q *Query) client() netip.Addr {
	if relays := q.M6.Relays(); len(relays) > 0 {
		return relays[len(relays)-1].Peer()
	}
	return q.Arrival.Src.Addr().WithZone("")
}

// registrable returns what the client wants to register, or why it must not.
func (e *Engine) registrable(q *Query) (r wire.IAResource, reason string) {
	if n := q.M6.Count(wire.Opt6IAAddr); n != 1 {
		return r, fmt.Sprintf("Exactly 1 IAADDR option expected, but %d received", n)
	}
	v, _ := q.M6.Option(wire.Opt6IAAddr)
	if len(v) < wire.IAAddrLen {
		return r, "IAADDR option too short"
	}
	r = wire.ReadIAResource(wire.Opt6IAAddr, v)
	if from := q.client(); from != r.Addr {
		return r, fmt.Sprintf("Address mismatch: client at %s wants to register %s", from, r.Addr)
	}
	s := q.subnet
	if s == nil {
		return r, fmt.Sprintf("No subnet for address %s", r.Addr)
	}
	if !s.Prefix.Contains(r.Addr) {
		return r, fmt.Sprintf("Address %s is not in subnet %s (id %d)", r.Addr, s.Prefix, s.ID)
	}
	if len(e.cfg.Hosts.ByAddr(s.ID, r.Addr)) > 0 || len(e.cfg.Hosts.ByAddr(0, r.Addr)) > 0 {
		return r, fmt.Sprintf("Address %s is reserved", r.Addr)
	}
	if old, ok := e.store.Get(r.Addr); ok && old.State != lease.Registered && holds(&old, e.now) {
		return r, fmt.Sprintf("Address %s already in use", r.Addr)
	}
	return r, ""
}
