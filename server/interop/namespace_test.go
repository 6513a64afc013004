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
)

// patience is how long a test waits for what must happen; it is a limit, never
// a duration that is slept.
const patience = 2 * time.Minute

const (
	roleTest       = "LEASEHOLD_INTEROP_TEST"   // the process of one test; the value is its name
	binaryVariable = "LEASEHOLD_INTEROP_BINARY" // the program under test, for that process
)

// long says whether the long form of the tests is asked for.
var long = os.Getenv("LEASEHOLD_LONG") != ""

// TestMain builds the program once for all tests of the process.
func TestMain(m *testing.M) {
	code := m.Run()
	if build.dir != "" {
		os.RemoveAll(build.dir)
	}
	os.Exit(code)
}

// crowd bounds how many tests run at once, each with its servers and clients:
// they wait most of the time.
var crowd = make(chan struct{}, 2*runtime.NumCPU())

// isolate runs the calling test again in namespaces of its own and reports
// false there. In the first process it reports true when that is over, and so
// is the test.
func isolate(t *testing.T, programs ...string) (over bool) {
	t.Helper()
	if os.Getenv(roleTest) == t.Name() {
		must(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
		must(t, unix.Mount("proc", "/proc", "proc", 0, ""))
		return false
	}
	if testing.Short() {
		t.Skip("tests with partners take their time")
	}
	for _, p := range append(programs, "ip", "nsenter", "sleep") {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, "%s is not installed", p)
		}
	}
	bin := program(t)
	t.Parallel()
	crowd <- struct{}{}
	defer func() { <-crowd }()
	parts := strings.Split(t.Name(), "/")
	for i := range parts {
		parts[i] = "^" + parts[i] + "$"
	}
	cmd := exec.Command("/proc/self/exe", "-test.run="+strings.Join(parts, "/"), "-test.v", "-test.timeout=20m")
	cmd.Env = append(os.Environ(), roleTest+"="+t.Name(), binaryVariable+"="+bin)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID,
		Pdeathsig:  unix.SIGKILL,
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if _, started := err.(*exec.ExitError); err != nil && !started {
		missing(t, "no namespaces can be made here: %v", err)
	}
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	return true
}

// chosen says whether a subtest is to be run: in the process of one test only
// that one.
func chosen(t *testing.T, name string) bool {
	only := os.Getenv(roleTest)
	return only == "" || only == t.Name()+"/"+name
}

// missing skips the test, but not where everything must be there.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("LEASEHOLD_CI") != "" || os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
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
	dir := must1(os.MkdirTemp("", "pair"))(t)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "lan"
	attrs.HardwareAddr = net.HardwareAddr{2, 0, 0, 0, 0, 3}
	noSnooping := false
	must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &noSnooping}))
	for _, name := range []string{"lo", "lan"} {
		must(t, netlink.LinkSetUp(must1(netlink.LinkByName(name))(t)))
	}
	for _, a := range addrs {
		addAddr(t, "lan", a)
	}
	return &wire{t: t, dir: dir, ifi: "lan"}
}

func addAddr(t *testing.T, name, addr string) {
	t.Helper()
	a := must1(netlink.ParseAddr(addr))(t)
	a.Flags |= unix.IFA_F_NODAD
	must(t, netlink.AddrAdd(must1(netlink.LinkByName(name))(t), a))
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
	must(t, keeper.Start())
	t.Cleanup(func() { keeper.Process.Kill(); keeper.Wait() })
	h := &host{t: t, name: name, pid: keeper.Process.Pid, dir: filepath.Join(w.dir, name)}
	must(t, os.Mkdir(h.dir, 0o755))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "p-" + name
	attrs.MasterIndex = must1(netlink.LinkByName(w.ifi))(t).Attrs().Index
	mac := net.HardwareAddr{2, 0, 0, 0, 0, number}
	must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerHardwareAddr: mac, PeerNamespace: netlink.NsPid(h.pid)}))
	must(t, netlink.LinkSetUp(must1(netlink.LinkByName(attrs.Name))(t)))
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
		if time.Since(begin) > patience {
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

// run runs a command to its end and returns what it said.
func (h *host) run(args ...string) string {
	h.t.Helper()
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %s: %v\n%s", h.name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func must1[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
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
