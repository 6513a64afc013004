package engine

import (
	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// Flags of option 39, RFC 4704 §4.1.
const (
	fqdn6S = 1
	fqdn6O = 2
	fqdn6N = 4
)

// nameClient6 settles the client's name from option 39, a reservation, or what
// replace-client-name says about clients that send none.
func (e *Engine) nameClient6(q *Query) {
	q.nameBuf = q.nameBuf[:0]
	n, d := &q.names, q.ddns()
	v, sent := q.M6.Option(wire.Opt6FQDN)
	sent = sent && len(v) > 0
	var flags byte
	switch {
	case sent:
		flags = v[0]
		v = v[1:]
	case e.updates(q) && (d.ReplaceClientName == config.ReplaceAlways || d.ReplaceClientName == config.ReplaceWhenNotPresent):
		flags = fqdn6S
	default:
		// The lease has the reserved name even if the client knows nothing of it.
		if h := q.hosts.current(q.subnet); h != nil && h.Hostname != "" {
			n.text = q.qualify(append(q.nameBuf, h.Hostname...), d.QualifyingSuffix, false)
		}
		return
	}
	n.fqdn = true
	s, o, no := e.fqdnFlags(q, flags&fqdn6S != 0, flags&fqdn6N != 0)
	n.flags = 0
	if s {
		n.flags |= fqdn6S
	}
	if o {
		n.flags |= fqdn6O
	}
	if no {
		n.flags |= fqdn6N
	}
	n.fwd, n.rev = s, !no
	text, full := appendLabels(q.nameBuf, v)
	q.nameBuf = text
	e.settleFQDN(q, text, full)
}

// nameLeases6 gives the leases their name, which may have to be made from the
// first address only now.
func (e *Engine) nameLeases6(q *Query) {
	n := &q.names
	if q.subnet != q.selected {
		// Another member of the network serves: its suffix counts.
		*n = name{}
		e.nameClient6(q)
	}
	if n.generate {
		n.text = nil
		for i := range q.grants {
			if l := &q.grants[i].lease; l.Type == lease.NA {
				n.text = q.generateName(l.Addr, true)
				break
			}
		}
	}
	for i := range q.grants {
		l := &q.grants[i].lease
		e.setString(&l.Hostname, n.text)
		l.FQDNFwd, l.FQDNRev = n.fwd, n.rev
	}
}

// addName6 puts the settled name into the response.
func (e *Engine) addName6(q *Query) {
	if n := &q.names; n.fqdn {
		var room [260]byte
		v := append(room[:0], n.flags)
		if len(n.text) > 0 {
			v = appendWireName(v, n.text)
		}
		q.W6.Add(wire.Opt6FQDN, q.W6.Copy(v))
	}
}
