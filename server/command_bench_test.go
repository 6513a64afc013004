package server

import (
	"fmt"
	"net/netip"
	"testing"

	"leasehold/lease"
	"leasehold/server/engine"
)

// million returns a server with a million leases.
func million(b *testing.B) *Server {
	s := newServer(b, "test", []byte(allHooks), nil)
	store := lease.NewStore(4, 1)
	for i := range 1_000_000 {
		store.Put(lease.Lease{
			Addr: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), SubnetID: 1,
			HWAddr: fmt.Sprintf("%06d", i), HWType: 1, Valid: 3600, CLTT: date.Unix(),
		})
	}
	s.v4.engine = engine.New(s.v4.cfg.Load(), store, engine.Options{Now: date, Diskless: true})
	return s
}

func BenchmarkLeaseGetAll(b *testing.B) {
	s := million(b)
	for b.Loop() {
		b.SetBytes(int64(len(tell(b, s, 4, `{"command":"lease4-get-all"}`))))
	}
}

// BenchmarkLeaseGetAllTurn measures how long it keeps queries out of the engine.
func BenchmarkLeaseGetAllTurn(b *testing.B) {
	s := million(b)
	in := []engine.Input{&engine.CommandReceived{Name: "lease4-get-all"}}
	fx := &engine.Effects{}
	for b.Loop() {
		fx.Reset()
		s.v4.engine.Step(date, in, fx)
	}
}
