package ha

import "leasehold/lease"

// backlog holds lease changes for a partner that cannot take them now.
type backlog struct {
	limit      int
	changes    []lease.Change // at most limit
	overflowed bool           // at least one change did not fit
}

// push adds the changes of one exchange; those that do not fit are dropped and
// leave the mark.
func (b *backlog) push(changes []lease.Change) {
	room := max(b.limit-len(b.changes), 0)
	if len(changes) > room {
		b.overflowed = true
		changes = changes[:room]
	}
	b.changes = append(b.changes, changes...)
}

// shift removes the n oldest changes.
func (b *backlog) shift(n int) {
	n = copy(b.changes, b.changes[min(n, len(b.changes)):])
	clear(b.changes[n:])
	b.changes = b.changes[:n]
}

func (b *backlog) clear() {
	clear(b.changes)
	b.changes, b.overflowed = b.changes[:0], false
}
