package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var moment = time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)

// datagram4 is an IPv4 packet with a UDP datagram from 192.0.2.1:67 to
// 192.0.2.2:68.
func datagram4(payload string) []byte {
	b := make([]byte, 28, 28+len(payload))
	b[0], b[9] = 0x45, protoUDP
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(payload)))
	copy(b[12:], []byte{192, 0, 2, 1, 192, 0, 2, 2})
	binary.BigEndian.PutUint16(b[20:], 67)
	binary.BigEndian.PutUint16(b[22:], 68)
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(payload)))
	return append(b, payload...)
}

// datagram6 has a hop-by-hop header before UDP.
func datagram6(payload string) []byte {
	b := make([]byte, 56, 56+len(payload))
	b[0], b[6] = 0x60, hopByHop
	binary.BigEndian.PutUint16(b[4:], uint16(16+len(payload)))
	src, dst := netip.MustParseAddr("fe80::1").As16(), netip.MustParseAddr("ff02::1:2").As16()
	copy(b[8:], src[:])
	copy(b[24:], dst[:])
	b[40] = protoUDP
	binary.BigEndian.PutUint16(b[48:], 546)
	binary.BigEndian.PutUint16(b[50:], 547)
	binary.BigEndian.PutUint16(b[52:], uint16(8+len(payload)))
	return append(b, payload...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var (
	macs = []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	from = [6]byte{2, 0, 0, 0, 0, 1}
)

func TestDatagramOfLinkTypes(t *testing.T) {
	sll := []byte{0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0}
	sll2 := []byte{0x86, 0xdd, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}
	for _, row := range []struct {
		name  string
		link  LinkType
		data  []byte
		hw    bool
		wrong error
	}{
		{"ethernet", Ethernet, join(macs, []byte{8, 0}, datagram4("hello"), make([]byte, 13)), true, nil},
		{"ethernet v6", Ethernet, join(macs, []byte{0x86, 0xdd}, datagram6("hello")), true, nil},
		{"VLAN", Ethernet, join(macs, []byte{0x81, 0, 0, 7, 8, 0}, datagram4("hello")), true, nil},
		{"two VLAN tags", Ethernet, join(macs, []byte{0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 0x86, 0xdd}, datagram6("hello")), true, nil},
		{"cooked", LinuxSLL, join(sll, datagram4("hello")), true, nil},
		{"cooked, version 2", LinuxSLL2, join(sll2, datagram6("hello")), true, nil},
		{"raw IP", Raw, datagram6("hello"), false, nil},
		{"loopback", Null, join([]byte{2, 0, 0, 0}, datagram4("hello")), false, nil},
		{"nothing", Ethernet, nil, false, errShort},
		{"a header alone", Ethernet, join(macs, []byte{8, 0}), true, errShort},
		{"ARP", Ethernet, join(macs, []byte{8, 6}, make([]byte, 46)), true, errNotUDP},
		{"unknown link", 147, datagram4("hello"), false, errLink},
		{"fragment", Raw, func() []byte { b := datagram4("hello"); b[6] = 0x20; return b }(), false, ErrFragment},
		{"cut off", Raw, datagram4("hello")[:30], false, errShort},
	} {
		t.Run(row.name, func(t *testing.T) {
			f := Frame{Link: row.link, Data: row.data}
			d, err := f.Datagram()
			if !errors.Is(err, row.wrong) {
				t.Fatalf("error %v, want %v", err, row.wrong)
			}
			if row.wrong != nil {
				return
			}
			if string(d.Payload) != "hello" {
				t.Errorf("payload %q", d.Payload)
			}
			if p := d.Dst.Port(); p != 68 && p != 547 {
				t.Errorf("to port %d", p)
			}
			if d.HasHW != row.hw || d.HasHW && d.HWSrc != from {
				t.Errorf("sender %x %v", d.HWSrc, d.HasHW)
			}
		})
	}
}

// pcap writes a classic file with one frame.
func pcap(order binary.ByteOrder, magic, fraction uint32, frame []byte) []byte {
	var b bytes.Buffer
	for _, v := range []any{magic, uint16(2), uint16(4), uint32(0), uint32(0), uint32(65535), uint32(Raw),
		uint32(moment.Unix()), fraction, uint32(len(frame)), uint32(len(frame))} {
		binary.Write(&b, order, v)
	}
	b.Write(frame)
	return b.Bytes()
}

// appender is an order that can append.
type appender interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// pcapng writes a file of the next generation with one frame of eth7.
func pcapng(order appender, resol byte, stamp uint64, frame []byte) []byte {
	a := func(b []byte, v ...uint32) []byte {
		for _, x := range v {
			b = order.AppendUint32(b, x)
		}
		return b
	}
	head := append(order.AppendUint16(order.AppendUint16(a(nil, magicOrder), 1), 0), bytes.Repeat([]byte{255}, 8)...)
	iface := a(order.AppendUint16(order.AppendUint16(nil, uint16(Raw)), 0), 0)
	iface = append(order.AppendUint16(order.AppendUint16(iface, optionName), 4), "eth7"...)
	iface = append(order.AppendUint16(order.AppendUint16(iface, optionResol), 1), resol, 0, 0, 0)
	iface = a(iface, 0)
	packet := append(a(nil, 0, uint32(stamp>>32), uint32(stamp), uint32(len(frame)), uint32(len(frame))), frame...)
	return join(blockOf(order, magicNG, head), blockOf(order, 0xbad, []byte("unknown")),
		blockOf(order, blockInterface, iface), blockOf(order, blockEnhanced, packet))
}

func blockOf(order appender, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	n := uint32(len(body) + 12)
	b := order.AppendUint32(order.AppendUint32(nil, kind), n)
	return order.AppendUint32(append(b, body...), n)
}

func TestFilesOfEitherFormatAndOrder(t *testing.T) {
	frame := datagram4("hello")
	micros, nanos := uint64(moment.UnixMicro()), uint64(moment.UnixNano())
	binaryStamp := uint64(moment.Unix())<<20 | 1<<18 // a quarter of a second
	for _, row := range []struct {
		name, iface string
		file        []byte
	}{
		{"pcap", "", pcap(binary.LittleEndian, magicMicro, 250_000, frame)},
		{"pcap of another machine", "", pcap(binary.BigEndian, magicMicro, 250_000, frame)},
		{"pcap with nanoseconds", "", pcap(binary.LittleEndian, magicNano, 250_000_000, frame)},
		{"pcapng", "eth7", pcapng(binary.LittleEndian, 6, micros, frame)},
		{"pcapng of another machine", "eth7", pcapng(binary.BigEndian, 9, nanos, frame)},
		{"pcapng with binary time", "eth7", pcapng(binary.LittleEndian, 0x80|20, binaryStamp, frame)},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := NewReader(bytes.NewReader(row.file))
			if err != nil {
				t.Fatal(err)
			}
			f, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !f.At.Equal(moment) || f.Iface != row.iface || !bytes.Equal(f.Data, frame) {
				t.Errorf("got %v %q %x", f.At, f.Iface, f.Data)
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			r, _ = NewReader(bytes.NewReader(row.file[:len(row.file)-1]))
			if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("cut off: %v", err)
			}
		})
	}
}

func TestWhatIsNoCapture(t *testing.T) {
	for _, text := range []string{"", "GIF", "#!/bin/sh\nexit 0\n"} {
		if _, err := NewReader(strings.NewReader(text)); err == nil {
			t.Errorf("%q is taken for a capture", text)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(pcap(binary.LittleEndian, magicMicro, 1, datagram4("hello")))
	f.Add(pcapng(binary.BigEndian, 9, 1, datagram6("hello")))
	f.Add(pcapng(binary.LittleEndian, 0xff, 1, datagram6("hello")))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		for {
			f, err := r.Next()
			if err != nil {
				return
			}
			if d, err := f.Datagram(); err == nil && len(d.Payload) > len(f.Data) {
				t.Fatal("a datagram larger than its frame")
			}
		}
	})
}
