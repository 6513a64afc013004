package engine

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

const scenarioDir = "../../testdata/dhcp4"

// scenario is a file of testdata/dhcp4: blocks of input, each followed by
// "----" and the transcript of what the server did.
//
// Input lines:
//
//	config FILE                       members of Dhcp4, beside the scenario
//	config { … }                      the same in place; "}" alone ends it
//	iface NAME PREFIX…                addresses of an interface (eth0 192.0.2.1/24)
//	lease ADDR WORD…                  a lease to begin with
//	IFACE < TYPE WORD…                a query arrives (datagram_test.go)
//	at TIME                           time since the start; what is due is done
//	at TIME IFACE < …                 both
//	watch ID…                         log messages to show from now on
//	show stats NAME… | show leases    what the server knows
//	command NAME JSON                 a command and the text of its answer
//	reload FILE | reload { … }        another configuration
//	disk fails | disk works           what appending to the lease file does
//	kea no|differs REASON             see interop_test.go
//
// The transcript is rewritten by `make golden`; comments behind its lines stay.
type scenario struct {
	path   string
	blocks []block
}

type block struct {
	head  string   // input as written
	steps []string // input lines without comments; "{" of a config joined
	want  []string
	asks  bool // there was a "----"
}

func readScenario(path string) (*scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &scenario{path: path}
	var b block
	var head strings.Builder
	var brace []string
	out := false
	flush := func() {
		if out || len(b.steps) > 0 {
			b.head, b.asks = head.String(), out
			s.blocks = append(s.blocks, b)
		}
		b, out = block{}, false
		head.Reset()
	}
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		line := sc.Text()
		switch {
		case out && strings.TrimSpace(line) == "":
			flush()
		case out:
			b.want = append(b.want, line)
		case line == "----" && brace == nil:
			out = true
		default:
			head.WriteString(line + "\n")
			if brace != nil {
				brace = append(brace, line)
				if line == "}" {
					b.steps = append(b.steps, strings.Join(brace, "\n"))
					brace = nil
				}
				continue
			}
			line, _, _ = strings.Cut(line, " # ")
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if strings.HasSuffix(line, "{") {
				brace = []string{line}
				continue
			}
			b.steps = append(b.steps, line)
		}
	}
	flush()
	if brace != nil {
		return nil, errors.New(path + `: no "}" at the start of a line`)
	}
	return s, sc.Err()
}

// write puts the transcript got into the file, keeping comments of lines that
// did not change.
func (s *scenario) write(got [][]string) error {
	var b strings.Builder
	for i, bl := range s.blocks {
		b.WriteString(bl.head)
		if !bl.asks && len(got[i]) == 0 {
			continue
		}
		b.WriteString("----\n")
		for _, l := range got[i] {
			for _, w := range bl.want {
				if uncomment(w) == l {
					l = w
				}
			}
			b.WriteString(l + "\n")
		}
		if i+1 < len(s.blocks) {
			b.WriteString("\n")
		}
	}
	return os.WriteFile(s.path, []byte(b.String()), 0o644)
}

func uncomment(l string) string {
	l, _, _ = strings.Cut(l, "  # ")
	return strings.TrimRight(l, " ")
}

// tester is what a test and a random run have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

// world is one server in memory and what stands around it.
type world struct {
	t        tester
	dir      string
	ifaces   map[string]*wire.Interface
	presets  []lease.Lease
	family   *config.Family
	engine   *Engine
	store    *lease.Store
	now      time.Time
	watched  map[string]bool
	diskFail bool
	out      []string
	// answered is called for every response, with its query.
	answered func(*Query)
}

// start is when scenarios begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t tester, dir string) *world {
	w := &world{t: t, dir: dir, now: start, ifaces: map[string]*wire.Interface{}, watched: map[string]bool{}}
	w.iface("eth0", "192.0.2.1/24")
	return w
}

func (w *world) iface(name string, prefixes ...string) {
	i := &wire.Interface{Name: name, Index: len(w.ifaces) + 2, MAC: serverMAC}
	for _, p := range prefixes {
		i.V4 = append(i.V4, netip.MustParsePrefix(p))
	}
	w.ifaces[name] = i
}

// wrap makes a whole configuration of the members of Dhcp4.
func wrap(members string) string {
	head := `{"Dhcp4": {`
	if !strings.Contains(members, `"interfaces-config"`) {
		head += `"interfaces-config": {"interfaces": ["*"]},`
	}
	if !strings.Contains(members, `"lease-database"`) {
		head += `"lease-database": {"type": "memfile", "persist": false},`
	}
	return head + "\n" + members + "\n}}"
}

// members reads "FILE" or "{ … }" of a config or reload line.
func members(dir, arg string) (string, error) {
	if body, ok := strings.CutPrefix(arg, "{"); ok {
		return strings.TrimSuffix(strings.TrimSpace(body), "}"), nil
	}
	text, err := os.ReadFile(filepath.Join(dir, arg))
	return string(text), err
}

