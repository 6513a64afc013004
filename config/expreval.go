package config

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
)

// testNode and valueNode are the two kinds of compiled expressions. Values may
// point into the packet, the expression or the scratch; nobody writes to them.
type testNode interface {
	test(s Subject, x *Scratch) (bool, error)
}

type valueNode interface {
	value(s Subject, x *Scratch) ([]byte, error)
}

// maxExprValue bounds every intermediate string: hexstring() within hexstring()
// grows without end otherwise.
const maxExprValue = 1 << 16

var errExprValue = errors.New("evaluate expression: a string becomes too long")

// grown returns what was appended to the scratch since start.
func (x *Scratch) grown(start int) ([]byte, error) {
	if len(x.buf)-start > maxExprValue {
		return nil, errExprValue
	}
	return x.buf[start:len(x.buf):len(x.buf)], nil
}

// literal is a constant.
type literal []byte

func (n literal) value(Subject, *Scratch) ([]byte, error) { return n, nil }

// equal is ==.
type equal struct{ a, b valueNode }

func (n *equal) test(s Subject, x *Scratch) (bool, error) {
	a, err := n.a.value(s, x)
	if err != nil {
		return false, err
	}
	b, err := n.b.value(s, x)
	return err == nil && bytes.Equal(a, b), err
}

type not struct{ a testNode }

func (n not) test(s Subject, x *Scratch) (bool, error) {
	ok, err := n.a.test(s, x)
	return err == nil && !ok, err
}

// chain is and, or, sand, sor: it stops at the first operand that equals stop,
// unless eager.
type chain struct {
	list  []testNode
	stop  bool
	eager bool
}

func (n *chain) test(s Subject, x *Scratch) (bool, error) {
	result := !n.stop
	for _, t := range n.list {
		ok, err := t.test(s, x)
		if err != nil {
			return false, err
		}
		if ok == n.stop {
			if !n.eager {
				return n.stop, nil
			}
			result = n.stop
		}
	}
	return result, nil
}

// choice is ifelse and sifelse.
type choice struct {
	cond  testNode
	a, b  valueNode
	eager bool
}

func (n *choice) value(s Subject, x *Scratch) ([]byte, error) {
	ok, err := n.cond.test(s, x)
	if err != nil {
		return nil, err
	}
	if !n.eager {
		if ok {
			return n.a.value(s, x)
		}
		return n.b.value(s, x)
	}
	a, err := n.a.value(s, x)
	if err != nil {
		return nil, err
	}
	b, err := n.b.value(s, x)
	if ok {
		b = a
	}
	return b, err
}

type member ClassID

func (n member) test(s Subject, _ *Scratch) (bool, error) { return s.Member(ClassID(n)), nil }

// field is pkt.…, pkt4.… and pkt6.….
type field Field

func (n field) value(s Subject, _ *Scratch) ([]byte, error) { return s.Field(Field(n)), nil }

// relayField is relay6[level].peeraddr and .linkaddr.
type relayField struct {
	level int
	link  bool
}

func (n relayField) value(s Subject, _ *Scratch) ([]byte, error) {
	b, _ := s.RelayField(n.level, n.link)
	return b, nil
}

// concat is + and concat(): up to maxConcat operands.
type concat []valueNode

const maxConcat = 8

func (n concat) value(s Subject, x *Scratch) ([]byte, error) {
	// Operands may use the scratch themselves, so each is computed before it is
	// copied behind the ones before it.
	var parts [maxConcat][]byte
	list := parts[:0]
	for _, v := range n {
		b, err := v.value(s, x)
		if err != nil {
			return nil, err
		}
		list = append(list, b)
	}
	start := len(x.buf)
	for _, b := range list {
		x.buf = append(x.buf, b...)
	}
	return x.grown(start)
}

// substring is substring(a, start, length); all means to the end.
type substring struct {
	a             valueNode
	start, length int
	all           bool
}

func (n *substring) value(s Subject, x *Scratch) ([]byte, error) {
	b, err := n.a.value(s, x)
	if err != nil {
		return nil, err
	}
	start := n.start
	if start < 0 {
		start += len(b)
	}
	if start < 0 || start >= len(b) {
		return nil, nil
	}
	switch {
	case n.all || n.length > len(b)-start:
		return b[start:], nil
	case n.length < 0:
		// Kea: a negative length takes the octets before start.
		return b[max(start+n.length, 0):start], nil
	}
	return b[start : start+n.length], nil
}

// split is split(a, delimiters, field), fields from 1.
type split struct {
	a, delimiters valueNode
	field         int
}

func (n *split) value(s Subject, x *Scratch) ([]byte, error) {
	b, err := n.a.value(s, x)
	if err != nil {
		return nil, err
	}
	d, err := n.delimiters.value(s, x)
	if err != nil || len(d) == 0 || len(b) == 0 {
		return b, err
	}
	for i := 1; ; i++ {
		end := 0
		for end < len(b) && bytes.IndexByte(d, b[end]) < 0 {
			end++
		}
		switch {
		case i == n.field:
			return b[:end], nil
		case end == len(b) || n.field < 1:
			return nil, nil
		}
		b = b[end+1:]
	}
}

// hexstring is hexstring(a, separator).
type hexstring struct{ a, separator valueNode }

func (n *hexstring) value(s Subject, x *Scratch) ([]byte, error) {
	b, err := n.a.value(s, x)
	if err != nil {
		return nil, err
	}
	sep, err := n.separator.value(s, x)
	if err != nil {
		return nil, err
	}
	if len(b)*(2+len(sep)) > maxExprValue {
		return nil, errExprValue
	}
	const digits = "0123456789abcdef"
	start := len(x.buf)
	for i, c := range b {
		if i > 0 {
			x.buf = append(x.buf, sep...)
		}
		x.buf = append(x.buf, digits[c>>4], digits[c&15])
	}
	return x.grown(start)
}

// letterCase is lcase and ucase.
type letterCase struct {
	a     valueNode
	upper bool
}

func (n *letterCase) value(s Subject, x *Scratch) ([]byte, error) {
	b, err := n.a.value(s, x)
	if err != nil {
		return nil, err
	}
	start := len(x.buf)
	for _, c := range b {
		if isLetter(c) {
			if c |= 0x20; n.upper {
				c -= 0x20
			}
		}
		x.buf = append(x.buf, c)
	}
	return x.grown(start)
}

// toText is addrtotext and int8totext … uint32totext. size 0 is an address.
type toText struct {
	a      valueNode
	size   int
	signed bool
	name   string
}

func (n *toText) value(s Subject, x *Scratch) ([]byte, error) {
	b, err := n.a.value(s, x)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	start := len(x.buf)
	if n.size == 0 {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return nil, fmt.Errorf("evaluate expression: %s of %d octets, not 4 or 16", n.name, len(b))
		}
		x.buf = a.AppendTo(x.buf)
		return x.grown(start)
	}
	if len(b) != n.size {
		return nil, fmt.Errorf("evaluate expression: %s of %d octets, not %d", n.name, len(b), n.size)
	}
	var v int64
	switch n.size {
	case 1:
		if v = int64(b[0]); n.signed {
			v = int64(int8(b[0]))
		}
	case 2:
		u := binary.BigEndian.Uint16(b)
		if v = int64(u); n.signed {
			v = int64(int16(u))
		}
	default:
		u := binary.BigEndian.Uint32(b)
		if v = int64(u); n.signed {
			v = int64(int32(u))
		}
	}
	x.buf = strconv.AppendInt(x.buf, v, 10)
	return x.grown(start)
}
