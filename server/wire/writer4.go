package wire

import (
	"encoding/binary"
	"net/netip"
)

// Writer4 builds a DHCPv4 response in a reused buffer. Options are collected
// by reference and laid down by Finish in Kea's order: 53 first, then by
// ascending code, 82 last.
type Writer4 struct {
	buf     []byte
	options []outOption
	small   []byte // room for values made by the server itself
}

type outOption struct {
	code  byte
	value []byte
}

// Start begins a response to q: the fields that RFC 2131 table 3 copies from
// the query are copied, everything else is zero.
func (w *Writer4) Start(q *Message4) {
	w.options = w.options[:0]
	w.small = w.small[:0]
	if cap(w.buf) < 1500 {
		w.buf = make([]byte, 0, 1500)
	}
	if cap(w.small) < 256 {
		w.small = make([]byte, 0, 256)
	}
	b := w.buf[:minLen4]
	clear(b)
	b[0] = 2
	copy(b[1:4], q.data[1:4])     // htype, hlen, hops
	copy(b[4:8], q.data[4:8])     // xid
	copy(b[10:12], q.data[10:12]) // flags
	copy(b[24:28], q.data[24:28]) // giaddr
	copy(b[28:44], q.data[28:44]) // chaddr
	copy(b[headerLen4:], cookie4[:])
	w.buf = b
}

// Setters of header fields.

func (w *Writer4) SetHops(h byte) { w.buf[3] = h }

func (w *Writer4) SetBroadcast(on bool) {
	if on {
		w.buf[10] |= 0x80
	} else {
		w.buf[10] &^= 0x80
	}
}

func (w *Writer4) SetCIAddr(a netip.Addr) { put4(w.buf[12:], a) }

func (w *Writer4) SetYIAddr(a netip.Addr) { put4(w.buf[16:], a) }

func (w *Writer4) SetSIAddr(a netip.Addr) { put4(w.buf[20:], a) }

func (w *Writer4) SetGIAddr(a netip.Addr) { put4(w.buf[24:], a) }

// YIAddr and Broadcast read back what was set.
func (w *Writer4) YIAddr() netip.Addr { return netip.AddrFrom4([4]byte(w.buf[16:20])) }

func (w *Writer4) Broadcast() bool { return w.buf[10]&0x80 != 0 }

// SetSName and SetFile fill the fixed text fields; longer text is cut.
func (w *Writer4) SetSName(s string) { clear(w.buf[44:108]); copy(w.buf[44:107], s) }

func (w *Writer4) SetFile(s string) { clear(w.buf[108:236]); copy(w.buf[108:235], s) }

func put4(b []byte, a netip.Addr) {
	if a.Is4() {
		v := a.As4()
		copy(b, v[:])
	} else {
		clear(b[:4])
	}
}

// Has says whether an option was added.
func (w *Writer4) Has(code byte) bool {
	for i := range w.options {
		if w.options[i].code == code {
			return true
		}
	}
	return false
}

// Get returns the first value added for a code.
func (w *Writer4) Get(code byte) ([]byte, bool) {
	for i := range w.options {
		if w.options[i].code == code {
			return w.options[i].value, true
		}
	}
	return nil, false
}

// At returns the n-th value added for a code, to read or to replace; nil if
// there are fewer.
func (w *Writer4) At(code byte, n int) *[]byte {
	for i := range w.options {
		if w.options[i].code == code {
			if n == 0 {
				return &w.options[i].value
			}
			n--
		}
	}
	return nil
}

// Add adds an option by reference: value must not change before Finish.
func (w *Writer4) Add(code byte, value []byte) {
	w.options = append(w.options, outOption{code, value})
}

// Set is Add that replaces an earlier value.
func (w *Writer4) Set(code byte, value []byte) {
	w.Remove(code)
	w.Add(code, value)
}

// Remove takes options of a code out again.
func (w *Writer4) Remove(code byte) {
	kept := w.options[:0]
	for _, o := range w.options {
		if o.code != code {
			kept = append(kept, o)
		}
	}
	w.options = kept
}

// Drop takes out the one option of a code whose value At returned.
func (w *Writer4) Drop(code byte, value *[]byte) {
	for i := range w.options {
		if w.options[i].code == code && &w.options[i].value == value {
			w.options = append(w.options[:i], w.options[i+1:]...)
			return
		}
	}
}

// Copy returns a copy of value in the writer's own room, for values that are
// made on the fly.
func (w *Writer4) Copy(value []byte) []byte {
	n := len(w.small)
	w.small = append(w.small, value...)
	return w.small[n:len(w.small):len(w.small)]
}

// AddUint8, AddUint32 and AddAddr add values made by the server.
func (w *Writer4) AddUint8(code, v byte) { w.Add(code, w.Copy([]byte{v})) }

func (w *Writer4) AddUint32(code byte, v uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], v)
	w.Add(code, w.Copy(b[:]))
}

func (w *Writer4) AddAddr(code byte, a netip.Addr) {
	b := a.As4()
	w.Add(code, w.Copy(b[:]))
}

// Finish lays the options down and returns the datagram, at least pad bytes long.
func (w *Writer4) Finish(pad int) []byte {
	// Few options, nearly sorted: insertion sort keeps equal codes in order.
	o := w.options
	for i := 1; i < len(o); i++ {
		for j := i; j > 0 && rank4(o[j].code) < rank4(o[j-1].code); j-- {
			o[j], o[j-1] = o[j-1], o[j]
		}
	}
	for _, opt := range o {
		w.put(opt)
	}
	w.buf = append(w.buf, 255)
	for len(w.buf) < pad {
		w.buf = append(w.buf, 0)
	}
	return w.buf
}

// put writes one option, in pieces of 255 bytes if it is long (RFC 3396 §5).
func (w *Writer4) put(o outOption) {
	v := o.value
	for {
		n := min(len(v), 255)
		w.buf = append(w.buf, o.code, byte(n))
		w.buf = append(w.buf, v[:n]...)
		if v = v[n:]; len(v) == 0 {
			return
		}
	}
}

func rank4(code byte) int {
	switch code {
	case OptMessageType:
		return -1
	case OptAgentOptions: // RFC 3046 §2.1: last
		return 256
	}
	return int(code)
}
