package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"leasehold/lease"
	"leasehold/server/wire"
)

// modelConfig are small worlds in which clients come in each other's way.
var modelConfigs = []string{
	`"valid-lifetime": 100, "cache-threshold": 0.25,
	"expired-leases-processing": {"hold-reclaimed-time": 120, "flush-reclaimed-timer-wait-time": 25, "reclaim-timer-wait-time": 10, "max-reclaim-leases": 2},
	"decline-probation-period": 60,
	"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.13"}, {"pool": "192.0.2.20 - 192.0.2.20"}],
	 "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.11"}, {"hw-address": "02:00:00:00:00:02", "ip-address": "192.0.2.99"}]}]`,
	`"valid-lifetime": 100, "min-valid-lifetime": 20, "max-valid-lifetime": 200, "offer-lifetime": 30, "authoritative": true,
	"expired-leases-processing": {"hold-reclaimed-time": 0, "reclaim-timer-wait-time": 30},
	"client-classes": [{"name": "odd", "test": "substring(pkt4.mac, 5, 1) == 0x01 or substring(pkt4.mac, 5, 1) == 0x03"}],
	"shared-networks": [{"name": "n", "interface": "eth0", "subnet4": [
	 {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.11", "client-class": "odd"}, {"pool": "192.0.2.12 - 192.0.2.13"}]},
	 {"id": 2, "subnet": "10.2.0.0/24", "allocator": "random", "match-client-id": false, "pools": [{"pool": "10.2.0.10 - 10.2.0.12"}],
	  "reservations": [{"hw-address": "02:00:00:00:00:03", "ip-address": "10.2.0.11", "hostname": "three"}]}]}]`,
	`"valid-lifetime": 100, "expired-leases-processing": {"reclaim-timer-wait-time": 0},
	"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "allocator": "flq", "reservations-out-of-pool": true, "pools": [{"pool": "192.0.2.10 - 192.0.2.12"}],
	 "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.50"}]}]`,
}

// hold is what a client was told that it has.
type hold struct {
	client string
	until  time.Time
}

// model is what clients believe, watched from outside of the server.
type model struct {
	t     *rapid.T
	w     *world
	held  map[netip.Addr]hold
	owes  map[*Query]time.Time        // asked when, and not answered or given back yet
	last  map[string]*Query           // what each client said last, but for DISCOVER
	paper map[netip.Addr]lease.Change // what is on disk
}

// step enters the engine and plays the disk, which may fail.
func (m *model) step(in ...Input) {
	w := m.w
	fx := &Effects{}
	for {
		fx.Reset()
		w.engine.Step(w.now, in, fx)
		for _, q := range fx.Responses {
			at, ok := m.owes[q]
			if !ok {
				m.t.Fatalf("a response to nobody: %x", q.Response)
			}
			delete(m.owes, q)
			m.answered(q, at)
		}
		for _, q := range fx.Done {
			if _, ok := m.owes[q]; !ok {
				m.t.Fatalf("a query was given back twice")
			}
			delete(m.owes, q)
		}
		switch {
		case len(fx.Journal) > 0:
			a := Appended{Seq: fx.Journal[len(fx.Journal)-1].Seq}
			if w.diskFail {
				a.Err = errors.New("no space left on device")
			} else {
				for _, c := range fx.Journal {
					m.paper[c.Lease.Addr] = c
				}
			}
			in = []Input{a}
		case fx.Waiting:
			in = []Input{TakeJournal{}}
		default:
			return
		}
	}
}

// asks notes what a client gives up by asking: what it releases or declines,
// and what it holds when it requests something else.
func (m *model) asks(q *Query) {
	wants := hint4(&q.M4)
	q.hw = q.M4.CHAddr()
	if q.M4.Type != wire.Discover4 {
		m.last[identity(q)] = q
	}
	for a, h := range m.held {
		if h.client == identity(q) && (a == wants) != (q.M4.Type == wire.Request4) && q.M4.Type != wire.Discover4 {
			delete(m.held, a)
		}
	}
}

// answered checks an answer as its client sees it, who counts the time from his
// asking on (RFC 2131 §4.4.1).
func (m *model) answered(q *Query, asked time.Time) {
	m.w.checkResponse(q)
	if q.sent != wire.Ack4 || q.M4.Type != wire.Request4 {
		return
	}
	a := netip.AddrFrom4([4]byte(q.Response[16:20]))
	client := identity(q)
	if m.last[client] != q {
		return // he has asked for something else since
	}
	if h, ok := m.held[a]; ok && h.client != client && m.w.now.Before(h.until) {
		m.t.Fatalf("%s is %s's until %s, and now acknowledged to %s", a, h.client, h.until.Sub(start), client)
	}
	var valid time.Duration
	opts, _ := scanOptions(q.Response[240:])
	for _, o := range opts {
		if o.code == 51 {
			valid = time.Duration(uint32(o.value[0])<<24|uint32(o.value[1])<<16|uint32(o.value[2])<<8|uint32(o.value[3])) * time.Second
		}
	}
	for b, h := range m.held {
		if h.client == client {
			delete(m.held, b) // one address for each client on a link
		}
	}
	m.held[a] = hold{client, asked.Add(valid)}
	// What was promised is on paper, and lasts as long as was promised.
	c, ok := m.paper[a]
	if !ok || c.Delete || c.Lease.HWAddr != string(q.hw) || c.Lease.Expires() < asked.Add(valid).Unix() {
		m.t.Fatalf("%s was acknowledged for %s, on disk is %+v", a, valid, c)
	}
}

