package engine

import (
	"time"

	"leasehold/ha"
)

// Memory is what is kept of pairs across restarts, so that only what was missed
// has to be fetched. It holds once every change up to Seq is durable.
type Memory struct {
	Points []Remembered
	Seq    uint64 // of our own change stream
	Sent   uint64 // up to where the partners have all of it
	Known  uint64 // up to where the partners are sure to know that they have it
}

// Remembered is how far a partner's change stream is known.
type Remembered struct {
	Partner string    `json:"partner"`
	Point   ha.Point  `json:"point"`
	Parted  time.Time `json:"parted,omitzero"` // since when it is not told everything; zero: it is
}

// Resumed is what a Memory is worth after a restart.
type Resumed struct {
	Points []Remembered
	Owed   uint64 // from this change on the partners may lack some
}

func (r *Resumed) of(partner string) Remembered {
	for _, x := range r.Points {
		if x.Partner == partner {
			return x
		}
	}
	return Remembered{}
}

// memoryPause is how long a Memory is good enough.
const memoryPause = time.Second

// remembering is a Memory on its way out of the engine.
type remembering struct {
	wanted  bool // something has changed
	next    time.Time
	waiting *Memory // for the disk
}

// resume tells a new pair what is remembered of the run before.
func (e *Engine) resume(p *Pair) {
	from := uint64(1)
	if r := e.resumed; r != nil {
		if other := p.Relationship().Partner(); other != nil {
			x := r.of(other.Name)
			p.point = x.Point
			p.machine.Resume(x.Point, x.Parted)
		}
		from = r.Owed
	}
	for _, r := range e.reports {
		if r.of(p) {
			p.machine.Recall(r.Conflicts, r.Total)
		}
	}
	p.machine.Owe(from, e.store.Seq())
}

// TakeMemory asks for a Memory now.
type TakeMemory struct{}

func (TakeMemory) input() {}

// noteMemory hands a Memory out when what it tells is durable.
func (e *Engine) noteMemory() {
	r := &e.memory
	if r.waiting == nil && r.wanted && !e.clock.Before(r.next) {
		r.waiting, r.wanted, r.next = e.recall(), false, e.clock.Add(memoryPause)
	}
	if w := r.waiting; w != nil && (w.Seq <= e.durable || e.diskless) {
		e.fx.Memory, r.waiting = w, nil
	}
}

// recall gathers a Memory.
func (e *Engine) recall() *Memory {
	m := &Memory{Seq: e.store.Seq()}
	m.Sent, m.Known = m.Seq, m.Seq
	for _, p := range e.pairs {
		if other := p.Relationship().Partner(); other != nil {
			x := Remembered{Partner: other.Name, Point: p.point}
			if p.machine.Behind() {
				x.Parted = p.machine.Parted()
			}
			m.Points = append(m.Points, x)
			sent, known := p.machine.Known(ha.Stream{Epoch: e.store.Epoch(), Seq: m.Seq})
			m.Sent, m.Known = min(m.Sent, sent), min(m.Known, known)
		}
	}
	return m
}
