package ha

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"leasehold/lease"
)

// Request is a command that came in. The fields after Arguments are filled for
// the commands that name them.
type Request struct {
	Name      string
	Service   []string // blanks trimmed
	Arguments []byte   // JSON, part of the body; nil = none

	Server    string        // server-name
	Scopes    []string      // ha-scopes
	Cancel    bool          // ha-maintenance-notify
	State     State         // ha-maintenance-notify, ha-heartbeat; Unknown if not told
	Period    time.Duration // ha-sync, dhcp-disable: max-period; 0 = none
	Origin    uint32        // dhcp-disable, dhcp-enable, ha-sync-complete-notify
	HasOrigin bool
	Point     Point   // ha-sync-complete-notify, leasehold-lease-changes
	Own       Point   // ha-sync-complete-notify: the caller's change stream
	Limit     uint32  // leasehold-lease-changes
	Shares    []Share // leasehold-pool-share
}

// ErrSyntax says that a body is no JSON: HTTP status 400.
var ErrSyntax = errSyntax

// ParseRequest reads the envelope of a command. Other errors than ErrSyntax
// are answered with result 1 and their text.
func ParseRequest(body []byte) (Request, error) {
	var r Request
	s := scanner{b: body}
	if !s.isObject() {
		if s.skip(); !s.end() {
			return r, ErrSyntax
		}
		return r, errors.New("Error during command processing: invalid command, expected a map")
	}
	named, bad := false, ""
	s.object(func(key []byte) {
		switch string(key) {
		case "command":
			t, ok := s.string()
			if r.Name, named = string(t), true; !ok {
				bad = "Error during command processing: 'command' must be a string"
			}
		case "arguments":
			r.Arguments = s.raw()
		case "service":
			r.Service = s.services()
		default:
			s.skip()
		}
	})
	switch {
	case !s.end():
		return r, ErrSyntax
	case bad != "":
		return r, errors.New(bad)
	case !named:
		return r, errors.New("Error during command processing: mandatory 'command' is missing")
	}
	return r, nil
}

// services reads a list of names. Kea's manual prints one with a blank:
// "dhcp4 ".
func (s *scanner) services() (list []string) {
	if !s.isArray() {
		s.skip()
		return nil
	}
	s.array(func() {
		if t, ok := s.string(); ok {
			list = append(list, strings.TrimSpace(string(t)))
		}
	})
	return list
}

// ParseArguments fills in the arguments of the commands of this package:
// ha-*, dhcp-disable, dhcp-enable, leasehold-*. An error is answered with
// result 1 and its text.
func (r *Request) ParseArguments() error {
	if r.Arguments == nil {
		switch r.Name {
		case cmdSync, cmdScopes:
			return errors.New("arguments not found in the '" + r.Name + "' command")
		case cmdNotify:
			return errors.New("invalid command '" + r.Name + "': no arguments specified")
		}
		return nil
	}
	s := scanner{b: r.Arguments}
	if !s.isObject() {
		return errors.New("arguments in the '" + r.Name + "' command are not a map")
	}
	var seen requestMembers
	s.object(func(key []byte) { r.argument(&s, &seen, key) })
	if seen.why != "" {
		return errors.New(seen.why)
	}
	if s.err != nil {
		return s.err
	}
	switch {
	case r.Name == cmdSync && !seen.server:
		return errors.New("'server-name' is mandatory for the 'ha-sync' command")
	case r.Name == cmdScopes && !seen.scopes:
		return errors.New("'scopes' is mandatory for the 'ha-scopes' command")
	case r.Name == cmdNotify && !seen.cancel:
		return errors.New("'cancel' is mandatory for the 'ha-maintenance-notify' command")
	}
	r.origin(&seen)
	if seen.why != "" {
		return errors.New(seen.why)
	}
	return nil
}

type requestMembers struct {
	server, scopes, cancel bool
	origin, originID       bool
	id                     int64
	number                 int64
	name                   string // of the origin; "" = a number
	why                    string
}

func (r *Request) argument(s *scanner, seen *requestMembers, key []byte) {
	of := " in the '" + r.Name + "' command"
	fail := func(why string) {
		if seen.why == "" {
			seen.why = why
		}
	}
	switch string(key) {
	case "server-name":
		t, ok := s.string()
		if r.Server, seen.server = string(t), true; !ok {
			fail("'server-name' must be a string" + of)
		}
	case "scopes":
		if r.Name != cmdScopes {
			s.skip()
			return
		}
		if seen.scopes = true; !s.isArray() {
			s.skip()
			fail("'scopes' must be a list" + of)
			return
		}
		s.array(func() {
			t, ok := s.string()
			if r.Scopes = append(r.Scopes, string(t)); !ok {
				fail("scope name must be a string in the 'scopes' argument")
			}
		})
	case "cancel":
		var ok bool
		if r.Cancel, ok = s.boolean(); !ok && r.Name == cmdNotify {
			fail("'cancel' must be a boolean" + of)
		}
		seen.cancel = true
	case "state":
		t, _ := s.string()
		r.State, _ = ParseState(t)
	case "max-period":
		r.period(s, fail)
	case "origin":
		seen.origin = true
		if s.isText() {
			t := s.text()
			seen.name = string(t)
			return
		}
		var ok bool
		if seen.number, ok = s.integer(); !ok || seen.number < 0 || seen.number > 1<<32-1 {
			fail("'origin' argument must be a string or a number")
		}
	case "origin-id":
		var ok bool
		if seen.id, ok = s.integer(); !ok || seen.id < 0 || seen.id > 1<<32-1 {
			if r.Name == cmdComplete {
				fail("'origin-id' must be an integer" + of)
			} else {
				fail("'origin-id' argument must be a number")
			}
		}
		seen.originID = true
	case "leasehold":
		if !s.isObject() {
			s.skip()
			return
		}
		s.object(func(key []byte) { r.point(s, key) })
	case "limit":
		r.Limit, _ = s.uint32()
	case "pools":
		r.Shares = s.shares()
	default:
		r.point(s, key)
	}
}

