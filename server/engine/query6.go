package engine

import (
	"leasehold/lease"
	"leasehold/server/wire"
)

// facts6 are what the engine finds out about a DHCPv6 query beyond facts. The
// lists are reused.
type facts6 struct {
	duid     []byte
	hwType   uint16
	hwSource uint32  // which of mac-sources gave hw, Kea's bit
	hwRoom   [8]byte // of an address that had to be computed
	ias      []association
	hints    []wire.IAResource // of all associations
	own      []lease.Lease     // every lease of the DUID
	codes    []uint16          // of the vendor sub-options at hand
	grants   []grant           // of all associations
	ended    []lease.Lease     // released and declined
	rapid    bool              // SOLICIT answered by REPLY

	topStatus uint16 // of the response, if topText is set
	topText   string
}

func (f *facts6) reset() {
	clear(f.grants)
	*f = facts6{
		ias: f.ias[:0], hints: f.hints[:0], own: f.own[:0], codes: f.codes[:0],
		grants: f.grants[:0], ended: f.ended[:0],
	}
}

// association is an IA_NA or IA_PD of the query and what becomes of it.
type association struct {
	typ      lease.Type
	asked    uint32            // the IAID in the query
	iaid     uint32            // the IAID of its leases
	hints    []wire.IAResource // what the client names in it
	from, to int               // its part of Query.grants
	status   uint16            // in the response, if text is set
	text     string
}

func (x *association) code() uint16 {
	if x.typ == lease.PD {
		return wire.Opt6IAPD
	}
	return wire.Opt6IANA
}

// answer sets the status code of the association in the response.
func (x *association) answer(code uint16, text string) { x.status, x.text = code, text }

// nothing answers an association that gets no resource.
func (x *association) nothing() {
	if x.typ == lease.PD {
		x.answer(statusNoPrefixAvail, "no prefix available")
	} else {
		x.answer(statusNoAddrsAvail, "no address available")
	}
}

// grant is a lease that an association gets, or keeps.
type grant struct {
	lease  lease.Lease
	subnet *subnet
	pool   *pool // nil: reserved outside all pools
	own    bool  // the client had it before
}

// Status codes, RFC 9915 §21.13.
const (
	statusSuccess       = 0
	statusNoAddrsAvail  = 2
	statusNoBinding     = 3
	statusNotOnLink     = 4
	statusNoPrefixAvail = 6
)

// maxAssociations bounds the work that one datagram can ask for.
const maxAssociations = 256

// gather notes the associations of the query and what they name; false if
// there are too many.
func (q *Query) gather() bool {
	for i := range q.M6.Options {
		o := &q.M6.Options[i]
		if o.Code != wire.Opt6IANA && o.Code != wire.Opt6IAPD {
			continue
		}
		iaid := wire.IA(o.Data).IAID()
		x := association{typ: lease.NA, asked: iaid, iaid: iaid}
		inner := uint16(wire.Opt6IAAddr)
		if o.Code == wire.Opt6IAPD {
			x.typ, inner = lease.PD, wire.Opt6IAPrefix
		}
		from := len(q.hints)
		for b := wire.IA(o.Data).Options(); ; {
			code, v, rest, ok := wire.NextOption6(b)
			if !ok {
				break
			}
			if code == inner {
				if r := wire.ReadIAResource(code, v); r.Len <= 128 {
					q.hints = append(q.hints, r)
				}
			}
			b = rest
		}
		x.hints = q.hints[from:len(q.hints):len(q.hints)]
		q.ias = append(q.ias, x)
		if len(q.ias) > maxAssociations || len(q.hints) > maxAssociations {
			return false
		}
	}
	return true
}
