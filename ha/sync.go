package ha

import (
	"net/netip"
	"strconv"
	"time"

	"leasehold/config"
)

// streamPause is how long a change stream is left alone that was refused.
const streamPause = time.Minute

// phase is the command of a synchronization that is under way.
type phase uint8

const (
	disabling phase = iota
	paging
	following // the change stream
	completing
	enabling // where ha-sync-complete-notify is not known
	undoing  // dhcp-enable after a failure
)

// pull is one synchronization: the leases of a peer, page by page, or since
// the last common point. Answers come in as events, so that lease updates that
// land between two pages are seen between two pages.
type pull struct {
	peer     *config.Peer
	asked    bool          // by ha-sync
	token    uint64        // of ha-sync
	period   time.Duration // of dhcp-disable
	paged    bool          // all pages were taken
	phase    phase
	from     netip.Addr // cursor; zero: start
	merges   bool       // change stream: the peer's service stays on
	point    Point      // reached in the peer's stream
	sent     uint64     // of our stream: what the peer had when it was asked
	disabled bool       // the peer's service is off because of us
	series   uint64
	started  time.Time
	count    int
	why      string // of the failure
}

// startPull begins the synchronization of the state machine.
func (m *Machine) startPull() {
	p := &pull{peer: m.other, period: m.syncPeriod(), merges: m.features().Stream}
	m.pull = p
	m.beginPull(p)
}

// syncPeriod is how long a dhcp-disable for synchronization lasts.
func (m *Machine) syncPeriod() time.Duration {
	return max(m.rel.SyncTimeout.Truncate(time.Second), time.Second)
}

func (m *Machine) beginPull(p *pull) {
	m.series++
	p.series, p.started = m.series, m.now
	m.log("info", "HA_SYNC_START", "starting lease database synchronization",
		"server", m.this.Name, "partner", p.peer.Name)
	if p.merges {
		if !p.asked { // an operator who asks wants everything
			p.point = m.point
		}
		if s := m.partner.stream; s.Missing && s.Epoch == p.point.Epoch && s.Sent < p.point.Seq {
			p.point.Seq = s.Sent
		}
		m.pullStep(p, following)
		return
	}
	m.pullStep(p, disabling)
}

// pullStep sends the command of a phase.
func (m *Machine) pullStep(p *pull, next phase) {
	p.phase = next
	f := m.flights.take(forPull)
	f.pull = p
	timeout := requestTimeout
	c := Command{Origin: RemoteOrigin + uint32(m.rel.Index)}
	switch next {
	case disabling:
		c.Name, c.Period = cmdDisable, p.period
	case paging:
		c.Name, c.From, c.Limit = cmdPage4, p.from, max(m.rel.SyncPageLimit, 1)
		if m.family == 6 {
			c.Name = cmdPage6
		}
		timeout = max(m.rel.SyncTimeout, time.Second)
	case following:
		c.Name, c.Point, c.Limit = cmdChanges, p.point, max(m.rel.SyncPageLimit, 1)
		p.sent = m.stream(m.own).Sent
		timeout = max(m.rel.SyncTimeout, time.Second)
	case completing:
		c.Name = cmdComplete
		if p.merges {
			c.Point = p.point
			// Only pages bring back what was deleted here; changes do not.
			if p.paged {
				m.whole = Point{m.own.Epoch, m.own.Seq}
			}
			if p.peer == m.other {
				c.Own = m.whole
			}
		}
	case enabling, undoing:
		c.Name = cmdEnable
	}
	f.command = c
	m.send(p.peer, f.id, &f.command, timeout, p.series)
}

