package testnet

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/vishvananda/netlink"
)

// What a program wrote before something else happened is read when that is
// seen; a line may come in pieces, and the last one without its end.
func TestWhatAProgramSaid(t *testing.T) {
	cmd := exec.Command("sh", "-c", "echo one; printf tw; printf 'o\nthree\n' >&2; read x")
	in := Must1(cmd.StdinPipe())(t)
	defer in.Close()
	p := Start(t, "story", cmd)
	p.Await("one")
	if got := p.Await("t"); got != "two" {
		t.Errorf("behind one: %q", got)
	}
	p.Mentions("thr", "ee")
	p.Mentions("one") // of the past
	p.Kill()
	if p.Wait() != -1 {
		t.Error("it ended by itself")
	}
	p = Start(t, "end", exec.Command("sh", "-c", "echo a; printf b; exit 3"))
	if code := p.Wait(); code != 3 || p.Text() != "a\nb" {
		t.Errorf("exit code %d, said %q", code, p.Text())
	}
}

// What was written is read by who knows that it was, however late the reading
// process is.
func TestLinesAreNotLate(t *testing.T) {
	r, w, err := os.Pipe()
	Must(t, err)
	defer r.Close()
	cmd := exec.Command("sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do echo said $i; echo >&3; done; read x")
	cmd.ExtraFiles = []*os.File{w}
	in := Must1(cmd.StdinPipe())(t)
	defer in.Close()
	p := Start(t, "story", cmd)
	w.Close()
	for i := range 9 {
		Must1(r.Read(make([]byte, 1)))(t)
		if n := len(p.Lines()); n <= i {
			t.Fatalf("%d lines after %d were written", n, i+1)
		}
	}
}

func TestPortsAreNobodysElse(t *testing.T) {
	ports := Ports(t, 20)
	seen := map[int]bool{}
	for _, p := range append(ports, Ports(t, 20)...) {
		if seen[p] {
			t.Errorf("port %d was given twice", p)
		}
		seen[p] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p))
		Must(t, err)
		l.Close()
	}
}

// A link that is up carries the first frame.
func TestAwaitUp(t *testing.T) {
	if !Inside(t) {
		Again(t, 0)
		return
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "a"
	Must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "b"}))
	for _, name := range []string{"a", "b"} {
		Must(t, netlink.LinkSetUp(Must1(netlink.LinkByName(name))(t)))
	}
	AwaitUp(t, "a", "b")
}

func TestPattern(t *testing.T) {
	if got := pattern("A/b-c.d"); got != `^A$/^b-c\.d$` {
		t.Error(got)
	}
}
