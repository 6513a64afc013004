package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"leasehold/config"
	"leasehold/server"
	"leasehold/server/control"
	"leasehold/server/logging"
	"leasehold/server/testnet"
)

// nasty is what a client may call itself.
const nasty = `<script>document.title='owned'</script><img src=x onerror=alert(1)>`

// configText is a server of a pair; %NAME% and the ports are its own.
const configText = `{ "Dhcp4": {
  "interfaces-config": { "interfaces": [ "lo" ], "dhcp-socket-type": "udp" },
  "lease-database": { "type": "memfile", "persist": false },
  "valid-lifetime": 3600,
  "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
    "this-server-name": "%NAME%", "mode": "hot-standby", "heartbeat-delay": 200, "max-response-delay": 20000, "max-ack-delay": 500, "max-unacked-clients": 0,
    "multi-threading": { "enable-multi-threading": true, "http-dedicated-listener": true },
    "peers": [ { "name": "north", "url": "http://127.0.0.1:%PORT1%/", "role": "primary" },
               { "name": "south", "url": "http://127.0.0.1:%PORT2%/", "role": "standby" } ] } ] } } ],
  "shared-networks": [ { "name": "floor <b>2</b>", "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.29" } ],
      "reservations": [ { "hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.200", "hostname": "printer" } ] } ] } ],
  "subnet4": [ { "id": 2, "subnet": "198.51.100.0/24", "pools": [ { "pool": "198.51.100.1 - 198.51.100.254" } ] },
               { "id": 3, "subnet": "10.20.0.0/16", "pools": [ { "pool": "10.20.1.0 - 10.20.255.254" } ] } ],
  "leasehold": { %EVENTS% "http": { "port": %WEB% %USERS% } }
} }`

const configText6 = `{ "Dhcp6": {
  "interfaces-config": { "interfaces": [ ] },
  "lease-database": { "type": "memfile", "persist": false },
  "subnet6": [ { "id": 1, "subnet": "2001:db8::/64", "pools": [ { "pool": "2001:db8::/64" } ],
    "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56 } ] } ] } }`

const users = `, "authentication": { "type": "basic", "clients": [
  { "user": "rita", "password": "reading-1", "role": "read" }, { "user": "otto", "password": "operating-1", "role": "operate" },
  { "user": "clara", "password": "changing-1", "role": "change" } ] }`

// site is a running server with a page.
type site struct {
	t    *testing.T
	s    *server.Server
	url  string
	dhcp int // port
	log  *lines
	end  func() // stops it, as often as it is called
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// serve runs a server with members replaced in configText.
func serve(t *testing.T, members ...string) *site {
	t.Helper()
	port := testnet.Ports(t, 2)
	members = append(members, "%WEB%", fmt.Sprint(port[0]), "%USERS%", "", "%EVENTS%", "")
	text := strings.NewReplacer(members...).Replace(configText)
	cfg, err := config.Parse(filepath.Join(t.TempDir(), "leasehold.json"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	cfg6, err := config.Parse(filepath.Join(t.TempDir(), "leasehold6.json"), []byte(configText6))
	if err != nil {
		t.Fatal(err)
	}
	cfg.V6 = cfg6.V6
	x := &site{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", port[0]), dhcp: port[1], log: &lines{}}
	w := logging.Start(logging.Options{Stdout: x.log, Now: time.Now})
	x.s, err = server.New(cfg, server.Options{Log: w, DataDir: t.TempDir(), SocketDir: t.TempDir(), Release: "test",
		ServerPort4: uint16(port[1]), ServerPort6: uint16(port[1]), ToSource: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- x.s.Run(ctx) }()
	x.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("%v\n%s", err, x.log)
		}
		w.Close()
	})
	t.Cleanup(x.end)
	select {
	case <-x.s.Ready():
	case err := <-done:
		done <- err
		t.Fatalf("%v\n%s", err, x.log)
	case <-time.After(testnet.Patience):
		t.Fatalf("not ready\n%s", x.log)
	}
	return x
}

// pair runs two servers that are partners; extra members go to the first.
func pair(t *testing.T, members ...string) (north, south *site) {
	t.Helper()
	port := testnet.Ports(t, 2)
	both := []string{"%PORT1%", fmt.Sprint(port[0]), "%PORT2%", fmt.Sprint(port[1])}
	north = serve(t, append(append([]string{"%NAME%", "north"}, both...), members...)...)
	south = serve(t, append([]string{"%NAME%", "south"}, both...)...)
	for _, x := range []*site{north, south} {
		x.await("both in the normal state", func() bool { return strings.Contains(x.tell("status-get", nil), `"state": "hot-standby"`) })
	}
	return north, south
}

// await waits for what has no event to wait for.
func (x *site) await(what string, ok func() bool) {
	x.t.Helper()
	for end := time.Now().Add(testnet.Patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			x.t.Fatalf("not in time: %s\n%s", what, x.log)
		}
	}
}

// tell sends a command to the DHCPv4 server.
func (x *site) tell(command string, arguments any) string {
	x.t.Helper()
	c := &control.Command{Name: command}
	if arguments != nil {
		text, err := json.Marshal(arguments)
		if err != nil {
			x.t.Fatal(err)
		}
		if c.Arguments, _, err = config.ParseValue("test", text, false); err != nil {
			x.t.Fatal(err)
		}
	}
	return string(x.s.Handler(4).Handle(context.Background(), c).Append(nil))
}

// client asks through a relay at gateway, with a socket of its own.
type client struct {
	t       *testing.T
	conn    net.Conn
	mac     net.HardwareAddr
	gateway string
}

func (x *site) client(mac byte, gateway string) *client {
	x.t.Helper()
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", x.dhcp))
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { conn.Close() })
	return &client{x.t, conn, net.HardwareAddr{2, 0, 0, 0, 0, mac}, gateway}
}

