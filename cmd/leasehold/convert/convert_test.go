package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/config"
)

const corpus = "../testdata/convert"

// What is converted is what a person has read and found right; UPDATE=1 writes
// it anew. It is a configuration without errors.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatal("there is no corpus")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			to := ISC
			if strings.Contains(file, "dnsmasq") {
				to = Dnsmasq
			}
			o := Options{Interfaces: []string{"lan"}, Read: os.ReadFile}
			if strings.Contains(file, "6.conf") {
				o.Version = 6
			}
			r, err := to(filepath.Base(file), text, o)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := json.Indent(&b, r.Config.AppendJSON(nil), "", " "); err != nil {
				t.Fatal(err)
			}
			b.WriteByte('\n')
			if _, err := config.Parse("converted", b.Bytes()); err != nil {
				t.Errorf("check says %v", err)
			}
			for _, n := range r.Notes {
				b.WriteString(n.String() + "\n")
			}
			golden := strings.TrimSuffix(file, ".conf") + ".golden"
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, _ := os.ReadFile(golden)
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("the result is not that of %s:\n%s", golden, b.Bytes())
			}
		})
	}
}

func TestExpressions(t *testing.T) {
	empty, _, err := config.ParseFamily(4, config.NewMap())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ isc, kea string }{
		{`option host-name = "a"`, `option[12].hex == 'a'`},
		{`option host-name = "it's"`, `option[12].hex == 0x69742773`},
		{`not known and exists user-class`, `(not (member('KNOWN'))) and (option[77].exists)`},
		{`(option host-name = "a" or option host-name = "b") and known`, `((option[12].hex == 'a') or (option[12].hex == 'b')) and (member('KNOWN'))`},
		{`hardware = 1:02:00:00:00:00:01`, `pkt4.mac == 0x020000000001`},
		{`substring(hardware, 1, 3) = 02:00:00`, `substring(pkt4.mac, 0, 3) == 0x020000`},
		{`suffix(option agent.circuit-id, 2) != 00:01`, `not (substring(relay4[1].hex, -2, all) == 0x0001)`},
		{`lcase(concat("a", option host-name)) ~= "^ab"`, `match('.*(^ab).*', lcase(concat('a', option[12].hex)))`},
		{`substring(hardware, 0, 1) = 1`, ""},
		{`option host-name ~~ "a"`, ""},
		{`binary-to-ascii(16, 8, ":", hardware) = "x"`, ""},
		{`option nosuch = 1`, ""},
		{`option host-name =`, ""},
	} {
		words, err := lexISC("test", row.isc)
		if err != nil {
			t.Fatal(err)
		}
		c := &isc{version: 4, defs: standardDefs(4), defined: map[string]*definition{}}
		got, err := c.boolean(words)
		if err != nil {
			got = ""
		}
		if got != row.kea {
			t.Errorf("%s\n got %s %v\nwant %s", row.isc, got, err, row.kea)
		}
		if got == "" {
			continue
		}
		if _, err := config.ParseExpression(got, true, 4, empty); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

func TestWhatCannotBeRead(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"subnet 192.0.2.0 netmask 255.255.255.0 {", "} is missing"},
		{"authoritative", "does not end"},
		{"}", "unexpected }"},
		{"option domain-name \"x", "string does not end"},
		{"\n\nhost x { hardware ethernet 1:2 }", "test:3: ; is missing"},
		{`include "nowhere.conf";`, "test:1: include: nobody has it"},
	} {
		_, err := ISC("test", []byte(row.text), Options{Read: func(string) ([]byte, error) { return nil, errors.New("nobody has it") }})
		if err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %v, want %s", row.text, err, row.want)
		}
	}
}

// Whatever a file says, it is converted or refused, and each run the same.
func FuzzISC(f *testing.F) {
	for _, name := range []string{"dhcpd.conf", "dhcpd6.conf"} {
		text, _ := os.ReadFile(filepath.Join(corpus, name))
		f.Add(string(text), 4)
		f.Add(string(text), 6)
	}
	f.Fuzz(func(t *testing.T, text string, version int) {
		if version != 4 && version != 6 {
			version = 0
		}
		r, err := ISC("fuzz", []byte(text), Options{Version: version})
		if err != nil {
			return
		}
		if b := r.Config.AppendJSON(nil); len(b) == 0 {
			t.Fatal("nothing")
		}
	})
}

func FuzzDnsmasq(f *testing.F) {
	for _, name := range []string{"dnsmasq.conf", "dnsmasq6.conf"} {
		text, _ := os.ReadFile(filepath.Join(corpus, name))
		f.Add(string(text), 4)
		f.Add(string(text), 6)
	}
	f.Fuzz(func(t *testing.T, text string, version int) {
		if version != 4 && version != 6 {
			version = 0
		}
		r, err := Dnsmasq("fuzz", []byte(text), Options{Version: version})
		if err == nil && len(r.Config.AppendJSON(nil)) == 0 {
			t.Fatal("nothing")
		}
	})
}
