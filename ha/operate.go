package ha

import (
	"time"
)

// Kea's command names, and ours.
// Commands between two of us that the engine answers, or begins to: many lease
// updates at once, a part of the change stream, and a larger share of pools.
const (
	LeaseBatch   = "leasehold-lease-batch"
	LeaseChanges = "leasehold-lease-changes"
	PoolShare    = "leasehold-pool-share"
)

const (
	cmdHeartbeat = "ha-heartbeat"
	cmdSync      = "ha-sync"
	cmdScopes    = "ha-scopes"
	cmdContinue  = "ha-continue"
	cmdStart     = "ha-maintenance-start"
	cmdNotify    = "ha-maintenance-notify"
	cmdCancel    = "ha-maintenance-cancel"
	cmdReset     = "ha-reset"
	cmdComplete  = "ha-sync-complete-notify"
	cmdDisable   = "dhcp-disable"
	cmdEnable    = "dhcp-enable"
	cmdUpdate4   = "lease4-update"
	cmdDelete4   = "lease4-del"
	cmdBulkApply = "lease6-bulk-apply"
	cmdPage4     = "lease4-get-page"
	cmdPage6     = "lease6-get-page"
	cmdBatch     = LeaseBatch
	cmdChanges   = LeaseChanges
	cmdShare     = PoolShare
	cmdGoodbye   = "leasehold-goodbye"
	leaveAtMost  = time.Second
)

// Pledges says whether a command tells the peer that everything applied so far
// is here to stay: it must not leave before that is durable.
func (c *Command) Pledges() bool { return c.Name == cmdComplete }

// Handles says whether a command belongs to the machine: the engine finds the
// machine by server-name and hands it the request as OnCommand. ha-sync is
// found by the name of the peer to pull from in the same way.
func Handles(command string) bool {
	switch command {
	case cmdHeartbeat, cmdSync, cmdScopes, cmdContinue, cmdStart, cmdNotify,
		cmdCancel, cmdReset, cmdComplete, cmdGoodbye, cmdShare:
		return true
	}
	return false
}

// Bulky says whether the answer to a command may carry many leases.
func (c *Command) Bulky() bool {
	return c.Name == cmdPage4 || c.Name == cmdPage6 || c.Name == cmdChanges
}

// command answers an ha-* command, at once or later.
func (m *Machine) command(ev *Event) {
	r := &ev.Request
	switch r.Name {
	case cmdHeartbeat:
		h := m.heartbeatReply()
		if m.other != nil && r.Server == m.other.Name {
			m.replied[0], m.replied[1] = m.replied[1], h.Heartbeat.Stream.Sent
			m.asking = 0
		}
		m.answer(ev.Token, h)
		m.heard(r)
	case cmdScopes:
		m.scopesCommand(ev)
	case cmdContinue:
		m.continueCommand(ev)
	case cmdReset:
		m.resetCommand(ev)
	case cmdComplete:
		m.completeCommand(ev)
	case cmdSync:
		m.syncCommand(ev)
	case cmdStart:
		m.startCommand(ev)
	case cmdCancel:
		m.cancelCommand(ev)
	case cmdNotify:
		m.notifyCommand(ev)
	case cmdGoodbye:
		m.goodbyeCommand(ev)
	case cmdShare:
		m.shareCommand(ev)
	default:
		m.refuse(ev.Token, resultUnsupported, "'"+r.Name+"' command not supported.")
	}
}

func (m *Machine) answer(token uint64, r *Reply) {
	if token != 0 {
		m.do(Action{Do: DoAnswer, Token: token, Reply: r})
	}
}

func (m *Machine) grant(token uint64, text string) { m.answer(token, &Reply{Text: text}) }

func (m *Machine) refuse(token uint64, result int, text string) {
	m.answer(token, &Reply{Result: result, Text: text})
}

func (m *Machine) heartbeatReply() *Reply {
	h := &Heartbeat{State: m.state, Time: m.wall, Scopes: m.Scopes(nil), Unsent: m.unsent, Features: m.Extensions.Features, Digest: m.Digest}
	h.Features.Healed = m.healed()
	if h.Features.Stream && m.own.Epoch != 0 {
		h.Stream = m.stream(m.own)
	}
	if h.Features.Demand {
		h.Shares = m.Shares
	}
	return &Reply{Text: "HA peer status returned.", Heartbeat: h}
}

func (m *Machine) scopesCommand(ev *Event) {
	if name, ok := m.serveNamed(ev.Request.Scopes); !ok {
		m.refuse(ev.Token, resultError, "invalid server name specified '"+name+"' while enabling/disabling HA scopes")
		return
	}
	m.do(Action{Do: DoServe, Scopes: m.Scopes(nil)})
	m.grant(ev.Token, "New HA scopes configured.")
}

func (m *Machine) continueCommand(ev *Event) {
	if !m.paused {
		m.grant(ev.Token, "HA state machine is not paused.")
		return
	}
	m.paused = false
	m.grant(ev.Token, "HA state machine continues.")
	m.run()
}

