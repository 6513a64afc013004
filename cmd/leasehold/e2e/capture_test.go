package e2e

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// capture writes what passes an interface of the test's own namespace to a
// file.
type capture struct {
	t     *testing.T
	path  string
	ifi   *net.Interface
	conn  *packet.Conn
	done  chan struct{}
	marks *marks

	mu   sync.Mutex
	file *os.File
}

func record(t *testing.T, name string) *capture {
	t.Helper()
	ifi := testnet.Must1(net.InterfaceByName(name))(t)
	c := &capture{t: t, path: filepath.Join(t.TempDir(), name+".pcap"), ifi: ifi,
		done: make(chan struct{}), marks: newMarks()}
	c.file = testnet.Must1(os.Create(c.path))(t)
	c.conn = testnet.Must1(packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil))(t)
	testnet.Must(t, setReceiveBuffer(c.conn))
	// The file begins with: magic, version 2.4, two unused words, longest
	// frame, Ethernet.
	testnet.Must(t, binary.Write(c.file, binary.LittleEndian, []uint32{0xa1b2c3d4, 4<<16 | 2, 0, 0, 65536, 1}))
	go c.read()
	t.Cleanup(func() { c.conn.Close(); <-c.done; c.file.Close() })
	return c
}

func (c *capture) read() {
	defer close(c.done)
	buf := make([]byte, 65536)
	for {
		n, _, err := c.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if c.marks.take(buf[:n]) {
			continue
		}
		now := time.Now()
		head := []uint32{uint32(now.Unix()), uint32(now.Nanosecond() / 1000), uint32(n), uint32(n)}
		var frame bytes.Buffer
		binary.Write(&frame, binary.LittleEndian, head)
		frame.Write(buf[:n])
		c.mu.Lock()
		c.file.Write(frame.Bytes())
		c.mu.Unlock()
	}
}

// tshark returns what tshark prints of the frames that pass a filter.
func (c *capture) tshark(filter string, args ...string) string {
	c.t.Helper()
	c.marks.catchUp(c.t, c.ifi)
	args = append([]string{"-r", c.path, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", filter}, args...)
	cmd := exec.Command("tshark", args...)
	cmd.Env = append(os.Environ(), "HOME="+filepath.Dir(c.path)) // nobody's preferences
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	// A frame that is being written when the file is read ends it.
	if err != nil && !strings.Contains(failed.String(), "cut short") {
		c.t.Fatalf("tshark: %v\n%s", err, failed.Bytes())
	}
	return string(out)
}

// wellFormed fails the test if a message that the server sent is malformed to
// tshark's eyes, or if there was none.
func (c *capture) wellFormed(answers string) {
	c.t.Helper()
	if n := strings.Count(c.tshark(answers), "\n"); n == 0 {
		c.t.Errorf("the server sent nothing (%s)", answers)
	}
	const wrong = "_ws.malformed || _ws.expert.severity >= warning || ip.checksum.status == 0 || udp.checksum.status == 0"
	if said := c.tshark("("+answers+") && ("+wrong+")", "-V"); said != "" {
		c.t.Errorf("malformed answers:\n%s", said)
	}
}

const (
	answers4 = "udp.srcport == 67 && dhcp.type == 2"
	answers6 = "udp.srcport == 547 && dhcpv6.msgtype in {2, 7, 13}"
	rebind6  = "dhcpv6.msgtype == 6"
)
