package ha

import (
	"net/netip"
	"testing"

	"leasehold/lease"
)

func testLease4() lease.Change {
	return lease.Change{Seq: 1, Lease: lease.Lease{Addr: netip.MustParseAddr("192.0.2.100"), SubnetID: 1, Valid: 600,
		CLTT: 1795301271, HWAddr: "\x02\x00\x00\x00\x00\x01", ClientID: "\x01\x02\x00\x00\x00\x00\x01"}}
}

func testLease6() lease.Change {
	return lease.Change{Seq: 1, Lease: lease.Lease{Addr: netip.MustParseAddr("2001:db8:1::100"), SubnetID: 1, Valid: 600, Preferred: 480, PrefixLen: 128,
		CLTT: 1795301271, HWAddr: "\x02\x00\x00\x00\x00\x01", ClientID: "\x00\x03\x00\x01\x02\x00\x00\x00\x00\x01", IAID: 101, Hostname: "h6.example.org."}}
}

// FuzzRequest: no body makes the reader of commands panic.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"command":"ha-sync","service":["dhcp4 "],"arguments":{"server-name":"server2","max-period":60}}`))
	f.Add([]byte(`{"command":"ha-scopes","arguments":{"scopes":["a","\u00e4\ud83d\ude00"]}}`))
	f.Add([]byte(`{"command":"dhcp-disable","arguments":{"origin":2000,"origin-id":1e3,"max-period":-1}}`))
	f.Add([]byte(`{"command":"leasehold-lease-batch","arguments":{"changes":[{"delete":true}]}}`))
	f.Add([]byte(`{"command":"leasehold-pool-share","arguments":{"pools":[{"subnet-id":1,"first":"192.0.2.1","last":"::","boundary":-1,"free":3}],"server-name":"a"}}`))
	f.Add([]byte(`[1,2]`))
	f.Add([]byte(`garbage{`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseRequest(body)
		if err != nil {
			return
		}
		if r.ParseArguments() == nil {
			r.ParseBatch(4)
			r.ParseBatch(6)
		}
		m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
		m.Step(m.now, &Event{On: OnCommand, Token: 1, Request: r}, nil)
	})
}

// FuzzAnswer: no answer of a partner makes the machine panic, in any of its
// states.
func FuzzAnswer(f *testing.F) {
	names := []string{cmdHeartbeat, cmdPage4, cmdPage6, cmdChanges, cmdBatch, cmdBulkApply, cmdNotify, cmdUpdate4}
	f.Add(byte(0), byte(3), []byte(`[ { "arguments": { "date-time": "Sat, 21 Nov 2026 20:26:52 GMT", "leasehold": { "stream": true, "epoch": 5, "missing": true }, "scopes": [ "server1" ], "state": "partner-down", "unsent-update-count": 18446744073709551615 }, "result": 0, "text": "HA peer status returned." } ]`))
	f.Add(byte(0), byte(3), []byte(`[ { "arguments": { "date-time": "Sat, 21 Nov 2026 20:26:52 GMT", "leasehold": { "demand": true, "shares": [ { "boundary": 7, "delegated-len": 56, "first": "2001:db8::", "free": 0, "last": "2001:db8:ff::", "subnet-id": 1 }, 5 ] }, "scopes": [ ], "state": "load-balancing", "unsent-update-count": 0 }, "result": 0 } ]`))
	f.Add(byte(1), byte(2), []byte(`[ { "arguments": { "count": 1, "leases": [ { "cltt": 1795292813, "fqdn-fwd": false, "fqdn-rev": false, "hostname": "H", "hw-address": "", "ip-address": "192.0.2.100", "state": 0, "subnet-id": 1, "valid-lft": 4294967295 } ] }, "result": 0 } ]`))
	f.Add(byte(3), byte(2), []byte(`[{"arguments":{"changes":[],"epoch":1,"seq":4,"full":true,"more":true},"result":0}]`))
	f.Add(byte(4), byte(5), []byte(`[{"arguments":{"failed":[{"index":0,"result":4}]},"result":0}]`))
	f.Add(byte(5), byte(5), []byte(`[{"arguments":{"failed-leases":[{"ip-address":"::","result":1}]},"result":3}]`))
	f.Add(byte(0), byte(5), []byte(`{ "result": 401, "text": "Unauthorized" }`))
	f.Fuzz(func(t *testing.T, name, own byte, body []byte) {
		c := Command{Name: names[int(name)%len(names)], Family: 4}
		if c.Name == cmdPage6 || c.Name == cmdBulkApply {
			c.Family = 6
		}
		a := c.Decode(body)
		if a.Err == nil && a.Result < 0 {
			t.Error("answer without result and without error")
		}
		state := Waiting + State(own)%Terminated
		if !reachable("hot-standby", rolePrimary, state) {
			return
		}
		m := machineIn("hot-standby", rolePrimary, state, HotStandby, "fresh")
		m.partner.features = DefaultExtensions.Features
		out := m.Step(m.now, &Event{On: OnCommitted, Token: 1, Changes: []lease.Change{testLease4()}}, nil)
		for range 50 {
			var next []Action
			for _, action := range out {
				if action.Do == DoSend {
					next = m.Step(m.now, &Event{On: OnAnswer, ID: action.ID, Answer: a}, next)
				}
			}
			if out = next; len(out) == 0 {
				break
			}
		}
	})
}

