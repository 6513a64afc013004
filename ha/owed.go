package ha

import "leasehold/lease"

// Partnered says whether there is a partner that is to have our leases.
func (m *Machine) Partnered() bool { return m.other != nil && m.rel.SendUpdates }

// Unsent returns the range of our change stream with changes that the partner
// was not sent; 0, 0 when it was sent all.
func (m *Machine) Unsent() (from, to uint64) { return m.missing.from, m.missing.to }

// EachQueued calls fn for the changes that wait for the partner, oldest first.
func (m *Machine) EachQueued(fn func(*lease.Change)) {
	for i := range m.backlog.changes {
		fn(&m.backlog.changes[i])
	}
}

// Transitions appends the transitions after the nth, oldest first, as far as
// they are remembered, and returns the number of the last one.
func (m *Machine) Transitions(dst []Transition, n int) ([]Transition, int) {
	j := &m.journal
	if n > j.n {
		n = 0
	}
	for i := max(n, j.n-len(j.ring)); i < j.n; i++ {
		dst = append(dst, j.ring[i%len(j.ring)])
	}
	return dst, j.n
}

// Moves is the number of transitions since the start.
func (m *Machine) Moves() int { return m.journal.n }
