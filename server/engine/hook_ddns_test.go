package engine

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// names returns the requests of the last step as Kea 2.2 writes them: behind
// their length in hexadecimal, without the key that came later.
func (h *house) names() string {
	var b strings.Builder
	for i := range h.fx.Hooked.NameChanges {
		c := &h.fx.Hooked.NameChanges[i]
		d := c.Append(nil)
		if n := int(binary.BigEndian.Uint16(d)); n != len(d)-2 {
			h.t.Errorf("length %d before %d octets", n, len(d)-2)
		}
		text := strings.Replace(string(d[2:]), `,"conflict-resolution-mode":"`+c.Conflicts+`"`, "", 1)
		fmt.Fprintf(&b, "%04x %s\n", len(text), text)
	}
	return b.String()
}

// The same exchanges as a real kea-dhcp4 2.2.0 served make the same requests.
func TestNameChangesAreThoseOfKea(t *testing.T) {
	tellStory4(t, "testdata/ddns4-kea2.2.txt", ``, (*house).names)
}

func TestNameChangeRules(t *testing.T) {
	const on = `"dhcp-ddns": { "enable-updates": true }, "ddns-qualifying-suffix": "x.", `
	for _, c := range []struct{ name, members, again, want string }{
		{"updates off", `"ddns-qualifying-suffix": "x."`, "a", ""},
		{"sending off", on + `"ddns-send-updates": false`, "a", ""},
		{"renewed under the same name", on, "a", "+a.x. "},
		{"renewed under the same name, update-on-renew", on + `"ddns-update-on-renew": true`, "a", "+a.x. -a.x. +a.x. "},
		{"renewed under another name", on, "b", "+a.x. -a.x. +b.x. "},
		{"renewed without a name", on, "", "+a.x. -a.x. "},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := furnish(t, strings.TrimSuffix(c.members, ", "))
			got := ""
			note := func() {
				for _, x := range h.fx.Hooked.NameChanges {
					got += map[bool]string{true: "-", false: "+"}[x.Remove] + x.FQDN + " "
				}
			}
			a := h.get(client(1), opt4(wire.OptHostName, "a")).YourIPAddr.String()
			note()
			h.now = h.now.Add(time.Hour)
			h.send(dhcpv4.MessageTypeRequest, client(1), ciaddr(a), opt4(wire.OptHostName, c.again))
			note()
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDHCIDOfRFC4701(t *testing.T) {
	for _, c := range []struct {
		name    string
		version int
		lease   lease.Lease
		fqdn    string
		want    string
	}{
		{"§3.6.1, DUID of a DHCPv6 client", 6, lease.Lease{ClientID: "\x00\x01\x00\x06\x41\x2d\xf1\x66\x01\x02\x03\x04\x05\x06"},
			"chi6.example.com.", "000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000da48c40"},
		{"§3.6.2, client identifier", 4, lease.Lease{HWType: 1, HWAddr: "\x01\x02\x03\x04\x05\x06", ClientID: "\x01\x07\x08\x09\x0a\x0b\x0c"},
			"chi.example.com.", "0001013920fe5d1dceb3fd0ba3379756a70d73b17009f41d58bddbfcd6a2503956d8da"},
		{"§3.6.3, hardware address", 4, lease.Lease{HWType: 1, HWAddr: "\x01\x02\x03\x04\x05\x06"},
			"client.example.com.", "000001c4b9a5b249651343158dde7bcc77169841f7a4243a572b5c283fffedeb3f75e6"},
	} {
		t.Run(c.name, func(t *testing.T) {
			id, ok := dhcid(c.version, &c.lease, c.fqdn)
			if !ok {
				t.Fatal("none")
			}
			if got := hex.EncodeToString(id[:]); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestNameTTL(t *testing.T) {
	set := func(n uint32) config.Optional[uint32] { return config.Optional[uint32]{Set: true, Value: n} }
	percent := config.Optional[float64]{Set: true, Value: 0.5}
	for _, c := range []struct {
		name  string
		d     config.DDNS
		valid uint32
		want  uint32
	}{
		{"a third", config.DDNS{}, 4000, 1333},
		{"not below ten minutes", config.DDNS{}, 300, 600},
		{"a percentage", config.DDNS{TTLPercent: percent}, 4000, 2000},
		{"a bound below", config.DDNS{TTLMin: set(1500)}, 4000, 1500},
		{"a bound above", config.DDNS{TTLMax: set(700)}, 4000, 700},
		{"fixed", config.DDNS{TTL: set(5)}, 4000, 5},
		{"endless", config.DDNS{}, lease.Infinite, lease.Infinite / 3},
	} {
		if got := nameTTL(&c.d, c.valid); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func FuzzNameChange(f *testing.F) {
	f.Add("a.example.", "\x01\x02")
	f.Fuzz(func(t *testing.T, name, id string) {
		c := NameChange{FQDN: name, Addr: netip.MustParseAddr("192.0.2.1"), Conflicts: "check-with-dhcid"}
		c.DHCID, _ = dhcid(4, &lease.Lease{ClientID: id}, name)
		if _, _, err := config.ParseValue("", c.Append(nil)[2:], false); err != nil {
			t.Error(err)
		}
	})
}
