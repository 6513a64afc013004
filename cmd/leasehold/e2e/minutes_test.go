package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"leasehold/server/testnet"
)

// minutes is the stage of the story of the first ten minutes.
type minutes struct {
	t       *testing.T
	dir     string // of the story
	hosts   map[string]*host
	servers map[string]*testnet.Process
}

// command is one that runs on a machine of the story, in its directory.
func (m *minutes) command(ts *testscript.TestScript, name string, args ...string) *exec.Cmd {
	h := m.hosts[name]
	if h == nil {
		ts.Fatalf("there is no machine %s", name)
	}
	if args[0] == "leasehold" {
		args[0] = testnet.Program(m.t)
	}
	cmd := h.command(append([]string{"env", "-C", m.dir}, args...)...)
	cmd.Env = append(os.Environ(), "KEA_DHCP_DATA_DIR="+filepath.Join(m.dir, name))
	return cmd
}

func (m *minutes) on(ts *testscript.TestScript, neg bool, args []string) {
	cmd := m.command(ts, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = ts.Stdout(), ts.Stderr()
	if err := cmd.Run(); (err != nil) != neg {
		ts.Fatalf("%v: %v", args, err)
	}
}

func (m *minutes) serve(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(os.MkdirAll(filepath.Join(m.dir, args[0]), 0o755))
	m.servers[args[0]] = testnet.Start(m.t, args[0], m.command(ts, args[0], "leasehold", "serve", "-c", args[1], "--pid-file", filepath.Join(m.dir, args[0], "pid")))
	// A pair may have found itself by then: said is to see that, too.
	m.servers[args[0]].Mentions("DHCP4_STARTED")
}

func (m *minutes) said(_ *testscript.TestScript, _ bool, args []string) {
	m.servers[args[0]].Await(args[1])
}

// end ends a server as a service manager does.
func (m *minutes) end(ts *testscript.TestScript, _ bool, args []string) {
	pid := strings.TrimSpace(ts.ReadFile(args[0] + "/pid"))
	ts.Check(m.command(ts, args[0], "kill", "-TERM", pid).Run())
	m.servers[args[0]].Wait()
}

func (m *minutes) client(ts *testscript.TestScript, _ bool, args []string) {
	h := m.hosts["client"]
	h.ip("link set eth0 down")
	h.ip("link set eth0 address " + args[0])
	h.ip("link set eth0 up")
	tries := "60"
	if len(args) == 1 {
		tries = "3"
	}
	out, err := h.command("udhcpc", "-f", "-q", "-n", "-t", tries, "-T", "1", "-A", "1", "-i", "eth0", "-s", "/bin/true").CombinedOutput()
	switch {
	case len(args) == 1 && err == nil, len(args) == 2 && !strings.Contains(string(out), "lease of "+args[1]+" obtained"):
		ts.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// TestEndToEndTenMinutes: the story in testdata/minutes.txtar.
func TestEndToEndTenMinutes(t *testing.T) {
	if isolate(t, "udhcpc") {
		return
	}
	bridge(t, "wire")
	m := &minutes{t: t, hosts: map[string]*host{}, servers: map[string]*testnet.Process{}}
	for i, name := range []string{"server1", "server2", "client"} {
		h := newHost(t, name)
		m.hosts[name] = h
		mac := net.HardwareAddr{2, 0, 0, 0, 1, byte(i + 1)}
		if name == "client" {
			h.plug("eth0", "wire", mac)
		} else {
			h.plug("lan", "wire", mac, "192.0.2."+string(rune('1'+i))+"/24")
		}
	}
	testscript.Run(t, testscript.Params{
		Files: []string{"testdata/minutes.txtar"},
		Setup: func(env *testscript.Env) error {
			m.dir = env.WorkDir
			return os.Chmod(env.WorkDir, 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"on": m.on, "serve": m.serve, "said": m.said, "end": m.end, "client": m.client,
		},
	})
}

// TestEndToEndInPlaceOfKea: ours takes the place of a real Kea on its own files,
// and Kea ours again. No client loses its address.
func TestEndToEndInPlaceOfKea(t *testing.T) {
	if isolate(t, "kea-dhcp4", "udhcpc") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24")
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	second := newHost(t, "second")
	second.plug("eth0", "lan", reservedMAC)
	text := strings.Replace(config4, `"renew-timer": 3, "rebind-timer": 400`, `"renew-timer": 200, "rebind-timer": 400`, 1)
	kea, leases := keaServer(t, "kea-dhcp4", text)
	c := udhcpc()
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	addr := script.await("bound").env["ip"]
	renewed := func() {
		t.Helper()
		c.renew(h)
		script.await("renew").check(t, map[string]string{"ip": addr})
	}
	kea.Signal(syscall.SIGTERM)
	kea.Wait()

	// Ours, by Kea's name, on Kea's configuration and lease file.
	conf := filepath.Join(filepath.Dir(leases), "kea.json")
	cmd := exec.Command(filepath.Join(filepath.Dir(testnet.Program(t)), "kea-dhcp4"), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+filepath.Dir(leases))
	ours := testnet.Start(t, "leasehold", cmd)
	ours.Await("DHCP4_STARTED")
	renewed()
	other := newScript(t, c.program, c.script)
	c.start(second, other)
	other.await("bound").check(t, map[string]string{"ip": reserved})
	ours.Signal(syscall.SIGTERM)
	if code := ours.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// And back.
	cmd = exec.Command(testnet.Must1(exec.LookPath("kea-dhcp4"))(t), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+filepath.Dir(leases), "KEA_LOCKFILE_DIR="+filepath.Dir(leases))
	back := testnet.Start(t, "Kea again", cmd)
	back.Await("DHCP4_STARTED")
	renewed()
	c.renew(second)
	other.await("renew").check(t, map[string]string{"ip": reserved})
	rows := readLeases(t, leases)
	if !rows[addr].held() || !rows[reserved].held() {
		t.Errorf("lease file: %v", rows)
	}
	back.Signal(syscall.SIGTERM)
	back.Wait()
}
