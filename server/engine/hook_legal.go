package engine

import (
	"fmt"
	"strings"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// Legal is one entry of the legal log (libdhcp_legal_log). The text may have
// several lines.
type Legal struct {
	Log  *config.LegalLog
	At   int64 // Unix seconds
	Text string
}

// legalEvent notes in the legal log how a query ended.
func (e *Engine) legalEvent(q *Query, made, gone []lease.Lease) {
	for _, list := range [...]struct {
		what   string
		leases []lease.Lease
	}{{"assigned", made}, {"released", gone}} {
		for i := range list.leases {
			l := &list.leases[i]
			if l.State == lease.Declined {
				continue // its holder is not in it any more
			}
			text, own := e.legalFormat(q, l)
			if !own {
				text = e.legalText(q, l, list.what)
			}
			e.legal(l, text)
		}
	}
}

// legal adds an entry about a lease, unless its subnet is to be kept out.
func (e *Engine) legal(l *lease.Lease, text string) {
	x := e.cfg.LegalLog
	if text != "" && !x.Silent[l.SubnetID] {
		e.fx.Hooked.Legal = append(e.fx.Hooked.Legal, Legal{x, e.now, text})
	}
}

// legalText is the entry in Kea's words.
func (e *Engine) legalText(q *Query, l *lease.Lease, what string) string {
	var b strings.Builder
	if l.Type == lease.PD {
		fmt.Fprintf(&b, "Prefix: %s/%d has been %s", l.Addr, l.PrefixLen, what)
	} else {
		fmt.Fprintf(&b, "Address: %s has been %s", l.Addr, what)
	}
	if what == "released" {
		b.WriteString(" from a device with ")
	} else {
		fmt.Fprintf(&b, " for %s to a device with ", duration(l.Valid))
	}
	if e.version == 4 {
		fmt.Fprintf(&b, "hardware address: hwtype=%d %s", max(l.HWType, 1), hexText(l.HWAddr))
		if id := l.ClientID; id != "" {
			fmt.Fprintf(&b, ", client-id: %s", hexText(id))
		} else if len(q.clientID) > 0 {
			fmt.Fprintf(&b, ", client-id: %s", hexText(string(q.clientID)))
		}
		q.legalRelay4(&b)
	} else {
		fmt.Fprintf(&b, "DUID: %s", hexText(l.ClientID))
		if l.HWAddr != "" {
			fmt.Fprintf(&b, " and hardware address: hwtype=%d %s (from %s)", max(l.HWType, 1), hexText(l.HWAddr), hwSource(l.HWSource))
		}
		q.legalRelay6(&b)
	}
	return b.String()
}

// duration writes seconds as Kea does: the days only if there are any.
func duration(s uint32) string {
	if s == lease.Infinite {
		return "infinite duration"
	}
	text := fmt.Sprintf("%d hrs %d mins %d secs", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		text = fmt.Sprintf("%d days %s", days, text)
	}
	return text
}

// hwSource names where a hardware address came from; the lowest bit counts.
func hwSource(bits uint32) string {
	for i, name := range [...]string{"Raw Socket", "DUID", "IPv6 Link Local", "Client Link Address Option", "Remote ID",
		"Subscriber ID", "DOCSIS CMTS", "DOCSIS MODEM"} {
		if bits>>i&1 != 0 {
			return name
		}
	}
	return "unknown"
}

// identifier adds an identifier of the line, and its text if it is one.
func identifier(b *strings.Builder, first *bool, name string, id []byte) {
	if *first {
		b.WriteString(", identified by ")
	} else {
		b.WriteString(", ")
	}
	*first = false
	fmt.Fprintf(b, "%s: %s", name, hexText(string(id)))
	for _, c := range id {
		if c < ' ' || c > '~' {
			return
		}
	}
	fmt.Fprintf(b, " (%s)", id)
}

func (q *Query) legalRelay4(b *strings.Builder) {
	m := &q.M4
	if m.GIAddr().IsUnspecified() {
		return
	}
	fmt.Fprintf(b, " connected via relay at address: %s", m.GIAddr())
	first := true
	for _, o := range [...]struct {
		code byte
		name string
	}{{wire.RAICircuitID, "circuit-id"}, {wire.RAIRemoteID, "remote-id"}, {6, "subscriber-id"}} {
		if id, ok := m.AgentOption(o.code); ok && len(id) > 0 {
			identifier(b, &first, o.name, id)
		}
	}
}

func (q *Query) legalRelay6(b *strings.Builder) {
	relays := q.M6.Relays()
	if len(relays) == 0 {
		return
	}
	r := &relays[0]
	fmt.Fprintf(b, " connected via relay at address: %s for client on link address: %s, hop count: %d", r.Peer(), r.Link(), r.Hop)
	first := true
	for _, o := range [...]struct {
		code uint16
		name string
	}{{37, "remote-id"}, {38, "subscriber-id"}} {
		if id, ok := r.Option(o.code); ok && len(id) > 0 {
			identifier(b, &first, o.name, id)
		}
	}
}

// legalFormat evaluates the configured expressions for a lease, on the query
// and on the response; ok is false if there are none.
func (e *Engine) legalFormat(q *Query, l *lease.Lease) (text string, ok bool) {
	x := e.cfg.LegalLog
	if x.Request == nil && x.Response == nil {
		return "", false
	}
	eval := func(expr *config.Expr, s config.Subject) {
		if expr == nil {
			return
		}
		e.scratch.Reset()
		v, err := expr.Value(s, &e.scratch)
		if err != nil {
			e.log(q, message.LegalLogFormatFail, "expression %q: %v", expr.Text, err)
			return
		}
		text += printable(v)
	}
	eval(x.Request, q.aboutLease(q, e.version, l))
	if x.Response != nil && q.Response != nil {
		if r := q.answered(e.version); r != nil {
			eval(x.Response, r.aboutLease(q, e.version, l))
		}
	}
	return text, true
}

// aboutLease shows a query, or a response in its form, as if a lease were all
// that it is about. asker is the query.
func (q *Query) aboutLease(asker *Query, version int, l *lease.Lease) config.Subject {
	if version == 4 {
		return q.subject(4)
	}
	s := aboutLease{Subject: q.subject(6), m: &q.M6, code: wire.Opt6IANA, iaid: l.IAID}
	if l.Type == lease.PD {
		s.code = wire.Opt6IAPD
	}
	for i := range asker.ias {
		if x := &asker.ias[i]; x.typ == l.Type && x.iaid == l.IAID {
			s.iaid = x.asked
		}
	}
	return s
}

// aboutLease is a DHCPv6 message with one association only.
type aboutLease struct {
	config.Subject
	m    *wire.Message6
	code uint16
	iaid uint32
}

func (s aboutLease) Option(code uint16) ([]byte, bool) {
	if code != wire.Opt6IANA && code != wire.Opt6IAPD {
		return s.Subject.Option(code)
	}
	for _, o := range s.m.Options {
		if o.Code == code && code == s.code && wire.IA(o.Data).IAID() == s.iaid {
			return o.Data, true
		}
	}
	return nil, false
}

// answered reads the response of a query as if it were one, come the same way;
// nil if it cannot be read.
func (q *Query) answered(version int) *Query {
	r := &Query{Data: append([]byte(nil), q.Response...), Arrival: q.Arrival}
	r.classes = q.classes
	if version == 6 {
		r.q6.q = r
		if r.M6.DecodeResponse(r.Data) != nil {
			return nil
		}
		return r
	}
	r.q4.q = r
	r.Data[0] = 1 // the reader takes queries
	if r.Decode4(); r.Bad != nil {
		return nil
	}
	return r
}

// printable keeps line ends and escapes what else is not text: expressions
// repeat what clients send.
func printable(v []byte) string {
	var b strings.Builder
	for _, c := range v {
		if c == '\n' || c >= ' ' && c != 0x7f {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "\\x%02x", c)
		}
	}
	return b.String()
}

