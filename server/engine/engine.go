package engine

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
	"leasehold/server/message"
)

// Engine serves one address family. All fields are owned by whoever is inside
// Step.
type Engine struct {
	mu      sync.Mutex
	version int // 4 or 6
	store   *lease.Store
	stats   *Stats
	rnd     *rand.Rand

	serving
	swap    *swap           // to the next configuration; nil: none is under way
	turn    int             // leases that a swap counts in a Step
	first   []pass          // classes of the first pass, in order
	second  []*config.Class // classes of the second pass, in order
	strings internTable
	uses    uint64 // allocations so far, for subnet.lastUse
	outside int    // leases outside every pool when the configuration came

	now     int64 // Unix seconds of this Step
	clock   time.Time
	fx      *Effects // of this Step
	scratch config.Scratch
	found   []lease.Lease // reused by look-ups
	lapsing bool          // more leases have run out than a Step is told of
	want    codeSet6      // reused by each response

	journal  []lease.Change // decided, not yet handed to the disk
	spare    []lease.Change // the journal's other room
	unstored unstored
	handed   uint64 // last sequence number handed to the disk
	durable  uint64 // last sequence number on disk
	judged   uint64 // last sequence number that the disk took or refused
	diskless bool   // persist false: nothing waits
	parked   parkingLot

	hooks     hooks
	pings     map[netip.Addr]pinging // offers that wait for the answer to a Ping
	pinged    uint64                 // ID of the last Ping
	limits    *limits                // nil: libdhcp_limits is not switched on
	classByID []*config.Class
	serverIDs map[netip.Addr]bool // configured values of option 54
	own       map[netip.Addr]bool // addresses of open sockets
	duid      []byte              // v6: option 2
	unicast   bool                // v6: option 12 is configured somewhere
	ports     ports
	toSource  bool // tests: answers go where the query came from

	crowd     crowd
	service   ha.Switches
	alone     bool
	scopes    *ha.Machine // alone: who would serve whom; nil: no pair, or a hub
	pairs     []*Pair
	extras    *ha.Extensions
	resumed   *Resumed
	reports   []Report // of the run before, and of pairs that were replaced
	contested bool     // since reports were handed out
	memory    remembering
	demand    demand
	tokens    map[uint64]waiter
	lastToken uint64
	doubtful  map[netip.Addr]uint64 // leases that peers have not acknowledged, with the token
	leaving   int                   // pairs that have yet to answer a Leave
	mark      int                   // journal entries before it are pushed, or need not be
	reclaim   reclaimState
	routing   routing
	recorder  recorder
	stir      uint64 // of the last stirred
	unshared  map[netip.Addr]struct{}
	enabled   func(*message.Message) bool
	commands  map[string]Command
	started   time.Time
	reloaded  time.Time
}

// Options are what an Engine needs beside its configuration.
type Options struct {
	Now  time.Time
	Seed uint64 // of every random choice
	// Enabled says whether a message is logged; nil logs nothing.
	Enabled func(*message.Message) bool
	// Diskless engines (persist false) answer without waiting for Appended.
	Diskless bool
	// Extensions are what the machines speak with another of us; nil: the
	// default of ha.New.
	Extensions *ha.Extensions
	// Resumed is what is remembered of the run before; nil: nothing.
	Resumed *Resumed
	// Reports are the addresses given twice in the runs before.
	Reports []Report
	// DUID identifies a DHCPv6 server, option 2.
	DUID []byte
	// Ports to answer from and to; zero means the standard ones.
	ServerPort, ClientPort uint16
	// ToSource sends every answer where its query came from (tests).
	ToSource bool
	// Alone engines have no partner, whatever the configuration says: clients
	// get the class of the server whose scope they are in, and each is served.
	Alone bool
}

// New returns an Engine that serves f with the leases of store.
func New(f *config.Family, store *lease.Store, o Options) *Engine {
	e := &Engine{
		version: f.Version, store: store, rnd: rand.New(rand.NewPCG(o.Seed, 0)),
		enabled: o.Enabled, diskless: o.Diskless, started: o.Now, reloaded: o.Now, alone: o.Alone, turn: swapTurn,
	}
	if e.enabled == nil {
		e.enabled = func(*message.Message) bool { return false }
	}
	e.ports = ports{o.ServerPort, o.ClientPort}
	standard := ports{serverPort4, clientPort4}
	if f.Version == 6 {
		standard = ports{serverPort6, clientPort6}
	}
	if e.ports.server == 0 {
		e.ports.server = standard.server
	}
	if e.ports.client == 0 {
		e.ports.client = standard.client
	}
	e.toSource, e.duid, e.extras, e.resumed, e.reports = o.ToSource, o.DUID, o.Extensions, o.Resumed, o.Reports
	e.durable, e.handed, e.judged = store.Seq(), store.Seq(), store.Seq()
	e.stats = newStats(f, o.Now)
	e.clock, e.now = o.Now, o.Now.Unix()
	e.commands = engineCommands(f.Version)
	plan := Prepare(f)
	e.serve(plan)
	e.recorder.configure(f)
	e.countAll(plan)
	e.scheduleReclaim(o.Now)
	e.routeParameters(f)
	e.pairUp(f, o.Now)
	e.resumed = nil // a pair that is configured later begins anew
	return e
}

