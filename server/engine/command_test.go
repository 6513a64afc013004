package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

var midnight = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// commandEngine serves one subnet; its journal goes where the test takes it.
func commandEngine(t testing.TB) *Engine {
	t.Helper()
	c, err := config.Parse("test", []byte(`{ "Dhcp4": { "interfaces-config": { "interfaces": [ ] },
		"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8", "pools": [ { "pool": "10.0.0.0/16" } ] } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c.V4, lease.NewStore(4, 1), Options{Now: midnight})
}

func received(t testing.TB, name, args string) *CommandReceived {
	t.Helper()
	c := &CommandReceived{ID: 1, Name: name}
	if args != "" {
		v, _, err := config.ParseValue("<wire>", []byte(args), false)
		if err != nil {
			t.Fatal(err)
		}
		c.Arguments = v
	}
	return c
}

func step(e *Engine, in ...Input) *Effects {
	fx := &Effects{}
	e.Step(midnight, in, fx)
	return fx
}

const anyLease = `{"ip-address":"10.0.0.1","hw-address":"02:00:00:00:00:01"}`

func TestChangedLeasesAreAnsweredWhenTheyAreDurable(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		result int
		text   string
	}{
		{"stored", nil, Success, "Lease for address 10.0.0.1, subnet-id 1 added."},
		{"disk full", errors.New("no space left on device"), Failure, "store the change of leases: no space left on device"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := commandEngine(t)
			if fx := step(e, received(t, "lease4-add", anyLease)); len(fx.Answers) != 0 || !fx.Waiting || fx.Behind != 1 {
				t.Fatalf("answered %v before the disk, which is %d changes behind", fx.Answers, fx.Behind)
			}
			fx := step(e, TakeJournal{})
			if len(fx.Journal) != 1 {
				t.Fatalf("journal has %d changes", len(fx.Journal))
			}
			fx = step(e, Appended{Seq: fx.Journal[0].Seq, Err: tt.err})
			if len(fx.Answers) != 1 || fx.Answers[0].Answer.Result != tt.result || fx.Answers[0].Answer.Text != tt.text {
				t.Errorf("answers %+v", fx.Answers)
			}
			if fx.Behind != 0 {
				t.Errorf("the disk has answered and is %d changes behind", fx.Behind)
			}
		})
	}
}

func TestRefusedChangesDoNotWait(t *testing.T) {
	e := commandEngine(t)
	fx := step(e, received(t, "lease4-del", `{"ip-address":"10.0.0.1"}`))
	if len(fx.Answers) != 1 || fx.Answers[0].Answer.Result != Empty || fx.Waiting {
		t.Errorf("answers %+v", fx.Answers)
	}
}

// fill stores leases of the first addresses.
func fill(e *Engine, n int) {
	for i := range n {
		e.store.Put(lease.Lease{
			Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), SubnetID: 1,
			HWAddr: fmt.Sprintf("%06d", i), HWType: 1, Valid: 3600, CLTT: midnight.Unix(),
		})
	}
	step(e, Reconfigured{Family: e.cfg})
	for e.swap != nil {
		step(e, Tick{})
	}
}

func TestLongAnswersComeInTurns(t *testing.T) {
	const n = 3*leaseTurn + 7
	for _, tt := range []struct{ name, args, text string }{
		{"lease4-get-all", "", fmt.Sprintf("%d IPv4 lease(s) found.", n)},
		{"lease4-get-all", `{"subnets":[1]}`, fmt.Sprintf("%d IPv4 lease(s) found.", n)},
		{"lease4-get-page", `{"from":"start","limit":1000}`, "1000 IPv4 lease(s) found."},
		{"lease4-get-by-state", `{"state":0}`, fmt.Sprintf("%d IPv4 lease(s) found with state default (0).", n)},
		{"lease4-wipe", `{"subnet-id":1}`, fmt.Sprintf("Deleted %d IPv4 lease(s) from subnet(s) 1", n)},
	} {
		t.Run(tt.name+tt.args, func(t *testing.T) {
			e := commandEngine(t)
			e.diskless = true
			fill(e, n)
			c := received(t, tt.name, tt.args)
			turns, leases := 0, 0
			var a Answer
			for {
				a = step(e, c).Answers[0].Answer
				turns++
				leases += len(a.Leases)
				if len(a.Leases) > leaseTurn {
					t.Fatalf("one turn gave %d leases", len(a.Leases))
				}
				if a.Next == nil {
					break
				}
				c.Next = a.Next
			}
			if a.Text != tt.text || turns < 2 {
				t.Errorf("after %d turns: %s", turns, a.Text)
			}
			if a.List && !strings.HasPrefix(a.Text, fmt.Sprint(leases)+" ") {
				t.Errorf("%d leases, but %s", leases, a.Text)
			}
		})
	}
}

// A lookup goes to what it looks for: however many leases there are beside it,
// the first turn has it all.
func TestLookupsDoNotScan(t *testing.T) {
	e := commandEngine(t)
	e.diskless = true
	fill(e, 20*leaseTurn)
	few := lease.Lease{Addr: netip.MustParseAddr("10.200.0.0"), SubnetID: 7, HWAddr: "few", HWType: 1, ClientID: "\x01few", Hostname: "few", Valid: 3600,
		CLTT: midnight.Unix(), State: lease.Declined}
	for range 3 {
		few.Addr = few.Addr.Next()
		e.store.Put(few)
	}
	for _, tt := range []struct {
		name, args string
		found      int
	}{
		{"lease4-get-by-hw-address", `{"hw-address":"66:65:77"}`, 3},
		{"lease4-get-by-client-id", `{"client-id":"01:66:65:77"}`, 3},
		{"lease4-get-by-hostname", `{"hostname":"few"}`, 3},
		{"lease4-get-by-state", `{"state":"declined"}`, 3},
		{"lease4-get-by-state", `{"state":"declined","subnet-id":7}`, 3},
		{"lease4-get-by-state", `{"state":"default","subnet-id":7}`, 0},
		{"lease4-get-all", `{"subnets":[7,8]}`, 3},
		{"lease4-wipe", `{"subnet-id":7}`, 0},
		{"lease4-get-all", `{"subnets":[7]}`, 0},
	} {
		a := step(e, received(t, tt.name, tt.args)).Answers[0].Answer
		if a.Next != nil || len(a.Leases) != tt.found {
			t.Errorf("%s %s: %d leases, want %d; more to come: %t", tt.name, tt.args, len(a.Leases), tt.found, a.Next != nil)
		}
	}
	if n := e.store.Len(); n != 20*leaseTurn {
		t.Errorf("%d leases are left", n)
	}
}

func statistic(e *Engine, name string) int64 {
	r, ok := e.findStat(name)
	if !ok {
		return -1
	}
	return r.c.value
}

func TestCommandsCountLeases(t *testing.T) {
	const assigned, declined = "subnet[1].assigned-addresses", "subnet[1].declined-addresses"
	e := commandEngine(t)
	e.diskless = true
	for i, tt := range []struct {
		name, args         string
		assigned, declined int64
	}{
		{"lease4-add", anyLease, 1, 0},
		{"lease4-update", `{"ip-address":"10.0.0.1","hw-address":"02:00:00:00:00:01","state":1}`, 1, 1},
		{"lease4-update", `{"ip-address":"10.0.0.1","hw-address":"02:00:00:00:00:01","state":2}`, 0, 0},
		{"lease4-update", anyLease, 1, 0},
		{"lease4-update", `{"ip-address":"10.0.0.2","hw-address":"02:00:00:00:00:02","force-create":true}`, 2, 0},
		{"lease4-del", `{"ip-address":"10.0.0.2"}`, 1, 0},
		{"lease4-wipe", `{}`, 0, 0},
	} {
		step(e, received(t, tt.name, tt.args))
		if a, d := statistic(e, assigned), statistic(e, declined); a != tt.assigned || d != tt.declined {
			t.Errorf("step %d, %s: %d assigned, %d declined", i, tt.name, a, d)
		}
	}
}

func TestAddedLeasesAreTakenFromTheirPool(t *testing.T) {
	e := commandEngine(t)
	e.diskless = true
	p := e.ordered[0].pools[0]
	before := p.free.Len()
	step(e, received(t, "lease4-add", anyLease))
	if p.free.Len() != before-1 {
		t.Error("the address can still be given to somebody else")
	}
	step(e, received(t, "lease4-del", `{"ip-address":"10.0.0.1"}`))
	if p.free.Len() != before {
		t.Error("the address did not return to its pool")
	}
}

func TestSamplesAreLimited(t *testing.T) {
	e := commandEngine(t)
	c := &e.stats.global[Pkt4Received]
	samples := func() (values []int64) {
		c.each(e.stats, func(s sample) { values = append(values, s.value) })
		return values
	}
	for range 30 {
		c.add(e.stats, 1)
	}
	if got := samples(); len(got) != 20 || got[0] != 30 || got[19] != 11 {
		t.Errorf("default: %v", got)
	}
	step(e, received(t, "statistic-sample-count-set", `{"name":"pkt4-received","max-samples":3}`))
	if got := samples(); len(got) != 3 || got[0] != 30 || got[2] != 28 {
		t.Errorf("restricted: %v", got)
	}
	c.add(e.stats, 1)
	if got := samples(); len(got) != 3 || got[0] != 31 || got[2] != 29 {
		t.Errorf("restricted and counted: %v", got)
	}
	step(e, received(t, "statistic-sample-age-set", `{"name":"pkt4-received","duration":10}`))
	e.stats.now += 60e6
	c.add(e.stats, 1)
	if got := samples(); len(got) != 1 || got[0] != 32 {
		t.Errorf("aged: %v", got)
	}
}

func TestStatisticsSurviveReconfiguration(t *testing.T) {
	e := commandEngine(t)
	e.diskless = true
	e.stats.count(Pkt4Received)
	step(e, received(t, "lease4-add", anyLease))
	e.countScoped(NoStat, scCumulative, e.ordered[0], e.ordered[0].pools[0], 5)
	fx := step(e, Reconfigured{ID: 9, Family: e.cfg})
	if len(fx.Answers) != 1 || fx.Answers[0].ID != 9 {
		t.Errorf("answers %+v", fx.Answers)
	}
	for name, want := range map[string]int64{
		"pkt4-received": 1, "subnet[1].assigned-addresses": 1, "subnet[1].pool[0].assigned-addresses": 1,
		"subnet[1].cumulative-assigned-addresses": 5, "subnet[1].pool[0].cumulative-assigned-addresses": 5,
	} {
		if got := statistic(e, name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}

func TestEditsLeaveTheIterativeAllocatorWhereItIs(t *testing.T) {
	for _, tt := range []struct {
		edited bool
		want   string
	}{{true, "192.0.2.11"}, {false, "192.0.2.10"}} {
		p := &pool{Pool: &config.Pool{First: netip.MustParseAddr("192.0.2.10"), Last: netip.MustParseAddr("192.0.2.20")}}
		p.next = 1
		old := &subnet{pools: []*pool{p}}
		fresh := &subnet{pools: []*pool{newPool(new(config.Family), p.Pool, nil)}}
		if tt.edited {
			fresh.keepTurns(old)
		}
		if got := fresh.pools[0].addr(fresh.pools[0].next).String(); got != tt.want {
			t.Errorf("edited %v: goes on at %s, want %s", tt.edited, got, tt.want)
		}
	}
}
