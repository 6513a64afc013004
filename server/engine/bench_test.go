package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// shape is how large the world of a benchmark is.
type shape struct{ leases, subnets, hosts, classes int }

var shapes = []shape{
	{1, 1, 0, 0},
	{1_000_000, 1, 0, 0},
	{1, 10_000, 0, 0},
	{1, 1, 100_000, 0},
	{1, 1, 0, 200},
}

func (s shape) String() string {
	return fmt.Sprintf("leases=%d/subnets=%d/hosts=%d/classes=%d", s.leases, s.subnets, s.hosts, s.classes)
}

// config is one /8 with a pool of most of it, where the clients are, and
// whatever else the shape asks for.
func (s shape) config(b testing.TB) *config.Family {
	var t strings.Builder
	t.WriteString(`"valid-lifetime": 3600, "cache-threshold": 0.0, "option-data": [{"name": "routers", "data": "10.0.0.1"}, {"name": "domain-name-servers", "data": "10.0.0.2, 10.0.0.3"}],`)
	if s.classes > 0 {
		t.WriteString(`"client-classes": [`)
		for i := range s.classes {
			fmt.Fprintf(&t, `{"name": "c%d", "test": "option[60].text == 'vendor %d'"},`, i, i)
		}
		t.WriteString(`{"name": "last", "test": "member('ALL')"}],`)
	}
	t.WriteString(`"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.1.0.0 - 10.254.255.255"}], "reservations": [`)
	for i := range s.hosts {
		if i > 0 {
			t.WriteString(",")
		}
		fmt.Fprintf(&t, `{"hw-address": "06:00:00:%02x:%02x:%02x", "ip-address": "10.255.%d.%d"}`, i>>16, i>>8&255, i&255, i>>8&255, i&255)
		if i == 65535 {
			break
		}
	}
	t.WriteString(`]}`)
	for i := 1; i < s.subnets; i++ {
		fmt.Fprintf(&t, `, {"id": %d, "subnet": "172.%d.%d.0/24", "pools": [{"pool": "172.%d.%d.10 - 172.%d.%d.200"}]}`, i+1, 16+i>>8, i&255, 16+i>>8, i&255, 16+i>>8, i&255)
	}
	t.WriteString(`]`)
	c, err := config.Parse("bench", []byte(wrap(t.String())))
	if err != nil {
		b.Fatal(err)
	}
	return c.V4
}

// bench is an engine whose disk answers at once, and one query used again.
type bench struct {
	testing.TB
	e   *Engine
	q   *Query
	in  []Input
	fx  Effects
	now time.Time
}