func parse4(name, arg, dir string) (*config.Family, error) {
	m, err := members(dir, arg)
	if err != nil {
		return nil, err
	}
	c, err := config.Parse(name, []byte(wrap(m)))
	if err != nil {
		return nil, err
	}
	return c.V4, nil
}

// launch makes the engine when the first thing happens to it.
func (w *world) launch() {
	if w.engine != nil {
		return
	}
	if w.family == nil {
		w.t.Fatal("no config")
	}
	w.store = lease.NewStore(4, 1)
	for _, l := range w.presets {
		w.store.Put(l)
	}
	w.engine = New(w.family, w.store, Options{
		Now: w.now, Seed: 1,
		Enabled: func(m *message.Message) bool { return w.watched[m.ID] },
	})
	var own []netip.Addr
	for _, i := range w.ifaces {
		for _, p := range i.V4 {
			own = append(own, p.Addr())
		}
	}
	w.step(Addresses{Own: own})
}

// step enters the engine and plays the disk until it has nothing left to do.
func (w *world) step(in ...Input) {
	w.launch()
	fx := &Effects{}
	for {
		fx.Reset()
		w.engine.Step(w.now, in, fx)
		w.show(fx)
		switch {
		case len(fx.Journal) > 0:
			a := Appended{Seq: fx.Journal[len(fx.Journal)-1].Seq}
			if w.diskFail {
				a.Err = errors.New("no space left on device")
			}
			in = []Input{a}
		case fx.Waiting:
			in = []Input{TakeJournal{}}
		default:
			return
		}
	}
}

func (w *world) print(format string, a ...any) {
	w.out = append(w.out, strings.TrimRight(fmt.Sprintf(format, a...), " "))
}

func (w *world) show(fx *Effects) {
	for _, l := range fx.Log {
		_, text, labelled := strings.Cut(string(fx.LogText[l.Start:l.End]), "tid=")
		if labelled {
			_, text, _ = strings.Cut(text, ": ")
		} else {
			text = string(fx.LogText[l.Start:l.End])
		}
		w.print("log %s %s", l.Msg.ID, text)
	}
	for _, q := range fx.Responses {
		if w.answered != nil {
			w.answered(q)
		}
		w.print("%s > %s", q.Arrival.Iface.Name, printResponse(w.t, q.Response, q.Departure))
	}
	for _, q := range fx.Done {
		switch {
		case q.drop != nil:
			w.print("nothing: %s", q.drop.Name)
		case q.waiting.failed:
			w.print("nothing: lease not stored")
		default:
			w.print("nothing")
		}
	}
	for _, a := range fx.Answers {
		w.print("answer %d %s", a.Answer.Result, a.Answer.Text)
	}
}

var statPattern = regexp.MustCompile(`^subnet\[(\d+)\](?:\.pool\[(\d+)\])?\.(.*)$`)

// stat returns the value of a statistic by Kea's name.
func (w *world) stat(name string) (int64, bool) {
	if m := statPattern.FindStringSubmatch(name); m != nil {
		id, _ := strconv.Atoi(m[1])
		s := w.engine.subnets[uint32(id)]
		st := slices.Index(scopedNames4(), m[3])
		if s == nil || st < 0 {
			return 0, false
		}
		if m[2] == "" {
			return s.counts[st].value, true
		}
		for _, p := range s.pools {
			if fmt.Sprint(p.ID) == m[2] {
				return p.counts[st].value, true
			}
		}
		return 0, false
	}
	i := slices.Index(names4[:], name)
	if i <= 0 {
		return 0, false
	}
	return w.engine.stats.global[i].value, true
}

func scopedNames4() []string { n := scopedNames[4]; return n[:] }

// do carries out one line.
func (w *world) do(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	f := strings.Fields(rest)
	switch word {
	case "config", "reload":
		c, err := parse4(word, rest, w.dir)
		if err != nil {
			return err
		}
		w.family = c
		if word == "reload" {
			w.step(Reconfigured{Family: c})
		}
	case "iface":
		w.iface(f[0], f[1:]...)
	case "lease":
		l, err := parseLease(f, w.now)
		if err != nil {
			return err
		}
		w.presets = append(w.presets, l)
	case "at":
		at, after, _ := strings.Cut(rest, " ")
		d, err := time.ParseDuration(at)
		if err != nil {
			return err
		}
		w.launch()
		w.now = start.Add(d)
		w.step(Tick{})
		if after = strings.TrimSpace(after); after != "" {
			return w.do(after)
		}
	case "watch":
		for _, id := range f {
			w.watched[id] = true
		}
	case "show":
		w.launch()
		return w.showWhat(f)
	case "command":
		name, args, _ := strings.Cut(rest, " ")
		c := &CommandReceived{Name: name}
		if args != "" {
			v, _, err := config.ParseValue("command", []byte(args), false)
			if err != nil {
				return err
			}
			c.Arguments = v
		}
		w.step(c)
	case "disk":
		w.diskFail = rest == "fails"
	case "kea":
	default:
		i, known := w.ifaces[word]
		if !known || len(f) < 2 || f[0] != "<" {
			return fmt.Errorf("unknown word %q", word)
		}
		q := &Query{}
		var err error
		q.Data, q.Arrival, err = parseQuery(strings.TrimSpace(rest[1:]), i)
		if err != nil {
			return err
		}
		q.Decode4()
		w.step(q)
	}
	return nil
}

