package server

import (
	"container/heap"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The simulation runs two real engines, and in some seeds a backup, in virtual
// time. Commands between them are encoded and decoded; lease files are real ones
// in a file system that can lose what was not synced; clients keep to their
// RFC's timers, and some misbehave. One seed decides everything.
//
// A run has three parts: faults (sim_fault_test.go), an end of all faults with
// time to heal, and a comparison. What must hold is in sim_check_test.go; it
// looks from outside: at responses that clients received and at lease files.

var simTrace = flag.Bool("trace", false, "print what happens in a simulation")

// sim is one run.
type sim struct {
	seed uint64
	rnd  *rand.Rand
	// memories decides what concerns the memory of pairs and undivided pools;
	// with numbers of its own, so that older seeds stay what they were.
	memories *rand.Rand
	// demands decides, likewise, whether one server has more clients than its
	// half has addresses.
	demands *rand.Rand
	now     simTime
	agenda  agenda
	o       simOptions
	nodes   []*simNode
	clients []*simClient
	net     simNet
	check   checker
	swapped bool // a planted bug: b takes itself for the primary
	whole   bool // a planted bug: no server keeps to its half
	healing bool
	trace   []string
	printf  func(string)
}

// simOptions is what a seed decides about a run.
type simOptions struct {
	family     int
	balancing  bool
	backup     bool
	extensions [2]bool
	recovers   bool // delayed-updates-limit
	unacked    int
	clients    int
	rogues     int
	pool       int // addresses of each of the two pools, or half of the one
	heartbeat  time.Duration
	response   time.Duration
	valid      int
	faulty     time.Duration // length of the first part
	parked     int
	undivided  bool // no classes divide the pools: the servers do
	lopsided   bool // most clients are of one server, and addresses are few
	faults     faultSet
}

func (o simOptions) String() string {
	mode := "hot-standby"
	if o.balancing {
		mode = "load-balancing"
	}
	return fmt.Sprintf("v%d %s backup=%t ours=%v recovery=%t unacked=%d clients=%d+%d pool=2×%d undivided=%t lopsided=%t heartbeat=%v response=%v valid=%ds for %v faults=%v",
		o.family, mode, o.backup, o.extensions, o.recovers, o.unacked, o.clients, o.rogues, o.pool, o.undivided, o.lopsided, o.heartbeat, o.response, o.valid, o.faulty, o.faults)
}

// ours says whether both active servers speak the extensions.
func (o *simOptions) ours() bool { return o.extensions[0] && o.extensions[1] }

func drawOptions(rnd *rand.Rand) simOptions {
	chance := func(p float64) bool { return rnd.Float64() < p }
	o := simOptions{
		family: 4, balancing: chance(.5), backup: chance(.2), recovers: chance(.4),
		unacked: rnd.IntN(4), clients: 4 + rnd.IntN(30), rogues: rnd.IntN(3),
		heartbeat: time.Duration(500+rnd.IntN(5000)) * time.Millisecond,
		valid:     []int{60, 180, 600, 3600}[rnd.IntN(4)],
		faulty:    time.Duration(3+rnd.IntN(20)) * time.Minute,
		parked:    []int{4, 256}[rnd.IntN(2)],
		faults:    drawFaults(rnd),
	}
	if chance(.4) {
		o.family = 6
	}
	o.extensions = [2]bool{true, true}
	switch {
	case chance(.2):
		o.extensions = [2]bool{}
	case chance(.1):
		o.extensions[rnd.IntN(2)] = false
	}
	o.pool = o.clients + rnd.IntN(20)
	o.response = o.heartbeat + time.Duration(500+rnd.IntN(10000))*time.Millisecond
	return o
}

func newSim(seed uint64, change func(*simOptions)) *sim {
	s := &sim{seed: seed, rnd: rand.New(rand.NewPCG(seed, 1)), memories: rand.New(rand.NewPCG(seed, 3)), demands: rand.New(rand.NewPCG(seed, 4))}
	s.o = drawOptions(s.rnd)
	s.o.undivided = s.o.balancing && s.o.ours() && s.memories.IntN(2) == 0
	s.o.lopsided = s.o.undivided && s.demands.IntN(2) == 0
	if change != nil {
		change(&s.o)
	}
	if s.o.lopsided {
		s.o.pool = (s.o.clients+s.o.rogues+1)/2 + 1 + s.demands.IntN(6)
	}
	s.check.s = s
	s.check.halves.k, s.check.splits.k = &s.check, &s.check
	s.net.s = s
	s.build()
	return s
}

func (s *sim) build() {
	names := []string{"a", "b"}
	if s.o.backup {
		names = append(names, "c")
	}
	for i, name := range names {
		s.nodes = append(s.nodes, newSimNode(s, i, name))
	}
	s.net.build(len(names))
	for i := range s.o.clients + s.o.rogues {
		s.clients = append(s.clients, newSimClient(s, i, i >= s.o.clients))
	}
	for _, n := range s.nodes {
		s.in(s.upTo(3*time.Second), n.start)
	}
	for _, c := range s.clients {
		s.in(s.upTo(30*time.Second), c.init)
	}
	s.in(time.Second, s.observe)
	s.scheduleFaults()
}

// in makes something happen after a while.
func (s *sim) in(d time.Duration, do func()) { s.agenda.add(s.now+max(d, 0), do) }

func (s *sim) memoryDelay() time.Duration {
	return time.Duration(s.memories.Int64N(int64(200 * time.Millisecond)))
}

func (s *sim) upTo(d time.Duration) time.Duration { return time.Duration(s.rnd.Int64N(int64(d) + 1)) }

func (s *sim) between(a, b time.Duration) time.Duration { return a + s.upTo(b-a) }

func (s *sim) chance(p float64) bool { return s.rnd.Float64() < p }

// note keeps a line of what happened, for the report of a violation.
func (s *sim) note(format string, args ...any) {
	line := fmt.Sprintf("%11.4f ", s.now.Seconds()) + fmt.Sprintf(format, args...)
	if s.printf != nil {
		s.printf(line)
		return
	}
	if len(s.trace) >= 4000 {
		s.trace = append(s.trace[:0], s.trace[2000:]...)
	}
	s.trace = append(s.trace, line)
}

func (s *sim) runUntil(end simTime) {
	for s.agenda.Len() > 0 && s.agenda.list[0].at <= end && len(s.check.violations) == 0 {
		x := heap.Pop(&s.agenda).(appointment)
		s.now = x.at
		x.do()
	}
	s.now = end
}

// observe looks at everything once a second.
func (s *sim) observe() {
	s.check.look()
	s.in(time.Second, s.observe)
}

// run is one whole simulation. It returns how long the pair took to heal.
func (s *sim) run() time.Duration {
	s.runUntil(s.o.faulty)
	if len(s.check.violations) > 0 {
		return -1
	}
	s.heal()
	healed, since := time.Duration(-1), s.now
	bound := s.healBound()
	for s.now-since < bound && len(s.check.violations) == 0 {
		s.runUntil(s.now + time.Second)
		if s.normal() {
			healed = s.now - since
			break
		}
	}
	if len(s.check.violations) > 0 {
		return -1
	}
	if healed < 0 {
		s.check.fail("heals", "not back in the normal state after %v: %s", bound, s.states())
		return healed
	}
	// Every client that can be served has to be, within the time of a full
	// back-off and a lease's lifetime of those that went away.
	s.runUntil(s.now + 5*time.Minute)
	if !s.normal() {
		s.check.fail("heals", "fell out of the normal state without a fault: %s", s.states())
	}
	s.check.served()
	for _, c := range s.clients {
		c.quiet = true
	}
	s.runUntil(s.now + 20*time.Second + 3*s.o.heartbeat + s.o.response)
	s.check.equal()
	return healed
}

// healBound is within how long the pair has to find itself.
func (s *sim) healBound() time.Duration {
	bound := 4*(s.o.response+s.o.heartbeat) + 90*time.Second
	if !s.o.ours() {
		// dhcp-disable with nobody to lift it, and a terminated partner that
		// is given up.
		bound += 12 * time.Minute
	}
	return bound
}

func (s *sim) normal() bool {
	for _, n := range s.nodes[:2] {
		if !n.normal() {
			return false
		}
	}
	return true
}

func (s *sim) states() string {
	var b strings.Builder
	for _, n := range s.nodes {
		fmt.Fprintf(&b, "%s ", n.describe())
	}
	return b.String()
}

// report says everything needed to see a violation again.
func (s *sim) report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %v\nreplay: make sim SEED=%d HOURS=0\n", s.seed, s.o, s.seed)
	for _, v := range s.check.violations {
		fmt.Fprintf(&b, "violation: %s\n", v)
	}
	tail := s.trace
	if n := 60; len(tail) > n {
		tail = tail[len(tail)-n:]
	}
	return b.String() + strings.Join(tail, "\n")
}

