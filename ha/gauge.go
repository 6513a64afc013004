package ha

// Gauges are what a Machine holds at the moment, each within its limit.
type Gauges struct {
	State, Partner State
	Serves         []bool // by index of the peer
	Queueing       bool   // responses leave before the partner has acknowledged
	Behind         bool   // the partner lacks changes that nothing under way brings
	Backlog        int    // changes, at most BacklogLimit
	BacklogLimit   int
	Awaited        int    // exchanges that the partner has not acknowledged
	Connecting     int    // clients remembered by the failure detector
	Rejected       int    // clients, at most max-rejected-lease-updates
	Conflicts      uint64 // seen since the start
}

// Gauges reads the gauges. Serves is valid until the next Step.
func (m *Machine) Gauges() Gauges {
	g := Gauges{
		State: m.state, Partner: m.partner.state, Serves: m.served,
		Queueing: m.queueing || m.state == CommunicationRecovery,
		Behind:   m.missing.from > 0,
		Backlog:  len(m.backlog.changes), BacklogLimit: m.backlog.limit,
		Connecting: len(m.partner.clients), Rejected: len(m.partner.rejected),
		Conflicts: m.conflicts.count,
	}
	for _, u := range m.updates.list {
		if u.partner {
			g.Awaited++
		}
	}
	return g
}

// Connecting bounds Gauges.Connecting.
const Connecting = maxConnecting
