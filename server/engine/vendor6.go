package engine

import (
	"encoding/binary"
	"slices"

	"leasehold/config"
	"leasehold/server/wire"
)

// addVendor6 adds options 16 and 17. Sub-options of 17 are sent for the
// enterprises that the client names or the configuration adds: requested ones
// (DOCSIS only: the ORO of 4491) and those always sent.
func (e *Engine) addVendor6(q *Query, scopes []*config.OptionSet, want *codeSet6) {
	if want.has(wire.Opt6VendorClass) {
		e.eachEnterprise(q, scopes, wire.Opt6VendorClass, func(o *config.Option) {
			q.W6.Add(wire.Opt6VendorClass, o.Data)
		})
	}
	q.enterprises = q.enterprises[:0]
	configured := 0
	if want.has(wire.Opt6VendorOpts) {
		e.eachEnterprise(q, scopes, wire.Opt6VendorOpts, func(o *config.Option) { q.addEnterprise(o.Enterprise) })
		configured = len(q.enterprises)
	}
	var oro []byte
	for i := range q.M6.Options {
		o := &q.M6.Options[i]
		if o.Code != wire.Opt6VendorOpts && o.Code != wire.Opt6VendorClass || len(o.Data) < 4 {
			continue
		}
		q.addEnterprise(binary.BigEndian.Uint32(o.Data))
		if sub := cableLabs(o.Data, 1); sub != nil && o.Code == wire.Opt6VendorOpts {
			oro = sub
		}
	}
	for i, id := range q.enterprises {
		v := e.vendorBody6(q, scopes, id, oro)
		if len(v) > 4 || i < configured {
			q.W6.Add(wire.Opt6VendorOpts, v)
		}
	}
}

// addEnterprise notes an enterprise number once; a message has few.
func (q *Query) addEnterprise(id uint32) {
	for _, x := range q.enterprises {
		if x == id {
			return
		}
	}
	if len(q.enterprises) < 16 {
		q.enterprises = append(q.enterprises, id)
	}
}

// vendorBody6 returns an enterprise number and its sub-options.
func (e *Engine) vendorBody6(q *Query, scopes []*config.OptionSet, id uint32, oro []byte) []byte {
	want := &e.want
	want.reset()
	for ; id == docsisEnterprise && len(oro) >= 2; oro = oro[2:] {
		want.add(binary.BigEndian.Uint16(oro))
	}
	for _, s := range scopes {
		for _, o := range s.Vendor(id) {
			if o.AlwaysSend {
				want.add(o.Code)
			}
		}
	}
	for _, s := range scopes {
		for _, o := range s.Vendor(id) {
			if o.NeverSend {
				want.remove(o.Code)
			}
		}
	}
	codes := q.codes[:0]
	for _, s := range scopes {
		for _, o := range s.Vendor(id) {
			if want.has(o.Code) {
				want.remove(o.Code)
				codes = append(codes, o.Code)
			}
		}
	}
	slices.Sort(codes)
	q.codes = codes
	v := binary.BigEndian.AppendUint32(nil, id)
	for _, code := range codes {
		if o := vendorValue(scopes, id, code, &q.classes); o != nil {
			v = binary.BigEndian.AppendUint16(v, code)
			v = binary.BigEndian.AppendUint16(v, uint16(len(o.Data)))
			v = append(v, o.Data...)
		}
	}
	return v
}
