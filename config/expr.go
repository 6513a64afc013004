package config

import (
	"errors"
	"reflect"
)

// Subject is the packet being tested by an expression. All byte slices are
// only valid until the call returns to the engine.
type Subject interface {
	// Option returns the payload of the first instance of a top-level option
	// (v4: instances of one code are joined, RFC 3396).
	Option(code uint16) ([]byte, bool)
	// RelayOption returns a sub-option of option 82 (v4, level ignored) or an
	// option of relay level (v6: 0 nearest to the server, -1 nearest to the client).
	RelayOption(level int, code uint16) ([]byte, bool)
	// RelayField returns peeraddr or linkaddr of a relay level (v6), 16 bytes.
	RelayField(level int, link bool) ([]byte, bool)
	// Field returns a field of the packet: 4 or 16 bytes for addresses, 4
	// bytes big endian for numbers, text for Iface.
	Field(f Field) []byte
	// Member says whether the packet is in a class.
	Member(id ClassID) bool
}

// Field names a field of the packet in expressions.
type Field uint8

const (
	PktIface Field = iota
	PktSrc
	PktDst
	PktLen
	Pkt4MAC
	Pkt4HLen
	Pkt4HType
	Pkt4CIAddr
	Pkt4GIAddr
	Pkt4YIAddr
	Pkt4SIAddr
	PktMsgType // pkt4.msgtype, pkt6.msgtype
	PktTransID
)

// Expr is a compiled class test or string expression. It is immutable and may
// be evaluated by many goroutines.
type Expr struct {
	Text string
	test testNode // one of the two is set
	node valueNode
}

var errKind = errors.New("evaluate expression: neither test nor value")

// Test evaluates a boolean expression. An error means "no match, log it".
func (e *Expr) Test(s Subject, scratch *Scratch) (bool, error) {
	if e.test == nil {
		return false, errKind
	}
	return e.test.test(s, scratch)
}

// Value evaluates a string expression; the result lives until scratch is reset.
func (e *Expr) Value(s Subject, scratch *Scratch) ([]byte, error) {
	if e.node == nil {
		return nil, errKind
	}
	return e.node.value(s, scratch)
}

// Equality takes a test of the form "part == constant" apart.
func (e *Expr) Equality() (part *Expr, constant []byte, ok bool) {
	n, ok := e.test.(*equal)
	if !ok {
		return nil, nil, false
	}
	a, b := n.a, n.b
	if _, first := a.(literal); first {
		a, b = b, a
	}
	constant, ok = b.(literal)
	return &Expr{node: a}, constant, ok
}

// Same says whether two expressions are the same but for their spelling.
func (e *Expr) Same(o *Expr) bool {
	return reflect.DeepEqual(e.test, o.test) && reflect.DeepEqual(e.node, o.node)
}

// Scratch is reusable room for intermediate strings of one evaluation, so that
// a steady server evaluates without allocating.
type Scratch struct{ buf []byte }

// Reset makes the room free again.
func (s *Scratch) Reset() { s.buf = s.buf[:0] }

// ParseExpression compiles an expression of a hook's parameters. Class names
// of member() get an ID in f, so call it before f serves.
func ParseExpression(text string, wantBool bool, version int, f *Family) (*Expr, error) {
	known := func(class string) (ClassID, bool, bool) {
		return f.intern(class), class == "KNOWN" || class == "UNKNOWN", true
	}
	defs := f.Defs
	if defs == nil {
		defs = standardDefs(version)
	}
	p := &exprParser{text: text, version: version, defs: defs, known: known, late: true}
	return p.parse(wantBool)
}
