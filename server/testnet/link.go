package testnet

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// AwaitUp waits until interfaces of this namespace carry frames. The kernel
// brings a link up in its own time, and drops what is sent before.
func AwaitUp(t testing.TB, names ...string) {
	t.Helper()
	changes, done := make(chan netlink.LinkUpdate, 64), make(chan struct{})
	defer close(done)
	Must(t, netlink.LinkSubscribe(changes, done))
	limit := time.After(Patience)
	for _, name := range names {
		for Must1(netlink.LinkByName(name))(t).Attrs().OperState != netlink.OperUp {
			select {
			case <-changes:
			case <-limit:
				t.Fatalf("%s does not come up", name)
			}
		}
	}
}
