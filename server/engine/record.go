package engine

import (
	"net/netip"
	"time"

	"leasehold/config"
	"leasehold/server/wire"
)

// recorder keeps how the last queries were decided, in memory that does not
// grow: a ring of records of fixed size.
type recorder struct {
	ring []record
	next uint64 // number of the record to come; the first is 1
	// generation counts configurations, so that a record can be told from one
	// whose classes are no longer those of today.
	generation uint32
	names      []string // of classes that any configuration had, append only
	byName     map[string]uint16
	ofClass    []uint16 // index of names by ClassID of the configuration in force
	drops      map[*Drop]uint64
	waits      Waits
}

// DefaultRecords is how many records are kept when nothing else is configured.
const DefaultRecords = 4096

// Room of a record for what has no fixed length; the rest is cut off.
const (
	recordedID      = 40
	recordedName    = 40
	recordedClasses = 16
)

// octets are an address without a pointer; unspecified stands for none.
type octets [16]byte

// record is one query as it was decided. It holds no pointer but to constants.
type record struct {
	number     uint64
	at, done   int64  // Unix nanoseconds; done 0: the response is parked
	refusal    string // a constant: what the client was refused for
	drop       *Drop  // nil: answered, or there was nothing to answer
	generation uint32
	xid        uint32
	selected   uint32 // subnet; 0 = none
	subnet     uint32 // that serves
	valid      uint32
	relay      octets
	source     octets
	asked      octets
	given      octets
	reserved   octets
	first      octets // of the pool
	last       octets
	iface      [16]byte // IFNAMSIZ
	hw         [20]byte
	id         [recordedID]byte // client identifier or DUID
	name       [recordedName]byte
	classes    [recordedClasses]uint16
	hwLen      uint8
	idLen      uint8 // may be more than there is room for
	nameLen    uint8
	classCount uint8 // may be more than there is room for
	typ        byte  // as received; 0: unknown
	sent       byte  // 0: nothing
	how        selectedBy
	scope      scopeDecision
	host       hostKind
	hostBy     config.IdentifierType
	prefixLen  uint8 // of a delegated prefix; 0 = an address
	grants     uint8
	status     uint8 // v6: of the association that got nothing
	stored     bool  // the lease was changed for this query
}

// selectedBy is the rule that decided about the subnet, whether it found one or
// not.
type selectedBy uint8

const (
	byNothing selectedBy = iota
	byLinkSelection
	bySubnetSelection
	byRelayList
	byRelayAddress
	byClientAddress
	bySource
	byInterface
	byInterfaceAddress
	byInterfaceID
)

var selectedByText = [...]string{
	byNothing:          "",
	byLinkSelection:    "link selection of the relay (option 82.5)",
	bySubnetSelection:  "subnet selection option of the client (118)",
	byRelayList:        "relay address listed with the subnet",
	byRelayAddress:     "relay address in the prefix",
	byClientAddress:    "address of the client in the prefix",
	bySource:           "source address in the prefix",
	byInterface:        "interface named by the subnet",
	byInterfaceAddress: "address of the interface in the prefix",
	byInterfaceID:      "interface-id of the relay",
}

// scopeDecision says what high availability had to say about a query.
type scopeDecision uint8

const (
	scopeNone    scopeDecision = iota // not asked: no pair, or refused before
	scopeServed                       // ours to answer
	scopePartner                      // not ours
)

var scopeText = [...]string{scopeNone: "", scopeServed: "served here", scopePartner: "left to the partner"}

// hostKind says which reservation applied.
type hostKind uint8

const (
	hostNone hostKind = iota
	hostSubnet
	hostGlobal
)

// resize gives the ring room for n records. Those it held are gone.
func (r *recorder) resize(n int) {
	if len(r.ring) != n {
		r.ring = make([]record, n)
	}
}

// configure learns the classes of a configuration.
func (r *recorder) configure(f *config.Family) {
	n := int(f.Leasehold.Records)
	if n == 0 {
		n = DefaultRecords
	}
	r.resize(n)
	r.generation++
	if r.byName == nil {
		r.byName = map[string]uint16{}
		r.drops = map[*Drop]uint64{}
		r.next = 1
	}
	r.ofClass = make([]uint16, f.ClassCount())
	for id := range r.ofClass {
		r.ofClass[id] = r.intern(f.ClassName(config.ClassID(id)))
	}
}

// noName stands for a class for which there was no room in names.
const noName = ^uint16(0)

func (r *recorder) intern(name string) uint16 {
	i, ok := r.byName[name]
	if !ok {
		if len(r.names) >= int(noName) {
			return noName
		}
		i = uint16(len(r.names))
		r.names = append(r.names, name)
		r.byName[name] = i
	}
	return i
}

func (r *recorder) slot(number uint64) *record { return &r.ring[number%uint64(len(r.ring))] }

