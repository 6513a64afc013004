package interop

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"leasehold/server/testnet"
)

var synced = regexp.MustCompile(`HA_SYNC_SUCCESSFUL.* leases: (\d+), duration: (\S+)`)

// TestInteropCatchUp: a server of ours that returns to its partner fetches what
// it missed, deletions included, and no more, whether it was stopped or killed.
func TestInteropCatchUp(t *testing.T) {
	const missed = 1000
	if !testnet.Chosen(t, "ours") {
		return
	}
	t.Run("ours", func(t *testing.T) {
		if isolate(t) {
			return
		}
		p := newPair(t, setting{family: 4, mode: hotStandby}, ours, ours)
		p.start()
		p.serve(p.add(5))
		a, b := p.nodes[0], p.nodes[1]
		address := func(i int) string { return fmt.Sprintf("10.77.%d.%d", 4+i/256, i%256) }
		for i, end := range []func(){func() { b.stop() }, func() { b.Kill() }} {
			p.same()
			end()
			a.awaitState("partner-down")
			for j := range missed / 2 {
				a.want("lease4-add", fmt.Sprintf(`{ "ip-address": %q, "hw-address": "02:99:00:%02x:%02x:%02x" }`, address(j), i, j>>8, j&255))
			}
			if i == 0 {
				for j := range missed / 2 {
					a.want("lease4-del", fmt.Sprintf(`{ "ip-address": %q }`, address(j)))
				}
			}
			b.start()
			p.normal()
			p.same()
			text := b.Text()
			if strings.Contains(text, "PAGE_RECEIVED") {
				t.Errorf("all leases were fetched:\n%s", text)
			}
			if m := synced.FindStringSubmatch(text); m == nil {
				t.Error("nothing was fetched")
			} else {
				t.Logf("%s changes fetched in %s", m[1], m[2])
			}
		}
	})
}