// identity is who a client is: in these worlds its hardware address.
func identity(q *Query) string { return fmt.Sprintf("%x", q.hw) }

// TestModel lets random clients do random things.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.SampledFrom(modelConfigs).Draw(rt, "config")
		w := newWorld(t, scenarioDir)
		if err := w.do("config {" + text + "}"); err != nil {
			rt.Fatal(err)
		}
		w.t = rt
		w.store = lease.NewStore(4, 1)
		w.engine = New(w.family, w.store, Options{Now: w.now, Seed: rapid.Uint64().Draw(rt, "seed")})
		w.engine.turn = rapid.SampledFrom([]int{1, 2, swapTurn}).Draw(rt, "turn")
		m := &model{t: rt, w: w, held: map[netip.Addr]hold{}, last: map[string]*Query{}, owes: map[*Query]time.Time{}, paper: map[netip.Addr]lease.Change{}}
		client := rapid.IntRange(1, 6)
		addrs := rapid.SampledFrom([]string{"192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.20", "192.0.2.99", "192.0.2.50",
			"10.2.0.10", "10.2.0.11", "10.2.0.12", "10.2.0.99"})
		ask := func(format string, a ...any) {
			q := &Query{}
			var err error
			q.Data, q.Arrival, err = parseQuery(fmt.Sprintf(format, a...), w.ifaces["eth0"])
			if err != nil {
				rt.Fatal(err)
			}
			q.Decode4()
			m.owes[q] = w.now
			m.asks(q)
			m.step(q)
		}
		// Clients 1 to 4 have no identifier, the others always the same.
		who := func() string {
			c := client.Draw(rt, "client")
			if c > 4 {
				return fmt.Sprintf("xid=1 hw=02:00:00:00:00:0%d cid=01aa0%d", c, c)
			}
			return fmt.Sprintf("xid=1 hw=02:00:00:00:00:0%d", c)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"discover": func(*rapid.T) { ask("discover %s", who()) },
			"discover hint": func(rt *rapid.T) {
				ask("discover %s requested=%s", who(), addrs.Draw(rt, "addr"))
			},
			"select": func(rt *rapid.T) {
				ask("request %s requested=%s server=192.0.2.1", who(), addrs.Draw(rt, "addr"))
			},
			"select time": func(rt *rapid.T) {
				ask("request %s requested=%s server=192.0.2.1 lease=%d", who(), addrs.Draw(rt, "addr"), rapid.IntRange(1, 300).Draw(rt, "time"))
			},
			"reboot": func(rt *rapid.T) { ask("request %s requested=%s", who(), addrs.Draw(rt, "addr")) },
			"renew":  func(rt *rapid.T) { ask("request %s ciaddr=%s to=192.0.2.1", who(), addrs.Draw(rt, "addr")) },
			"rebind": func(rt *rapid.T) {
				ask("request %s ciaddr=%s to=255.255.255.255 host='n%d'", who(), addrs.Draw(rt, "addr"), client.Draw(rt, "name"))
			},
			"any": func(*rapid.T) { ask("request %s", who()) },
			"release": func(rt *rapid.T) {
				ask("release %s ciaddr=%s", who(), addrs.Draw(rt, "addr"))
			},
			"decline": func(rt *rapid.T) {
				ask("decline %s requested=%s", who(), addrs.Draw(rt, "addr"))
			},
			"wait": func(rt *rapid.T) {
				for range rapid.IntRange(1, 5).Draw(rt, "ticks") {
					w.now = w.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second)
					m.step(Tick{})
				}
			},
			"disk":     func(rt *rapid.T) { w.diskFail = rapid.Bool().Draw(rt, "fails") },
			"reconfig": func(*rapid.T) { m.step(Reconfigured{Family: w.family}) },
			"": func(rt *rapid.T) {
				if w.diskFail {
					return
				}
				// A disk that works is written to within a second, and then
				// nobody waits and the paper says what the index says.
				w.now = w.now.Add(time.Second)
				m.step(Tick{})
				if len(m.owes) > 0 {
					rt.Fatalf("%d queries are neither answered nor given back", len(m.owes))
				}
				w.checkState()
				w.store.Each(func(l *lease.Lease) bool {
					if c, ok := m.paper[l.Addr]; !ok || c.Delete || c.Lease != *l {
						rt.Errorf("%s: the index has %+v, the disk %+v", l.Addr, *l, c)
					}
					return true
				})
				for a, c := range m.paper {
					if _, ok := w.store.Get(a); !ok && !c.Delete {
						rt.Errorf("%s is on disk only: %+v", a, c)
					}
				}
			},
		})
	})
}
