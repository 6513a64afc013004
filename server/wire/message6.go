package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// Message types of DHCPv6, RFC 9915 §7.3 and RFC 9686.
const (
	Solicit            = 1
	Advertise          = 2
	Request            = 3
	Confirm            = 4
	Renew              = 5
	Rebind             = 6
	Reply              = 7
	Release            = 8
	Decline            = 9
	Reconfigure        = 10
	InformationRequest = 11
	RelayForw          = 12
	RelayRepl          = 13
	DHCPv4Query        = 20
	DHCPv4Response     = 21
	AddrRegInform      = 36
	AddrRegReply       = 37
)

// Option codes of DHCPv6 that the server handles itself.
const (
	Opt6ClientID        = 1
	Opt6ServerID        = 2
	Opt6IANA            = 3
	Opt6IAAddr          = 5
	Opt6ORO             = 6
	Opt6ElapsedTime     = 8
	Opt6RelayMsg        = 9
	Opt6Unicast         = 12
	Opt6StatusCode      = 13
	Opt6RapidCommit     = 14
	Opt6UserClass       = 15
	Opt6VendorClass     = 16
	Opt6VendorOpts      = 17
	Opt6InterfaceID     = 18
	Opt6IAPD            = 25
	Opt6IAPrefix        = 26
	Opt6RemoteID        = 37
	Opt6SubscriberID    = 38
	Opt6FQDN            = 39
	Opt6ERO             = 43
	Opt6RelayID         = 53
	Opt6RSOO            = 66
	Opt6PDExclude       = 67
	Opt6ClientLinkLayer = 79
	Opt6RelaySourcePort = 135
)

// IAAddrLen is the length of an IAADDR option without options inside.
const IAAddrLen = 24

// MaxRelays is how deep relays may be nested, RFC 9915 §7.6 HOP_COUNT_LIMIT.
const MaxRelays = 32

// Layout of RFC 9915 §8, §9 and §21.
const (
	headerLen6  = 4
	relayLen    = 34
	iaLen       = 12
	iaPrefixLen = 25
)

// Errors of Message6.Decode. Each is a reason to drop the datagram.
var (
	ErrRelays   = errors.New("relays nested too deep")
	ErrRelayMsg = errors.New("relay message without a message inside")
	ErrIA       = errors.New("identity association malformed")
	ErrOption   = errors.New("option malformed")
	ErrRelayTyp = errors.New("relay reply from a relay")
)

// Option6 is one option and its value, a part of the datagram.
type Option6 struct {
	Code uint16
	Data []byte
}

// Relay6 is what one relay agent put around a message.
type Relay6 struct {
	Hop     byte
	header  []byte // link and peer
	Options []Option6
}

func (r *Relay6) Link() netip.Addr { return netip.AddrFrom16([16]byte(r.header[:16])) }

func (r *Relay6) Peer() netip.Addr { return netip.AddrFrom16([16]byte(r.header[16:32])) }

// Addresses returns the bytes of link and peer address, 32 of them.
func (r *Relay6) Addresses() []byte { return r.header }

// Option returns the first option of a code.
func (r *Relay6) Option(code uint16) ([]byte, bool) { return first(r.Options, code) }

func first(list []Option6, code uint16) ([]byte, bool) {
	for i := range list {
		if list[i].Code == code {
			return list[i].Data, true
		}
	}
	return nil, false
}

// Message6 is a view of a DHCPv6 message in its datagram, with the relays
// around it: nothing is copied, so slices it returns live as long as the
// datagram's buffer. The zero value is ready for Decode and may be decoded
// into again.
type Message6 struct {
	data    []byte
	inner   []byte // the client's message
	all     []Option6
	relays  []Relay6
	Options []Option6 // of the client's message, in its order
	Type    byte      // of the client's message
}

// Decode reads a datagram. A truncated option ends the options of its level
// without an error, as in Kea: what came before it counts.
func (m *Message6) Decode(data []byte) error { return m.decode(data, RelayForw) }

// DecodeResponse is Decode for what servers send.
func (m *Message6) DecodeResponse(data []byte) error { return m.decode(data, RelayRepl) }

// decode reads a datagram whose relay messages are of a type.
func (m *Message6) decode(data []byte, relay byte) error {
	m.data, m.inner = data, nil
	m.all, m.relays, m.Options, m.Type = m.all[:0], m.relays[:0], nil, 0
	msg := data
	for {
		if len(msg) < headerLen6 {
			return ErrTruncated
		}
		if msg[0] != relay {
			if msg[0] == RelayForw || msg[0] == RelayRepl {
				return ErrRelayTyp
			}
			break
		}
		if len(m.relays) == MaxRelays {
			return ErrRelays
		}
		if len(msg) < relayLen {
			return ErrTruncated
		}
		r := Relay6{Hop: msg[1], header: msg[2:relayLen:relayLen]}
		r.Options = m.scan(msg[relayLen:])
		next, ok := r.Option(Opt6RelayMsg)
		if !ok {
			return ErrRelayMsg
		}
		m.relays = append(m.relays, r)
		msg = next
	}
	m.inner, m.Type = msg, msg[0]
	m.Options = m.scan(msg[headerLen6:])
	return m.check()
}

