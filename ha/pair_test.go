package ha

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

var rewrite = flag.Bool("update", false, "rewrite the files in testdata; only commit them if you understand what changed")

// TestPairs runs testdata/ha/*.txt: two machines with encoded commands between
// them and a clock that only the script moves. A block is commands, a line
// ----, and the transcript of what followed.
func TestPairs(t *testing.T) {
	files, _ := filepath.Glob("../testdata/ha/pair-*.txt")
	if len(files) == 0 {
		t.Fatal("no scenarios")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("transcript differs:\n%s", lineDiff(string(text), got))
			}
		})
	}
}

func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < len(w) || i < len(g); i++ {
		a, b := "<end>", "<end>"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n want %s\n got  %s", i+1, a, b)
		}
	}
	return ""
}

func runScript(t *testing.T, text string) string {
	var out strings.Builder
	p := &pairTest{t: t, now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	p.begin = p.now
	for _, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		commands, _, _ := strings.Cut(block, "\n----")
		p.out.Reset()
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(commands + "\n----\n")
		for _, line := range strings.Split(commands, "\n") {
			if !strings.HasPrefix(line, "#") {
				p.do(strings.Fields(line))
			}
		}
		out.WriteString(p.out.String())
	}
	return out.String()
}

// pairTest is two nodes, the network between them, and the time.
type pairTest struct {
	t          *testing.T
	begin, now time.Time
	nodes      map[string]*node
	cut        bool
	queue      []appointment
	out        strings.Builder
	token      uint64
	latency    time.Duration
}

type appointment struct {
	at time.Time
	fn func()
}

// node is what an engine is, without packets.
type node struct {
	p        *pairTest
	name     string
	rel      *config.Relationship
	m        *Machine
	up       bool
	run      int // process; answers to an earlier one are lost
	store    map[netip.Addr]lease.Lease
	stream   []lease.Change
	epoch    uint64
	switches Switches
	wake     time.Time
	skew     time.Duration
	calls    map[uint64]func(*Reply)
	parked   map[uint64]string
	refuse   bool // updates are refused as conflicts
	kea      bool
	stall    bool // takes commands and does not answer
	family   int
	point    Point
}

func (p *pairTest) printf(format string, args ...any) {
	fmt.Fprintf(&p.out, "%8.3fs ", p.now.Sub(p.begin).Seconds())
	fmt.Fprintf(&p.out, format+"\n", args...)
}

func (p *pairTest) at(d time.Duration, fn func()) {
	p.queue = append(p.queue, appointment{p.now.Add(d), fn})
	sort.SliceStable(p.queue, func(i, j int) bool { return p.queue[i].at.Before(p.queue[j].at) })
}

// advance runs everything that is due until then.
func (p *pairTest) advance(d time.Duration) {
	end := p.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 200000 {
			p.t.Fatal("the pair does not come to rest")
		}
		next := end
		var due *node
		for _, name := range []string{"a", "b"} {
			if n := p.nodes[name]; n.up && !n.wake.IsZero() && !n.wake.After(next) {
				next, due = n.wake, n
			}
		}
		if len(p.queue) > 0 && !p.queue[0].at.After(next) {
			a := p.queue[0]
			p.queue = p.queue[1:]
			if a.at.After(p.now) {
				p.now = a.at
			}
			a.fn()
			continue
		}
		if due == nil {
			p.now = end
			return
		}
		if next.After(p.now) {
			p.now = next
		}
		due.wake = time.Time{}
		due.step(&Event{On: OnTick})
	}
}

