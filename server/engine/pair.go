package engine

import (
	"net/netip"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
	"leasehold/server/message"
)

// Pair is one high availability relationship while serving: its machine and
// what the engine needs around it. To others it is a name only.
type Pair struct {
	machine *ha.Machine
	begun   bool
	gathers bool // the machine was told that more follows
	wake    time.Time
	point   ha.Point // in the partner's change stream, to be remembered
	event   ha.Event // reused, so that a step allocates nothing
	actions []ha.Action
}

// Relationship returns the configuration of the pair.
func (p *Pair) Relationship() *config.Relationship { return p.machine.Relationship() }

// Send is a command that a machine wants sent to a peer. Its outcome comes
// back as PeerAnswered with the same Pair and ID, exactly once.
type Send struct {
	Pair   *Pair
	Action ha.Action // Do is DoSend
}

// PeerAnswered brings what came of a Send.
type PeerAnswered struct {
	Pair   *Pair
	ID     uint64
	Answer ha.Answer
}

// PeerClosed tells that a peer closed an idle connection.
type PeerClosed struct{ Peer string }

// PairCommand is an ha-* command. It is answered under its ID with Answer.HA.
type PairCommand struct {
	ID      uint64
	Request ha.Request
}

// LeaseBatch are changes that the partner pushes many at a time. It is
// answered with Answer.HA once they are durable.
type LeaseBatch struct {
	ID      uint64
	Changes []lease.Change
	Bad     []int // indexes that could not be read
}

// StreamRead asks for the changes after a point of the change stream.
type StreamRead struct {
	ID    uint64
	Point ha.Point
	Limit uint32
}

// Leave tells every pair that the server is about to stop. It is answered when
// the partners know or need not know.
type Leave struct{ ID uint64 }

func (*PeerAnswered) input() {}
func (PeerClosed) input()    {}
func (*PairCommand) input()  {}
func (*LeaseBatch) input()   {}
func (*StreamRead) input()   {}
func (Leave) input()         {}

// waiter is what a machine's token stands for.
type waiter struct {
	query   *Query
	command uint64 // ID of a PairCommand
	leave   uint64 // ID of a Leave
}

// pairUp makes the machines those of a configuration. A machine whose servers,
// roles and mode stay goes on in its state.
func (e *Engine) pairUp(f *config.Family, now time.Time) {
	if e.alone {
		e.scopes = nil
		if len(f.Relationships) == 1 {
			e.scopes = ha.New(f.Relationships[0], f.Version, now)
		}
		return
	}
	var pairs []*Pair
	fresh := false
	if len(e.pairs) > 0 {
		e.reports = e.report()
	}
	for i, rel := range f.Relationships {
		if i < len(e.pairs) && e.pairs[i].machine.Reconfigure(rel) {
			pairs = append(pairs, e.pairs[i])
			continue
		}
		fresh = true
		p := &Pair{machine: ha.New(rel, f.Version, now)}
		if e.extras != nil {
			p.machine.Extensions = *e.extras
		}
		e.resume(p)
		pairs = append(pairs, p)
	}
	if fresh = fresh || len(pairs) != len(e.pairs); fresh {
		e.service.ResetHA()
	}
	e.pairs = pairs
	e.keepBoundaries(fresh)
	for _, p := range pairs {
		p.machine.Digest = e.digest
	}
}

// beginPairs gives machines that are new their first step.
func (e *Engine) beginPairs() {
	for _, p := range e.pairs {
		if !p.begun {
			p.begun = true
			p.event = ha.Event{On: ha.OnTick}
			e.stepPair(p)
		}
	}
}

// stepPair hands p.event to the machine and carries out what it wants.
func (e *Engine) stepPair(p *Pair) {
	p.event.Stream = ha.Stream{Epoch: e.store.Epoch(), Seq: e.store.Seq()}
	p.actions = p.machine.Step(e.clock, &p.event, p.actions[:0])
	for i := range p.actions {
		e.carry(p, &p.actions[i])
	}
}

