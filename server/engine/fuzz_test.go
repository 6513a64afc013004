package engine

import (
	"encoding/binary"
	"path/filepath"
	"testing"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// FuzzReceive4 sends datagrams, each behind its length, through decoder and
// engine. Whatever they are: no panic, no response that the codec reads
// otherwise, no address outside of pools and reservations, nothing left over.
func FuzzReceive4(f *testing.F) {
	for _, name := range []string{"setup-a", "setup-b"} {
		w := newWorld(f, scenarioDir)
		all := readRecordings(f, filepath.Join(scenarioDir, "kea22", name+".txt"), w.ifaces["eth0"])
		for i := range all {
			var seed []byte
			for _, r := range all[max(0, i-2) : i+1] {
				seed = binary.BigEndian.AppendUint16(seed, uint16(len(r.query)))
				seed = append(seed, r.query...)
			}
			f.Add(byte(len(name)%2+i*2), seed)
		}
	}
	var families []*config.Family
	for _, name := range []string{"setup-a.json", "setup-b.json"} {
		c, err := parse4(name, name, scenarioDir)
		if err != nil {
			f.Fatal(err)
		}
		families = append(families, c)
	}
	f.Fuzz(func(t *testing.T, how byte, stream []byte) {
		w := newWorld(t, scenarioDir)
		w.family = families[how&1]
		w.store = lease.NewStore(4, 1)
		w.answered = func(q *Query) {
			w.checkResponse(q)
			if len(q.Response) > 4096+len(q.Data) {
				t.Fatalf("%d bytes answer %d", len(q.Response), len(q.Data))
			}
		}
		for len(stream) >= 2 {
			n := min(int(binary.BigEndian.Uint16(stream)), len(stream)-2)
			d := stream[2 : 2+n]
			stream = stream[2+n:]
			in := w.ifaces["eth0"]
			q := &Query{Data: d, Arrival: wire.Arrival{Iface: in, Link: how&2 == 0, Local: in.V4[0].Addr()}}
			address(&q.Arrival, d, q.Arrival.Src.Addr(), q.Arrival.Dst.Addr(), 0)
			q.Decode4()
			w.step(q)
			w.out = w.out[:0]
		}
		w.checkState()
	})
}
