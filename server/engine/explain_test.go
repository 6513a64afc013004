package engine

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

// stories plays the lines of a scenario and returns how the queries of a client
// were decided, one story each, without times.
func stories(t *testing.T, client string, lines ...string) []string {
	t.Helper()
	w := newWorld(t, t.TempDir())
	for _, line := range lines {
		if err := w.do(line); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	s := seek(client)
	var told []string
	for _, d := range w.engine.decisions(&s, 100) {
		told = append(told, strings.Join(d.Story(), "\n"))
	}
	return told
}

const explainConfig = `config {
"client-classes": [ { "name": "voice", "test": "substring(option[60].hex,0,5) == 'phone'" } ],
"valid-lifetime": 3600,
"subnet4": [
  { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ],
    "reservations": [ { "hw-address": "02:00:00:00:00:09", "ip-address": "192.0.2.9" } ] },
  { "id": 2, "subnet": "198.51.100.0/24", "client-classes": [ "voice" ], "pools": [ { "pool": "198.51.100.10/32" } ] } ]
}`

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name, client string
		lines, want  []string
	}{
		{
			name: "an address is offered and granted", client: "02:00:00:00:00:01",
			lines: []string{"eth0 < discover xid=1 hw=02:00:00:00:00:01", "eth0 < request xid=1 hw=02:00:00:00:00:01 server=192.0.2.1 requested=192.0.2.10"},
			want: []string{
				"received DHCPDISCOVER on eth0\nclasses: ALL, UNKNOWN\nsubnet 1 (192.0.2.0/24), by address of the interface in the prefix\npool 192.0.2.10 - 192.0.2.20\nDHCPOFFER 192.0.2.10 for 3600 s sent",
				"received DHCPREQUEST on eth0, asking for 192.0.2.10\nclasses: ALL, UNKNOWN\nsubnet 1 (192.0.2.0/24), by address of the interface in the prefix\npool 192.0.2.10 - 192.0.2.20\nDHCPACK 192.0.2.10 for 3600 s sent",
			},
		},
		{
			name: "a reservation is found", client: "192.0.2.9",
			lines: []string{"eth0 < discover xid=1 hw=02:00:00:00:00:09"},
			want:  []string{"received DHCPDISCOVER on eth0\nclasses: ALL, KNOWN\nsubnet 1 (192.0.2.0/24), by address of the interface in the prefix\nreservation by hw-address: 192.0.2.9\nDHCPOFFER 192.0.2.9 for 3600 s sent"},
		},
		{
			name: "the classes do not admit the client", client: "02-00-00-00-00-02",
			lines: []string{"eth0 < discover xid=1 hw=02:00:00:00:00:02 giaddr=198.51.100.1 host='pc'"},
			want:  []string{"received DHCPDISCOVER on eth0 through relay 198.51.100.1 from 198.51.100.1\nclasses: ALL, UNKNOWN\nno subnet: nothing fits by relay address in the prefix, or its classes do not admit the client\nno answer: no subnet"},
		},
		{
			name: "the pool is full", client: "02:00:00:00:00:05",
			lines: []string{
				"eth0 < request xid=1 hw=02:00:00:00:00:04 giaddr=198.51.100.1 class='phone' requested=198.51.100.10 server=192.0.2.1",
				"eth0 < discover xid=2 hw=02:00:00:00:00:05 giaddr=198.51.100.1 class='phone'",
				"eth0 < request xid=3 hw=02:00:00:00:00:05 giaddr=198.51.100.1 class='phone' requested=198.51.100.10 server=192.0.2.1",
			},
			want: []string{
				"received DHCPDISCOVER on eth0 through relay 198.51.100.1 from 198.51.100.1\nclasses: ALL, voice, UNKNOWN\nsubnet 2 (198.51.100.0/24), by relay address in the prefix\nno answer: no address for the client (every address of the pools that are open to it is taken)",
				"received DHCPREQUEST on eth0 through relay 198.51.100.1 from 198.51.100.1, asking for 198.51.100.10\nclasses: ALL, voice, UNKNOWN\nsubnet 2 (198.51.100.0/24), by relay address in the prefix\nDHCPNAK (the requested address is taken, reserved for another client, or in no pool that is open to this one) sent",
			},
		},
		{
			name: "found by hostname, in any case", client: "Phone1.",
			lines: []string{"eth0 < discover xid=1 hw=02:00:00:00:00:03 giaddr=198.51.100.1 class='phone' host='phone1'"},
			want:  []string{"received DHCPDISCOVER on eth0 through relay 198.51.100.1 from 198.51.100.1\nclasses: ALL, voice, UNKNOWN\nsubnet 2 (198.51.100.0/24), by relay address in the prefix\npool 198.51.100.10 - 198.51.100.10\nDHCPOFFER 198.51.100.10 for 3600 s sent"},
		},
		{
			name: "the disk refuses the lease", client: "02:00:00:00:00:01",
			lines: []string{"disk fails", "eth0 < request xid=1 hw=02:00:00:00:00:01 server=192.0.2.1 requested=192.0.2.10"},
			want:  []string{"received DHCPREQUEST on eth0, asking for 192.0.2.10\nclasses: ALL, UNKNOWN\nsubnet 1 (192.0.2.0/24), by address of the interface in the prefix\npool 192.0.2.10 - 192.0.2.20\nno answer: lease not stored here, or refused by the partner"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := explainConfig
			if strings.HasPrefix(c.name, "the disk") {
				config = strings.Replace(config, "config {", `config { "lease-database": {"type": "memfile"},`, 1)
			}
			got := stories(t, c.client, append([]string{config}, c.lines...)...)
			if g, w := strings.Join(got, "\n\n"), strings.Join(c.want, "\n\n"); g != w {
				t.Errorf("got\n%s\n\nwant\n%s", g, w)
			}
		})
	}
}