// scan notes the options of one level. Levels already noted keep their part of
// the old room when it has to grow.
func (m *Message6) scan(b []byte) []Option6 {
	from := len(m.all)
	for {
		code, v, rest, ok := NextOption6(b)
		if !ok {
			break
		}
		m.all = append(m.all, Option6{code, v})
		b = rest
	}
	return m.all[from:len(m.all):len(m.all)]
}

// check refuses what would have to be guessed at: associations and addresses
// cut short, half a code in the option request. The list of options is Kea's;
// others are left to whoever reads them.
func (m *Message6) check() error {
	for i := range m.Options {
		o := &m.Options[i]
		ok := true
		switch o.Code {
		case Opt6ORO:
			ok = len(o.Data)%2 == 0
		case Opt6ElapsedTime:
			ok = len(o.Data) == 2
		case Opt6StatusCode:
			ok = len(o.Data) >= 2
		case Opt6VendorClass:
			ok = len(o.Data) >= 4 && tuples(o.Data[4:])
		case Opt6FQDN:
			ok = wellNamed(o.Data)
		case Opt6IANA, Opt6IAPD:
			if !associated(o.Data) {
				return ErrIA
			}
		}
		if !ok {
			return ErrOption
		}
	}
	return nil
}

// associated says whether an IA and the addresses or prefixes in it are whole.
func associated(v []byte) bool {
	if len(v) < iaLen {
		return false
	}
	for run := v[iaLen:]; ; {
		code, v, rest, ok := NextOption6(run)
		if !ok {
			return true
		}
		if code == Opt6IAAddr && len(v) < IAAddrLen || code == Opt6IAPrefix && len(v) < iaPrefixLen {
			return false
		}
		run = rest
	}
}

// tuples says whether b is a run of strings with lengths of two bytes.
func tuples(b []byte) bool {
	for len(b) > 0 {
		if len(b) < 2 {
			return false
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		if len(b) < n {
			return false
		}
		b = b[n:]
	}
	return true
}

// wellNamed says whether the client FQDN is whole and does not ask for both
// and neither of the updates (RFC 4704 §4.1: N excludes S).
func wellNamed(v []byte) bool {
	if len(v) == 0 || v[0]&5 == 5 {
		return false
	}
	for b := v[1:]; len(b) > 0 && b[0] != 0; b = b[1+int(b[0]):] {
		if b[0] > 63 || len(b) < 1+int(b[0]) {
			return false
		}
	}
	return true
}

// NextOption6 takes the first option off a run of options; ok is false at its
// end and where an option is cut short.
func NextOption6(b []byte) (code uint16, value, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, nil, false
	}
	n := 4 + int(binary.BigEndian.Uint16(b[2:]))
	if len(b) < n {
		return 0, nil, nil, false
	}
	return binary.BigEndian.Uint16(b), b[4:n:n], b[n:], true
}

// SubOption6 finds an option in a run of options.
func SubOption6(run []byte, code uint16) ([]byte, bool) {
	for {
		c, v, rest, ok := NextOption6(run)
		if !ok {
			return nil, false
		}
		if c == code {
			return v, true
		}
		run = rest
	}
}

// Option returns the first option of a code of the client's message.
func (m *Message6) Option(code uint16) ([]byte, bool) { return first(m.Options, code) }

// Has says whether the client's message has an option.
func (m *Message6) Has(code uint16) bool { _, ok := first(m.Options, code); return ok }

// Count returns how often an option appears in the client's message.
func (m *Message6) Count(code uint16) int {
	n := 0
	for i := range m.Options {
		if m.Options[i].Code == code {
			n++
		}
	}
	return n
}

// XID returns the transaction identifier, three bytes.
func (m *Message6) XID() uint32 {
	return uint32(m.inner[1])<<16 | uint32(m.inner[2])<<8 | uint32(m.inner[3])
}

// Relays returns the relays around the message, nearest to the server first.
func (m *Message6) Relays() []Relay6 { return m.relays }

// Data returns the whole datagram.
func (m *Message6) Data() []byte { return m.data }

// Inner returns the client's message; it is empty if Decode did not get to it.
func (m *Message6) Inner() []byte { return m.inner }

// IA is an identity association for addresses or prefixes.
type IA []byte

// IAID returns the client's number for the association.
func (a IA) IAID() uint32 { return binary.BigEndian.Uint32(a) }

// Options returns the run of options inside.
func (a IA) Options() []byte { return a[iaLen:] }

// IAResource is an IAADDR or IAPREFIX option.
type IAResource struct {
	Addr             netip.Addr
	Len              uint8 // of the prefix; 128 for an address
	Preferred, Valid uint32
}

// ReadIAResource reads the value of an option of code IAADDR or IAPREFIX that
// Decode has accepted. Len may be any byte.
func ReadIAResource(code uint16, v []byte) IAResource {
	if code == Opt6IAAddr {
		return IAResource{
			Addr: netip.AddrFrom16([16]byte(v[:16])), Len: 128,
			Preferred: binary.BigEndian.Uint32(v[16:]), Valid: binary.BigEndian.Uint32(v[20:]),
		}
	}
	return IAResource{
		Preferred: binary.BigEndian.Uint32(v), Valid: binary.BigEndian.Uint32(v[4:]),
		Len: v[8], Addr: netip.AddrFrom16([16]byte(v[9:25])),
	}
}