func newBench(b testing.TB, s shape) *bench {
	x := &bench{TB: b, q: &Query{}, in: make([]Input, 0, 2), now: start}
	store := lease.NewStore(4, 1)
	for i := range s.leases {
		a := netip.AddrFrom4([4]byte{10, byte(1 + i>>16), byte(i >> 8), byte(i)})
		store.Put(lease.Lease{Addr: a, SubnetID: 1, HWType: 1, HWAddr: string(hwOf(uint32(i))), Valid: 3600, CLTT: start.Unix()})
	}
	x.e = New(s.config(b), store, Options{Now: start, Seed: 1})
	x.q.Arrival = wire.Arrival{
		Iface: &wire.Interface{Name: "eth0", Index: 2, MAC: serverMAC, V4: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")}},
		Src:   netip.MustParseAddrPort("0.0.0.0:68"), Dst: netip.MustParseAddrPort("255.255.255.255:67"),
		Local: netip.MustParseAddr("10.0.0.1"), Multi: true, Link: true,
	}
	return x
}

func hwOf(i uint32) []byte { return binary.BigEndian.AppendUint32([]byte{2, 0}, i) }

// ask brings the query, and the disk's answer if it was parked.
func (x *bench) ask() {
	q := x.q
	q.Reset()
	q.Decode4()
	x.in = append(x.in[:0], q)
	x.fx.Reset()
	x.e.Step(x.now, x.in, &x.fx)
	for x.fx.Waiting {
		x.in = append(x.in[:0], takeJournal)
		x.e.Step(x.now, x.in, &x.fx)
		x.in = append(x.in[:0], x.appended(x.fx.Journal[len(x.fx.Journal)-1].Seq))
		x.e.Step(x.now, x.in, &x.fx)
	}
	if len(x.fx.Responses) != 1 {
		x.Fatalf("no answer: %v", q.drop)
	}
}

// Inputs are made beforehand: an interface value of a struct is an allocation
// that is not the engine's.
var (
	takeJournal Input = TakeJournal{}
	tick        Input = Tick{}
)

func (x *bench) appended(seq uint64) Input { return Appended{Seq: seq} }

func (x *bench) query(line string) {
	d, _, err := parseQuery(line, x.q.Arrival.Iface)
	if err != nil {
		x.Fatal(err)
	}
	x.q.Data = d
}

// BenchmarkRenew renews one of the leases by unicast, over and over. The
// input for the disk's answer is one of the allocations.
func BenchmarkRenew(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.String(), func(b *testing.B) {
			x := newBench(b, s)
			x.query("request xid=1 hw=02:00:00:00:00:00 ciaddr=10.1.0.0 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
			x.q.Arrival.Multi = false
			x.q.Arrival.Src = netip.MustParseAddrPort("10.1.0.0:68")
			x.ask()
			b.ReportAllocs()
			for b.Loop() {
				x.now = x.now.Add(time.Millisecond)
				n := uint32(b.N) % uint32(s.leases)
				copy(x.q.Data[30:34], []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
				x.ask()
			}
		})
	}
}

// BenchmarkDiscoverRequest gives a new lease to a new client each time: two
// queries, two responses.
func BenchmarkDiscoverRequest(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.String(), func(b *testing.B) {
			x := newBench(b, s)
			x.query("discover xid=1 hw=04:00:00:00:00:00 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
			discover := x.q.Data
			x.query("request xid=1 hw=04:00:00:00:00:00 requested=10.1.0.0 server=10.0.0.1 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
			request := x.q.Data
			i := uint32(0)
			b.ReportAllocs()
			for b.Loop() {
				i++
				binary.BigEndian.PutUint32(discover[30:], i)
				binary.BigEndian.PutUint32(request[30:], i)
				x.q.Data = discover
				x.ask()
				copy(request[245:249], x.q.Response[16:20])
				x.q.Data = request
				x.ask()
			}
		})
	}
}

// BenchmarkReconfigure measures how long another configuration keeps queries
// out of the engine: all in all, and at a time, in time of the processor.
func BenchmarkReconfigure(b *testing.B) {
	for _, s := range []shape{{1, 1, 0, 0}, {1, 10_000, 0, 0}, {1, 10_000, 65_000, 0}, {1_000_000, 10_000, 65_000, 0}} {
		b.Run(s.String(), func(b *testing.B) {
			x := newBench(b, s)
			f := s.config(b)
			var turns []time.Duration
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for b.Loop() {
				b.StopTimer()
				in := []Input{Reconfigured{Family: f, Plan: Prepare(f)}}
				b.StartTimer()
				for x.e.swap != nil || in[0] != tick {
					x.fx.Reset()
					began := threadTime()
					x.e.Step(x.now, in, &x.fx)
					turns = append(turns, threadTime()-began)
					in[0] = tick
				}
			}
			slices.Sort(turns)
			b.ReportMetric(float64(len(turns))/float64(b.N), "turns/op")
			b.ReportMetric(float64(turns[len(turns)/2].Microseconds()), "cpu-µs/turn")
			b.ReportMetric(float64(turns[len(turns)-1].Microseconds()), "cpu-µs/longest")
		})
	}
}

// threadTime is what the thread has had of the processor.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
