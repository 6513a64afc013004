// Package capture reads what was recorded on a wire: files of tcpdump, tshark and
// the like (pcap and pcapng), and in the frames of any of these the UDP datagrams
// of DHCP.
//
// Start with Reader, which gives one Frame after the other, and Frame.Datagram.
// Nothing here opens a file or a socket.
//
// Left out on purpose: fragments are not put together again, and compressed files
// are not unpacked.
package capture
