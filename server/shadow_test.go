package server

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"leasehold/config"
	"leasehold/lease"
)

// A shadow reads the leases of a server that is at work, wherever it keeps them.
func TestShadowReadsTheLeasesOfAServerAtWork(t *testing.T) {
	held := lease.Lease{Addr: netip.MustParseAddr("192.0.2.10"), SubnetID: 1, HWType: 1, HWAddr: "\x02\x00\x00\x00\x00\x01", Valid: 600, CLTT: 1000}
	for _, kind := range []string{"memfile", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			c, err := config.Parse("shadow", fmt.Appendf(nil, `{ "Dhcp4": { "lease-database": { "type": %q, "name": %q } } }`,
				kind, filepath.Join(t.TempDir(), "leases")))
			if err != nil {
				t.Fatal(err)
			}
			o := &Options{}
			if store, _, err := leasesBeside(c.V4, o); err != nil || store.Len() != 0 {
				t.Errorf("before the server has begun: %d leases, %v", store.Len(), err)
			}
			log, _ := listening(t)
			b, err := openBackend(c.V4, o, log)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			at := lease.NewStore(4, 1)
			if err := at.Restore(b); err != nil {
				t.Fatal(err)
			}
			if err := b.Append([]lease.Change{at.Put(held)}); err != nil {
				t.Fatal(err)
			}
			store, files, err := leasesBeside(c.V4, o)
			if err != nil || len(files) != 1 {
				t.Fatalf("%v, %v", files, err)
			}
			if l, _ := store.Get(held.Addr); l != held {
				t.Errorf("%+v, want %+v", l, held)
			}
			if got := store.ByHWAddr(nil, []byte(held.HWAddr)); len(got) != 1 {
				t.Errorf("%d leases of its hardware address", len(got))
			}
		})
	}
}
