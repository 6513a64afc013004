package ha

import (
	"flag"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
)

var rewrite = flag.Bool("update", false, "rewrite the files in testdata; only commit them if you understand what changed")

// TestPairs runs testdata/ha/*.txt: two machines with encoded commands between
// them and a clock that only the script moves. A block is commands, a line
// ----, and the transcript of what followed.
func TestPairs(t *testing.T) {
	files, _ := filepath.Glob("../testdata/ha/pair-*.txt")
	if len(files) == 0 {
		t.Fatal("no scenarios")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(t, string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(text) {
				t.Errorf("transcript differs:\n%s", lineDiff(string(text), got))
			}
		})
	}
}

func lineDiff(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := 0; i < len(w) || i < len(g); i++ {
		a, b := "<end>", "<end>"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n want %s\n got  %s", i+1, a, b)
		}
	}
	return ""
}

func runScript(t *testing.T, text string) string {
	var out strings.Builder
	p := &pairTest{t: t, now: time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)}
	p.begin = p.now
	for _, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		commands, _, _ := strings.Cut(block, "\n----")
		p.out.Reset()
		if out.Len() > 0 {
			out.WriteString("\n")
		}
		out.WriteString(commands + "\n----\n")
		for _, line := range strings.Split(commands, "\n") {
			if !strings.HasPrefix(line, "#") {
				p.do(strings.Fields(line))
			}
		}
		out.WriteString(p.out.String())
	}
	return out.String()
}

func (p *pairTest) do(words []string) {
	args := map[string]string{}
	var plain []string
	for _, w := range words {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = v
		} else {
			plain = append(plain, w)
		}
	}
	node := func() *node {
		n := p.nodes[plain[1]]
		if n == nil {
			p.t.Fatalf("no node %q", plain[1])
		}
		return n
	}
	switch plain[0] {
	case "mode":
		p.setup(plain[1], args)
	case "start":
		node().start()
	case "kill":
		n := node()
		n.up = false
		n.run++
		if o := n.other(); o.up && !p.cut {
			p.at(0, func() { o.step(&Event{On: OnClosed, Peer: n.name}) })
		}
	case "leave":
		n := node()
		p.token++
		n.calls[p.token] = func(*Reply) { p.printf("%s may stop", n.name) }
		n.step(&Event{On: OnLeave, Token: p.token})
	case "cut":
		p.cut = true
	case "heal":
		p.cut = false
	case "run":
		d, err := time.ParseDuration(plain[1])
		if err != nil {
			p.t.Fatal(err)
		}
		p.advance(d)
	case "short":
		node().short()
	case "lease":
		node().commit(plain[2], false)
	case "release":
		node().commit(plain[2], true)
	case "command":
		n := node()
		body := fmt.Sprintf(`{"command":%q,"service":["dhcp4"],"arguments":{%s}}`, plain[2], strings.Join(plain[3:], " "))
		if len(plain) == 3 {
			body = fmt.Sprintf(`{"command":%q}`, plain[2])
		}
		n.receive([]byte(body), func(answer []byte) { p.printf("%s answers %s", n.name, answer) })
	case "clients":
		n := node()
		count, _ := strconv.Atoi(plain[2])
		secs, _ := strconv.Atoi(args["secs"])
		for i := range count {
			hw := []byte{2, 0, 0, 0, 1, byte(i)}
			n.step(&Event{On: OnOutOfScope, Query: Query{Key: hw, HWAddr: hw, Filtered: true, Tried: Secs4(uint16(secs)), HasTried: true}})
		}
	case "set":
		n := node()
		n.refuse = args["refuse"] == "yes"
		n.stall = args["stall"] == "yes"
		if v, ok := args["skew"]; ok {
			n.skew, _ = time.ParseDuration(v)
		}
	case "show":
		for _, name := range []string{"a", "b"} {
			n := p.nodes[name]
			if !n.up {
				p.printf("%s is off", name)
				continue
			}
			n.switches.Expire(p.now)
			p.printf("%s %s serves %v service %s leases %d parked %d partner %q", name, n.m.State(), n.m.Scopes(nil),
				map[bool]string{true: "on", false: "off"}[n.switches.On()], len(n.store), len(n.parked), n.m.PartnerState())
		}
	case "status":
		p.printf("%s", node().m.AppendStatus(nil, p.now))
	case "compare":
		a, b := p.nodes["a"].addresses(), p.nodes["b"].addresses()
		if maps.Equal(p.nodes["a"].store, p.nodes["b"].store) {
			p.printf("leases are equal")
		} else {
			p.printf("leases differ: %v %v", a, b)
		}
	default:
		p.t.Fatalf("unknown word %q", plain[0])
	}
}

