package server

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
	"leasehold/lease/faultfs"
	"leasehold/server/control"
	"leasehold/server/engine"
	"leasehold/server/wire"
)

// simNode is one host: a clock, a disk, and, while it is up, the process of a
// server. It does in virtual time what family.go, disk.go and peers.go do.
type simNode struct {
	s     *sim
	index int
	name  string
	clock simClock
	fs    *faultfs.FS
	iface *wire.Interface
	addr  netip.Addr

	up      bool
	dead    bool // the host is off: nothing is refused, nothing answers
	run     int  // number of the process
	frozen  bool // nothing runs on the host
	thawAt  simTime
	inbox   []func()
	engine  *engine.Engine
	store   *lease.Store
	backend *lease.Memfile
	memory  *memory
	older   []byte // a memory of some time ago
	fx      engine.Effects
	wake    simTime // 0 = no timer
	alarm   int
	writing bool
	ailing  bool // the disk refused the last write
	nextID  uint64
	answers map[uint64]func(*engine.Answer)
	pools   queryRoom
	reloads int
	parked  map[*engine.Query]simTime
	leaving bool
	since   simTime // of the state
	state   ha.State
	scoped  bool // by ha-scopes, since the last change of the state
}

// queryRoom hands queries out anew only after they came back.
type queryRoom []*engine.Query

const simFile = "/var/lib/kea/leases.csv"

func newSimNode(s *sim, index int, name string) *simNode {
	n := &simNode{s: s, index: index, name: name, clock: simClock{rate: 1}, fs: faultfs.New()}
	if s.o.faults.has(faultDrift) {
		n.clock.rate = 1 + (s.rnd.Float64()-.5)/1000
	}
	mac := []byte{2, 0xff, 0, 0, 0, byte(index)}
	n.iface = &wire.Interface{Name: "eth0", Index: 1, MAC: mac}
	if s.o.family == 4 {
		n.addr = netip.AddrFrom4([4]byte{10, 0, 255, byte(index + 1)})
		n.iface.V4 = []netip.Prefix{netip.PrefixFrom(n.addr, 16)}
	} else {
		n.addr = netip.AddrFrom16([16]byte{0xfe, 0x80, 15: byte(index + 1)})
		n.iface.V6 = []netip.Prefix{netip.PrefixFrom(n.addr, 64)}
	}
	return n
}

func (n *simNode) config() *config.Family {
	cfg, err := config.Parse("simulation", []byte(n.text()))
	if err != nil {
		panic(fmt.Sprintf("%v\n%s", err, n.text()))
	}
	if n.s.o.family == 6 {
		return cfg.V6
	}
	return cfg.V4
}