// Input is something that happens to the engine: a *Query, Appended, Tick,
// Reconfigured or *CommandReceived.
type Input interface{ input() }

// TakeJournal asks for the changes that are to be made durable. Whoever brings
// it must bring Appended for them afterwards. Now: even if the disk refused some
// a moment ago and would be left alone for a while.
type TakeJournal struct{ Now bool }

// Appended tells that every change up to Seq is durable, or (Err) that those
// handed out last are not and their responses must not leave.
type Appended struct {
	Seq uint64
	Err error
}

// Tick lets time pass.
type Tick struct{}

// Shed tells of queries of new clients that nobody looked at, because more
// arrive than can be answered.
type Shed struct{ Count int }

// Reconfigured swaps the configuration between two batches. With many leases to
// be counted, the Ticks that follow go on with it, and what is in force until then
// serves. It is answered under its ID, with how many leases lie outside every pool
// now.
type Reconfigured struct {
	ID     uint64
	Family *config.Family
	Plan   *Plan // of Family; nil: it is made within the Step
	// Edited: a command changed a part of the configuration. Kea's allocators
	// go on where they are then, but begin anew with a whole configuration.
	Edited bool
	// Found are leases that another lease database brought along. One that is
	// newer than ours of its address, or whose address we do not know, is taken.
	Found []lease.Lease
}

// DiskChanged tells that changes are from now on kept, or are not any more.
type DiskChanged struct{ Diskless bool }

func (*Query) input()       {}
func (DiskChanged) input()  {}
func (TakeJournal) input()  {}
func (Appended) input()     {}
func (Tick) input()         {}
func (Shed) input()         {}
func (Reconfigured) input() {}

// Effects is what a Step wants done. It is reused: Reset before the next Step.
type Effects struct {
	// Responses may leave now; the queries belong to the bringer again.
	Responses []*Query
	// Done queries get no response; they belong to the bringer again. Queries
	// in neither list are parked.
	Done []*Query
	// Journal is to be appended to the lease file, in order.
	Journal []lease.Change
	// Waiting says that there is a journal to be taken.
	Waiting bool
	// Behind is how many changes the disk has neither taken nor refused.
	Behind int
	// Stirred says that TakeEvents would bring something new.
	Stirred bool
	// Answers to commands.
	Answers []Answered
	// Sends are commands for peers.
	Sends []Send
	// Memory is to be kept across restarts; nil: what was is good enough.
	Memory *Memory
	// Reports of addresses given twice are to be kept across restarts; nil: those
	// of before still hold.
	Reports []Report
	// Hooked is what the built-in hooks want done.
	Hooked Hooked
	// Routes to delegated prefixes.
	Routes Routes
	// Wake is when a Tick is wanted at the latest.
	Wake time.Time
	// Log entries, with their text.
	Log     []message.Entry
	LogText []byte
}

// Reset empties fx and keeps its room.
func (fx *Effects) Reset() {
	clear(fx.Responses)
	clear(fx.Done)
	clear(fx.Answers)
	clear(fx.Sends)
	fx.Hooked.reset()
	*fx = Effects{
		Hooked:    fx.Hooked,
		Routes:    Routes{List: fx.Routes.List[:0]},
		Responses: fx.Responses[:0], Done: fx.Done[:0], Answers: fx.Answers[:0],
		Sends: fx.Sends[:0], Log: fx.Log[:0], LogText: fx.LogText[:0],
	}
}

// Step takes a batch of inputs at a time and adds what is to be done to fx.
// It never blocks. Journals are valid until the Appended that follows them.
func (e *Engine) Step(now time.Time, in []Input, fx *Effects) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clock, e.now, e.fx = now, now.Unix(), fx
	e.stats.begin(now)
	e.lapsing = e.store.Lapse(e.now, lapseTurn, e.lapsed)
	e.service.Expire(now)
	e.beginPairs()
	e.crowd.note(in)
	for _, i := range in {
		switch i := i.(type) {
		case *Query:
			e.query(i)
		case TakeJournal:
			e.takeJournal(i.Now)
		case Appended:
			e.appended(i)
		case Tick:
			e.tick()
			e.goOnSwapping()
		case Shed:
			e.countShed(i.Count)
		case Reconfigured:
			e.beginSwap(i)
		case Pinged:
			e.answered(i)
		case DiskChanged:
			e.changeDisk(i.Diskless)
		case Addresses:
			e.setAddresses(i.Own)
		case LinksChanged:
			e.routing.due = e.routing.on
		case Identity:
			e.duid = i.DUID
		case Adopt:
			for n := range i.Changes {
				e.adopt(&i.Changes[n])
			}
		case *CommandReceived:
			e.command(i)
		case *PeerAnswered:
			e.peerAnswered(i)
		case PeerClosed:
			e.peerClosed(i)
		case *PairCommand:
			e.pairCommand(i)
		case *LeaseBatch:
			e.takeBatch(i)
		case *StreamRead:
			e.readStream(i)
		case Leave:
			e.leave(i)
		case Beat:
			e.answer(i.ID, Answer{})
		case TakeMemory:
			e.memory = remembering{wanted: len(e.pairs) > 0}
		case *TakeEvents:
			e.takeEvents(i)
		case TakeSurvey:
			e.answer(i.ID, Answer{Survey: e.survey()})
		}
	}
	e.freeWithheld()
	e.askForMore()
	e.finishPairs()
	e.sweep()
	e.finishRoutes()
	e.noteMemory()
	if e.contested {
		fx.Reports, e.contested = e.report(), false
	}
	if e.diskless {
		clear(e.journal)
		e.journal = e.journal[:0]
	}
	fx.Waiting = e.unsaved()
	fx.Behind = e.behind()
	fx.Stirred = e.stirred()
	fx.Wake = e.wake()
	e.fx = nil
}

