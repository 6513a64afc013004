package ha

import (
	"strings"
	"time"
)

// Query is what the machine sees of a message from a client.
type Query struct {
	Key      []byte        // v4: client identifier, else hardware address; v6: DUID
	HWAddr   []byte        // v4
	ClientID []byte        // v4: client identifier or empty; v6: DUID
	Filtered bool          // a type that the filter looks at, see Filtered
	Tried    time.Duration // how long the client has tried: Secs4, or the elapsed time option
	HasTried bool          // false: v6 message without elapsed time
}

// Filtered says whether messages of a type are subject to scopes. All others
// are in scope for everybody. A relayed v6 message is judged by its innermost.
func Filtered(family int, messageType uint8) bool {
	if family == 4 {
		switch messageType {
		case 1, 3, 4, 7, 8: // DISCOVER, REQUEST, DECLINE, RELEASE, INFORM
			return true
		}
		return false
	}
	switch messageType {
	case 1, 3, 4, 5, 6, 8, 9: // SOLICIT … REBIND, RELEASE, DECLINE
		return true
	}
	return false
}

// InScope returns the client class of the server that should answer q, and
// whether that is us. Every query gets the class, whoever answers it: pools
// are limited by it.
//
// Without a key nobody answers in load-balancing.
func (m *Machine) InScope(q *Query) (class string, ok bool) {
	candidate := 0
	if q.Filtered && m.balancing {
		if len(q.Key) == 0 {
			return "", false
		}
		candidate = int(Hash(q.Key) & 1)
	}
	return m.classes[candidate], !q.Filtered || m.served[candidate]
}

// Half says which half of undivided pools is ours: 1 the lower, the primary's,
// 2 the upper; 0 when pools are whole: other modes, or a partner that does not
// divide them as we do. A partner that was one of us before a restart still is,
// as long as nothing was heard from it.
func (m *Machine) Half() uint8 {
	p := &m.partner
	known := p.features.Halves || !p.heard && m.point.Epoch != 0
	switch {
	case !m.balancing || m.other == nil || !m.Extensions.Halves || !known:
		return 0
	case m.role == rolePrimary:
		return 1
	}
	return 2
}

// Alone says whether this server serves everybody by the rules, and the partner
// serves nobody: it is not heard to be back, nor being told to come back.
func (m *Machine) Alone() bool {
	switch m.state {
	case PartnerDown:
		return !m.partner.state.normal()
	case PartnerInMaintenance:
		return m.tending == nil
	}
	return false
}

// Owns says whether the lease of a client would be given by this server now.
// A terminated server reclaims only these.
func (m *Machine) Owns(key []byte) bool {
	_, ok := m.InScope(&Query{Key: key, Filtered: true})
	return ok
}

// Hash is the hash of RFC 3074 section 6.
func Hash(key []byte) byte {
	h := byte(len(key))
	for i := len(key) - 1; i >= 0; i-- {
		h = pearson[h^key[i]]
	}
	return h
}

// serveDefault serves our own clients only.
func (m *Machine) serveDefault() {
	clear(m.served)
	if m.role == rolePrimary || m.role == roleSecondary {
		m.served[m.index] = true
	}
}

// serveAll serves the clients of both active servers. A standby has no
// clients of its own.
func (m *Machine) serveAll() {
	clear(m.served)
	for i := range m.rel.Peers {
		r := m.rel.Peers[i].Role
		m.served[i] = r == rolePrimary || r == roleSecondary
	}
}

// serveNamed serves the scopes of the named servers; the old ones stay when a
// name is not known. HA_server1 and ha_server1, as Kea's manual prints them,
// are taken for server1 where no server has that very name.
func (m *Machine) serveNamed(names []string) (unknown string, ok bool) {
	served := make([]bool, len(m.served))
	for _, name := range names {
		i := m.peerIndex(name)
		if i < 0 && len(name) > 3 && strings.EqualFold(name[:3], "HA_") {
			i = m.peerIndex(name[3:])
		}
		if i < 0 {
			return name, false
		}
		served[i] = true
	}
	m.served = served
	return "", true
}

