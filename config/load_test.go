package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func parse4(t *testing.T, members string) *Family {
	t.Helper()
	c, err := Parse("f.json", fmt.Appendf(nil, `{ "Dhcp4": { %s } }`, members))
	if err != nil {
		t.Fatal(err)
	}
	return c.V4
}

func parse6(t *testing.T, members string) *Family {
	t.Helper()
	c, err := Parse("f.json", fmt.Appendf(nil, `{ "Dhcp6": { %s } }`, members))
	if err != nil {
		t.Fatal(err)
	}
	return c.V6
}

// TestInheritance: each value comes from the nearest level that gives it.
func TestInheritance(t *testing.T) {
	f := parse4(t, `"valid-lifetime": 4000, "renew-timer": 900, "next-server": "10.0.0.1", "boot-file-name": "global", "ddns-ttl-percent": 0.5,
  "ddns-qualifying-suffix": "global.", "authoritative": true, "allocator": "random",
  "shared-networks": [ { "name": "n", "interface": "eth7", "rebind-timer": 2000, "boot-file-name": "", "min-valid-lifetime": 100, "user-context": { "ha-server-name": "server1" },
    "relay": { "ip-addresses": [ "10.9.9.9" ] }, "ddns-qualifying-suffix": "net.",
    "subnet4": [ { "id": 7, "subnet": "10.0.0.0/8", "max-valid-lifetime": 9000, "next-server": "0.0.0.0", "ddns-ttl": 7,
      "pools": [ { "pool": "10.0.0.1-10.0.0.9", "ddns-qualifying-suffix": "pool.", "client-classes": [ "a", "b" ] }, { "pool": "10.1.0.0/16" } ] } ] } ],
  "subnet4": [ { "id": 3, "subnet": "192.0.2.0/24", "authoritative": false, "match-client-id": false, "allocator": "flq" } ]`)
	if ids := []uint32{f.Subnets[0].ID, f.Subnets[1].ID}; !slices.Equal(ids, []uint32{3, 7}) {
		t.Errorf("subnets in the order %v", ids)
	}
	s := f.Subnets[1]
	p := s.Params
	if want := (Triplet{true, 100, 4000, 9000}); p.Valid != want {
		t.Errorf("valid lifetime %+v", p.Valid)
	}
	if p.RenewTimer.Value != 900 || p.RebindTimer.Value != 2000 {
		t.Errorf("timers %+v %+v", p.RenewTimer, p.RebindTimer)
	}
	if p.NextServer.IsValid() || p.BootFileName != "global" {
		t.Errorf("0.0.0.0 is none and an empty file name is not set: %v %q", p.NextServer, p.BootFileName)
	}
	if !p.Authoritative || p.Allocator != Random || !p.MatchClientID {
		t.Errorf("%+v", p)
	}
	if p.DDNS.QualifyingSuffix != "net." || s.Pools[0].DDNS.QualifyingSuffix != "pool." || s.Pools[1].DDNS.QualifyingSuffix != "net." {
		t.Error("qualifying suffix")
	}
	if !p.DDNS.TTL.Set || p.DDNS.TTLPercent.Set || !f.Params.DDNS.TTLPercent.Set {
		t.Errorf("a fixed TTL puts the percentage of a higher level aside: %+v", p.DDNS)
	}
	if s.Interface != "eth7" || s.Network.Name != "n" || s.HAServer != "server1" || !slices.Equal(s.Relay, []netip.Addr{netip.MustParseAddr("10.9.9.9")}) {
		t.Errorf("%+v", s)
	}
	if len(s.Pools[0].Guard) != 2 || f.ClassName(s.Pools[0].Guard[1]) != "b" || s.Pools[1].Last != netip.MustParseAddr("10.1.255.255") {
		t.Errorf("pools %+v %+v", s.Pools[0], s.Pools[1])
	}
	if o := f.Subnets[0].Params; o.Authoritative || o.MatchClientID || o.Allocator != FreeLeaseQueue || o.DDNS.QualifyingSuffix != "global." || o.NextServer.String() != "10.0.0.1" {
		t.Errorf("%+v", o)
	}
}

