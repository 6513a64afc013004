package engine

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

const benchConfig6 = `{ "Dhcp6": { "interfaces-config": { "interfaces": [ "eth0" ] },
  "preferred-lifetime": 300, "valid-lifetime": 400,
  "option-data": [ { "name": "dns-servers", "data": "2001:db8::53" } ],
  "subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0",
    "pools": [ { "pool": "2001:db8:1::/104" } ],
    "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56 } ] } ] } }`

// BenchmarkRenew6 renews an address and a prefix of one of 10000 clients.
func BenchmarkRenew6(b *testing.B) {
	cfg, err := config.Parse("bench", []byte(benchConfig6))
	if err != nil {
		b.Fatal(err)
	}
	const clients = 10000
	now := time.Unix(1_700_000_000, 0)
	e := New(cfg.V6, lease.NewStore(6, 1), Options{Now: now, Seed: 1, DUID: serverDUID, Diskless: true})
	s := &scene{}
	request := s.datagram(strings.Fields("request duid=00030001020304050607 server na=1 pd=2 oro=23,24"))
	renew := s.datagram(strings.Fields("renew duid=00030001020304050607 server na=1 pd=2 oro=23,24"))
	q, fx := &Query{}, &Effects{}
	in := []Input{q, TakeJournal{}}
	send := func(msg []byte, client int) {
		binary.BigEndian.PutUint32(msg[14:], uint32(client))
		q.Reset()
		q.Data = msg
		q.Arrival = wire.Arrival{
			Iface: testIface, Src: netip.MustParseAddrPort("[fe80::c1]:546"),
			Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Local: serverLL, Multi: true,
		}
		q.Decode6()
		fx.Reset()
		now = now.Add(time.Millisecond)
		e.Step(now, in, fx)
	}
	for i := range clients {
		send(request, i)
	}
	if n := e.store.Len(); n != 2*clients {
		b.Fatalf("%d leases", n)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		send(renew, i%clients)
	}
	if len(fx.Responses) != 1 {
		b.Fatal("no answer")
	}
}
