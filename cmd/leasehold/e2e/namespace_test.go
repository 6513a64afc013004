package e2e

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// roleHost makes the test binary the first process of a host.
const roleHost = "LEASEHOLD_E2E_HOST"

// sideBySide is how many tests run at once: more than there are processors,
// since they wait for clients most of the time.
const sideBySide = 5

func TestMain(m *testing.M) {
	if os.Getenv(roleHost) != "" {
		os.Exit(hold())
	}
	flag.Parse()
	flag.Set("test.parallel", strconv.Itoa(sideBySide))
	os.Exit(testnet.Run(m))
}

// isolate runs the calling test again in namespaces of its own and reports
// false there. In the first process it reports true when that is over, and so
// is the test.
func isolate(t *testing.T, programs ...string) (over bool) {
	t.Helper()
	if testnet.Inside(t) {
		testnet.Must(t, private())
		testnet.Must(t, noLinkLocal())
		testnet.Must(t, setUp("lo"))
		return false
	}
	if testing.Short() {
		t.Skip("end-to-end tests take their time")
	}
	testnet.Need(t, append(programs, "ip", "nsenter")...)
	env := testnet.WithProgram(t)
	t.Parallel()
	testnet.Again(t, unix.CLONE_NEWNS|unix.CLONE_NEWPID, env)
	return true
}

// private makes this process's mounts its own and shows it its own processes.
func private() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}

// emptied are directories in which clients and servers keep state; a host has
// its own.
var emptied = []string{
	"/run", "/var/lib/dhcp", "/var/lib/dhcpcd", "/var/lib/dhcpv6", "/var/lib/dibbler", "/var/log/dibbler", "/etc/dibbler",
}

// hold is the first process of a host: it sets its mounts up, says so, and
// stays until its standard input ends. Processes of the host that lose their
// parent become its children; it does not wait for them.
func hold() int {
	signal.Ignore(unix.SIGCHLD)
	if err := furnish(); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	return 0
}

func furnish() error {
	if err := private(); err != nil {
		return err
	}
	for _, dir := range emptied {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=16m"); err != nil {
			return fmt.Errorf("mount %s: %w", dir, err)
		}
	}
	// A client that writes resolv.conf must not write the machine's.
	own := "/run/resolv.conf"
	if err := os.WriteFile(own, nil, 0o644); err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		if err := unix.Mount(own, target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount resolv.conf: %w", err)
		}
	}
	if err := noLinkLocal(); err != nil {
		return err
	}
	return setUp("lo")
}

// host is a machine of its own: network, mounts, processes.
type host struct {
	t    *testing.T
	name string
	pid  int
	// ports are the interfaces by which bridges reach the host.
	ports []string
	// shutDown ends all processes of the host at once and takes its ports away.
	shutDown func()
}

// newHost makes a host without a link.
func newHost(t *testing.T, name string) *host {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleHost+"="+name)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID}
	out := testnet.Must1(cmd.StdoutPipe())(t)
	alive := testnet.Must1(cmd.StdinPipe())(t)
	testnet.Must(t, cmd.Start())
	h := &host{t: t, name: name, pid: cmd.Process.Pid}
	h.shutDown = func() { alive.Close(); cmd.Wait(); h.unplug() }
	t.Cleanup(h.shutDown)
	var said [256]byte
	n, err := out.Read(said[:])
	if text := strings.TrimSpace(string(said[:n])); text != "ready" {
		t.Fatalf("make host %s: %s %v", name, text, err)
	}
	return h
}

// command returns a command that will run on the host.
func (h *host) command(args ...string) *exec.Cmd {
	enter := []string{"-t", strconv.Itoa(h.pid), "-n", "-m", "-p", "--"}
	return exec.Command("nsenter", append(enter, args...)...)
}

