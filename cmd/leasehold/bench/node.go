package bench

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var (
	//go:embed beside4.json
	configuration4 string
	//go:embed beside6.json
	configuration6 string
)

// contender is a server that is measured.
type contender struct {
	name       string
	v6         bool
	program    string
	args       []string // before the name of the configuration
	durability string   // ours; "": the default
	threads    bool     // Kea's multi-threading
	hooks      string   // where Kea's are; ours are built in
}

// contenders returns ours and, where it is installed, Kea.
func contenders(v6 bool) []contender {
	list := []contender{
		{name: "flush", v6: v6, program: self, args: []string{"serve", "-c"}, durability: "flush"},
		{name: "synced", v6: v6, program: self, args: []string{"serve", "-c"}, durability: "sync"},
	}
	kea := "kea-dhcp4"
	if v6 {
		kea = "kea-dhcp6"
	}
	for _, dir := range append([]string{"/usr/sbin", "/usr/local/sbin"}, filepath.SplitList(os.Getenv("PATH"))...) {
		path := filepath.Join(dir, kea)
		if target, err := filepath.EvalSymlinks(path); err != nil || filepath.Base(target) != kea {
			continue // ours may stand in for it
		}
		hooks, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "lib", "*", "kea", "hooks", "libdhcp_ha.so"))
		c := contender{name: "kea", v6: v6, program: path, args: []string{"-c"}}
		if len(hooks) > 0 {
			c.hooks = filepath.Dir(hooks[0])
		}
		return append([]contender{c}, list...)
	}
	return list
}

// configuration returns what the server is given. hooks is the text of its
// hooks-libraries.
func (c *contender) configuration(dir, hooks string) string {
	text, durability := configuration4, ""
	if c.v6 {
		text = configuration6
	}
	if c.durability != "" {
		durability = fmt.Sprintf(`, "durability": %q`, c.durability)
	}
	return strings.NewReplacer("%DIR%", dir, "%DURABILITY%", durability, "%HOOKS%", hooks,
		"%THREADS%", fmt.Sprint(c.threads)).Replace(text)
}

// node is one running server in a network namespace of its own.
type node struct {
	contender
	dir  string
	addr netip.Addr
	cmd  *exec.Cmd
}

// stage is the network with the relay, which is this process.
type stage struct {
	dir    string
	bridge *netlink.Bridge // of pairs
}

// relayAddress is ours.
func relayAddress(v6 bool) string {
	if v6 {
		return "2001:db8:1::100/48"
	}
	return "10.0.0.100/8"
}

func serverAddress(v6 bool, number int) netip.Prefix {
	if v6 {
		return netip.MustParsePrefix(fmt.Sprintf("2001:db8:1::%d/48", number))
	}
	return netip.MustParsePrefix(fmt.Sprintf("10.0.0.%d/8", number))
}

// start starts a server as number 1 or, of a pair, 2. hooks is the text of its
// hooks-libraries. It keeps the leases that a server of that number had if keep.
func (s *stage) start(c contender, number int, hooks string, keep bool) (*node, error) {
	prefix := serverAddress(c.v6, number)
	n := &node{contender: c, dir: filepath.Join(s.dir, fmt.Sprint(number)), addr: prefix.Addr()}
	if !keep {
		if err := os.RemoveAll(n.dir); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return nil, err
	}
	file := filepath.Join(n.dir, "config.json")
	if err := os.WriteFile(file, []byte(c.configuration(n.dir, hooks)), 0o644); err != nil {
		return nil, err
	}
	args := append([]string{"leasehold", "bench", "beside", "node", prefix.String(), c.program}, c.args...)
	n.cmd = &exec.Cmd{Path: self, Args: append(args, file), Env: os.Environ(),
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}}
	for _, name := range []string{"KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR", "KEA_DHCP_DATA_DIR"} {
		n.cmd.Env = append(n.cmd.Env, name+"="+n.dir)
	}
	out, err := os.Create(filepath.Join(n.dir, "output"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	n.cmd.Stdout, n.cmd.Stderr = out, out
	plugged, err := n.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	if err := s.plug(n, number); err != nil {
		n.stop()
		return nil, err
	}
	if err := plugged.Close(); err != nil {
		return nil, err
	}
	return n, running(fmt.Sprintf("server%d", number))
}

// plug connects a server: straight to the relay or, of a pair, to the bridge.
func (s *stage) plug(n *node, number int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = fmt.Sprintf("server%d", number)
	if s.bridge != nil {
		attrs.MasterIndex = s.bridge.Index
	}
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: "lan", PeerHardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, byte(number)},
		PeerNamespace: netlink.NsPid(n.cmd.Process.Pid)}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("connect server %d: %w", number, err)
	}
	if s.bridge != nil {
		return bringUp(attrs.Name)
	}
	return bringUp(attrs.Name, relayAddress(n.v6))
}