func (w *world) showWhat(f []string) error {
	switch {
	case len(f) > 0 && f[0] == "leases":
		for _, l := range w.store.Page(nil, netip.Addr{}, 1000) {
			w.print("lease %s", printLease(&l, w.now))
		}
	case len(f) > 1 && f[0] == "stats":
		line := "stats"
		for _, n := range f[1:] {
			v, ok := w.stat(n)
			if !ok {
				return fmt.Errorf("no statistic %s", n)
			}
			line += fmt.Sprintf(" %s=%d", n, v)
		}
		w.print("%s", line)
	default:
		return fmt.Errorf("show what? %v", f)
	}
	return nil
}

var leaseStates = []string{"default", "declined", "reclaimed", "released", "registered"}

func parseLease(f []string, now time.Time) (lease.Lease, error) {
	l := lease.Lease{SubnetID: 1, HWType: 1, Valid: 3600}
	var err error
	if l.Addr, err = netip.ParseAddr(f[0]); err != nil {
		return l, err
	}
	expires := 3600 * time.Second
	for _, x := range f[1:] {
		k, v, _ := strings.Cut(x, "=")
		n, numErr := strconv.ParseUint(v, 10, 32)
		switch k {
		case "hw", "cid":
			b, e := parseBytes(v)
			if k == "hw" {
				l.HWAddr = string(b)
			} else {
				l.ClientID = string(b)
			}
			err = e
		case "expires":
			expires, err = time.ParseDuration(v)
		case "valid":
			l.Valid, err = uint32(n), numErr
		case "subnet":
			l.SubnetID, err = uint32(n), numErr
		case "pool":
			l.PoolID, err = uint32(n), numErr
		case "host":
			l.Hostname = v
		case "state":
			i := slices.Index(leaseStates, v)
			if i < 0 {
				return l, fmt.Errorf("no state %s", v)
			}
			l.State = lease.State(i)
		default:
			err = fmt.Errorf("unknown word %q", x)
		}
		if err != nil {
			return l, err
		}
	}
	l.CLTT = now.Add(expires).Unix() - int64(l.Valid)
	return l, nil
}

func printLease(l *lease.Lease, now time.Time) string {
	s := fmt.Sprintf("%s hw=%s", l.Addr, net.HardwareAddr(l.HWAddr))
	if l.ClientID != "" {
		s += " cid=" + hex.EncodeToString([]byte(l.ClientID))
	}
	if l.Valid == lease.Infinite {
		s += " valid=infinite"
	} else {
		s += fmt.Sprintf(" valid=%d expires=%+ds", l.Valid, l.Expires()-now.Unix())
	}
	s += fmt.Sprintf(" subnet=%d", l.SubnetID)
	if l.PoolID != 0 {
		s += fmt.Sprintf(" pool=%d", l.PoolID)
	}
	if l.State != lease.Default {
		s += " state=" + leaseStates[l.State]
	}
	if l.Hostname != "" {
		s += " host=" + l.Hostname
	}
	if l.FQDNFwd || l.FQDNRev {
		s += fmt.Sprintf(" fwd=%t rev=%t", l.FQDNFwd, l.FQDNRev)
	}
	return s
}

// play runs a scenario in memory and returns its transcript, block by block.
func (s *scenario) play(w *world) [][]string {
	var got [][]string
	for _, b := range s.blocks {
		w.out = nil
		for _, line := range b.steps {
			if err := w.do(line); err != nil {
				w.t.Fatalf("%s: %s\n%v", s.path, line, err)
			}
		}
		got = append(got, w.out)
	}
	return got
}

func scenarios(t testing.TB) []*scenario {
	paths, err := filepath.Glob(scenarioDir + "/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var all []*scenario
	for _, p := range paths {
		s, err := readScenario(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// TestScenarios plays testdata/dhcp4. UPDATE=1 rewrites the transcripts.
func TestScenarios(t *testing.T) {
	for _, s := range scenarios(t) {
		t.Run(strings.TrimSuffix(filepath.Base(s.path), ".txt"), func(t *testing.T) {
			w := newWorld(t, filepath.Dir(s.path))
			w.answered = func(q *Query) { w.checkResponse(q) }
			got := s.play(w)
			w.checkState()
			if os.Getenv("UPDATE") == "1" {
				if err := s.write(got); err != nil {
					t.Fatal(err)
				}
				return
			}
			for i, b := range s.blocks {
				var want []string
				for _, l := range b.want {
					want = append(want, uncomment(l))
				}
				if !slices.Equal(want, got[i]) {
					t.Errorf("%s\nwant:\n  %s\ngot:\n  %s", b.head, strings.Join(want, "\n  "), strings.Join(got[i], "\n  "))
				}
			}
		})
	}
}