func (p *pairTest) do(words []string) {
	args := map[string]string{}
	var plain []string
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = v
		} else {
			plain = append(plain, w)
		}
	}
	node := func() *node {
		n := p.nodes[plain[1]]
		if n == nil {
			p.t.Fatalf("no node %q", plain[1])
		}
		return n
	}
	switch plain[0] {
	case "mode":
		p.setup(plain[1], args)
	case "start":
		node().start()
	case "kill":
		n := node()
		n.up = false
		n.run++
		if o := n.other(); o.up && !p.cut {
			p.at(0, func() { o.step(&Event{On: OnClosed, Peer: n.name}) })
		}
	case "leave":
		n := node()
		p.token++
		n.calls[p.token] = func(*Reply) { p.printf("%s may stop", n.name) }
		n.step(&Event{On: OnLeave, Token: p.token})
	case "cut":
		p.cut = true
	case "heal":
		p.cut = false
	case "run":
		d, err := time.ParseDuration(plain[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.advance(d)
	case "lease":
		node().commit(plain[2], false)
	case "release":
		node().commit(plain[2], true)
	case "command":
		n := node()
		body := fmt.Sprintf(`{"command":%q,"service":["dhcp4"],"arguments":{%s}}`, plain[2], strings.Join(plain[3:], " "))
		if len(plain) == 3 {
			body = fmt.Sprintf(`{"command":%q}`, plain[2])
		}
		n.receive([]byte(body), func(answer []byte) { p.printf("%s answers %s", n.name, answer) })
	case "clients":
		n := node()
		count, _ := strconv.Atoi(plain[2])
		secs, _ := strconv.Atoi(args["secs"])
		for i := range count {
			hw := []byte{2, 0, 0, 0, 1, byte(i)}
			n.step(&Event{On: OnOutOfScope, Query: Query{Key: hw, HWAddr: hw, Filtered: true, Secs: Secs4(uint16(secs)), HasSecs: true}})
		}
	case "set":
		n := node()
		n.refuse = args["refuse"] == "yes"
		n.stall = args["stall"] == "yes"
		if v, ok := args["skew"]; ok {
			n.skew, _ = time.ParseDuration(v)
		}
	case "show":
		for _, name := range []string{"a", "b"} {
			n := p.nodes[name]
			if !n.up {
				p.printf("%s is off", name)
				continue
			}
			n.switches.Expire(p.now)
			p.printf("%s %s serves %v service %s leases %d parked %d partner %q", name, n.m.State(), n.m.Scopes(nil),
				map[bool]string{true: "on", false: "off"}[n.switches.On()], len(n.store), len(n.parked), n.m.PartnerState())
		}
	case "status":
		p.printf("%s", node().m.AppendStatus(nil, p.now))
	case "compare":
		a, b := p.nodes["a"].addresses(), p.nodes["b"].addresses()
		if maps.Equal(p.nodes["a"].store, p.nodes["b"].store) {
			p.printf("leases are equal")
		} else {
			p.printf("leases differ: %v %v", a, b)
		}
	default:
		p.t.Fatalf("unknown word %q", plain[0])
	}
}

func (p *pairTest) setup(mode string, args map[string]string) {
	duration := func(key string, def time.Duration) time.Duration {
		if v, ok := args[key]; ok {
			d, err := time.ParseDuration(v)
			if err != nil {
				p.t.Fatal(err)
			}
			return d
		}
		return def
	}
	number := func(key string, def uint32) uint32 {
		if v, ok := args[key]; ok {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				p.t.Fatal(err)
			}
			return uint32(n)
		}
		return def
	}
	second := roleStandby
	if mode == modeLoadBalancing {
		second = roleSecondary
	}
	if mode == modePassiveBackup {
		second = roleBackup
	}
	p.latency = duration("latency", time.Millisecond)
	p.nodes = map[string]*node{}
	for _, name := range []string{"a", "b"} {
		rel := &config.Relationship{
			ThisServer: name, Mode: mode, SendUpdates: true, SyncLeases: args["sync"] != "no",
			SyncTimeout: time.Minute, SyncPageLimit: number("page", 3),
			DelayedUpdates: number("delayed", 0), HeartbeatDelay: duration("heartbeat", 2*time.Second),
			MaxResponse: duration("response", 6*time.Second), MaxAck: duration("ack", time.Second),
			MaxUnacked: number("unacked", 2), MaxRejected: number("rejected", 3),
			WaitBackupAck: args["wait"] == "yes",
			Peers:         []config.Peer{{Name: "a", Role: rolePrimary, AutoFailover: true}, {Name: "b", Role: second, AutoFailover: true}},
		}
		if v, ok := args["pause"]; ok {
			state, how, _ := strings.Cut(v, ":")
			rel.Pauses = map[string]string{state: how}
		}
		n := &node{p: p, name: name, rel: rel, store: map[netip.Addr]lease.Lease{}, kea: args["kea"] == name || args["kea"] == "both", family: int(number("family", 4))}
		p.nodes[name] = n
	}
}

func (n *node) other() *node {
	if n.name == "a" {
		return n.p.nodes["b"]
	}
	return n.p.nodes["a"]
}

func (n *node) start() {
	n.run++
	n.up, n.switches = true, Switches{}
	n.calls, n.parked = map[uint64]func(*Reply){}, map[uint64]string{}
	n.m = New(n.rel, n.family, n.p.now)
	if n.kea {
		n.m.Extensions = Extensions{}
	}
	n.epoch++
	n.stream = nil
	for _, addr := range n.addresses() {
		n.note(false, n.store[addr])
	}
	n.m.Resume(n.point)
	n.m.Owe(1, uint64(len(n.stream)))
	n.step(&Event{On: OnTick})
}

