package interop

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// partnerText is a server whose partner is the test: at 10.77.0.3.
const partnerText = `{ "Dhcp4": {
	"interfaces-config": { "interfaces": [ "eth0" ] },
	"control-socket": { "socket-type": "unix", "socket-name": "%DIR%/s" },
	"lease-database": { "type": "memfile", "name": "%DIR%/leases.csv", "lfc-interval": 0 },
	"multi-threading": { "enable-multi-threading": true },
	"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
		"this-server-name": "a", "mode": "hot-standby", "restrict-commands": true, %MORE%
		"heartbeat-delay": 100, "max-response-delay": 5000, "max-ack-delay": 100, "max-unacked-clients": 0,
		"multi-threading": { "enable-multi-threading": true, "http-dedicated-listener": true },
		"peers": [
			{ "name": "a", "url": "http://10.77.0.1:8000/", "role": "primary"%USER% },
			{ "name": "b", "url": "http://10.77.0.3:8000/", "role": "standby" } ] } ] } } ],
	"subnet4": [ { "id": 1, "subnet": "10.77.0.0/16", "pools": [ { "pool": "10.77.1.0 - 10.77.8.255" } ] } ],
	"loggers": [ { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }`

// peer is a scripted partner. Its answers are those of a Kea in the normal
// state, but for what a test puts into say.
type peer struct {
	t  *testing.T
	ln net.Listener

	mu    sync.Mutex
	state string
	say   func(w io.Writer, command string, arguments json.RawMessage) (handled bool)
	skew  time.Duration
	heard map[string]int // commands
	more  chan struct{}  // closed and replaced with each command
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{t: t, state: "waiting", heard: map[string]int{}, more: make(chan struct{})}
	p.ln = testnet.Must1(net.Listen("tcp", "10.77.0.3:8000"))(t)
	t.Cleanup(func() { p.ln.Close() })
	go func() {
		for {
			conn, err := p.ln.Accept()
			if err != nil {
				return
			}
			go p.talk(conn)
		}
	}()
	return p
}

func (p *peer) talk(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		var c struct {
			Command   string          `json:"command"`
			Arguments json.RawMessage `json:"arguments"`
		}
		body, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(body, &c) != nil {
			return
		}
		p.mu.Lock()
		p.heard[c.Command]++
		close(p.more)
		p.more = make(chan struct{})
		say, state, skew := p.say, p.state, p.skew
		p.mu.Unlock()
		if say != nil && say(conn, c.Command, c.Arguments) {
			continue
		}
		respond(conn, usual(c.Command, state, skew))
	}
}

// usual is what a Kea answers.
func usual(command, state string, skew time.Duration) string {
	switch command {
	case "ha-heartbeat":
		return fmt.Sprintf(`[ { "arguments": { "date-time": %q, "scopes": [  ], "state": %q, "unsent-update-count": 0 }, "result": 0, "text": "HA peer status returned." } ]`,
			time.Now().Add(skew).UTC().Format(http.TimeFormat), state)
	case "lease4-get-page":
		return `[ { "arguments": { "count": 0, "leases": [  ] }, "result": 3, "text": "0 IPv4 lease(s) found." } ]`
	}
	return `[ { "result": 0, "text": "Done." } ]`
}

func respond(w io.Writer, body string) {
	fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nContent-Type: application/json\r\n\r\n%s", len(body), body)
}

// says changes the script.
func (p *peer) says(say func(w io.Writer, command string, arguments json.RawMessage) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say = say
}

func (p *peer) is(state string, skew time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.skew = state, skew
}

// hears waits until a command has come n more times.
func (p *peer) hears(command string, n int) {
	p.t.Helper()
	limit := time.After(testnet.Patience)
	for until := -1; ; {
		p.mu.Lock()
		count, more := p.heard[command], p.more
		p.mu.Unlock()
		if until < 0 {
			until = count + n
		}
		if count >= until {
			return
		}
		select {
		case <-more:
		case <-limit:
			p.t.Fatalf("the partner heard no %s", command)
		}
	}
}

