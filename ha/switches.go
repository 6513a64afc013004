package ha

import (
	"sort"
	"time"
)

// Numbers of the origins that can switch the DHCP service off. The relationship
// with index n switches by LocalOrigin+n for its own state; its partner by
// RemoteOrigin+n, n being the index in the partner's configuration.
const (
	UserOrigin     uint32 = 1
	LocalOrigin    uint32 = 1000
	RemoteOrigin   uint32 = 2000
	DatabaseOrigin uint32 = 3000

	maxSwitches = 64 // origins are chosen by callers; more than this is nonsense
)

// Switches are the reasons for which the service of a family is off. It is on
// when there is none. The zero value is on.
type Switches struct {
	off []thrown // by origin
}

type thrown struct {
	origin uint32
	until  time.Time // zero: until enabled
}

// On says whether the service is on.
func (s *Switches) On() bool { return len(s.off) == 0 }

// Disable switches the service off for a reason; a positive period ends by
// itself. Repeating it starts the period anew. It returns false when too many
// origins are off already.
func (s *Switches) Disable(origin uint32, now time.Time, period time.Duration) bool {
	t := thrown{origin: origin}
	if period > 0 {
		t.until = now.Add(period)
	}
	i := sort.Search(len(s.off), func(i int) bool { return s.off[i].origin >= origin })
	if i < len(s.off) && s.off[i].origin == origin {
		s.off[i] = t
		return true
	}
	if len(s.off) >= maxSwitches {
		return false
	}
	s.off = append(s.off, thrown{})
	copy(s.off[i+1:], s.off[i:])
	s.off[i] = t
	return true
}

// Enable removes a reason.
func (s *Switches) Enable(origin uint32) {
	s.remove(func(t thrown) bool { return t.origin == origin })
}

// Expire removes the reasons whose period has ended.
func (s *Switches) Expire(now time.Time) {
	s.remove(func(t thrown) bool { return !t.until.IsZero() && !now.Before(t.until) })
}

// ResetHA removes the reasons of all relationships: a new configuration starts
// without them.
func (s *Switches) ResetHA() {
	s.remove(func(t thrown) bool { return t.origin >= LocalOrigin && t.origin < DatabaseOrigin })
}

// Next returns when Expire has work; zero = never.
func (s *Switches) Next() (at time.Time) {
	for _, t := range s.off {
		if !t.until.IsZero() && (at.IsZero() || t.until.Before(at)) {
			at = t.until
		}
	}
	return at
}

// Off appends the origins in [from, to) that are off, ascending.
func (s *Switches) Off(dst []uint32, from, to uint32) []uint32 {
	for _, t := range s.off {
		if t.origin >= from && t.origin < to {
			dst = append(dst, t.origin)
		}
	}
	return dst
}

func (s *Switches) remove(gone func(thrown) bool) {
	kept := s.off[:0]
	for _, t := range s.off {
		if !gone(t) {
			kept = append(kept, t)
		}
	}
	s.off = kept
}
