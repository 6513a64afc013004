package interop

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// long says whether the long form of the tests is asked for.
var long = os.Getenv("LEASEHOLD_LONG") != ""

func TestMain(m *testing.M) { os.Exit(testnet.Run(m)) }

// crowd bounds how many tests run at once, each with its servers and clients:
// they wait most of the time.
var crowd = make(chan struct{}, 2*runtime.NumCPU())

// isolate runs the calling test again in namespaces of its own and reports
// false there. In the first process it reports true when that is over, and so
// is the test.
func isolate(t *testing.T, programs ...string) (over bool) {
	t.Helper()
	if testnet.Inside(t) {
		testnet.Must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		testnet.Must(t, unix.Mount("proc", "/proc", "proc", 0, ""))
		return false
	}
	if testing.Short() {
		t.Skip("tests with partners take their time")
	}
	testnet.Need(t, append(programs, "ip", "nsenter", "sleep")...)
	env := testnet.WithProgram(t)
	t.Parallel()
	crowd <- struct{}{}
	defer func() { <-crowd }()
	testnet.Again(t, unix.CLONE_NEWNS|unix.CLONE_NEWPID, env)
	return true
}

// wire is the link of a test: a bridge in its own namespace, on which servers
// are plugged.
type wire struct {
	t   *testing.T
	dir string // short: paths of unix sockets are
	ifi string
}

// newWire makes a wire; the test's own namespace is on it with these addresses.
func newWire(t *testing.T, addrs ...string) *wire {
	t.Helper()
	dir := testnet.Must1(os.MkdirTemp("", "pair"))(t)
	t.Cleanup(func() { os.RemoveAll(dir) })
	testnet.Must(t, os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "lan"
	attrs.HardwareAddr = net.HardwareAddr{2, 0, 0, 0, 0, 3}
	noSnooping := false
	testnet.Must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &noSnooping}))
	for _, name := range []string{"lo", "lan"} {
		testnet.Must(t, netlink.LinkSetUp(testnet.Must1(netlink.LinkByName(name))(t)))
	}
	for _, a := range addrs {
		addAddr(t, "lan", a)
	}
	return &wire{t: t, dir: dir, ifi: "lan"}
}

func addAddr(t *testing.T, name, addr string) {
	t.Helper()
	a := testnet.Must1(netlink.ParseAddr(addr))(t)
	a.Flags |= unix.IFA_F_NODAD
	testnet.Must(t, netlink.AddrAdd(testnet.Must1(netlink.LinkByName(name))(t), a))
}

// host is a network namespace with one interface, eth0, on the wire.
type host struct {
	t    *testing.T
	name string
	pid  int // of the process that keeps the namespace
	dir  string
}

func (w *wire) newHost(name string, number byte, addrs ...string) *host {
	t := w.t
	t.Helper()
	keeper := exec.Command("sleep", "infinity")
	keeper.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	testnet.Must(t, keeper.Start())
	t.Cleanup(func() { keeper.Process.Kill(); keeper.Wait() })
	h := &host{t: t, name: name, pid: keeper.Process.Pid, dir: filepath.Join(w.dir, name)}
	testnet.Must(t, os.Mkdir(h.dir, 0o755))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "p-" + name
	attrs.MasterIndex = testnet.Must1(netlink.LinkByName(w.ifi))(t).Attrs().Index
	mac := net.HardwareAddr{2, 0, 0, 0, 0, number}
	testnet.Must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerHardwareAddr: mac, PeerNamespace: netlink.NsPid(h.pid)}))
	testnet.Must(t, netlink.LinkSetUp(testnet.Must1(netlink.LinkByName(attrs.Name))(t)))
	h.run("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad")
	h.run("ip", "link", "set", "lo", "up")
	h.run("ip", "link", "set", "eth0", "up")
	for _, a := range addrs {
		args := []string{"ip", "address", "add", a, "dev", "eth0"}
		if strings.Contains(a, ":") {
			args = append(args, "nodad")
		}
		h.run(args...)
	}
	testnet.AwaitUp(t, attrs.Name, w.ifi)
	h.awaitLinkLocal()
	return h
}

// awaitLinkLocal waits until the kernel has given the interface the address
// that DHCPv6 speaks from, which takes it a while.
func (h *host) awaitLinkLocal() {
	h.t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		got := h.run("ip", "-6", "-oneline", "address", "show", "dev", "eth0", "scope", "link")
		if strings.Contains(got, "fe80:") && !strings.Contains(got, "tentative") {
			return
		}
		if time.Since(begin) > testnet.Patience {
			h.t.Fatalf("%s has no link-local address: %s", h.name, got)
		}
	}
}

// command returns a command that will run in the namespace.
func (h *host) command(args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(h.pid), "-n", "--"}, args...)...)
	cmd.Dir = h.dir
	return cmd
}

// start begins a command in the namespace, which ends with the test.
func (h *host) start(name string, cmd *exec.Cmd) *testnet.Process {
	h.t.Helper()
	p := testnet.Start(h.t, name, cmd)
	h.t.Cleanup(p.Kill)
	return p
}

// run runs a command to its end and returns what it said.
func (h *host) run(args ...string) string {
	h.t.Helper()
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %s: %v\n%s", h.name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fill puts values for %NAME% into a text.
func fill(text string, values map[string]string) string {
	var pairs []string
	for name, v := range values {
		pairs = append(pairs, "%"+name+"%", v)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	if i := strings.Index(text, "%"); i >= 0 {
		panic(fmt.Sprintf("no value for %.20s", text[i:]))
	}
	return text
}
