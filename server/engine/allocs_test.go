//go:build !race

package engine

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"
	"testing"
)

// What a lease costs in allocations: its own strings, once.
func TestAllocations(t *testing.T) {
	x := newBench(t, shape{leases: 1, subnets: 1})
	x.query("request xid=1 hw=02:00:00:00:00:00 ciaddr=10.1.0.0 class='MSFT 5.0' host='pc' prl=1,3,6,15,51,54")
	x.q.Arrival.Multi = false
	x.q.Arrival.Src = netip.MustParseAddrPort("10.1.0.0:68")
	x.ask()
	if n := testing.AllocsPerRun(1000, x.ask); n > own {
		t.Errorf("a renewal allocates %v times, want none", n-own)
	}

	x = newBench(t, shape{leases: 1, subnets: 1})
	x.query("discover xid=1 hw=04:00:00:00:00:00 class='MSFT 5.0' host='pc000000' prl=1,3,6,15,51,54")
	discover := x.q.Data
	x.query("request xid=1 hw=04:00:00:00:00:00 requested=10.1.0.0 server=10.0.0.1 class='MSFT 5.0' host='pc000000' prl=1,3,6,15,51,54")
	request := x.q.Data
	i := uint32(0)
	fresh := func() {
		i++
		for _, d := range [][]byte{discover, request} {
			binary.BigEndian.PutUint32(d[30:], i)
			name := d[bytes.Index(d, []byte("pc")):]
			strconv.AppendUint(name[2:2], uint64(100000+i), 10)
		}
		x.q.Data = discover
		x.ask()
		copy(request[245:249], x.q.Response[16:20])
		x.q.Data = request
		x.ask()
	}
	for range 20_000 { // the index of leases grows rarely from here
		fresh()
	}
	if n := testing.AllocsPerRun(2000, fresh); n > own+2 {
		t.Errorf("a new lease allocates %v times, want 2", n-own)
	}
}

// own is what telling the engine that its journal is durable allocates here.
const own = 1
