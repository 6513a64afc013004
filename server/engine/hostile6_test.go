package engine

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// What one datagram can ask for is bounded: more of it is dropped under a name
// and counted, and nothing of it is remembered. Lengths that lie end the level
// they are on; what came before counts, as in Kea.
func TestHostileDatagrams6(t *testing.T) {
	duid := rawOption6(wire.Opt6ClientID, unhex("00030001020304050607"))
	solicit := append([]byte{wire.Solicit, 0, 0, 1}, duid...)
	ia := func(id uint32, inside []byte) []byte {
		b := append(binary.BigEndian.AppendUint32(nil, id), make([]byte, 8)...)
		return rawOption6(wire.Opt6IANA, append(b, inside...))
	}
	many := func(n int, one func(i int) []byte) (b []byte) {
		for i := range n {
			b = append(b, one(i)...)
		}
		return b
	}
	address := func(int) []byte { return rawOption6(wire.Opt6IAAddr, make([]byte, wire.IAAddrLen)) }
	relay := func(n int, msg []byte) []byte {
		for range n {
			msg = relayed(msg, "2001:db8:1::1,fe80::1")
		}
		return msg
	}
	whole := append(bytes.Clone(solicit), ia(1, nil)...)
	for _, c := range []struct {
		name string
		data []byte
		drop *Drop // nil: answered
	}{
		{"as many associations as are admitted", append(bytes.Clone(solicit), many(maxAssociations, func(i int) []byte { return ia(uint32(i), nil) })...), nil},
		{"as many as fit into a datagram", append(bytes.Clone(solicit), many(4094, func(i int) []byte { return ia(uint32(i), nil) })...), dropCrowded},
		{"one association, over and over", append(bytes.Clone(solicit), many(4094, func(int) []byte { return ia(7, nil) })...), dropCrowded},
		{"an association of two thousand addresses", append(bytes.Clone(solicit), ia(1, many(2000, address))...), dropCrowded},
		{"sixteen thousand options", append(bytes.Clone(whole), many(16000, func(int) []byte { return rawOption6(999, nil) })...), nil},
		{"a request for every option there can be", append(bytes.Clone(whole), rawOption6(wire.Opt6ORO, many(30000, func(i int) []byte {
			return binary.BigEndian.AppendUint16(nil, uint16(i))
		}))...), nil},
		{"32 relays", relay(32, whole), nil},
		{"33 relays", relay(33, whole), dropParse6},
		{"1000 relays", relay(1000, whole), dropParse6},
		{"relays that supply thousands of options", relayed(whole, "2001:db8:1::1,fe80::1,,66:"+hexOf(many(5000, func(int) []byte { return rawOption6(65, []byte{0}) }))), nil},
		{"an option longer than the datagram", append(bytes.Clone(whole), 0, 39, 0xff, 0xff, 1), nil},
		{"a length without its second byte", append(bytes.Clone(whole), 0, 39, 0), nil},
		{"the identifier longer than the datagram", []byte{wire.Solicit, 0, 0, 1, 0, 1, 0xff, 0xff, 0, 3}, dropDUID},
		{"an association longer than the datagram", append(bytes.Clone(solicit), 0, 3, 0, 200, 0, 0, 0, 1), nil},
		{"an address longer than its association", append(bytes.Clone(solicit), ia(1, []byte{0, 5, 0, 24, 1})...), nil},
		{"an address shorter than one", append(bytes.Clone(solicit), ia(1, rawOption6(wire.Opt6IAAddr, make([]byte, 8)))...), dropParse6},
		{"a relay's message longer than the datagram", append(append([]byte{wire.RelayForw, 0}, make([]byte, 32)...), 0, 9, 0xff, 0xff, 1), dropParse6},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := hostileEngine(t)
			q := &Query{Data: c.data, Arrival: wire.Arrival{
				Iface: testIface, Src: netip.MustParseAddrPort("[fe80::c1]:546"),
				Dst: netip.MustParseAddrPort("[ff02::1:2]:547"), Local: serverLL, Multi: true,
			}}
			q.Decode6()
			var fx Effects
			e.Step(e.started, []Input{q}, &fx)
			if q.drop != c.drop {
				t.Fatalf("drop %+v, want %+v", q.drop, c.drop)
			}
			if c.drop != nil && (len(fx.Done) != 1 || e.stats.global[c.drop.Statistic].value != 1 || e.stats.global[Pkt6ReceiveDrop].value != 1) {
				t.Errorf("%d done, the drop is not counted once", len(fx.Done))
			}
			if c.drop == nil && (len(fx.Responses) != 1 || len(q.Response) > 1<<16) {
				t.Errorf("%d responses, %d bytes", len(fx.Responses), len(q.Response))
			}
			if e.store.Len() != 0 {
				t.Errorf("%d leases of a client that asked for none", e.store.Len())
			}
		})
	}
}

func hexOf(b []byte) string { return string(appendDigits(nil, b)) }

func hostileEngine(t *testing.T) *Engine {
	t.Helper()
	cfg, err := config.Parse("config", []byte(`{ "Dhcp6": { "interfaces-config": { "interfaces": [ "eth0" ] },
		"subnet6": [ { "id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0", "pools": [ { "pool": "2001:db8:1::/80" } ] } ] } }`))
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg.V6, lease.NewStore(6, 1), Options{Now: time.Unix(1_700_000_000, 0), Seed: 1, DUID: serverDUID, Diskless: true})
}