func (m *Machine) pullAnswered(p *pull, a *Answer) {
	if p == nil || p != m.pull && p != m.asked {
		return // given up meanwhile
	}
	if a.Err == nil && p.peer == m.other && (p.phase == paging || p.phase == following) {
		// Kea asks heartbeats only; a partner that sends pages is alive, too.
		m.partner.contact = m.now
	}
	switch p.phase {
	case disabling:
		if !a.succeeded() {
			if a.Err != nil && !a.Refused {
				m.enablePeer(p) // the answer may be lost, and not the command
			}
			m.pullFailed(p, a.Failure())
			return
		}
		p.disabled = true
		m.pullStep(p, paging)
	case paging:
		m.paged(p, a)
	case following:
		m.followed(p, a)
	case completing:
		switch {
		case a.Err == nil && a.Result == resultUnsupported:
			m.pullStep(p, enabling)
		case a.succeeded():
			m.pulled(p)
		default:
			m.pullFailed(p, a.Failure())
		}
	case enabling:
		if !a.succeeded() {
			p.disabled = false // nothing more to try
			m.pullFailed(p, a.Failure())
			return
		}
		m.pulled(p)
	case undoing:
		m.endPull(p)
	}
}

// paged takes a page of leases. The end is a page that is not full.
func (m *Machine) paged(p *pull, a *Answer) {
	limit := int(max(m.rel.SyncPageLimit, 1))
	switch {
	case !a.succeeded():
		m.pullFailed(p, a.Failure())
		return
	case a.Count > 0 && p.from.IsValid() && !p.from.Less(a.Last):
		m.pullFailed(p, "pages do not advance")
		return
	case a.Count >= limit && !a.Last.IsValid():
		m.pullFailed(p, "page without a readable last lease")
		return
	}
	m.log("info", "HA_LEASES_SYNC_LEASE_PAGE_RECEIVED", "received "+strconv.Itoa(a.Count)+" leases from "+p.peer.Name,
		"server", m.this.Name, "skipped", strconv.Itoa(a.Skipped))
	p.count += a.Count
	if len(a.Changes) > 0 {
		// While we do not serve, of two leases of one second the partner's is
		// the one that a client was given last.
		m.do(Action{Do: DoApply, Peer: p.peer, Merge: !p.asked && m.state == Syncing, Changes: a.Changes})
	}
	if a.Last.IsValid() {
		p.from = a.Last
	}
	switch {
	case a.Count >= limit && p.merges:
		m.pullStep(p, paging)
	case a.Count >= limit:
		// Before every page: the period starts anew.
		m.pullStep(p, disabling)
	case p.merges:
		p.paged = p.peer == m.other
		m.pullStep(p, following)
	default:
		m.pullStep(p, completing)
	}
}

// followed takes changes of the peer's stream.
func (m *Machine) followed(p *pull, a *Answer) {
	switch {
	case a.Err != nil:
		m.pullFailed(p, a.Failure())
		return
	case !a.succeeded():
		// It says that it can and then does not: Kea's way is left, but only
		// where nobody serves for us meanwhile.
		m.noStream = m.now.Add(streamPause)
		if p.merges = false; p.asked || m.state == Syncing {
			m.pullStep(p, disabling)
			return
		}
		m.pull = nil
		return
	}
	s := a.Stream
	switch {
	case a.Full:
		// The point is lost. Pages first, then what changed since now.
		p.point, p.from = m.floor(p, Point{s.Epoch, s.Seq}), netip.Addr{}
		m.pullStep(p, paging)
		return
	case s.Epoch != p.point.Epoch || s.Seq < p.point.Seq || a.More && s.Seq == p.point.Seq:
		m.pullFailed(p, "change stream does not advance")
		return
	}
	p.count += len(a.Changes)
	if len(a.Changes) > 0 {
		m.do(Action{Do: DoApply, Peer: p.peer, Merge: true, News: p.peer == m.other && !p.asked && !p.paged, Since: p.sent, Changes: a.Changes})
	}
	p.point.Seq = s.Seq
	if a.More {
		m.pullStep(p, following)
		return
	}
	m.pullStep(p, completing)
}

