package engine

import "time"

// Service is whether the server answers clients: it does while no origin has
// switched it off.
type Service struct {
	off map[uint32]time.Time // origin → when it switches itself on again; zero = never
}

// Origins of dhcp-disable, with Kea's numbers; HA origins add the index of the
// relationship.
const (
	OriginUser     = 1
	OriginHALocal  = 1000
	OriginHARemote = 2000
	OriginDatabase = 3000
)

// Enabled says whether no origin has the service switched off.
func (s *Service) Enabled() bool { return len(s.off) == 0 }

// Disable switches the service off for an origin, until the given time or, if
// that is zero, until Enable.
func (s *Service) Disable(origin uint32, until time.Time) {
	if s.off == nil {
		s.off = make(map[uint32]time.Time)
	}
	s.off[origin] = until
}

// Enable takes an origin's switch back.
func (s *Service) Enable(origin uint32) { delete(s.off, origin) }

// Off says whether an origin has the service switched off.
func (s *Service) Off(origin uint32) bool { _, ok := s.off[origin]; return ok }

// Expire takes back the switches whose time has come.
func (s *Service) Expire(now time.Time) {
	for o, t := range s.off {
		if !t.IsZero() && !now.Before(t) {
			delete(s.off, o)
		}
	}
}

// next returns when Expire has work, or zero.
func (s *Service) next() time.Time {
	var n time.Time
	for _, t := range s.off {
		if !t.IsZero() && (n.IsZero() || t.Before(n)) {
			n = t
		}
	}
	return n
}
