package ha

import (
	"strconv"
	"time"
)

// beats says whether heartbeats are sent in this state.
func (m *Machine) beats() bool {
	if m.other == nil || m.rel.HeartbeatDelay == 0 {
		return false
	}
	switch m.state {
	case Backup, PassiveBackup:
		return false
	case Terminated:
		return m.features().Heal
	case Syncing:
		return m.pull == nil
	}
	return true
}

// beat sends a heartbeat when one is due.
func (m *Machine) beat() {
	if !m.beats() || m.beatID != 0 || m.now.Before(m.beatAt) {
		return
	}
	f := m.flights.take(forHeartbeat)
	f.command = Command{Name: cmdHeartbeat}
	if m.Ours() {
		f.command.State, m.early.announced = m.state, m.state
	}
	m.beatID = f.id
	m.send(m.other, f.id, &f.command, m.patience(), 0)
}

// endingTime is how long the end of a process may take.
const endingTime = 500 * time.Millisecond

// patience is how long an answer to a heartbeat is worth waiting for: not
// beyond the time at which its absence means that contact is interrupted.
func (m *Machine) patience() time.Duration {
	left := m.partner.contact.Add(m.rel.MaxResponse + 1).Sub(m.now)
	if left <= 0 {
		left = m.rel.MaxResponse
	}
	return min(max(left, 50*time.Millisecond), requestTimeout)
}

// beatSoon makes the next heartbeat due in a while; one that is under way
// tells of the past and does not count any more.
func (m *Machine) beatSoon(in time.Duration) {
	m.beatID, m.beatAt = 0, m.now.Add(in)
}

func (m *Machine) heartbeatAnswered(a *Answer) {
	beat := m.beatID
	m.beatID, m.beatAt = 0, m.now.Add(m.rel.HeartbeatDelay)
	p := &m.partner
	if why := a.Failure(); why != "" {
		m.log("warn", "HA_HEARTBEAT_COMMUNICATIONS_FAILED", "heartbeat was not answered",
			"server", m.this.Name, "partner", m.other.Name, "reason", why)
		switch {
		case !m.features().Goodbye:
		case a.Refused:
			p.gone = true
		case a.Ended && (p.state != Unavailable || m.now.Sub(p.since) < endingTime):
			// A process that is killed resets connections before it refuses them.
			m.beatAt = m.now.Add(50 * time.Millisecond)
		}
		m.unavailable()
		m.endNotified(false)
		m.run()
		return
	}
	m.learn(&a.Heartbeat)
	m.learnShares(a.Heartbeat.Shares, beat)
	m.endNotified(true)
	m.run()
	m.afterHeartbeat()
}

// learn takes over what the partner says of itself.
func (m *Machine) learn(h *Heartbeat) {
	p := &m.partner
	p.heard, p.gone, p.contact, m.lapsed = true, false, m.now, false
	p.forgetClients()
	p.enter(h.State, m.now)
	p.scopes = h.Scopes
	p.unsent = h.Unsent
	p.features, p.stream = h.Features, h.Stream
	m.compareDigest(h.Digest)
	p.time, p.measured, p.skewKnown = h.Time, m.wall, true
	if s := p.skew().Abs(); s > skewWarning && s <= skewLimit &&
		(p.warned.IsZero() || m.now.Sub(p.warned) >= skewRepeat) {
		p.warned = m.now
		m.log("warn", "HA_HIGH_CLOCK_SKEW", "clocks of the partners differ, synchronize them",
			"server", m.this.Name, "partner", m.other.Name, "skew", seconds(p.skew()))
	}
}

// compareDigest says once when the configurations come to differ, and once when
// they agree again.
func (m *Machine) compareDigest(theirs string) {
	was := m.Configuration()
	m.partner.digest = theirs
	switch is := m.Configuration(); {
	case is == was:
	case is == "differs":
		m.log("warn", "LEASEHOLD_HA_CONFIGURATION_DIFFERS", "the partner's configuration gives clients something else",
			"server", m.this.Name, "partner", m.other.Name, "ours", m.Digest, "theirs", theirs)
	case was == "differs" && is == "same":
		m.log("info", "LEASEHOLD_HA_CONFIGURATION_SAME", "the partner's configuration gives clients the same as ours",
			"server", m.this.Name, "partner", m.other.Name)
	}
}

// Configuration says how the partner's configuration compares with ours: same,
// differs, or unknown.
func (m *Machine) Configuration() string {
	switch d := m.partner.digest; {
	case d == "" || m.Digest == "":
		return "unknown"
	case d == m.Digest:
		return "same"
	}
	return "differs"
}