// simulate runs one seed and fails the test for every violation.
func simulate(t *testing.T, seed uint64) *sim {
	t.Helper()
	s := newSim(seed, nil)
	if *simTrace {
		s.printf = func(line string) { fmt.Println(line) }
		fmt.Println(s.o)
	}
	s.run()
	if len(s.check.violations) > 0 {
		t.Error(s.report())
	}
	return s
}

// TestSimulation runs a few seeds; with SEED that one first, and with HOURS
// others until as many simulated hours have passed.
func TestSimulation(t *testing.T) {
	first, err := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	hours, _ := strconv.ParseFloat(os.Getenv("HOURS"), 64)
	if err != nil && hours == 0 {
		for seed := range uint64(8) {
			simulate(t, seed+1)
		}
		return
	}
	if first == 0 {
		first = uint64(time.Now().UnixNano()) % 1e12
	}
	var total simTally
	for seed := first; ; seed++ {
		s := simulate(t, seed)
		total.add(s)
		if total.passed.Hours() >= hours || total.failed >= 10 {
			break
		}
	}
	t.Log(total.String())
}

// simTally sums up many runs.
type simTally struct {
	seeds, failed int
	passed        time.Duration
	check         counts
	kinds         map[string]int
}

func (a *simTally) add(s *sim) {
	a.seeds++
	a.passed += s.now
	a.check.add(&s.check.counts)
	if len(s.check.violations) > 0 {
		a.failed++
		if a.kinds == nil {
			a.kinds = map[string]int{}
		}
		a.kinds[s.check.violations[0].checker]++
	}
}

func (a *simTally) String() string {
	return fmt.Sprintf("%d seeds, %.1f simulated hours, %d with violations %v; %+v", a.seeds, a.passed.Hours(), a.failed, a.kinds, a.check)
}