// settle notes that a response left, or why it never will.
func (r *recorder) settle(number uint64, at time.Time, late *Drop) {
	if late != nil {
		r.drops[late]++
	}
	if number == 0 || number+uint64(len(r.ring)) < r.next {
		return
	}
	if x := r.slot(number); x.number == number {
		x.done = at.UnixNano()
		r.waits.note(time.Duration(x.done - x.at))
		if late != nil {
			x.drop, x.sent = late, 0
		}
	}
}

// What a client is refused for, beside drops.
const (
	refusedTaken   = "the requested address is taken, reserved for another client, or in no pool that is open to this one"
	refusedReboot  = "after a restart it asks for an address that is not its own"
	refusedFull    = "every address of the pools that are open to it is taken"
	refusedNoPools = "no pool is open to it"
)

// dropUnstored is why a response that was decided did not leave.
var dropUnstored = &Drop{"lease not stored here, or refused by the partner", NoStat}

// record notes how a query was decided.
func (e *Engine) record(q *Query) {
	r := &e.recorder
	x := r.slot(r.next)
	*x = record{number: r.next, at: e.clock.UnixNano(), generation: r.generation, drop: q.drop, refusal: q.refusal}
	q.recorded = r.next
	r.next++
	if n := len(e.parked.queue); n == 0 || e.parked.queue[n-1] != q {
		x.done = x.at
	}
	if q.drop != nil {
		r.drops[q.drop]++
	}
	a := &q.Arrival
	if a.Iface != nil {
		copy(x.iface[:], a.Iface.Name)
	}
	x.source.set(a.Src.Addr())
	x.how, x.scope = q.how, q.scope
	if q.Bad == nil {
		if e.version == 4 {
			x.received4(q)
		} else {
			x.received6(q)
		}
	}
	x.classified(r, &q.classes)
	x.decided(e, q)
}

func (x *record) received4(q *Query) {
	m := &q.M4
	x.typ, x.xid = m.Type, m.XID()
	x.relay.set(m.GIAddr())
	x.asked.set(q.hint)
	hw := m.CHAddr()
	x.hwLen = uint8(copy(x.hw[:], hw))
	id, _ := m.Option(wire.OptClientID)
	x.identified(id)
	name := q.names.text
	if len(name) == 0 {
		name, _ = m.Option(wire.OptHostName)
	}
	x.nameLen = uint8(copy(x.name[:], name))
}

func (x *record) received6(q *Query) {
	m := &q.M6
	x.typ, x.xid = m.Type, m.XID()
	if relays := m.Relays(); len(relays) > 0 {
		x.relay.set(relays[len(relays)-1].Link())
	}
	x.hwLen = uint8(copy(x.hw[:], q.hw))
	id, _ := m.Option(wire.Opt6ClientID)
	x.identified(id)
	x.nameLen = uint8(copy(x.name[:], q.names.text))
	if len(q.hints) > 0 {
		x.asked.set(q.hints[0].Addr)
	}
	for i := range q.ias {
		if q.ias[i].text != "" {
			x.status = uint8(q.ias[i].status)
		}
	}
}

func (x *record) identified(id []byte) {
	x.idLen = uint8(min(len(id), 255))
	copy(x.id[:], id)
}

func (x *record) classified(r *recorder, c *classSet) {
	for _, id := range c.order {
		if id < 0 || int(id) >= len(r.ofClass) {
			continue
		}
		if int(x.classCount) < len(x.classes) {
			x.classes[x.classCount] = r.ofClass[id]
		}
		if x.classCount < 255 {
			x.classCount++
		}
	}
}

// decided notes subnet, reservation, pool and response.
func (x *record) decided(e *Engine, q *Query) {
	if q.selected != nil {
		x.selected = q.selected.ID
	}
	if q.subnet != nil {
		x.subnet = q.subnet.ID
	}
	if h := q.hosts.current(q.subnet); h != nil {
		x.host, x.hostBy = hostSubnet, h.Type
		if h == q.hosts.global {
			x.host = hostGlobal
		}
		x.reserved.set(h.Addr)
		if len(h.Addrs) > 0 {
			x.reserved.set(h.Addrs[0])
		}
	}
	p, l := q.pool, &q.lease
	if e.version == 6 && len(q.grants) > 0 {
		p, l = q.grants[0].pool, &q.grants[0].lease
		x.grants = uint8(min(len(q.grants), 255))
		if l.PrefixLen < 128 {
			x.prefixLen = l.PrefixLen
		}
	}
	if p != nil {
		x.first.set(p.First)
		x.last.set(p.Last)
	}
	x.given.set(l.Addr)
	x.valid = l.Valid
	if l.ReuseableValid > 0 {
		x.valid = l.ReuseableValid
	}
	x.stored = q.granted
	if q.Response != nil {
		x.sent = q.sent
	}
}

func (a *octets) set(addr netip.Addr) {
	if addr.IsValid() && !addr.IsUnspecified() {
		*a = addr.As16()
	}
}

// addr is the inverse of set.
func (a *octets) addr() netip.Addr {
	if *a == (octets{}) {
		return netip.Addr{}
	}
	return netip.AddrFrom16(*a).Unmap()
}
