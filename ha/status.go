package ha

import (
	"strconv"
	"time"
)

// Transition is one entry of the journal.
type Transition struct {
	At      time.Time `json:"at"`
	From    State     `json:"from"`
	To      State     `json:"to"`
	Partner State     `json:"partner"` // as known then
	Why     string    `json:"why"`
}

// journal keeps the last transitions.
type journal struct {
	ring [64]Transition
	n    int
}

func (j *journal) add(t Transition) {
	j.ring[j.n%len(j.ring)] = t
	j.n++
}

// Journal appends the last transitions, oldest first; at most 64.
func (m *Machine) Journal(dst []Transition) []Transition {
	j := &m.journal
	for i := max(0, j.n-len(j.ring)); i < j.n; i++ {
		dst = append(dst, j.ring[i%len(j.ring)])
	}
	return dst
}

// Condition is one reason to leave the state, as it stands.
type Condition struct {
	Name  string        `json:"name"`
	Value string        `json:"value"`
	Met   bool          `json:"met"`
	In    time.Duration `json:"in-ns"` // until Met by time alone; 0 = not by time
}

// Explain appends what the next transition depends on.
func (m *Machine) Explain(dst []Condition, now time.Time) []Condition {
	m.now = now
	p := &m.partner
	dst = append(dst, Condition{Name: "partner-state", Value: p.state.String(), Met: p.state != Unknown && p.state != Unavailable})
	if m.other == nil {
		return dst
	}
	silence := Condition{Name: "max-response-delay", Value: now.Sub(p.contact).Truncate(time.Millisecond).String() + " of " + m.rel.MaxResponse.String(), Met: m.interrupted()}
	if !silence.Met {
		silence.In = m.rel.MaxResponse - now.Sub(p.contact)
	}
	dst = append(dst, silence,
		Condition{Name: "max-unacked-clients", Value: strconv.Itoa(p.unacked) + " of more than " + strconv.FormatUint(uint64(m.rel.MaxUnacked), 10),
			Met: m.rel.MaxUnacked == 0 || uint32(p.unacked) > m.rel.MaxUnacked},
		Condition{Name: "clock-skew", Value: p.skew().String() + " of " + skewLimit.String(), Met: p.skew().Abs() > skewLimit},
		Condition{Name: "max-rejected-lease-updates", Value: strconv.Itoa(p.rejections(now)) + " of " + strconv.FormatUint(uint64(m.rel.MaxRejected), 10),
			Met: m.rel.MaxRejected > 0 && p.rejections(now) >= int(m.rel.MaxRejected)})
	if m.backlog.limit > 0 {
		dst = append(dst, Condition{Name: "delayed-updates-limit",
			Value: strconv.Itoa(len(m.backlog.changes)) + " of " + strconv.Itoa(m.backlog.limit), Met: m.backlog.overflowed})
	}
	if m.paused {
		dst = append(dst, Condition{Name: "paused", Value: "until ha-continue", Met: true})
	}
	if m.state == Terminated {
		dst = append(dst, Condition{Name: "terminated", Value: "until " + m.cause.cure(), Met: m.healed()})
	}
	return dst
}

// AppendStatus writes the element of status-get's high-availability list.
func (m *Machine) AppendStatus(dst []byte, now time.Time) []byte {
	m.now = now
	dst = append(dst, `{ "ha-mode": "`...)
	dst = append(dst, m.rel.Mode...)
	dst = append(dst, `", "ha-servers": { "local": { "role": "`...)
	dst = append(dst, m.role...)
	dst = append(dst, `", "scopes": `...)
	dst = appendStrings(dst, m.Scopes(nil))
	dst = append(dst, `, "server-name": `...)
	dst = appendString(dst, m.this.Name)
	dst = append(dst, `, "state": "`...)
	dst = append(dst, m.state.String()...)
	dst = append(dst, `", "system-time": `...)
	p := &m.partner
	at := p.measured
	if !p.skewKnown {
		at = time.Time{}
	}
	dst = append(appendClock(dst, at), " }"...)
	if m.other != nil {
		dst = m.appendRemote(append(dst, `, "remote": `...), now)
	}
	dst = append(dst, " }"...)
	if m.Ours() {
		dst = append(dst, `, "leasehold": { "configuration": "`...)
		dst = append(append(dst, m.Configuration()...), `", "conflicts": `...)
		dst = append(strconv.AppendUint(dst, m.conflicts.count, 10), " }"...)
	}
	return append(dst, " }"...)
}

func (m *Machine) appendRemote(dst []byte, now time.Time) []byte {
	p := &m.partner
	number := func(name string, v uint64) {
		dst = append(append(append(dst, `, "`...), name...), `": `...)
		dst = strconv.AppendUint(dst, v, 10)
	}
	age := uint64(0)
	if p.heard || p.state != Unknown {
		age = uint64(max(now.Sub(p.contact), 0) / time.Second)
	}
	interrupted := p.state != Unknown && m.interrupted()
	left := uint64(0)
	if interrupted && uint64(p.unacked) <= uint64(m.rel.MaxUnacked) {
		left = uint64(m.rel.MaxUnacked) - uint64(p.unacked) + 1
	}
	at := p.time
	dst = append(dst, `{ "age": `...)
	dst = strconv.AppendUint(dst, age, 10)
	number("analyzed-packets", p.analyzed)
	dst = append(dst, `, "clock-skew": `...)
	if p.skewKnown {
		dst = strconv.AppendInt(dst, int64(p.skew()/time.Second), 10)
	} else {
		dst, at = append(dst, "null"...), time.Time{}
	}
	dst = append(dst, `, "communication-interrupted": `...)
	dst = strconv.AppendBool(dst, interrupted)
	number("connecting-clients", uint64(len(p.clients)))
	dst = append(dst, `, "in-touch": `...)
	dst = strconv.AppendBool(dst, p.state != Unknown)
	dst = append(dst, `, "last-scopes": `...)
	dst = appendStrings(dst, p.scopes)
	dst = append(dst, `, "last-state": "`...)
	dst = append(dst, p.state.String()...)
	dst = append(dst, `", "role": "`...)
	dst = append(dst, m.other.Role...)
	dst = append(dst, `", "server-name": `...)
	dst = appendString(dst, m.other.Name)
	dst = append(dst, `, "system-time": `...)
	dst = appendClock(dst, at)
	number("unacked-clients", uint64(p.unacked))
	number("unacked-clients-left", left)
	return append(dst, " }"...)
}

// appendClock writes a time as status-get does, null for none.
func appendClock(dst []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(dst, "null"...)
	}
	return t.UTC().AppendFormat(dst, `"2006-01-02 15:04:05"`)
}
