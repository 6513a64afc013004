package demo

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

//go:embed demo.json
var configuration string

// node is a server on the wire: a process in a network namespace of its own.
type node struct {
	stage *stage
	name  string
	index int
	addr  string // with the length of its prefix

	cmd   *exec.Cmd
	ready chan struct{} // closed when it has started
	pair  chan struct{} // closed when it and its partner are in the normal state
	done  chan struct{} // closed when it has ended; err is why
	err   error
	away  bool     // stopped on purpose
	last  []string // what it said, the last few lines; read after done
}

func (n *node) file(suffix string) string { return filepath.Join(n.stage.dir, n.name+suffix) }

func (n *node) socket() string { return n.file(".sock") }

// start begins the process and returns when it serves.
func (n *node) start(ctx context.Context) error {
	text := strings.NewReplacer("%DIR%", n.stage.dir, "%NAME%", n.name).Replace(configuration)
	if err := os.WriteFile(n.file(".json"), []byte(text), 0o600); err != nil {
		return err
	}
	n.cmd = &exec.Cmd{
		Path:        self,
		Args:        []string{"leasehold", "demo", "node", n.addr, n.file(".json")},
		Env:         append(os.Environ(), "KEA_DHCP_DATA_DIR="+n.stage.dir),
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET},
	}
	plugged, err := n.cmd.StdinPipe()
	if err != nil {
		return err
	}
	said, err := n.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	n.cmd.Stderr = n.cmd.Stdout
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	n.ready, n.pair, n.done, n.last = make(chan struct{}), make(chan struct{}), make(chan struct{}), nil
	go n.follow(said)
	if err := n.stage.plug(n.name, net.HardwareAddr{2, 0, 0, 0, 0, byte(n.index)}, n.cmd.Process.Pid); err != nil {
		return err
	}
	plugged.Close()
	select {
	case <-n.ready:
		return nil
	case <-n.done:
		return fmt.Errorf("%s does not start: %w\n%s", n.name, n.err, strings.Join(n.last, "\n"))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// follow reads what the process says to its end.
func (n *node) follow(said io.Reader) {
	started, paired := false, false
	for in := bufio.NewScanner(said); in.Scan(); {
		if n.last = append(n.last, in.Text()); len(n.last) > 10 {
			n.last = n.last[1:]
		}
		if !started && strings.Contains(in.Text(), "DHCP4_STARTED") {
			started = true
			close(n.ready)
		}
		if _, state, ok := strings.Cut(in.Text(), "HA_STATE_TRANSITION "); ok {
			n.stage.say(n.name, "%s", state)
			if !paired && strings.Contains(state, "to HOT-STANDBY") {
				paired = true
				close(n.pair)
			}
		}
	}
	n.err = n.cmd.Wait()
	close(n.done)
}

// together returns when the node and its partner are in the normal state.
func (n *node) together(ctx context.Context) error {
	select {
	case <-n.pair:
		return nil
	case <-n.done:
		return fmt.Errorf("%s ended: %w\n%s", n.name, n.err, strings.Join(n.last, "\n"))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the process, if there is one, and waits for it.
func (n *node) stop() {
	if n.done == nil {
		return
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	<-n.done
}

// becomeServer waits until the process is connected to the wire, which is when
// plugged ends, gives its interface the address and becomes the server.
func becomeServer(addr, file string, plugged io.Reader) error {
	if _, err := io.Copy(io.Discard, plugged); err != nil {
		return err
	}
	for _, name := range []string{"lo", "lan"} {
		link, err := netlink.LinkByName(name)
		if err == nil {
			err = netlink.LinkSetUp(link)
		}
		if err != nil {
			return fmt.Errorf("set up %s: %w", name, err)
		}
		if name == "lo" {
			continue
		}
		a, err := netlink.ParseAddr(addr)
		if err == nil {
			err = netlink.AddrAdd(link, a)
		}
		if err != nil {
			return fmt.Errorf("give %s the address %s: %w", name, addr, err)
		}
	}
	return syscall.Exec(self, []string{"leasehold", "serve", "-c", file}, os.Environ())
}