// text is the configuration: both servers have the same pools, split by classes
// when both serve at a time.
func (n *simNode) text() string {
	o := &n.s.o
	mode, second, class := "hot-standby", "standby", func(string) string { return "" }
	if o.balancing {
		mode, second = "load-balancing", "secondary"
		if !o.undivided {
			class = func(name string) string { return fmt.Sprintf(`, "client-class": "HA_%s"`, name) }
		}
	}
	roles := []string{"primary", second}
	if n.s.swapped && n.index == 1 {
		roles[0], roles[1] = roles[1], roles[0]
	}
	peers := fmt.Sprintf(`{"name":"a","url":"http://192.0.2.1:8000/","role":%q,"auto-failover":true},
		{"name":"b","url":"http://192.0.2.2:8000/","role":%q,"auto-failover":true}`, roles[0], roles[1])
	if o.backup {
		peers += `, {"name":"c","url":"http://192.0.2.3:8000/","role":"backup"}`
	}
	delayed := 0
	if o.recovers && o.balancing {
		delayed = 20
	}
	valid := o.valid + n.reloads%3
	subnet, first, second1 := "10.0.0.0/16", "10.0.1.1-10.0.1.%d", "10.0.2.1-10.0.2.%d"
	if o.family == 6 {
		subnet, first, second1 = "2001:db8:1::/48", "2001:db8:1::1-2001:db8:1::%x", "2001:db8:1:1::1-2001:db8:1:1::%x"
	}
	pool := func(format, name string) string {
		return fmt.Sprintf(`{"pool":%q%s}`, fmt.Sprintf(format, o.pool), class(name))
	}
	iface := ""
	if o.family == 6 {
		iface = `, "interface": "eth0"`
	}
	return fmt.Sprintf(`{"Dhcp%d": {
		"valid-lifetime": %d, "renew-timer": %d, "rebind-timer": %d, "decline-probation-period": 60,
		"expired-leases-processing": {"reclaim-timer-wait-time": 10, "hold-reclaimed-time": 60, "flush-reclaimed-timer-wait-time": 25},
		"parked-packet-limit": %d,
		"subnet%d": [{"id": 1, "subnet": %q%s, "pools": [%s, %s]}],
		"hooks-libraries": [{"library": "libdhcp_lease_cmds.so"}, {"library": "libdhcp_ha.so", "parameters": {"high-availability": [{
			"this-server-name": %q, "mode": %q, "heartbeat-delay": %d, "max-response-delay": %d, "max-ack-delay": 2000,
			"max-unacked-clients": %d, "delayed-updates-limit": %d, "sync-page-limit": 10, "sync-timeout": 20000,
			"max-rejected-lease-updates": 10, "multi-threading": {"enable-multi-threading": true, "http-dedicated-listener": true},
			"peers": [%s]}]}}]}}`,
		o.family, valid, valid/2, valid*7/8, o.parked, o.family, subnet, iface, pool(first, "a"), pool(second1, "b"),
		n.name, mode, o.heartbeat.Milliseconds(), o.response.Milliseconds(), o.unacked, delayed, peers)
}

// start is the start of the process. The disk may refuse it; it is tried again.
func (n *simNode) start() {
	if n.up || n.dead {
		return
	}
	s := n.s
	b, err := lease.OpenMemfile(lease.MemfileOptions{Path: simFile, Family: s.o.family, Sync: true, FS: n.fs})
	store := lease.NewStore(s.o.family, uint64(n.now().UnixNano()))
	if err == nil {
		err = store.Restore(b)
	}
	if err != nil {
		s.note("%s does not start: %v", n.name, err)
		if b != nil {
			b.Close()
		}
		s.in(5*time.Second, n.start)
		return
	}
	n.run++
	n.up, n.backend, n.store = true, b, store
	n.inbox, n.writing, n.wake, n.leaving, n.ailing = nil, false, 0, false, false
	n.answers, n.parked = map[uint64]func(*engine.Answer){}, map[*engine.Query]simTime{}
	n.pools = nil
	n.state, n.since, n.scoped = ha.Unknown, s.now, false
	s.check.restored(n)
	o := engine.Options{Now: n.now(), Seed: s.rnd.Uint64(), DUID: []byte{0, 3, 0, 1, 2, 0xff, 0, 0, 0, byte(n.index)}}
	if n.index < 2 && !s.o.extensions[n.index] || n.index == 2 {
		o.Extensions = &ha.Extensions{}
	}
	if s.whole {
		x := ha.DefaultExtensions
		x.Halves = false
		o.Extensions = &x
	}
	n.misremember()
	n.memory = openMemory(n.fs, simFile, b, store, n.config(), n.now())
	if o.Resumed = n.memory.resumed; o.Resumed != nil && o.Resumed.Owed > 1 {
		s.check.counts.Resumed++
	}
	if o.Reports, err = readReports(n.fs, simFile); err != nil {
		s.note("%s: %v", n.name, err)
	}
	n.engine = engine.New(n.config(), store, o)
	s.note("%s starts with %d leases", n.name, store.Len())
	n.step(engine.Addresses{Own: []netip.Addr{n.addr}}, engine.Tick{})
}

func (n *simNode) now() time.Time { return n.clock.now(n.s.now) }

