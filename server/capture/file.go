package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Frame is one recorded frame.
type Frame struct {
	At    time.Time
	Link  LinkType
	Iface string // as the file names it; "" if it does not
	Data  []byte // valid until the next frame is read
}

// LinkType says how frames begin; the numbers are those of the files.
type LinkType uint32

// Link types that Datagram understands.
const (
	Null      LinkType = 0 // BSD loopback
	Ethernet  LinkType = 1
	Raw       LinkType = 101 // the IP header comes first
	Loop      LinkType = 108 // OpenBSD loopback
	LinuxSLL  LinkType = 113 // "any" of tcpdump
	IPv4      LinkType = 228
	IPv6      LinkType = 229
	LinuxSLL2 LinkType = 276
)

// Magic numbers that files begin with.
const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d
	magicNG    = 0x0a0d0d0a // a block type that reads the same both ways
	magicOrder = 0x1a2b3c4d
)

// mostBytes bounds a frame or block: what claims to be larger is no capture.
const mostBytes = 16 << 20

var errMagic = errors.New("neither pcap nor pcapng")

// Reader reads a capture file.
type Reader struct {
	in    *bufio.Reader
	order binary.ByteOrder
	buf   []byte
	next  func() (Frame, error)

	link       LinkType // pcap
	fraction   time.Duration
	interfaces []ngInterface // pcapng, of the section at hand
}

// NewReader returns a Reader of a pcap or pcapng file.
func NewReader(r io.Reader) (*Reader, error) {
	x := &Reader{in: bufio.NewReaderSize(r, 64<<10)}
	magic, err := x.in.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", notMagic(err))
	}
	switch {
	case binary.LittleEndian.Uint32(magic) == magicNG:
		x.next = x.nextNG
		return x, nil
	case x.classic(binary.LittleEndian, magic), x.classic(binary.BigEndian, magic):
		x.next = x.nextClassic
	default:
		return nil, fmt.Errorf("read capture: %w", errMagic)
	}
	head, err := x.take(24)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	x.link = LinkType(x.order.Uint32(head[20:]) & 0x0fffffff)
	return x, nil
}

func notMagic(err error) error {
	if err == io.EOF {
		return errMagic
	}
	return err
}

func (x *Reader) classic(order binary.ByteOrder, magic []byte) bool {
	switch order.Uint32(magic) {
	case magicMicro:
		x.fraction = time.Microsecond
	case magicNano:
		x.fraction = time.Nanosecond
	default:
		return false
	}
	x.order = order
	return true
}

// Next returns the next frame; io.EOF at the end of the file. A file that ends
// within a frame gives io.ErrUnexpectedEOF: it is still being written, or was
// cut off.
func (x *Reader) Next() (Frame, error) {
	f, err := x.next()
	if err != nil && err != io.EOF {
		err = fmt.Errorf("read capture: %w", err)
	}
	return f, err
}

// take reads n bytes into the Reader's buffer.
func (x *Reader) take(n int) ([]byte, error) {
	if n > mostBytes {
		return nil, fmt.Errorf("a block of %d bytes", n)
	}
	if cap(x.buf) < n {
		x.buf = make([]byte, max(n, 2048))
	}
	b := x.buf[:n]
	if got, err := io.ReadFull(x.in, b); err != nil {
		if err == io.EOF && got == 0 {
			return nil, io.EOF
		}
		return nil, io.ErrUnexpectedEOF
	}
	return b, nil
}

// inside makes the end of the file within a frame an error.
func inside(b []byte, err error) ([]byte, error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

func (x *Reader) nextClassic() (Frame, error) {
	head, err := x.take(16)
	if err != nil {
		return Frame{}, err
	}
	at := time.Unix(int64(x.order.Uint32(head)), int64(x.order.Uint32(head[4:]))*int64(x.fraction)).UTC()
	data, err := inside(x.take(int(x.order.Uint32(head[8:]))))
	if err != nil {
		return Frame{}, err
	}
	return Frame{At: at, Link: x.link, Data: data}, nil
}