func (m *Machine) resetCommand(ev *Event) {
	if m.state == Waiting {
		m.grant(ev.Token, "HA state machine already in WAITING state.")
		return
	}
	m.become(Waiting, "ha-reset")
	m.grant(ev.Token, "HA state machine reset.")
	m.run()
}

// completeCommand: the partner has pulled our leases.
func (m *Machine) completeCommand(ev *Event) {
	r := &ev.Request
	if r.Point.Epoch != 0 && r.Point.Epoch == m.own.Epoch {
		m.missing.known(r.Point.Seq)
		m.backlog.drop(r.Point.Seq, m.underWay())
		m.told = r.Own
	} else if r.Point.Epoch == 0 && !m.Ours() {
		// Our service was off until now. One of us that took pages only does
		// not know what was deleted, and will follow the stream yet.
		m.missing.known(m.own.Seq)
	}
	if m.state == PartnerDown && r.Point.Epoch == 0 && m.beats() {
		m.notified = m.now
		m.service(false)
		m.beatSoon(2 * handOver)
	} else if !m.Ours() {
		m.hasten(2 * handOver) // it turns ready when it has our answer
	}
	if r.HasOrigin {
		m.lift(r.Origin)
	} else {
		// A partner that names no origin has disabled 2000 (2.2) or 2001
		// (what 2.5.5 to 3.3 lift then): both, or we stay silent for max-period.
		m.lift(RemoteOrigin)
		m.lift(RemoteOrigin + 1)
		if m.rel.Index > 1 {
			m.lift(RemoteOrigin + uint32(m.rel.Index))
		}
	}
	m.grant(ev.Token, "Server successfully notified about the synchronization completion.")
}

func (m *Machine) lift(origin uint32) {
	m.do(Action{Do: DoService, Origin: origin, On: true})
}

func (m *Machine) syncCommand(ev *Event) {
	r := &ev.Request
	i := m.peerIndex(r.Server)
	switch {
	case i < 0:
		m.refuse(ev.Token, resultError, r.Server+" matches no configured 'server-name'")
	case i == m.index:
		m.refuse(ev.Token, resultError, "'"+r.Server+"' points to local server but should point to a partner")
	case m.asked != nil || m.pull != nil:
		m.refuse(ev.Token, resultError, "a lease database synchronization is in progress")
	default:
		m.asked = &pull{peer: &m.rel.Peers[i], asked: true, token: ev.Token, period: r.Period}
		if r.Period == 0 {
			// Kea disables without end then; an answer lost on the way would
			// silence the peer for good.
			m.asked.period = m.syncPeriod()
		}
		m.asked.merges = m.asked.peer == m.other && m.features().Stream
		m.beginPull(m.asked)
	}
}

func (m *Machine) startCommand(ev *Event) {
	switch {
	case m.other == nil && m.role != roleBackup:
		m.refuse(ev.Token, resultError, "there is no partner in the "+m.rel.Mode+" mode")
		return
	case m.tending != nil:
		m.refuse(ev.Token, resultError, "a maintenance command is in progress")
		return
	}
	switch m.state {
	case Backup, InMaintenance, PartnerInMaintenance, Terminated:
		m.refuse(ev.Token, resultError, "Unable to transition the server from the "+m.state.String()+
			" to partner-in-maintenance state.")
		return
	}
	if m.other == nil {
		m.refuse(ev.Token, resultError, "there is no partner")
		return
	}
	m.tend(ev, Command{Name: cmdNotify, State: m.state})
}

func (m *Machine) cancelCommand(ev *Event) {
	switch {
	case m.state != PartnerInMaintenance:
		m.refuse(ev.Token, resultError, "Unable to cancel maintenance request because the server is not in the partner-in-maintenance state.")
	case m.tending != nil:
		m.refuse(ev.Token, resultError, "a maintenance command is in progress")
	default:
		m.tend(ev, Command{Name: cmdNotify, Cancel: true, State: m.before()})
	}
}

func (m *Machine) tend(ev *Event, c Command) {
	m.tending = &request{token: ev.Token, kind: ev.Request.Name}
	m.series++
	f := m.flights.take(forMaintenance)
	f.command = c
	m.send(m.other, f.id, &f.command, requestTimeout, m.series)
}

// before returns the state to go back to after maintenance.
func (m *Machine) before() State {
	switch m.previous {
	case Unknown, InMaintenance, PartnerInMaintenance:
		return Waiting
	}
	return m.previous
}

