package probe

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// question is one DISCOVER or SOLICIT of a client.
type question struct {
	xid   uint32 // 24 bits
	mac   [6]byte
	tried time.Duration // since the client began to ask
	link  netip.Addr    // where the client is: an address in its subnet
	relay netip.Addr    // whose answers we hear
	port  bool          // answers are to come to the port of the question. RFC 8357
}

const (
	bootRequest, bootReply = 1, 2
	headerLength4          = 236
	discover, offer        = 1, 2

	solicit, advertise    = 1, 2
	relayForw, relayReply = 12, 13
)

var cookie = []byte{99, 130, 83, 99}

// append4 appends a DISCOVER as a relay agent forwards it.
func (q *question) append4(dst []byte) []byte {
	header := make([]byte, headerLength4)
	header[0], header[1], header[2], header[3] = bootRequest, 1, 6, 1
	binary.BigEndian.PutUint32(header[4:], q.xid)
	binary.BigEndian.PutUint16(header[8:], uint16(q.tried/time.Second))
	copy(header[24:], q.relay.AsSlice())
	copy(header[28:], q.mac[:])
	dst = append(append(dst, header...), cookie...)
	dst = append(dst, 53, 1, discover, 55, 3, 1, 3, 6)
	// RFC 3527: the subnet is that of the link selection, not of giaddr.
	agent := append([]byte{5, 4}, q.link.AsSlice()...)
	if q.port {
		agent = append(agent, 19, 0)
	}
	dst = append(append(dst, 82, byte(len(agent))), agent...)
	return append(dst, 255)
}

// read4 reads the transaction and the server of an OFFER.
func read4(m []byte) (xid uint32, server string, ok bool) {
	if len(m) < headerLength4+len(cookie) || m[0] != bootReply {
		return 0, "", false
	}
	xid = binary.BigEndian.Uint32(m[4:])
	offered := false
	for o := m[headerLength4+len(cookie):]; len(o) >= 2 && o[0] != 255; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		n := int(o[1])
		if len(o) < 2+n {
			break
		}
		switch data := o[2 : 2+n]; o[0] {
		case 53:
			offered = n == 1 && data[0] == offer
		case 54:
			server = net.IP(data).String()
		}
		o = o[2+n:]
	}
	return xid, server, offered
}

func appendOption6(dst []byte, code uint16, data []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, code)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(data)))
	return append(dst, data...)
}

// append6 appends a SOLICIT as a relay agent forwards it.
func (q *question) append6(dst []byte) []byte {
	m := binary.BigEndian.AppendUint32(nil, solicit<<24|q.xid)
	m = appendOption6(m, 1, append([]byte{0, 3, 0, 1}, q.mac[:]...))
	m = appendOption6(m, 3, append(q.mac[2:6:6], make([]byte, 8)...))
	m = appendOption6(m, 8, binary.BigEndian.AppendUint16(nil, uint16(min(q.tried/(10*time.Millisecond), 0xffff))))
	dst = append(dst, relayForw, 0)
	dst = append(dst, q.link.AsSlice()...)
	dst = append(dst, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, q.mac[0]^2, q.mac[1], q.mac[2], 0xff, 0xfe, q.mac[3], q.mac[4], q.mac[5])
	if q.port {
		dst = appendOption6(dst, 135, []byte{0, 0})
	}
	return appendOption6(dst, 9, m)
}

// option6 finds an option.
func option6(o []byte, code uint16) []byte {
	for len(o) >= 4 {
		n := int(binary.BigEndian.Uint16(o[2:]))
		if len(o) < 4+n {
			return nil
		}
		if binary.BigEndian.Uint16(o) == code {
			return o[4 : 4+n]
		}
		o = o[4+n:]
	}
	return nil
}

// read6 reads the transaction and the server of an ADVERTISE in a Relay-reply.
func read6(m []byte) (xid uint32, server string, ok bool) {
	if len(m) < 34 || m[0] != relayReply {
		return 0, "", false
	}
	m = option6(m[34:], 9)
	if len(m) < 4 || m[0] != advertise {
		return 0, "", false
	}
	xid = binary.BigEndian.Uint32(m) & 0xffffff
	return xid, net.HardwareAddr(option6(m[4:], 2)).String(), option6(m[4:], 3) != nil
}