// alone starts a server whose partner is the test.
func alone(t *testing.T, more, user string) (*node, *clients) {
	t.Helper()
	w := newWire(t, "10.77.0.3/16")
	h := w.newHost("a", 1, "10.77.0.1/16")
	n := &node{host: h, t: t, runs: ours, set: &setting{family: 4, mode: hotStandby}, config: filepath.Join(h.dir, "config.json")}
	testnet.Must(t, os.WriteFile(n.config, []byte(fill(partnerText, map[string]string{"DIR": h.dir, "MORE": more, "USER": user})), 0o644))
	c := newClients(t, 4)
	c.to = c.to[:1]
	return n, c
}

// memory returns what the process has in RAM, in bytes.
func (n *node) memory() int {
	n.t.Helper()
	status := testnet.Must1(os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Cmd.Process.Pid)))(n.t)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	return testnet.Must1(strconv.Atoi(strings.Fields(rest)[0]))(n.t) << 10
}

// TestInteropBadPartner: whatever the partner does, the server says what is
// wrong by name, keeps its memory, and serves.
func TestInteropBadPartner(t *testing.T) {
	if isolate(t) {
		return
	}
	n, clients := alone(t, "", "")
	p := newPeer(t)
	p.is("waiting", 0)
	n.start()
	n.awaitState("ready")
	p.is("ready", 0)
	n.awaitState(hotStandby)
	p.is(hotStandby, 0)
	recover := func() {
		t.Helper()
		p.says(nil)
		p.is("ready", 0)
		n.awaitState(hotStandby)
		p.is(hotStandby, 0)
		p.hears("ha-heartbeat", 2)
		n.awaitState(hotStandby)
	}

	t.Log("its leases are of a subnet that we do not have")
	a := post(t, "http://10.77.0.1:8000/", `{ "command": "lease4-update", "service": [ "dhcp4" ], "arguments": { "ip-address": "192.0.2.1",
		"hw-address": "02:00:00:00:00:06", "subnet-id": 99, "valid-lft": 600, "expire": 4000000000, "state": 0, "fqdn-fwd": false, "fqdn-rev": false,
		"hostname": "", "force-create": true } }`)
	if a.Result != 4 {
		t.Errorf("answer to a lease of an unknown subnet: %d %s", a.Result, a.Text)
	}
	clients.serve(clients.add(2))

	t.Log("it lies about its state")
	p.is("flying", 0)
	n.Mentions("HA_HEARTBEAT_COMMUNICATIONS_FAILED", "unsupported state 'flying'")
	n.awaitState("partner-down")
	clients.serve(clients.add(2))
	recover()

	t.Log("it answers updates twice, and late")
	p.says(func(w io.Writer, command string, _ json.RawMessage) bool {
		if command != "lease4-update" {
			return false
		}
		respond(w, usual(command, "", 0))
		respond(w, usual(command, "", 0))
		return true
	})
	clients.serve(clients.add(4))
	clients.keep()
	recover()

	t.Log("it stalls: heartbeats and updates are never answered")
	hold := make(chan struct{})
	p.says(func(io.Writer, string, json.RawMessage) bool { <-hold; return true })
	n.Mentions("HA_COMMUNICATION_INTERRUPTED")
	n.awaitState("partner-down")
	clients.serve(clients.add(4))
	close(hold)
	recover()

	t.Log("it answers with a gigabyte")
	p.says(func(w io.Writer, command string, _ json.RawMessage) bool {
		if command != "ha-heartbeat" {
			return false
		}
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
		chunk := bytes.Repeat([]byte(" "), 1<<20)
		for range 1024 {
			if _, err := fmt.Fprintf(w, "%x\r\n%s\r\n", len(chunk), chunk); err != nil {
				return true
			}
		}
		return true
	})
	n.Mentions("HA_HEARTBEAT_COMMUNICATIONS_FAILED", "response is too long")
	n.awaitState("partner-down")
	clients.serve(clients.add(2))
	recover()

	t.Log("it asks with a gigabyte")
	conn := testnet.Must1(net.Dial("tcp", "10.77.0.1:8000"))(t)
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", 1<<30)
	line := testnet.Must1(bufio.NewReader(conn).ReadString('\n'))(t)
	conn.Close()
	if !strings.Contains(line, "400") {
		t.Errorf("answer to a request of a gigabyte: %s", line)
	}
	if m := n.memory(); m > 160<<20 {
		t.Errorf("the process took %d MB", m>>20)
	}

	t.Log("its mode is another one")
	p.is("load-balancing", 0)
	n.Mentions("to WAITING", "partner's state does not fit our mode")
	recover()

	t.Log("it asks in our own name")
	a = post(t, "http://10.77.0.1:8000/", `{ "command": "ha-heartbeat", "service": [ "dhcp4" ], "arguments": { "server-name": "a" } }`)
	if a.Result != 0 {
		t.Logf("refused: %d %s", a.Result, a.Text)
	}

	t.Log("its clock is skewed")
	p.is(hotStandby, 2*time.Minute)
	n.Mentions("HA_HIGH_CLOCK_SKEW_CAUSES_TERMINATION")
	n.awaitState("terminated")
	clients.serve(clients.add(2))
	clients.keep()
}

