package ha

import "leasehold/lease"

// purpose says whose answer a flight brings.
type purpose uint8

const (
	forNobody purpose = iota // sent and forgotten, or whoever waited is gone
	forHeartbeat
	forPull
	forUpdate
	forBacklog
	forReset
	forMaintenance
	forGoodbye
	forProbe
	forShare
)

// flight is one command that is under way. It keeps its command until the
// answer is there, whatever became of the reason for it.
type flight struct {
	id      uint64
	use     purpose
	partner bool // addressed to the partner
	pull    *pull
	command Command
	changes []lease.Change // of updates, in the order of parts
	parts   []part
}

// part is the share that one update has in a flight.
type part struct {
	update int
	n      int // changes
}

// flights is a slab: identifiers are a slot and its generation, so that an
// answer that comes twice or too late finds nothing.
type flights struct {
	list []*flight
	free []int
}

func (t *flights) take(use purpose) *flight {
	if n := len(t.free); n > 0 {
		f := t.list[t.free[n-1]]
		t.free = t.free[:n-1]
		f.use = use
		return f
	}
	f := &flight{id: 1<<32 | uint64(len(t.list)), use: use}
	t.list = append(t.list, f)
	return f
}

// land returns the flight of an identifier, or nil.
func (t *flights) land(id uint64) *flight {
	slot := int(uint32(id))
	if slot >= len(t.list) || t.list[slot].id != id {
		return nil
	}
	return t.list[slot]
}

func (t *flights) release(f *flight) {
	slot := int(uint32(f.id))
	clear(f.changes)
	clear(f.parts)
	*f = flight{id: f.id + 1<<32, changes: f.changes[:0], parts: f.parts[:0]}
	t.free = append(t.free, slot)
}

// answered hands an answer to whoever waits for it.
func (m *Machine) answered(id uint64, a *Answer) {
	f := m.flights.land(id)
	if f == nil {
		return
	}
	switch f.use {
	case forHeartbeat:
		if m.beatID == id {
			m.heartbeatAnswered(a)
		}
	case forPull:
		m.pullAnswered(f.pull, a)
	case forUpdate:
		m.updateAnswered(f, a)
	case forBacklog, forReset:
		m.backlogAnswered(f, a)
	case forMaintenance:
		m.maintenanceAnswered(a)
	case forGoodbye:
		m.left()
	case forProbe:
		m.probeAnswered(f, a)
	case forShare:
		m.shareAnswered(id, a)
	}
	m.flights.release(f)
}
