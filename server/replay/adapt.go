package replay

import (
	"net/netip"

	"leasehold/server/wire"
)

// client is what a Side gave a client where the capture shows another server
// giving it something else: it would go on with what it got.
type client struct {
	offer netip.Addr                // v4: of the last answer
	alias map[netip.Addr]netip.Addr // what the capture says: what it would be here
	given map[string][]resource     // v6: of the last answer, by association
}

type resource struct {
	addr netip.Addr
	bits byte
}

// mostClients bounds the memory of a Side.
const mostClients = 1 << 20

// client returns what is known of the sender of a query.
func (s *Side) client(m *Message) *client {
	key := ""
	if m.Version == 4 {
		id, _ := option4(m.Payload, wire.OptClientID)
		key = string(m.Payload[28:44]) + string(id)
	} else {
		var x wire.Message6
		if x.Decode(m.Payload) == nil {
			id, _ := x.Option(wire.Opt6ClientID)
			key = string(id)
		}
	}
	c := s.clients[key]
	if c == nil {
		c = &client{alias: map[netip.Addr]netip.Addr{}, given: map[string][]resource{}}
		if len(s.clients) < mostClients {
			s.clients[key] = c
		}
	}
	return c
}

// adapt makes a query one of a client that deals with this Side, in place.
func (c *client) adapt(query []byte) {
	if len(query) > bootp4+4 && query[0] == 1 && string(query[bootp4:bootp4+4]) == "c\x82Sc" {
		c.adapt4(query)
		return
	}
	var x wire.Message6
	if x.Decode(query) == nil {
		c.adapt6(&x)
	}
}

func (c *client) adapt4(query []byte) {
	asked, _ := option4(query, wire.OptRequestedAddress)
	_, chosen := option4(query, wire.OptServerID)
	kind, _ := option4(query, wire.OptMessageType)
	if len(asked) == 4 && len(kind) == 1 && kind[0] == wire.Request4 && chosen && c.offer.IsValid() {
		c.alias[netip.AddrFrom4([4]byte(asked))] = c.offer
	}
	for _, field := range [][]byte{asked, query[12:16]} { // option 50, ciaddr
		if len(field) == 4 {
			if a, ok := c.alias[netip.AddrFrom4([4]byte(field))]; ok {
				copy(field, a.AsSlice())
			}
		}
	}
}

// association names an IA_NA or IA_PD.
func association(o *wire.Option6) string {
	if (o.Code == wire.Opt6IANA || o.Code == wire.Opt6IAPD) && len(o.Data) >= 4 {
		return string([]byte{byte(o.Code)}) + string(o.Data[:4])
	}
	return ""
}

// adapt6 replaces the addresses and prefixes of each association, in their order,
// by those that it was given.
func (c *client) adapt6(x *wire.Message6) {
	if x.Type == wire.Solicit {
		return
	}
	for i := range x.Options {
		given := c.given[association(&x.Options[i])]
		eachResource(&x.Options[i], func(code uint16, v []byte) {
			if len(given) == 0 {
				return
			}
			r := given[0]
			given = given[1:]
			if b := r.addr.As16(); code == wire.Opt6IAAddr {
				copy(v, b[:])
			} else {
				v[8] = r.bits
				copy(v[9:25], b[:])
			}
		})
	}
}

// eachResource calls fn for the addresses and prefixes in an association.
func eachResource(o *wire.Option6, fn func(code uint16, v []byte)) {
	if association(o) == "" || len(o.Data) < 12 {
		return
	}
	for rest := wire.IA(o.Data).Options(); ; {
		code, v, next, ok := wire.NextOption6(rest)
		if !ok {
			return
		}
		rest = next
		if code == wire.Opt6IAAddr && len(v) >= 24 || code == wire.Opt6IAPrefix && len(v) >= 25 {
			fn(code, v)
		}
	}
}

// note remembers what the Side gave.
func (c *client) note(version int, response []byte) {
	if version == 4 {
		if a := netip.AddrFrom4([4]byte(response[16:20])); !a.IsUnspecified() {
			c.offer = a
		}
		return
	}
	var x wire.Message6
	if x.DecodeResponse(response) != nil {
		return
	}
	for i := range x.Options {
		name := association(&x.Options[i])
		if name == "" {
			continue
		}
		var list []resource
		eachResource(&x.Options[i], func(code uint16, v []byte) {
			r := wire.ReadIAResource(code, v)
			list = append(list, resource{r.Addr, r.Len})
		})
		if len(list) > 0 {
			c.given[name] = list
		}
	}
}
