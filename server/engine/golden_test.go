package engine

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/server/wire"
)

// recording is an exchange as Kea 2.2.0 had it: kea22/NAME.txt, with the
// configuration NAME.json.
type recording struct {
	title    string
	query    []byte
	arrival  wire.Arrival
	response []byte
	dst      string
	hw       string
}

func readRecordings(t testing.TB, path string, in *wire.Interface) []recording {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []recording
	title := ""
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		switch {
		case len(f) == 0:
		case f[0] == "#":
			title = strings.Join(f[1:], " ")
		case f[0] == "query" && len(f) == 5:
			r := recording{title: title}
			r.arrival = wire.Arrival{Iface: in, Link: true, Local: in.V4[0].Addr()}
			var err error
			if r.query, err = hex.DecodeString(f[4]); err != nil {
				t.Fatal(err)
			}
			src := netip.MustParseAddrPort(f[2])
			address(&r.arrival, r.query, src.Addr(), netip.MustParseAddrPort(f[3]).Addr(), src.Port())
			all = append(all, r)
		case f[0] == "response" && len(f) == 5:
			r := &all[len(all)-1]
			if r.response, err = hex.DecodeString(f[4]); err != nil {
				t.Fatal(err)
			}
			r.dst, r.hw = f[2], f[3]
		case f[0] == "silent":
		default:
			t.Fatalf("%s: %q", path, sc.Text())
		}
	}
	return all
}

// TestKea22Bytes asks what Kea 2.2.0 was asked, and wants the same bytes back:
// header, options and their order, no padding, and the same destination.
func TestKea22Bytes(t *testing.T) {
	paths, _ := filepath.Glob(scenarioDir + "/kea22/*.txt")
	if len(paths) == 0 {
		t.Fatal("no recordings")
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txt")
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, scenarioDir)
			if err := w.do("config " + name + ".json"); err != nil {
				t.Fatal(err)
			}
			var got *Query
			w.answered = func(q *Query) { got = q }
			for _, r := range readRecordings(t, path, w.ifaces["eth0"]) {
				got = nil
				q := &Query{Data: r.query, Arrival: r.arrival}
				q.Decode4()
				w.step(q)
				switch {
				case got == nil && r.response != nil:
					t.Errorf("%s: silent, Kea answered %x", r.title, r.response)
				case got == nil:
				case r.response == nil:
					t.Errorf("%s: answered %x, Kea was silent", r.title, got.Response)
				case !bytes.Equal(got.Response, r.response):
					t.Errorf("%s\nours %x\nKea  %x", r.title, got.Response, r.response)
				case got.Departure.Dst.String() != r.dst:
					t.Errorf("%s: sent to %s, Kea's went to %s", r.title, got.Departure.Dst, r.dst)
				case got.Departure.Frame && net.HardwareAddr(got.Departure.HWDst[:]).String() != r.hw:
					t.Errorf("%s: sent to %x, Kea's went to %s", r.title, got.Departure.HWDst, r.hw)
				}
			}
		})
	}
}