func (e *Engine) carry(p *Pair, a *ha.Action) {
	switch a.Do {
	case ha.DoSend:
		if a.Command.Pledges() && e.store.Seq() > e.durable && !e.diskless {
			e.parked.sends = append(e.parked.sends, parkedSend{e.store.Seq(), Send{p, *a}})
			return
		}
		e.fx.Sends = append(e.fx.Sends, Send{p, *a})
	case ha.DoAnswer:
		e.answerToken(a.Token, a.Reply)
	case ha.DoRelease, ha.DoDrop:
		if w, ok := e.tokens[a.Token]; ok && w.query != nil {
			delete(e.tokens, a.Token)
			w.query.waiting.acks = 0
			if a.Do == ha.DoDrop {
				w.query.waiting.failed = true
			} else {
				e.assure(w.query, a.Token)
			}
			e.parked.moved = true
		}
	case ha.DoApply:
		e.applySync(p, a)
	case ha.DoService:
		if a.On {
			e.service.Enable(a.Origin)
		} else {
			e.service.Disable(a.Origin, e.clock, 0)
		}
	case ha.DoWake:
		p.wake = a.At
	case ha.DoRemember:
		p.point, e.memory.wanted = a.Point, true
	case ha.DoTake:
		e.take(a.Shares)
	case ha.DoYield:
		e.yield(a.Shares)
	case ha.DoLog:
		e.logPair(a.Entry)
	}
}

func (e *Engine) answerToken(token uint64, r *ha.Reply) {
	w, ok := e.tokens[token]
	if !ok {
		return
	}
	delete(e.tokens, token)
	id := w.command
	if id == 0 {
		if e.leaving--; e.leaving > 0 {
			return
		}
		id = w.leave
	}
	e.answer(id, Answer{Result: r.Result, Text: r.Text, HA: r})
}

// logPair prints a machine's entry. Kea's identifier names the message.
func (e *Engine) logPair(x *ha.Entry) {
	m := message.ForPair(x.ID, x.Level)
	if !e.enabled(m) {
		return
	}
	start := e.logBegin(nil)
	e.fx.LogText = x.Append(e.fx.LogText)
	e.logEnd(m, start)
}

// token returns a new name for something that waits for a machine.
func (e *Engine) token(w waiter) uint64 {
	if e.tokens == nil {
		e.tokens = make(map[uint64]waiter)
	}
	e.lastToken++
	e.tokens[e.lastToken] = w
	return e.lastToken
}

// push tells the partner of the changes since e.mark and makes the response
// wait for its acknowledgement. Offers are not pushed.
func (e *Engine) push(q *Query) {
	changes := e.journal[e.mark:]
	e.mark = len(e.journal)
	if len(changes) == 0 || q.offer {
		return
	}
	p := e.pairOf(q)
	if p == nil {
		return
	}
	x := &p.event
	x.On, x.Token, x.Changes = ha.OnCommitted, 0, changes
	x.More, p.gathers = true, true
	x.HWAddr, x.ClientID = q.hw, q.clientID
	if e.version == 6 {
		x.HWAddr, x.ClientID = nil, q.duid
	}
	limit := e.cfg.ParkedPacketLimit
	switch {
	case q.Response == nil:
	case limit > 0 && len(e.tokens) >= int(limit):
		e.silence(q, dropParked, nil)
		e.stats.count(e.queueFull())
		e.doubt(changes, unawaited)
	default:
		q.waiting.acks = 1
		q.waiting.token = e.token(waiter{query: q})
		x.Token = q.waiting.token
	}
	if x.Token != 0 {
		e.doubt(changes, x.Token)
	}
	e.stepPair(p)
	x.Changes, x.Token, x.More = nil, 0, false
}

// finishPairs lets the machines send what has gathered in this Step.
func (e *Engine) finishPairs() {
	for _, p := range e.pairs {
		if p.gathers {
			p.gathers = false
			p.event.On = ha.OnTick
			e.stepPair(p)
		}
	}
}

// unawaited stands for the token of changes whose outcome nobody is told.
const unawaited = ^uint64(0)

