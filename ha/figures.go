package ha

import "time"

// Figures are the numbers of a relationship as they stand, for metrics.
type Figures struct {
	Mode           string        `json:"mode"`
	This           string        `json:"this"`    // names; Partner is "" on a backup and in passive-backup
	Partner        string        `json:"partner"` // names; Partner is "" on a backup and in passive-backup
	Role           string        `json:"role"`
	State          State         `json:"state"`
	PartnerState   State         `json:"partner-state"`
	Interrupted    bool          `json:"interrupted"`
	Silence        time.Duration `json:"silence-ns"` // since the partner's last good answer
	Skew           time.Duration `json:"skew-ns"`    // the partner's clock is ahead by it
	Unacked        int           `json:"unacked"`    // clients that the partner seems not to answer
	UnackedLimit   uint32        `json:"unacked-limit"`
	Rejected       int           `json:"rejected"`      // clients whose updates the partner refused
	Unsent         uint64        `json:"unsent"`        // updates that the partner was not sent, ever
	Queued         int           `json:"queued"`        // changes that wait for the partner
	InFlight       int           `json:"in-flight"`     // updates under way to peers
	Configuration  string        `json:"configuration"` // the partner's: same, differs or unknown
	Conflicts      uint64        `json:"conflicts"`     // addresses that both servers gave away, since the start
	SecondsInState float64       `json:"seconds-in-state"`
}

// Figures returns the numbers of the relationship.
func (m *Machine) Figures(now time.Time) Figures {
	f := Figures{
		Mode: m.rel.Mode, This: m.this.Name, Role: m.role, State: m.state, Unsent: m.unsent,
		UnackedLimit: m.rel.MaxUnacked, Queued: len(m.backlog.changes),
		InFlight: len(m.updates.list) - len(m.updates.free), SecondsInState: now.Sub(m.entered).Seconds(),
	}
	f.Conflicts, f.Configuration = m.conflicts.count, m.Configuration()
	if m.other == nil {
		return f
	}
	m.now = now
	p := &m.partner
	f.Partner, f.PartnerState = m.other.Name, p.state
	f.Silence, f.Skew = max(now.Sub(p.contact), 0), p.skew()
	f.Unacked, f.Rejected = p.unacked, p.rejections(now)
	f.Interrupted = p.state != Unknown && m.interrupted()
	return f
}

// Seen says whether the partner answered since the start and still does.
func (f *Figures) Seen() bool {
	return f.Partner != "" && !f.Interrupted && f.PartnerState != Unknown && f.PartnerState != Unavailable
}
