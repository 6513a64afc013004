package listen

import (
	"fmt"
	"net"

	"github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Tap sees what passes an interface, in and out, and sends nothing. It takes no
// port: a server beside it notices nothing.
type Tap struct {
	Name     string
	Ethernet bool // frames begin with an Ethernet header, else with that of IP
	conn     *packet.Conn
}

// OpenTap listens on an interface. A mirror sees frames for everybody, whatever
// their VLAN; without it only what this machine sends and receives.
func OpenTap(name string, mirror bool) (*Tap, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", name, err)
	}
	loopback := ifi.Flags&net.FlagLoopback != 0
	t := &Tap{Name: name, Ethernet: loopback || len(ifi.HardwareAddr) == 6}
	raw, err := bpf.Assemble(tapFilter(t.Ethernet, mirror, loopback))
	if err != nil {
		return nil, fmt.Errorf("assemble filter: %w", err)
	}
	t.conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: raw})
	if err != nil {
		return nil, explain(fmt.Errorf("listen on %s: %w", name, err), packet4)
	}
	if mirror {
		if err := t.conn.SetPromiscuous(true); err != nil {
			t.conn.Close()
			return nil, fmt.Errorf("see all of %s: %w", name, err)
		}
	}
	if c, err := t.conn.SyscallConn(); err == nil {
		c.Control(func(fd uintptr) { setBuffers(int(fd)) })
	}
	return t, nil
}

// Read reads one frame. The error is net.ErrClosed once the Tap is closed.
func (t *Tap) Read(buf []byte) (int, error) {
	n, _, err := t.conn.ReadFrom(buf)
	return n, err
}

// Lost returns how many frames found the queue full since it was last asked.
func (t *Tap) Lost() uint64 {
	s, err := t.conn.Stats()
	if err != nil {
		return 0
	}
	return uint64(s.Drops)
}

func (t *Tap) Close() error { return t.conn.Close() }

// tapFilter takes UDP of the ports of DHCP over IPv4 and IPv6 without extension
// headers, and on a mirror what has a VLAN tag, whatever is in it.
func tapFilter(ethernet, mirror, loopback bool) []bpf.Instruction {
	var prog []bpf.Instruction
	refuse := bpf.RetConstant{Val: 0}
	accept := bpf.RetConstant{Val: acceptAll}
	if loopback { // what is sent there is received there, too
		prog = append(prog, bpf.LoadExtension{Num: bpf.ExtType},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.PACKET_OUTGOING, SkipFalse: 1}, refuse)
	}
	if !mirror { // of the VLAN interfaces on top of it
		prog = append(prog, bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1}, refuse)
	}
	head := uint32(0)
	if ethernet {
		head = 14
	}
	if ethernet && mirror {
		prog = append(prog, bpf.LoadAbsolute{Off: 12, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_8021Q, SkipTrue: 1},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.ETH_P_8021AD, SkipFalse: 1}, accept)
	}
	four := append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: head + 9, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipTrue: 1}, refuse,
		bpf.LoadMemShift{Off: head},
	}, portFilter(head, 67, 68, accept, refuse)...)
	six := append([]bpf.Instruction{
		bpf.LoadAbsolute{Off: head + 6, Size: 1}, bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipTrue: 1}, refuse,
		bpf.LoadConstant{Dst: bpf.RegX, Val: 40},
	}, portFilter(head, 546, 547, accept, refuse)...)
	prog = append(prog, bpf.LoadAbsolute{Off: head, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 4, SkipFalse: uint8(len(four))})
	prog = append(append(prog, four...),
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 6, SkipTrue: 1}, refuse)
	return append(prog, six...)
}

// portFilter takes datagrams to one of two ports; X is the length of the IP header.
func portFilter(head, a, b uint32, accept, refuse bpf.Instruction) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadIndirect{Off: head + 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: a, SkipTrue: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: b, SkipFalse: 1}, accept, refuse,
	}
}
