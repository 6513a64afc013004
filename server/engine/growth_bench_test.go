package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// growth is an engine with a pool of which some addresses are held, one lease
// ending each second.
func newGrowth(b *testing.B, pool, held int) *bench {
	first := netip.MustParseAddr("10.1.0.0")
	c, err := config.Parse("growth", []byte(wrap(fmt.Sprintf(`"valid-lifetime": %d, "cache-threshold": 0.0,
		"expired-leases-processing": { "reclaim-timer-wait-time": 1, "hold-reclaimed-time": 0 },
		"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8", "pools": [ { "pool": "10.1.0.0 - %v" } ] } ]`, max(held, 3600), nth(first, pool-1)))))
	if err != nil {
		b.Fatal(err)
	}
	x := newBench(b, shape{subnets: 1})
	store := lease.NewStore(4, 1)
	for i := range held {
		store.Put(heldLease(i, held, start.Unix()+int64(i)-int64(held)+1))
	}
	x.e = New(c.V4, store, Options{Now: start, Seed: 1})
	return x
}

func heldLease(i, held int, cltt int64) lease.Lease {
	return lease.Lease{Addr: nth(netip.MustParseAddr("10.1.0.0"), i), SubnetID: 1, HWType: 1,
		HWAddr: string(hwOf(uint32(i))), Valid: uint32(held), CLTT: cltt}
}

func nth(a netip.Addr, n int) netip.Addr {
	b := a.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
	return netip.AddrFrom4(b)
}

// spent adds what the process has spent to a benchmark's figures: on a machine
// that others use, too, time alone tells little.
func spent(b *testing.B) (stop func()) {
	var from, to syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &from)
	return func() {
		syscall.Getrusage(syscall.RUSAGE_SELF, &to)
		n := to.Utime.Nano() + to.Stime.Nano() - from.Utime.Nano() - from.Stime.Nano()
		b.ReportMetric(float64(n)/float64(b.N), "cpu-ns/op")
	}
}

// Where in a query its client's number and its own address are.
const (
	atClient = 30
	atCiaddr = 12
)

// The whole of an exchange costs the same with a thousand leases and a million.
func BenchmarkGrowth(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("renew/leases=%d", n), func(b *testing.B) {
			x := newGrowth(b, n, n)
			x.query("request xid=1 hw=02:00:00:00:00:00 ciaddr=10.1.0.0 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
			x.q.Arrival.Multi = false
			x.q.Arrival.Src = netip.MustParseAddrPort("10.1.0.0:68")
			x.now = x.now.Add(-time.Second) // nothing ends
			defer spent(b)()
			for i := 0; b.Loop(); i++ {
				k := int(uint64(i) * 0x9e3779b97f4a7c15 >> 20 % uint64(n))
				a := nth(netip.MustParseAddr("10.1.0.0"), k).As4()
				binary.BigEndian.PutUint32(x.q.Data[atClient:], uint32(k))
				copy(x.q.Data[atCiaddr:], a[:])
				x.ask()
			}
		})
		b.Run(fmt.Sprintf("expire/leases=%d", n), func(b *testing.B) {
			x := newGrowth(b, n, n)
			in := []Input{Tick{}}
			defer spent(b)()
			for i := 0; b.Loop(); i++ {
				x.now = x.now.Add(time.Second)
				x.fx.Reset()
				x.e.Step(x.now, in, &x.fx)
				x.store()
				x.e.fx = &x.fx
				x.e.put(heldLease(i%n, n, x.now.Unix()))
				x.store()
			}
		})
	}
}

// A new client costs the same in an empty pool and in one 99.9 % full: discover,
// request and release.
func BenchmarkGrowthAllocate(b *testing.B) {
	for _, s := range []struct{ pool, held int }{{1000, 0}, {1_000_000, 0}, {1000, 999}, {1_000_000, 999_000}} {
		b.Run(fmt.Sprintf("pool=%d/held=%d", s.pool, s.held), func(b *testing.B) {
			x := newGrowth(b, s.pool, s.held)
			x.now = x.now.Add(-time.Second)
			x.query("discover xid=1 hw=04:00:00:00:00:00 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
			discover := x.q.Data
			x.query("request xid=1 hw=04:00:00:00:00:00 requested=10.1.0.0 server=10.0.0.1 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
			request := x.q.Data
			defer spent(b)()
			for i := uint32(1); b.Loop(); i++ {
				binary.BigEndian.PutUint32(discover[atClient:], i)
				binary.BigEndian.PutUint32(request[atClient:], i)
				x.q.Data = discover
				x.ask()
				addr := netip.AddrFrom4([4]byte(x.q.Response[16:20]))
				copy(request[245:249], x.q.Response[16:20])
				x.q.Data = request
				x.ask()
				l, _ := x.e.store.Get(addr)
				x.e.fx = &x.fx
				x.e.remove(&l)
				x.store()
			}
		})
	}
}

// store plays the disk for what the engine decided without a query.
func (x *bench) store() {
	x.in = append(x.in[:0], takeJournal)
	x.fx.Reset()
	x.e.Step(x.now, x.in, &x.fx)
	if n := len(x.fx.Journal); n > 0 {
		x.in = append(x.in[:0], x.appended(x.fx.Journal[n-1].Seq))
		x.e.Step(x.now, x.in, &x.fx)
	}
}
