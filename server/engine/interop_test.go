package engine

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/lease"
	"leasehold/server/testnet"
	"leasehold/server/wire"
)

// deaf is how long Kea may take to hear of a query before it counts as not
// meant for it, quiet how long to answer then before it counts as silent.
const (
	deaf  = 5 * time.Second
	quiet = 300 * time.Millisecond
)

// TestInteropKea plays the scenarios against an installed Kea 2.2 and compares
// transcripts, if INTEROP is set. It stops a scenario where it would need another time,
// configuration or disk. "kea no REASON" leaves a scenario out, "kea differs
// REASON" does not compare a block. SCENARIO=name picks one; UPDATE=kea records
// testdata/dhcp4/kea22 anew.
func TestInteropKea(t *testing.T) {
	if os.Getenv("INTEROP") == "" && os.Getenv("UPDATE") != "kea" {
		t.Skip("INTEROP=1 plays the scenarios against the installed Kea")
	}
	kea, err := exec.LookPath("kea-dhcp4")
	if err != nil {
		testnet.Missing(t, "kea-dhcp4 is not installed")
	}
	if !testnet.Inside(t) {
		testnet.Again(t, 0)
		return
	}
	for _, s := range scenarios(t) {
		name := strings.TrimSuffix(filepath.Base(s.path), ".txt")
		if only := os.Getenv("SCENARIO"); only != "" && only != name {
			continue
		}
		t.Run(name, func(t *testing.T) { s.compare(t, kea) })
	}
}

// rig is a real Kea and the client's ends of its interfaces.
type rig struct {
	t       *testing.T
	kea     *testnet.Process
	w       *world
	conns   map[string]*packet.Conn
	members string
	record  []exchange
}

// exchange is a query and what Kea answered.
type exchange struct {
	title     string
	arrival   wire.Arrival
	query     []byte
	response  []byte
	departure wire.Departure
}

func (s *scenario) compare(t *testing.T, kea string) {
	w := newWorld(t, filepath.Dir(s.path))
	defer func() {
		for name := range w.ifaces {
			if l, err := netlink.LinkByName(name); err == nil {
				_ = netlink.LinkDel(l)
			}
		}
	}()
	r := &rig{t: t, w: w, conns: map[string]*packet.Conn{}}
	for _, b := range s.blocks {
		var got []string
		differs := false
		for _, line := range b.steps {
			word, rest, _ := strings.Cut(line, " ")
			switch word {
			case "config":
				m, err := members(w.dir, rest)
				if err != nil {
					t.Fatal(err)
				}
				r.members = m
				continue
			case "iface", "lease":
				if err := w.do(line); err != nil {
					t.Fatal(err)
				}
				continue
			case "watch", "show":
				continue
			case "kea":
				how, why, _ := strings.Cut(rest, " ")
				if how == "no" {
					t.Skip(why)
				}
				differs = true
				continue
			case "at", "reload", "command", "disk":
				t.Logf("stopped at %q", line)
				r.save(s)
				return
			}
			if len(r.conns) == 0 {
				defer r.launch(kea)()
			}
			_, q, _ := strings.Cut(rest, "<")
			got = append(got, r.ask(w.ifaces[word], strings.TrimSpace(q)))
		}
		var want []string
		for _, l := range b.want {
			l = uncomment(l)
			if strings.HasPrefix(l, "nothing") {
				l = "nothing"
			}
			if l == "nothing" || strings.Contains(l, " > ") {
				want = append(want, l)
			}
		}
		if !slices.Equal(got, want) && !differs {
			t.Errorf("%s\nours:\n  %s\nKea:\n  %s", b.head, strings.Join(want, "\n  "), strings.Join(got, "\n  "))
		}
		if differs {
			t.Logf("%s\nours:\n  %s\nKea:\n  %s", b.head, strings.Join(want, "\n  "), strings.Join(got, "\n  "))
		}
	}
	r.save(s)
}

// launch starts Kea and returns what ends it.
func (r *rig) launch(kea string) func() {
	t := r.t
	dir := t.TempDir()
	if lo, err := netlink.LinkByName("lo"); err == nil {
		testnet.Must(t, netlink.LinkSetUp(lo)) // or Kea suspends DNS updates
	}
	var names []string
	for name, i := range r.w.ifaces {
		names = append(names, name)
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.HardwareAddr = name, serverMAC
		testnet.Must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: name + "p"}))
		for _, n := range []string{name, name + "p"} {
			l, err := netlink.LinkByName(n)
			testnet.Must(t, err)
			testnet.Must(t, netlink.LinkSetUp(l))
			if n == name {
				for _, p := range i.V4 {
					a, err := netlink.ParseAddr(p.String())
					testnet.Must(t, err)
					testnet.Must(t, netlink.AddrAdd(l, a))
				}
			}
		}
		ifi, err := net.InterfaceByName(name + "p")
		testnet.Must(t, err)
		c, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		testnet.Must(t, err)
		r.conns[name] = c
	}
	testnet.AwaitUp(t, names...)
	list, _ := json.Marshal(names)
	m := fmt.Sprintf(`"interfaces-config": {"interfaces": %s}, "lease-database": {"type": "memfile", "persist": true, "lfc-interval": 0, "name": %q},
"loggers": [{"name": "kea-dhcp4", "severity": "DEBUG", "debuglevel": 55, "output_options": [{"output": "stdout"}]}],`, list, dir+"/leases.csv") + r.members
	testnet.Must(t, os.WriteFile(dir+"/kea.json", []byte(`{"Dhcp4": {`+m+"\n}}"), 0o644))
	testnet.Must(t, os.WriteFile(dir+"/leases.csv", r.presetFile(), 0o644))
	cmd := exec.Command(kea, "-c", dir+"/kea.json")
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR=none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	r.kea = testnet.Start(t, "Kea", cmd)
	r.kea.Await("DHCP4_STARTED")
	return func() {
		r.kea.Signal(unix.SIGTERM)
		r.kea.Wait()
		for _, c := range r.conns {
			_ = c.Close()
		}
		if to := os.Getenv("KEA_LOG"); to != "" {
			_ = os.WriteFile(to, []byte(r.kea.Text()), 0o644)
		}
	}
}

