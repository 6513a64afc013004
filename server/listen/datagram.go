package listen

import (
	"leasehold/server/wire"
)

// Sizes of receive buffers. No DHCPv4 client has 2 KB to say, and Kea reads 1500
// bytes; a relayed DHCPv6 message may be as large as UDP allows.
const (
	Size4 = 2048
	Size6 = 65536
)

// Datagram is one received datagram. Data is a part of the buffer that
// NewBatch gave it and is overwritten by the next Receive into it.
type Datagram struct {
	Data    []byte
	Arrival wire.Arrival
	buf     []byte
}

// NewBatch makes n datagrams with buffers of size bytes. The memory is touched,
// and so takes room, only as far as datagrams fill it.
func NewBatch(n, size int) []*Datagram {
	bufs := make([]byte, n*size)
	ds := make([]Datagram, n)
	batch := make([]*Datagram, n)
	for i := range ds {
		ds[i].buf = bufs[i*size : (i+1)*size : (i+1)*size]
		batch[i] = &ds[i]
	}
	return batch
}

// Outgoing is one datagram to send.
type Outgoing struct {
	Data []byte
	wire.Departure
	// Bundle: it may leave as one message with others that differ from it in
	// nothing but their content. The system cuts that into datagrams last thing
	// before the link, so that a packet socket of this machine on the way sees it whole.
	Bundle bool
}
