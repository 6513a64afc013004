package listen

import (
	"testing"

	"golang.org/x/net/bpf"
)

// frame is an Ethernet frame with a UDP datagram to a port.
func tapped(six bool, protocol byte, port uint16) []byte {
	b := make([]byte, 14+40+8)
	head := 20
	b[12], b[13] = 0x08, 0x00
	ip := b[14:]
	if six {
		b[12], b[13], head = 0x86, 0xdd, 40
		ip[0], ip[6] = 0x60, protocol
	} else {
		ip[0], ip[9] = 0x45, protocol
	}
	ip[head+2], ip[head+3] = byte(port>>8), byte(port)
	return b
}

func TestTapFilter(t *testing.T) {
	tagged := append(append(append([]byte{}, tapped(false, protoUDP, 67)[:12]...), 0x81, 0, 0, 7), tapped(false, protoUDP, 67)[12:]...)
	for _, row := range []struct {
		name     string
		frame    []byte
		ethernet bool
		want     bool
	}{
		{"DHCPv4 query", tapped(false, protoUDP, 67), true, true},
		{"DHCPv4 response", tapped(false, protoUDP, 68), true, true},
		{"DNS", tapped(false, protoUDP, 53), true, false},
		{"TCP", tapped(false, 6, 67), true, false},
		{"DHCPv6 query", tapped(true, protoUDP, 547), true, true},
		{"DHCPv6 response", tapped(true, protoUDP, 546), true, true},
		{"IPv6, port of DHCPv4", tapped(true, protoUDP, 67), true, false},
		{"ICMPv6", tapped(true, 58, 547), true, false},
		{"VLAN", tagged, true, true},
		{"without a link", tapped(true, protoUDP, 547)[14:], false, true},
		{"neither version", make([]byte, 64), true, false},
	} {
		// The machine below knows no extensions: those of a mirror's filter are none.
		vm, err := bpf.NewVM(tapFilter(row.ethernet, true, false))
		if err != nil {
			t.Fatal(err)
		}
		n, err := vm.Run(row.frame)
		if err != nil || n > 0 != row.want {
			t.Errorf("%s: %d bytes are taken, error %v", row.name, n, err)
		}
	}
}
