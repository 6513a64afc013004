package ha

import "time"

// A change of state is not to wait for the next heartbeat of whom it concerns.
// Two of us write their state into their heartbeats: each sends one when its
// state has changed, and asks again when the other's is not what it heard last.
// A Kea says nothing; it is asked when it has shown that it is there, or has
// been told something new that it may act on.

// early bounds the heartbeats that are sent before their time.
type early struct {
	announced State // told in our last heartbeat
	replied   State // told in our last answer to the partner's heartbeat
	count     int   // sent early since
	since     time.Time
}

const (
	// earlyBeats is how many heartbeats a heartbeat-delay may have besides its own.
	earlyBeats = 8
	// handOver is how long a Kea takes to act on what it is told.
	handOver = 25 * time.Millisecond
)

// hasten makes the next heartbeat due in a while, if it is not due before. One
// that is under way may tell of the past, and does not count any more.
func (m *Machine) hasten(in time.Duration) {
	if !m.beats() || m.beatID == 0 && !m.now.Add(in).Before(m.beatAt) {
		return
	}
	x := &m.early
	if m.now.Sub(x.since) >= m.rel.HeartbeatDelay {
		x.since, x.count = m.now, 0
	}
	if x.count >= earlyBeats {
		return
	}
	x.count++
	m.beatSoon(in)
}

// announce tells a partner that is one of us that our state has changed.
func (m *Machine) announce() {
	if m.early.announced == m.state || !m.Ours() || m.partner.state == Unavailable {
		return
	}
	m.hasten(0)
	m.beat()
}

// heard takes the partner's heartbeat for a sign of what it does not say.
func (m *Machine) heard(r *Request) {
	if m.other == nil || r.Server != m.other.Name && r.Server != "" {
		return // Kea 2.2 does not give its name
	}
	told := m.early.replied
	m.early.replied = m.state
	switch p := &m.partner; {
	case p.state == Unavailable || p.state == Unknown,
		r.State != Unknown && r.State != p.state:
		m.hasten(0)
	case !m.Ours() && told != m.state:
		m.hasten(handOver)
	}
}