// soon runs something in the process after a while; not if that has ended.
func (n *simNode) soon(d time.Duration, do func()) {
	run := n.run
	n.s.in(d, func() {
		if n.up && n.run == run {
			n.enter(do)
		}
	})
}

// enter runs something in the process, or keeps it until that runs again.
func (n *simNode) enter(do func()) {
	if n.frozen {
		n.inbox = append(n.inbox, do)
		return
	}
	do()
}

// freeze stops everything on the host for a while, as a hypervisor does.
func (n *simNode) freeze(d time.Duration) {
	n.frozen, n.thawAt = true, max(n.thawAt, n.s.now+d)
	n.s.in(d, func() {
		if n.frozen && n.s.now >= n.thawAt {
			n.thaw()
		}
	})
}

// thaw lets everything happen that has waited.
func (n *simNode) thaw() {
	n.frozen = false
	inbox, run := n.inbox, n.run
	n.inbox = nil
	for _, do := range inbox {
		if n.up && n.run == run {
			n.enter(do)
		}
	}
}

// step enters the engine and carries out what it wants.
func (n *simNode) step(in ...engine.Input) {
	n.fx.Reset()
	for _, i := range in {
		if q, ok := i.(*engine.Query); ok {
			n.parked[q] = n.s.now
		}
	}
	n.engine.Step(n.now(), in, &n.fx)
	n.watch()
	for _, q := range n.fx.Responses {
		n.s.check.sent(n, q)
		n.s.net.toClient(n, q.Departure.Dst.Addr(), slices.Clone(q.Response))
		n.giveBack(q)
	}
	for _, q := range n.fx.Done {
		n.giveBack(q)
	}
	for _, a := range n.fx.Answers {
		if fn := n.answers[a.ID]; fn != nil {
			delete(n.answers, a.ID)
			answer := a.Answer
			n.soon(0, func() { fn(&answer) })
		}
	}
	for i := range n.fx.Sends {
		n.s.net.send(n, &n.fx.Sends[i])
	}
	if m := n.fx.Memory; m != nil {
		n.soon(n.s.memoryDelay(), func() { n.remember(m) })
	}
	if list := n.fx.Reports; list != nil {
		s := n.s
		s.check.splits.reported(n, list)
		n.soon(s.memoryDelay(), func() {
			if err := writeReports(n.fs, simFile, list); err != nil {
				s.note("%s: %v", n.name, err)
			}
		})
	}
	n.arm(n.fx.Wake)
	if n.fx.Waiting && !n.writing {
		n.writing = true
		n.soon(n.s.upTo(200*time.Microsecond), func() { n.write() })
	}
}

func (n *simNode) giveBack(q *engine.Query) {
	delete(n.parked, q)
	n.pools = append(n.pools, q)
}

func (n *simNode) query() *engine.Query {
	if k := len(n.pools); k > 0 {
		q := n.pools[k-1]
		n.pools = n.pools[:k-1]
		q.Reset()
		return q
	}
	return new(engine.Query)
}

// watch notes changes of the state.
func (n *simNode) watch() {
	gauges := n.engine.Gauges()
	g := gauges.Pairs[0]
	n.s.check.halves.moved(n, gauges.Boundaries)
	if g.State != n.state {
		n.s.note("%s is %s (partner %q)", n.name, g.State, g.Partner)
		n.state, n.since, n.scoped = g.State, n.s.now, false
		n.s.check.halves.changed(n)
	}
	n.s.check.halves.watch(n)
	n.s.check.halves.apart()
	n.s.check.overlap()
}

// arm sees to it that a Tick comes at t at the latest.
func (n *simNode) arm(t time.Time) {
	if t.IsZero() {
		return
	}
	at := n.s.now + n.clock.delay(n.s.now, t)
	if n.wake != 0 && n.wake <= at {
		return
	}
	n.wake = at
	n.alarm++
	alarm := n.alarm
	n.soon(at-n.s.now, func() {
		if n.alarm == alarm {
			n.wake = 0
			n.step(engine.Tick{})
		}
	})
}

