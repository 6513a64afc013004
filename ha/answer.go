package ha

import (
	"errors"
	"net/netip"
	"strconv"
	"time"

	"leasehold/lease"
)

// Result codes of answers.
const (
	resultOK          = 0
	resultError       = 1
	resultUnsupported = 2
	resultEmpty       = 3 // nothing found or changed; a success
	resultConflict    = 4
	resultNotAllowed  = 1001
)

// Answer is what came of a Command. Either Err is set, and nothing else but
// Refused and Ended counts, or the peer has answered.
type Answer struct {
	Err     error // no answer, or one that cannot be understood
	Refused bool  // the connection was refused: nobody listens there
	Ended   bool  // the connection ended instead of an answer

	Result int
	Text   string

	Heartbeat Heartbeat
	Changes   []lease.Change // pages and changes: the readable ones
	Count     int            // pages: leases, unreadable ones included
	Skipped   int            // unreadable leases
	Last      netip.Addr     // pages: address of the last lease
	Full      bool           // changes: the point is lost, take everything
	More      bool           // changes: there are more
	Stream    Stream         // changes: Epoch and Seq reached
	Failed    []Failure      // updates of several leases
	State     State          // ha-maintenance-notify; Unknown if not told
	Shares    []Share        // leasehold-pool-share
}

// Heartbeat is the content of the answer to ha-heartbeat.
type Heartbeat struct {
	State    State
	Time     time.Time
	Scopes   []string
	Unsent   uint64
	Features Features
	Stream   Stream
	Digest   string // of the configuration; "": not told
	Shares   []Share
}

// Failure is one lease that a peer did not take.
type Failure struct {
	Index  int // in the command's Changes; -1: to be found by Addr
	Addr   netip.Addr
	Result int
}

// succeeded says whether the peer did as told; nothing to do counts.
func (a *Answer) succeeded() bool {
	return a.Err == nil && (a.Result == resultOK || a.Result == resultEmpty)
}

// Failure returns why an answer is none, or "".
func (a *Answer) Failure() string {
	switch {
	case a.Err != nil:
		return a.Err.Error()
	case a.succeeded():
		return ""
	}
	return a.Text + ", error code " + strconv.Itoa(a.Result)
}

// verdict returns what the answer means for n changes of a command, from the
// first one on. A command of a single exchange is read as Kea does: it failed
// when nothing in it was done.
func (a *Answer) verdict(changes []lease.Change, first, n, exchanges int) verdict {
	switch {
	case a.Err != nil:
		return failed
	case a.Result == resultConflict:
		return conflict
	case !a.succeeded():
		return failed
	case len(a.Failed) == 0 || exchanges == 1 && a.Result == resultOK && a.Failed[0].Index < 0:
		return accepted
	}
	refusals, worst := 0, accepted
	for i := first; i < first+n; i++ {
		switch a.resultOf(changes, i) {
		case resultOK:
		case resultConflict:
			refusals++
			worst = max(worst, conflict)
		default:
			refusals++
			worst = failed
		}
	}
	if refusals < n && a.Failed[0].Index < 0 {
		return accepted
	}
	return worst
}

func (a *Answer) resultOf(changes []lease.Change, i int) int {
	for _, f := range a.Failed {
		if f.Index == i || f.Index < 0 && f.Addr == changes[i].Lease.Addr && !changes[i].Delete {
			return f.Result
		}
	}
	return resultOK
}

// Decode reads the body of the answer to c. It never fails: what cannot be
// understood is an Answer with Err.
func (c *Command) Decode(body []byte) Answer {
	a := Answer{Result: -1}
	s := scanner{b: body}
	switch {
	case s.isObject():
		// Kea takes a bare map for an error, whatever it says.
		s.object(func(key []byte) { c.member(&s, &a, key) })
		a = Answer{Result: resultError, Text: a.Text}
	case s.isArray():
		first := true
		s.array(func() {
			if !first {
				s.skip()
				return
			}
			first = false
			if !s.isObject() {
				s.fail()
				return
			}
			s.object(func(key []byte) { c.member(&s, &a, key) })
		})
		if first {
			a.fail("list of responses is empty")
		}
	default:
		s.fail()
	}
	switch {
	case s.err != nil || !s.end():
		return Answer{Err: errSyntax}
	case a.Err != nil:
		return Answer{Err: a.Err}
	case a.Result < 0:
		return Answer{Err: errors.New("answer without a result")}
	}
	c.check(&a)
	return a
}

func (a *Answer) fail(why string) {
	if a.Err == nil {
		a.Err = errors.New(why)
	}
}

// check demands what a successful answer must have.
func (c *Command) check(a *Answer) {
	switch c.Name {
	case cmdHeartbeat:
		if !a.succeeded() {
			return
		}
		switch h := &a.Heartbeat; {
		case h.State == Unknown:
			a.fail("heartbeat answer without a known state")
		case h.Time.IsZero():
			a.fail("heartbeat answer without date-time as in RFC 1123")
		}
	case cmdPage4, cmdPage6:
		if a.succeeded() && a.Count < 0 {
			a.fail("page without leases")
		}
	}
	a.Count = max(a.Count, 0)
}

