package interop

import (
	"strings"
	"testing"

	"leasehold/ha"
	"leasehold/server/testnet"
)

// TestInteropDemand: clients of one server of ours get addresses of its
// partner's half, too, and the pair goes on with them when a server returns.
func TestInteropDemand(t *testing.T) {
	if !testnet.Chosen(t, "ours") {
		return
	}
	t.Run("ours", func(t *testing.T) {
		if isolate(t) {
			return
		}
		pool := `{ "id": 1, "subnet": "10.77.0.0/16", "pools": [ { "pool": "10.77.1.1 - 10.77.1.20" } ] }`
		p := newPair(t, setting{family: 4, mode: loadBalancing, subnets: [2]string{pool, pool}}, ours, ours)
		p.start()
		of := func(server byte, n int) (list []*client) {
			for len(list) < n {
				if c := p.add(1)[0]; ha.Hash(c.mac)&1 == server {
					list = append(list, c)
				}
			}
			return list
		}
		// One after the other: a server may offer an address to several.
		for _, c := range of(0, 15) {
			p.serve([]*client{c})
		}
		p.nodes[0].Mentions("LEASEHOLD_POOL_SHARE_MOVED")
		p.same()
		if said := p.nodes[0].operate([]string{"ha", "why"}); !strings.Contains(said, "pool 10.77.1.1-10.77.1.20 of subnet 1 is the secondary's from 10.77.1.") {
			t.Errorf("ha why: %s", said)
		}
		p.nodes[1].stop()
		p.nodes[1].start()
		p.normal()
		for _, c := range of(1, 4) {
			p.serve([]*client{c})
		}
		p.same()
	})
}
