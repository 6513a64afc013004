package wire

import (
	"encoding/binary"
	"net/netip"
)

// Writer6 builds a DHCPv6 response in a reused buffer. Options are collected
// by reference and laid down by Finish in Kea's order, by ascending code, and
// inside the relay replies that the query's relays wait for.
type Writer6 struct {
	buf     []byte
	options []Option6
	room    []byte // room for values made by the server itself
	open    int    // where the association being written starts in room
	typ     byte
	code    uint16 // of that association
}

// Start begins a response of a type.
func (w *Writer6) Start(typ byte) {
	w.typ = typ
	w.options = w.options[:0]
	w.room = w.room[:0]
	if cap(w.room) < 1024 {
		w.room = make([]byte, 0, 1024)
	}
}

// Add adds an option by reference: value must not change before Finish.
func (w *Writer6) Add(code uint16, value []byte) {
	w.options = append(w.options, Option6{code, value})
}

// Has says whether an option was added.
func (w *Writer6) Has(code uint16) bool { _, ok := first(w.options, code); return ok }

// Get returns the first value added for a code.
func (w *Writer6) Get(code uint16) ([]byte, bool) { return first(w.options, code) }

// At returns the n-th value added for a code, to read or to replace; nil if
// there are fewer.
func (w *Writer6) At(code uint16, n int) *[]byte {
	for i := range w.options {
		if w.options[i].Code == code {
			if n == 0 {
				return &w.options[i].Data
			}
			n--
		}
	}
	return nil
}

// Drop takes out the one option of a code whose value At returned.
func (w *Writer6) Drop(code uint16, value *[]byte) {
	for i := range w.options {
		if w.options[i].Code == code && &w.options[i].Data == value {
			w.options = append(w.options[:i], w.options[i+1:]...)
			return
		}
	}
}

// Remove takes options of a code out again.
func (w *Writer6) Remove(code uint16) {
	kept := w.options[:0]
	for _, o := range w.options {
		if o.Code != code {
			kept = append(kept, o)
		}
	}
	w.options = kept
}

// Copy returns a copy of value in the writer's own room, for values that are
// made on the fly. It must not be called between OpenIA and CloseIA.
func (w *Writer6) Copy(value []byte) []byte {
	n := len(w.room)
	w.room = append(w.room, value...)
	return w.room[n:len(w.room):len(w.room)]
}

// AddStatus adds a status code option at the top level, RFC 9915 §21.13.
func (w *Writer6) AddStatus(code uint16, text string) {
	n := len(w.room)
	w.room = binary.BigEndian.AppendUint16(w.room, code)
	w.room = append(w.room, text...)
	w.Add(Opt6StatusCode, w.room[n:len(w.room):len(w.room)])
}

// OpenIA begins an IA_NA or IA_PD; what follows goes into it until CloseIA.
func (w *Writer6) OpenIA(code uint16, iaid, t1, t2 uint32) {
	w.open, w.code = len(w.room), code
	w.room = binary.BigEndian.AppendUint32(w.room, iaid)
	w.room = binary.BigEndian.AppendUint32(w.room, t1)
	w.room = binary.BigEndian.AppendUint32(w.room, t2)
}

// IAAddr adds an address to the open association.
func (w *Writer6) IAAddr(a netip.Addr, preferred, valid uint32) {
	b := a.As16()
	w.header(Opt6IAAddr, IAAddrLen)
	w.room = append(w.room, b[:]...)
	w.room = binary.BigEndian.AppendUint32(w.room, preferred)
	w.room = binary.BigEndian.AppendUint32(w.room, valid)
}

// IAPrefix adds a delegated prefix to the open association; excluded (RFC
// 6603 §4.2), if valid, is the part of it that the delegating link keeps.
func (w *Writer6) IAPrefix(a netip.Addr, length uint8, preferred, valid uint32, excluded netip.Prefix) {
	b := a.As16()
	at := len(w.room)
	w.header(Opt6IAPrefix, iaPrefixLen)
	w.room = binary.BigEndian.AppendUint32(w.room, preferred)
	w.room = binary.BigEndian.AppendUint32(w.room, valid)
	w.room = append(w.room, length)
	w.room = append(w.room, b[:]...)
	if excluded.IsValid() {
		w.exclude(int(length), excluded)
		binary.BigEndian.PutUint16(w.room[at+2:], uint16(len(w.room)-at-4))
	}
}