// TestInteropStrangers: who has no credentials, or no certificate, gets nothing
// but the refusal.
func TestInteropStrangers(t *testing.T) {
	if isolate(t, "openssl") {
		return
	}
	dir := t.TempDir()
	openssl := func(line string) {
		t.Helper()
		h := &host{t: t, pid: os.Getpid(), dir: dir, name: "test"}
		h.run(append([]string{"openssl"}, strings.Fields(line)...)...)
	}
	openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=pair -keyout key.pem -out cert.pem -addext subjectAltName=IP:10.77.0.1")
	certs := fmt.Sprintf(`"trust-anchor": "%[1]s/cert.pem", "cert-file": "%[1]s/cert.pem", "key-file": "%[1]s/key.pem",`, dir)
	n, _ := alone(t, certs, `, "basic-auth-user": "u", "basic-auth-password": "p"`)
	n.start()

	request := `{ "command": "ha-heartbeat", "service": [ "dhcp4" ] }`
	pair := testnet.Must1(tls.LoadX509KeyPair(dir+"/cert.pem", dir+"/key.pem"))(t)
	ask := func(certificates []tls.Certificate, user string) (int, string, error) {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certificates}}, Timeout: testnet.Patience}
		r := testnet.Must1(http.NewRequest("POST", "https://10.77.0.1:8000/", strings.NewReader(request)))(t)
		r.Header.Set("Content-Type", "application/json")
		if user != "" {
			r.SetBasicAuth(user, "p")
		}
		res, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, string(body), err
	}
	if status, body, err := ask(nil, "u"); err == nil {
		t.Errorf("without a certificate: %d %s", status, body)
	}
	for _, user := range []string{"", "x"} {
		if status, body, _ := ask([]tls.Certificate{pair}, user); status != 401 || body != `{ "result": 401, "text": "Unauthorized" }` {
			t.Errorf("as user %q: %d %s", user, status, body)
		}
	}
	if status, body, err := ask([]tls.Certificate{pair}, "u"); status != 200 || !strings.Contains(body, "HA peer status returned.") {
		t.Errorf("with certificate and credentials: %d %s %v", status, body, err)
	}
	// A command that is none of a partner's.
	request = `{ "command": "config-get", "service": [ "dhcp4" ] }`
	if status, body, _ := ask([]tls.Certificate{pair}, "u"); status != 403 || body != `{ "result": 403, "text": "Forbidden" }` {
		t.Errorf("config-get: %d %s", status, body)
	}
	// Plain HTTP is closed without a word.
	conn := testnet.Must1(net.Dial("tcp", "10.77.0.1:8000"))(t)
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(request), request)
	testnet.Must(t, conn.SetReadDeadline(time.Now().Add(testnet.Patience)))
	if said, _ := io.ReadAll(conn); bytes.Contains(said, []byte("result")) {
		t.Errorf("plain HTTP is answered with %q", said)
	}
}