// floor returns from where on the stream is to be read after all pages of a peer
// that has reached now. Pages do not tell what was deleted: what has happened
// since both last held the same is in the stream. Where that is not known, or
// too long ago, what only we hold goes back to the peer.
func (m *Machine) floor(p *pull, now Point) Point {
	if p.peer != m.other {
		return now
	}
	asked := p.point
	for _, at := range [...]Point{m.point, m.told} {
		if at.Epoch == now.Epoch && (at.Seq > asked.Seq || asked.Epoch != now.Epoch) {
			return at
		}
	}
	m.Owe(1, m.own.Seq)
	return now
}

// pulled ends a synchronization that succeeded.
func (m *Machine) pulled(p *pull) {
	m.log("info", "HA_SYNC_SUCCESSFUL", "lease database synchronization with "+p.peer.Name+
		" ("+p.peer.URL+") completed successfully", "server", m.this.Name, "leases", strconv.Itoa(p.count),
		"duration", m.now.Sub(p.started).String())
	if p.merges {
		m.point = p.point
		m.do(Action{Do: DoRemember, Point: p.point})
	}
	m.endPull(p)
}

// pullFailed gives the peer its service back before it gives up.
func (m *Machine) pullFailed(p *pull, why string) {
	p.why = why
	m.log("error", "HA_SYNC_FAILED", "lease database synchronization did not succeed",
		"server", m.this.Name, "partner", p.peer.Name, "reason", why)
	if p.disabled {
		m.pullStep(p, undoing)
		return
	}
	m.endPull(p)
}

func (m *Machine) endPull(p *pull) {
	if p.asked {
		m.asked = nil
		r := &Reply{Text: "Lease database synchronization complete."}
		if p.why != "" {
			r = &Reply{Result: resultError, Text: p.why}
		}
		m.do(Action{Do: DoAnswer, Token: p.token, Reply: r})
		return
	}
	m.pull = nil
	if p.why != "" {
		m.unavailable()
		m.beatAt = m.now.Add(m.rel.HeartbeatDelay)
		m.run()
		return
	}
	m.partner.settled = m.partner.unsent
	m.beatSoon(0)
	if m.state == Syncing {
		m.become(Ready, "leases are synchronized")
	}
	m.run()
}

// stopPull leaves a synchronization because the state is left. The partner
// must not stay off for it.
func (m *Machine) stopPull() {
	p := m.pull
	if p == nil {
		return
	}
	m.pull = nil
	m.beatAt = m.now
	if p.disabled {
		m.enablePeer(p)
	}
}

// enablePeer gives a peer its service back without waiting for the answer.
func (m *Machine) enablePeer(p *pull) {
	f := m.flights.take(forNobody)
	f.command = Command{Name: cmdEnable, Origin: RemoteOrigin + uint32(m.rel.Index)}
	m.send(p.peer, f.id, &f.command, requestTimeout, p.series)
}

// stream says where our own change stream stands, for the partner.
func (m *Machine) stream(own Stream) Stream {
	own.Missing = m.missing.from > 0
	own.Sent = own.Seq
	before := func(seq uint64) {
		if seq > 0 {
			own.Sent = min(own.Sent, seq-1)
		}
	}
	before(m.missing.from)
	if u := m.oldest(); u != nil {
		before(u.changes[0].Seq)
	}
	if len(m.backlog.changes) > 0 {
		before(m.backlog.changes[0].Seq)
	}
	return own
}

// Owe says that the partner may lack changes from one to another of our change
// stream. To be called at the start, with what is not known to have reached it
// in the last run.
func (m *Machine) Owe(from, to uint64) {
	if from <= to {
		m.missing = span{from, max(to, m.missing.to)}
	}
}

// Known returns up to where the partner has all of our change stream, and up to
// where it is sure to remember that: its next heartbeat came after it was told.
func (m *Machine) Known(own Stream) (sent, known uint64) {
	sent = m.stream(own).Sent
	return sent, min(m.replied[0], sent)
}