// presetFile is the lease file that makes Kea start with the scenario's leases.
func (r *rig) presetFile() []byte {
	var b bytes.Buffer
	b.WriteString("address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n")
	shift := time.Now().Unix() - start.Unix()
	for _, l := range r.w.presets {
		if l.State > lease.Reclaimed {
			r.t.Skip("a lease in a state that Kea 2.2 does not have")
		}
		fmt.Fprintf(&b, "%s,%s,%s,%d,%d,%d,0,0,%s,%d,\n", l.Addr, net.HardwareAddr(l.HWAddr), net.HardwareAddr(l.ClientID),
			l.Valid, l.Expires()+shift, l.SubnetID, l.Hostname, l.State)
	}
	return b.Bytes()
}

// ask sends a query and writes what comes back as the transcript would.
func (r *rig) ask(in *wire.Interface, line string) string {
	r.t.Helper()
	d, a, err := parseQuery(line, in)
	testnet.Must(r.t, err)
	if !a.Link {
		r.t.Skip("needs a UDP socket")
	}
	c := r.conns[in.Name]
	heard := len(r.kea.Lines())
	_, err = c.WriteTo(frameOf(a, d), &packet.Addr{HardwareAddr: serverMAC})
	testnet.Must(r.t, err)
	x := exchange{title: line, arrival: a, query: d}
	buf := make([]byte, 4096)
	limit, received := time.Now().Add(deaf), false
	for {
		testnet.Must(r.t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		n, _, err := c.ReadFrom(buf)
		if err != nil && time.Now().After(limit) {
			r.record = append(r.record, x)
			return "nothing"
		}
		if err != nil {
			if !received && r.received(heard) {
				limit, received = time.Now().Add(quiet), true
			}
			continue
		}
		if dep, payload, ok := answerIn(buf[:n]); ok && binary.BigEndian.Uint32(payload[4:]) == binary.BigEndian.Uint32(d[4:8]) {
			x.response, x.departure = bytes.Clone(payload), dep
			r.record = append(r.record, x)
			return fmt.Sprintf("%s > %s", in.Name, printResponse(r.t, payload, dep))
		}
	}
}

// received says whether Kea, whose log had so many lines before it was asked, has
// heard of the query.
func (r *rig) received(before int) bool {
	return slices.ContainsFunc(r.kea.Lines()[before:], func(line string) bool { return strings.Contains(line, "DHCP4_BUFFER_RECEIVED") })
}

// frameOf is the frame in which a datagram comes.
func frameOf(a wire.Arrival, d []byte) []byte {
	f := make([]byte, 42, 42+len(d))
	copy(f, serverMAC)
	if a.Multi {
		copy(f, []byte{255, 255, 255, 255, 255, 255})
	}
	copy(f[6:], a.HWSrc[:])
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	ip := f[14:34]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], uint16(28+len(d)))
	src, dst := a.Src.Addr().As4(), a.Dst.Addr().As4()
	copy(ip[12:], src[:])
	copy(ip[16:], dst[:])
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum))
	udp := f[34:42]
	binary.BigEndian.PutUint16(udp, a.Src.Port())
	binary.BigEndian.PutUint16(udp[2:], 67)
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(d)))
	return append(f, d...)
}

// answerIn finds a server's answer in a frame.
func answerIn(f []byte) (dep wire.Departure, payload []byte, ok bool) {
	if len(f) < 42+240 || binary.BigEndian.Uint16(f[12:]) != 0x0800 || f[14] != 0x45 || f[23] != 17 ||
		binary.BigEndian.Uint16(f[34:]) != 67 || f[42] != 2 {
		return dep, nil, false
	}
	n := int(binary.BigEndian.Uint16(f[38:]))
	if 34+n > len(f) {
		return dep, nil, false
	}
	dep.Src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(f[26:])), 67)
	dep.Dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(f[30:])), binary.BigEndian.Uint16(f[36:]))
	if copy(dep.HWDst[:], f); f[0] != 255 {
		dep.Frame = true
	}
	return dep, f[42 : 34+n], true
}

// save records what Kea answered, if asked to.
func (r *rig) save(s *scenario) {
	name := filepath.Base(s.path)
	if os.Getenv("UPDATE") != "kea" || !strings.HasPrefix(name, "setup-") {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Recorded from Kea 2.2.0, which was asked %s. UPDATE=kea records anew.\n", name)
	for _, x := range r.record {
		fmt.Fprintf(&b, "\n# %s\nquery %s %s %s %s\n", x.title, x.arrival.Iface.Name, x.arrival.Src, x.arrival.Dst, hex.EncodeToString(x.query))
		if x.response == nil {
			b.WriteString("silent\n")
			continue
		}
		fmt.Fprintf(&b, "response %s %s %s %s\n", x.departure.Src, x.departure.Dst, net.HardwareAddr(x.departure.HWDst[:]), hex.EncodeToString(x.response))
	}
	testnet.Must(r.t, os.MkdirAll(scenarioDir+"/kea22", 0o755))
	testnet.Must(r.t, os.WriteFile(filepath.Join(scenarioDir, "kea22", name), []byte(b.String()), 0o644))
}