func (n *node) addresses() []netip.Addr {
	var list []netip.Addr
	for a := range n.store {
		list = append(list, a)
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}

func (n *node) note(deleted bool, l lease.Lease) lease.Change {
	c := lease.Change{Seq: uint64(len(n.stream) + 1), Delete: deleted, Lease: l}
	n.stream = append(n.stream, c)
	return c
}

func (n *node) put(l lease.Lease) lease.Change {
	n.store[l.Addr] = l
	return n.note(false, l)
}

func (n *node) remove(a netip.Addr) (lease.Change, bool) {
	l, ok := n.store[a]
	if !ok {
		return lease.Change{}, false
	}
	delete(n.store, a)
	return n.note(true, l), true
}

func (n *node) holds(addr string) bool {
	_, ok := n.store[netip.MustParseAddr(addr)]
	return ok
}

// readUpdate reads a lease in the form of an update.
func (s *scanner) readUpdate(family int) (c lease.Change, err error) {
	u, err := lease.UpdateFromJSON(s.raw(), family)
	if err == nil {
		c.Lease, err = u.Settle(0, 0, 0)
	}
	return c, err
}

func fieldsOf(line string) []string { return strings.Fields(line) }

// commit gives a lease to a client, or takes it back.
func (n *node) commit(addr string, deleted bool) {
	a := netip.MustParseAddr(addr)
	b := a.As16()
	hw := string([]byte{2, 0, 0, 0, 0, b[15]})
	var c lease.Change
	if deleted {
		c, _ = n.remove(a)
	} else {
		l := lease.Lease{Addr: a, SubnetID: 1, Valid: 600, CLTT: n.p.now.Unix(), HWAddr: hw, HWType: 1}
		if a.Is6() {
			l.ClientID, l.IAID, l.PrefixLen = "\x00\x03\x00\x01"+hw, 1, 128
		}
		c = n.put(l)
	}
	n.p.token++
	n.parked[n.p.token] = addr
	n.step(&Event{On: OnCommitted, Token: n.p.token, Changes: []lease.Change{c}, HWAddr: []byte(hw)})
	if _, ok := n.parked[n.p.token]; ok {
		n.p.printf("%s parks the response for %s", n.name, addr)
	}
}

func (n *node) step(ev *Event) {
	if !n.up {
		return
	}
	ev.Wall = n.p.now.Add(n.skew)
	ev.Stream = Stream{Epoch: n.epoch, Seq: uint64(len(n.stream))}
	before := n.m.journal.n
	actions := n.m.Step(n.p.now, ev, nil)
	list := n.m.Journal(nil)
	for _, t := range list[len(list)-min(n.m.journal.n-before, len(list)):] {
		n.p.printf("%s %s -> %s: %s", n.name, t.From, t.To, t.Why)
	}
	for i := range actions {
		n.carryOut(&actions[i])
	}
}

func (n *node) carryOut(a *Action) {
	switch a.Do {
	case DoSend:
		n.send(a)
	case DoAnswer:
		if call := n.calls[a.Token]; call != nil {
			delete(n.calls, a.Token)
			call(a.Reply)
		}
	case DoRelease:
		n.p.printf("%s releases the response for %s", n.name, n.parked[a.Token])
		delete(n.parked, a.Token)
	case DoDrop:
		n.p.printf("%s drops the response for %s: %s", n.name, n.parked[a.Token], a.Reason)
		delete(n.parked, a.Token)
	case DoApply:
		n.apply(a)
	case DoService:
		if a.On {
			n.switches.Enable(a.Origin)
		} else {
			n.switches.Disable(a.Origin, n.p.now, 0)
		}
	case DoWake:
		n.wake = time.Time{}
		if !a.At.IsZero() {
			n.wake = a.At
		}
	case DoRemember:
		n.point = a.Point
	case DoLog:
		switch a.Entry.ID {
		case "HA_LEASE_UPDATES_QUEUED", "HA_LEASES_BACKLOG_SUCCESS", "HA_SYNC_FAILED", "HA_HIGH_CLOCK_SKEW":
			n.p.printf("%s log %s", n.name, a.Entry.ID)
		}
	}
}

func (n *node) apply(a *Action) {
	for _, c := range a.Changes {
		mine, ok := n.store[c.Lease.Addr]
		newer := !ok || mine.CLTT < c.Lease.CLTT || a.Merge && mine.CLTT == c.Lease.CLTT
		switch {
		case !newer:
		case c.Delete && ok && mine.HWAddr == c.Lease.HWAddr:
			n.remove(c.Lease.Addr)
		case !c.Delete && mine != c.Lease:
			n.put(c.Lease)
		}
	}
}

// send carries a command over the network, encoded, and its answer back.
func (n *node) send(a *Action) {
	o, run := n.other(), n.run
	body := a.Command.Append(nil)
	id, cmd := a.ID, a.Command
	if a.Command.Name != cmdHeartbeat {
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
	if strings.HasPrefix(name, "lease") && !strings.HasSuffix(name, "page") && !strings.HasSuffix(name, "changes") {
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
