package ha

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

const matrixFile = "../testdata/ha/transitions.txt"

// TestTransitionMatrix writes the protocol out: for every mode, role, own
// state, state of the partner and contact, where one run of the machine ends,
// what is served there, and whether the service is on. The clients' check is
// passed in "expired", failed in "expired, quiet". Every run must settle.
func TestTransitionMatrix(t *testing.T) {
	var out strings.Builder
	out.WriteString("# mode role own-state partner-state contact -> next-state scopes service job\n")
	for _, mode := range []string{"load-balancing", "hot-standby", "passive-backup"} {
		roles := map[string][]string{"load-balancing": {"primary", "secondary", "backup"}, "hot-standby": {"primary", "standby", "backup"},
			"passive-backup": {"primary", "backup"}}[mode]
		for _, role := range roles {
			for own := Waiting; own <= Terminated; own++ {
				if reachable(mode, role, own) {
					writeRows(t, &out, mode, role, own)
				}
			}
		}
	}
	if *rewrite {
		if err := os.WriteFile(matrixFile, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != out.String() {
		t.Errorf("the table of transitions changed:\n%s", lineDiff(string(want), out.String()))
	}
}

func reachable(mode, role string, own State) bool {
	switch own {
	case Waiting:
		return true
	case Backup:
		return role == roleBackup
	case PassiveBackup:
		return mode == modePassiveBackup && role == rolePrimary
	case LoadBalancing, CommunicationRecovery:
		return mode == modeLoadBalancing && role != roleBackup
	case HotStandby:
		return mode == "hot-standby" && role != roleBackup
	}
	return mode != modePassiveBackup && role != roleBackup
}

func writeRows(t *testing.T, out *strings.Builder, mode, role string, own State) {
	for partner := Unknown; partner <= Unavailable; partner++ {
		for _, contact := range []string{"fresh", "expired", "quiet"} {
			m := machineIn(mode, role, own, partner, contact)
			m.run()
			f := m.facts()
			again, j := f.next(m.state)
			if again != m.state {
				t.Errorf("%s %s %s %s %s does not settle: %s, then %s", mode, role, own, partner, contact, m.state, again)
			}
			scopes := strings.Join(m.Scopes(nil), ",")
			if scopes == "" {
				scopes = "-"
			}
			name := partner.String()
			if partner == Unknown {
				name = "unknown"
			}
			fmt.Fprintf(out, "%s %s %s %s %s -> %s %s %s %s\n", mode, role, own, name, contact, m.state, scopes,
				map[bool]string{true: "on", false: "off"}[m.state.serves()], [...]string{"-", "pull", "flush", "reset"}[j])
		}
	}
}

// machineIn builds a machine in the middle of its life.
func machineIn(mode, role string, own, partner State, contact string) *Machine {
	rel := testRelationship(mode, "a")
	switch role {
	case roleSecondary, roleStandby:
		rel.ThisServer = "b"
	case roleBackup:
		rel.Peers = append(rel.Peers, rel.Peers[1])
		rel.Peers[2].Name, rel.Peers[2].Role = "c", roleBackup
		rel.ThisServer = "c"
	}
	if mode == modeLoadBalancing {
		rel.DelayedUpdates = 100
	}
	start := time.Unix(1_000_000, 0)
	m := New(rel, 4, start)
	m.now, m.wall = start, start
	m.enter(own)
	m.now = start.Add(time.Hour)
	m.partner.contact = m.now
	m.partner.enter(partner, m.now)
	if contact != "fresh" {
		m.partner.contact = start
	}
	if contact == "expired" {
		m.partner.unacked = 11
	}
	return m
}

// TestEveryStateCanBeReset: ha-reset leads to waiting from any state, and the
// machine goes on from there.
func TestEveryStateCanBeReset(t *testing.T) {
	for own := Syncing; own <= Terminated; own++ {
		if !reachable("hot-standby", roleStandby, own) {
			continue
		}
		m := machineIn("hot-standby", roleStandby, own, Unknown, "fresh")
		m.Step(m.now, &Event{On: OnCommand, Token: 1, Request: Request{Name: cmdReset}}, nil)
		if m.state != Waiting {
			t.Errorf("%s: %s", own, m.state)
		}
	}
}

// TestGuards: skew and refusals terminate from every state
// that Kea checks, and from no other.
func TestGuards(t *testing.T) {
	for own := Waiting; own <= Terminated; own++ {
		if !reachable("hot-standby", rolePrimary, own) {
			continue
		}
		for _, f := range []facts{{primary: true, skewed: true, partner: Ready}, {primary: true, rejected: true, partner: Ready}} {
			next, _ := f.next(own)
			if want := own == InMaintenance; (next == Terminated) == want {
				t.Errorf("%s with skew %v, refusals %v: %s", own, f.skewed, f.rejected, next)
			}
		}
		f := facts{primary: true, partner: LoadBalancing}
		next, _ := f.next(own)
		switch own {
		case Waiting, Syncing, Ready, HotStandby, PartnerDown:
			if next != Waiting {
				t.Errorf("%s with a load-balancing partner: %s", own, next)
			}
		default:
			if next != own {
				t.Errorf("%s with a load-balancing partner: %s", own, next)
			}
		}
	}
}
