package ha

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"leasehold/lease"
)

// backlog holds lease changes for a partner that cannot take them now.
type backlog struct {
	limit      int
	changes    []lease.Change // at most limit
	sent       int            // of changes, under way
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

// drop removes what the partner has read in our change stream up to seq: it may
// know later changes of the same addresses, which did not fit in here. The first
// n are under way.
func (b *backlog) drop(seq uint64, n int) {
	n = min(n, len(b.changes))
	rest := slices.DeleteFunc(b.changes[n:], func(c lease.Change) bool { return c.Seq <= seq })
	b.changes = b.changes[:n+len(rest)]
}

func (b *backlog) clear() {
	clear(b.changes)
	b.changes, b.overflowed = b.changes[:0], false
}

// Ours says whether the partner is one of us.
func (m *Machine) Ours() bool { return m.partner.features != Features{} }

// mayQueue says whether hot-standby may go on without the partner.
func (m *Machine) mayQueue() bool {
	return m.state == HotStandby && m.Extensions.QueueAfter > 0 && m.Extensions.QueueLimit > 0 &&
		(m.Ours() || m.Extensions.QueueKea)
}

// lateAt returns when the oldest update has waited too long.
func (m *Machine) lateAt() time.Time {
	if m.queueing || !m.mayQueue() {
		return time.Time{}
	}
	if u := m.oldest(); u != nil {
		return u.since.Add(m.Extensions.QueueAfter)
	}
	return time.Time{}
}

func (m *Machine) queueLate() {
	if m.due(m.lateAt()) {
		m.startQueueing()
	}
}

// startQueueing lets responses leave without the partner.
func (m *Machine) startQueueing() bool {
	if !m.mayQueue() {
		return false
	}
	m.queueing = true
	m.backlog.limit = m.Extensions.QueueLimit
	m.log("warn", "HA_LEASE_UPDATES_QUEUED", "the partner does not acknowledge, lease updates are queued",
		"server", m.this.Name, "partner", m.other.Name)
	m.settle()
	if m.beatID == 0 {
		m.beatAt = m.now
	}
	return true
}

// stepBacklog sends the next piece of the backlog, or the reset.
func (m *Machine) stepBacklog() {
	if m.backjob == flushJob && len(m.backlog.changes) == 0 {
		m.endBacklog()
		return
	}
	var f *flight
	if m.backjob == resetJob {
		f = m.flights.take(forReset)
		f.command = Command{Name: cmdReset}
	} else {
		f = m.flights.take(forBacklog)
		m.backlog.sent = m.piece()
		f.changes = append(f.changes[:0], m.backlog.changes[:m.backlog.sent]...)
		if f.command = m.updateCommand(f.changes, true); m.features().Batch {
			f.command.Name = cmdBatch
		}
	}
	m.send(m.other, f.id, &f.command, requestTimeout, m.series)
}

// piece returns how much of the backlog fits into one command. A bulk-apply
// deletes before it writes, so that an address may occur in it once.
func (m *Machine) piece() int {
	all := m.backlog.changes
	switch {
	case m.features().Batch:
		return min(len(all), maxBatch)
	case m.family == 4:
		return 1
	}
	seen := make(map[netip.Addr]bool, len(all))
	for i := range all {
		if seen[all[i].Lease.Addr] {
			return i
		}
		seen[all[i].Lease.Addr] = true
	}
	return len(all)
}

// underWay returns how many changes of the backlog have been sent and not been
// answered.
func (m *Machine) underWay() int {
	if m.backjob == flushJob {
		return m.backlog.sent
	}
	return 0
}

func (m *Machine) endBacklog() {
	m.backjob = noJob
	m.log("info", "HA_LEASES_BACKLOG_SUCCESS", "lease updates backlog was sent",
		"server", m.this.Name, "partner", m.other.Name)
	if m.queueing {
		if m.backlog.overflowed && !m.features().Stream {
			m.backjob = resetJob
			m.stepBacklog()
			return
		}
		m.backlog.clear()
		m.queueing = false
		return
	}
	m.run()
}

func (m *Machine) backlogAnswered(f *flight, a *Answer) {
	if m.backjob == noJob || m.state != CommunicationRecovery && !m.queueing {
		return // the state that wanted it is left
	}
	if a.Err != nil {
		m.log("warn", "HA_LEASES_BACKLOG_COMMUNICATIONS_FAILED", "backlog was not delivered",
			"server", m.this.Name, "partner", m.other.Name, "reason", a.Failure())
		m.backjob = noJob
		m.unavailable()
		m.run()
		return
	}
	if f.use == forReset {
		m.backjob = noJob
		if a.Failure() != "" {
			return
		}
		m.missing.add(m.backlog.changes) // until the partner has pulled them
		m.backlog.clear()
		if m.queueing {
			m.queueing = false
		} else {
			m.become(Waiting, "partner was told to start over, so do we")
			m.run()
		}
		return
	}
	if !a.succeeded() && a.Result != resultConflict {
		m.log("warn", "HA_LEASES_BACKLOG_FAILED", "the partner did not take the backlog",
			"server", m.this.Name, "partner", m.other.Name, "reason", a.Failure())
		m.backjob = resetJob
	} else {
		m.backlog.shift(len(f.changes))
		if n := len(a.Failed); n > 0 || a.Result == resultConflict {
			m.missing.add(f.changes)
			m.log("warn", "HA_LEASE_UPDATE_CONFLICT", "the partner refused updates of the backlog",
				"server", m.this.Name, "partner", m.other.Name, "leases", strconv.Itoa(max(n, 1)))
		}
	}
	m.stepBacklog()
}
