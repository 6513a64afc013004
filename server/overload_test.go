package server

import (
	"testing"
	"time"

	"leasehold/server/wire"
)

// Shedding begins at a quarter of the queue and ends at an eighth.
func TestShedding(t *testing.T) {
	var o overload
	for _, tt := range []struct {
		waiting int
		want    bool
	}{{0, false}, {24, false}, {25, true}, {100, true}, {13, true}, {12, false}, {24, false}} {
		if o.see(tt.waiting, 100); o.shedding != tt.want {
			t.Errorf("%d %% full: shedding %v, want %v", tt.waiting, o.shedding, tt.want)
		}
	}
}

// What was dropped is reported at once, and then not too often.
func TestOverloadIsReported(t *testing.T) {
	o := overload{shedding: true}
	discover := relayed(t, wire.Discover4, 1).Data
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		after   time.Duration
		drops   int
		dropped int
		due     bool
	}{{0, 0, 0, false}, {0, 3, 3, true}, {time.Second, 5, 0, false}, {31 * time.Second, 2, 7, true}, {time.Hour, 0, 0, false}} {
		for range tt.drops {
			if !o.drops(4, discover) {
				t.Fatal("DISCOVER is not dropped")
			}
		}
		if dropped, due := o.report(now.Add(tt.after)); dropped != tt.dropped || due != tt.due {
			t.Errorf("after %s: %d dropped, due %v, want %d, %v", tt.after, dropped, due, tt.dropped, tt.due)
		}
	}
}

// Only who has nothing yet is dropped, in both families, whatever stands around
// the message.
func TestLooksForServer(t *testing.T) {
	relay6 := func(b ...byte) []byte {
		m := make([]byte, 34, 64)
		m[0] = 12
		m = append(m, 0, 18, 0, 1, 'x', 0, 9, 0, byte(len(b)))
		return append(m, b...)
	}
	padded := relayed(t, wire.Discover4, 1).Data
	padded = append(padded[:240:240], 0, 0, 12, 1, 'x', 53, 1, 1, 255)
	for _, tt := range []struct {
		name     string
		version  int
		datagram []byte
		want     bool
	}{
		{"DISCOVER", 4, relayed(t, wire.Discover4, 1).Data, true},
		{"REQUEST", 4, relayed(t, wire.Request4, 1).Data, false},
		{"RELEASE", 4, relayed(t, 7, 1).Data, false},
		{"DISCOVER behind pads and another option", 4, padded, true},
		{"type option cut off", 4, padded[:246], false},
		{"BOOTP", 4, make([]byte, 300), false},
		{"nothing", 4, nil, false},
		{"SOLICIT", 6, []byte{1, 2, 3, 4}, true},
		{"RENEW", 6, []byte{5, 2, 3, 4}, false},
		{"relayed SOLICIT", 6, relay6(1, 2, 3, 4), true},
		{"SOLICIT behind two relays", 6, relay6(relay6(1, 2, 3, 4)...), true},
		{"relayed REQUEST", 6, relay6(3, 2, 3, 4), false},
		{"relay without message", 6, relay6()[:34], false},
		{"relay cut off", 6, relay6(1, 2, 3, 4)[:20], false},
		{"relayed message cut off", 6, relay6(1, 2, 3, 4)[:45], false},
		{"nothing", 6, nil, false},
	} {
		if got := looksForServer(tt.version, tt.datagram); got != tt.want {
			t.Errorf("DHCPv%d %s: %v, want %v", tt.version, tt.name, got, tt.want)
		}
	}
}

func FuzzLooksForServer(f *testing.F) {
	f.Add([]byte{12})
	f.Fuzz(func(_ *testing.T, b []byte) {
		looksForServer(4, b)
		looksForServer(6, b)
	})
}

// Offered three times what it can answer, a server that sheds completes most of
// the exchanges that it could at best, and answers every renewal. One that does
// not loses messages of every kind, and so nearly all exchanges.
func TestThreeTimesTooMuch(t *testing.T) {
	const (
		perMessage = 10 // time to answer one message
		perDrop    = 1  // time to drop one
		room       = 4000
		perTick    = 640
		ticks      = 2000
		renewals   = 9 // in each tick
	)
	run := func(shed bool) (completed, renewed float64) {
		discover, request, renew := relayed(t, wire.Discover4, 1).Data, relayed(t, wire.Request4, 1).Data, relayed(t, wire.Request4, 2).Data
		var o overload
		var queue [][]byte
		arrive := func(n int, b []byte) {
			for range min(n, room-len(queue)) {
				queue = append(queue, b)
			}
		}
		offers, left := 0, 0
		for range ticks {
			for range renewals {
				arrive(1, renew)
				arrive(3*perTick/(2*perMessage)/renewals, discover)
			}
			arrive(offers, request)
			offers = 0
			for left += perTick; left > 0 && len(queue) > 0; {
				batch := queue[:min(batchSize, len(queue))]
				queue = queue[len(batch):]
				if o.see(len(queue), room); !shed {
					o.shedding = false
				}
				for _, b := range batch {
					if o.drops(4, b) {
						left -= perDrop
						continue
					}
					switch left -= perMessage; &b[0] {
					case &discover[0]:
						offers++
					case &request[0]:
						completed++
					default:
						renewed++
					}
				}
			}
		}
		return completed, renewed
	}
	completed, renewed := run(true)
	without, lost := run(false)
	const most = ticks * (perTick/perMessage - renewals) / 2
	t.Logf("shedding: %.0f %% of the exchanges, %.0f renewals; else %.0f %%, %.0f",
		100*completed/most, renewed, 100*without/most, lost)
	if renewed < ticks*renewals-room {
		t.Errorf("%.0f renewals answered, want all %d", renewed, ticks*renewals)
	}
	if completed < 0.8*most || without > 0.5*most {
		t.Errorf("%.0f %% of the exchanges completed, %.0f %% without shedding", 100*completed/most, 100*without/most)
	}
}
