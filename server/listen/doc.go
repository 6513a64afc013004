// Package listen opens the server's sockets, keeps them in step with the
// interfaces of the system, and moves datagrams in batches.
//
// Start with New, which takes the configuration's interfaces-config and calls
// Serve in a goroutine of its own for every socket it opens, and with
// Socket.Receive, which fills buffers that the caller owns and uses again.
// Set.Send carries out wire.Departure values; it may be called from any
// goroutine.
//
// # Who owns a DHCPv4 datagram
//
// Every datagram is handed over exactly once, by construction:
//
//   - dhcp-socket-type raw: one packet socket per interface takes what arrives
//     there, broadcast or sent to one of the addresses served, before netfilter
//     and reverse path filtering have a say, as operators of Kea expect. A UDP
//     socket per address holds the port (otherwise the kernel would answer with
//     port unreachable), sends, and takes what reaches the address through any
//     other interface; its filter refuses what the packet socket sees.
//   - dhcp-socket-type udp: a UDP socket per address takes unicast, one bound to
//     the interface and its broadcast address takes broadcast.
//
// A packet socket is of type SOCK_DGRAM: the kernel removes and adds the link
// header, so that VLAN, bond and other devices need no code here. Frames of a
// VLAN never count as untagged traffic of the parent, because the filter
// compares the interface the kernel delivered them to. Fragments are put
// together by the kernel, for packet sockets as for others.
//
// # DHCPv6
//
// Per interface one socket for ff02::1:2, one for ff05::1:3 and one per
// link-local address; one more for each global address that is configured.
//
// Left out on purpose: reading messages (package wire), deciding where a
// response goes (package engine), logging (the caller, from Change).
package listen
