package ha

import (
	"errors"
	"strings"
	"testing"
	"time"

	"leasehold/lease"
)

// TestEveryStateAnswersHeartbeats: at once, with the state, the time as Kea
// reads it, the scopes and the count of unsent updates.
func TestEveryStateAnswersHeartbeats(t *testing.T) {
	for _, mode := range []string{"load-balancing", "hot-standby", "passive-backup"} {
		for _, role := range []string{rolePrimary, roleSecondary, roleStandby, roleBackup} {
			second := map[string]string{"load-balancing": roleSecondary, "hot-standby": roleStandby}[mode]
			if role != rolePrimary && role != roleBackup && role != second {
				continue
			}
			for own := Waiting; own <= Terminated; own++ {
				if !reachable(mode, role, own) {
					continue
				}
				m := machineIn(mode, role, own, Unknown, "fresh")
				var reply string
				for _, a := range m.Step(m.now, &Event{On: OnCommand, Token: 7, Request: Request{Name: cmdHeartbeat}, Wall: m.now}, nil) {
					if a.Do == DoAnswer && a.Token == 7 {
						reply = string(a.Reply.Append(nil))
					}
				}
				for _, want := range []string{`"result": 0`, `"state": "` + own.String() + `"`, `"scopes": [`, `"unsent-update-count": 0`,
					`"date-time": "` + m.now.UTC().Format("Mon, 02 Jan 2006 15:04:05") + ` GMT"`} {
					if !strings.Contains(reply, want) {
						t.Errorf("%s %s in %s: %q lacks %s", mode, role, own, reply, want)
					}
				}
			}
		}
	}
}

// TestHeartbeatIsAnsweredWhilePulling: a partner that asks while this server
// copies its leases is not kept waiting for the next page.
func TestHeartbeatIsAnsweredWhilePulling(t *testing.T) {
	m := machineIn("hot-standby", roleStandby, Syncing, PartnerDown, "fresh")
	m.Step(m.now, &Event{On: OnTick}, nil)
	if m.startPull(); m.pull == nil {
		t.Fatal("no pull is under way")
	}
	for _, a := range m.Step(m.now.Add(time.Second), &Event{On: OnCommand, Token: 7, Request: Request{Name: cmdHeartbeat}}, nil) {
		if a.Do == DoAnswer && a.Token == 7 {
			return
		}
	}
	t.Error("no answer")
}

// TestHeartbeatsComeEarly: what a server hears of its partner, and what it is
// itself, need not wait for the next heartbeat.
func TestHeartbeatsComeEarly(t *testing.T) {
	ours := DefaultExtensions.Features
	from := func(state State) *Event {
		return &Event{On: OnCommand, Token: 7, Request: Request{Name: cmdHeartbeat, Server: "a", State: state}}
	}
	complete := &Event{On: OnCommand, Token: 7, Request: Request{Name: cmdComplete, Server: "a"}}
	reset := &Event{On: OnCommand, Token: 7, Request: Request{Name: cmdReset}}
	for _, test := range []struct {
		name     string
		own      State
		partner  State
		features Features
		replied  State
		event    *Event
		in       time.Duration // until the next heartbeat; -1: it is the usual one
	}{
		{"a partner that was given up asks", PartnerDown, Unavailable, ours, PartnerDown, from(Waiting), 0},
		{"a Kea that was given up asks", PartnerDown, Unavailable, Features{}, PartnerDown, from(Unknown), 0},
		{"the partner has another state", PartnerDown, Syncing, ours, PartnerDown, from(Ready), 0},
		{"the partner has the state that is known", PartnerDown, Syncing, ours, PartnerDown, from(Syncing), -1},
		{"a Kea is told that we are ready", Ready, PartnerDown, Features{}, Waiting, from(Unknown), handOver},
		{"a Kea was told before", Ready, PartnerDown, Features{}, Ready, from(Unknown), -1},
		{"a Kea has our leases", Ready, Syncing, Features{}, Ready, complete, 2 * handOver},
		{"our state changes", PartnerDown, Ready, ours, PartnerDown, reset, 0},
		{"our state changes, and nobody hears it", PartnerDown, Unavailable, ours, PartnerDown, reset, -1},
	} {
		m := machineIn("hot-standby", roleStandby, test.own, test.partner, "fresh")
		m.rel.SyncLeases = false
		m.partner.features, m.early = test.features, early{announced: test.own, replied: test.replied}
		m.beatAt = m.now.Add(m.rel.HeartbeatDelay)
		m.paused = test.event != reset
		sent := false
		for _, a := range m.Step(m.now, test.event, nil) {
			sent = sent || a.Do == DoSend && a.Command.Name == cmdHeartbeat
		}
		in := m.beatAt.Sub(m.now)
		switch {
		case sent:
			in = 0
		case in == m.rel.HeartbeatDelay:
			in = -1
		}
		if in != test.in {
			t.Errorf("%s: next heartbeat in %v, not in %v", test.name, in, test.in)
		}
	}
}

// TestEndOfConnectionUnderAnUpdate: a partner whose process ends while it has an
// update is asked at once, in every state that sends updates.
func TestEndOfConnectionUnderAnUpdate(t *testing.T) {
	for mode, state := range map[string]State{"hot-standby": HotStandby, "load-balancing": LoadBalancing} {
		m := machineIn(mode, rolePrimary, state, state, "fresh")
		m.rel.HeartbeatDelay = time.Second
		m.partner.features, m.early = DefaultExtensions.Features, early{announced: state, replied: state}
		m.beatAt = m.now.Add(m.rel.HeartbeatDelay)
		out := m.Step(m.now, &Event{On: OnCommitted, Token: 7, Changes: []lease.Change{testLease4()}}, nil)
		out = m.Step(m.now, &Event{On: OnAnswer, ID: sentID(out, cmdUpdate4), Answer: Answer{Err: errors.New("EOF"), Ended: true}}, nil)
		if sentID(out, cmdHeartbeat) == 0 {
			t.Errorf("%s: in %v, no heartbeat, the next is in %v", mode, m.state, m.beatAt.Sub(m.now))
		}
	}
}

// TestEarlyHeartbeatsAreBounded: a partner whose state changes all the time, or
// that lies about it, does not make this server ask all the time.
func TestEarlyHeartbeatsAreBounded(t *testing.T) {
	m := machineIn("hot-standby", roleStandby, Ready, PartnerDown, "fresh")
	m.partner.features, m.early.announced = DefaultExtensions.Features, Ready
	m.beatAt = m.now.Add(m.rel.HeartbeatDelay)
	sent := 0
	begin := m.now
	for at := begin; at.Before(begin.Add(m.rel.HeartbeatDelay)); at = at.Add(time.Millisecond) {
		for _, a := range m.Step(at, &Event{On: OnCommand, Token: 7, Request: Request{Name: cmdHeartbeat, Server: "a", State: Waiting}}, nil) {
			if a.Do == DoSend && a.Command.Name == cmdHeartbeat {
				sent++
				if string(a.Command.Append(nil)) != `{ "arguments": { "server-name": "b", "state": "ready" }, "command": "ha-heartbeat", "service": [ "dhcp4" ] }` {
					t.Errorf("sent %s", a.Command.Append(nil))
				}
			}
		}
	}
	if sent != earlyBeats {
		t.Errorf("%d heartbeats within the time of one", sent)
	}
}