func TestPreferredLifetimeIsFiveEighths(t *testing.T) {
	f := parse6(t, `"valid-lifetime": 8000`)
	if want := (Triplet{false, 5000, 5000, 5000}); f.Params.Preferred != want {
		t.Errorf("%+v", f.Params.Preferred)
	}
	if f = parse6(t, `"valid-lifetime": 4294967295`); f.Params.Preferred.Default != maxUint32 {
		t.Errorf("infinite: %+v", f.Params.Preferred)
	}
}

// TestAutomaticSubnetIDs: networks first, ids that are taken are passed over.
func TestAutomaticSubnetIDs(t *testing.T) {
	f := parse4(t, `"subnet4": [ { "subnet": "10.0.0.0/24" }, { "subnet": "10.0.1.0/24", "id": 2 } ],
  "shared-networks": [ { "name": "n", "subnet4": [ { "subnet": "10.0.2.0/24" } ] } ]`)
	got := make(map[uint32]string)
	for _, s := range f.Subnets {
		got[s.ID] = s.Text
	}
	if got[1] != "10.0.2.0/24" || got[2] != "10.0.1.0/24" || got[3] != "10.0.0.0/24" {
		t.Errorf("%v", got)
	}
	if id := f.Tree.Get("subnet4").List[0].number("id", 0); id != 3 {
		t.Errorf("config-get shows id %d", id)
	}
}

func TestReservations(t *testing.T) {
	f := parse4(t, `"reservations": [ { "duid": "1:2:3", "hostname": "global" } ], "subnet4": [ { "id": 5, "subnet": "192.0.2.0/24", "reservations": [
  { "hw-address": "1a:1b:1c:1d:1e:1f", "ip-address": "192.0.2.10", "client-classes": [ "x" ] },
  { "client-id": "'abc'", "ip-address": "192.0.2.11" }, { "circuit-id": "0xabc" }, { "flex-id": "01 2 03" } ] } ]`)
	h := f.Hosts.Find(5, HWAddress, []byte{0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f})
	if h == nil || h.Addr.String() != "192.0.2.10" || f.ClassName(h.Classes[0]) != "x" {
		t.Fatalf("%+v", h)
	}
	if at := f.Hosts.ByAddr(5, h.Addr); len(at) != 1 || at[0] != h {
		t.Errorf("by address %v", at)
	}
	for _, row := range []struct {
		subnet uint32
		typ    IdentifierType
		id     string
	}{{0, DUID, "\x01\x02\x03"}, {5, ClientIdentifier, "abc"}, {5, CircuitID, "\x0a\xbc"}, {5, FlexID, "\x01\x02\x03"}} {
		if f.Hosts.Find(row.subnet, row.typ, []byte(row.id)) == nil {
			t.Errorf("%+v is not found", row)
		}
	}
	if f.Hosts.Find(5, HWAddress, []byte{1}) != nil || len(f.Hosts.All()) != 5 {
		t.Error("found too much")
	}
}

func TestBuiltinClassesHaveTheirConstants(t *testing.T) {
	f := parse4(t, `"client-classes": [ { "name": "a", "test": "member('KNOWN')" }, { "name": "b", "test": "member('a')" }, { "name": "HA_server1" } ]`)
	for name, id := range map[string]ClassID{"ALL": ClassAll, "KNOWN": ClassKnown, "UNKNOWN": ClassUnknown, "BOOTP": ClassBOOTP, "DROP": ClassDrop,
		"REJECT": ClassReject, "SKIP_DDNS": ClassSkipDDNS, "STASH_AGENT_OPTIONS": ClassStashAgentOptions} {
		if f.ClassID(name) != id || f.ClassIDBytes([]byte(name)) != id || f.ClassName(id) != name {
			t.Errorf("%s has id %d, want %d", name, f.ClassID(name), id)
		}
	}
	if f.ClassID("nobody") != NoClass {
		t.Error("a name nobody mentions has an id")
	}
	if !f.Classes[0].DependsOnKnown || !f.Classes[1].DependsOnKnown || f.Classes[2].DependsOnKnown {
		t.Error("DependsOnKnown")
	}
}

