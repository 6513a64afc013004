package capture

import (
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
	"strings"
	"time"
)

// Block types of pcapng.
const (
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
)

// Options of an interface description.
const (
	optionEnd    = 0
	optionName   = 2
	optionResol  = 9
	optionOffset = 14
)

// ngInterface is an interface of a section.
type ngInterface struct {
	link   LinkType
	name   string
	units  uint64 // of time per second
	offset int64  // seconds
}

var errBlock = errors.New("a block that is shorter than what it holds")

// nextNG reads blocks until one has a frame.
func (x *Reader) nextNG() (Frame, error) {
	for {
		head, err := x.take(8)
		if err != nil {
			return Frame{}, err
		}
		// The type of a section's first block reads the same in both orders;
		// the order of all the rest follows from the word behind its length.
		if binary.LittleEndian.Uint32(head) == magicNG {
			if err := x.section(head); err != nil {
				return Frame{}, err
			}
			continue
		}
		if x.order == nil {
			return Frame{}, errMagic
		}
		kind := x.order.Uint32(head)
		body, err := x.body(int64(x.order.Uint32(head[4:])))
		if err != nil {
			return Frame{}, err
		}
		if kind == blockInterface {
			if err := x.describe(body); err != nil {
				return Frame{}, err
			}
			continue
		}
		if f, ok, err := x.packet(kind, body); ok || err != nil {
			return f, err
		}
	}
}

// body reads what follows the head of a block, without the repeated length.
func (x *Reader) body(length int64) ([]byte, error) {
	if length < 12 || length%4 != 0 || length > mostBytes {
		return nil, errBlock
	}
	b, err := inside(x.take(int(length) - 8))
	if err != nil {
		return nil, err
	}
	return b[:len(b)-4], nil
}

// section begins a section: its byte order, and no interfaces yet.
func (x *Reader) section(head []byte) error {
	length := [4]byte(head[4:])
	magic, err := x.in.Peek(4)
	if err != nil {
		return io.ErrUnexpectedEOF
	}
	switch {
	case binary.LittleEndian.Uint32(magic) == magicOrder:
		x.order = binary.LittleEndian
	case binary.BigEndian.Uint32(magic) == magicOrder:
		x.order = binary.BigEndian
	default:
		return errMagic
	}
	x.interfaces = x.interfaces[:0]
	_, err = x.body(int64(x.order.Uint32(length[:])))
	return err
}

// describe reads an interface description block.
func (x *Reader) describe(b []byte) error {
	if len(b) < 8 {
		return errBlock
	}
	i := ngInterface{link: LinkType(x.order.Uint16(b)), units: 1e6}
	for b = b[8:]; len(b) >= 4; {
		code, n := x.order.Uint16(b), int(x.order.Uint16(b[2:]))
		b = b[4:]
		if code == optionEnd || n > len(b) {
			break
		}
		switch v := b[:n]; {
		case code == optionName:
			i.name = strings.TrimRight(string(v), "\x00")
		case code == optionResol && n == 1:
			i.units = resolution(v[0])
		case code == optionOffset && n == 8:
			i.offset = int64(x.order.Uint64(v))
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	x.interfaces = append(x.interfaces, i)
	return nil
}

// resolution reads if_tsresol: a negative power of 10 or, with the top bit, of 2.
func resolution(v byte) uint64 {
	n := v & 0x7f
	if v&0x80 != 0 {
		return 1 << min(n, 63)
	}
	units := uint64(1)
	for range min(n, 19) {
		units *= 10
	}
	return units
}

// packet reads a block that may hold a frame.
func (x *Reader) packet(kind uint32, b []byte) (Frame, bool, error) {
	var number, head int
	switch kind {
	case blockEnhanced, blockPacket:
		head = 20
	case blockSimple:
		head = 4
	default:
		return Frame{}, false, nil
	}
	if len(b) < head {
		return Frame{}, false, errBlock
	}
	switch kind {
	case blockEnhanced:
		number = int(x.order.Uint32(b))
	case blockPacket:
		number = int(x.order.Uint16(b))
	}
	if number >= len(x.interfaces) {
		return Frame{}, false, errors.New("a frame of an interface that is not described")
	}
	i := &x.interfaces[number]
	f := Frame{Link: i.link, Iface: i.name, Data: b[head:]}
	if kind == blockSimple {
		f.Data = f.Data[:min(len(f.Data), int(x.order.Uint32(b)))]
		return f, true, nil
	}
	f.At = i.time(uint64(x.order.Uint32(b[4:]))<<32 | uint64(x.order.Uint32(b[8:])))
	n := int64(x.order.Uint32(b[12:]))
	if n > int64(len(f.Data)) {
		return Frame{}, false, errBlock
	}
	f.Data = f.Data[:n]
	return f, true, nil
}

func (i *ngInterface) time(t uint64) time.Time {
	seconds, rest := t/i.units, t%i.units
	hi, lo := bits.Mul64(rest, 1e9)
	nanos, _ := bits.Div64(hi, lo, i.units)
	return time.Unix(int64(seconds)+i.offset, int64(nanos)).UTC()
}