// exclude writes the bits of an excluded prefix that follow those of the
// delegated one, left-aligned.
func (w *Writer6) exclude(delegated int, excluded netip.Prefix) {
	bits := excluded.Bits() - delegated
	if bits <= 0 {
		return
	}
	n := (bits-1)/8 + 1
	w.header(Opt6PDExclude, 1+n)
	w.room = append(w.room, byte(excluded.Bits()))
	b := excluded.Masked().Addr().As16()
	for i := 0; i < n; i++ {
		at := delegated + 8*i
		v := b[at/8] << (at % 8)
		if at%8 > 0 && at/8+1 < len(b) {
			v |= b[at/8+1] >> (8 - at%8)
		}
		w.room = append(w.room, v)
	}
}

// IAStatus adds a status code to the open association.
func (w *Writer6) IAStatus(code uint16, text string) {
	w.header(Opt6StatusCode, 2+len(text))
	w.room = binary.BigEndian.AppendUint16(w.room, code)
	w.room = append(w.room, text...)
}

// CloseIA ends the open association.
func (w *Writer6) CloseIA() { w.Add(w.code, w.room[w.open:len(w.room):len(w.room)]) }

func (w *Writer6) header(code uint16, n int) {
	w.room = binary.BigEndian.AppendUint16(w.room, code)
	w.room = binary.BigEndian.AppendUint16(w.room, uint16(n))
}

// Finish lays the response to q down and returns the datagram, or nil if it
// would be larger than UDP carries.
func (w *Writer6) Finish(q *Message6) []byte {
	// Few options, nearly sorted: insertion sort keeps equal codes in order.
	o := w.options
	for i := 1; i < len(o); i++ {
		for j := i; j > 0 && o[j].Code < o[j-1].Code; j-- {
			o[j], o[j-1] = o[j-1], o[j]
		}
	}
	size := headerLen6
	for i := range o {
		size += 4 + len(o[i].Data)
	}
	var sizes [MaxRelays]int // of what each relay wraps
	for i := len(q.relays) - 1; i >= 0; i-- {
		sizes[i] = size
		size += relayLen + 4
		q.relays[i].echoes(func(o *Option6) { size += 4 + len(o.Data) })
	}
	if size > maxPayload6 {
		return nil
	}
	if cap(w.buf) < size {
		w.buf = make([]byte, 0, max(size, 1500))
	}
	w.buf = w.buf[:0]
	for i := range q.relays {
		r := &q.relays[i]
		w.buf = append(w.buf, RelayRepl, r.Hop)
		w.buf = append(w.buf, r.header...)
		r.echoes(w.put)
		w.buf = binary.BigEndian.AppendUint16(w.buf, Opt6RelayMsg)
		w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(sizes[i]))
	}
	w.buf = append(w.buf, w.typ)
	w.buf = append(w.buf, q.inner[1:4]...)
	for i := range o {
		w.put(&o[i])
	}
	return w.buf
}

// maxPayload6 is the largest payload of a UDP datagram over IPv6.
const maxPayload6 = 65535 - 8

func (w *Writer6) put(o *Option6) {
	w.buf = binary.BigEndian.AppendUint16(w.buf, o.Code)
	w.buf = binary.BigEndian.AppendUint16(w.buf, uint16(len(o.Data)))
	w.buf = append(w.buf, o.Data...)
}

// echoes calls fn for the options that a relay gets back: interface-id (RFC
// 9915 §21.18), relay-source-port (RFC 8357 §5.2) and what its echo request
// names (RFC 4994 §3).
func (r *Relay6) echoes(fn func(*Option6)) {
	ero, _ := r.Option(Opt6ERO)
	for i := range r.Options {
		o := &r.Options[i]
		switch o.Code {
		case Opt6InterfaceID, Opt6RelaySourcePort:
			fn(o)
		case Opt6RelayMsg, Opt6ERO:
		default:
			if listed(ero, o.Code) {
				fn(o)
			}
		}
	}
}

// listed says whether a run of 16-bit codes has a code.
func listed(run []byte, code uint16) bool {
	for ; len(run) >= 2; run = run[2:] {
		if binary.BigEndian.Uint16(run) == code {
			return true
		}
	}
	return false
}
