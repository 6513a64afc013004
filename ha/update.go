package ha

import (
	"net/netip"
	"slices"
	"time"

	"leasehold/lease"
)

const (
	maxFlights  = 4    // bulk updates under way to a partner that is a Kea
	ourFlights  = 1    // batches under way to one of us: what gathers meanwhile makes the next
	maxSingles  = 1024 // single updates under way to the partner
	maxBatch    = 512  // changes in one batch
	maxFollowed = 4096 // updates under way to backups that nobody waits for
)

// update is the change set of one exchange on its way to the peers.
type update struct {
	token   uint64
	serial  uint64
	waits   int  // acknowledgements the response waits for
	held    int  // flights and places in the outbox
	partner bool // one of waits is the partner's
	lost    bool // the response was dropped
	alone   bool // not to be sent together with others
	client  []byte
	changes []lease.Change
	since   time.Time
}

// updates are all change sets under way. Slots, and the memory they hold, are
// used again.
type updates struct {
	list     []*update
	free     []int
	outbox   []int // for the partner, oldest first
	sent     int   // flights to the partner
	follows  int   // flights to backups
	order    []serialSlot
	serial   uint64
	carrying map[netip.Addr]struct{} // addresses in flights to the partner
}

type serialSlot struct {
	serial uint64
	slot   int
}

// span is a range of sequence numbers; empty when from is 0.
type span struct{ from, to uint64 }

func (s *span) add(changes []lease.Change) {
	for i := range changes {
		seq := changes[i].Seq
		if s.from == 0 || seq < s.from {
			s.from = seq
		}
		s.to = max(s.to, seq)
	}
}

// known takes back everything up to seq.
func (s *span) known(seq uint64) {
	switch {
	case s.from == 0:
	case seq >= s.to:
		*s = span{}
	case seq >= s.from:
		s.from = seq + 1
	}
}

// committed decides who is told about changed leases, and what their response
// waits for.
func (m *Machine) committed(ev *Event) {
	toPartner, backups := false, false
	if len(ev.Changes) > 0 && m.rel.SendUpdates && m.role != roleBackup {
		toPartner = m.other != nil && m.divert(ev.Changes)
		backups = m.state.serves()
	}
	slot := -1
	if toPartner {
		slot = m.hold(ev)
		m.updates.list[slot].partner = true
		m.updates.list[slot].waits++
		m.updates.list[slot].held++
		m.updates.outbox = append(m.updates.outbox, slot)
		m.updates.order = append(m.updates.order, serialSlot{m.updates.list[slot].serial, slot})
	}
	if backups {
		slot = m.tellBackups(ev, slot)
	}
	if slot < 0 {
		m.release(ev.Token)
		return
	}
	if u := m.updates.list[slot]; u.waits == 0 {
		m.release(u.token)
		u.token = 0
	}
}

// divert says whether changes are to be sent to the partner now; otherwise it
// has queued or counted them.
func (m *Machine) divert(changes []lease.Change) bool {
	switch {
	case m.state == CommunicationRecovery || m.queueing:
		m.part()
		was := m.backlog.overflowed
		m.backlog.overflowed = false
		if m.backlog.push(changes); m.backlog.overflowed {
			m.missing.add(changes)
		}
		m.backlog.overflowed = m.backlog.overflowed || was
	case m.state.pushes():
		return true
	default:
		m.skip(changes)
	}
	return false
}

// skip counts a change set that the partner is not told about. Zero is never
// reached again: it means that nothing was left out.
func (m *Machine) skip(changes []lease.Change) {
	m.part()
	m.missing.add(changes)
	if m.unsent++; m.unsent == 0 {
		m.unsent = 1
	}
}