// member reads one member of the answer.
func (c *Command) member(s *scanner, a *Answer, key []byte) {
	switch string(key) {
	case "result":
		v, ok := s.integer()
		if !ok || v < 0 || v > 1<<30 {
			a.fail("result is not a number")
			return
		}
		a.Result = int(v)
	case "text":
		t, _ := s.string()
		a.Text = string(t)
	case "arguments":
		if !s.isObject() {
			s.skip()
			return
		}
		if c.Name == cmdPage4 || c.Name == cmdPage6 {
			a.Count = -1
		}
		s.object(func(key []byte) { c.argument(s, a, key) })
	default:
		s.skip()
	}
}

func (c *Command) argument(s *scanner, a *Answer, key []byte) {
	switch c.Name {
	case cmdHeartbeat:
		a.Heartbeat.read(s, a, key)
	case cmdPage4, cmdPage6:
		if string(key) == "leases" && s.isArray() {
			a.Count = 0
			s.array(func() { c.readChange(s, a, false) })
			return
		}
		s.skip()
	case cmdChanges:
		c.changesArgument(s, a, key)
	case cmdBatch:
		if string(key) == "failed" && s.isArray() {
			s.array(func() { a.Failed = append(a.Failed, s.failure(0)) })
			return
		}
		s.skip()
	case cmdShare:
		if string(key) == "pools" {
			a.Shares = s.shares()
			return
		}
		s.skip()
	case cmdBulkApply:
		if string(key) == "failed-leases" && s.isArray() {
			s.array(func() { a.Failed = append(a.Failed, s.failure(-1)) })
			return
		}
		s.skip()
	case cmdNotify:
		if string(key) == "state" {
			t, _ := s.string()
			a.State, _ = ParseState(t)
			return
		}
		s.skip()
	default:
		s.skip()
	}
}

// readChange reads one lease of a page or of a change stream.
func (c *Command) readChange(s *scanner, a *Answer, stream bool) {
	ch, err := s.readChange(c.Family)
	a.Count++
	if ch.Lease.Addr.IsValid() && ch.Lease.Addr.Is4() == (c.Family == 4) {
		a.Last = ch.Lease.Addr
	} else {
		a.Last = netip.Addr{}
	}
	if err != nil || ch.Delete && !stream {
		a.Skipped++
		return
	}
	a.Changes = append(a.Changes, ch)
}

func (c *Command) changesArgument(s *scanner, a *Answer, key []byte) {
	switch string(key) {
	case "changes":
		if s.isArray() {
			s.array(func() { c.readChange(s, a, true) })
			return
		}
		s.skip()
	case "epoch":
		a.Stream.Epoch, _ = s.unsigned()
	case "seq":
		a.Stream.Seq, _ = s.unsigned()
	case "full":
		a.Full, _ = s.boolean()
	case "more":
		a.More, _ = s.boolean()
	default:
		s.skip()
	}
}

// failure reads an entry of a list of failures.
func (s *scanner) failure(index int) Failure {
	f := Failure{Index: index, Result: resultError}
	if !s.isObject() {
		s.skip()
		return f
	}
	s.object(func(key []byte) {
		switch string(key) {
		case "index":
			v, ok := s.integer()
			if ok && v >= 0 && v < 1<<30 {
				f.Index = int(v)
			}
		case "ip-address":
			t, _ := s.string()
			f.Addr, _ = netip.ParseAddr(string(t))
		case "result":
			v, ok := s.integer()
			if ok && v >= 0 && v < 1<<30 {
				f.Result = int(v)
			}
		default:
			s.skip()
		}
	})
	return f
}

// read reads one argument of the answer to a heartbeat.
func (h *Heartbeat) read(s *scanner, a *Answer, key []byte) {
	switch string(key) {
	case "state":
		t, _ := s.string()
		state, ok := ParseState(t)
		if !ok {
			a.fail("unsupported state '" + string(t) + "'")
		}
		h.State = state
	case "date-time":
		t, _ := s.string()
		at, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", string(t))
		if err != nil {
			a.fail("date-time is not as in RFC 1123")
		}
		h.Time = at
	case "scopes":
		if !s.isArray() {
			s.skip()
			a.fail("scopes is not a list")
			return
		}
		s.array(func() {
			if t, ok := s.string(); ok {
				h.Scopes = append(h.Scopes, string(t))
			}
		})
	case "unsent-update-count":
		v, ok := s.unsigned()
		if !ok {
			a.fail("unsent-update-count is not an integer")
		}
		h.Unsent = v
	case "leasehold":
		if !s.isObject() {
			s.skip()
			return
		}
		s.object(func(key []byte) { h.extension(s, key) })
	default:
		s.skip()
	}
}

