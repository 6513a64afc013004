package ha

import (
	"encoding/hex"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/config"
)

// TestHashVectors: the clients for which two Kea servers were seen to share
// the work, and their hardware addresses.
func TestHashVectors(t *testing.T) {
	text, err := os.ReadFile("../testdata/wire/26-load-balancing-hash-vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] == "key" || f[0][0] == '#' {
			continue
		}
		key, err := hex.DecodeString(f[0])
		if err != nil {
			t.Fatal(err)
		}
		want, _ := strconv.Atoi(f[2])
		if got := int(Hash(key)); got != want {
			t.Errorf("%s: hash %d, want %d", f[0], got, want)
		}
		n++
	}
	if n < 33 {
		t.Errorf("only %d vectors", n)
	}
}

func TestInScopeFollowsModeAndKey(t *testing.T) {
	one, two := []byte{1, 2, 0, 0, 0, 0, 0, 1}, []byte{1, 2, 0, 0, 0, 0, 0, 5}
	for _, c := range []struct {
		name   string
		mode   string
		this   string
		served []string
		key    []byte
		other  bool // a type that is not filtered
		class  string
		ok     bool
	}{
		{name: "primary's client", mode: modeLoadBalancing, this: "a", served: []string{"a"}, key: one, class: "HA_a", ok: true},
		{name: "secondary's client", mode: modeLoadBalancing, this: "a", served: []string{"a"}, key: two, class: "HA_b"},
		{name: "survivor gives the partner's class", mode: modeLoadBalancing, this: "a", served: []string{"a", "b"}, key: two, class: "HA_b", ok: true},
		{name: "no key, nobody", mode: modeLoadBalancing, this: "a", served: []string{"a", "b"}},
		{name: "other types are everybody's", mode: modeLoadBalancing, this: "b", key: two, other: true, class: "HA_a", ok: true},
		{name: "hot-standby asks no hash", mode: "hot-standby", this: "b", key: two, class: "HA_a"},
		{name: "hot-standby in partner-down", mode: "hot-standby", this: "b", served: []string{"a"}, key: two, class: "HA_a", ok: true},
	} {
		m := New(testRelationship(c.mode, c.this), 4, time.Unix(0, 0))
		m.Step(time.Unix(0, 0), &Event{}, nil)
		m.serveNamed(c.served)
		class, ok := m.InScope(&Query{Key: c.key, Filtered: !c.other})
		if class != c.class || ok != c.ok {
			t.Errorf("%s: %q %v, want %q %v", c.name, class, ok, c.class, c.ok)
		}
	}
}

// TestOtherHalfIsGivenOnlyWhileThePartnerServesNobody: what is free in the
// partner's half of a pool may be given in two states, and not any more when the
// partner is back, or is being called back.
func TestOtherHalfIsGivenOnlyWhileThePartnerServesNobody(t *testing.T) {
	for _, c := range []struct {
		own, partner State
		cancel       bool
		alone        bool
	}{
		{own: LoadBalancing, partner: LoadBalancing},
		{own: CommunicationRecovery, partner: Unavailable},
		{own: Terminated, partner: Terminated},
		{own: PartnerDown, partner: Unavailable, alone: true},
		{own: PartnerDown, partner: Ready, alone: true},
		{own: PartnerDown, partner: LoadBalancing},
		{own: PartnerInMaintenance, partner: InMaintenance, alone: true},
		{own: PartnerInMaintenance, partner: InMaintenance, cancel: true},
	} {
		m := machineIn(modeLoadBalancing, rolePrimary, c.own, c.partner, "fresh")
		if c.cancel {
			m.Step(m.now, &Event{On: OnCommand, Token: 1, Request: Request{Name: cmdCancel}}, nil)
		}
		if m.State() != c.own || m.Alone() != c.alone {
			t.Errorf("%s, partner %s, cancel %t: alone %t in %s", c.own, c.partner, c.cancel, m.Alone(), m.State())
		}
	}
}

func TestSecs4SwapsWindowsByteOrder(t *testing.T) {
	for secs, want := range map[uint16]time.Duration{0: 0, 3: 3 * time.Second, 255: 255 * time.Second, 0x0300: 3 * time.Second, 0x0301: 769 * time.Second} {
		if got := Secs4(secs); got != want {
			t.Errorf("%#x: %s, want %s", secs, got, want)
		}
	}
}

// testRelationship is a pair a and b, or a with backup b.
func testRelationship(mode, this string) *config.Relationship {
	second := roleStandby
	switch mode {
	case modeLoadBalancing:
		second = roleSecondary
	case modePassiveBackup:
		second = roleBackup
	}
	return &config.Relationship{
		ThisServer: this, Mode: mode, SendUpdates: true, SyncLeases: true, SyncTimeout: time.Minute, SyncPageLimit: 100,
		HeartbeatDelay: 10 * time.Second, MaxResponse: time.Minute, MaxAck: 10 * time.Second, MaxUnacked: 10, MaxRejected: 10,
		Peers: []config.Peer{
			{Name: "a", Role: rolePrimary, URL: "http://127.0.0.1:1/", AutoFailover: true},
			{Name: "b", Role: second, URL: "http://127.0.0.1:2/", AutoFailover: true},
		},
	}
}
