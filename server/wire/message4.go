package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Message types of DHCPv4, RFC 2132 §9.6.
const (
	Discover4 = 1
	Offer4    = 2
	Request4  = 3
	Decline4  = 4
	Ack4      = 5
	Nak4      = 6
	Release4  = 7
	Inform4   = 8
)

// Option codes of DHCPv4 that the server handles itself, RFC 2132 and later.
const (
	OptSubnetMask       = 1
	OptRouters          = 3
	OptDNSServers       = 6
	OptHostName         = 12
	OptDomainName       = 15
	OptVendorOptions    = 43
	OptRequestedAddress = 50
	OptLeaseTime        = 51
	OptOverload         = 52
	OptMessageType      = 53
	OptServerID         = 54
	OptParameterList    = 55
	OptMessage          = 56
	OptMaxMessageSize   = 57
	OptRenewalTime      = 58
	OptRebindingTime    = 59
	OptVendorClass      = 60
	OptClientID         = 61
	OptUserClass        = 77
	OptFQDN             = 81
	OptAgentOptions     = 82
	OptV6OnlyPreferred  = 108
	OptSubnetSelection  = 118
	OptVIVendorClass    = 124
	OptVIVendorOptions  = 125
)

// Sub-options of option 82, RFC 3046 and later.
const (
	RAICircuitID        = 1
	RAIRemoteID         = 2
	RAILinkSelection    = 5
	RAIServerIDOverride = 11
	RAIRelayID          = 12
	RAIRelayPort        = 19
)

// Header layout of RFC 2131 §2.
const (
	headerLen4 = 236
	cookieLen4 = 4
	minLen4    = headerLen4 + cookieLen4
)

var cookie4 = [4]byte{99, 130, 83, 99}

// Errors of Decode. Each is a reason to drop the datagram.
var (
	ErrTruncated = errors.New("shorter than the fixed header")
	ErrCookie    = errors.New("no DHCP magic cookie")
	ErrOp        = errors.New("not a BOOTREQUEST")
	ErrHLen      = errors.New("hardware address longer than 16 bytes")
	ErrType      = errors.New("message type option empty")
)

type span struct{ off, len uint32 }

// Message4 is a view of a DHCPv4 message in its datagram: nothing is copied,
// so slices it returns live as long as the datagram's buffer. The zero value
// is ready for Decode and may be decoded into again.
type Message4 struct {
	data    []byte
	joined  []byte // values that the message split or overloaded, joined
	options [256]span
	codes   []byte // present, in order of first appearance
	Type    byte   // option 53; 0 for BOOTP
}

// Decode reads a datagram. A truncated option ends the options without an
// error, as in Kea: what came before it counts.
func (m *Message4) Decode(data []byte) error {
	for _, c := range m.codes {
		m.options[c] = span{}
	}
	m.codes, m.joined, m.Type = m.codes[:0], m.joined[:0], 0
	m.data = data
	if len(data) < headerLen4 {
		return ErrTruncated
	}
	if data[0] != 1 {
		return ErrOp
	}
	if data[2] > 16 {
		return ErrHLen
	}
	if len(data) < minLen4 {
		return ErrTruncated
	}
	if [4]byte(data[headerLen4:minLen4]) != cookie4 {
		return ErrCookie
	}
	if !m.scan() || m.options[OptOverload].off != 0 {
		m.join()
	}
	if t, ok := m.Option(OptMessageType); ok {
		if len(t) == 0 {
			return ErrType
		}
		m.Type = t[0]
	}
	return nil
}

// scan notes where each option lies; false if one code appears twice.
func (m *Message4) scan() bool {
	d, i := m.data, minLen4
	for i < len(d) {
		code := d[i]
		if code == 0 {
			i++
			continue
		}
		if code == 255 || i+1 >= len(d) {
			return true
		}
		n := int(d[i+1])
		if i+2+n > len(d) {
			return true
		}
		if m.options[code].off != 0 {
			return false
		}
		m.options[code] = span{uint32(i + 2), uint32(n)}
		m.codes = append(m.codes, code)
		i += 2 + n
	}
	return true
}

