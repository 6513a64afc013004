package listen

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// cupboard keeps duplicates of sockets, as a service manager does.
type cupboard map[string]int

func (c cupboard) Take(name string) (int, bool) {
	fd, ok := c[name]
	if !ok {
		return -1, false
	}
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	return fd, err == nil
}

func (c cupboard) Keep(name string, fd int) {
	fd, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err == nil {
		c[name] = fd
	}
}

func (c cupboard) Forget(name string) {
	unix.Close(c[name])
	delete(c, name)
}

// What arrives while no process is there is received by the next one.
func TestQueriesWaitForTheNextProcess(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	for udp, sockets := range map[bool]int{false: 2, true: 3} {
		kept := cupboard{}
		first := listenKept(t, V4, specOf(udp, "eth0"), kept)
		c := plug(t, "eth0p")
		c.send(broadcastMAC, nil, noAddress, everyServer, []byte("first"))
		if d := first.next(); string(d.Data) != "first" {
			t.Fatalf("received %q", d.Data)
		}
		first.Quiet()
		c.send(broadcastMAC, nil, noAddress, everyServer, []byte("after quiet"))
		first.Close()
		c.send(serverMAC, nil, relay, ourAddress, []byte("after close"))

		second := listenKept(t, V4, specOf(udp, "eth0"), kept)
		got := map[string]bool{string(second.next().Data): true, string(second.next().Data): true}
		if !got["after quiet"] || !got["after close"] {
			t.Errorf("udp %v: received %v", udp, got)
		}
		second.Close()

		// A socket that the configuration no longer asks for is not kept.
		third := listenKept(t, V4, specOf(!udp, "eth0"), kept)
		spec := specOf(udp, "eth0")
		testnet.Must(t, third.Apply(&spec))
		third.Close()
		if len(kept) != sockets {
			t.Errorf("udp %v: %d sockets are kept, want %d: %v", udp, len(kept), sockets, kept)
		}
		for name := range kept {
			kept.Forget(name)
		}
	}
}

// A descriptor under the right name that is not bound as it should be is not
// used.
func TestWrongDescriptorIsNotTakenOver(t *testing.T) {
	if inNamespace(t) {
		return
	}
	veth(t, "eth0", "192.0.2.1/24")
	kept := cupboard{}
	listenKept(t, V4, specOf(true, "eth0"), kept).Close()
	other := testnet.Must1(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0))(t)
	testnet.Must(t, unix.Bind(other, &unix.SockaddrInet4{Port: 6767, Addr: netip.MustParseAddr("192.0.2.1").As4()}))
	for name := range kept {
		unix.Close(kept[name])
		kept[name] = testnet.Must1(unix.Dup(other))(t)
	}
	l := listenKept(t, V4, specOf(true, "eth0"), kept)
	defer l.Close()
	c := plug(t, "eth0p")
	c.send(serverMAC, nil, relay, ourAddress, []byte("on the right port"))
	if d := l.next(); string(d.Data) != "on the right port" {
		t.Errorf("received %q", d.Data)
	}
}
