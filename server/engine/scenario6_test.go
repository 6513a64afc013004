package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

var update6 = flag.Bool("update6", false, "write what happens into testdata/dhcp6")

// TestScenarios6 plays testdata/dhcp6: each file is a story of one server. A
// block is a command, "----", and what is expected to happen. Only commit what
// -update6 wrote if you understand why it changed.
//
//	config          the lines that follow replace the configuration
//	solicit …       and the other messages, see datagram
//	advance 30s     lets time pass, with what is due then
//	links           the system's links have changed
//	leases          prints the lease store
//	stats NAME…     prints statistics; subnet[1].NAME for those of a subnet
func TestScenarios6(t *testing.T) {
	files, err := filepath.Glob("../../testdata/dhcp6/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, now: time.Unix(1_700_000_000, 0)}
	var out strings.Builder
	for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
		command, want, ok := strings.Cut(block+"\n", "\n----\n")
		if !ok { // a comment of its own
			out.WriteString(block + "\n\n")
			continue
		}
		got := s.play(command)
		if got != want && !*update6 {
			t.Errorf("%s\n----\ngot:\n%swant:\n%s", command, got, want)
		}
		out.WriteString(command + "\n----\n" + got + "\n")
	}
	if *update6 {
		if err := os.WriteFile(file, []byte(strings.TrimSpace(out.String())+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// scene is the server of one story.
type scene struct {
	t   *testing.T
	e   *Engine
	now time.Time
}

var (
	serverDUID = []byte{0, 3, 0, 1, 0x5e, 0x1f, 0, 0, 0, 1}
	testIface  = &wire.Interface{Name: "eth0", Index: 2, V6: []netip.Prefix{netip.MustParsePrefix("2001:db8:7::1/64")}}
	serverLL   = netip.MustParseAddr("fe80::5e")
)

func (s *scene) play(command string) string {
	lines := strings.SplitN(command, "\n", 2)
	for strings.HasPrefix(lines[0], "#") && len(lines) == 2 {
		lines = strings.SplitN(lines[1], "\n", 2)
	}
	words := strings.Fields(lines[0])
	switch words[0] {
	case "config":
		return s.configure(lines[1])
	case "advance":
		d, err := time.ParseDuration(words[1])
		if err != nil {
			s.t.Fatal(err)
		}
		s.now = s.now.Add(d)
		return "ok\n" + routes(s.step(Tick{}))
	case "links":
		return "ok\n" + routes(s.step(LinksChanged{}))
	case "leases":
		return s.leases()
	case "stats":
		return s.stats(words[1:])
	}
	return s.exchange(words)
}

func (s *scene) configure(text string) string {
	cfg, err := config.Parse("config", []byte(text))
	if err != nil {
		return err.Error() + "\n"
	}
	if s.e != nil {
		return "ok\n" + routes(s.step(Reconfigured{Family: cfg.V6}))
	}
	s.e = New(cfg.V6, lease.NewStore(6, 1), Options{Now: s.now, Seed: 1, DUID: serverDUID, Diskless: true})
	return "ok\n"
}

func (s *scene) step(in Input) *Effects {
	fx := &Effects{}
	s.e.Step(s.now, []Input{in}, fx)
	return fx
}

func (s *scene) exchange(words []string) string {
	q := &Query{Data: s.datagram(words)}
	q.Arrival = wire.Arrival{
		Iface: testIface, Src: netip.MustParseAddrPort("[fe80::c1]:546"),
		Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Local: serverLL, Multi: true,
	}
	for _, w := range words[1:] {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "src":
			q.Arrival.Src = netip.AddrPortFrom(netip.MustParseAddr(v), 546)
		case "unicast":
			q.Arrival.Multi = false
		case "relay":
			q.Arrival.Src, q.Arrival.Multi = netip.MustParseAddrPort("[2001:db8:ffff::9]:1547"), false
		}
	}
	q.Decode6()
	fx := s.step(q)
	if len(fx.Responses) == 0 {
		if q.drop != nil {
			return "no answer: " + q.drop.Name + "\n"
		}
		return "no answer\n"
	}
	var out strings.Builder
	fmt.Fprintf(&out, "to %s\n", q.Departure.Dst)
	printMessage(&out, "", q.Response)
	return out.String() + routes(fx)
}

// routes tells what is to be done with routes.
func routes(fx *Effects) string {
	var out strings.Builder
	if fx.Routes.All {
		out.WriteString("routes are these alone:\n")
	}
	for _, r := range fx.Routes.List {
		if r.Via.IsValid() {
			fmt.Fprintf(&out, "route %s via %s on %s\n", r.Prefix, r.Via, r.Iface)
		} else {
			fmt.Fprintf(&out, "no route %s\n", r.Prefix)
		}
	}
	return out.String()
}

// datagram makes a message of words:
//
//	duid=HEX  server  xid=HEX  rapid  oro=23,24  option=CODE:HEX
//	na=IAID[,ADDR[@PREFERRED/VALID]]…  pd=IAID[,PREFIX/LEN]…
//	relay=LINK,PEER[,INTERFACE-ID[,CODE:HEX]…]   nearest to the client first
func (s *scene) datagram(words []string) []byte {
	types := map[string]byte{
		"solicit": 1, "request": 3, "confirm": 4, "renew": 5, "rebind": 6, "release": 8, "decline": 9,
		"information-request": 11, "addr-reg-inform": 36, "reply": 7,
	}
	typ, ok := types[words[0]]
	if !ok {
		s.t.Fatalf("unknown command %q", words[0])
	}
	msg := []byte{typ, 0, 0, 1}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		switch k {
		case "duid":
			msg = append(msg, rawOption6(1, unhex(v))...)
		case "server":
			msg = append(msg, rawOption6(2, serverDUID)...)
		case "rapid":
			msg = append(msg, rawOption6(14, nil)...)
		case "oro":
			var b []byte
			for _, c := range strings.Split(v, ",") {
				b = binary.BigEndian.AppendUint16(b, uint16(number10(c)))
			}
			msg = append(msg, rawOption6(6, b)...)
		case "option":
			msg = append(msg, coded(v)...)
		case "na", "pd":
			msg = append(msg, iaOption(k, v)...)
		case "relay":
			msg = relayed(msg, v)
		case "src", "unicast":
		default:
			s.t.Fatalf("unknown word %q", w)
		}
	}
	return msg
}

func rawOption6(code uint16, v []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(v)))
	return append(b, v...)
}

