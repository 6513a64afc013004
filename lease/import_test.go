package lease

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
)

// importAll imports a text into a Store.
func importAll(t *testing.T, f Format, family int, text string) (*Store, ImportReport) {
	t.Helper()
	s := NewStore(family, 1)
	r, err := Import(f, family, strings.NewReader(text), 1000, func(l Lease) error {
		if l.Valid == 0 && l.State != Released {
			s.Delete(l.Addr)
		} else {
			s.Put(l)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

func TestExportIsImported(t *testing.T) {
	for _, family := range []int{4, 6} {
		s := NewStore(family, 1)
		for _, l := range keaLeases(family) {
			l.HWSource = 0 // not in JSON
			if l.UserContext != "" {
				l.UserContext = `{ "a": "x,y" }`
			}
			s.Put(l)
		}
		for _, f := range []Format{CSV, JSON} {
			var b bytes.Buffer
			n, err := Export(&b, f, family, s.Page)
			if err != nil || n != s.Len() {
				t.Fatal(n, err)
			}
			got, r := importAll(t, f, family, b.String())
			if r.Taken != n || len(r.Skipped) != 0 {
				t.Fatalf("%+v", r)
			}
			for _, l := range s.Page(nil, netip.Addr{}, 1000) {
				if g, _ := got.Get(l.Addr); fmt.Sprint(normal(g)) != fmt.Sprint(normal(l)) {
					t.Errorf("%s: %+v became %+v", f, l, g)
				}
			}
		}
	}
}

// normal: JSON carries no hardware type.
func normal(l Lease) Lease {
	l.HWType = 0
	return l
}

func TestWriteMakesALeaseFile(t *testing.T) {
	s := filled(2500, 4)
	path := filepath.Join(t.TempDir(), "backup.csv")
	if n, err := Write(OS, path, CSV, 4, s.Page); err != nil || n != 2500 {
		t.Fatal(n, err)
	}
	if got := reload(t, path, 4); got.Len() != 2500 {
		t.Errorf("%d leases", got.Len())
	}
}

func TestDnsmasqLeasesAreImported(t *testing.T) {
	const text = `2000 02:00:00:00:00:01 192.0.2.1 Host1 01:02:00:00:00:00:01
0 02:00:00:00:00:02 192.0.2.2 * *
500 06-02:00:00:00:00:03 192.0.2.3 * *
what is this
duid 00:01:00:01:2a
2000 42 2001:db8::1 six 00:03:00:01:02:00:00:00:00:01
`
	s, r := importAll(t, Dnsmasq, 4, text)
	if s.Len() != 3 || len(r.Skipped) != 2 || r.Skipped[0].Line != 4 || r.Skipped[1].Line != 6 {
		t.Errorf("%d leases, %+v", s.Len(), r)
	}
	want := Lease{Addr: addr4(0xc0000201).addr(), HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x01",
		ClientID: "\x01\x02\x00\x00\x00\x00\x01", Hostname: "host1", CLTT: 1000, Valid: 1000}
	if l, _ := s.Get(want.Addr); l != want {
		t.Errorf("%+v, want %+v", l, want)
	}
	if l, _ := s.Get(addr4(0xc0000202).addr()); l.Valid != Infinite {
		t.Errorf("%+v", l)
	}
	if l, _ := s.Get(addr4(0xc0000203).addr()); l.Expires() != 500 || l.HWType != 6 {
		t.Errorf("%+v", l)
	}
	if s, r := importAll(t, Dnsmasq, 6, text); s.Len() != 1 || len(r.Skipped) != 4 {
		t.Errorf("%d leases, %+v", s.Len(), r)
	}
}

func TestISCLeasesAreImported(t *testing.T) {
	s, r := importAll(t, ISC, 4, `# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

lease 192.0.2.1 {
  starts 4 1970/01/01 00:15:00;
  ends 4 1970/01/01 00:25:00;
  cltt 4 1970/01/01 00:15:00;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:00:00:00:01;
  uid "\001\002\000\000\000\000\"";
  client-hostname "Host1";
}
lease 192.0.2.2 {
  ends never;
  binding state active;
  hardware ethernet 02:00:00:00:00:02;
}
lease 192.0.2.3 {
  ends epoch 2000; # a comment
  binding state free;
}
lease 192.0.2.2 {
  ends epoch 1500;
  binding state free;
}
lease 192.0.2.4 {
  ends epoch 2000;
  binding state abandoned;
}
lease 192.0.2.5 {
`)
	if s.Len() != 2 || len(r.Skipped) != 3 || r.Lost() != 1 {
		t.Errorf("%d leases, %+v", s.Len(), r)
	}
	want := Lease{Addr: addr4(0xc0000201).addr(), HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x01",
		ClientID: "\x01\x02\x00\x00\x00\x00\"", Hostname: "host1", CLTT: 900, Valid: 600}
	if l, _ := s.Get(want.Addr); l != want {
		t.Errorf("%+v, want %+v", l, want)
	}
	if l, _ := s.Get(addr4(0xc0000204).addr()); l.State != Declined {
		t.Errorf("%+v", l)
	}
}

func FuzzImport(f *testing.F) {
	f.Add("lease 192.0.2.1 {\nends never;\nuid \"\\001\";\n}\n")
	f.Add(";")
	f.Add("0 02:00 192.0.2.2 * *\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, form := range []Format{CSV, JSON, ISC, Dnsmasq} {
			for _, family := range []int{4, 6} {
				s := NewStore(family, 1)
				Import(form, family, strings.NewReader(text), 1000, func(l Lease) error {
					s.Put(l)
					return nil
				})
			}
		}
	})
}
