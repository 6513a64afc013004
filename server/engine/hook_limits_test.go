package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

const withLimits = `"hooks-libraries": [ { "library": "libdhcp_limits.so" } ], `

func limited(context string) string {
	return `"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.99" } ], "user-context": { "limits": ` + context + ` } } ]`
}

func limitedClass(name, test, limit string) string {
	return fmt.Sprintf(`"client-classes": [ { "name": %q, %s "user-context": { "limits": %s } } ]`, name, test, limit)
}

// leases lets clients first … last get leases and returns how many did.
func (h *house) leases(first, last byte, mods ...dhcpv4.Modifier) (n int) {
	for i := first; i <= last; i++ {
		if h.send(dhcpv4.MessageTypeDiscover, append(mods, client(i))...) != nil {
			h.get(append(mods, client(i))...)
			n++
		}
	}
	return n
}

func TestAddressLimit(t *testing.T) {
	pxe := opt4(wire.OptVendorClass, "PXE")
	for _, c := range []struct {
		name, members string
		mods          []dhcpv4.Modifier
		want          int
	}{
		{"of a subnet", limited(`{ "address-limit": 3 }`), nil, 3},
		{"of a class", limitedClass("gold", `"test": "option[60].text == 'PXE'",`, `{ "address-limit": 2 }`), []dhcpv4.Modifier{pxe}, 2},
		{"of a class, for others", limitedClass("gold", `"test": "option[60].text == 'PXE'",`, `{ "address-limit": 2 }`), nil, 6},
		{"of a built-in class", limitedClass("ALL", "", `{ "address-limit": 4 }`), nil, 4},
		{"of a template, for one of its classes", limitedClass("vendor", `"template-test": "substring(pkt4.mac, 0, 3)",`, `{ "address-limit": 5 }`), nil, 5},
		{"of a template, each of its classes has its own", limitedClass("one", `"template-test": "pkt4.mac",`, `{ "address-limit": 1 }`), nil, 6},
		{"nothing at all", limited(`{ "address-limit": 0 }`), nil, 0},
		{"the least counts", limited(`{ "address-limit": 5 }`) + ", " + limitedClass("ALL", "", `{ "address-limit": 3 }`), nil, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, withLimits+c.members)
			if got := h.leases(1, 6, c.mods...); got != c.want {
				t.Errorf("%d clients got a lease, want %d", got, c.want)
			}
			if c.want == 0 || c.want == 6 {
				return
			}
			// Who has a lease keeps it, and who gives one back makes room.
			if got := show(h.send(dhcpv4.MessageTypeDiscover, append(c.mods, client(1))...)); !strings.HasPrefix(got, "OFFER") {
				t.Errorf("a client with a lease: %s", got)
			}
			var first lease.Lease
			h.e.store.Each(func(l *lease.Lease) bool { first = *l; return false })
			h.e.fx = &h.fx
			h.e.remove(&first)
			if got := h.leases(7, 9, c.mods...); got != 1 {
				t.Errorf("%d got the one that became free", got)
			}
		})
	}
}

// What is over the limit is refused at once, however large the pool, and takes
// nothing away from it.
func TestLimitLeavesThePoolAlone(t *testing.T) {
	h := furnish6(t, withLimits[:len(withLimits)-2])
	h.e.cfg.Limits.Subnets[1] = &config.Limit{Prefixes: config.Optional[uint32]{Set: true, Value: 1}}
	h.step(Reconfigured{Family: h.e.cfg})
	free := func() uint64 { return h.e.subnets[1].poolsFor(lease.PD)[0].free.Len() }
	h.send6(wire.Request, 1, ourID, ia(wire.Opt6IAPD, 1, ""))
	left := free()
	m := h.send6(wire.Request, 2, ourID, ia(wire.Opt6IAPD, 1, ""))
	if got := iaOf(&m, wire.Opt6IAPD); got != "1 status 6" {
		t.Errorf("the second client gets %s", got)
	}
	if left != 1<<16-1 || free() != left {
		t.Errorf("%d prefixes free, then %d", left, free())
	}
}

// Counts come from what leases remember: they are right after a restart.
func TestLimitsSurviveARestart(t *testing.T) {
	members := withLimits + limitedClass("ALL", "", `{ "address-limit": 2 }`)
	h := furnish(t, members)
	a := h.get(client(1)).YourIPAddr.String()
	h.get(client(2))
	if got, want := h.lease(a).UserContext, `{ "ISC": { "client-classes": [ "ALL", "UNKNOWN" ] } }`; got != want {
		t.Errorf("user-context %s, want %s", got, want)
	}
	h.e = New(h.e.cfg, h.e.store, Options{Now: h.now, Diskless: true})
	if got := h.leases(3, 3); got != 0 {
		t.Error("the limit is forgotten")
	}
}

func TestRateLimit(t *testing.T) {
	for _, c := range []struct{ name, members string }{
		{"of a subnet", limited(`{ "rate-limit": "3 packets per minute" }`)},
		{"of a class", limitedClass("ALL", "", `{ "rate-limit": "3 packets per minute" }`)},
		{"of a template", limitedClass("t", `"template-test": "substring(pkt4.mac, 0, 3)",`, `{ "rate-limit": "3 packets per minute" }`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, withLimits+c.members)
			got := ""
			for i := range 12 {
				h.now = h.now.Add(10 * time.Second)
				if h.send(dhcpv4.MessageTypeDiscover, client(byte(1+i%4))) != nil {
					got += "+"
				} else {
					got += "-"
				}
			}
			// Every minute holds three, wherever it begins.
			if want := "+++---+++---"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if n := h.e.stats.global[Pkt4LimitExceeded].value; n != 6 {
				t.Errorf("pkt4-limit-exceeded is %d, want 6", n)
			}
		})
	}
}

func TestLimits6(t *testing.T) {
	c, err := config.Parse("test", []byte(`{ "Dhcp6": { `+withLimits+`"interfaces-config": { "interfaces": [ "*" ] },
		"lease-database": { "type": "memfile", "persist": false },
		"subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "ve0", "pools": [ { "pool": "2001:db8:1::10 - 2001:db8:1::99" } ],
			"pd-pools": [ { "prefix": "2001:db8:2::", "prefix-len": 48, "delegated-len": 64 } ],
			"user-context": { "limits": { "address-limit": 2, "prefix-limit": 1 } } } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, now: time.Unix(1_700_000_000, 0)}
	h.e = New(c.V6, lease.NewStore(6, 1), Options{Now: h.now, Diskless: true, DUID: []byte("\x00\x03\x00\x01\x02"), Enabled: func(*message.Message) bool { return false }})
	m := h.send6(wire.Solicit, 1, ia(wire.Opt6IANA, 1, ""), ia(wire.Opt6IANA, 2, ""), ia(wire.Opt6IANA, 3, ""), ia(wire.Opt6IAPD, 1, ""), ia(wire.Opt6IAPD, 2, ""))
	got := ""
	for _, o := range m.Options {
		if (o.Code == wire.Opt6IANA || o.Code == wire.Opt6IAPD) && len(o.Data) >= 14 {
			got += map[bool]string{true: "+", false: "-"}[o.Data[13] == 5 || o.Data[13] == 26]
		}
	}
	if want := "++-+-"; got != want {
		t.Errorf("associations with a resource: %s, want %s", got, want)
	}
}