func coded(v string) []byte {
	c, h, _ := strings.Cut(v, ":")
	return rawOption6(uint16(number10(c)), unhex(h))
}

func iaOption(kind, v string) []byte {
	parts := strings.Split(v, ",")
	b := binary.BigEndian.AppendUint32(nil, uint32(number10(parts[0])))
	b = append(b, make([]byte, 8)...)
	for _, p := range parts[1:] {
		p, times, _ := strings.Cut(p, "@")
		preferred, valid, _ := strings.Cut(times, "/")
		var life []byte
		life = binary.BigEndian.AppendUint32(life, uint32(number10(preferred)))
		life = binary.BigEndian.AppendUint32(life, uint32(number10(valid)))
		if kind == "na" {
			a := netip.MustParseAddr(p).As16()
			b = append(b, rawOption6(5, append(a[:], life...))...)
			continue
		}
		x := netip.MustParsePrefix(p)
		a := x.Addr().As16()
		b = append(b, rawOption6(26, append(append(life, byte(x.Bits())), a[:]...))...)
	}
	if kind == "na" {
		return rawOption6(3, b)
	}
	return rawOption6(25, b)
}

func relayed(msg []byte, v string) []byte {
	parts := strings.Split(v, ",")
	b := []byte{wire.RelayForw, 0}
	for _, p := range parts[:2] {
		a := netip.MustParseAddr(p).As16()
		b = append(b, a[:]...)
	}
	if len(parts) > 2 && parts[2] != "" {
		b = append(b, rawOption6(18, []byte(parts[2]))...)
	}
	for i := 3; i < len(parts); i++ {
		b = append(b, coded(parts[i])...)
	}
	return append(b, rawOption6(9, msg)...)
}

