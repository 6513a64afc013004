package replay

import (
	"slices"
	"time"

	"leasehold/server/capture"
	"leasehold/server/wire"
)

// Message is one DHCP message as it was seen on a wire.
type Message struct {
	At       time.Time
	Iface    string // "" if not known
	Version  int    // 4 or 6
	Response bool   // sent by a server
	capture.Datagram
}

// The ports of DHCP.
const (
	serverPort4 = 67
	clientPort4 = 68
	serverPort6 = 547
	clientPort6 = 546
)

// bootp4 is the length of the fixed part of a DHCPv4 message without its cookie.
const bootp4 = 236

// Read tells what DHCP message a datagram is; ok is false for all others. The
// payload is copied.
func Read(at time.Time, iface string, d capture.Datagram) (m Message, ok bool) {
	m = Message{At: at, Iface: iface, Datagram: d}
	p, from, to := d.Payload, d.Src.Port(), d.Dst.Port()
	switch {
	case to == serverPort4 && len(p) >= bootp4 && p[0] == 1:
		m.Version = 4
	case from == serverPort4 && (to == clientPort4 || to == serverPort4) && len(p) >= bootp4 && p[0] == 2:
		m.Version, m.Response = 4, true
	case from == serverPort6 && len(p) >= 4 && slices.Contains([]byte{wire.Advertise, wire.Reply, wire.RelayRepl}, p[0]):
		m.Version, m.Response = 6, true
	case to == serverPort6 && len(p) >= 4 && p[0] != wire.Reconfigure:
		m.Version = 6
	default:
		return m, false
	}
	m.Payload = slices.Clone(p)
	return m, true
}

// conversation is what a query and its answers have in common: transaction and
// client. It is "" for what cannot be read.
func (m *Message) conversation() string {
	if m.Version == 4 {
		hlen := min(int(m.Payload[2]), 16)
		return string(m.Payload[4:8]) + string(m.Payload[28:28+hlen])
	}
	var x wire.Message6
	err := error(nil)
	if m.Response {
		err = x.DecodeResponse(m.Payload)
	} else {
		err = x.Decode(m.Payload)
	}
	if inner := x.Inner(); err == nil && len(inner) >= 4 {
		id, _ := x.Option(wire.Opt6ClientID)
		return string(inner[1:4]) + string(id)
	}
	return ""
}

// kind is the message type, 0 if there is none.
func (m *Message) kind() byte { return kindOf(m.Version, m.Response, m.Payload) }

func kindOf(version int, response bool, payload []byte) byte {
	if version == 4 {
		v, _ := option4(payload, wire.OptMessageType)
		if len(v) != 1 {
			return 0
		}
		return v[0]
	}
	var x wire.Message6
	err := error(nil)
	if response {
		err = x.DecodeResponse(payload)
	} else {
		err = x.Decode(payload)
	}
	if err != nil {
		return 0
	}
	return x.Type
}

// option4 finds an option in the options field of a DHCPv4 message.
func option4(p []byte, code byte) ([]byte, bool) {
	if len(p) < bootp4+4 {
		return nil, false
	}
	for p = p[bootp4+4:]; len(p) > 1 && p[0] != 255; {
		if p[0] == 0 {
			p = p[1:]
			continue
		}
		n := int(p[1])
		if len(p) < 2+n {
			return nil, false
		}
		if p[0] == code {
			return p[2 : 2+n], true
		}
		p = p[2+n:]
	}
	return nil, false
}

// answers says whether a response of a type may answer a query of a type.
func answers(version int, query, response byte) bool {
	if version == 6 {
		return response == wire.Reply && query != 0 || response == wire.Advertise && query == wire.Solicit
	}
	switch query {
	case wire.Discover4:
		return response == wire.Offer4 || response == wire.Ack4 // RFC 4039: rapid commit
	case wire.Request4:
		return response == wire.Ack4 || response == wire.Nak4
	case wire.Inform4:
		return response == wire.Ack4
	}
	return query == 0 && response == 0
}

// unanswered says whether no answer is due to a query.
func unanswered(version int, query byte) bool {
	return version == 4 && (query == wire.Decline4 || query == wire.Release4)
}

// serverID is the identifier of the server that sent a response; nil if there is
// none.
func (m *Message) serverID() []byte {
	if m.Version == 4 {
		v, _ := option4(m.Payload, wire.OptServerID)
		if len(v) != 4 {
			return nil
		}
		return v
	}
	var x wire.Message6
	if !m.Response || x.DecodeResponse(m.Payload) != nil {
		return nil
	}
	v, _ := x.Option(wire.Opt6ServerID)
	return v
}
