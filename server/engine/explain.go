package engine

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// Decision is how the server decided about one query.
type Decision struct {
	record
	version int
	classes []string // the query was in
	others  []string // configured classes it was not in; nil if the configuration changed since
	prefix  netip.Prefix
	network string
}

// At is when the query arrived, Answered how long it took until its response
// left; 0 while it is parked.
func (d *Decision) At() time.Time { return time.Unix(0, d.at).UTC() }

// Drop is why there was no answer; "" if there was one, or none was due.
func (d *Decision) Drop() string {
	if d.drop == nil {
		return ""
	}
	return d.drop.Name
}

// Type is the name of the query's type.
func (d *Decision) Type() string { return d.typeName() }

// Answered says whether there is, or will be, an answer.
func (d *Decision) Answered() bool { return d.sent != 0 && d.drop == nil }

// Classes returns those the query was in, as far as a record has room.
func (d *Decision) Classes() []string { return d.classes }

// Subnet is the subnet that serves; 0 = none.
func (d *Decision) Subnet() uint32 { return d.subnet }

// Reserved says whether the client has a reservation.
func (d *Decision) Reserved() bool { return d.host != hostNone }

// Client names the client: its hardware address or DUID.
func (d *Decision) Client() string {
	if d.version == 6 || d.hwLen == 0 {
		return string(appendHex(nil, d.id[:min(int(d.idLen), recordedID)]))
	}
	return string(appendHex(nil, d.hw[:d.hwLen]))
}

// decision copies a record out of the engine, with the names behind it.
func (e *Engine) decision(x *record) Decision {
	d := Decision{record: *x, version: e.version}
	for _, i := range x.classes[:min(int(x.classCount), len(x.classes))] {
		if i != noName {
			d.classes = append(d.classes, e.recorder.names[i])
		}
	}
	if x.generation == e.recorder.generation && int(x.classCount) <= len(x.classes) && x.scope != scopePartner {
		d.others = e.classesBeside(d.classes)
	}
	id := x.subnet
	if id == 0 {
		id = x.selected
	}
	if s := e.subnets[id]; s != nil {
		d.prefix = s.Prefix
		if s.network != nil {
			d.network = s.network.Name
		}
	}
	return d
}

func (e *Engine) classesBeside(in []string) []string {
	has := make(map[string]bool, len(in))
	for _, name := range in {
		has[name] = true
	}
	others := []string{}
	for _, c := range e.cfg.Classes {
		if !has[c.Name] {
			others = append(others, c.Name)
		}
	}
	return others
}

// sought is whom or what explain asks for.
type sought struct {
	addr    netip.Addr
	id      []byte // hardware address, client identifier or DUID
	name    string
	dropped bool // only queries without an answer
}

// seek reads a client as people write it: an address, hexadecimal octets, or a
// hostname.
func seek(client string) sought {
	if a, err := netip.ParseAddr(client); err == nil && a.Zone() == "" && !eightOctets(client) {
		return sought{addr: a.Unmap()}
	}
	if strings.ContainsAny(client, ":-") {
		if b, err := formattedHex(strings.ReplaceAll(client, "-", ":")); err == nil && len(b) > 1 {
			return sought{id: b}
		}
	}
	if digits, ok := strings.CutPrefix(client, "0x"); ok {
		if b, err := formattedHex(digits); err == nil {
			return sought{id: b}
		}
	}
	return sought{name: strings.TrimSuffix(client, ".")}
}

// eightOctets says whether a text is an identifier that could be read as an
// IPv6 address, too: eight groups of exactly two digits.
func eightOctets(s string) bool {
	for i := range len(s) {
		if (s[i] == ':') != (i%3 == 2) {
			return false
		}
	}
	return len(s) == 8*3-1
}

func (s *sought) fits(x *record) bool {
	switch {
	case s.dropped && x.drop == nil:
		return false
	case s.addr.IsValid():
		return x.given.addr() == s.addr || x.asked.addr() == s.addr || x.source.addr() == s.addr
	case s.id != nil:
		return string(x.hw[:x.hwLen]) == string(s.id) || x.isID(s.id)
	case s.name != "":
		return x.named(s.name)
	}
	return true
}

// isID compares as much of the identifier as there is. A v4 client identifier
// with a DUID in it (RFC 4361 §6.1) is found by the DUID, too.
func (x *record) isID(id []byte) bool {
	n := int(x.idLen)
	own := x.id[:min(n, recordedID)]
	if n == len(id) && string(own) == string(id[:len(own)]) {
		return true
	}
	return n == len(id)+5 && own[0] == 255 && strings.HasPrefix(string(id), string(own[5:]))
}

func (x *record) named(name string) bool {
	own := strings.TrimSuffix(string(x.name[:x.nameLen]), ".")
	if strings.EqualFold(own, name) {
		return true
	}
	host, _, qualified := strings.Cut(own, ".")
	return qualified && strings.EqualFold(host, name)
}

// decisions returns the last limit decisions that fit, oldest first.
func (e *Engine) decisions(s *sought, limit int) []Decision {
	r := &e.recorder
	var found []Decision
	oldest := uint64(1)
	if n := uint64(len(r.ring)); r.next > n {
		oldest = r.next - n
	}
	for number := r.next; number > oldest && len(found) < limit; {
		number--
		if x := r.slot(number); x.number == number && s.fits(x) {
			found = append(found, e.decision(x))
		}
	}
	for i, j := 0, len(found)-1; i < j; i, j = i+1, j-1 {
		found[i], found[j] = found[j], found[i]
	}
	return found
}