// join reads the options of an unusual message through the codec: values of
// one code are concatenated (RFC 3396 §7), and the fields that option 52 names
// are options, too (RFC 2131 §4.1: the options field first, then file, then
// sname).
func (m *Message4) join() {
	opts := dhcpv4.Options{}
	_ = opts.FromBytes(m.data[minLen4:]) // an error means truncated: keep what came before
	if o := opts[OptOverload]; len(o) == 1 {
		if o[0]&1 != 0 {
			_ = opts.FromBytes(m.data[108:236])
		}
		if o[0]&2 != 0 {
			_ = opts.FromBytes(m.data[44:108])
		}
	}
	for _, c := range m.codes {
		m.options[c] = span{}
	}
	m.codes = m.codes[:0]
	base := uint32(len(m.data))
	for code := 1; code < 255; code++ {
		v, ok := opts[uint8(code)]
		if !ok {
			continue
		}
		m.options[code] = span{base + uint32(len(m.joined)) + 1, uint32(len(v))}
		m.joined = append(m.joined, 0)
		m.joined = append(m.joined, v...)
		m.codes = append(m.codes, byte(code))
	}
}

// Option returns the value of an option.
func (m *Message4) Option(code byte) ([]byte, bool) {
	s := m.options[code]
	if s.off == 0 {
		return nil, false
	}
	d := m.data
	if int(s.off) > len(d) {
		d, s.off = m.joined, s.off-uint32(len(d))
	}
	return d[s.off : s.off+s.len : s.off+s.len], true
}

// Has says whether an option is there.
func (m *Message4) Has(code byte) bool { return m.options[code].off != 0 }

// Addr returns the IPv4 address that an option is or, as Kea reads it, begins
// with.
func (m *Message4) Addr(code byte) (netip.Addr, bool) {
	v, ok := m.Option(code)
	if !ok || len(v) < 4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(v[:4])), true
}

// AddOption puts an option into the view that the datagram does not have; the
// value is copied.
func (m *Message4) AddOption(code byte, value []byte) {
	if m.options[code].off == 0 {
		m.codes = append(m.codes, code)
	}
	m.options[code] = span{uint32(len(m.data)+len(m.joined)) + 1, uint32(len(value))}
	m.joined = append(m.joined, 0)
	m.joined = append(m.joined, value...)
}

// Codes returns the codes that are present.
func (m *Message4) Codes() []byte { return m.codes }

// Data returns the whole datagram.
func (m *Message4) Data() []byte { return m.data }

// AgentOption returns a sub-option of option 82.
func (m *Message4) AgentOption(code byte) ([]byte, bool) {
	v, ok := m.Option(OptAgentOptions)
	if !ok {
		return nil, false
	}
	return SubOption4(v, code)
}

// SubOption4 finds a sub-option in a run of code, length, value.
func SubOption4(run []byte, code byte) ([]byte, bool) {
	for len(run) >= 2 {
		n := int(run[1])
		if len(run) < 2+n {
			return nil, false
		}
		if run[0] == code {
			return run[2 : 2+n : 2+n], true
		}
		run = run[2+n:]
	}
	return nil, false
}

// SubOptions4 returns the part of a run of sub-options that is well-formed.
func SubOptions4(run []byte) []byte {
	n := 0
	for n+2 <= len(run) && n+2+int(run[n+1]) <= len(run) {
		n += 2 + int(run[n+1])
	}
	return run[:n:n]
}

// Fields of the fixed header, by their RFC 2131 names.

func (m *Message4) HType() byte { return m.data[1] }

func (m *Message4) HLen() byte { return m.data[2] }

func (m *Message4) Hops() byte { return m.data[3] }

func (m *Message4) XID() uint32 { return binary.BigEndian.Uint32(m.data[4:]) }

func (m *Message4) Secs() uint16 { return binary.BigEndian.Uint16(m.data[8:]) }

func (m *Message4) Flags() uint16 { return binary.BigEndian.Uint16(m.data[10:]) }

// Broadcast says whether the client wants broadcast answers.
func (m *Message4) Broadcast() bool { return m.data[10]&0x80 != 0 }

func (m *Message4) CIAddr() netip.Addr { return netip.AddrFrom4([4]byte(m.data[12:16])) }

func (m *Message4) YIAddr() netip.Addr { return netip.AddrFrom4([4]byte(m.data[16:20])) }

func (m *Message4) SIAddr() netip.Addr { return netip.AddrFrom4([4]byte(m.data[20:24])) }

func (m *Message4) GIAddr() netip.Addr { return netip.AddrFrom4([4]byte(m.data[24:28])) }

// CHAddr returns the hlen bytes of the hardware address.
func (m *Message4) CHAddr() []byte { n := 28 + int(m.data[2]); return m.data[28:n:n] }
