package replay

import (
	"errors"
	"io"
	"net/netip"
	"time"

	"leasehold/server/capture"
	"leasehold/server/wire"
)

// Recording is the DHCP messages of a capture.
type Recording struct {
	Messages  []*Message
	Frames    int
	Fragments int  // parts of datagrams, left out
	Doubles   int  // seen on more than one interface, left out
	Cut       bool // the file ends within a frame
}

// sameAgain is the time in which a datagram that is seen again is the same one on
// another interface.
const sameAgain = 20 * time.Millisecond

// Record reads a capture to its end.
func Record(r *capture.Reader) (*Recording, error) {
	rec := &Recording{}
	last := map[string]time.Time{}
	for {
		f, err := r.Next()
		switch {
		case err == io.EOF:
			return rec, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			rec.Cut = true
			return rec, nil
		case err != nil:
			return nil, err
		}
		rec.Frames++
		d, err := f.Datagram()
		if err == capture.ErrFragment {
			rec.Fragments++
		}
		if err != nil {
			continue
		}
		m, ok := Read(f.At, f.Iface, d)
		if !ok {
			continue
		}
		key := m.Src.String() + m.Dst.String() + string(m.Payload)
		if at, seen := last[key]; seen && m.At.Sub(at) < sameAgain {
			rec.Doubles++
			continue
		}
		last[key] = m.At
		rec.Messages = append(rec.Messages, &m)
	}
}

// Start is the time of the first message; the zero time if there is none.
func (r *Recording) Start() time.Time {
	if len(r.Messages) == 0 {
		return time.Time{}
	}
	return r.Messages[0].At
}

// nobody is the DUID of a server that neither answers nor is named in a capture.
var nobody = []byte{0, 3, 0, 1, 0, 0, 0, 0, 0, 1}

// Introduce lets a Side go by the identities of the servers of the recording:
// those that answer, or else those that clients name. It returns whether there
// were any of the Side's family.
func (r *Recording) Introduce(s *Side) bool {
	found := false
	for _, m := range r.Messages {
		if m.Response && m.Version == s.Family.Version && len(m.serverID()) > 0 {
			Identify(s, m)
			found = true
		}
	}
	for _, m := range r.Messages {
		if found || m.Response || m.Version != s.Family.Version {
			continue
		}
		if m.Version == 4 {
			if v, _ := option4(m.Payload, wire.OptServerID); len(v) == 4 {
				s.KnowAddress(netip.AddrFrom4([4]byte(v)), "")
				found = true
			}
			continue
		}
		var x wire.Message6
		if x.Decode(m.Payload) == nil {
			id, _ := x.Option(wire.Opt6ServerID)
			s.KnowDUID(id)
			found = found || len(id) > 0
		}
	}
	if s.Family.Version == 6 && s.DUID() == nil {
		s.KnowDUID(nobody)
	}
	return found
}
