package server

import (
	"net/netip"
	"testing"
	"time"

	"leasehold/server/engine"
	"leasehold/server/listen"
	"leasehold/server/wire"
)

// relayed is a query of a client behind the relay at 192.0.2.9.
func relayed(t *testing.T, kind, client byte) *engine.Query {
	t.Helper()
	b := make([]byte, 240, 244)
	b[0], b[1], b[2] = 1, 1, 6
	copy(b[24:], []byte{192, 0, 2, 9})
	b[33] = client
	copy(b[236:], []byte{0x63, 0x82, 0x53, 0x63})
	q := &engine.Query{Data: append(b, 53, 1, kind, 255)}
	if q.Decode4(); q.Bad != nil {
		t.Fatal(q.Bad)
	}
	return q
}

// bundled marks responses to DISCOVER of the clients, and returns which of them
// may leave together.
func bundled(t *testing.T, b *bundles, now time.Time, kind byte, clients ...byte) string {
	t.Helper()
	var responses []*engine.Query
	var out []listen.Outgoing
	for _, c := range clients {
		responses = append(responses, relayed(t, kind, c))
		out = append(out, listen.Outgoing{Data: make([]byte, 300),
			Departure: wire.Departure{Dst: netip.MustParseAddrPort("192.0.2.9:67")}})
	}
	b.mark(now, 4, responses, out)
	marks := ""
	for _, o := range out {
		if o.Bundle {
			marks += "+"
		} else {
			marks += "-"
		}
	}
	return marks
}

// Two offers are risked on a relay; what the client of the second does next
// decides about the relay.
func TestRelayIsTried(t *testing.T) {
	began := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		name  string
		next  byte // message of the second client; 0: none
		after time.Duration
		then  time.Duration
		marks string
	}{
		{"REQUEST of the second client", wire.Request4, time.Second, 2 * time.Second, "++++"},
		{"trust ends, and another trial begins", wire.Request4, time.Second, 11 * time.Minute, "++--"},
		{"the second client asks again", wire.Discover4, 4 * time.Second, 5 * time.Second, "----"},
		{"distrust ends, too", wire.Discover4, 4 * time.Second, 11 * time.Minute, "++--"},
		{"REQUEST too late", wire.Request4, 11 * time.Second, 12 * time.Second, "----"},
		{"silence", 0, 0, 11 * time.Second, "----"},
		{"not yet decided", 0, 0, 9 * time.Second, "----"},
	} {
		var b bundles
		if got := bundled(t, &b, began, wire.Discover4, 1, 2, 3); got != "++-" {
			t.Fatalf("%s: trial %s, want ++-", tt.name, got)
		}
		b.note(began.Add(time.Millisecond), 4, relayed(t, wire.Request4, 1))
		if tt.next != 0 {
			b.note(began.Add(tt.after), 4, relayed(t, tt.next, 2))
		}
		if got := bundled(t, &b, began.Add(tt.then), wire.Discover4, 4, 5, 6, 7); got != tt.marks {
			t.Errorf("%s: then %s, want %s", tt.name, got, tt.marks)
		}
	}
}

// Only an offer shows whether it arrived, and only somebody else's is at risk.
func TestWhatIsNoTrial(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	var b bundles
	if got := bundled(t, &b, now, wire.Request4, 1, 2); got != "--" {
		t.Errorf("acknowledgements: %s", got)
	}
	if got := bundled(t, &b, now, wire.Discover4, 1, 1); got != "--" {
		t.Errorf("twice the same client: %s", got)
	}
	if b.open.Load() != 0 {
		t.Error("a trial is open")
	}
}