// TestRecordsAreKeptInARing: the oldest go first, and classes keep their names
// over a change of the configuration.
func TestRecordsAreKeptInARing(t *testing.T) {
	w := newWorld(t, t.TempDir())
	lines := []string{
		strings.Replace(explainConfig, "config {", `config { "leasehold": { "explain-records": 3 },`, 1),
		"eth0 < discover xid=1 hw=02:00:00:00:00:01", "eth0 < discover xid=2 hw=02:00:00:00:00:02",
		"eth0 < discover xid=3 hw=02:00:00:00:00:03 class='phone'", "eth0 < discover xid=4 hw=02:00:00:00:00:04",
		`reload { "leasehold": { "explain-records": 3 }, "client-classes": [ { "name": "other" } ], "subnet4": [] }`,
	}
	for _, line := range lines {
		if err := w.do(line); err != nil {
			t.Fatal(err)
		}
	}
	all := w.engine.decisions(&sought{}, 100)
	if len(all) != 3 || all[0].xid != 2 || all[2].xid != 4 {
		t.Fatalf("%d decisions", len(all))
	}
	if got := strings.Join(all[1].classes, " "); got != "ALL voice UNKNOWN" {
		t.Errorf("classes %q", got)
	}
	if all[1].others != nil {
		t.Error("classes of another configuration are compared with those of today")
	}
}

func TestExplainCommand(t *testing.T) {
	w := newWorld(t, t.TempDir())
	for _, line := range []string{
		explainConfig, "eth0 < discover xid=1 hw=02:00:00:00:00:01", "eth0 < discover xid=2 hw=02:00:00:00:00:02 giaddr=203.0.113.1",
		`command leasehold-explain {}`, `command leasehold-explain {"dropped": true}`, `command leasehold-explain {"limit": 0}`,
		`command leasehold-explain {"client": "nobody"}`, `command leasehold-explain {"client": 7}`,
	} {
		if err := w.do(line); err != nil {
			t.Fatal(err)
		}
	}
	var answers []string
	for _, line := range w.out {
		if strings.HasPrefix(line, "answer") {
			answers = append(answers, line)
		}
	}
	want := "answer 0 2 decision(s), 0 lease(s)\nanswer 0 1 decision(s), 0 lease(s)\nanswer 3 0 decision(s), 0 lease(s)\nanswer 3 0 decision(s), 0 lease(s)\nanswer 1 invalid type specified for parameter 'client' (command:1:12)"
	if got := strings.Join(answers, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkRecord is what a query pays for being remembered.
func BenchmarkRecord(b *testing.B) {
	cfg, err := config.Parse("bench", []byte(`{ "Dhcp4": { "subnet4": [ { "id": 1, "subnet": "10.0.0.0/8", "pools": [ { "pool": "10.0.0.0/9" } ] } ] } }`))
	if err != nil {
		b.Fatal(err)
	}
	e := New(cfg.V4, lease.NewStore(4, 1), Options{Now: time.Unix(1_700_000_000, 0), Seed: 1, Diskless: true})
	w := newWorld(b, b.TempDir())
	data, arrival, err := parseQuery("discover xid=1 hw=02:00:00:00:00:01 giaddr=10.0.0.1 cid=0102030405 host='pc'", w.ifaces["eth0"])
	if err != nil {
		b.Fatal(err)
	}
	q, fx := &Query{Data: data, Arrival: arrival}, &Effects{}
	q.Decode4()
	e.Step(time.Unix(1_700_000_000, 0), []Input{q}, fx)
	if len(fx.Responses) != 1 {
		b.Fatal("no answer")
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		binary.BigEndian.PutUint32(data[4:], uint32(i))
		e.record(q)
		e.recorder.settle(q.recorded, e.clock, nil)
	}
}

// FuzzSeek: whatever is asked for, the answer is a client or nobody.
func FuzzSeek(f *testing.F) {
	for _, s := range []string{"", "192.0.2.1", "::1", "02:00:00:00:00:01", "0x0102", "a-b", "host.example.", ":::"} {
		f.Add(s)
	}
	x := record{}
	x.given.set(netip.MustParseAddr("192.0.2.1"))
	f.Fuzz(func(t *testing.T, s string) {
		want := seek(s)
		want.fits(&x)
	})
}