func (m *Machine) maintenanceAnswered(a *Answer) {
	t := m.tending
	m.tending = nil
	if t == nil {
		return
	}
	if t.kind == cmdCancel {
		m.cancelAnswered(t, a)
		return
	}
	switch {
	case m.state == PartnerInMaintenance || m.state == InMaintenance || m.state == Terminated:
		m.refuse(t.token, resultError, "Unable to transition the server from the "+m.state.String()+
			" to partner-in-maintenance state.")
	case a.Err != nil || a.Result == resultError:
		if m.state != PartnerDown {
			m.partner.enter(Unavailable, m.now)
			m.become(PartnerDown, "ha-maintenance-start, and the partner is off")
		}
		m.serveAll() // even without auto-failover: the operator says so
		m.do(Action{Do: DoServe, Scopes: m.Scopes(nil)})
		m.log("info", "HA_MAINTENANCE_STARTED_IN_PARTNER_DOWN", "the partner is off, the server took over",
			"server", m.this.Name)
		m.grant(t.token, "Server is now in the partner-down state as its partner appears to be offline for maintenance.")
	case a.Result == resultOK:
		m.become(PartnerInMaintenance, "ha-maintenance-start")
		m.log("info", "HA_MAINTENANCE_STARTED", "the server took over for the maintenance of its partner",
			"server", m.this.Name, "partner", m.other.Name)
		m.grant(t.token, "Server is now in the partner-in-maintenance state and its partner is in-maintenance state. The partner can be now safely shut down.")
	default:
		m.refuse(t.token, resultError, "Unable to transition to the partner-in-maintenance state. The partner server responded with the following message to the maintenance request: "+a.Text+".")
	}
}

func (m *Machine) cancelAnswered(t *request, a *Answer) {
	switch {
	case !a.succeeded():
		if a.Err != nil {
			m.unavailable()
		}
		m.refuse(t.token, resultError, "Unable to cancel maintenance. The partner server responded with the following message to the maintenance request: "+a.Failure()+".")
	case m.state == PartnerInMaintenance:
		// No run of the machine: what is known of the partner is out of date
		// and would take us back.
		m.partner.enter(a.State, m.now)
		m.become(m.before(), "ha-maintenance-cancel")
		m.beatSoon(0)
		m.grant(t.token, "Server maintenance successfully canceled.")
	default:
		m.grant(t.token, "Server maintenance successfully canceled.")
	}
}

// notifyCommand: the partner takes over for our maintenance, or gives back.
func (m *Machine) notifyCommand(ev *Event) {
	r := &ev.Request
	if r.State != Unknown {
		m.partner.maintained = true
	}
	if r.Cancel {
		if m.state != InMaintenance {
			m.refuse(ev.Token, resultError, "Unable to cancel the maintenance for the server not in the in-maintenance state.")
			return
		}
		m.partner.enter(r.State, m.now)
		m.become(m.before(), "ha-maintenance-notify cancels")
		m.beatSoon(m.rel.HeartbeatDelay)
		m.early.announced = m.state // by our answer
		m.answer(ev.Token, &Reply{Text: "Server maintenance canceled.", State: m.state})
		return
	}
	switch m.state {
	case Backup, PartnerInMaintenance, Terminated:
		m.refuse(ev.Token, resultNotAllowed, "Unable to transition the server from the "+m.state.String()+
			" to in-maintenance state.")
		return
	case InMaintenance:
		// Kea: what was before is forgotten, a cancel leads to waiting.
		m.previous = Waiting
	default:
		m.become(InMaintenance, "ha-maintenance-notify")
		m.early.announced = m.state // by our answer
	}
	m.grant(ev.Token, "Server is in-maintenance state.")
}

// goodbyeCommand: the partner is about to end and has stopped to serve.
func (m *Machine) goodbyeCommand(ev *Event) {
	if m.other == nil || ev.Request.Server != m.other.Name {
		m.refuse(ev.Token, resultError, "no partner of that name")
		return
	}
	m.partner.gone = true
	m.partner.enter(Unavailable, m.now)
	m.beatSoon(m.rel.HeartbeatDelay)
	switch {
	case m.paused:
	case m.state == PartnerInMaintenance,
		m.rel.MaxUnacked == 0 && (m.state.normal() || m.state == CommunicationRecovery):
		m.become(PartnerDown, "partner said goodbye")
	}
	m.grant(ev.Token, "Goodbye.")
	m.run()
}

// leave stops the service, lets what is under way arrive, and says goodbye.
func (m *Machine) leave(token uint64) {
	handsOver := m.state.normal() || m.state == PartnerInMaintenance
	if !handsOver || m.other == nil || !m.features().Goodbye || m.leaving != nil || m.partner.state == Unavailable {
		m.grant(token, "")
		return
	}
	m.leaving = &request{token: token, until: m.now.Add(leaveAtMost)}
	clear(m.served)
	m.do(Action{Do: DoServe})
	m.service(false)
}

func (m *Machine) leaveNow() {
	l := m.leaving
	switch {
	case l == nil || l.sent && m.now.Before(l.until):
	case l.sent:
		m.left()
	case m.oldest() == nil || !m.now.Before(l.until):
		l.sent, l.until = true, m.now.Add(leaveAtMost)
		f := m.flights.take(forGoodbye)
		f.command = Command{Name: cmdGoodbye}
		m.send(m.other, f.id, &f.command, leaveAtMost, 0)
	}
}

func (m *Machine) left() {
	if m.leaving == nil {
		return
	}
	token := m.leaving.token
	m.leaving = nil
	if m.state != InMaintenance {
		m.become(InMaintenance, "shutting down")
		m.early.announced = m.state // by the goodbye
	}
	m.beatSoon(m.rel.HeartbeatDelay)
	m.grant(token, "")
}
