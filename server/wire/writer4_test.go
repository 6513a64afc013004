package wire

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func started(t testing.TB) (*Writer4, *Message4) {
	d := query4(53, 1, 1, 255)
	d[3] = 2
	copy(d[4:], []byte{1, 2, 3, 4})
	d[8], d[10] = 9, 0x80
	copy(d[24:], []byte{10, 0, 0, 1})
	copy(d[44:], "sname")
	copy(d[108:], "file")
	var m Message4
	if err := m.Decode(d); err != nil {
		t.Fatal(err)
	}
	w := &Writer4{}
	w.Start(&m)
	return w, &m
}

// RFC 2131 table 3: what comes from the query and what does not.
func TestStartCopiesTheHeader(t *testing.T) {
	w, _ := started(t)
	got := w.Finish(0)
	m, err := dhcpv4.FromBytes(got)
	if err != nil {
		t.Fatal(err)
	}
	if m.OpCode != dhcpv4.OpcodeBootReply || m.HopCount != 2 || m.TransactionID != [4]byte{1, 2, 3, 4} || m.NumSeconds != 0 ||
		!m.IsBroadcast() || m.GatewayIPAddr.String() != "10.0.0.1" || m.ClientHWAddr.String() != "02:00:00:00:00:01" ||
		m.ServerHostName != "" || m.BootFileName != "" || len(got) != minLen4+1 {
		t.Errorf("%v, %d bytes", m, len(got))
	}
}

// Kea's order: 53 first, ascending codes, 82 last; equal codes as added.
func TestFinishOrders(t *testing.T) {
	w, _ := started(t)
	for _, c := range []byte{82, 125, 54, 1, 125, 53, 3} {
		w.Add(c, []byte{c, byte(len(w.options))})
	}
	var codes []byte
	for b := w.Finish(0)[minLen4:]; b[0] != 255; b = b[2+b[1]:] {
		codes = append(codes, b[0])
		if b[0] == 125 && codes[len(codes)-2] != 125 && b[3] != 1 {
			t.Error("the second 125 came first")
		}
	}
	if !bytes.Equal(codes, []byte{53, 1, 3, 54, 125, 125, 82}) {
		t.Errorf("order %v", codes)
	}
}

// RFC 3396 §5 for long values; empty ones are there, too.
func TestFinishSplits(t *testing.T) {
	for _, n := range []int{0, 1, 254, 255, 256, 510, 511, 3000} {
		w, _ := started(t)
		v := bytes.Repeat([]byte{7}, n)
		w.Add(200, v)
		m, err := dhcpv4.FromBytes(w.Finish(0))
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got, ok := m.Options[200]; !ok || !bytes.Equal(got, v) {
			t.Errorf("%d bytes come back as %d, %t", n, len(got), ok)
		}
	}
}

func TestFinishPads(t *testing.T) {
	w, _ := started(t)
	if got := w.Finish(300); len(got) != 300 || got[minLen4] != 255 || got[299] != 0 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestSetAndRemove(t *testing.T) {
	w, _ := started(t)
	w.AddAddr(54, netip.MustParseAddr("192.0.2.1"))
	w.AddUint32(51, 7)
	w.AddUint8(53, 2)
	w.Set(51, []byte{9})
	w.Remove(54)
	if v, ok := w.Get(51); !ok || !bytes.Equal(v, []byte{9}) || w.Has(54) {
		t.Errorf("51 is %x, 54 there %t", v, w.Has(54))
	}
}

// Values in the writer's own room stay what they were when it grows.
func TestCopyGrows(t *testing.T) {
	w, _ := started(t)
	for i := range 200 {
		w.Add(byte(i+1), w.Copy(bytes.Repeat([]byte{byte(i)}, 9)))
	}
	for i := range 200 {
		if v, _ := w.Get(byte(i + 1)); !bytes.Equal(v, bytes.Repeat([]byte{byte(i)}, 9)) {
			t.Fatalf("value %d is %x", i, v)
		}
	}
}

// Text that is too long is cut and keeps a final zero.
func TestFixedText(t *testing.T) {
	w, _ := started(t)
	w.SetSName(string(bytes.Repeat([]byte{'s'}, 80)))
	w.SetFile(string(bytes.Repeat([]byte{'f'}, 200)))
	d := w.Finish(0)
	if d[106] != 's' || d[107] != 0 || d[234] != 'f' || d[235] != 0 {
		t.Errorf("% x", d[100:110])
	}
}