func (m *Machine) tellBackups(ev *Event, slot int) int {
	awaited := m.rel.WaitBackupAck && m.rel.Mode == modePassiveBackup
	for i := range m.rel.Peers {
		peer := &m.rel.Peers[i]
		if peer == m.this || peer.Role != roleBackup {
			continue
		}
		if !awaited && m.updates.follows >= maxFollowed {
			m.log("warn", "HA_LEASE_UPDATE_COMMUNICATIONS_FAILED", "backup server does not keep up, update left out",
				"server", m.this.Name, "partner", peer.Name)
			continue
		}
		if slot < 0 {
			slot = m.hold(ev)
		}
		u := m.updates.list[slot]
		for from := 0; from < len(u.changes); {
			n := len(u.changes)
			if m.family == 4 {
				n = 1
			}
			f := m.flights.take(forUpdate)
			f.changes = append(f.changes[:0], u.changes[from:min(from+n, len(u.changes))]...)
			f.parts = append(f.parts[:0], part{slot, len(f.changes)})
			f.command = m.updateCommand(f.changes, false)
			from += n
			u.held++
			m.updates.follows++
			if awaited {
				u.waits++
			}
			m.send(peer, f.id, &f.command, requestTimeout, 0)
		}
	}
	return slot
}

// hold takes a slot for a change set.
func (m *Machine) hold(ev *Event) int {
	t := &m.updates
	slot := len(t.list)
	if n := len(t.free); n > 0 {
		slot = t.free[n-1]
		t.free = t.free[:n-1]
	} else {
		t.list = append(t.list, &update{})
	}
	t.serial++
	u := t.list[slot]
	u.token, u.serial, u.since = ev.Token, t.serial, m.now
	u.changes = append(u.changes[:0], ev.Changes...)
	u.client = appendClientKey(u.client[:0], ev.HWAddr, ev.ClientID)
	return slot
}

// let gives one hold on a slot back.
func (m *Machine) let(slot int) {
	u := m.updates.list[slot]
	if u.held--; u.held > 0 {
		return
	}
	clear(u.changes)
	*u = update{client: u.client[:0], changes: u.changes[:0]}
	m.updates.free = append(m.updates.free, slot)
}

// updateCommand words changes for a peer that may be a Kea. State 3 and above
// is for those that have shown to know it: Kea 2.2 refuses it.
func (m *Machine) updateCommand(changes []lease.Change, partner bool) Command {
	c := Command{Name: cmdUpdate4, Changes: changes, Old: !partner || !m.partner.maintained && !m.Ours()}
	switch {
	case m.family == 6:
		c.Name = cmdBulkApply
	case c.deletes(&changes[0]):
		c.Name = cmdDelete4
	}
	return c
}

// pump sends what waits for the partner, as much at a time as it understands:
// one lease (v4), one bulk-apply (v6), or a batch. Two changes of one address
// are never under way at once; they might arrive in the other order.
func (m *Machine) pump() {
	t := &m.updates
	limit, size := maxFlights, maxBatch
	batch := m.features().Batch
	switch {
	case batch:
		limit = ourFlights
	case m.family == 4:
		limit, size = maxSingles, 1
	}
	for len(t.outbox) > 0 && t.sent < limit {
		n := m.gather(size)
		if n == 0 {
			return
		}
		if size == 1 {
			m.sendSingles(t.outbox[0])
		} else {
			m.sendBatch(t.outbox[:n], batch)
		}
		t.outbox = t.outbox[:copy(t.outbox, t.outbox[n:])]
	}
}

// gather marks the addresses of the change sets that can go together now, from
// the front of the outbox, and returns how many sets these are.
func (m *Machine) gather(size int) (n int) {
	t := &m.updates
	if t.carrying == nil {
		t.carrying = make(map[netip.Addr]struct{})
	}
	total := 0
	for _, slot := range t.outbox {
		u := t.list[slot]
		if n > 0 && (u.alone || size == 1 || total+len(u.changes) > size) {
			break
		}
		if m.carried(u) {
			break
		}
		for i := range u.changes {
			t.carrying[u.changes[i].Lease.Addr] = struct{}{}
		}
		total += len(u.changes)
		if n++; u.alone {
			break
		}
	}
	return n
}

func (m *Machine) carried(u *update) bool {
	for i := range u.changes {
		if _, ok := m.updates.carrying[u.changes[i].Lease.Addr]; ok {
			return true
		}
	}
	return false
}

func (m *Machine) sendSingles(slot int) {
	u := m.updates.list[slot]
	for i := range u.changes {
		f := m.flights.take(forUpdate)
		f.partner = true
		f.changes = append(f.changes[:0], u.changes[i])
		f.parts = append(f.parts[:0], part{slot, 1})
		f.command = m.updateCommand(f.changes, true)
		m.updates.sent++
		if i > 0 {
			u.held++
			if u.partner {
				u.waits++
			}
		}
		m.send(m.other, f.id, &f.command, requestTimeout, 0)
	}
}

