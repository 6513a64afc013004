package engine

import (
	"bytes"
	"errors"

	"leasehold/config"
	"leasehold/server/wire"
)

// nameClient4 settles the client's name from option 81, else option 12.
func (e *Engine) nameClient4(q *Query) {
	q.nameBuf = q.nameBuf[:0]
	if v, ok := q.M4.Option(wire.OptFQDN); ok && len(v) >= 3 {
		e.nameFQDN4(q, v)
		return
	}
	e.nameHost4(q)
}

var (
	errFQDNShort = errors.New("option 81 is shorter than its fixed part")
	errFQDNFlags = errors.New("option 81 has both N and S")
	errFQDNName  = errors.New("option 81 ends within a label")
)

// malformedFQDN4 says what is wrong with an option 81.
func malformedFQDN4(v []byte, lenient bool) error {
	switch {
	case len(v) < 3:
		return errFQDNShort
	case lenient:
		return nil
	case v[0]&(fqdnS|fqdnN) == fqdnS|fqdnN: // RFC 4702 §2.1
		return errFQDNFlags
	case v[0]&fqdnE != 0 && !wholeLabels(v[3:]):
		return errFQDNName
	}
	return nil
}

// wholeLabels says whether no label of a name is cut off.
func wholeLabels(b []byte) bool {
	for len(b) > 0 && b[0] != 0 {
		if n := int(b[0]); n > 63 || len(b) < 1+n {
			return false
		}
		b = b[1+int(b[0]):]
	}
	return true
}

// nameFQDN4 applies RFC 4702 with Kea's overrides.
func (e *Engine) nameFQDN4(q *Query, v []byte) {
	n := &q.names
	n.fqdn = true
	cs := v[0]&fqdnS != 0
	s, o, no := e.fqdnFlags(q, cs, v[0]&fqdnN != 0 && !cs) // both: lenient, N does not count
	n.flags = v[0] & fqdnE
	if s {
		n.flags |= fqdnS
	}
	if o {
		n.flags |= fqdnO
	}
	if no {
		n.flags |= fqdnN
	}
	n.fwd, n.rev = s, !no
	text, full := q.fqdnText(v[0], v[3:])
	e.settleFQDN(q, text, full)
}

// fqdnText reads the domain name of option 81: labels if E is set, else ASCII.
// full is false for a partial name.
func (q *Query) fqdnText(flags byte, b []byte) (text []byte, full bool) {
	out := q.nameBuf[:0]
	if flags&fqdnE == 0 {
		out = append(out, bytes.TrimRight(b, "\x00")...)
		lower(out)
		q.nameBuf = out
		return bytes.TrimSuffix(out, []byte(".")), len(out) > 0 && out[len(out)-1] == '.'
	}
	out, full = appendLabels(out, b)
	q.nameBuf = out
	return out, full
}

// nameHost4 settles the name from option 12 or a reservation.
func (e *Engine) nameHost4(q *Query) {
	n, d := &q.names, q.ddns()
	v, present := q.M4.Option(wire.OptHostName)
	on := e.updates(q)
	if h := q.hosts.current(q.subnet); h != nil && h.Hostname != "" {
		n.text = q.qualify(append(q.nameBuf[:0], h.Hostname...), d.QualifyingSuffix, false)
		n.host, n.fwd, n.rev = true, on, on
		return
	}
	v = bytes.TrimSpace(bytes.TrimRight(v, "\x00"))
	if d.ReplaceClientName == config.ReplaceAlways ||
		present && d.ReplaceClientName == config.ReplaceWhenPresent ||
		!present && d.ReplaceClientName == config.ReplaceWhenNotPresent {
		n.generate, n.host, n.fwd, n.rev = true, true, on, on
		return
	}
	if !present || len(v) == 0 {
		return
	}
	if string(v) == "." {
		n.generate, n.host, n.fwd, n.rev = true, true, on, on
		return
	}
	text := append(q.nameBuf[:0], v...)
	partial := bytes.IndexByte(bytes.TrimSuffix(v, []byte(".")), '.') < 0
	if d.CharSet != nil && d.CharSet.Matches(text) {
		text = append(q.nameBuf[:0], d.CharSet.Scrub(string(text), d.CharReplacement)...)
	}
	q.nameBuf = text
	if emptyLabel(bytes.TrimSuffix(text, []byte("."))) {
		return
	}
	lower(text)
	n.host, n.fwd, n.rev = true, on, on
	if partial {
		text = q.qualify(text, d.QualifyingSuffix, false)
	}
	n.text = text
}

// nameLease4 gives the lease its name, which may have to be made from the
// address only now.
func (e *Engine) nameLease4(q *Query) {
	n, l := &q.names, &q.lease
	if l.ReuseableValid > 0 && !n.generate {
		return
	}
	if n.generate {
		n.text = q.generateName(l.Addr, n.fqdn)
	} else if q.subnet != q.selected || q.pool != nil && q.pool.DDNS != q.subnet.Params.DDNS {
		// Another member of the network serves, or a pool with rules of its
		// own: its reservation and its suffix count.
		*n = name{}
		e.nameClient4(q)
		if n.generate {
			n.text = q.generateName(l.Addr, n.fqdn)
		}
	}
	if string(n.text) != l.Hostname || l.FQDNFwd != n.fwd || l.FQDNRev != n.rev {
		l.ReuseableValid = 0
		e.setString(&l.Hostname, n.text)
		l.FQDNFwd, l.FQDNRev = n.fwd, n.rev
	}
}

// addNames4 puts the settled name into the response.
func (e *Engine) addNames4(q *Query) {
	n := &q.names
	switch {
	case n.fqdn:
		// Kea gives the client's RCODE fields back, RFC 4702 §2.2 or not.
		was, _ := q.M4.Option(wire.OptFQDN)
		v := []byte{n.flags, was[1], was[2]}
		if n.flags&fqdnE != 0 {
			v = appendWireName(v, n.text)
		} else {
			v = append(v, n.text...)
		}
		q.W4.Add(wire.OptFQDN, v)
	case n.host && len(n.text) > 0:
		q.W4.Add(wire.OptHostName, n.text)
	}
}
