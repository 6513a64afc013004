package lease

import (
	"bytes"
	"net/netip"
)

// CutJSON reads a lease at the beginning of text that is exactly as AppendJSON
// writes one, without its opening brace, and returns what follows it. This is
// what partners send by the thousand, and takes a fraction of FromJSON's time.
// Anything else, be it right or wrong, is not ok: FromJSON is to judge it.
func CutJSON(text []byte, family int) (l Lease, rest []byte, ok bool) {
	r := layout{b: text, ok: true}
	v6 := family == 6
	b := text
	if !v6 && r.skip(` "client-id": `) {
		l.ClientID = r.hex()
		r.demand(`, "cltt": `)
	} else {
		r.demand(` "cltt": `)
	}
	l.CLTT = r.number(1<<63 - 1)
	if v6 {
		r.demand(`, "duid": `)
		l.ClientID = r.hex()
	}
	r.demand(`, "fqdn-fwd": `)
	l.FQDNFwd = r.boolean()
	r.demand(`, "fqdn-rev": `)
	l.FQDNRev = r.boolean()
	r.demand(`, "hostname": `)
	l.Hostname = r.name()
	if r.skip(`, "hw-address": `) {
		l.HWType, l.HWAddr = 1, r.hex()
		r.ok = r.ok && (!v6 || l.HWAddr != "")
	} else {
		r.ok = r.ok && v6
	}
	if v6 {
		r.demand(`, "iaid": `)
		l.IAID = r.uint32()
	}
	r.demand(`, "ip-address": `)
	l.Addr = r.addr(v6)
	if r.skip(`, "pool-id": `) {
		l.PoolID = r.uint32()
	}
	if v6 {
		r.demand(`, "preferred-lft": `)
		l.Preferred = r.uint32()
		l.PrefixLen = 128
		if r.skip(`, "prefix-len": `) {
			l.PrefixLen = uint8(r.number(128))
			l.Type = PD
		}
	}
	r.demand(`, "state": `)
	l.State = State(r.number(int64(Released)))
	r.demand(`, "subnet-id": `)
	l.SubnetID = r.uint32()
	if v6 {
		r.demand(`, "type": "`)
		r.demand(l.Type.String())
		r.demand(`"`)
	}
	r.demand(`, "valid-lft": `)
	l.Valid = r.uint32()
	r.demand(" }")
	if !r.ok || !l.plain(v6) {
		return Lease{}, b, false
	}
	return l, r.b, true
}

// plain says whether a lease is one that FromJSON would take as it is.
func (l *Lease) plain(v6 bool) bool {
	least, most := 2, 255
	if v6 {
		least, most = 3, 130
	}
	switch n := len(l.ClientID); {
	case n == 0 && !v6:
	case n < least || n > most || v6 && isEmptyDUID(l.ClientID):
		return false
	}
	return l.SubnetID != 0 && l.CLTT > 0 && (l.Hostname != "" || !l.FQDNFwd && !l.FQDNRev) &&
		(l.Type != PD || l.PrefixLen != 0 && l.State != Declined)
}

// layout walks over text whose form is known. After the first difference ok is
// false, and nothing counts any more.
type layout struct {
	b  []byte
	ok bool
}

func (r *layout) skip(s string) bool {
	if len(r.b) >= len(s) && string(r.b[:len(s)]) == s {
		r.b = r.b[len(s):]
		return true
	}
	return false
}

func (r *layout) demand(s string) { r.ok = r.skip(s) && r.ok }

// number reads an integer from 0 to most.
func (r *layout) number(most int64) (n int64) {
	i := 0
	for ; i < len(r.b) && i < 18 && '0' <= r.b[i] && r.b[i] <= '9'; i++ {
		n = n*10 + int64(r.b[i]-'0')
	}
	if i == 0 || n > most || r.b[0] == '0' && i > 1 {
		r.ok = false
		return 0
	}
	r.b = r.b[i:]
	return n
}

func (r *layout) uint32() uint32 { return uint32(r.number(1<<32 - 1)) }

func (r *layout) boolean() bool {
	if r.skip("true") {
		return true
	}
	r.demand("false")
	return false
}

// quoted reads a string without escapes.
func (r *layout) quoted() []byte {
	if r.demand(`"`); !r.ok {
		return nil
	}
	n := bytes.IndexByte(r.b, '"')
	if n < 0 {
		r.ok = false
		return nil
	}
	s := r.b[:n]
	r.b = r.b[n+1:]
	return s
}

// hex reads bytes of two digits each, with colons between them.
func (r *layout) hex() string {
	s := r.quoted()
	if len(s) == 0 {
		return ""
	}
	var room [64]byte
	out := room[:0]
	for i := 0; ; i += 3 {
		if i+2 > len(s) || i+2 < len(s) && s[i+2] != ':' {
			r.ok = false
			return ""
		}
		hi, lo := unhex[s[i]], unhex[s[i+1]]
		if hi|lo >= notHex {
			r.ok = false
			return ""
		}
		if out = append(out, byte(hi<<4|lo)); i+2 == len(s) {
			return string(out)
		}
	}
}

// name reads a name in lower case.
func (r *layout) name() string {
	s := r.quoted()
	for _, c := range s {
		if c < ' ' || c > '~' || c == '\\' || 'A' <= c && c <= 'Z' {
			r.ok = false
			return ""
		}
	}
	return string(s)
}

func (r *layout) addr(v6 bool) netip.Addr {
	a, err := netip.ParseAddr(view(r.quoted()))
	if err != nil || a.Is4() == v6 || a.Zone() != "" || a.Is4In6() {
		r.ok = false
	}
	return a
}