func (m *Machine) sendBatch(slots []int, batch bool) {
	f := m.flights.take(forUpdate)
	f.partner = true
	f.changes, f.parts = f.changes[:0], f.parts[:0]
	for _, slot := range slots {
		u := m.updates.list[slot]
		f.changes = append(f.changes, u.changes...)
		f.parts = append(f.parts, part{slot, len(u.changes)})
	}
	// Alone, an exchange travels as Kea's own command: nothing is gained then.
	if batch && (len(slots) > 1 || m.family == 4 && len(f.changes) > 1) {
		f.command = Command{Name: cmdBatch, Changes: f.changes}
	} else {
		f.command = m.updateCommand(f.changes, true)
	}
	m.updates.sent++
	m.send(m.other, f.id, &f.command, requestTimeout, 0)
}

// verdict is what an answer means for one change set.
type verdict uint8

const (
	accepted verdict = iota
	conflict
	failed
)

// updateAnswered takes the answer to an update, or to many.
func (m *Machine) updateAnswered(f *flight, a *Answer) {
	if !f.partner {
		m.backupAnswered(f, a)
		return
	}
	m.updates.sent--
	for i := range f.changes {
		delete(m.updates.carrying, f.changes[i].Lease.Addr)
	}
	if a.Err == nil && !a.succeeded() && len(f.parts) > 1 {
		m.split(f)
		return
	}
	bad := false
	first := 0
	for _, p := range f.parts {
		bad = m.judge(m.updates.list[p.update], a, a.verdict(f.changes, first, p.n, len(f.parts))) || bad
		first += p.n
	}
	if bad {
		m.run()
		first = 0
		for _, p := range f.parts {
			u := m.updates.list[p.update]
			if u.partner && a.verdict(f.changes, first, p.n, len(f.parts)) == failed {
				m.giveUp(u)
			}
			first += p.n
		}
		m.giveUpUnsent()
	}
	for _, p := range f.parts {
		m.let(p.update)
	}
}

// judge takes what the partner said about one update, and says whether the
// state may have to change for it.
func (m *Machine) judge(u *update, a *Answer, v verdict) bool {
	switch v {
	case accepted:
		m.partner.accept(u.client)
		m.acknowledge(u)
		return false
	case conflict:
		m.log("warn", "HA_LEASE_UPDATE_CONFLICT", "the partner refused a lease update",
			"server", m.this.Name, "partner", m.other.Name, "reason", a.Text)
		m.partner.reject(u.client, m.now, m.rel.MaxRejected)
		m.probe = append(m.probe[:0], u.changes[:1]...)
		m.drop(u, "partner refused the lease update")
	case failed:
		m.log("warn", "HA_LEASE_UPDATE_COMMUNICATIONS_FAILED", "a lease update was not delivered",
			"server", m.this.Name, "partner", m.other.Name, "reason", a.Failure())
		if a.Refused && m.features().Goodbye {
			m.partner.gone = true
		}
		if a.Ended {
			m.closed(m.other.Name)
		}
		m.unavailable()
	}
	return true
}

// split sends the change sets of a refused batch again, one by one: a single
// bad lease must not cost the others their responses.
func (m *Machine) split(f *flight) {
	again := make([]int, 0, len(f.parts)+len(m.updates.outbox))
	for _, p := range f.parts {
		u := m.updates.list[p.update]
		if !u.partner { // nobody waits any more
			m.let(p.update)
			continue
		}
		u.alone = true
		again = append(again, p.update)
	}
	m.updates.outbox = append(again, m.updates.outbox...)
}

// giveUp ends the wait for a partner that did not answer.
func (m *Machine) giveUp(u *update) {
	switch {
	case !m.Ours() || m.state.pushes() && !m.queueing && !m.startQueueing():
		m.drop(u, "partner did not acknowledge the lease update")
	default:
		m.dispose(u)
	}
}