// FuzzLease: a lease that was read is written and read again the same.
func FuzzLease(f *testing.F) {
	f.Add(4, []byte(`{ "client-id": "01", "cltt": 1, "fqdn-fwd": false, "fqdn-rev": true, "hostname": "a\"b", "hw-address": "", "ip-address": "192.0.2.1", "state": 0, "subnet-id": 1, "user-context": { "a": [ 1 ] }, "valid-lft": 0 }`))
	f.Add(6, []byte(`{ "cltt": 1, "duid": "00:00:00", "fqdn-fwd": false, "fqdn-rev": false, "hostname": "", "iaid": 1, "ip-address": "2001:db8::", "preferred-lft": 1, "prefix-len": 56, "state": 1, "subnet-id": 1, "type": "IA_PD", "valid-lft": 1 }`))
	f.Fuzz(func(t *testing.T, family int, body []byte) {
		if family != 4 && family != 6 {
			return
		}
		s := scanner{b: body}
		c, err := s.readChange(family)
		if err != nil {
			return
		}
		again := scanner{b: appendChange(nil, &lease.Change{Lease: c.Lease})}
		d, err := again.readChange(family)
		if err != nil {
			t.Fatalf("%v in %s", err, again.b)
		}
		if family == 4 { // only v6 leases have these
			c.Lease.Type, c.Lease.PrefixLen, c.Lease.IAID, c.Lease.Preferred = 0, 0, 0, 0
		} else if c.Lease.ClientID == "" || c.Lease.ClientID == "\x00" {
			d.Lease.ClientID = c.Lease.ClientID
		}
		c.Delete = false
		if c != d && c.Lease.Hostname == d.Lease.Hostname {
			t.Errorf("read %+v\nagain %+v", c, d)
		}
	})
}

// BenchmarkUpdate is the cost of one exchange in the machine, without wire.
func BenchmarkUpdate(b *testing.B) {
	m := machineIn("hot-standby", rolePrimary, HotStandby, HotStandby, "fresh")
	m.partner.features = DefaultExtensions.Features
	changes := []lease.Change{testLease4()}
	commit := Event{On: OnCommitted, Token: 1, Changes: changes, HWAddr: []byte{2, 0, 0, 0, 0, 1}}
	answer := Event{On: OnAnswer}
	out := m.Step(m.now, &Event{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		out = m.Step(m.now, &commit, out[:0])
		for _, a := range out {
			if a.Do == DoSend {
				answer.ID = a.ID
			}
		}
		out = m.Step(m.now, &answer, out[:0])
	}
}

func BenchmarkInScope(b *testing.B) {
	m := machineIn("load-balancing", rolePrimary, LoadBalancing, LoadBalancing, "fresh")
	q := Query{Key: []byte{1, 2, 0, 0, 0, 0, 1}, Filtered: true}
	b.ReportAllocs()
	for b.Loop() {
		m.InScope(&q)
	}
}

func BenchmarkAppendUpdate(b *testing.B) {
	c := Command{Name: cmdUpdate4, Family: 4, Changes: []lease.Change{testLease4()}}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = c.Append(dst[:0])
	}
}

func BenchmarkDecodeAnswer(b *testing.B) {
	c := Command{Name: cmdUpdate4, Family: 4}
	body := []byte(`[ { "result": 0, "text": "IPv4 lease updated." } ]`)
	b.ReportAllocs()
	for b.Loop() {
		if a := c.Decode(body); a.Err != nil {
			b.Fatal(a.Err)
		}
	}
}