func (c *client) send(m *dhcpv4.DHCPv4) {
	c.t.Helper()
	m.GatewayIPAddr = net.ParseIP(c.gateway)
	m.HopCount = 1
	if _, err := c.conn.Write(m.ToBytes()); err != nil {
		c.t.Fatal(err)
	}
}

// ask sends a message until it is answered.
func (c *client) ask(m *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	c.t.Helper()
	room := make([]byte, 1500)
	for limit := time.Now().Add(testnet.Patience); time.Now().Before(limit); {
		c.send(m)
		if err := c.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			c.t.Fatal(err)
		}
		for {
			n, err := c.conn.Read(room)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				c.t.Fatal(err)
			}
			answer, err := dhcpv4.FromBytes(room[:n])
			if err != nil {
				c.t.Fatal(err)
			}
			if answer.TransactionID == m.TransactionID && (answer.MessageType() == dhcpv4.MessageTypeOffer) == (m.MessageType() == dhcpv4.MessageTypeDiscover) {
				return answer
			}
		}
	}
	c.t.Fatalf("no answer to %s", m.Summary())
	return nil
}

func (c *client) discover(options ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	c.t.Helper()
	m, err := dhcpv4.NewDiscovery(c.mac, options...)
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}

// obtain gets a lease and returns its address.
func (c *client) obtain(name string) string {
	c.t.Helper()
	named := dhcpv4.WithOption(dhcpv4.OptHostName(name))
	m, err := dhcpv4.NewRequestFromOffer(c.ask(c.discover(named)), named)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.ask(m).YourIPAddr.String()
}

// furnish gives out leases and leaves some clients without an answer.
func (x *site) furnish() {
	x.t.Helper()
	for i, name := range []string{"printer", "reception", "door-camera", "meeting-room-tv", "badge-reader"} {
		x.client(byte(i+1), "192.0.2.1").obtain(name)
	}
	for i := range 12 {
		x.client(byte(i+20), "192.0.2.1").obtain(fmt.Sprintf("desk-%d", i+1))
	}
	for i := range 3 {
		x.client(byte(i+50), "198.51.100.254").obtain(fmt.Sprintf("phone-%d", i+1))
	}
	for i := range 4 {
		c := x.client(byte(i+80), "203.0.113.1")
		c.send(c.discover())
	}
	if a := x.tell("lease4-add", map[string]any{"ip-address": "192.0.2.99", "hw-address": "02:00:00:00:00:99", "subnet-id": 1,
		"client-id": "3c:73:63:72:69:70:74:3e", "hostname": nasty}); !strings.Contains(a, `"result": 0`) {
		x.t.Fatal(a)
	}
	x.await("the last query", func() bool { return strings.Contains(x.tell("leasehold-survey", nil), `"value":4`) })
}
