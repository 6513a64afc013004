package ha

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"leasehold/lease"
)

// TestReconfigureKeepsTheState: parameters change under a running pair, the
// servers of the pair do not.
func TestReconfigureKeepsTheState(t *testing.T) {
	m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
	next := testRelationship("hot-standby", "a")
	next.MaxResponse = time.Second
	if !m.Reconfigure(next) || m.State() != HotStandby || m.rel != next || m.this != next.This() {
		t.Error("a new time limit is no reason to start over")
	}
	if m.Reconfigure(testRelationship("load-balancing", "a")) || m.Reconfigure(testRelationship("hot-standby", "b")) {
		t.Error("another mode, or another server, is")
	}
}

func TestFindByAnyPeerName(t *testing.T) {
	hub := testRelationship("hot-standby", "a")
	other := testRelationship("hot-standby", "a")
	other.Peers[0].Name, other.Peers[1].Name, other.ThisServer = "hub2", "c", "hub2"
	machines := []*Machine{New(hub, 4, time.Time{}), New(other, 4, time.Time{})}
	for name, want := range map[string]*Machine{"": machines[0], "b": machines[0], "c": machines[1], "hub2": machines[1], "x": nil} {
		if Find(machines, name) != want {
			t.Errorf("%q", name)
		}
	}
}

// TestLateAndRepeatedAnswersAreNothing: an answer counts once, for the command
// that it answers.
func TestLateAndRepeatedAnswersAreNothing(t *testing.T) {
	m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
	out := m.Step(m.now, &Event{On: OnCommitted, Token: 7, Changes: []lease.Change{testLease4()}}, nil)
	id := sentID(out, cmdUpdate4)
	ok := Event{On: OnAnswer, ID: id, Answer: Answer{Result: resultOK}}
	if out = m.Step(m.now, &ok, nil); count(out, DoRelease) != 1 {
		t.Errorf("%d releases", count(out, DoRelease))
	}
	failed := Event{On: OnAnswer, ID: id, Answer: Answer{Err: errors.New("timeout")}}
	for _, ev := range []Event{ok, failed, {On: OnAnswer, ID: 12345}, {On: OnAnswer, ID: 1 << 40}} {
		if out = m.Step(m.now, &ev, nil); count(out, DoRelease)+count(out, DoDrop) > 0 || m.partner.state != HotStandby {
			t.Errorf("answer %d had an effect", ev.ID)
		}
	}
}

// TestDeletedAndNewLease: two commands for one exchange, both awaited (v4).
func TestDeletedAndNewLease(t *testing.T) {
	m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
	old := testLease4()
	old.Delete, old.Lease.Addr = true, old.Lease.Addr.Next()
	out := m.Step(m.now, &Event{On: OnCommitted, Token: 7, Changes: []lease.Change{old, testLease4()}}, nil)
	del, upd := sentID(out, cmdDelete4), sentID(out, cmdUpdate4)
	if del == 0 || upd == 0 {
		t.Fatal("one command for each lease")
	}
	if out = m.Step(m.now, &Event{On: OnAnswer, ID: del, Answer: Answer{Result: resultEmpty}}, nil); count(out, DoRelease) != 0 {
		t.Error("released after the first answer")
	}
	if out = m.Step(m.now, &Event{On: OnAnswer, ID: upd, Answer: Answer{Result: resultOK}}, nil); count(out, DoRelease) != 1 {
		t.Error("not released after both")
	}
}

// TestRefusedBatchIsSplit: a bad lease costs the others nothing.
func TestRefusedBatchIsSplit(t *testing.T) {
	m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
	m.family = 6
	var sends []Action
	step := func(ev *Event) []Action {
		out := m.Step(m.now, ev, nil)
		for _, a := range out {
			if a.Do == DoSend && strings.HasPrefix(a.Command.Name, "lease6") {
				sends = append(sends, a)
			}
		}
		return out
	}
	addr := testLease6().Lease.Addr
	for i := range 7 { // four under way, three wait and are sent together
		c := testLease6()
		c.Lease.Addr, addr = addr, addr.Next()
		step(&Event{On: OnCommitted, Token: uint64(i + 1), Changes: []lease.Change{c}})
	}
	if len(sends) != maxFlights {
		t.Fatalf("%d under way", len(sends))
	}
	step(&Event{On: OnAnswer, ID: sends[0].ID, Answer: Answer{Result: resultOK}})
	if len(sends) != 5 || len(sends[4].Command.Changes) != 3 {
		t.Fatalf("what waited was not gathered: %d sends", len(sends))
	}
	released, dropped := 0, 0
	tally := func(out []Action) {
		released += count(out, DoRelease)
		dropped += count(out, DoDrop)
	}
	tally(step(&Event{On: OnAnswer, ID: sends[4].ID, Answer: Answer{Result: resultError, Text: "unknown subnet"}}))
	if released+dropped != 0 {
		t.Fatal("a refused batch decides nothing")
	}
	for i := 1; i < len(sends); i++ {
		if i == 4 {
			continue
		}
		a := Answer{Result: resultOK}
		if sends[i].Command.Changes[0].Lease.Addr == addr.Prev() {
			a = Answer{Result: resultError, Text: "unknown subnet"}
		}
		tally(step(&Event{On: OnAnswer, ID: sends[i].ID, Answer: a}))
	}
	if released != 5 || dropped != 1 {
		t.Errorf("%d released, %d dropped", released, dropped)
	}
}

