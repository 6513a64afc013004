package engine

import (
	"bytes"
	"net/netip"
	"strings"

	"leasehold/config"
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
	if emptyLabel(text) {
		*n = name{}
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

// qualify appends the suffix to a name that does not end with it yet, and gives
// the name a final dot or none.
func (q *Query) qualify(text []byte, suffix string, dot bool) []byte {
	text = bytes.TrimSuffix(text, []byte("."))
	lower(text)
	if s := strings.TrimSuffix(suffix, "."); s != "" && !hasSuffixFold(text, s) {
		if len(text) > 0 {
			text = append(text, '.')
		}
		text = append(text, s...)
	}
	text = bytes.TrimSuffix(text, []byte("."))
	if dot {
		text = append(text, '.')
	}
	lower(text)
	q.nameBuf = text
	return text
}

// hasSuffixFold says whether the last labels of lower-case text are s.
func hasSuffixFold(text []byte, s string) bool {
	at := len(text) - len(s)
	return at >= 0 && (at == 0 || text[at-1] == '.') && strings.EqualFold(string(text[at:]), s)
}

// emptyLabel says whether a name without a final dot has a label of no length.
func emptyLabel(text []byte) bool {
	return len(text) == 0 || text[0] == '.' || text[len(text)-1] == '.' || bytes.Contains(text, []byte(".."))
}

// scrubLabels replaces what hostname-char-set names, label by label. A name of
// which a label vanishes is no name: nil.
func scrubLabels(d *config.DDNS, text []byte) []byte {
	if d.CharSet == nil || !d.CharSet.Matches(text) {
		return text
	}
	var out []byte
	for _, label := range bytes.Split(text, []byte(".")) {
		l := d.CharSet.Scrub(string(label), d.CharReplacement)
		if l == "" {
			return nil
		}
		if len(out) > 0 {
			out = append(out, '.')
		}
		out = append(out, l...)
	}
	return out
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
