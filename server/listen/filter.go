package listen

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

const (
	acceptAll = 1 << 18 // bytes kept of an accepted packet: all of it

	// A filter lists at most so many destinations; with more it lets every
	// destination pass.
	maxFilterAddrs = 1000
)

// packetFilter takes datagrams for port, sent to one of dsts, which the kernel
// delivered to interface ifindex itself: not what the interface saw in
// promiscuous mode, not frames of a VLAN on top of it, not our own.
func packetFilter(ifindex int, port uint16, dsts []netip.Addr) []bpf.Instruction {
	return append(deliveredTo(ifindex), destinedTo(port, dsts)...)
}

func deliveredTo(ifindex int) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		// PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, then those of others.
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: unix.PACKET_MULTICAST, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadExtension{Num: bpf.ExtInterfaceIndex},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ifindex), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
}

func destinedTo(port uint16, dsts []netip.Addr) []bpf.Instruction {
	prog := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoUDP, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: fragmentMask, SkipFalse: 1},
		bpf.RetConstant{Val: 0},
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
	if len(dsts) > maxFilterAddrs {
		return append(prog, bpf.RetConstant{Val: acceptAll})
	}
	prog = append(prog, bpf.LoadAbsolute{Off: 16, Size: 4})
	for _, a := range dsts {
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: addrValue(a), SkipFalse: 1},
			bpf.RetConstant{Val: acceptAll})
	}
	return append(prog, bpf.RetConstant{Val: 0})
}

// exceptFrom refuses what arrived through one of the interfaces: the packet
// socket there has taken it.
func exceptFrom(ifindexes []int) []bpf.Instruction {
	prog := []bpf.Instruction{bpf.LoadExtension{Num: bpf.ExtInterfaceIndex}}
	for _, ifindex := range ifindexes {
		prog = append(prog,
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(ifindex), SkipFalse: 1},
			bpf.RetConstant{Val: 0})
	}
	return append(prog, bpf.RetConstant{Val: acceptAll})
}

func addrValue(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// attachFilter sets, or replaces, the filter of a socket.
// setFilter gives a socket a filter in place of its old one, or none.
func setFilter(fd int, prog []bpf.Instruction) error {
	if prog != nil {
		return attachFilter(fd, prog)
	}
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("detach filter: %w", err)
	}
	return nil
}

func attachFilter(fd int, prog []bpf.Instruction) error {
	raw, err := bpf.Assemble(prog)
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	insns := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		insns[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(insns)), Filter: &insns[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog); err != nil {
		return fmt.Errorf("attach filter: %w", err)
	}
	return nil
}