// Scopes appends the names of the scopes that are served.
func (m *Machine) Scopes(dst []string) []string {
	for i, on := range m.served {
		if on {
			dst = append(dst, m.rel.Peers[i].Name)
		}
	}
	return dst
}

func (m *Machine) peerIndex(name string) int {
	for i := range m.rel.Peers {
		if m.rel.Peers[i].Name == name {
			return i
		}
	}
	return -1
}

// pearson is the permutation of RFC 3074.
var pearson = [256]byte{
	0xfb, 0xaf, 0x77, 0xd7, 0x51, 0x0e, 0x4f, 0xbf, 0x67, 0x31, 0xb5, 0x8f, 0xba, 0x9d, 0x00, 0xe8,
	0x1f, 0x20, 0x37, 0x3c, 0x98, 0x3a, 0x11, 0xed, 0xae, 0x46, 0xa0, 0x90, 0xdc, 0x5a, 0x39, 0xdf,
	0x3b, 0x03, 0x12, 0x8c, 0x6f, 0xa6, 0xcb, 0xc4, 0x86, 0xf3, 0x7c, 0x5f, 0xde, 0xb3, 0xc5, 0x41,
	0xb4, 0x30, 0x24, 0x0f, 0x6b, 0x2e, 0xe9, 0x82, 0xa5, 0x1e, 0x7b, 0xa1, 0xd1, 0x17, 0x61, 0x10,
	0x28, 0x5b, 0xdb, 0x3d, 0x64, 0x0a, 0xd2, 0x6d, 0xfa, 0x7f, 0x16, 0x8a, 0x1d, 0x6c, 0xf4, 0x43,
	0xcf, 0x09, 0xb2, 0xcc, 0x4a, 0x62, 0x7e, 0xf9, 0xa7, 0x74, 0x22, 0x4d, 0xc1, 0xc8, 0x79, 0x05,
	0x14, 0x71, 0x47, 0x23, 0x80, 0x0d, 0xb6, 0x5e, 0x19, 0xe2, 0xe3, 0xc7, 0x4b, 0x1b, 0x29, 0xf5,
	0xe6, 0xe0, 0x2b, 0xe1, 0xb1, 0x1a, 0x9b, 0x96, 0xd4, 0x8e, 0xda, 0x73, 0xf1, 0x49, 0x58, 0x69,
	0x27, 0x72, 0x3e, 0xff, 0xc0, 0xc9, 0x91, 0xd6, 0xa8, 0x9e, 0xdd, 0x94, 0x9a, 0x7a, 0x0c, 0x54,
	0x52, 0xa3, 0x2c, 0x8b, 0xe4, 0xec, 0xcd, 0xf2, 0xd9, 0x0b, 0xbb, 0x92, 0x9f, 0x40, 0x56, 0xef,
	0xc3, 0x2a, 0x6a, 0xc6, 0x76, 0x70, 0xb8, 0xac, 0x57, 0x02, 0xad, 0x75, 0xb0, 0xe5, 0xf7, 0xfd,
	0x89, 0xb9, 0x63, 0xa4, 0x66, 0x93, 0x2d, 0x42, 0xe7, 0x34, 0x8d, 0xd3, 0xc2, 0xce, 0xf6, 0xee,
	0x38, 0x6e, 0x4e, 0xf8, 0x3f, 0xf0, 0xbd, 0x5d, 0x5c, 0x33, 0x35, 0xb7, 0x13, 0xab, 0x48, 0x32,
	0x21, 0x68, 0x65, 0x45, 0x08, 0xfc, 0x53, 0x78, 0x4c, 0x87, 0x55, 0x36, 0xca, 0x7d, 0xbc, 0xd5,
	0x60, 0xeb, 0x88, 0xd0, 0xa2, 0x81, 0xbe, 0x84, 0x9c, 0x26, 0x2f, 0x01, 0x07, 0xfe, 0x18, 0x04,
	0xd8, 0x83, 0x59, 0x15, 0x1c, 0x85, 0x25, 0x99, 0x95, 0x50, 0xaa, 0x44, 0x06, 0xa9, 0xea, 0x97,
}
