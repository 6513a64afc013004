package engine

import (
	"bytes"
	"encoding/binary"

	"leasehold/config"
	"leasehold/server/wire"
)

// subject6 shows a DHCPv6 query to class expressions.
type subject6 struct {
	q   *Query
	num [4]byte
	adr [16]byte
}

func (s *subject6) Option(code uint16) ([]byte, bool) { return s.q.M6.Option(code) }

// relay finds a relay by Kea's count: 0 is the nearest to the server, -1 the
// nearest to the client.
func (s *subject6) relay(level int) *wire.Relay6 {
	relays := s.q.M6.Relays()
	if level < 0 {
		level += len(relays)
	}
	if level < 0 || level >= len(relays) {
		return nil
	}
	return &relays[level]
}

func (s *subject6) RelayOption(level int, code uint16) ([]byte, bool) {
	if r := s.relay(level); r != nil {
		return r.Option(code)
	}
	return nil, false
}

func (s *subject6) RelayField(level int, link bool) ([]byte, bool) {
	r := s.relay(level)
	if r == nil {
		return nil, false
	}
	if link {
		return r.Addresses()[:16], true
	}
	return r.Addresses()[16:32], true
}

func (s *subject6) Member(id config.ClassID) bool { return s.q.classes.has(id) }

func (s *subject6) Field(f config.Field) []byte {
	a, m := &s.q.Arrival, &s.q.M6
	switch f {
	case config.PktIface:
		if a.Iface != nil {
			return []byte(a.Iface.Name)
		}
	case config.PktSrc:
		s.adr = a.Src.Addr().As16()
		return s.adr[:]
	case config.PktDst:
		s.adr = a.Dst.Addr().As16()
		return s.adr[:]
	case config.PktLen:
		return s.number(uint32(len(m.Data())))
	case config.PktMsgType:
		return s.number(uint32(m.Type))
	case config.PktTransID:
		return s.number(m.XID())
	}
	return nil
}

func (s *subject6) number(n uint32) []byte {
	binary.BigEndian.PutUint32(s.num[:], n)
	return s.num[:]
}

// classify6 attaches the classes that do not depend on reservations.
func (e *Engine) classify6(q *Query) {
	q.classes.add(config.ClassAll)
	if v, ok := q.M6.Option(wire.Opt6VendorClass); ok && len(v) > 4 {
		e.vendorClass6(q, v[4:])
	}
	e.firstPass(q)
}

// vendorClass6 attaches VENDOR_CLASS_ and the first tuple of option 16, unless
// a tuple says what DOCSIS device it is.
func (e *Engine) vendorClass6(q *Query, tuples []byte) {
	var text []byte
	for t, rest := nextTuple(tuples); t != nil; t, rest = nextTuple(rest) {
		if bytes.Equal(t, docsisModem) || bytes.Equal(t, docsisRouter) {
			text = t
			break
		}
		if text == nil {
			text = t
		}
	}
	if text == nil {
		return
	}
	var room [300]byte
	e.attachName(q, append(append(room[:0], "VENDOR_CLASS_"...), text...))
}

var docsisModem, docsisRouter = []byte("docsis3.0"), []byte("eRouter1.0")

// nextTuple takes a string with a length of two bytes off a run of them.
func nextTuple(b []byte) (tuple, rest []byte) {
	if len(b) < 2 {
		return nil, nil
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < n {
		return nil, nil
	}
	return b[2:n], b[n:]
}