func (r *Request) point(s *scanner, key []byte) {
	switch string(key) {
	case "epoch":
		r.Point.Epoch, _ = s.unsigned()
	case "seq":
		r.Point.Seq, _ = s.unsigned()
	case "own-epoch":
		r.Own.Epoch, _ = s.unsigned()
	case "own-seq":
		r.Own.Seq, _ = s.unsigned()
	default:
		s.skip()
	}
}

func (r *Request) period(s *scanner, fail func(string)) {
	c := s.peek()
	v, ok := s.integer()
	switch {
	case ok && v > 0 && v <= 1<<32-1:
		r.Period = time.Duration(v) * time.Second
	case r.Name == cmdSync:
		fail("'max-period' must be a positive integer in the 'ha-sync' command")
	case ok || c == '-' || c >= '0' && c <= '9':
		fail("'max-period' must be positive integer")
	default:
		fail("'max-period' argument must be a number")
	}
}

// origin works out which switch is meant: origin-id wins over origin.
func (r *Request) origin(seen *requestMembers) {
	r.HasOrigin = seen.origin || seen.originID
	switch {
	case seen.originID:
		r.Origin = uint32(seen.id)
	case !seen.origin:
		r.Origin = UserOrigin
	case seen.name == "":
		r.Origin = uint32(seen.number)
	case seen.name == "user":
		r.Origin = UserOrigin
	case seen.name == "ha-partner":
		r.Origin = RemoteOrigin
	default:
		seen.why = "invalid value used for 'origin' parameter: " + seen.name
	}
}

// Switch carries out dhcp-disable or dhcp-enable.
func (r *Request) Switch(s *Switches, family int, now time.Time) *Reply {
	if r.Name == cmdEnable {
		s.Enable(r.Origin)
		return &Reply{Text: "DHCP service successfully enabled"}
	}
	if !s.Disable(r.Origin, now, r.Period) {
		return &Reply{Result: resultError, Text: "too many origins have disabled the DHCP service"}
	}
	text := "DHCPv" + strconv.Itoa(family) + " service disabled"
	if r.Period > 0 {
		text += " for " + strconv.FormatInt(int64(r.Period/time.Second), 10) + " seconds"
	}
	return &Reply{Text: text}
}

// ParseBatch reads the changes of leasehold-lease-batch. bad lists the indexes
// of those that cannot be read, to be answered as failures; their places in
// changes are empty.
func (r *Request) ParseBatch(family int) (changes []lease.Change, bad []int, err error) {
	s := scanner{b: r.Arguments}
	if r.Arguments == nil || !s.isObject() {
		return nil, nil, errors.New("arguments not found in the '" + r.Name + "' command")
	}
	s.object(func(key []byte) {
		if string(key) != "changes" || !s.isArray() {
			s.skip()
			return
		}
		s.array(func() {
			c, err := s.readChange(family)
			if err != nil {
				bad = append(bad, len(changes))
				c = lease.Change{}
			}
			changes = append(changes, c)
		})
	})
	return changes, bad, s.err
}

// BatchReply answers leasehold-lease-batch: failures by index.
func BatchReply(n int, failures []Failure) *Reply {
	r := &Reply{Text: strconv.Itoa(n-len(failures)) + " changes applied."}
	if len(failures) == 0 {
		return r
	}
	dst := append([]byte(nil), `{ "failed": [ `...)
	for i, f := range failures {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, `{ "index": `...)
		dst = strconv.AppendInt(dst, int64(f.Index), 10)
		dst = append(dst, `, "result": `...)
		dst = append(strconv.AppendInt(dst, int64(f.Result), 10), " }"...)
	}
	r.Arguments = append(dst, " ] }"...)
	return r
}

// Latest removes from changes those that a later one of the same address has
// overtaken, given what the store holds now.
func Latest(changes []lease.Change, get func(netip.Addr) (lease.Lease, bool)) []lease.Change {
	kept := changes[:0]
	for i := range changes {
		c := &changes[i]
		l, held := get(c.Lease.Addr)
		l.ReuseableValid, c.Lease.ReuseableValid = 0, 0
		if held != c.Delete && (c.Delete || l == c.Lease) {
			kept = append(kept, *c)
		}
	}
	return kept
}

// ChangesReply answers leasehold-lease-changes. reached is the last change in
// it, even where Latest has removed it: overtaken changes would come to life
// at the reader for a while and be handed on. full says that the asked point is not in the stream any more, then
// reached is the end of the stream and changes are empty.
func ChangesReply(changes []lease.Change, reached Point, full, more bool) *Reply {
	dst := append([]byte(nil), `{ "changes": `...)
	dst = appendChanges(dst, changes)
	dst = append(dst, `, "epoch": `...)
	dst = strconv.AppendUint(dst, reached.Epoch, 10)
	dst = append(dst, `, "full": `...)
	dst = strconv.AppendBool(dst, full)
	dst = append(dst, `, "more": `...)
	dst = strconv.AppendBool(dst, more)
	dst = append(dst, `, "seq": `...)
	dst = strconv.AppendUint(dst, reached.Seq, 10)
	return &Reply{Text: strconv.Itoa(len(changes)) + " change(s) found.", Arguments: append(dst, " }"...)}
}
