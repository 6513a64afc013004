package engine

import (
	"fmt"
	"net/netip"
	"testing"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
)

// balancedEngine is one of the servers a and b, which have met before if told
// that they have.
func balancedEngine(t testing.TB, server string, met bool, pool string) *Engine {
	t.Helper()
	c, err := config.Parse("test", []byte(fmt.Sprintf(`{ "Dhcp4": { "interfaces-config": { "interfaces": [ ] },
		"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ %s ] } ],
		"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
			"this-server-name": %q, "mode": "load-balancing", "peers": [
				{ "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary" },
				{ "name": "b", "url": "http://192.0.2.2:8000/", "role": "secondary" } ] } ] } } ] } }`, pool, server)))
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Now: midnight}
	if met {
		point := ha.Point{Epoch: 1, Seq: 1}
		o.Resumed = &Resumed{Points: []Remembered{{Partner: "a", Point: point}, {Partner: "b", Point: point}}, Owed: 1}
	}
	return New(c.V4, lease.NewStore(4, 1), o)
}

// everything lets the allocators give addresses until nothing is left.
func everything(e *Engine) map[netip.Addr]bool { return everythingOf(e, lease.NA) }

func everythingOf(e *Engine, typ lease.Type) map[netip.Addr]bool {
	got := map[netip.Addr]bool{}
	q := new(Query)
	q.subnet = e.subnets[1]
	for {
		a, p, _ := e.choose(q, typ, &wish{classes: &q.classes})
		if p == nil {
			return got
		}
		i, _ := p.index(a)
		p.free.Take(i, heldByLease)
		got[a] = true
	}
}

func TestServersOfAPairGiveDifferentAddresses(t *testing.T) {
	const pool = `{ "pool": "192.0.2.10 - 192.0.2.20" }`
	for _, tt := range []struct {
		name, pool string
		met        bool
		a, b, both int
	}{
		{"undivided pool", pool, true, 5, 6, 0},
		{"partner that does not divide", pool, false, 11, 11, 11},
		{"pool of one server", `{ "pool": "192.0.2.10 - 192.0.2.20", "client-class": "HA_a" }`, true, 0, 0, 0},
		{"pool of one address, which nobody can divide", `{ "pool": "192.0.2.10 - 192.0.2.10" }`, true, 1, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := everything(balancedEngine(t, "a", tt.met, tt.pool))
			b := everything(balancedEngine(t, "b", tt.met, tt.pool))
			both := 0
			for x := range a {
				if b[x] {
					both++
				}
			}
			if len(a) != tt.a || len(b) != tt.b || both != tt.both {
				t.Errorf("a gives %d, b %d, both %d", len(a), len(b), both)
			}
		})
	}
}
