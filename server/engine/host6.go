package engine

import (
	"encoding/binary"
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

func (e *Engine) identifier6(q *Query, t config.IdentifierType) []byte {
	switch t {
	case config.HWAddress:
		return q.hw
	case config.DUID:
		return q.duid
	case config.FlexID:
		return q.flexID
	}
	return nil
}

// Kea's numbers of where a hardware address came from.
var sourceBits = [...]uint32{
	config.MACRaw: 1, config.MACDUID: 2, config.MACLinkLocal: 4, config.MACClientLinkAddr: 8,
	config.MACRemoteID: 16, config.MACSubscriberID: 32, config.MACDOCSISCMTS: 64, config.MACDOCSISModem: 128,
}

// anySource is the order in which mac-sources "any" tries.
var anySource = [...]config.MACSource{
	config.MACDUID, config.MACLinkLocal, config.MACClientLinkAddr, config.MACRemoteID,
	config.MACSubscriberID, config.MACDOCSISCMTS, config.MACDOCSISModem,
}

// learnMAC finds the client's hardware address by mac-sources.
func (e *Engine) learnMAC(q *Query) {
	for _, src := range e.cfg.MACSources {
		list := anySource[:]
		if src != config.MACAny {
			list = []config.MACSource{src}
		}
		for _, s := range list {
			if typ, mac := q.macFrom(s); len(mac) > 0 && len(mac) <= 20 {
				q.hw, q.hwType, q.hwSource = mac, typ, sourceBits[s]
				return
			}
		}
	}
}

const ethernet = 1

func (q *Query) macFrom(s config.MACSource) (uint16, []byte) {
	relays := q.M6.Relays()
	switch s {
	case config.MACDUID:
		// RFC 9915 §11.2, §11.4: DUID-LLT and DUID-LL carry one.
		if d := q.duid; len(d) > 4 && d[0] == 0 {
			switch typ := binary.BigEndian.Uint16(d[2:]); {
			case d[1] == 1 && len(d) > 8:
				return typ, d[8:]
			case d[1] == 3:
				return typ, d[4:]
			}
		}
	case config.MACLinkLocal:
		a := q.Arrival.Src.Addr()
		if n := len(relays); n > 0 {
			a = relays[n-1].Peer()
		}
		return ethernet, q.macOf(a)
	case config.MACClientLinkAddr:
		if v, ok := q.relayed(wire.Opt6ClientLinkLayer); ok && len(v) > 2 {
			return binary.BigEndian.Uint16(v), v[2:]
		}
	case config.MACRemoteID:
		if v, ok := q.relayed(wire.Opt6RemoteID); ok && len(v) > 4 {
			return ethernet, v[4:]
		}
	case config.MACSubscriberID:
		v, _ := q.relayed(wire.Opt6SubscriberID)
		return ethernet, v
	case config.MACDOCSISCMTS:
		v, _ := q.relayed(wire.Opt6VendorOpts)
		return ethernet, cableLabs(v, 1026)
	case config.MACDOCSISModem:
		v, _ := q.M6.Option(wire.Opt6VendorOpts)
		return ethernet, cableLabs(v, 36)
	}
	return 0, nil
}

// relayed returns an option of the relay nearest to the client that has it.
func (q *Query) relayed(code uint16) ([]byte, bool) {
	relays := q.M6.Relays()
	for i := len(relays) - 1; i >= 0; i-- {
		if v, ok := relays[i].Option(code); ok {
			return v, true
		}
	}
	return nil, false
}

// macOf takes the MAC out of a link-local address of modified EUI-64 form, RFC
// 4291 appendix A.
func (q *Query) macOf(a netip.Addr) []byte {
	if !a.Is6() || !a.IsLinkLocalUnicast() {
		return nil
	}
	b := a.As16()
	if b[11] != 0xff || b[12] != 0xfe {
		return nil
	}
	m := append(q.hwRoom[:0], b[8]^2, b[9], b[10])
	return append(m, b[13:16]...)
}

// cableLabs returns a sub-option of the vendor options of enterprise 4491.
func cableLabs(v []byte, code uint16) []byte {
	if len(v) < 4 || binary.BigEndian.Uint32(v) != docsisEnterprise {
		return nil
	}
	sub, _ := wire.SubOption6(v[4:], code)
	return sub
}

const docsisEnterprise = 4491

// reserves says whether a reservation holds a resource.
func reserves(h *config.Host, t lease.Type, a netip.Addr, length uint8) bool {
	if t == lease.PD {
		for _, p := range h.Prefixes {
			if p.Addr() == a && p.Bits() == int(length) {
				return true
			}
		}
		return false
	}
	for _, x := range h.Addrs {
		if x == a {
			return true
		}
	}
	return false
}

// reservedForClient says whether a resource in a subnet is reserved for the
// client of the query.
func (e *Engine) reservedForClient(q *Query, s *subnet, t lease.Type, a netip.Addr, length uint8) bool {
	if s.Params.ReservationsInSubnet {
		if h := q.hosts.in(s); h != nil && reserves(h, t, a, length) {
			return true
		}
	}
	h := q.hosts.global
	return h != nil && s.Params.ReservationsGlobal && reserves(h, t, a, length)
}

// eachReserved calls fn for the resources of a type that are reserved for the
// client, with the member each belongs to, until fn returns false. A global
// address counts where it lies in a member.
func (e *Engine) eachReserved(q *Query, t lease.Type, fn func(*subnet, netip.Addr, uint8) bool) {
	q.members(q.subnet, func(s *subnet) bool {
		more := true
		each := func(h *config.Host, global bool) {
			if t == lease.PD {
				for _, p := range h.Prefixes {
					more = more && fn(s, p.Addr(), uint8(p.Bits()))
				}
				return
			}
			for _, a := range h.Addrs {
				if !global || s.Prefix.Contains(a) {
					more = more && fn(s, a, 128)
				}
			}
		}
		if h := q.hosts.global; h != nil && s.Params.ReservationsGlobal {
			each(h, true)
		}
		if s.Params.ReservationsInSubnet {
			if h := q.hosts.in(s); h != nil {
				each(h, false)
			}
		}
		return more
	})
}