// write is the group commit of disk.go.
func (n *simNode) write(in ...engine.Input) {
	n.step(append(in, engine.TakeJournal{})...)
	journal := n.fx.Journal
	if len(journal) == 0 {
		n.writing = false
		return
	}
	err := n.backend.Append(journal)
	if n.ailing = err != nil; n.ailing {
		n.s.note("%s: %v", n.name, err)
	}
	if err == nil {
		n.memory.appended(journal[len(journal)-1].Seq, n.now())
	}
	done := engine.Appended{Seq: journal[len(journal)-1].Seq, Err: err}
	n.soon(n.s.between(50*time.Microsecond, 5*time.Millisecond), func() { n.write(done) })
}

// crash ends the process; a power cut takes the host with it.
func (n *simNode) crash(survival faultfs.Survival, power bool) {
	if !n.up {
		return
	}
	n.s.note("%s crashes, unsynced data %d, power cut %t", n.name, survival, power)
	n.s.check.crashed(n)
	n.end(power)
	n.fs = n.fs.Crash(survival, n.s.rnd)
}

func (n *simNode) end(dead bool) {
	n.up, n.dead = false, dead
	n.run++
	n.inbox, n.frozen = nil, false
	n.s.net.ended(n)
}

// shutdown is what Server.Run does at the end: goodbye, then the disk.
func (n *simNode) shutdown(then func()) {
	if !n.up || n.leaving || n.frozen {
		return
	}
	s, begun := n.s, n.s.now
	// Where clients' evidence is asked for, a goodbye is none.
	calm := s.normal() && s.net.whole() && s.o.ours() && n.index < 2 && s.o.unacked == 0
	n.leaving = true
	s.note("%s shuts down", n.name)
	ended := false
	finish := func() {
		if ended || !n.up {
			return
		}
		ended = true
		n.finish(func() {
			s.check.left(n, begun, calm)
			if then != nil {
				then()
			}
		})
	}
	n.nextID++
	n.answers[n.nextID] = func(*engine.Answer) { finish() }
	n.step(engine.Leave{ID: n.nextID})
	n.soon(goodbyeTime, finish)
}

// finish writes the rest of the journal and closes the lease file.
func (n *simNode) finish(then func()) {
	if n.writing {
		n.soon(10*time.Millisecond, func() { n.finish(then) })
		return
	}
	n.s.check.crashed(n)
	if err := n.backend.Close(); err != nil {
		n.s.note("%s: %v", n.name, err)
	}
	n.fx.Reset()
	n.engine.Step(n.now(), []engine.Input{engine.TakeMemory{}}, &n.fx)
	if n.fx.Memory != nil {
		n.remember(n.fx.Memory)
	}
	n.end(false)
	n.s.note("%s has stopped", n.name)
	then()
}

// receive is what a peer's or operator's command meets: the dedicated listener
// and then peers.answer.
func (n *simNode) receive(body []byte, reply func([]byte)) {
	r, err := ha.ParseRequest(body)
	if err != nil {
		reply((&ha.Reply{Result: engine.Failure, Text: err.Error()}).Append(nil))
		return
	}
	input, err := pairInput(n.s.o.family, &r)
	switch {
	case err != nil:
		reply((&ha.Reply{Result: engine.Failure, Text: err.Error()}).Append(nil))
	case input != nil:
		n.nextID++
		n.answers[n.nextID] = func(a *engine.Answer) { reply(pairReply(a).Append(nil)) }
		n.step(input(n.nextID))
	default:
		n.command(&r, reply)
	}
}

