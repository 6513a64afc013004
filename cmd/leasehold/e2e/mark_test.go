package e2e

import (
	"bytes"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mdlayher/packet"

	"leasehold/server/testnet"
)

// marks are frames by which a listener on an interface knows how far it is.
// Every listener of the process sees all of them.
type marks struct {
	mu   sync.Mutex
	last uint64
	more chan struct{} // closed and replaced with each mark
}

func newMarks() *marks { return &marks{more: make(chan struct{})} }

// markHead begins a mark: to nobody, of a type for experiments.
var markHead = []byte{2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0x88, 0xb5}

var lastMark atomic.Uint64

// take says whether a frame that the listener has read is a mark.
func (m *marks) take(frame []byte) bool {
	if len(frame) < len(markHead)+8 || !bytes.Equal(frame[:len(markHead)], markHead) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = max(m.last, binary.BigEndian.Uint64(frame[len(markHead):]))
	close(m.more)
	m.more = make(chan struct{})
	return true
}

// catchUp waits until the listener has read everything that has passed so far.
// A bridge without a port takes no mark.
func (m *marks) catchUp(t *testing.T, ifi *net.Interface) {
	t.Helper()
	conn := testnet.Must1(packet.Listen(ifi, packet.Raw, 0, nil))(t)
	defer conn.Close()
	n := lastMark.Add(1)
	frame := append(binary.BigEndian.AppendUint64(bytes.Clone(markHead), n), make([]byte, 60)...)
	limit := time.After(testnet.Patience)
	for {
		testnet.Must1(conn.WriteTo(frame, &packet.Addr{HardwareAddr: frame[:6]}))(t)
		again := time.After(time.Second) // a mark is lost where there is no room for it
		for waiting := true; waiting; {
			m.mu.Lock()
			last, more := m.last, m.more
			m.mu.Unlock()
			if last >= n {
				return
			}
			select {
			case <-more:
			case <-again:
				waiting = false
			case <-limit:
				t.Fatalf("who listens on %s stands still", ifi.Name)
			}
		}
	}
}
