package bench

import "bytes"

// step is a message a client sends.
type step uint8

const (
	idle   step = iota
	first       // DISCOVER, SOLICIT
	second      // REQUEST
	renew       // REQUEST of a renewing client (relayed) or INIT-REBOOT (direct); RENEW
)

// answer is what came back.
type answer uint8

const (
	other    answer = iota
	offered         // OFFER, ADVERTISE with an address
	granted         // ACK, REPLY with an address
	refused         // NAK, or no address
	numSteps = int(renew) + 1
)

// client is one simulated client: its number and what it was given.
type client struct {
	number uint64
	addr   [16]byte // v4: the first four bytes
	server *server
}

// server is what a server's identifier makes of the templates.
type server struct {
	templates [numSteps]template
}

// codec writes queries and reads responses. It is used under the lock of run.
type codec interface {
	// query appends the message to buf.
	query(buf []byte, s step, xid uint32, c *client) []byte
	// response reads a message; for offered and granted it fills c.addr and
	// c.server.
	response(b []byte, c *client) (xid uint32, a answer, ok bool)
	// xidMask has the bits of a transaction id.
	xidMask() uint32
}

// Values in templates that every query replaces.
var (
	markMAC  = []byte{0xde, 0xad, 0x4c, 0x48, 0x00, 0x01}
	markAddr = []byte{0xfd, 0xde, 0xad, 0x4c, 0x48, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
)

// template is a message with the places to patch.
type template struct {
	bytes []byte
	xid   int   // offset; the width is the codec's
	macs  []int // offsets of markMAC
	addrs []int // offsets of the address
}

// find returns where mark stands in b.
func find(b, mark []byte) (at []int) {
	for from := 0; ; {
		i := bytes.Index(b[from:], mark)
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(mark)
	}
}

func (t *template) appendTo(buf []byte, c *client, addrLen int) []byte {
	start := len(buf)
	buf = append(buf, t.bytes...)
	b := buf[start:]
	n := c.number
	mac := [6]byte{2, byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	for _, i := range t.macs {
		copy(b[i:], mac[:])
	}
	for _, i := range t.addrs {
		copy(b[i:], c.addr[:addrLen])
	}
	return buf
}