func (e *Engine) query(q *Query) {
	e.mark = len(e.journal)
	if e.version == 4 {
		e.receive4(q)
	} else {
		e.receive6(q)
	}
	if len(e.journal) > e.mark && len(e.pairs) > 0 {
		e.push(q)
	}
	e.record(q)
}

// reconfigure replaces the configuration by one for which all leases are counted.
// Leases, parked responses, the service switches and packet statistics stay.
func (e *Engine) reconfigure(plan *Plan, t *tally, edited bool) {
	f := plan.cfg
	old := e.subnets
	e.serve(plan)
	e.recorder.configure(f)
	e.stats.configure(f)
	for _, s := range e.ordered {
		if o := old[s.ID]; o != nil {
			s.keepCounts(o)
			if edited {
				s.keepTurns(o)
			}
		}
	}
	e.settle(t)
	e.reloaded = e.clock
	e.scheduleReclaim(e.clock)
	e.routeParameters(f)
	e.pairUp(f, e.clock)
	e.beginPairs()
}

// takeFound takes leases into the store; that they are counted has to follow.
func (e *Engine) takeFound(found []lease.Lease) {
	for i := range found {
		if own, ok := e.store.Get(found[i].Addr); !ok || own.CLTT < found[i].CLTT {
			e.journal = append(e.journal, e.store.Put(found[i]))
		}
	}
}

// lapseTurn is of how many leases whose time has run out a Step is told.
const lapseTurn = 4096

// lapsed is told once of every lease whose time has run out: its resource can
// be given to somebody else from now on, whether reclaimed or not.
func (e *Engine) lapsed(l *lease.Lease) {
	if e.kept(l) {
		e.demand.withheld = append(e.demand.withheld, l.Addr)
	} else {
		e.free(l)
	}
	e.reroute(l, true)
}

// free marks the resource of a lease that has ended as free.
func (e *Engine) free(l *lease.Lease) {
	if e.swap != nil {
		e.swap.lapsed(l)
	}
	if p := e.holder(l); p != nil {
		if i, ok := p.index(l.Addr); ok {
			p.free.Give(i, heldByLease)
		}
	}
}

// put stores a lease and notes the change for the disk.
func (e *Engine) put(l lease.Lease) {
	if e.limits != nil {
		e.limitChange(&l, &l)
	}
	if e.swap != nil {
		e.swap.follow(e, l.Addr, &l)
	}
	if p := e.holder(&l); p != nil {
		l.PoolID = p.ID
		if i, ok := p.index(l.Addr); ok {
			if holds(&l, e.now) {
				p.free.Take(i, heldByLease)
			} else {
				p.free.Give(i, heldByLease)
			}
		}
	}
	if len(e.unshared) > 0 {
		delete(e.unshared, l.Addr)
	}
	e.journal = append(e.journal, e.store.Put(l))
	e.reroute(&l, !holds(&l, e.now))
	m := message.DHCPSrvMemfileAddAddr4
	if e.version == 6 {
		m = message.DHCPSrvMemfileAddAddr6
	}
	if e.on(m) {
		e.log(nil, m, "storing lease of %s, state %d", l.Addr, l.State)
	}
}

// remove deletes a lease and notes the change for the disk.
func (e *Engine) remove(l *lease.Lease) {
	if e.limits != nil {
		e.limitChange(l, nil)
	}
	if e.swap != nil {
		e.swap.follow(e, l.Addr, nil)
	}
	if p := e.holder(l); p != nil {
		if i, ok := p.index(l.Addr); ok {
			p.free.Give(i, heldByLease)
		}
	}
	if e.on(message.DHCPSrvMemfileDeleteAddr) {
		e.log(nil, message.DHCPSrvMemfileDeleteAddr, "deleting lease of %s", l.Addr)
	}
	delete(e.doubtful, l.Addr)
	e.reroute(l, true)
	if c, ok := e.store.Delete(l.Addr); ok {
		e.journal = append(e.journal, c)
	}
}

// holds says whether a lease keeps its resource from others.
func holds(l *lease.Lease, now int64) bool {
	switch l.State {
	case lease.Reclaimed, lease.Released:
		return false
	}
	return !l.Expired(now)
}
