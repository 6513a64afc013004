package engine

import (
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/server/message"
)

// pairOf returns the relationship a query belongs to: the only one, or in a
// hub the one that its subnet names.
func (e *Engine) pairOf(q *Query) *Pair {
	switch len(e.pairs) {
	case 0:
		return nil
	case 1:
		return e.pairs[0]
	}
	if q.subnet == nil || q.subnet.HAServer == "" {
		return nil
	}
	return e.pairNamed(q.subnet.HAServer)
}

func (e *Engine) pairNamed(server string) *Pair {
	for _, p := range e.pairs {
		if server == "" || p.Relationship().Peer(server) != nil {
			return p
		}
	}
	return nil
}

// filterScope drops a query that belongs to the partner's scope. In a hub the
// subnet decides, so that the filter comes after it is selected.
func (e *Engine) filterScope(q *Query) bool {
	if e.scopes != nil {
		x := e.pairQuery(q)
		class, _ := e.scopes.InScope(&x)
		e.joinScope(q, class)
	}
	if len(e.pairs) != 1 {
		return false
	}
	return e.outOfScope(q, e.pairs[0])
}

// filterSubnetScope is filterScope for a hub.
func (e *Engine) filterSubnetScope(q *Query) bool {
	if len(e.pairs) < 2 {
		return false
	}
	p := e.pairOf(q)
	if p == nil {
		q.scope = scopePartner
		e.drop(q, e.scopeDrop(), nil)
		return true
	}
	return e.outOfScope(q, p)
}

func (e *Engine) outOfScope(q *Query, p *Pair) bool {
	x := &p.event.Query
	*x = e.pairQuery(q)
	class, ok := p.machine.InScope(x)
	e.joinScope(q, class)
	if ok {
		q.scope = scopeServed
		return false
	}
	q.scope = scopePartner
	p.event.On = ha.OnOutOfScope
	e.stepPair(p)
	e.drop(q, e.scopeDrop(), e.scopeMessage())
	return true
}

// joinScope adds the class of the server that serves the scope, "" for none.
func (e *Engine) joinScope(q *Query, class string) {
	if class == "" {
		return
	}
	if id := e.cfg.ClassID(class); id != config.NoClass {
		q.classes.add(id)
	}
}

// pairQuery is the query as the machines see it.
func (e *Engine) pairQuery(q *Query) ha.Query {
	if e.version == 6 {
		return e.pairQuery6(q)
	}
	x := ha.Query{Key: q.clientID, HWAddr: q.hw, ClientID: q.clientID, Filtered: ha.Filtered(4, q.M4.Type), HasTried: true}
	if len(x.Key) == 0 {
		x.Key = q.hw
	}
	x.Tried = ha.Secs4(q.M4.Secs())
	return x
}

func (e *Engine) pairQuery6(q *Query) ha.Query {
	x := ha.Query{Key: q.duid, ClientID: q.duid, Filtered: ha.Filtered(6, q.M6.Type)}
	if v, ok := q.M6.Option(elapsedTime6); ok && len(v) == 2 {
		x.HasTried = true
		x.Tried = time.Duration(uint16(v[0])<<8|uint16(v[1])) * 10 * time.Millisecond
	}
	return x
}

const elapsedTime6 = 8 // RFC 9915 §21.9, hundredths of a second

func (e *Engine) scopeDrop() *Drop {
	if e.version == 6 {
		return dropScope6
	}
	return dropScope
}

func (e *Engine) scopeMessage() *message.Message {
	if e.version == 6 {
		return message.HABuffer6ReceiveNotForUs
	}
	return message.HABuffer4ReceiveNotForUs
}