// run runs a command on the host to its end and returns what it said.
func (h *host) run(args ...string) string {
	h.t.Helper()
	out, err := h.command(args...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %s: %v\n%s", h.name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// ip runs the words of one line as arguments of ip.
func (h *host) ip(line string) {
	h.t.Helper()
	h.run(append([]string{"ip"}, strings.Fields(line)...)...)
}

// start begins a command on the host. It ends with the test; what it said is in
// the test's log then.
func (h *host) start(args ...string) *testnet.Process {
	h.t.Helper()
	return testnet.Start(h.t, h.name+": "+filepath.Base(args[0]), h.command(args...))
}

// bridge makes a link on which hosts can be plugged; the test's own namespace,
// where the server runs, is on it with these addresses.
func bridge(t *testing.T, name string, addrs ...string) {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	attrs.HardwareAddr = serverMAC
	noSnooping := false
	testnet.Must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &noSnooping}))
	testnet.Must(t, checksumInSoftware(name))
	testnet.Must(t, setUp(name))
	for _, a := range append(addrs, linkLocal(serverMAC)) {
		address(t, name, a)
	}
}

// address gives an interface of the test's own namespace an address.
func address(t *testing.T, name, a string) {
	t.Helper()
	addr := testnet.Must1(netlink.ParseAddr(a))(t)
	addr.Flags |= unix.IFA_F_NODAD
	testnet.Must(t, netlink.AddrAdd(testnet.Must1(netlink.LinkByName(name))(t), addr))
}

// plug connects a new interface of the host, with these addresses, with a
// bridge.
func (h *host) plug(name, bridge string, mac net.HardwareAddr, addrs ...string) {
	h.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "p-" + h.name + "-" + name
	attrs.MasterIndex = testnet.Must1(netlink.LinkByName(bridge))(h.t).Attrs().Index
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: name, PeerHardwareAddr: mac, PeerNamespace: netlink.NsPid(h.pid)}
	testnet.Must(h.t, netlink.LinkAdd(veth))
	h.ports = append(h.ports, attrs.Name)
	testnet.Must(h.t, setUp(attrs.Name))
	h.ip("link set dev " + name + " up")
	for _, a := range append(addrs, linkLocal(mac)) {
		line := "address add " + a + " dev " + name
		if strings.Contains(a, ":") {
			line += " nodad"
		}
		h.ip(line)
	}
	testnet.AwaitUp(h.t, attrs.Name, bridge)
}

// awaitAddress waits until an interface of the host has an address that begins so.
func (h *host) awaitAddress(name, begin string) {
	h.t.Helper()
	for limit := time.Now().Add(testnet.Patience); ; time.Sleep(50 * time.Millisecond) {
		have := h.run("ip", "-o", "address", "show", "dev", name)
		if strings.Contains(have, " "+begin) {
			return
		}
		if time.Now().After(limit) {
			h.t.Fatalf("%s: %s does not get %s:\n%s", h.name, name, begin, have)
		}
	}
}

// unplug removes the ports of a host that is gone. The kernel does so, too, but
// in its own time, and the next host of that name needs theirs.
func (h *host) unplug() {
	for _, name := range h.ports {
		if port, err := netlink.LinkByName(name); err == nil {
			_ = netlink.LinkDel(port) // fails where the kernel was first
		}
	}
	h.ports = nil
}

// linkLocal is the link-local address that an interface has, from the start and
// without asking: the kernel's own would be tentative for a while.
func linkLocal(mac net.HardwareAddr) string {
	return fmt.Sprintf("fe80::%x:%x/64", uint16(mac[2])<<8|uint16(mac[3]), uint16(mac[4])<<8|uint16(mac[5]))
}

// noLinkLocal makes the kernel give interfaces to come no link-local address.
func noLinkLocal() error {
	const none = "1" // IN6_ADDR_GEN_MODE_NONE
	return os.WriteFile("/proc/sys/net/ipv6/conf/default/addr_gen_mode", []byte(none), 0)
}

func setUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

// checksumInSoftware sees to it that a capture shows checksums as a network
// card would send them.
func checksumInSoftware(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open control socket: %w", err)
	}
	defer unix.Close(fd)
	value := struct{ command, data uint32 }{unix.ETHTOOL_STXCSUM, 0}
	request := struct {
		name  [unix.IFNAMSIZ]byte
		value unsafe.Pointer
		_     [16]byte
	}{value: unsafe.Pointer(&value)}
	copy(request.name[:], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("compute checksums of %s in software: %w", name, errno)
	}
	return nil
}
