package engine

import (
	"leasehold/ha"
	"leasehold/lease"
)

// TakeEvents asks for what has happened after a point: lease changes that are
// durable, and transitions of pairs. It is answered under its ID with
// Answer.Events.
type TakeEvents struct {
	ID    uint64
	Seq   uint64 // of the last change that is known
	Moves []int  // of the last transition that is known, by pair
	Limit int    // of changes; 0: none of either, only where the streams stand
}

func (*TakeEvents) input() {}

// Events are what has happened after a point.
type Events struct {
	Seq     uint64         // of the last change among Changes, or the point itself
	Changes []lease.Change // in order
	Lost    bool           // changes between the point and the first of Changes are forgotten
	More    bool           // there are more changes
	Moves   []int          // the numbers for the next TakeEvents
	Pairs   []PairMoves
}

// PairMoves are transitions of a relationship.
type PairMoves struct {
	This, Partner string
	Transitions   []ha.Transition
}

func (e *Engine) takeEvents(t *TakeEvents) {
	x := &Events{Seq: t.Seq, Moves: make([]int, len(e.pairs))}
	ceiling := e.ceiling()
	if t.Limit == 0 {
		x.Seq = ceiling
		for i, p := range e.pairs {
			x.Moves[i] = p.machine.Moves()
		}
		e.answer(t.ID, Answer{Events: x})
		return
	}
	if ceiling > t.Seq {
		var ok bool
		if x.Changes, ok = e.store.Changes(nil, t.Seq, t.Limit); !ok {
			x.Lost = true
			x.Changes, _ = e.store.Changes(nil, e.store.Oldest(), t.Limit)
		}
		for n := len(x.Changes); n > 0 && x.Changes[n-1].Seq > ceiling; n-- {
			x.Changes = x.Changes[:n-1]
		}
		if n := len(x.Changes); n > 0 {
			x.Seq = x.Changes[n-1].Seq
		}
		x.More = x.Seq < ceiling && len(x.Changes) > 0
	}
	for i, p := range e.pairs {
		known := 0
		if i < len(t.Moves) {
			known = t.Moves[i]
		}
		m := PairMoves{This: p.machine.Relationship().This().Name}
		if other := p.machine.Relationship().Partner(); other != nil {
			m.Partner = other.Name
		}
		if m.Transitions, x.Moves[i] = p.machine.Transitions(nil, known); len(m.Transitions) > 0 {
			x.Pairs = append(x.Pairs, m)
		}
	}
	e.answer(t.ID, Answer{Events: x})
}

// ceiling is the last change that will not be lost any more.
func (e *Engine) ceiling() uint64 {
	if e.diskless {
		return e.store.Seq()
	}
	return e.durable
}

// stirred says whether there are events since it was last asked.
func (e *Engine) stirred() bool {
	now := e.ceiling()
	for _, p := range e.pairs {
		now += uint64(p.machine.Moves()) << 40
	}
	if now == e.stir {
		return false
	}
	e.stir = now
	return true
}