// endNotified ends the silence after ha-sync-complete-notify: a partner that
// has pulled everything must not find us giving away what it cannot know.
func (m *Machine) endNotified(good bool) {
	if m.notified.IsZero() || m.state != PartnerDown {
		return
	}
	s := m.partner.state
	if good && (s == Waiting || s == Syncing) && m.now.Sub(m.notified) < 2*time.Second {
		m.beatSoon(200 * time.Millisecond) // it has not turned ready yet
		return
	}
	if good && s == Ready {
		return // the table takes us to the normal state, or to waiting
	}
	m.notified = time.Time{}
	m.service(true)
}

// afterHeartbeat does what a good heartbeat permits besides changing state.
func (m *Machine) afterHeartbeat() {
	if m.queueing {
		m.work(flushJob)
	}
	if m.state == PartnerDown && !m.notified.IsZero() && m.pull == nil && m.partner.state == Ready {
		m.notified = time.Time{}
		m.service(true)
	}
	m.followStream()
	if m.state == Terminated && len(m.probe) > 0 && !m.probing && m.cause == refused {
		m.probing = true
		f := m.flights.take(forProbe)
		f.changes = append(f.changes[:0], m.probe...)
		f.command = m.updateCommand(f.changes, true)
		m.send(m.other, f.id, &f.command, requestTimeout, 0)
	}
}

// followStream keeps our point in the partner's change stream, and fetches
// what the partner says it has not sent.
func (m *Machine) followStream() {
	s := &m.partner.stream
	if !m.features().Stream || s.Epoch == 0 || m.pull != nil {
		return
	}
	if m.state != Ready && !m.state.normal() {
		return
	}
	switch {
	case s.Missing && m.rel.SyncLeases:
		m.startPull()
	case !s.Missing:
		if at := (Point{s.Epoch, s.Sent}); at != m.point {
			m.point = at
			m.do(Action{Do: DoRemember, Point: at})
		}
	}
}

// cause is why the machine terminated.
type cause uint8

const (
	noCause cause = iota
	clocks
	refused
	follows // the partner terminated
)

func (c cause) cure() string {
	switch c {
	case clocks:
		return "the clocks of both servers agree"
	case refused:
		return "the partner accepts our lease updates"
	}
	return "the partner's cause is gone"
}

// why explains a transition, for log and journal, before it happens.
func (m *Machine) why(s State, f *facts) string {
	p := &m.partner
	switch {
	case s == Terminated && f.skewed:
		m.cause = clocks
		m.log("error", "HA_HIGH_CLOCK_SKEW_CAUSES_TERMINATION", "clocks of the partners are more than a minute apart",
			"server", m.this.Name, "partner", m.other.Name, "skew", seconds(p.skew()))
		return "clocks are " + seconds(p.skew()) + " apart"
	case s == Terminated && f.rejected:
		m.cause = refused
		m.log("error", "HA_LEASE_UPDATE_REJECTS_CAUSED_TERMINATION", "the partner has refused too many lease updates",
			"server", m.this.Name, "partner", m.other.Name, "clients", strconv.Itoa(len(p.rejected)))
		return "partner refused updates of " + strconv.Itoa(len(p.rejected)) + " clients"
	case s == Terminated:
		m.cause = follows
		return "partner is terminated"
	case m.state == Terminated:
		return "cause of termination is gone"
	case s == PartnerDown && p.gone:
		return "partner's process has ended"
	case s == PartnerDown && m.state == PartnerInMaintenance:
		return "partner was shut down for maintenance"
	case s == PartnerDown:
		return "no heartbeat for " + m.now.Sub(p.contact).Round(time.Millisecond).String() + ", " +
			strconv.Itoa(p.unacked) + " unacked clients"
	case s == CommunicationRecovery:
		return "partner does not answer"
	case s == Backup || s == PassiveBackup:
		return "role " + m.role + " in mode " + m.rel.Mode
	case s == Waiting && !f.fits():
		return "partner's state does not fit our mode"
	case s == Waiting && f.partner == Ready:
		return "partner has leases that it did not send"
	}
	return "partner is " + p.state.String()
}

// healed says whether what terminated us is gone.
func (m *Machine) healed() bool {
	if m.state != Terminated || !m.features().Heal || m.partner.state == Unavailable {
		return false
	}
	switch m.cause {
	case clocks:
		return m.partner.skewKnown && m.partner.skew().Abs() <= skewWarning
	case refused:
		return len(m.probe) == 0
	}
	return true
}

func (m *Machine) partnerHealed() bool {
	switch m.partner.state {
	case Unknown, Unavailable:
		return false
	case Terminated:
		return m.partner.features.Healed
	}
	return true
}

func (m *Machine) probeAnswered(f *flight, a *Answer) {
	m.probing = false
	if a.Failure() == "" || a.Err == nil && a.Result == resultEmpty {
		// What was tried may have been old, and written over something newer:
		// the partner shall read on from there.
		m.missing.add(f.changes)
		m.probe = nil
		m.run()
	}
}