// legalCommand notes what a command did to a lease. what is added, updated or
// deleted; by and id say how a deleted lease was named, if not by address.
func (e *Engine) legalCommand(c *CommandReceived, what string, l *lease.Lease, by string, id []byte) {
	if e.cfg.LegalLog == nil {
		return
	}
	who := "Administrator"
	if c != nil && c.Arguments.Get("origin") != nil || c == nil {
		who = "HA partner"
	}
	kind, name := "address", l.Addr.String()
	if l.Type == lease.PD {
		kind, name = "prefix", fmt.Sprintf("%s/%d", l.Addr, l.PrefixLen)
	}
	switch {
	case what == "deleted" && by != "":
		e.legal(l, fmt.Sprintf("%s deleted a lease for a device identified by: %s of %s", who, by, hexText(string(id))))
		return
	case what == "deleted":
		e.legal(l, fmt.Sprintf("%s deleted the lease for %s: %s", who, kind, name))
		return
	}
	device := "hardware address: " + hexText(l.HWAddr)
	switch {
	case e.version == 4 && l.ClientID != "":
		device += ", client-id: " + hexText(l.ClientID)
	case e.version == 6 && l.HWAddr != "":
		device = "DUID: " + hexText(l.ClientID) + ", " + device
	case e.version == 6:
		device = "DUID: " + hexText(l.ClientID)
	}
	if what == "added" {
		what = "added a lease"
	} else {
		what = "updated information on the lease"
	}
	e.legal(l, fmt.Sprintf("%s %s of %s: %s to a device with %s for %s", who, what, kind, name, device, duration(l.Valid)))
}
