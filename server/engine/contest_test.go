package engine

import (
	"fmt"
	"net/netip"
	"testing"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
)

// pairedEngine is the standby of a pair.
func pairedEngine(t testing.TB) *Engine {
	t.Helper()
	c, err := config.Parse("test", []byte(`{ "Dhcp6": { "interfaces-config": { "interfaces": [ ] },
		"subnet6": [ { "id": 1, "subnet": "2001:db8::/32", "pools": [ { "pool": "2001:db8::/64" } ] } ],
		"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
			"this-server-name": "b", "mode": "hot-standby", "peers": [
				{ "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary" },
				{ "name": "b", "url": "http://192.0.2.2:8000/", "role": "standby" } ] } ] } } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	return New(c.V6, lease.NewStore(6, 1), Options{Now: midnight, DUID: []byte{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}})
}

// Kea sends the updates of a client that repeats itself in any order; what the
// client was given last stays.
func TestOvertakenUpdateChangesNothing(t *testing.T) {
	bulk := func(cltt int64, duid string, valid int) *CommandReceived {
		return received(t, "lease6-bulk-apply", fmt.Sprintf(`{ "deleted-leases": [ ], "leases": [ { "ip-address": "2001:db8::1", "type": "IA_NA",
			"iaid": 1, "duid": %q, "subnet-id": 1, "expire": %d, "preferred-lft": 100, "valid-lft": %d } ] }`, duid, cltt+int64(valid), valid))
	}
	now := midnight.Unix()
	const client, other = "00:03:00:01:02:00:00:00:00:0a", "00:03:00:01:02:00:00:00:00:0b"
	for _, tt := range []struct {
		name   string
		second *CommandReceived
		taken  bool
	}{
		{"one second older", bulk(now-1, client, 200), false},
		{"newer", bulk(now+1, client, 200), true},
		{"older than an update can be: a clock was set", bulk(now-60, client, 200), true},
		{"of another client", bulk(now-1, other, 200), true},
		{"with another lifetime", bulk(now-1, client, 300), true},
	} {
		e := pairedEngine(t)
		step(e, bulk(now, client, 200), tt.second)
		l, _ := e.store.Get(netip.MustParseAddr("2001:db8::1"))
		first := lease.Lease{CLTT: now, Valid: 200, ClientID: "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x0a"}
		if taken := l.CLTT != first.CLTT || l.Valid != first.Valid || l.ClientID != first.ClientID; taken != tt.taken {
			t.Errorf("%s: taken %t: %+v", tt.name, taken, l)
		}
	}
}

// Both servers gave an address away while they were parted: the later lease
// stays, and both clients are kept to be shown.
func TestAddressGivenByBothIsReported(t *testing.T) {
	for _, tt := range []struct {
		name     string
		theirs   int64 // seconds after ours
		client   byte
		reported bool
		kept     bool
	}{
		{"theirs is later", 5, 2, true, false},
		{"ours is later", -5, 2, true, true},
		{"the same client", 5, 1, false, false},
	} {
		e := pairedEngine(t)
		p := e.pairs[0]
		step(e, Tick{})
		given := func(cltt int64, client byte) lease.Lease {
			return lease.Lease{Addr: netip.MustParseAddr("2001:db8::1"), PrefixLen: 128, SubnetID: 1, IAID: 1, Valid: 3600, CLTT: cltt,
				ClientID: string([]byte{0, 3, 0, 1, 2, 0, 0, 0, 0, client})}
		}
		now := midnight.Unix()
		c := e.store.Put(given(now+10, 1))
		// The partner has never been heard of: it is not told.
		p.event.On, p.event.Changes = ha.OnCommitted, []lease.Change{c}
		e.fx = &Effects{}
		e.stepPair(p)
		e.applySync(p, &ha.Action{Changes: []lease.Change{{Lease: given(now+10+tt.theirs, tt.client)}}})
		list, total := p.machine.Conflicts(nil)
		if (total == 1) != tt.reported || len(list) != int(total) {
			t.Fatalf("%s: %d reported", tt.name, total)
		}
		if tt.reported && (list[0].Kept != tt.kept || list[0].Why != "given later" ||
			list[0].Ours.ClientID != "00:03:00:01:02:00:00:00:00:01" || list[0].Theirs.ClientID != "00:03:00:01:02:00:00:00:00:02") {
			t.Errorf("%s: %+v", tt.name, list[0])
		}
		if a := pairConflicts(e, nil); tt.reported != (a.Result == Success) || a.Arguments.Get("relationships") == nil {
			t.Errorf("%s: answers %d %s", tt.name, a.Result, a.Text)
		}
	}
}

// An address was given by both when two clients held it at a time, and neither
// server could know of the other's lease.
func TestWhatIsGivenByBoth(t *testing.T) {
	begun := midnight.Unix()
	given := func(client byte, at, valid int64) lease.Lease {
		return lease.Lease{Addr: netip.MustParseAddr("2001:db8::1"), PrefixLen: 128, SubnetID: 1, IAID: 1, Valid: uint32(valid), CLTT: begun + at,
			ClientID: string([]byte{0, 3, 0, 1, 2, 0, 0, 0, 0, client})}
	}
	released := func(client byte, at int64) lease.Lease {
		l := given(client, at, 0)
		l.State = lease.Released
		return l
	}
	reclaimed := given(1, 10, 60)
	reclaimed.State = lease.Reclaimed
	declined := given(2, 20, 600)
	declined.State, declined.ClientID = lease.Declined, "\x00\x00\x00"
	for _, tt := range []struct {
		name         string
		ours, theirs lease.Lease
		gone         bool // theirs was deleted
		news, known  bool
		want         bool
	}{
		{"both hold it", given(1, 10, 600), given(2, 20, 600), false, true, false, true},
		{"the same client", given(1, 10, 600), given(1, 20, 600), false, true, false, false},
		{"ours had expired", given(1, 10, 60), given(2, 80, 600), false, true, false, false},
		{"ours expired, and was held when theirs was given", reclaimed, given(2, 20, 600), false, true, false, true},
		{"ours was given back before", released(1, 10), given(2, 20, 600), false, true, false, false},
		{"ours was given back after", released(1, 30), given(2, 20, 600), false, true, false, true},
		{"theirs was given back after ours was given", given(1, 10, 600), released(2, 20), false, true, false, true},
		{"theirs is gone, and was given after ours", given(1, 10, 600), given(2, 20, 600), true, true, false, true},
		{"theirs is gone, nobody knows since when", given(1, 10, 600), given(2, 5, 600), true, true, false, false},
		{"theirs was declined", given(1, 10, 600), declined, false, true, false, false},
		{"theirs was given before we parted, and is news", given(1, 10, 600), given(2, -20, 600), false, true, false, true},
		{"theirs was given before we parted, in a full copy", given(1, 10, 600), given(2, -20, 600), false, false, false, false},
		{"theirs was known here, and ended", given(1, 10, 600), given(2, -20, 600), false, true, true, false},
		{"ours was known to the partner", given(1, -10, 600), given(2, 20, 600), false, true, false, false},
	} {
		e := pairedEngine(t)
		p := e.pairs[0]
		step(e, Tick{})
		if tt.known {
			e.store.Put(tt.theirs)
		}
		p.event.On, p.event.Changes = ha.OnCommitted, []lease.Change{e.store.Put(tt.ours)}
		e.fx = &Effects{}
		e.stepPair(p)
		e.contest(p, &tt.ours, &lease.Change{Lease: tt.theirs, Delete: tt.gone}, false, met{news: tt.news})
		list := e.report()
		if got := list[0].Total == 1; got != tt.want || e.contested != got {
			t.Errorf("%s: %t, to be kept: %t", tt.name, got, e.contested)
		}
		// What was reported is known after a restart.
		next := New(e.cfg, lease.NewStore(6, 2), Options{Now: midnight, DUID: e.duid, Reports: list})
		if again := next.report(); fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", list) {
			t.Errorf("%s: after a restart %+v", tt.name, again)
		}
	}
}