func (p *pairTest) setup(mode string, args map[string]string) {
	duration := func(key string, def time.Duration) time.Duration {
		if v, ok := args[key]; ok {
			d, err := time.ParseDuration(v)
			if err != nil {
				p.t.Fatal(err)
			}
			return d
		}
		return def
	}
	number := func(key string, def uint32) uint32 {
		if v, ok := args[key]; ok {
			n, err := strconv.ParseUint(v, 10, 32)
			if err != nil {
				p.t.Fatal(err)
			}
			return uint32(n)
		}
		return def
	}
	second := roleStandby
	if mode == modeLoadBalancing {
		second = roleSecondary
	}
	if mode == modePassiveBackup {
		second = roleBackup
	}
	p.latency = duration("latency", time.Millisecond)
	p.nodes = map[string]*node{}
	for _, name := range []string{"a", "b"} {
		rel := &config.Relationship{
			ThisServer: name, Mode: mode, SendUpdates: true, SyncLeases: args["sync"] != "no",
			SyncTimeout: time.Minute, SyncPageLimit: number("page", 3),
			DelayedUpdates: number("delayed", 0), HeartbeatDelay: duration("heartbeat", 2*time.Second),
			MaxResponse: duration("response", 6*time.Second), MaxAck: duration("ack", time.Second),
			MaxUnacked: number("unacked", 2), MaxRejected: number("rejected", 3),
			WaitBackupAck: args["wait"] == "yes",
			Peers:         []config.Peer{{Name: "a", Role: rolePrimary, AutoFailover: true}, {Name: "b", Role: second, AutoFailover: true}},
		}
		if v, ok := args["pause"]; ok {
			state, how, _ := strings.Cut(v, ":")
			rel.Pauses = map[string]string{state: how}
		}
		n := &node{p: p, name: name, rel: rel, store: map[netip.Addr]lease.Lease{}, kea: args["kea"] == name || args["kea"] == "both", family: int(number("family", 4))}
		p.nodes[name] = n
	}
}

// pairTest is two nodes, the network between them, and the time.
type pairTest struct {
	t          *testing.T
	begin, now time.Time
	nodes      map[string]*node
	cut        bool
	queue      []appointment
	out        strings.Builder
	token      uint64
	latency    time.Duration
	sent       func(*Action) // sees every command, if set
}

type appointment struct {
	at time.Time
	fn func()
}

func (p *pairTest) printf(format string, args ...any) {
	fmt.Fprintf(&p.out, "%8.3fs ", p.now.Sub(p.begin).Seconds())
	fmt.Fprintf(&p.out, format+"\n", args...)
}

func (p *pairTest) at(d time.Duration, fn func()) {
	p.queue = append(p.queue, appointment{p.now.Add(d), fn})
	sort.SliceStable(p.queue, func(i, j int) bool { return p.queue[i].at.Before(p.queue[j].at) })
}

// advance runs everything that is due until then.
func (p *pairTest) advance(d time.Duration) {
	end := p.now.Add(d)
	for steps := 0; ; steps++ {
		if steps > 200000 {
			p.t.Fatal("the pair does not come to rest")
		}
		next := end
		var due *node
		for _, name := range []string{"a", "b"} {
			if n := p.nodes[name]; n.up && !n.wake.IsZero() && !n.wake.After(next) {
				next, due = n.wake, n
			}
		}
		if len(p.queue) > 0 && !p.queue[0].at.After(next) {
			a := p.queue[0]
			p.queue = p.queue[1:]
			if a.at.After(p.now) {
				p.now = a.at
			}
			a.fn()
			continue
		}
		if due == nil {
			p.now = end
			return
		}
		if next.After(p.now) {
			p.now = next
		}
		due.wake = time.Time{}
		due.step(&Event{On: OnTick})
	}
}
