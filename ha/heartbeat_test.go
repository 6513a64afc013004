package ha

import (
	"strings"
	"testing"
	"time"
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