// held returns the leases of a client, at most 100.
func (e *Engine) held(s *sought) []lease.Lease {
	var found []lease.Lease
	switch {
	case s.addr.IsValid():
		if l, ok := e.store.Get(s.addr); ok {
			found = append(found, l)
		}
	case s.id != nil:
		found = e.store.ByClientID(e.store.ByHWAddr(nil, s.id), s.id)
	case s.name != "":
		found = e.store.ByHostname(e.store.ByHostname(nil, s.name), s.name+".")
	}
	return found[:min(len(found), 100)]
}

// Story tells a decision in sentences, in the order in which it was made.
func (d *Decision) Story() []string {
	x := &d.record
	line := "received " + d.typeName()
	if x.iface[0] != 0 {
		line += " on " + zeroEnded(x.iface[:])
	}
	if a := x.relay.addr(); a.IsValid() {
		line += " through relay " + a.String()
	}
	if a := x.source.addr(); a.IsValid() {
		line += " from " + a.String()
	}
	if a := x.asked.addr(); a.IsValid() {
		line += ", asking for " + a.String()
	}
	story := []string{line}
	if x.scope != scopeNone {
		story = append(story, "high availability: "+scopeText[x.scope])
	}
	if len(d.classes) > 0 {
		story = append(story, "classes: "+strings.Join(d.classes, ", "))
	}
	if line := d.place(); line != "" {
		story = append(story, line)
	}
	if line := d.reservation(); line != "" {
		story = append(story, line)
	}
	if a := x.first.addr(); a.IsValid() {
		story = append(story, fmt.Sprintf("pool %s - %s", a, x.last.addr()))
	}
	return append(story, d.outcome())
}

func (d *Decision) place() string {
	x := &d.record
	switch {
	case x.selected == 0 && x.subnet == 0 && x.how == byNothing:
		return ""
	case x.selected == 0 && x.subnet == 0:
		return "no subnet: nothing fits by " + selectedByText[x.how] + ", or its classes do not admit the client"
	}
	line := fmt.Sprintf("subnet %d", max(x.subnet, x.selected))
	if x.subnet != 0 {
		line = fmt.Sprintf("subnet %d", x.subnet)
	}
	if d.prefix.IsValid() {
		line += " (" + d.prefix.String() + ")"
	}
	if d.network != "" {
		line += " of shared network " + d.network
	}
	if x.how != byNothing {
		line += ", by " + selectedByText[x.how]
	}
	if x.selected != 0 && x.subnet != 0 && x.subnet != x.selected {
		line += fmt.Sprintf("; the selected one was %d", x.selected)
	}
	return line
}

var identifierNames = [...]string{
	config.HWAddress: "hw-address", config.DUID: "duid", config.CircuitID: "circuit-id",
	config.ClientIdentifier: "client-id", config.FlexID: "flex-id",
}

func (d *Decision) reservation() string {
	if d.host == hostNone {
		return ""
	}
	line := "reservation by "
	if d.host == hostGlobal {
		line = "global reservation by "
	}
	line += identifierNames[d.hostBy]
	if a := d.reserved.addr(); a.IsValid() {
		line += ": " + a.String()
	}
	return line
}

// outcome is the end of the story.
func (d *Decision) outcome() string {
	x := &d.record
	line := d.Outcome()
	switch {
	case x.drop != nil || x.sent == 0:
		return line
	case x.done == 0:
		return line + ", held until the lease is safe"
	case x.done > x.at:
		return line + fmt.Sprintf(", sent after %s", time.Duration(x.done-x.at).Round(time.Microsecond))
	}
	return line + " sent"
}

// Outcome is the answer in words, or why there is none.
func (d *Decision) Outcome() string {
	x := &d.record
	switch {
	case x.drop != nil:
		return "no answer: " + x.drop.Name + x.because()
	case x.sent == 0 && x.stored:
		return "done, no answer is due: " + d.resource()
	case x.sent == 0:
		return "nothing to do, no answer is due"
	}
	line := d.sentName()
	if r := d.resource(); r != "" {
		line += " " + r
		if x.valid == lease.Infinite {
			line += " for ever"
		} else {
			line += fmt.Sprintf(" for %d s", x.valid)
		}
	}
	if x.grants > 1 {
		line += fmt.Sprintf(" and %d more", x.grants-1)
	}
	if x.status != 0 {
		line += fmt.Sprintf(", status %d", x.status)
	}
	return line + x.because()
}

// because is the refusal, ready to be appended.
func (x *record) because() string {
	if x.refusal == "" {
		return ""
	}
	return " (" + x.refusal + ")"
}

// resource is the address or prefix that the decision is about; "" for none.
func (d *Decision) resource() string {
	a := d.given.addr()
	switch {
	case !a.IsValid():
		return ""
	case d.prefixLen > 0:
		return fmt.Sprintf("%s/%d", a, d.prefixLen)
	}
	return a.String()
}

func (d *Decision) typeName() string {
	if d.typ == 0 {
		return "a datagram"
	}
	return typeName(d.version, d.typ)
}

func (d *Decision) sentName() string { return typeName(d.version, d.sent) }

func typeName(version int, t byte) string {
	switch {
	case version == 6:
		return typeName6(t)
	case int(t) < len(typeNames4) && typeNames4[t] != "":
		return typeNames4[t]
	}
	return fmt.Sprintf("type %d", t)
}

func zeroEnded(b []byte) string {
	s, _, _ := strings.Cut(string(b), "\x00")
	return s
}
