package listen

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/net/bpf"

	"leasehold/server/testnet"
)

var (
	frameSrc = netip.MustParseAddrPort("192.0.2.1:67")
	frameDst = netip.MustParseAddrPort("192.0.2.100:68")
)

func packetOf(payload string) []byte {
	var h [headerLen]byte
	putHeaders(&h, frameSrc, frameDst, []byte(payload))
	return append(h[:], payload...)
}

// tshark finds both checksums of these bytes correct.
func TestHeadersGolden(t *testing.T) {
	const want = "4510002100004000" + "80117656c0000201" + "c0000264" + "00430044000d331b" + "6f66666572"
	if got := hex.EncodeToString(packetOf("offer")); got != want {
		t.Errorf("headers\n got %s\nwant %s", got, want)
	}
}

func TestParseFrame(t *testing.T) {
	change := func(f func(b []byte) []byte) []byte { return f(packetOf("discover")) }
	for _, tt := range []struct {
		name string
		in   []byte
		want error
	}{
		{"as built", packetOf("discover"), nil},
		{"empty payload", packetOf(""), nil},
		{"odd payload", packetOf("odd"), nil},
		{"Ethernet padding is cut off", append(packetOf("discover"), make([]byte, 20)...), nil},
		{"no UDP checksum", change(func(b []byte) []byte { b[26], b[27] = 0, 0; return b }), nil},
		{"checksum left to the network card", change(func(b []byte) []byte {
			c := fold(pseudoSum(b[12:20], len(b)-ipHeaderLen))
			b[26], b[27] = byte(c>>8), byte(c)
			return b
		}), nil},
		{"IP options", change(withIPOption), nil},
		{"nothing", nil, errShort},
		{"cut off in the headers", packetOf("discover")[:27], errShort},
		{"cut off in the payload", packetOf("discover")[:30], errLength},
		{"IP header length below 20", resum(change(func(b []byte) []byte { b[0] = 0x44; return b })), errLength},
		{"IP header length behind the end", resum(change(func(b []byte) []byte { b[0] = 0x4f; return b })), errLength},
		{"total length below the headers", resum(change(func(b []byte) []byte { b[3] = 27; return b })), errLength},
		{"UDP length below its header", change(func(b []byte) []byte { b[25] = 7; return b }), errLength},
		{"UDP length behind the end", change(func(b []byte) []byte { b[25]++; return b }), errLength},
		{"IPv6", change(func(b []byte) []byte { b[0] = 0x65; return b }), errNotUDP},
		{"TCP", change(func(b []byte) []byte { b[9] = 6; return b }), errNotUDP},
		{"first fragment", resum(change(func(b []byte) []byte { b[6] = 0x20; return b })), errFragment},
		{"later fragment", resum(change(func(b []byte) []byte { b[6], b[7] = 0, 1; return b })), errFragment},
		{"wrong IP checksum", change(func(b []byte) []byte { b[10]++; return b }), errChecksum},
		{"wrong UDP checksum", change(func(b []byte) []byte { b[28]++; return b }), errChecksum},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src, dst, payload, err := parseFrame(tt.in)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err == nil && (src != frameSrc || dst != frameDst || !bytes.HasPrefix([]byte("discover odd"), payload) && string(payload) != "odd") {
				t.Errorf("%v > %v %q", src, dst, payload)
			}
		})
	}
}

// withIPOption puts four bytes of options behind the IP header.
func withIPOption(b []byte) []byte {
	b = append(b[:ipHeaderLen:ipHeaderLen], append([]byte{1, 1, 1, 0}, b[ipHeaderLen:]...)...)
	b[0] = 0x46
	b[3] += 4
	return resum(b)
}

// resum makes the IP checksum right.
func resum(b []byte) []byte {
	ihl := min(int(b[0]&0xf)*4, len(b))
	b[10], b[11] = 0, 0
	c := ^fold(sum(0, b[:ihl]))
	b[10], b[11] = byte(c>>8), byte(c)
	return b
}

// A payload whose checksum comes out as 0 is sent with 0xffff (RFC 768).
func TestZeroChecksumIsSentAsOnes(t *testing.T) {
	var h [headerLen]byte
	payload := []byte{0, 0}
	putHeaders(&h, frameSrc, frameDst, payload)
	payload[0], payload[1] = h[26], h[27]
	putHeaders(&h, frameSrc, frameDst, payload)
	if h[26] != 0xff || h[27] != 0xff {
		t.Errorf("checksum %x", h[26:28])
	}
	if _, _, _, err := parseFrame(append(h[:], payload...)); err != nil {
		t.Error(err)
	}
}

func FuzzFrame(f *testing.F) {
	f.Add(packetOf("discover"))
	f.Add(withIPOption(packetOf("discover")))
	f.Add(packetOf("")[:25])
	f.Fuzz(func(t *testing.T, b []byte) {
		src, dst, payload, err := parseFrame(b)
		if err != nil {
			return
		}
		var h [headerLen]byte
		putHeaders(&h, src, dst, payload)
		src2, dst2, payload2, err := parseFrame(append(h[:], payload...))
		if err != nil || src2 != src || dst2 != dst || !bytes.Equal(payload2, payload) {
			t.Errorf("built again: %v > %v %x, %v", src2, dst2, payload2, err)
		}
	})
}

func TestDestinedTo(t *testing.T) {
	a := netip.MustParseAddr
	vm := testnet.Must1(bpf.NewVM(destinedTo(68, []netip.Addr{a("255.255.255.255"), a("192.0.2.100")})))(t)
	mod := func(i int, v byte) []byte { b := packetOf("discover"); b[i] = v; return b }
	for _, tt := range []struct {
		name string
		in   []byte
		want bool
	}{
		{"to us", packetOf("discover"), true},
		{"with IP options", withIPOption(packetOf("discover")), true},
		{"without fragmenting", mod(6, 0x40), true},
		{"to another", mod(19, 101), false},
		{"other port", mod(23, 67), false},
		{"TCP", mod(9, 6), false},
		{"first fragment", mod(6, 0x20), false},
		{"last fragment", mod(7, 1), false},
		{"cut off", packetOf("discover")[:21], false},
	} {
		n, err := vm.Run(tt.in)
		if err != nil || n > 0 != tt.want {
			t.Errorf("%s: accepts %d bytes, %v", tt.name, n, err)
		}
	}
}

func TestFilterWithManyAddresses(t *testing.T) {
	var many []netip.Addr
	addr := netip.MustParseAddr("10.0.0.0")
	for range maxFilterAddrs {
		many = append(many, addr)
		addr = addr.Next()
	}
	for _, dsts := range [][]netip.Addr{nil, many, append(many, addr)} {
		if _, err := bpf.Assemble(packetFilter(1, 67, dsts)); err != nil {
			t.Errorf("%d addresses: %v", len(dsts), err)
		}
	}
}
