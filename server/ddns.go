package server

import (
	"net"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/logging"
	"leasehold/server/message"
)

// nameSender sends name change requests to kea-dhcp-ddns. At most
// max-queue-size wait; more, or a send that fails, suspends the updates for a
// while, or until the configuration changes. Kea waits for the latter only.
type nameSender struct {
	log *logging.Sink
	now func() time.Time

	mu        sync.Mutex // guards what follows; held for no system call
	d2        *config.D2 // of queue
	queue     chan []byte
	suspended time.Time // until when
	running   sync.WaitGroup
}

// suspension is how long updates stay suspended after a failure.
const suspension = 10 * time.Second

// send queues one request, or drops it while updates are suspended.
func (n *nameSender) send(c *engine.NameChange) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.d2 == nil || *n.d2 != *c.D2 {
		n.stop()
		n.d2, n.suspended = c.D2, time.Time{}
		n.queue = make(chan []byte, max(c.D2.MaxQueueSize, 1))
		n.running.Add(1)
		go n.run(c.D2, n.queue)
	}
	if n.now().Before(n.suspended) {
		return
	}
	select {
	case n.queue <- c.Append(nil):
	default:
		n.suspend("queue of %d requests is full", cap(n.queue))
	}
}

// suspend is called with mu held.
func (n *nameSender) suspend(format string, args ...any) {
	n.suspended = n.now().Add(suspension)
	n.log.Log(message.DHCPSrvDHCPDDNSSuspendUpdates, "DNS updates are suspended for "+suspension.String()+": "+format, args...)
}

// run sends what is queued until the queue is closed.
func (n *nameSender) run(d2 *config.D2, queue <-chan []byte) {
	defer n.running.Done()
	var conn *net.UDPConn
	for b := range queue {
		var err error
		if conn == nil {
			conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(d2.Sender))
		}
		if err == nil {
			_, err = conn.WriteToUDPAddrPort(b, d2.Server)
		}
		switch {
		case err != nil:
			n.mu.Lock()
			if n.d2 == d2 && !n.now().Before(n.suspended) {
				n.suspend("send to %s: %v", d2.Server, err)
			}
			n.mu.Unlock()
		case n.log.Enabled(message.DHCPSrvDHCPDDNSNCRSent):
			n.log.Log(message.DHCPSrvDHCPDDNSNCRSent, "%s", b[2:])
		}
	}
	if conn != nil {
		conn.Close()
	}
}

// stop lets the goroutine send what is queued and end. Called with mu held.
func (n *nameSender) stop() {
	if n.queue != nil {
		close(n.queue)
		n.queue, n.d2 = nil, nil
	}
}

func (n *nameSender) close() {
	n.mu.Lock()
	n.stop()
	n.mu.Unlock()
	n.running.Wait()
}
