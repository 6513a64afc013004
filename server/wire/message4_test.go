package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// query4 is a minimal query with the given options.
func query4(options ...byte) []byte {
	d := make([]byte, minLen4, minLen4+len(options))
	d[0], d[1], d[2] = 1, 1, 6
	copy(d[28:], []byte{2, 0, 0, 0, 0, 1})
	copy(d[headerLen4:], cookie4[:])
	return append(d, options...)
}

func TestDecodeRefusesWhatIsNoQuery(t *testing.T) {
	change := func(at int, v byte) []byte {
		d := query4(53, 1, 1, 255)
		d[at] = v
		return d
	}
	for _, c := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrTruncated},
		{"one byte short of the fixed header", query4()[:235], ErrTruncated},
		{"fixed header without cookie", query4()[:236], ErrTruncated},
		{"BOOTREPLY", change(0, 2), ErrOp},
		{"hlen 17", change(2, 17), ErrHLen},
		{"wrong cookie", change(239, 0), ErrCookie},
		{"empty message type", query4(53, 0, 255), ErrType},
		{"hlen 16", change(2, 16), nil},
		{"no options", query4(), nil},
		{"long message type: the first byte counts", query4(53, 2, 1, 9, 255), nil},
	} {
		var m Message4
		if err := m.Decode(c.data); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

// Options as Kea reads them: RFC 2131 §4.1 for overload, RFC 3396 for pieces.
func TestDecodeReadsOptions(t *testing.T) {
	overloaded := query4(52, 1, 3, 12, 1, 'a', 255)
	copy(overloaded[108:], []byte{12, 1, 'b', 15, 1, 'f', 255})
	copy(overloaded[44:], []byte{12, 1, 'c', 15, 1, 's', 255})
	fileOnly := query4(52, 1, 1, 255)
	copy(fileOnly[108:], []byte{60, 1, 'f', 255})
	copy(fileOnly[44:], []byte{60, 1, 's', 255})
	for _, c := range []struct {
		name string
		data []byte
		want map[byte]string
	}{
		{"none", query4(255), nil},
		{"padding between", query4(0, 0, 12, 1, 'a', 0, 15, 1, 'b', 255), map[byte]string{12: "a", 15: "b"}},
		{"nothing after the end", query4(12, 1, 'a', 255, 15, 1, 'b'), map[byte]string{12: "a"}},
		{"no end", query4(12, 1, 'a'), map[byte]string{12: "a"}},
		{"length cut off", query4(12, 1, 'a', 15), map[byte]string{12: "a"}},
		{"value cut off", query4(12, 1, 'a', 15, 2, 'b'), map[byte]string{12: "a"}},
		{"empty value", query4(12, 0, 255), map[byte]string{12: ""}},
		{"pieces", query4(12, 1, 'a', 15, 1, 'x', 12, 2, 'b', 'c', 255), map[byte]string{12: "abc", 15: "x"}},
		{"pieces, the last one cut off", query4(12, 1, 'a', 12, 2, 'b'), map[byte]string{12: "a"}},
		{"overload", overloaded, map[byte]string{52: "\x03", 12: "abc", 15: "fs"}},
		{"overload of file", fileOnly, map[byte]string{52: "\x01", 60: "f"}},
	} {
		var m Message4
		if err := m.Decode(c.data); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		got := map[byte]string{}
		for _, code := range m.Codes() {
			v, ok := m.Option(code)
			if !ok || !m.Has(code) {
				t.Errorf("%s: option %d is listed and not there", c.name, code)
			}
			got[code] = string(v)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		for code, v := range c.want {
			if got[code] != v {
				t.Errorf("%s: option %d is %q, want %q", c.name, code, got[code], v)
			}
		}
	}
}

// A view that is used again shows nothing of the last message.
func TestDecodeForgets(t *testing.T) {
	var m Message4
	for _, d := range [][]byte{
		query4(53, 1, 3, 12, 1, 'a', 12, 1, 'b', 82, 3, 1, 1, 'p', 255), query4(53, 1, 1, 255), query4(60, 1, 'v', 255),
	} {
		if err := m.Decode(d); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Codes(); !slices.Equal(got, []byte{60}) || m.Has(12) || m.Has(53) || m.Type != 0 {
		t.Errorf("codes %v, type %d", got, m.Type)
	}
	if _, ok := m.AgentOption(1); ok {
		t.Error("a sub-option of the message before")
	}
}

func TestSubOptions(t *testing.T) {
	run := []byte{1, 1, 'a', 9, 0, 2, 2, 'b', 'c', 5, 4, 1}
	if v, ok := SubOption4(run, 2); !ok || string(v) != "bc" {
		t.Errorf("sub-option 2 is %q, %t", v, ok)
	}
	if v, ok := SubOption4(run, 9); !ok || len(v) != 0 {
		t.Errorf("sub-option 9 is %q, %t", v, ok)
	}
	if _, ok := SubOption4(run, 5); ok {
		t.Error("a sub-option that is cut off")
	}
	if got := SubOptions4(run); !bytes.Equal(got, run[:9]) {
		t.Errorf("well-formed are %x", got)
	}
	if got := SubOptions4([]byte{1}); len(got) != 0 {
		t.Errorf("well-formed are %x", got)
	}
}

func TestAddOption(t *testing.T) {
	var m Message4
	if err := m.Decode(query4(53, 1, 3, 255)); err != nil {
		t.Fatal(err)
	}
	m.AddOption(82, []byte{1, 1, 'x'})
	m.AddOption(60, nil)
	if v, ok := m.AgentOption(1); !ok || string(v) != "x" {
		t.Errorf("circuit-id %q, %t", v, ok)
	}
	if v, ok := m.Option(60); !ok || len(v) != 0 {
		t.Errorf("option 60 is %q, %t", v, ok)
	}
	if err := m.Decode(query4(53, 1, 3, 255)); err != nil || m.Has(82) {
		t.Errorf("the added option stays: %v", err)
	}
}

// agree compares the view with the codec, which joins pieces, too, but knows
// nothing of overload.
func agree(t *testing.T, data []byte) {
	t.Helper()
	var m Message4
	err := m.Decode(data)
	codec, codecErr := dhcpv4.FromBytes(data)
	if codecErr != nil || codec.OpCode != dhcpv4.OpcodeBootRequest || codec.Options.Has(dhcpv4.OptionOptionOverload) {
		return
	}
	if err != nil {
		// The codec takes any type option and any hardware length.
		if errors.Is(err, ErrType) || errors.Is(err, ErrHLen) {
			return
		}
		t.Fatalf("the codec reads what Decode refuses: %v", err)
	}
	n := 0
	for code, v := range codec.Options {
		got, ok := m.Option(code)
		if code == 0 || code == 255 {
			continue
		}
		n++
		if !ok || !bytes.Equal(got, v) {
			t.Fatalf("option %d is %x, the codec reads %x", code, got, v)
		}
	}
	if n != len(m.Codes()) {
		t.Fatalf("%d options, the codec reads %d", len(m.Codes()), n)
	}
	same := func(a netip.Addr, b []byte) bool { x, _ := netip.AddrFromSlice(b); return a == x.Unmap() }
	switch {
	case m.XID() != uint32(codec.TransactionID[0])<<24|uint32(codec.TransactionID[1])<<16|uint32(codec.TransactionID[2])<<8|uint32(codec.TransactionID[3]),
		m.Secs() != codec.NumSeconds, m.Flags() != codec.Flags, m.Hops() != codec.HopCount,
		!same(m.CIAddr(), codec.ClientIPAddr), !same(m.YIAddr(), codec.YourIPAddr),
		!same(m.SIAddr(), codec.ServerIPAddr), !same(m.GIAddr(), codec.GatewayIPAddr),
		!bytes.Equal(m.CHAddr(), codec.ClientHWAddr):
		t.Fatalf("the header reads otherwise: %x", data[:44])
	}
}

// recorded returns the queries of the recordings.
func recorded(t testing.TB) [][]byte {
	paths, _ := filepath.Glob("../../testdata/dhcp4/kea22/*.txt")
	if len(paths) == 0 {
		t.Fatal("no recordings")
	}
	var all [][]byte
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range strings.Split(string(text), "\n") {
			if f := strings.Fields(l); len(f) == 5 && f[0] == "query" {
				d, err := hex.DecodeString(f[4])
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, d)
			}
		}
	}
	return all
}

func TestViewAgreesWithCodec(t *testing.T) {
	for _, d := range recorded(t) {
		agree(t, d)
	}
}

func FuzzMessage4(f *testing.F) {
	for _, d := range recorded(f) {
		f.Add(d)
	}
	f.Add(query4(12, 1, 'a', 12, 1, 'b', 255))
	f.Add(query4(52, 1, 3, 255))
	f.Fuzz(func(t *testing.T, data []byte) {
		agree(t, data)
		var m Message4
		if m.Decode(data) != nil {
			return
		}
		// Whatever the view lists can be asked for, and cutting the tail off
		// changes nothing before it.
		for _, c := range m.Codes() {
			if _, ok := m.Option(c); !ok {
				t.Fatalf("option %d is listed and not there", c)
			}
		}
		for c := range 256 {
			m.AgentOption(byte(c))
			m.Addr(byte(c))
		}
		if m.Has(OptOverload) {
			return
		}
		var cut Message4
		if len(data) > minLen4 && cut.Decode(data[:len(data)-1]) == nil {
			for _, c := range cut.Codes() {
				if whole, ok := m.Option(c); !ok {
					t.Fatalf("option %d only without the last byte", c)
				} else if v, _ := cut.Option(c); !bytes.HasPrefix(whole, v) {
					t.Fatalf("option %d is %x without the last byte, %x with it", c, v, whole)
				}
			}
		}
	})
}
