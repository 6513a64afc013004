package engine

import (
	"bytes"
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// name is the client's name as the server settles it.
type name struct {
	text     []byte // lower case; for option 81 with a trailing dot when full
	fwd, rev bool   // which DNS records the server keeps for it
	fqdn     bool   // travels in option 81
	host     bool   // travels in option 12
	generate bool   // to be made from the address, once that is known
	flags    byte   // of option 81 in the response
}

// Flags of option 81, RFC 4702 §2.1; the v6 option has S, O and N at other bits.
const (
	fqdnS = 1
	fqdnO = 2
	fqdnE = 4
	fqdnN = 8
)

// ddns returns the DDNS parameters that apply: the pool's once it is known.
func (q *Query) ddns() *config.DDNS {
	if q.pool != nil {
		return &q.pool.DDNS
	}
	return &q.subnet.Params.DDNS
}

// updates says whether the server updates DNS for the query at all.
func (e *Engine) updates(q *Query) bool {
	return e.cfg.D2.Enable && q.ddns().SendUpdates && !q.classes.has(config.ClassSkipDDNS)
}

// nameClient4 settles the client's name from option 81, else option 12.
func (e *Engine) nameClient4(q *Query) {
	q.nameBuf = q.nameBuf[:0]
	if v, ok := q.M4.Option(wire.OptFQDN); ok && len(v) >= 3 {
		e.nameFQDN4(q, v)
		return
	}
	e.nameHost4(q)
}

// nameFQDN4 applies RFC 4702 with Kea's overrides.
func (e *Engine) nameFQDN4(q *Query, v []byte) {
	n := &q.names
	n.fqdn = true
	s, o, no := e.fqdnFlags(q, v[0]&fqdnS != 0, v[0]&fqdnN != 0)
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

// settleFQDN chooses the name of an FQDN option: reserved, generated, or the
// client's own, cleaned and qualified.
func (e *Engine) settleFQDN(q *Query, text []byte, full bool) {
	n, d := &q.names, q.ddns()
	if h := q.hosts.current(q.subnet); h != nil && h.Hostname != "" {
		n.text = q.qualify(append(q.nameBuf[:0], h.Hostname...), d.QualifyingSuffix, true)
		return
	}
	if len(text) == 0 || d.ReplaceClientName == config.ReplaceAlways || d.ReplaceClientName == config.ReplaceWhenPresent {
		n.generate = true
		return
	}
	text = scrubLabels(d, text)
	if len(text) == 0 {
		n.generate = true
		return
	}
	if full {
		n.text = dotted(text)
		return
	}
	n.text = q.qualify(text, d.QualifyingSuffix, true)
}

// fqdnFlags maps the client's S and N to the server's S, O and N.
func (e *Engine) fqdnFlags(q *Query, cs, cn bool) (s, o, n bool) {
	d, on := q.ddns(), e.updates(q)
	switch {
	case !cs && !cn:
		s, n = on && d.OverrideClientUpdate, !on
	case cs && !cn:
		s, n = on, !on
	case !cs && cn:
		s = on && d.OverrideNoUpdate
		n = !s
	}
	return s, s != cs, n
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

// appendLabels writes RFC 1035 labels as lower-case text without a trailing
// dot; full says whether the root label ended them.
func appendLabels(out, b []byte) ([]byte, bool) {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 {
			return out, true
		}
		if n > 63 || len(b) < 1+n {
			return out, false
		}
		if len(out) > 0 {
			out = append(out, '.')
		}
		at := len(out)
		out = append(out, b[1:1+n]...)
		lower(out[at:])
		b = b[1+n:]
	}
	return out, false
}

func lower(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

func dotted(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '.' {
		text = append(text, '.')
	}
	return text
}

// qualify appends the suffix to a partial name, with or without a final dot.
func (q *Query) qualify(text []byte, suffix string, dot bool) []byte {
	full := len(text) > 0 && text[len(text)-1] == '.'
	if !full && suffix != "" {
		if len(text) > 0 {
			text = append(text, '.')
		}
		text = append(text, suffix...)
	}
	text = bytes.TrimSuffix(text, []byte("."))
	if dot {
		text = append(text, '.')
	}
	lower(text)
	q.nameBuf = text
	return text
}

// scrubLabels replaces what hostname-char-set names, label by label.
func scrubLabels(d *config.DDNS, text []byte) []byte {
	if d.CharSet == nil || !d.CharSet.Matches(text) {
		return text
	}
	var out []byte
	for _, label := range bytes.Split(text, []byte(".")) {
		l := d.CharSet.Scrub(string(label), d.CharReplacement)
		if l == "" {
			continue
		}
		if len(out) > 0 {
			out = append(out, '.')
		}
		out = append(out, l...)
	}
	return out
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
	text := append(q.nameBuf[:0], v...)
	if d.CharSet != nil && d.CharSet.Matches(text) {
		text = append(q.nameBuf[:0], d.CharSet.Scrub(string(text), d.CharReplacement)...)
	}
	q.nameBuf = text
	if len(bytes.Trim(text, ".")) == 0 {
		return
	}
	lower(text)
	n.host, n.fwd, n.rev = true, on, on
	if bytes.IndexByte(text, '.') < 0 {
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
	} else if q.subnet != q.selected && (n.fqdn || n.host) {
		// Another member of the network serves: its suffix counts.
		*n = name{}
		e.nameClient4(q)
		if n.generate {
			n.text = q.generateName(l.Addr, n.fqdn)
		}
	}
	if string(n.text) != l.Hostname || l.FQDNFwd != n.fwd || l.FQDNRev != n.rev {
		l.ReuseableValid = 0
		setString(&l.Hostname, n.text)
		l.FQDNFwd, l.FQDNRev = n.fwd, n.rev
	}
}

// generateName makes prefix-192-0-2-1.suffix of an address.
func (q *Query) generateName(a netip.Addr, dot bool) []byte {
	d := q.ddns()
	t := append(q.nameBuf[:0], d.GeneratedPrefix...)
	t = append(t, '-')
	at := len(t)
	t = a.AppendTo(t)
	for i := at; i < len(t); i++ {
		if t[i] == '.' || t[i] == ':' {
			t[i] = '-'
		}
	}
	if t[len(t)-1] == '-' {
		t = append(t, '0')
	}
	return q.qualify(t, d.QualifyingSuffix, dot)
}

// addNames4 puts the settled name into the response.
func (e *Engine) addNames4(q *Query) {
	n := &q.names
	switch {
	case n.fqdn:
		v := []byte{n.flags, 255, 255}
		if n.flags&fqdnE != 0 {
			v = appendWireName(v, n.text)
		} else {
			v = append(v, n.text...)
		}
		q.W4.Add(wire.OptFQDN, v)
	case n.host && len(n.text) > 0:
		q.W4.Add(wire.OptHostName, bytes.TrimSuffix(n.text, []byte(".")))
	}
}

// appendWireName writes a name as RFC 1035 labels with the root label.
func appendWireName(v, text []byte) []byte {
	for len(text) > 0 {
		label, rest, _ := bytes.Cut(text, []byte("."))
		if len(label) > 0 {
			v = append(append(v, byte(min(len(label), 63))), label[:min(len(label), 63)]...)
		}
		text = rest
	}
	return append(v, 0)
}

// dnsRemove asks for the records of a lease to be taken out of DNS. Name
// change requests are not built yet: `leasehold check` says so for dhcp-ddns.
func (e *Engine) dnsRemove(*lease.Lease) {}
