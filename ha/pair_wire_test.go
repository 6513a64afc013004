package ha

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/lease"
)

// send carries a command over the network, encoded, and its answer back.
func (n *node) send(a *Action) {
	o, run := n.other(), n.run
	body := a.Command.Append(nil)
	if n.p.sent != nil {
		n.p.sent(a)
	}
	id, cmd := a.ID, a.Command
	if a.Command.Name == cmdHeartbeat {
		n.beats++
	} else {
		n.p.printf("%s > %s %s", n.name, o.name, brief(string(body)))
	}
	back := func(d time.Duration, ans Answer) {
		n.p.at(d, func() {
			if n.run == run {
				n.step(&Event{On: OnAnswer, ID: id, Answer: ans})
			}
		})
	}
	lost := func() { back(a.Timeout, Answer{Err: errors.New("timeout")}) }
	switch {
	case n.p.cut:
		lost()
		return
	case !o.up:
		back(n.p.latency, Answer{Err: errors.New("connection refused"), Refused: true})
		return
	}
	n.p.at(n.p.latency, func() {
		if n.p.cut || !o.up || o.stall {
			lost()
			return
		}
		o.receive(body, func(answer []byte) {
			if n.p.cut {
				lost()
				return
			}
			back(n.p.latency, cmd.Decode(answer))
		})
	})
}

// brief shortens a command to what a reader wants to see.
func brief(body string) string {
	i := strings.Index(body, `, "command": "`)
	name, _, _ := strings.Cut(body[i+len(`, "command": "`):], `"`)
	args := strings.TrimPrefix(body[:i], `{ "arguments": `)
	if strings.HasPrefix(name, "lease") && !strings.HasSuffix(name, "page") && !strings.HasSuffix(name, "changes") && name != cmdShare {
		var list []string
		for _, part := range strings.Split(args, `"ip-address": "`)[1:] {
			addr, _, _ := strings.Cut(part, `"`)
			list = append(list, addr)
		}
		return name + " " + strings.Join(list, " ")
	}
	return name + " " + args
}

// receive answers a command as an engine does.
func (n *node) receive(body []byte, reply func([]byte)) {
	r, err := ParseRequest(body)
	if err == nil {
		err = r.ParseArguments()
	}
	answer := func(r *Reply) { reply(r.Append(nil)) }
	switch {
	case err != nil:
		answer(&Reply{Result: 1, Text: err.Error()})
	case n.kea && strings.HasPrefix(r.Name, "leasehold"):
		answer(&Reply{Result: 2, Text: "'" + r.Name + "' command not supported."})
	case Handles(r.Name):
		n.p.token++
		n.calls[n.p.token] = answer
		if r.Name == cmdShare && n.m.Cedes(r.Server) {
			r.Shares = n.cede(r.Shares)
		}
		n.step(&Event{On: OnCommand, Token: n.p.token, Request: r})
	case r.Name == cmdDisable || r.Name == cmdEnable:
		answer(r.Switch(&n.switches, n.family, n.p.now))
	default:
		answer(n.leaseCommand(&r))
	}
}

func (n *node) leaseCommand(r *Request) *Reply {
	if n.refuse && r.Name != cmdPage4 && r.Name != cmdPage6 && r.Name != cmdChanges {
		if r.Name == cmdBatch {
			changes, _, _ := r.ParseBatch(n.family)
			var f []Failure
			for i := range changes {
				f = append(f, Failure{Index: i, Result: 4})
			}
			return BatchReply(len(changes), f)
		}
		return &Reply{Result: 4, Text: "unknown subnet"}
	}
	s := scanner{b: r.Arguments}
	switch r.Name {
	case cmdUpdate4:
		c, err := s.readUpdate(4)
		if err != nil {
			return &Reply{Result: 1, Text: err.Error()}
		}
		n.put(c.Lease)
		return &Reply{Text: "IPv4 lease updated."}
	case cmdDelete4:
		c, _ := s.readUpdate(4)
		if _, ok := n.remove(c.Lease.Addr); !ok {
			return &Reply{Result: 3, Text: "IPv4 lease not found."}
		}
		return &Reply{Text: "IPv4 lease deleted."}
	case cmdBulkApply:
		done := 0
		s.object(func(key []byte) {
			if k := string(key); k != "leases" && k != "deleted-leases" {
				s.skip()
				return
			}
			s.array(func() {
				c, err := s.readUpdate(6)
				if err != nil {
					return
				}
				done++
				if string(key) == "leases" {
					n.put(c.Lease)
				} else {
					n.remove(c.Lease.Addr)
				}
			})
		})
		return &Reply{Text: fmt.Sprintf("Bulk apply of %d IPv6 leases completed.", done)}
	case cmdPage4, cmdPage6:
		return n.page(r)
	case cmdBatch:
		changes, bad, err := r.ParseBatch(n.family)
		if err != nil || len(bad) > 0 {
			n.p.t.Errorf("batch: %v %v", bad, err)
		}
		for _, c := range changes {
			if c.Delete {
				n.remove(c.Lease.Addr)
			} else {
				n.put(c.Lease)
			}
		}
		return BatchReply(len(changes), nil)
	case cmdChanges:
		end := uint64(len(n.stream))
		if r.Point.Epoch != n.epoch || r.Point.Seq > end {
			return ChangesReply(nil, Point{n.epoch, end}, true, false)
		}
		to := min(r.Point.Seq+uint64(r.Limit), end)
		return ChangesReply(Latest(slices.Clone(n.stream[r.Point.Seq:to]), n.get), Point{n.epoch, to}, false, to < end)
	}
	return &Reply{Result: 2, Text: "not supported"}
}

func (n *node) get(a netip.Addr) (lease.Lease, bool) {
	l, ok := n.store[a]
	return l, ok
}

func (n *node) page(r *Request) *Reply {
	var from netip.Addr
	limit := 0
	s := scanner{b: r.Arguments}
	s.object(func(key []byte) {
		switch string(key) {
		case "from":
			t, _ := s.string()
			from, _ = netip.ParseAddr(string(t))
		case "limit":
			v, _ := s.integer()
			limit = int(v)
		default:
			s.skip()
		}
	})
	var list []lease.Change
	for _, a := range n.addresses() {
		if (!from.IsValid() || from.Less(a)) && len(list) < limit {
			list = append(list, lease.Change{Lease: n.store[a]})
		}
	}
	reply := &Reply{Text: fmt.Sprintf("%d lease(s) found.", len(list))}
	if len(list) == 0 {
		reply.Result = 3
	}
	reply.Arguments = append(appendChanges(append([]byte(nil), `{ "leases": `...), list), " }"...)
	return reply
}
