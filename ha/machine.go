package ha

import (
	"strconv"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// maxRuns bounds how many states one event may cross; the transition table
// settles within far fewer (transitions_test.go).
const maxRuns = 16

// Extensions choose what this server offers to, and accepts from, another of
// us. A Kea partner never sees them.
type Extensions struct {
	Features
	// QueueAfter is how long an update may stay unanswered in hot-standby
	// before updates are queued and responses leave without the partner;
	// 0 = never. QueueKea allows it towards a Kea partner, too.
	QueueAfter time.Duration
	QueueKea   bool
	QueueLimit int // changes
}

// DefaultExtensions are those of a new Machine.
var DefaultExtensions = Extensions{
	Features:   Features{Batch: true, Stream: true, Goodbye: true, Heal: true, Halves: true, Demand: true},
	QueueAfter: 500 * time.Millisecond,
	QueueLimit: 10000,
}

// Machine is one relationship as seen by this server. It is owned by one
// engine and is not safe for concurrent use.
type Machine struct {
	Extensions Extensions // set before the first Step
	Digest     string     // of the configuration, for the partner to compare; "": not told
	Shares     []Share    // pools that we have not divided in the middle, for the partner to know

	rel       *config.Relationship
	this      *config.Peer
	other     *config.Peer // partner; nil on backups and in passive-backup
	family    int
	index     int // of this
	balancing bool
	role      string
	classes   []string // by index of the peer

	state     State
	previous  State // before partner-in-maintenance or in-maintenance
	cause     cause // of terminated
	served    []bool
	off       bool     // our own origin is switched off
	paused    bool     //
	visited   [16]bool // states entered, for pauses that happen once
	start     time.Time
	entered   time.Time
	partner   partner
	journal   journal
	parted    time.Time // see Parted
	conflicts conflicts
	unsent    uint64    // unsent-update-count
	missing   span      // of our change stream: what the partner was not sent
	own       Stream    // our change stream, as last told
	replied   [2]uint64 // Sent of it, in the last two answers to the partner's heartbeat
	notified  time.Time
	lapsed    bool // contact was reported as interrupted
	backlog   backlog
	queueing  bool // hot-standby answers without the partner
	updates   updates
	flights   flights
	pull      *pull // of the state machine
	asked     *pull // of ha-sync
	backjob   job   // flush or reset under way
	tending   *request
	leaving   *request
	probe     []lease.Change // one rejected update, tried again in terminated
	probing   bool
	point     Point     // of the partner's stream
	told      Point     // of the partner's stream: where it had pulled all pages of ours
	whole     Point     // of our stream: where we had pulled all pages of the partner's
	noStream  time.Time // until then the partner's stream is not asked for
	series    uint64

	asking    uint64 // request for larger shares under way, if its answer still counts
	overtaken uint64 // heartbeat whose answer may tell of older boundaries than we know
	ceding    *ceding
	informed  time.Time // see Informed; of the clock on the wall

	beatAt time.Time // next heartbeat; zero while one is under way
	beatID uint64
	early  early
	wakeAt time.Time

	now  time.Time // during Step
	wall time.Time
	out  []Action // during Step
}

// request is a command that is answered later.
type request struct {
	token uint64
	kind  string
	until time.Time
	sent  bool
}

// New returns the machine of a relationship for family 4 or 6. Its first Step
// brings the actions of the start.
func New(rel *config.Relationship, family int, start time.Time) *Machine {
	m := &Machine{Extensions: DefaultExtensions, family: family, start: start, beatAt: start}
	m.adopt(rel)
	m.served = make([]bool, len(rel.Peers))
	m.partner.contact = start
	m.off = true
	return m
}

func (m *Machine) adopt(rel *config.Relationship) {
	m.rel, m.this, m.other = rel, rel.This(), rel.Partner()
	m.index = m.peerIndex(rel.ThisServer)
	m.balancing = rel.Mode == modeLoadBalancing
	m.role = m.this.Role
	m.classes = m.classes[:0]
	for i := range rel.Peers {
		m.classes = append(m.classes, "HA_"+rel.Peers[i].Name)
	}
}

// Reconfigure swaps the parameters and keeps the state. It returns false,
// having done nothing, when servers, roles or mode differ: then a new Machine
// is needed.
func (m *Machine) Reconfigure(rel *config.Relationship) bool {
	if rel.Mode != m.rel.Mode || rel.ThisServer != m.rel.ThisServer ||
		rel.Index != m.rel.Index || len(rel.Peers) != len(m.rel.Peers) {
		return false
	}
	for i := range rel.Peers {
		if rel.Peers[i].Name != m.rel.Peers[i].Name || rel.Peers[i].Role != m.rel.Peers[i].Role {
			return false
		}
	}
	m.adopt(rel)
	return true
}

// Relationship returns the configuration, State the state of the machine.
func (m *Machine) Relationship() *config.Relationship { return m.rel }

func (m *Machine) State() State { return m.state }

// PartnerState returns what the partner said last, or Unavailable.
func (m *Machine) PartnerState() State { return m.partner.state }

// PartnerFeatures returns what both sides speak.
func (m *Machine) PartnerFeatures() Features { return m.features() }

// Resume tells the machine how far the partner's change stream was known
// before the restart, and what Parted was if the partner lacked leases then. To
// be called before the first Step.
func (m *Machine) Resume(p Point, parted time.Time) { m.point, m.parted = p, parted }

// Find returns the machine whose relationship has a peer of that name; the
// first for an empty name.
func Find(machines []*Machine, server string) *Machine {
	for _, m := range machines {
		if server == "" || m.peerIndex(server) >= 0 {
			return m
		}
	}
	return nil
}

// Step takes one event and appends what is to be done about it.
func (m *Machine) Step(now time.Time, ev *Event, out []Action) []Action {
	m.now, m.wall, m.out = now, ev.Wall, out
	if m.wall.IsZero() {
		m.wall = now.Round(0) // wall time only: skew is no matter of durations
	}
	if ev.Stream.Epoch != 0 {
		m.own = ev.Stream
	}
	if m.state == Unknown {
		m.begin()
	}
	switch ev.On {
	case OnAnswer:
		m.answered(ev.ID, &ev.Answer)
	case OnOutOfScope:
		m.outOfScope(&ev.Query)
	case OnCommitted:
		m.committed(ev)
	case OnCommand:
		m.command(ev)
	case OnClosed:
		m.closed(ev.Peer)
	case OnLeave:
		m.leave(ev.Token)
	case OnShort:
		m.ask(ev.Shares)
	}
	if !ev.More || !m.features().Batch {
		m.tick()
	}
	out, m.out = m.out, nil
	return out
}

// begin is the start of the machine: the entry into waiting.
func (m *Machine) begin() {
	m.log("info", "HA_SERVICE_STARTED", "started high availability service",
		"server", m.this.Name, "mode", m.rel.Mode, "role", m.role)
	m.enter(Waiting)
	m.run()
}

// tick does what time alone brings about.
func (m *Machine) tick() {
	m.beat()
	if m.due(m.lostAt()) || m.due(m.hopelessAt()) {
		m.run()
	}
	m.queueLate()
	m.cedeNow()
	if _, now := m.Informed(); now {
		m.informed = m.wall
	}
	m.leaveNow()
	m.announce()
	m.pump()
	m.wake()
}

// due says whether a time was asked for and has come.
func (m *Machine) due(at time.Time) bool { return !at.IsZero() && !m.now.Before(at) }

// wake asks for the next tick.
func (m *Machine) wake() {
	at := time.Time{}
	earliest := func(t time.Time) {
		if !t.IsZero() && t.After(m.now) && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if m.beats() && m.beatID == 0 {
		earliest(m.beatAt)
	}
	earliest(m.lostAt())
	earliest(m.hopelessAt())
	earliest(m.lateAt())
	if m.leaving != nil {
		earliest(m.leaving.until)
	}
	if m.ceding != nil {
		earliest(m.ceding.until)
	}
	if !at.Equal(m.wakeAt) {
		m.wakeAt = at
		m.do(Action{Do: DoWake, At: at})
	}
}

// lostAt returns when silence of an unavailable partner becomes an
// interruption; zero when that is no question.
func (m *Machine) lostAt() time.Time {
	if m.other == nil || m.partner.state != Unavailable || m.paused {
		return time.Time{}
	}
	switch m.state {
	case Waiting, Syncing, Ready, LoadBalancing, HotStandby, CommunicationRecovery:
		// Interrupted is strictly more than max-response-delay.
		return m.partner.contact.Add(m.rel.MaxResponse + 1)
	}
	return time.Time{}
}

func (m *Machine) hopelessAt() time.Time {
	if m.state != Waiting || m.partner.state != Terminated {
		return time.Time{}
	}
	// Not from before we began to wait: a partner that was terminated as long as
	// we were may be about to heal.
	from := m.partner.since
	if m.entered.After(from) {
		from = m.entered
	}
	return from.Add(hopelessAfter)
}

// interrupted says whether contact with the partner is lost. That its process
// has ended is enough only where no evidence from clients is asked for.
func (m *Machine) interrupted() bool {
	return m.partner.gone && m.rel.MaxUnacked == 0 || m.now.Sub(m.partner.contact) > m.rel.MaxResponse
}

// facts gathers what the transition table asks for.
func (m *Machine) facts() facts {
	p := &m.partner
	return facts{
		balancing:   m.balancing,
		passive:     m.rel.Mode == modePassiveBackup,
		primary:     m.role == rolePrimary,
		standby:     m.role == roleStandby,
		backup:      m.role == roleBackup,
		pulls:       m.rel.SyncLeases,
		recovers:    m.rel.DelayedUpdates > 0,
		partner:     p.state,
		interrupted: m.interrupted(),
		detected:    m.rel.MaxUnacked == 0 || uint32(p.unacked) > m.rel.MaxUnacked,
		skewed:      p.skew().Abs() > skewLimit,
		rejected:    m.rel.MaxRejected > 0 && p.rejections(m.now) >= int(m.rel.MaxRejected),
		hopeless:    m.due(m.hopelessAt()),
		unsent:      p.unsent > 0 && p.unsent != p.settled,
		merges:      m.features().Stream && m.rel.SyncLeases,
		overflowed:  m.backlog.overflowed && !m.features().Stream, // a stream fills the gap
		backlogged:  len(m.backlog.changes) > 0,
		healed:      m.healed() && m.partnerHealed(),
	}
}

// run repeats the table until nothing changes, as Kea's state model does.
func (m *Machine) run() {
	if m.pull != nil && m.state == Syncing {
		return // Kea's handler would not have returned yet
	}
	for range maxRuns {
		if m.paused {
			return
		}
		f := m.facts()
		s, j := f.next(m.state)
		if s == m.state {
			m.work(j)
			return
		}
		m.become(s, m.why(s, &f))
	}
}

// work starts a job unless it is under way.
func (m *Machine) work(j job) {
	switch j {
	case pullJob:
		if m.pull == nil {
			m.startPull()
		}
	case flushJob, resetJob:
		if m.backjob == noJob {
			m.backjob = j
			m.series++
			m.stepBacklog()
		}
	}
}

// become is the only way from one state to another.
func (m *Machine) become(s State, why string) {
	m.journal.add(Transition{At: m.now, From: m.state, To: s, Partner: m.partner.state, Why: why})
	m.log("info", "HA_STATE_TRANSITION", "server transitions from "+loud(m.state)+" to "+loud(s)+
		" state, partner state is "+loudPartner(m.partner.state),
		"server", m.this.Name, "why", why)
	switch {
	case m.state == Syncing || s == Waiting:
		m.stopPull()
	case m.state == PartnerDown && m.pull != nil:
		m.stopPull()
	}
	if m.state == CommunicationRecovery || m.queueing && !s.normal() {
		if len(m.backlog.changes) > 0 {
			m.skip(m.backlog.changes)
		}
		m.backlog.clear()
		m.queueing = false
	}
	m.backjob = noJob
	if (s == InMaintenance || s == PartnerInMaintenance) && m.state != InMaintenance && m.state != PartnerInMaintenance {
		m.previous = m.state
	}
	m.enter(s)
}

// enter does what Kea does on the entry into a state.
func (m *Machine) enter(s State) {
	m.state, m.entered = s, m.now
	switch m.rel.Pauses[s.String()] {
	case "always":
		m.paused = true
	case "once":
		m.paused = !m.visited[s]
	}
	m.visited[s] = true
	if m.paused {
		m.log("info", "HA_STATE_MACHINE_PAUSED", "state machine paused, ha-continue resumes it",
			"server", m.this.Name, "state", s.String())
	}
	switch s {
	case LoadBalancing, HotStandby, CommunicationRecovery, PassiveBackup, Terminated:
		m.serveDefault()
	case PartnerDown:
		if m.serveDefault(); m.this.AutoFailover {
			m.serveAll()
		}
	case PartnerInMaintenance:
		m.serveAll()
	default:
		clear(m.served)
	}
	m.do(Action{Do: DoServe, Scopes: m.Scopes(nil)})
	m.notified, m.asking = time.Time{}, 0
	m.service(s.serves())
	switch s {
	case Waiting, Syncing, Ready, PartnerDown, Terminated:
		clear(m.partner.rejected)
	}
	switch s {
	case LoadBalancing, HotStandby:
		m.partner.settled = m.partner.unsent
	case CommunicationRecovery:
		m.backlog.limit = int(m.rel.DelayedUpdates)
	case InMaintenance:
		m.log("info", "HA_MAINTENANCE_SHUTDOWN_SAFE", "the server can be shut down for maintenance",
			"server", m.this.Name)
	case Terminated:
		m.log("error", "HA_TERMINATED", "high availability has terminated and waits until "+m.cause.cure(),
			"server", m.this.Name)
	}
	if m.other != nil && s != Waiting {
		if s.pushes() {
			m.log("info", "HA_LEASE_UPDATES_ENABLED", "lease updates are sent to the partner",
				"server", m.this.Name, "state", s.String())
		} else {
			m.log("info", "HA_LEASE_UPDATES_DISABLED", "lease updates are not sent to the partner",
				"server", m.this.Name, "state", s.String())
		}
	}
	m.settle()
}

// service switches our own origin.
func (m *Machine) service(on bool) {
	m.do(Action{Do: DoService, Origin: LocalOrigin + uint32(m.rel.Index), On: on})
	if m.off == !on {
		return
	}
	m.off = !on
	id, text := "HA_LOCAL_DHCP_DISABLE", "local DHCP service is disabled"
	if on {
		id, text = "HA_LOCAL_DHCP_ENABLE", "local DHCP service is enabled"
	}
	m.log("info", id, text, "server", m.this.Name, "state", m.state.String())
}

// unavailable records a failed exchange with the partner.
func (m *Machine) unavailable() {
	p := &m.partner
	p.enter(Unavailable, m.now)
	p.skewKnown = false
	if m.interrupted() {
		if !m.lapsed {
			m.lapsed = true
			m.log("warn", "HA_COMMUNICATION_INTERRUPTED", "communication with the partner is interrupted",
				"server", m.this.Name, "partner", m.other.Name)
		}
	}
}

// outOfScope feeds the failure detector.
func (m *Machine) outOfScope(q *Query) {
	if m.other == nil || !m.interrupted() {
		return
	}
	if m.partner.analyze(q, m.rel.MaxAck) {
		m.run()
	}
}

// closed hastens the next heartbeat: a process that ends closes its
// connections, and then refuses the next one.
func (m *Machine) closed(peer string) {
	if m.other != nil && m.other.Name == peer && m.features().Goodbye && m.beats() && m.beatID == 0 {
		m.beatAt = m.now
	}
}

// features returns what both sides speak.
func (m *Machine) features() Features {
	a, b := &m.Extensions.Features, &m.partner.features
	return Features{
		Batch:   a.Batch && b.Batch,
		Stream:  a.Stream && b.Stream && !m.now.Before(m.noStream),
		Goodbye: a.Goodbye && b.Goodbye,
		Heal:    a.Heal && b.Heal,
		Halves:  a.Halves && b.Halves,
		Demand:  a.Demand && b.Demand && a.Halves && b.Halves,
		Healed:  b.Healed,
	}
}

func (m *Machine) do(a Action) { m.out = append(m.out, a) }

// send gives a command to the shell.
func (m *Machine) send(peer *config.Peer, id uint64, c *Command, timeout time.Duration, series uint64) {
	c.Family, c.Server = m.family, m.this.Name
	m.do(Action{Do: DoSend, Peer: peer, ID: id, Command: c, Timeout: timeout, Fresh: series != 0, Series: series})
}

// log adds a log entry; pairs are keys and values.
func (m *Machine) log(level, id, text string, pairs ...string) {
	e := &Entry{ID: id, Level: level, Text: text}
	for i := 0; i+1 < len(pairs); i += 2 {
		e.Fields = append(e.Fields, Field{pairs[i], pairs[i+1]})
	}
	m.do(Action{Do: DoLog, Entry: e})
}

// loud writes a state as Kea's log does.
func loud(s State) string { return strings.ToUpper(s.String()) }

func loudPartner(s State) string {
	if s == Unknown || s == Unavailable {
		return "UNDEFINED"
	}
	return loud(s)
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) + " s" }
