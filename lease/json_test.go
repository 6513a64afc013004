package lease

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func readLines(t testing.TB, name string) []string {
	t.Helper()
	b, err := os.ReadFile("../testdata/lease/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

// What Kea 2.2 and 3.3 sent to their partners is read, and written again byte
// for byte; the DUID of a declined lease is written as newer Keas demand.
func TestJSONIsKeas(t *testing.T) {
	for name, family := range map[string]int{"page4.jsonl": 4, "page6.jsonl": 6} {
		for _, line := range readLines(t, name) {
			l, err := FromJSON([]byte(line), family)
			if err != nil {
				t.Errorf("%v\n%s", err, line)
				continue
			}
			want := strings.Replace(line, `"duid": "00",`, `"duid": "00:00:00",`, 1)
			if got := string(AppendJSON(nil, &l, family)); got != want {
				t.Errorf("wrote\n%s\nread\n%s", got, want)
			}
		}
	}
	for name, family := range map[string]int{"update4.jsonl": 4, "update6.jsonl": 6} {
		for _, line := range readLines(t, name) {
			u, err := UpdateFromJSON([]byte(line), family)
			if err != nil {
				t.Errorf("%v\n%s", err, line)
				continue
			}
			l, err := u.Settle(1, 2, 3)
			if err != nil {
				t.Errorf("%v\n%s", err, line)
			}
			want := strings.Replace(line, `"duid": "00",`, `"duid": "00:00:00",`, 1)
			if got := string(AppendUpdateJSON(nil, &l, family, u.ForceCreate, u.Origin)); got != want {
				t.Errorf("wrote\n%s\nread\n%s", got, want)
			}
		}
	}
}

// What most partners send most of the time is read the quick way.
func TestCommonLeasesAreReadQuickly(t *testing.T) {
	for i := range 200 {
		for _, family := range []int{4, 6} {
			l := benchLease(i, family)
			l.HWSource, l.PoolID = 0, uint32(i%2)
			if family == 6 && i%3 == 0 {
				l.Type, l.PrefixLen, l.HWAddr, l.HWType = PD, 64, "", 0
			}
			if family == 4 && i%3 == 0 {
				l.ClientID, l.Hostname, l.State = "", "", Declined
			}
			text := AppendJSON(nil, &l, family)
			if got, rest, ok := CutJSON(text[1:], family); !ok || got != l || len(rest) > 0 {
				t.Fatalf("%s: %+v, %v, want %+v", text, got, ok, l)
			}
		}
	}
}

func BenchmarkJSON(b *testing.B) {
	for _, family := range []int{4, 6} {
		l := benchLease(1, family)
		text := AppendJSON(nil, &l, family)
		b.Run(fmt.Sprintf("v%d/quick", family), func(b *testing.B) {
			for b.Loop() {
				CutJSON(text[1:], family)
			}
		})
		b.Run(fmt.Sprintf("v%d/general", family), func(b *testing.B) {
			for b.Loop() {
				FromJSON(text, family)
			}
		})
	}
}

func TestUpdateIsCheckedAsKeaDoes(t *testing.T) {
	for _, c := range []struct{ family, text, err string }{
		{"4", `{"ip-address":"192.0.2.111","subnet-id":1}`, "missing parameter 'hw-address'"},
		{"4", `{"hw-address":"02:00:00:00:00:01"}`, "missing parameter 'ip-address'"},
		{"4", `{"ip-address":"192.0.2.300","hw-address":""}`, "Failed to convert '192.0.2.300' to address: Failed to convert string to address '192.0.2.300': Invalid argument"},
		{"4", `{"ip-address":"2001:db8::1","hw-address":""}`, "Non-IPv4 address specified: 2001:db8::1"},
		{"4", `{"ip-address":"192.0.2.1","hw-address":"","client-id":""}`, "identifier is too short (0), at least 2 is required"},
		{"4", `{"ip-address":"192.0.2.1","hw-address":"","client-id":"01"}`, "identifier is too short (1), at least 2 is required"},
		{"4", `{"ip-address":"192.0.2.1","hw-address":"","state":4}`, "DHCPv4 leases do not support registered state"},
		{"4", `{"ip-address":"192.0.2.1","hw-address":"","state":5}`, "Invalid state value: 5, supported values are: 0 (default), 1 (declined), 2 (expired-reclaimed), 3 (released) and 4 (registered)"},
		{"4", `{"ip-address":"192.0.2.112","hw-address":"02","valid-lft":600,"expire":100}`, "expiration time must be greater than valid lifetime for address 192.0.2.112"},
		{"4", `{"ip-address":"192.0.2.112","hw-address":"02","valid-lft":600,"expire":-1}`, "expiration time must be positive for address 192.0.2.112"},
		{"4", `{"ip-address":"192.0.2.112","hw-address":"02","valid-lft":-1}`, "The 'valid-lft' value (-1) is not within expected range: (0 - 4294967295)"},
		{"4", `{"ip-address":"192.0.2.112","hw-address":"02","fqdn-fwd":true}`, "No hostname specified and either forward or reverse fqdn was set to true."},
		{"4", `{"ip-address":"192.0.2.112","hw-address":2}`, "invalid type specified for parameter 'hw-address'"},
		{"6", `{"ip-address":"2001:db8::1","duid":"00:01:02"}`, "missing parameter 'iaid'"},
		{"6", `{"ip-address":"2001:db8::1","duid":"00","iaid":1}`, "identifier is too short (1), at least 3 is required"},
		{"6", `{"ip-address":"2001:db8::","duid":"00:01:02","iaid":1,"type":"IA_PD","subnet-id":1}`, "missing parameter 'prefix-len'"},
		{"6", `{"ip-address":"2001:db8::","duid":"00:01:02","iaid":1,"type":"IA_XX"}`, "Incorrect lease type: IA_XX"},
	} {
		u, err := UpdateFromJSON([]byte(c.text), int(c.family[0]-'0'))
		if err == nil {
			_, err = u.Settle(1000, 1, 1)
		}
		if err == nil || err.Error() != c.err {
			t.Errorf("%s\ngot  %v\nwant %s", c.text, err, c.err)
		}
	}
}

func TestUpdateTakesWhatItLeavesOutFromTheSubnet(t *testing.T) {
	u, err := UpdateFromJSON([]byte(`{"ip-address":"192.0.2.1","hw-address":"02:00","hostname":"UP.Example",`+
		`"user-context":{"n":1,"a":"x,y"},"comment":"why","unknown":[1,{}]}`), 4)
	if err != nil {
		t.Fatal(err)
	}
	l, err := u.Settle(1000, 600, 300)
	if err != nil || l.CLTT != 1000 || l.Valid != 600 || l.Preferred != 0 || l.Hostname != "up.example" ||
		l.UserContext != `{ "a": "x,y", "comment": "why", "n": 1 }` {
		t.Errorf("%+v %v", l, err)
	}
}

func TestJSONHoldsEveryLease(t *testing.T) {
	for _, family := range []int{4, 6} {
		rapid.Check(t, func(t *rapid.T) {
			l := drawLease(t, family == 6)
			l.HWSource = 0
			l.Hostname = strings.ToLower(l.Hostname)
			if l.Type == PD && l.State == Declined {
				l.State = Default
				l.ClientID = "abc"
			}
			if l.Type == PD {
				a := l.Addr.As16()
				clear(a[7:])
				l.Addr = addr6{key6(l.Addr).hi &^ 0xff, 0}.addr()
			}
			if l.Hostname == "" {
				l.FQDNFwd, l.FQDNRev = false, false
			}
			if l.UserContext != "" {
				b, err := appendValue(nil, []byte(l.UserContext))
				if err != nil {
					t.Fatal(err)
				}
				l.UserContext = string(b)
			}
			text := AppendJSON(nil, &l, family)
			got, err := FromJSON(text, family)
			if err != nil || got != l {
				t.Fatalf("%v\n%s\n%+v\n%+v", err, text, l, got)
			}
			if quick, rest, ok := CutJSON(append(text, " ]"...)[1:], family); ok && (quick != l || string(rest) != " ]") {
				t.Fatalf("%s\n%+v\n%+v, then %q", text, l, quick, rest)
			}
		})
	}
}

func FuzzJSON(f *testing.F) {
	for _, name := range []string{"page4.jsonl", "page6.jsonl", "update4.jsonl", "update6.jsonl"} {
		for _, line := range readLines(f, name) {
			f.Add(line)
		}
	}
	f.Add(`{ "cltt": 1, "duid": "00:00:01", "fqdn-fwd": false, "fqdn-rev": false, "hostname": "", "hw-address": "", "iaid": 0, ` +
		`"ip-address": "::", "preferred-lft": 0, "state": 0, "subnet-id": 1, "type": "IA_NA", "valid-lft": 0 }`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, family := range []int{4, 6} {
			u, err := UpdateFromJSON([]byte(text), family)
			if err == nil {
				u.Settle(1000, 600, 300)
			}
			l, err := FromJSON([]byte(text), family)
			if quick, rest, ok := CutJSON([]byte(text[min(1, len(text)):]), family); ok && text[0] == '{' && len(rest) == 0 && (err != nil || quick != l) {
				t.Fatalf("%q: %+v read quickly, else %+v, %v", text, quick, l, err)
			}
			if err != nil {
				continue
			}
			again, err := FromJSON(AppendJSON(nil, &l, family), family)
			if err != nil || again != l {
				t.Fatalf("%q: %+v became %+v, %v", text, l, again, err)
			}
			NewStore(family, 0).Put(l)
		}
	})
}
