package replay

import (
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/capture"
	"leasehold/server/wire"
)

const capturedByKea = "../../cmd/leasehold/testdata/captures/kea.pcap"

func recording(t *testing.T) *Recording {
	t.Helper()
	f, err := os.Open(capturedByKea)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := capture.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := Record(r)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func family(t *testing.T, version int, text string) *config.Family {
	t.Helper()
	v, _, err := config.ParseValue("test", []byte(text), false)
	if err != nil {
		t.Fatal(err)
	}
	f, _, err := config.ParseFamily(version, v)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

const six = `{ "interfaces-config": { "interfaces": [ "eth0" ] }, "valid-lifetime": 4000, "preferred-lifetime": 3000,
  "subnet6": [ { "id": 1, "subnet": "2001:db8:2::/64", "interface": "eth0", "pools": [ { "pool": "2001:db8:2::/112" } ],
    "pd-pools": [ { "prefix": "2001:db8:9000::", "prefix-len": 36, "delegated-len": 60 } ] } ] }`

// A client of the capture goes on with the address and prefix that it gets here.
func TestClientsGoOnWithWhatTheyGet(t *testing.T) {
	rec, f := recording(t), family(t, 6, six)
	s := NewSide(f, lease.NewStore(6, 1), Options{Now: rec.Start(), Adapt: true})
	if !rec.Introduce(s) {
		t.Error("the server of the capture is not recognised")
	}
	var told []string
	for _, m := range rec.Messages {
		if m.Version == 6 && !m.Response {
			r := s.Ask(m)
			told = append(told, r.Decision.Outcome())
		}
	}
	want := []string{"ADVERTISE 2001:db8:2:: for 4000 s and 1 more", "REPLY 2001:db8:2:: for 4000 s and 1 more", "REPLY", "REPLY"}
	if strings.Join(told, "\n") != strings.Join(want, "\n") {
		t.Errorf("told\n%s", strings.Join(told, "\n"))
	}
}

// Without adapting, what another server gave is refused.
func TestClientsThatInsist(t *testing.T) {
	rec, f := recording(t), family(t, 6, six)
	s := NewSide(f, lease.NewStore(6, 1), Options{Now: rec.Start()})
	rec.Introduce(s)
	w := NewWatch(s, nil, time.Minute)
	var verdicts []string
	for _, m := range rec.Messages {
		if m.Version != 6 {
			continue
		}
		for _, x := range w.See(m) {
			verdicts = append(verdicts, x.Verdict.String())
			for _, d := range x.Differences {
				verdicts = append(verdicts, d.Field)
			}
		}
	}
	if got := strings.Join(verdicts, "; "); !strings.HasPrefix(got, "differs; IA_NA") || w.Totals.Queries != 4 {
		t.Errorf("verdicts %s, %+v", got, w.Totals)
	}
}

// message4 builds a DHCPv4 message; options in hexadecimal.
func message4(op byte, xid, yiaddr, options string) []byte {
	b := make([]byte, 240)
	b[0], b[1], b[2] = op, 1, 6
	copy(b[4:8], xid)
	copy(b[28:], "\x02\x00\x00\x00\x00\x01")
	if yiaddr != "" {
		copy(b[16:20], netip.MustParseAddr(yiaddr).AsSlice())
	}
	copy(b[236:], "c\x82Sc")
	o, _ := hex.DecodeString(strings.ReplaceAll(options, " ", ""))
	return append(append(b, o...), 255)
}

func seen(at time.Time, from, to string, payload []byte) *Message {
	d := capture.Datagram{Src: netip.MustParseAddrPort(from), Dst: netip.MustParseAddrPort(to), Payload: payload}
	m, ok := Read(at, "eth0", d)
	if !ok {
		panic("not DHCP")
	}
	return &m
}

const four = `{ "interfaces-config": { "interfaces": [ "eth0" ] }, "valid-lifetime": 600,
  "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "interface": "eth0", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ] } ] }`

func TestVerdicts(t *testing.T) {
	const (
		discover = "350101"
		offer    = "350102 3604c0000201 330400000258 0104ffffff00"
		request  = "350103 3604c0000201 3204c0000214" // .20
		ack      = "350105 3604c0000201 330400000258 0104ffffff00"
		nak      = "350106 3604c0000201"
	)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		name, query, response, yiaddr, xid string
		want                               string
	}{
		{"the same", discover, offer, "192.0.2.10", "aaaa", "same"},
		{"another free address", discover, offer, "192.0.2.15", "aaaa", "another free address"},
		{"an address outside the pools", discover, offer, "192.0.2.200", "aaaa", "differs: address: 192.0.2.10, 192.0.2.200"},
		{"silence", discover, "", "", "", "differs: answer: DHCPOFFER 192.0.2.10 for 600 s, no answer"},
		{"another client's answer", discover, offer, "192.0.2.10", "bbbb", "differs: answer: DHCPOFFER 192.0.2.10 for 600 s, no answer"},
		{"a NAK for an ACK", request, nak, "", "aaaa", "differs: answer: DHCPACK 192.0.2.20 for 600 s, DHCPNAK"},
		{"the same lease", request, ack, "192.0.2.20", "aaaa", "same"},
		{"a release", "350107", "", "", "", "same"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := NewSide(family(t, 4, four), lease.NewStore(4, 1), Options{Now: start})
			s.KnowAddress(netip.MustParseAddr("192.0.2.1"), "eth0")
			w := NewWatch(s, nil, 5*time.Second)
			over := w.See(seen(start, "0.0.0.0:68", "255.255.255.255:67", message4(1, "aaaa", "", row.query)))
			if row.response != "" {
				over = append(over, w.See(seen(start.Add(time.Second), "192.0.2.1:67", "192.0.2.10:68", message4(2, row.xid, row.yiaddr, row.response)))...)
			}
			over = append(over, w.Close()...)
			if len(over) != 1 {
				t.Fatalf("%d exchanges", len(over))
			}
			got := over[0].Verdict.String()
			for _, d := range over[0].Differences {
				if over[0].Verdict == Differs {
					got += ": " + d.Field + ": " + d.Ours + ", " + d.Theirs
				}
			}
			if got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

// What the other server gave is what the Side goes on from.
func TestWatchFollows(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := NewSide(family(t, 4, four), lease.NewStore(4, 1), Options{Now: start})
	s.KnowAddress(netip.MustParseAddr("192.0.2.1"), "eth0")
	w := NewWatch(s, nil, 5*time.Second)
	// The Side would give .20 and is shown that the client has .30 by now.
	w.See(seen(start, "0.0.0.0:68", "255.255.255.255:67", message4(1, "aaaa", "", "350103 3604c0000201 3204c0000214")))
	w.See(seen(start, "192.0.2.1:67", "192.0.2.30:68", message4(2, "aaaa", "192.0.2.30", "350105 3604c0000201 330400000258")))
	renew := message4(1, "bbbb", "", "350103")
	copy(renew[12:16], []byte{192, 0, 2, 30})
	r := s.Ask(seen(start.Add(time.Minute), "192.0.2.30:68", "192.0.2.1:67", renew))
	if r.Decision.Type() != "DHCPREQUEST" || r.Decision.Subnet() != 1 {
		t.Errorf("%v", r.Decision.Story())
	}
	r = s.Ask(seen(start.Add(time.Minute), "0.0.0.0:68", "255.255.255.255:67", message4(1, "cccc", "", "350101 3204c0000214")))
	if !strings.HasPrefix(r.Decision.Outcome(), "DHCPOFFER 192.0.2.20 ") {
		t.Errorf(".20 is not free: %s", r.Decision.Outcome())
	}
}

func TestReadTellsQueriesFromResponses(t *testing.T) {
	for _, row := range []struct {
		from, to string
		payload  []byte
		want     string
	}{
		{"0.0.0.0:68", "255.255.255.255:67", message4(1, "aaaa", "", ""), "4 query"},
		{"192.0.2.1:67", "192.0.2.2:67", message4(2, "aaaa", "", ""), "4 response"},
		{"192.0.2.1:67", "192.0.2.2:67", message4(1, "aaaa", "", ""), "4 query"},
		{"192.0.2.1:67", "192.0.2.2:53", message4(2, "aaaa", "", ""), "nothing"},
		{"[fe80::1]:546", "[ff02::1:2]:547", []byte{wire.Solicit, 0, 0, 1}, "6 query"},
		{"[2001:db8::1]:547", "[2001:db8::2]:547", []byte{wire.RelayForw, 0, 0, 1}, "6 query"},
		{"[2001:db8::1]:547", "[2001:db8::2]:547", []byte{wire.RelayRepl, 0, 0, 1}, "6 response"},
		{"[fe80::1]:547", "[fe80::2]:546", []byte{wire.Reconfigure, 0, 0, 1}, "nothing"},
		{"[fe80::1]:547", "[fe80::2]:546", nil, "nothing"},
	} {
		m, ok := Read(time.Time{}, "", capture.Datagram{Src: netip.MustParseAddrPort(row.from), Dst: netip.MustParseAddrPort(row.to), Payload: row.payload})
		got := "nothing"
		if ok {
			got = map[int]string{4: "4", 6: "6"}[m.Version] + map[bool]string{false: " query", true: " response"}[m.Response]
		}
		if got != row.want {
			t.Errorf("%s → %s: %s, want %s", row.from, row.to, got, row.want)
		}
	}
}

// Whatever is on the wire, nothing panics.
func FuzzWatch(f *testing.F) {
	f.Add(true, message4(1, "aaaa", "", "350101"), message4(2, "aaaa", "192.0.2.10", "350102"))
	f.Add(false, []byte{wire.Solicit, 0, 0, 1, 0, 1, 0, 3, 0, 3, 0}, []byte{wire.Reply, 0, 0, 1, 0, 1, 0, 3, 0, 3, 0, 0, 3, 0, 12, 0, 0, 0, 0})
	v4, _, _ := config.ParseValue("test", []byte(four), false)
	v6, _, _ := config.ParseValue("test", []byte(six), false)
	f4, _, _ := config.ParseFamily(4, v4)
	f6, _, _ := config.ParseFamily(6, v6)
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, four bool, query, response []byte) {
		f, client, server := f6, "[fe80::1]:546", "[fe80::2]:547"
		if four {
			f, client, server = f4, "0.0.0.0:68", "192.0.2.1:67"
		}
		for _, adapt := range []bool{false, true} {
			w := NewWatch(NewSide(f, lease.NewStore(f.Version, 1), Options{Now: start, Adapt: adapt}), nil, time.Second)
			for i, payload := range [][]byte{response, query, response, query, response} {
				d := capture.Datagram{Src: netip.MustParseAddrPort(client), Dst: netip.MustParseAddrPort(server), Payload: payload}
				if payload != nil && i%2 == 0 {
					d.Src, d.Dst = d.Dst, d.Src
				}
				if m, ok := Read(start.Add(time.Duration(i)*time.Millisecond), "eth0", d); ok && m.Version == f.Version {
					w.See(&m)
				}
			}
			w.Close()
		}
	})
}