func sentID(out []Action, command string) uint64 {
	for _, a := range out {
		if a.Do == DoSend && a.Command.Name == command {
			return a.ID
		}
	}
	return 0
}

func count(out []Action, do Do) (n int) {
	for _, a := range out {
		if a.Do == do {
			n++
		}
	}
	return n
}

// TestSwitchesByOrigin: each origin has its own switch and its own time.
func TestSwitchesByOrigin(t *testing.T) {
	var s Switches
	now := time.Unix(1000, 0)
	s.Disable(UserOrigin, now, 0)
	s.Disable(RemoteOrigin, now, 60*time.Second)
	s.Disable(RemoteOrigin, now.Add(30*time.Second), 60*time.Second) // starts anew
	s.Enable(LocalOrigin)                                            // never off: a success
	if s.On() || !s.Next().Equal(now.Add(90*time.Second)) {
		t.Error(s.off)
	}
	s.Enable(UserOrigin)
	s.Expire(now.Add(89 * time.Second))
	if s.On() {
		t.Error("on too early")
	}
	s.Expire(now.Add(90 * time.Second))
	if !s.On() || !s.Next().IsZero() {
		t.Error("still off")
	}
	for i := range uint32(2 * maxSwitches) {
		s.Disable(5000+i, now, 0)
	}
	if len(s.off) != maxSwitches {
		t.Errorf("%d origins are remembered", len(s.off))
	}
}

// A pair that was terminated for longer than a waiting server waits for a
// terminated partner heals nevertheless: the wait begins with the waiting.
func TestLongTerminatedPairHeals(t *testing.T) {
	p := &pairTest{t: t, now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	p.begin = p.now
	for _, line := range []string{
		"mode hot-standby", "start a", "start b", "run 30s",
		"set b skew=5m", "run 20m", "set b skew=0s", "run 1m",
	} {
		p.script("%s", line)
	}
	for _, name := range []string{"a", "b"} {
		if s := p.nodes[name].m.State(); s != HotStandby {
			t.Errorf("%s is %s", name, s)
		}
	}
}

// Servers that both lost their point in each other's stream copy each other
// once, not for ever.
func TestFullCopiesComeToAnEnd(t *testing.T) {
	p := &pairTest{t: t, now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	p.begin = p.now
	p.script("mode hot-standby unacked=0")
	p.script("start a")
	p.script("start b")
	p.script("run 30s")
	p.script("lease a 192.0.2.10")
	p.script("run 1s")
	for _, name := range []string{"a", "b"} {
		p.script("kill %s", name)
		p.nodes[name].point = Point{}
		p.script("run 30s")
		p.script("start %s", name)
		p.script("run 1m")
	}
	p.out.Reset()
	p.script("run 5m")
	if strings.Contains(p.out.String(), "get-page") {
		t.Errorf("still copying:\n%s", p.out.String())
	}
}

// TestBacklogLeavesOutWhatThePartnerHasRead: later changes of the same addresses
// may not have fitted in; the partner knows them from the stream, and is not to
// be told of older ones.
func TestBacklogLeavesOutWhatThePartnerHasRead(t *testing.T) {
	for _, underWay := range []int{0, 1} {
		m := machineIn("load-balancing", roleSecondary, CommunicationRecovery, Syncing, "fresh")
		m.partner.features = DefaultExtensions.Features
		m.own = Stream{Epoch: 7, Seq: 12}
		m.backlog.limit = 3
		m.backlog.push([]lease.Change{{Seq: 3}, {Seq: 5}, {Seq: 9}})
		if m.backlog.sent = underWay; underWay > 0 {
			m.backjob = flushJob
		}
		m.paused = true
		m.Step(m.now, &Event{On: OnCommand, Token: 1, Stream: m.own, Request: Request{Name: cmdComplete, Server: "a", Point: Point{Epoch: 7, Seq: 5}}}, nil)
		var left []uint64
		for _, c := range m.backlog.changes {
			left = append(left, c.Seq)
		}
		if want := [][]uint64{{9}, {3, 9}}[underWay]; !slices.Equal(left, want) {
			t.Errorf("with %d under way %d are left, not %d", underWay, left, want)
		}
	}
}