// giveUpUnsent ends the waits of updates that were not even sent in the time
// that the partner has to answer, because others before them were not answered.
func (m *Machine) giveUpUnsent() {
	if !m.state.pushes() || m.queueing || m.partner.state != Unavailable {
		return
	}
	t := &m.updates
	kept := t.outbox[:0]
	for _, slot := range t.outbox {
		u := t.list[slot]
		if m.now.Sub(u.since) < requestTimeout {
			kept = append(kept, slot)
			continue
		}
		if u.partner {
			m.drop(u, "partner did not acknowledge the lease update")
		}
		m.let(slot)
	}
	t.outbox = kept
}

// dispose ends the wait for the partner in a way that suits the state.
func (m *Machine) dispose(u *update) {
	if !u.partner {
		return
	}
	if m.state.serves() && !m.divert(u.changes) {
		u.waits, u.partner = 0, false
		m.release(u.token)
		u.token = 0
		return
	}
	m.drop(u, "high availability went to state "+m.state.String())
}

// settle ends waits that the new state does not have, oldest first: of two
// changes of one address the backlog must have the newer one last. Updates under
// way to a Kea are waited for as Kea does, unless we were told not to.
func (m *Machine) settle() {
	t := &m.updates
	if m.state.pushes() && !m.queueing {
		return
	}
	if m.Ours() || m.queueing {
		for _, o := range t.order {
			if u := t.list[o.slot]; u.serial == o.serial {
				m.dispose(u)
			}
		}
	}
	for _, slot := range t.outbox {
		m.dispose(t.list[slot])
		m.let(slot)
	}
	t.outbox = t.outbox[:0]
}

func (m *Machine) backupAnswered(f *flight, a *Answer) {
	m.updates.follows--
	slot := f.parts[0].update
	u := m.updates.list[slot]
	awaited := m.rel.WaitBackupAck && m.rel.Mode == modePassiveBackup
	if !a.succeeded() {
		m.log("warn", "HA_LEASE_UPDATE_COMMUNICATIONS_FAILED", "a lease update was not delivered to a backup server",
			"server", m.this.Name, "reason", a.Failure())
	}
	if awaited {
		if a.succeeded() {
			m.acknowledge(u)
		} else {
			m.drop(u, "backup server did not acknowledge the lease update")
		}
	}
	m.let(slot)
}

// acknowledge counts one acknowledgement.
func (m *Machine) acknowledge(u *update) {
	if u.lost || u.waits == 0 {
		return
	}
	if u.waits--; u.waits == 0 {
		u.partner = false
		m.release(u.token)
		u.token = 0
	}
}

func (m *Machine) release(token uint64) {
	if token != 0 {
		m.do(Action{Do: DoRelease, Token: token})
	}
}

func (m *Machine) drop(u *update, why string) {
	if u.partner {
		m.part()
		m.missing.add(u.changes)
	}
	u.lost, u.partner, u.waits = true, false, 0
	if u.token != 0 {
		m.do(Action{Do: DoDrop, Token: u.token, Reason: why})
		u.token = 0
	}
}

// Awaits says whether the partner is yet to acknowledge a change of an address.
// asked: such a change was committed and its response has not been released.
func (m *Machine) Awaits(addr netip.Addr, asked bool) bool {
	concerns := func(list []lease.Change) bool {
		return slices.ContainsFunc(list, func(c lease.Change) bool { return c.Lease.Addr == addr })
	}
	if concerns(m.backlog.changes) {
		return true
	}
	if !asked {
		return false
	}
	for _, u := range m.updates.list {
		if u.partner && concerns(u.changes) {
			return true
		}
	}
	return false
}

// Precedes says whose lease stays where both servers have given one away in the
// same second: true, ours.
func (m *Machine) Precedes() bool { return m.role == rolePrimary }

// oldest returns the update that has waited longest for the partner.
func (m *Machine) oldest() *update {
	t := &m.updates
	n := 0
	for n < len(t.order) {
		o := t.order[n]
		if u := t.list[o.slot]; u.serial == o.serial && u.partner {
			break
		}
		n++
	}
	if n > 0 && (n == len(t.order) || n >= 256) {
		t.order = t.order[:copy(t.order, t.order[n:])]
		n = 0
	}
	if n == len(t.order) {
		return nil
	}
	return t.list[t.order[n].slot]
}