// extension reads one member of what we tell each other beside Kea's protocol.
func (h *Heartbeat) extension(s *scanner, key []byte) {
	flag := func(v *bool) { *v, _ = s.boolean() }
	number := func(v *uint64) { *v, _ = s.unsigned() }
	switch string(key) {
	case "batch":
		flag(&h.Features.Batch)
	case "stream":
		flag(&h.Features.Stream)
	case "goodbye":
		flag(&h.Features.Goodbye)
	case "config":
		t, _ := s.string()
		h.Digest = string(t)
	case "demand":
		flag(&h.Features.Demand)
	case "shares":
		h.Shares = s.shares()
	case "halves":
		flag(&h.Features.Halves)
	case "heal":
		flag(&h.Features.Heal)
	case "healed":
		flag(&h.Features.Healed)
	case "epoch":
		number(&h.Stream.Epoch)
	case "seq":
		number(&h.Stream.Seq)
	case "sent":
		number(&h.Stream.Sent)
	case "missing":
		flag(&h.Stream.Missing)
	default:
		s.skip()
	}
}

// Reply is the answer to a command that came in.
type Reply struct {
	Result    int
	Text      string
	Heartbeat *Heartbeat
	State     State  // ha-maintenance-notify
	Arguments []byte // JSON, for commands that the engine answers; nil = none
}

// Append writes the reply as Kea does: a list of one map.
func (r *Reply) Append(dst []byte) []byte {
	dst = append(dst, "[ "...)
	dst = r.AppendMap(dst)
	return append(dst, " ]"...)
}

// AppendMap writes the map alone, as on a unix control socket.
func (r *Reply) AppendMap(dst []byte) []byte {
	dst = append(dst, "{ "...)
	switch {
	case r.Heartbeat != nil:
		dst = r.Heartbeat.append(append(dst, `"arguments": `...))
		dst = append(dst, ", "...)
	case r.State != Unknown:
		dst = append(dst, `"arguments": { "state": "`...)
		dst = append(append(dst, r.State.String()...), `" }, `...)
	case r.Arguments != nil:
		dst = append(append(dst, `"arguments": `...), r.Arguments...)
		dst = append(dst, ", "...)
	}
	dst = append(dst, `"result": `...)
	dst = strconv.AppendInt(dst, int64(r.Result), 10)
	if r.Text != "" {
		dst = appendString(append(dst, `, "text": `...), r.Text)
	}
	return append(dst, " }"...)
}

func (h *Heartbeat) append(dst []byte) []byte {
	dst = append(dst, `{ "date-time": "`...)
	dst = h.Time.UTC().AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	dst = append(dst, `", `...)
	if h.Features != (Features{}) {
		dst = h.appendExtension(dst)
	}
	dst = append(dst, `"scopes": `...)
	dst = appendStrings(dst, h.Scopes)
	dst = append(dst, `, "state": "`...)
	dst = append(dst, h.State.String()...)
	dst = append(dst, `", "unsent-update-count": `...)
	dst = strconv.AppendUint(dst, h.Unsent, 10)
	return append(dst, " }"...)
}

func (h *Heartbeat) appendExtension(dst []byte) []byte {
	flag := func(name string, v bool) {
		dst = append(append(append(dst, '"'), name...), `": `...)
		dst = append(strconv.AppendBool(dst, v), ", "...)
	}
	dst = append(dst, `"leasehold": { `...)
	flag("batch", h.Features.Batch)
	if h.Digest != "" {
		dst = appendString(append(dst, `"config": `...), h.Digest)
		dst = append(dst, ", "...)
	}
	flag("demand", h.Features.Demand)
	if h.Stream.Epoch != 0 {
		dst = append(dst, `"epoch": `...)
		dst = append(strconv.AppendUint(dst, h.Stream.Epoch, 10), ", "...)
	}
	flag("goodbye", h.Features.Goodbye)
	flag("halves", h.Features.Halves)
	flag("heal", h.Features.Heal)
	flag("healed", h.Features.Healed)
	if h.Stream.Epoch != 0 {
		flag("missing", h.Stream.Missing)
		dst = append(dst, `"sent": `...)
		dst = append(strconv.AppendUint(dst, h.Stream.Sent, 10), ", "...)
		dst = append(dst, `"seq": `...)
		dst = append(strconv.AppendUint(dst, h.Stream.Seq, 10), ", "...)
	}
	if len(h.Shares) > 0 {
		dst = append(appendShares(append(dst, `"shares": `...), h.Shares), ", "...)
	}
	dst = append(dst, `"stream": `...)
	dst = strconv.AppendBool(dst, h.Features.Stream)
	return append(dst, " }, "...)
}

// appendStrings writes a list; Kea's empty list has two blanks.
func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, "[ "...)
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendString(dst, v)
	}
	return append(dst, " ]"...)
}