// bringUp gives an interface addresses that can be used at once.
func bringUp(name string, addrs ...string) error {
	// Without IPv6 there is nothing to switch off.
	_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/accept_dad", []byte("0"), 0)
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkSetUp(link)
	}
	if err != nil {
		return fmt.Errorf("set up %s: %w", name, err)
	}
	for _, text := range addrs {
		a, err := netlink.ParseAddr(text)
		if err == nil {
			a.Flags = unix.IFA_F_NODAD
			err = netlink.AddrAdd(link, a)
		}
		if err != nil {
			return fmt.Errorf("give %s the address %s: %w", name, text, err)
		}
	}
	return nil
}

// running returns when the system calls an interface running and has given it a
// link-local address, if it does so at all. Servers refuse it before.
func running(name string) error {
	_, err := os.Stat("/proc/sys/net/ipv6/conf/" + name)
	v6 := err == nil
	for limit := time.Now().Add(10 * time.Second); time.Now().Before(limit); time.Sleep(time.Millisecond) {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("read the state of %s: %w", name, err)
		}
		addrs, err := netlink.AddrList(link, unix.AF_INET6)
		if err != nil {
			return fmt.Errorf("read the addresses of %s: %w", name, err)
		}
		usable := func(a netlink.Addr) bool {
			return a.IP.IsLinkLocalUnicast() && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) == 0
		}
		if link.Attrs().RawFlags&unix.IFF_RUNNING != 0 && (!v6 || slices.ContainsFunc(addrs, usable)) {
			break
		}
	}
	return nil
}

// becomeServer waits until the process is connected, which is when plugged
// ends, and becomes the server.
func becomeServer(addr string, argv []string, plugged io.Reader) error {
	if _, err := io.Copy(io.Discard, plugged); err != nil {
		return err
	}
	if err := bringUp("lo"); err != nil {
		return err
	}
	if err := bringUp("lan", addr); err != nil {
		return err
	}
	if err := running("lan"); err != nil {
		return err
	}
	if argv[0] == self {
		return syscall.Exec(self, append([]string{"leasehold"}, argv[1:]...), os.Environ())
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}

// ended says whether the server has ended by itself.
func (n *node) ended() bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, n.cmd.Process.Pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
	return err != nil || info.Signo != 0
}

// stop ends the server; its interfaces go with its namespace.
func (n *node) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	_ = n.cmd.Wait()
	for name := fmt.Sprintf("server%s", filepath.Base(n.dir)); ; time.Sleep(time.Millisecond) {
		if _, err := net.InterfaceByName(name); err != nil {
			return
		}
	}
}

// answers returns when the server gives its first lease.
func (n *node) answers(ctx context.Context) error {
	for limit := time.Now().Add(5 * time.Minute); time.Now().Before(limit); {
		f, err := n.load(ctx, Options{Phase: "new", Count: 1, Window: 1, Timeout: 200 * time.Millisecond})
		if err != nil {
			return err
		}
		if f[0].Completed == 1 {
			return nil
		}
		if n.ended() {
			break
		}
	}
	said, _ := os.ReadFile(filepath.Join(n.dir, "output"))
	return errors.New(n.name + " does not answer: " + string(said))
}