// doubt notes that leases are not known to the peers yet: until they are,
// nobody gets one of them again without a new change that is waited for.
func (e *Engine) doubt(changes []lease.Change, token uint64) {
	if e.doubtful == nil {
		e.doubtful = make(map[netip.Addr]uint64)
	}
	for i := range changes {
		if c := &changes[i]; c.Delete {
			delete(e.doubtful, c.Lease.Addr)
		} else {
			e.doubtful[c.Lease.Addr] = token
		}
	}
}

// assure ends the doubt about the leases that a response promises.
func (e *Engine) assure(q *Query, token uint64) {
	settle := func(a netip.Addr) {
		if e.doubtful[a] == token {
			delete(e.doubtful, a)
		}
	}
	settle(q.lease.Addr)
	for i := range q.grants {
		settle(q.grants[i].lease.Addr)
	}
}

func (e *Engine) pairCommand(c *PairCommand) {
	p := e.pairNamed(c.Request.Server)
	if p == nil {
		text := c.Request.Server + " matches no configured 'server-name'"
		e.answer(c.ID, Answer{Result: Failure, Text: text, HA: &ha.Reply{Result: Failure, Text: text}})
		return
	}
	if c.Request.Name == ha.PoolShare && p.machine.Cedes(c.Request.Server) {
		c.Request.Shares = e.cede(c.Request.Shares)
	}
	p.event.On, p.event.Request = ha.OnCommand, c.Request
	p.event.Token = e.token(waiter{command: c.ID})
	e.stepPair(p)
	p.event.Token = 0
}

func (e *Engine) leave(l Leave) {
	if len(e.pairs) == 0 {
		e.answer(l.ID, Answer{})
		return
	}
	e.leaving = len(e.pairs)
	for _, p := range e.pairs {
		p.event.On = ha.OnLeave
		p.event.Token = e.token(waiter{leave: l.ID})
		e.stepPair(p)
		p.event.Token = 0
	}
}

// tickPairs brings OnTick to the machines that asked for it.
func (e *Engine) tickPairs() {
	for _, p := range e.pairs {
		if !p.wake.IsZero() && !e.clock.Before(p.wake) {
			p.wake = time.Time{}
			p.event.On = ha.OnTick
			e.stepPair(p)
		}
	}
}

func (e *Engine) peerAnswered(a *PeerAnswered) {
	for _, p := range e.pairs {
		if p == a.Pair {
			p.event.On, p.event.ID, p.event.Answer = ha.OnAnswer, a.ID, a.Answer
			e.stepPair(p)
			p.event.Answer = ha.Answer{}
		}
	}
}

func (e *Engine) peerClosed(c PeerClosed) {
	for _, p := range e.pairs {
		if p.Relationship().Peer(c.Peer) != nil {
			p.event.On, p.event.Peer = ha.OnClosed, c.Peer
			e.stepPair(p)
		}
	}
}

// mayReclaim says whether an expired lease is ours to reclaim: a terminated
// server leaves those of the partner's clients alone, and one that is not told
// of everything those that the partner may have extended.
func (e *Engine) mayReclaim(l *lease.Lease) bool {
	for _, p := range e.pairs {
		if p.machine.State() != ha.Terminated {
			continue
		}
		if !p.machine.Owns(clientKey(l)) {
			return false
		}
	}
	return !e.kept(l)
}

// clientKey is what decides whose client the holder of a lease is.
func clientKey(l *lease.Lease) []byte {
	if l.ClientID != "" {
		return []byte(l.ClientID)
	}
	return []byte(l.HWAddr)
}

// PairStatus is the high-availability member of status-get, as JSON text; nil
// without relationships.
func (e *Engine) pairStatus() []byte {
	if len(e.pairs) == 0 {
		return nil
	}
	b := []byte("[ ")
	for i, p := range e.pairs {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = p.machine.AppendStatus(b, e.clock)
	}
	return append(b, " ]"...)
}

func (e *Engine) queueFull() Stat {
	if e.version == 6 {
		return Pkt6QueueFull
	}
	return Pkt4QueueFull
}
