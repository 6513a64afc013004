package engine

import (
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// Query is one received datagram on its way through the engine, with the room
// for its response. Queries are reused: the bringer owns one until Step, the
// engine while its response is parked, and whoever gets it in Effects after.
type Query struct {
	// Filled in by the bringer. Data stays its property but must not change
	// until the query is given back.
	Data    []byte
	Arrival wire.Arrival
	Room    any // whatever the bringer wants back with the query

	M4  wire.Message4
	W4  wire.Writer4
	M6  wire.Message6
	W6  wire.Writer6
	Bad error // why the datagram could not be decoded

	// The response, once there is one.
	Departure wire.Departure
	Response  []byte

	facts
	facts6
	q4          subject4
	q6          subject6
	nameBuf     []byte // room of names.text
	flexBuf     []byte // room of flexID and of the client identifier made of it
	scopes      []*config.OptionSet
	pools       []*pool // v6: of everything granted, in order; else pool says it
	enterprises []uint32
	context     []byte // room of a lease's user-context
}

// facts are what the engine finds out about a query, reset for each.
type facts struct {
	drop     *Drop
	classes  classSet
	subnet   *subnet // selected, later: the one that serves
	selected *subnet // as selected
	hosts    hostMatch
	hw       []byte
	clientID []byte // non-empty option 61, whatever match-client-id says
	names    name
	lease    lease.Lease
	granted  bool          // lease is to be stored
	removed  []lease.Lease // leases given up for this one
	waiting  waiting
	pool     *pool
	flexID   []byte
	spawned  []string // classes made by templates, if limits want to know them
	bootp    bool
	hint     netip.Addr
	state    requestState
	unknown  bool  // the requested address is in no pool at all
	offer    bool  // DISCOVER: nothing is promised yet
	pinging  bool  // the OFFER waits for the answer to a Ping
	late     *Drop // why a response that was decided did not leave after all
	several  bool  // the client may hold more than one lease
	stashed  bool  // option 82 comes from the lease, not from the packet
	sent     byte  // type of the response
	how      selectedBy
	scope    scopeDecision
	refusal  string // why the client does not get what it asks for; "" = not known
	recorded uint64 // number of its record; 0 = none yet
}

// Reset prepares q for another datagram.
func (q *Query) Reset() {
	f := &q.facts
	classes, removed := f.classes, f.removed[:0]
	classes.reset()
	*f = facts{classes: classes, removed: removed}
	q.facts6.reset()
	q.pools = q.pools[:0]
	q.Response, q.Bad = nil, nil
	q.Departure = wire.Departure{}
}

// Decode4 reads the datagram. It may run outside the engine's lock.
func (q *Query) Decode4() { q.Bad = q.M4.Decode(q.Data) }

// Decode6 is Decode4 for DHCPv6.
func (q *Query) Decode6() { q.Bad = q.M6.Decode(q.Data) }

// Drop is a named reason for which a query gets no answer.
type Drop struct {
	Name      string // for explanations
	Statistic Stat   // counted beside pkt4-receive-drop; 0 = none
}

// classSet is the classes of a query, in the order in which they were attached.
type classSet struct {
	bits  []uint64
	order []config.ClassID // unnamed-n stands for unknown[n]
	// unknown are names that the configuration does not mention. They change
	// nothing and are kept only when the log asks for them.
	unknown []string
}

// unnamed is the first of the IDs that stand for unknown names, downwards.
const unnamed = config.NoClass - 1

func (c *classSet) reset() {
	for _, id := range c.order {
		if id >= 0 {
			c.bits[id/64] &^= 1 << (id % 64)
		}
	}
	c.order, c.unknown = c.order[:0], c.unknown[:0]
}

func (c *classSet) addUnknown(name string) {
	c.order = append(c.order, unnamed-config.ClassID(len(c.unknown)))
	c.unknown = append(c.unknown, name)
}

func (c *classSet) add(id config.ClassID) bool {
	if id < 0 || c.has(id) {
		return false
	}
	for int(id/64) >= len(c.bits) {
		c.bits = append(c.bits, 0)
	}
	c.bits[id/64] |= 1 << (id % 64)
	c.order = append(c.order, id)
	return true
}

func (c *classSet) remove(id config.ClassID) {
	if !c.has(id) {
		return
	}
	c.bits[id/64] &^= 1 << (id % 64)
	for i, o := range c.order {
		if o == id {
			c.order = append(c.order[:i], c.order[i+1:]...)
			return
		}
	}
}

func (c *classSet) has(id config.ClassID) bool {
	return id >= 0 && int(id/64) < len(c.bits) && c.bits[id/64]&(1<<(id%64)) != 0
}

// allows says whether a guard lets the query through: empty guards do, others
// if the query is in any of the classes.
func (c *classSet) allows(guard []config.ClassID) bool {
	if len(guard) == 0 {
		return true
	}
	for _, id := range guard {
		if c.has(id) {
			return true
		}
	}
	return false
}