func number10(s string) uint64 {
	n, _ := strconv.ParseUint(s, 10, 32)
	return n
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// printMessage tells a response, relays by indentation.
func printMessage(out *strings.Builder, indent string, b []byte) {
	if b[0] == wire.RelayRepl {
		link, peer := netip.AddrFrom16([16]byte(b[2:18])), netip.AddrFrom16([16]byte(b[18:34]))
		fmt.Fprintf(out, "%sRELAY_REPLY hop %d link %s peer %s\n", indent, b[1], link, peer)
		printOptions(out, indent+"  ", b[34:])
		return
	}
	fmt.Fprintf(out, "%s%s\n", indent, typeName6(b[0]))
	printOptions(out, indent+"  ", b[4:])
}

func printOptions(out *strings.Builder, indent string, run []byte) {
	for {
		code, v, rest, ok := wire.NextOption6(run)
		if !ok {
			if len(run) > 0 {
				fmt.Fprintf(out, "%sgarbage %x\n", indent, run)
			}
			return
		}
		run = rest
		switch code {
		case wire.Opt6ServerID:
			if bytes.Equal(v, serverDUID) {
				fmt.Fprintf(out, "%sserver-id\n", indent)
				continue
			}
			fmt.Fprintf(out, "%sserver-id %x\n", indent, v)
		case wire.Opt6ClientID:
			fmt.Fprintf(out, "%sclient-id %x\n", indent, v)
		case wire.Opt6IANA, wire.Opt6IAPD:
			name := map[uint16]string{3: "IA_NA", 25: "IA_PD"}[code]
			fmt.Fprintf(out, "%s%s %d t1 %d t2 %d\n", indent, name, wire.IA(v).IAID(), binary.BigEndian.Uint32(v[4:]), binary.BigEndian.Uint32(v[8:]))
			printOptions(out, indent+"  ", v[12:])
		case wire.Opt6IAAddr, wire.Opt6IAPrefix:
			r := wire.ReadIAResource(code, v)
			fmt.Fprintf(out, "%s%s/%d preferred %d valid %d\n", indent, r.Addr, r.Len, r.Preferred, r.Valid)
			if code == wire.Opt6IAPrefix {
				printOptions(out, indent+"  ", v[25:])
			}
		case wire.Opt6StatusCode:
			fmt.Fprintf(out, "%sstatus %d\n", indent, binary.BigEndian.Uint16(v))
		case wire.Opt6RelayMsg:
			printMessage(out, indent, v)
		default:
			fmt.Fprintf(out, "%soption %d %x\n", indent, code, v)
		}
	}
}

func (s *scene) leases() string {
	var out strings.Builder
	for _, l := range s.e.store.Page(nil, netip.Addr{}, 1000) {
		fmt.Fprintf(&out, "%s/%d %s iaid %d subnet %d state %d preferred %d valid %d", l.Addr, l.PrefixLen,
			hex.EncodeToString([]byte(l.ClientID)), l.IAID, l.SubnetID, l.State, l.Preferred, l.Valid)
		if l.HWAddr != "" {
			fmt.Fprintf(&out, " hw %x from %d", l.HWAddr, l.HWSource)
		}
		if l.Hostname != "" {
			fmt.Fprintf(&out, " name %s", l.Hostname)
		}
		if l.UserContext != "" {
			fmt.Fprintf(&out, " %s", l.UserContext)
		}
		out.WriteByte('\n')
	}
	if out.Len() == 0 {
		return "none\n"
	}
	return out.String()
}

func (s *scene) stats(names []string) string {
	var out strings.Builder
	for _, name := range names {
		value, ok := int64(0), false
		for i, n := range names6 {
			if n == name && i > 0 {
				value, ok = s.e.stats.global[i].value, true
			}
		}
		var id uint32
		var scoped string
		if n, _ := fmt.Sscanf(name, "subnet[%d].%s", &id, &scoped); n == 2 {
			for st, n := range scopedNames[6] {
				if n == scoped {
					value, ok = s.e.subnets[id].counts[st].value, true
				}
			}
		}
		if !ok {
			s.t.Fatalf("no statistic %s", name)
		}
		fmt.Fprintf(&out, "%s %d\n", name, value)
	}
	return out.String()
}

// FuzzReceive6 throws datagrams at an engine that has everything configured:
// whatever arrives, it neither panics nor loses a query, and what it answers
// can be read.
func FuzzReceive6(f *testing.F) {
	s := &scene{t: &testing.T{}}
	for _, words := range []string{
		"solicit duid=00030001020304050607 na=1 pd=2,::/56 oro=23,24,17 rapid",
		"request duid=00030001020304050607 server na=1,2001:db8:1::10 pd=2",
		"renew duid=00030001020304050607 server na=1,2001:db8:1::10@10/20 relay=2001:db8:1::1,fe80::1,port,37:0000000961",
		"release duid=00030001020304050607 server na=1,2001:db8:1::10",
		"information-request option=17:0000118b0001000400200021",
	} {
		f.Add(s.datagram(strings.Fields(words)))
	}
	text, err := os.ReadFile("../../testdata/dhcp6/everything.json")
	if err != nil {
		f.Fatal(err)
	}
	cfg, err := config.Parse("everything.json", text)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	e := New(cfg.V6, lease.NewStore(6, 1), Options{Now: now, Seed: 1, DUID: serverDUID, Diskless: true})
	q, fx := &Query{}, &Effects{}
	f.Fuzz(func(t *testing.T, data []byte) {
		q.Reset()
		q.Data = data
		q.Arrival = wire.Arrival{
			Iface: testIface, Src: netip.MustParseAddrPort("[fe80::202:3ff:fe04:506]:546"),
			Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Local: serverLL, Multi: true,
		}
		q.Decode6()
		fx.Reset()
		now = now.Add(time.Second)
		e.Step(now, []Input{q, TakeJournal{}, Tick{}}, fx)
		for _, s := range e.ordered {
			for _, p := range append(s.pools[:len(s.pools):len(s.pools)], s.pd...) {
				for i := range min(p.free.Size(), 64) {
					if p.free.Reasons(i)&heldByQuery != 0 {
						t.Fatalf("%s stays held for a query that is over", p.addr(i))
					}
				}
			}
		}
		if len(fx.Responses)+len(fx.Done) != 1 {
			t.Fatalf("%d responses and %d drops of one query", len(fx.Responses), len(fx.Done))
		}
		if len(fx.Responses) == 1 {
			var out strings.Builder
			printMessage(&out, "", q.Response)
			if strings.Contains(out.String(), "garbage") {
				t.Fatal(out.String())
			}
		}
	})
}