// command is peers.answer and family.command for everything else.
func (n *simNode) command(r *ha.Request, reply func([]byte)) {
	in := engine.CommandReceived{Name: r.Name}
	if r.Arguments != nil {
		v, _, err := config.ParseValue("<wire>", r.Arguments, false)
		if err != nil {
			reply([]byte(`{ "result": 400, "text": "Bad Request" }`))
			return
		}
		in.Arguments = v
	}
	w := answerWriter{version: n.s.o.family}
	var ask func()
	ask = func() {
		n.nextID++
		in.ID = n.nextID
		n.answers[in.ID] = func(a *engine.Answer) {
			w.add(a)
			if a.Next != nil {
				in.Next = a.Next
				ask()
				return
			}
			var answer control.Answer = w.finish(a, n.now())
			reply(append(answer.Append([]byte("[ ")), " ]"...))
		}
		c := in
		n.step(&c)
	}
	ask()
}

// tell is an operator's command.
func (n *simNode) tell(name, arguments string) {
	if !n.up {
		return
	}
	if arguments != "" {
		arguments = `, "arguments": ` + arguments
	}
	body := fmt.Sprintf(`{ "command": %q, "service": [ "dhcp%d" ]%s }`, name, n.s.o.family, arguments)
	n.s.note("operator tells %s %s", n.name, body)
	n.soon(0, func() { n.receive([]byte(body), func(a []byte) { n.s.note("%s answers %s %.1200s", n.name, name, a) }) })
}

// reload swaps the configuration for one with other lifetimes.
func (n *simNode) reload() {
	if !n.up {
		return
	}
	n.reloads++
	n.soon(0, func() {
		n.nextID++
		n.step(engine.Reconfigured{ID: n.nextID, Family: n.config()})
	})
}

// gauges looks into the engine; nil when there is none.
func (n *simNode) gauges() *engine.Gauges {
	if !n.up {
		return nil
	}
	g := n.engine.Gauges()
	return &g
}

// normal says whether the node is where its mode strives for.
func (n *simNode) normal() bool {
	g := n.gauges()
	if g == nil || n.frozen || n.leaving {
		return false
	}
	p := &g.Pairs[0]
	switch p.State {
	case ha.LoadBalancing, ha.HotStandby:
		return p.State == p.Partner && g.Serving && !p.Queueing && !(p.Behind && n.s.o.ours())
	case ha.Backup:
		return n.index == 2
	}
	return false
}

func (n *simNode) describe() string {
	g := n.gauges()
	if g == nil {
		return n.name + " off"
	}
	p := &g.Pairs[0]
	return fmt.Sprintf("%s[%s partner=%q serves=%v off=%v queueing=%t behind=%t backlog=%d awaited=%d parked=%d leases=%d frozen=%t]",
		n.name, p.State, p.Partner, p.Serves, g.Disabled, p.Queueing, p.Behind, p.Backlog, p.Awaited, g.Parked, n.store.Len(), n.frozen)
}

// replaceDisk lets the process end and start with an empty disk.
func (n *simNode) replaceDisk() {
	n.s.note("%s gets an empty disk", n.name)
	n.end(false)
	n.fs, n.older = faultfs.New(), nil
	n.s.check.forget(n)
	n.s.in(time.Second, n.start)
}

// remember writes what the pair has to remember.
func (n *simNode) remember(m *engine.Memory) {
	if err := n.memory.write(m); err != nil {
		n.s.note("%s: %v", n.name, err)
	} else if n.older == nil || n.s.memories.Float64() < .1 {
		n.older, _ = n.fs.Read(memoryPath(simFile))
	}
}

// misremember loses the memory, or finds an older one.
func (n *simNode) misremember() {
	switch x := n.s.memories.Float64(); {
	case n.s.o.faults&(faultKill|faultPower|faultLeave) == 0:
	case x < .1:
		n.s.note("%s loses its memory", n.name)
		_ = n.fs.Remove(memoryPath(simFile)) // it may have none
	case x < .2 && n.older != nil && !n.s.o.faults.has(faultStep):
		n.s.note("%s has an older memory", n.name)
		n.fs.Write(memoryPath(simFile), n.older)
	}
}
