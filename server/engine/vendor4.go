package engine

import (
	"encoding/binary"

	"leasehold/config"
	"leasehold/server/wire"
)

// addVendor4 adds options 124 and 125 (RFC 3925). Sub-options of 125 are sent
// for the enterprises that the client names or the configuration adds:
// requested ones (DOCSIS only: the ORO of 4491) and those always sent.
func (e *Engine) addVendor4(q *Query, scopes []*config.OptionSet, want *codeSet) {
	if want.has(wire.OptVIVendorClass) {
		e.eachEnterprise(q, scopes, wire.OptVIVendorClass, func(o *config.Option) {
			q.W4.Add(wire.OptVIVendorClass, o.Data)
		})
	}
	ids := q.enterprises[:0]
	addID := func(id uint32) {
		for _, x := range ids {
			if x == id {
				return
			}
		}
		if len(ids) < 16 {
			ids = append(ids, id)
		}
	}
	configured := map[uint32]*config.Option(nil)
	if want.has(wire.OptVIVendorOptions) {
		e.eachEnterprise(q, scopes, wire.OptVIVendorOptions, func(o *config.Option) {
			if configured == nil {
				configured = make(map[uint32]*config.Option)
			}
			configured[o.Enterprise] = o
			addID(o.Enterprise)
		})
	}
	var oro []byte
	for _, code := range [...]byte{wire.OptVIVendorOptions, wire.OptVIVendorClass} {
		v, _ := q.M4.Option(code)
		for len(v) >= 5 {
			id, n := binary.BigEndian.Uint32(v), int(v[4])
			if len(v) < 5+n {
				break
			}
			addID(id)
			if code == wire.OptVIVendorOptions && id == 4491 {
				oro, _ = wire.SubOption4(v[5:5+n], 1)
			}
			v = v[5+n:]
		}
	}
	q.enterprises = ids
	for _, id := range ids {
		body := e.vendorBody4(q, scopes, id, oro)
		if body == nil && configured[id] == nil {
			continue
		}
		v := binary.BigEndian.AppendUint32(nil, id)
		v = append(v, byte(min(len(body), 255)))
		v = append(v, body[:min(len(body), 255)]...)
		q.W4.Add(wire.OptVIVendorOptions, v)
	}
}

// vendorBody4 collects the sub-options of one enterprise.
func (e *Engine) vendorBody4(q *Query, scopes []*config.OptionSet, id uint32, oro []byte) []byte {
	var want codeSet
	if id == 4491 {
		for _, c := range oro {
			want.add(c)
		}
	}
	for _, s := range scopes {
		for _, o := range s.Vendor(id) {
			if o.AlwaysSend && o.Code < 256 {
				want.add(byte(o.Code))
			}
		}
	}
	for _, s := range scopes {
		for _, o := range s.Vendor(id) {
			if o.NeverSend && o.Code < 256 {
				want.remove(byte(o.Code))
			}
		}
	}
	var body []byte
	for i, bits := range want {
		for ; bits != 0; bits &= bits - 1 {
			code := byte(i*64 + trailing(bits))
			if o := vendorValue(scopes, id, uint16(code), &q.classes); o != nil {
				n := min(len(o.Data), 255)
				body = append(append(body, code, byte(n)), o.Data[:n]...)
			}
		}
	}
	return body
}

// vendorValue is value for a vendor space.
func vendorValue(scopes []*config.OptionSet, id uint32, code uint16, c *classSet) *config.Option {
	for _, s := range scopes {
		list := s.Vendor(id)
		for i := range list {
			o := &list[i]
			if o.Code == code && !o.NeverSend && (len(o.Classes) == 0 || c.allows(o.Classes)) {
				return o
			}
		}
	}
	return nil
}

// eachEnterprise calls fn once per enterprise number that has a value of a
// code, highest scope first.
func (e *Engine) eachEnterprise(q *Query, scopes []*config.OptionSet, code uint16, fn func(*config.Option)) {
	var seen []uint32
	for _, s := range scopes {
		list := s.Lookup(code)
	next:
		for i := range list {
			o := &list[len(list)-1-i] // Kea: the later one first
			if len(o.Classes) > 0 && !q.classes.allows(o.Classes) {
				continue
			}
			for _, id := range seen {
				if id == o.Enterprise {
					continue next
				}
			}
			seen = append(seen, o.Enterprise)
			fn(o)
		}
	}
}