func TestDaemonValues(t *testing.T) {
	c, err := ParseWith(Options{ReadFile: fakeSecrets}, "f.json", []byte(`{ "Dhcp6": {
  "interfaces-config": { "interfaces": [ "*", "eth0/2001:db8::1" ], "re-detect": false, "service-sockets-max-retries": 3 },
  "lease-database": { "type": "memfile", "persist": false, "lfc-interval": 60, "durability": "flush" },
  "control-sockets": [ { "socket-type": "https", "socket-address": "::1", "socket-port": 8443, "trust-anchor": "ca", "cert-file": "c", "key-file": "k", "cert-required": false,
    "http-headers": [ { "name": "X", "value": "y" } ],
    "authentication": { "type": "basic", "realm": "r", "directory": "/d", "clients": [ { "user": "admin", "password": "pw", "role": "read" }, { "password-file": "both" } ] } } ],
  "expired-leases-processing": { "reclaim-timer-wait-time": 0, "hold-reclaimed-time": 0 },
  "dhcp-ddns": { "enable-updates": true, "server-ip": "::1" },
  "loggers": [ { "name": "kea-dhcp6", "severity": "debug", "debuglevel": 55, "output_options": [ { "output": "stdout", "maxver": 3 } ] } ],
  "server-id": { "type": "EN", "enterprise-id": 2495, "identifier": "0123456789" }, "mac-sources": [ "rfc4649", "raw" ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	f := c.V6
	if i := f.Interfaces; !i.All || i.Interfaces[0].Name != "eth0" || i.Interfaces[0].Addr.String() != "2001:db8::1" || i.ReDetect || i.MaxRetries != 3 || i.RetryWait != 5*time.Second {
		t.Errorf("%+v", i)
	}
	if d := f.LeaseDB; d.Persist || d.LFCInterval != time.Minute || !d.Flush {
		t.Errorf("%+v", d)
	}
	s := f.ControlSockets[0]
	if s.Addr.String() != "[::1]:8443" || !s.TLS.On() || s.CertRequired || s.Headers[0].Value != "y" || s.Auth.Realm != "r" {
		t.Errorf("%+v", s)
	}
	if want := []Credential{{"admin", "pw", "read"}, {"user", "secret", "change"}}; !slices.Equal(s.Auth.Clients, want) {
		t.Errorf("%+v", s.Auth.Clients)
	}
	if f.Expired.Affinity() || f.Expired.ReclaimWait != 0 || f.Expired.MaxTime != 250*time.Millisecond {
		t.Errorf("%+v", f.Expired)
	}
	if !f.D2.Enable || f.D2.Sender.String() != "[::]:0" {
		t.Errorf("%+v", f.D2)
	}
	if l := f.Loggers[0]; l.Severity != "DEBUG" || l.DebugLevel != 55 || l.Outputs[0].MaxVer != 3 || l.Outputs[0].MaxSize != 10240000 {
		t.Errorf("%+v", l)
	}
	if len(f.ServerID.Identifier) != 5 || !slices.Equal(f.MACSources, []MACSource{MACRemoteID, MACRaw}) || !f.AllowAddressRegistration {
		t.Errorf("%+v %v", f.ServerID, f.MACSources)
	}
}

// TestLeaseCachingFollowsTheRelease: Kea 3 reuses young leases by default, 2.2 does not.
func TestLeaseCachingFollowsTheRelease(t *testing.T) {
	if f := parse4(t, sub4("")); f.Subnets[0].Params.CacheThreshold != (Optional[float64]{true, 0.25}) {
		t.Errorf("%+v", f.Subnets[0].Params.CacheThreshold)
	}
	if f := parse4(t, `"control-socket": { "socket-type": "unix", "socket-name": "x" }, `+sub4("")); f.Subnets[0].Params.CacheThreshold.Set {
		t.Error("a text for Kea 2.2 gets lease caching")
	}
}

// TestMissingHooksAreRefusedByName: with the line, whatever the path.
func TestMissingHooksAreRefusedByName(t *testing.T) {
	_, err := Parse("f.json", []byte("{ \"Dhcp4\": { \"hooks-libraries\": [\n { \"library\": \"/a/b/libdhcp_radius.so\" },\n { \"library\": \"mine.so\" }, { \"library\": \"/x/libdhcp_stat_cmds.so\" } ] } }"))
	ps := err.(Problems).errors()
	if len(ps) != 2 || ps[0].Pos.Line != 2 || !strings.Contains(ps[0].What, "libdhcp_radius.so") || ps[1].Pos.Line != 3 || !strings.Contains(ps[1].What, "mine.so") {
		t.Error(err)
	}
}

// TestInterfacesAreAProblemOnlyWhereTheyMustExist: lint may run elsewhere.
func TestInterfacesAreAProblemOnlyWhereTheyMustExist(t *testing.T) {
	text := []byte(`{ "Dhcp4": { "interfaces-config": { "interfaces": [ "eth9" ] } } }`)
	none := func(string) bool { return false }
	if _, err := ParseWith(Options{InterfaceExists: none}, "f", text); err == nil {
		t.Error("no error where the server is to run")
	}
	c, err := ParseWith(Options{InterfaceExists: none, MissingInterfacesWarn: true}, "f", text)
	if err != nil || len(c.Warnings) != 1 {
		t.Error(err, c)
	}
}

func TestTopLevel(t *testing.T) {
	for text, words := range map[string]string{
		`[ ]`:                                "a map with one key",
		`{ }`:                                "a map with one key",
		`{ "Dhcp4": { }, "Dhcp6": { } }`:     `second top-level key "Dhcp6"`,
		`{ "DhcpDdns": { } }`:                `unknown top-level key "DhcpDdns"`,
		`{ "Dhcp4": [ ] }`:                   "a map is expected",
		`{ "Dhcp4": { "subnet6": [ ] } }`:    "it is a key of Dhcp6",
		`{ "Control-agent": { "x": 1 } }`:    `got unexpected keyword "x"`,
		`{ "Control-agent": 1 }`:             "a map is expected",
		`{ "Dhcp4": { "valid-lifetime": 1 }`: "unexpected end of text",
	} {
		if _, err := Parse("f", []byte(text)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Load("/nonexistent/kea.conf"); err == nil {
		t.Error("a file that does not exist loads")
	}
}

// TestParserElement: Kea's log names the top-level element of a problem.
func TestParserElement(t *testing.T) {
	_, err := Parse("f", []byte(`{ "Dhcp4": { `+net4("", `{ "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "10.0.0.1-10.0.0.2" } ] }`)+` } }`))
	if p := err.(Problems).errors()[0]; p.Element() != "shared-networks" {
		t.Errorf("%q of %v", p.Element(), p)
	}
}

// TestParseFamilyLeavesItsArgumentAlone: trees are shared between configurations.
func TestParseFamilyLeavesItsArgumentAlone(t *testing.T) {
	v, _, err := ParseValue("f", []byte(`{ "comment": "x", `+sub4(`"relay": { "ip-address": "10.0.0.1" }`)+` }`), false)
	if err != nil {
		t.Fatal(err)
	}
	before := string(v.AppendJSON(nil))
	if _, _, err := ParseFamily(4, v); err != nil {
		t.Fatal(err)
	}
	if after := string(v.AppendJSON(nil)); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
}

// large writes a text with many subnets and reservations.
func large(subnets, hosts int) []byte {
	b := []byte(`{ "Dhcp4": { "option-data": [ { "name": "routers", "data": "10.0.0.1" } ], "subnet4": [ `)
	for i := range subnets {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		net := fmt.Sprintf("10.%d.%d", i>>8, i&255)
		b = fmt.Appendf(b, `{ "id": %d, "subnet": "%s.0/24", "pools": [ { "pool": "%s.100 - %s.200" } ], "option-data": [ { "name": "routers", "data": "%s.1" } ], "reservations": [ `, i+1, net, net, net, net)
		for h := range hosts {
			if h > 0 {
				b = append(b, ",\n"...)
			}
			b = fmt.Appendf(b, `{ "hw-address": "02:%02x:%02x:%02x:00:00", "ip-address": "%s.%d", "hostname": "h%d" }`, i>>8, i&255, h, net, h+2, h)
		}
		b = append(b, " ] }"...)
	}
	return append(b, " ] } }"...)
}

// TestManyMembersOfOneNetwork: nothing here may take quadratic time.
func TestManyMembersOfOneNetwork(t *testing.T) {
	text := strings.Replace(string(large(5000, 0)), `"subnet4": [`, `"shared-networks": [ { "name": "n", "subnet4": [`, 1)
	text = strings.TrimSuffix(text, " } }") + " } ] } }"
	c, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.V4.Networks[0].Subnets); n != 5000 {
		t.Errorf("%d subnets", n)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, size := range []int{1000, 10000} {
		text := large(size, 10)
		b.Run(fmt.Sprintf("%d subnets, %d reservations", size, 10*size), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Parse("f", text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
