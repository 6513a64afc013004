package wire

import "net/netip"

// Interface is a network interface as it was when a socket on it was opened or
// last changed. It is immutable; a change makes a new value.
type Interface struct {
	Name  string
	Index int
	MAC   []byte
	V4    []netip.Prefix // in the system's order
	V6    []netip.Prefix // link-local and global
}

// Arrival says how a datagram came in.
type Arrival struct {
	Iface *Interface
	Src   netip.AddrPort
	Dst   netip.AddrPort // as in the IP header
	// Local is our address for this datagram: Dst if that is one of ours, else
	// the address of the receiving socket (v4: the interface's first or
	// configured one; v6: the link-local address).
	Local netip.Addr
	// Multi is set when the datagram was not sent to an address of ours alone:
	// broadcast (v4) or multicast (v6).
	Multi bool
	// Link is set when it came through the link-layer socket (v4), so that a
	// client without an address can be answered by a frame.
	Link  bool
	HWSrc [6]byte // source MAC, if Link
}

// Departure says where a response goes.
type Departure struct {
	Iface *Interface // nil: the system's routing decides (outbound-interface use-routing)
	Src   netip.AddrPort
	Dst   netip.AddrPort
	// Frame: send as an Ethernet frame to HWDst, without ARP (v4, RFC 2131 §4.1).
	Frame bool
	HWDst [6]byte
}
