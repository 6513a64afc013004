package engine

import (
	"encoding/binary"
	"strings"

	"leasehold/config"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// subject4 shows a DHCPv4 query to class expressions.
type subject4 struct {
	q   *Query
	num [4]byte
	adr [4]byte
}

func (s *subject4) Option(code uint16) ([]byte, bool) {
	if code > 254 {
		return nil, false
	}
	return s.q.M4.Option(byte(code))
}

func (s *subject4) RelayOption(_ int, code uint16) ([]byte, bool) {
	if code > 255 {
		return nil, false
	}
	return s.q.M4.AgentOption(byte(code))
}

func (s *subject4) RelayField(int, bool) ([]byte, bool) { return nil, false }

func (s *subject4) Member(id config.ClassID) bool { return s.q.classes.has(id) }

func (s *subject4) Field(f config.Field) []byte {
	m := &s.q.M4
	switch f {
	case config.PktIface:
		if s.q.Arrival.Iface == nil {
			return nil
		}
		return []byte(s.q.Arrival.Iface.Name)
	case config.PktSrc:
		s.adr = addr4(s.q.Arrival.Src.Addr())
		return s.adr[:]
	case config.PktDst:
		s.adr = addr4(s.q.Arrival.Dst.Addr())
		return s.adr[:]
	case config.PktLen:
		return s.number(uint32(len(m.Data())))
	case config.Pkt4MAC:
		return m.CHAddr()
	case config.Pkt4HLen:
		return s.number(uint32(m.HLen()))
	case config.Pkt4HType:
		return s.number(uint32(m.HType()))
	case config.Pkt4CIAddr:
		return m.Data()[12:16]
	case config.Pkt4YIAddr:
		return m.Data()[16:20]
	case config.Pkt4SIAddr:
		return m.Data()[20:24]
	case config.Pkt4GIAddr:
		return m.Data()[24:28]
	case config.PktMsgType:
		return s.number(uint32(m.Type))
	case config.PktTransID:
		return m.Data()[4:8]
	}
	return nil
}

func (s *subject4) number(n uint32) []byte {
	binary.BigEndian.PutUint32(s.num[:], n)
	return s.num[:]
}

// subject shows a query to class expressions.
func (e *Engine) subject(q *Query) config.Subject {
	if e.on(message.EvalDebugMember) {
		return told{q.subject(e.version), e, q}
	}
	return q.subject(e.version)
}

// told is a subject that logs what member() finds.
type told struct {
	config.Subject
	e *Engine
	q *Query
}

func (t told) Member(id config.ClassID) bool {
	in := t.Subject.Member(id)
	t.e.log(t.q, message.EvalDebugMember, "Checking membership of '%s', pushing result '%t'", t.e.cfg.ClassName(id), in)
	return in
}

// classify4 attaches the classes that do not depend on reservations.
func (e *Engine) classify4(q *Query) {
	q.classes.add(config.ClassAll)
	if v, ok := q.M4.Option(wire.OptVendorClass); ok && len(v) > 0 {
		var name [300]byte
		n := copy(name[:], "VENDOR_CLASS_")
		n += copy(name[n:], v)
		e.attachName(q, name[:n])
	}
	e.firstPass(q)
}

// evaluate attaches c to q if its test says so. An error of the expression is
// "no match", and logged.
func (e *Engine) evaluate(q *Query, c *config.Class) {
	switch {
	case q.classes.has(c.ID):
	case c.Test != nil:
		ok, err := c.Test.Test(e.subject(q), &e.scratch)
		e.scratch.Reset()
		if err != nil {
			e.log(q, message.EvalResult, "expression of class %s: %v", c.Name, err)
		} else if ok {
			e.attach(q, c.ID)
		}
	case c.Template != nil:
		e.spawn(q, c)
	}
}

// spawn attaches the classes that a template makes: the one of the value
// first, then the template itself.
func (e *Engine) spawn(q *Query, c *config.Class) {
	v, err := c.Template.Value(e.subject(q), &e.scratch)
	defer e.scratch.Reset()
	if err != nil {
		e.log(q, message.EvalResult, "expression of class %s: %v", c.Name, err)
		return
	}
	if len(v) == 0 {
		return
	}
	name := make([]byte, 0, 64)
	name = append(name, "SPAWN_"...)
	name = append(name, c.Name...)
	name = append(name, '_')
	name = append(name, v...)
	e.attachName(q, name)
	e.attach(q, c.ID)
	if e.limits != nil {
		q.spawned = append(q.spawned, string(name))
	}
}

// attachName attaches a class whose name was made from the packet.
func (e *Engine) attachName(q *Query, name []byte) {
	if id := e.cfg.ClassIDBytes(name); id != config.NoClass {
		e.attach(q, id)
	} else if e.on(e.classMessages().unconfigured) {
		q.classes.addUnknown(string(name))
	}
}

// classMessages are the messages about the classes of a query.
type classMessages struct{ one, all, unconfigured *message.Message }

var (
	classMessages4 = classMessages{message.DHCP4ClassAssigned, message.DHCP4ClassesAssigned, message.DHCP4ClassUnconfigured}
	classMessages6 = classMessages{message.DHCP6ClassAssigned, message.DHCP6ClassesAssigned, message.DHCP6ClassUnconfigured}
)

func (e *Engine) classMessages() *classMessages {
	if e.version == 6 {
		return &classMessages6
	}
	return &classMessages4
}

func (e *Engine) attach(q *Query, id config.ClassID) {
	if m := e.classMessages().one; q.classes.add(id) && e.on(m) {
		e.log(q, m, "client packet has been assigned to the following class: %s", e.cfg.ClassName(id))
	}
}

// logClasses tells which classes the query ended up in.
func (e *Engine) logClasses(q *Query) {
	m := e.classMessages()
	if !e.on(m.all) {
		return
	}
	e.log(q, m.all, "client packet has been assigned to the following classes: %s", strings.Join(e.classNames(q), ", "))
	for _, id := range q.classes.order {
		if id < 0 {
			e.log(q, m.unconfigured, "client packet belongs to an unconfigured class: %s", q.classes.unknown[unnamed-id])
		}
	}
}

// classNames returns the names of the query's classes, in their order.
func (e *Engine) classNames(q *Query) []string {
	names := make([]string, len(q.classes.order))
	for i, id := range q.classes.order {
		if id >= 0 {
			names[i] = e.cfg.ClassName(id)
		} else {
			names[i] = q.classes.unknown[unnamed-id]
		}
	}
	return names
}

// additional attaches the classes of evaluate-additional-classes lists: those
// without a test always, others if it holds. Pool, then subnet, then network.
func (e *Engine) additional(q *Query) {
	each := func(ids []config.ClassID) {
		for _, id := range ids {
			c := e.classByID[id]
			if c == nil || q.classes.has(id) {
				continue
			}
			if c.Test == nil && c.Template == nil {
				e.attach(q, id)
				continue
			}
			e.evaluate(q, c)
		}
	}
	if q.pool != nil {
		each(q.pool.Additional)
	}
	for _, p := range q.pools {
		each(p.Additional)
	}
	if q.subnet != nil {
		each(q.subnet.Additional)
		if q.subnet.network != nil {
			each(q.subnet.network.Additional)
		}
	}
}

// reserveClasses attaches the classes of a reservation. Classes that were
// evaluated before and depend on them are evaluated again.
func (e *Engine) reserveClasses(q *Query, h *config.Host) {
	fresh := false
	for _, id := range h.Classes {
		if q.classes.add(id) {
			fresh = true
		}
	}
	if !fresh {
		return
	}
	for _, c := range e.cfg.Classes {
		if c.UsesMember && !c.OnlyAdditional && !c.DependsOnKnown && !reserved(h, c.ID) {
			q.classes.remove(c.ID)
			e.evaluate(q, c)
		}
	}
}

func reserved(h *config.Host, id config.ClassID) bool {
	for _, r := range h.Classes {
		if r == id {
			return true
		}
	}
	return false
}

// settleKnown attaches KNOWN or UNKNOWN and evaluates what depends on it.
func (e *Engine) settleKnown(q *Query, known bool) {
	if known {
		e.attach(q, config.ClassKnown)
	} else {
		e.attach(q, config.ClassUnknown)
	}
	for _, c := range e.second {
		e.evaluate(q, c)
	}
}
