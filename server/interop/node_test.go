package interop

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// product is whose server a node runs.
type product string

const (
	kea  product = "kea"
	ours product = "ours"
)

// setting is how a pair of servers, a and b, is configured.
type setting struct {
	family  int
	mode    string // as in the configuration
	relay   string // more of the relationship's parameters, with a comma behind
	beat    int    // heartbeat-delay, ms; 0: 300
	control [2]string
	port    [2]int  // of the peers' URLs; 0: 8000
	agent   [2]bool // a control agent listens there, or a control socket
	subnets [2]string
	tls     bool   // the peers' URLs are https
	user    string // more of each peer's parameters, with a comma before
	backups int    // servers beside a and b: c, d …
}

const (
	hotStandby    = "hot-standby"
	loadBalancing = "load-balancing"
	passiveBackup = "passive-backup"
)

// configText: a Kea whose parking lot is full stores a lease, drops the response
// and never tells its partner. Clients that repeat themselves on a slow machine
// must not bring that about.
const configText = `{ "Dhcp%FAMILY%": {
	"interfaces-config": { "interfaces": [ "eth0" ] },
	%CONTROL%,
	"lease-database": { "type": "memfile", "name": "%DIR%/leases.csv", "lfc-interval": 0 },
	"valid-lifetime": 3600,
	"parked-packet-limit": 0,
	"multi-threading": { "enable-multi-threading": true },
	"hooks-libraries": [
		{ "library": "%HOOKS%/libdhcp_lease_cmds.so" },
		{ "library": "%HOOKS%/libdhcp_ha.so", "parameters": { "high-availability": [ {
			"this-server-name": "%NAME%", "mode": "%MODE%",
			"heartbeat-delay": %BEAT%, "max-response-delay": 6000, "max-ack-delay": 100, "max-unacked-clients": 0,
			%MORE%
			"multi-threading": { "enable-multi-threading": %LISTENER%, "http-dedicated-listener": %LISTENER% },
			"peers": [
				{ "name": "a", "url": "%SCHEME%://10.77.0.1:%PORTA%/", "role": "primary"%USER% },
				{ "name": "b", "url": "%SCHEME%://10.77.0.2:%PORTB%/", "role": "%SECOND%"%USER% }%BACKUPS%
			]
		} ] } }
	],
	"subnet%FAMILY%": [ %SUBNET% ],
	"loggers": [ { "name": "kea-dhcp%FAMILY%", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }`

var subnetText = map[string]string{
	"4" + hotStandby: `{ "id": 1, "subnet": "10.77.0.0/16", "pools": [ { "pool": "10.77.1.0 - 10.77.8.255" } ] }`,
	"4" + loadBalancing: `{ "id": 1, "subnet": "10.77.0.0/16", "pools": [
		{ "pool": "10.77.1.0 - 10.77.4.255", "client-class": "HA_a" }, { "pool": "10.77.5.0 - 10.77.8.255", "client-class": "HA_b" } ] }`,
	"6" + hotStandby: `{ "id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0", "pools": [ { "pool": "2001:db8:1::1:0/112" } ],
		"pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56 } ] }`,
	"6" + loadBalancing: `{ "id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0", "pools": [
		{ "pool": "2001:db8:1::1:0/112", "client-class": "HA_a" }, { "pool": "2001:db8:1::2:0/112", "client-class": "HA_b" } ],
		"pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56, "client-class": "HA_a" },
			{ "prefix": "2001:db8:9000::", "prefix-len": 40, "delegated-len": 56, "client-class": "HA_b" } ] }`,
}

const unixControl = `"control-socket": { "socket-type": "unix", "socket-name": "%DIR%/s" }`

func hooks() string {
	found, _ := filepath.Glob("/usr/lib/*/kea/hooks")
	if len(found) == 0 {
		return "/usr/lib/kea/hooks"
	}
	return found[0]
}

// node is one server of a pair.
type node struct {
	*host
	*testnet.Process // nil until it was started
	t                *testing.T
	runs             product
	set              *setting
	config           string           // path
	agent            *testnet.Process // of Kea
	ownTmp           bool             // its directory is its /tmp
}

func (n *node) configure(i int) {
	s := n.set
	second := map[string]string{hotStandby: "standby", loadBalancing: "secondary", passiveBackup: "backup"}[s.mode]
	control, subnet, agent := unixControl, "", false
	if i < len(s.control) {
		control, subnet, agent = cmp.Or(s.control[i], control), s.subnets[i], s.agent[i]
	}
	if subnet == "" {
		mode := s.mode
		if mode == passiveBackup {
			mode = hotStandby
		}
		subnet = subnetText[fmt.Sprint(s.family)+mode]
	}
	scheme, backups := "http", ""
	if s.tls {
		scheme = "https"
	}
	for j := range s.backups {
		backups += fmt.Sprintf(`, { "name": "%c", "url": "%s://10.77.0.%d:8000/", "role": "backup"%s }`, 'c'+j, scheme, hostNumber(2+j), s.user)
	}
	port := func(i int) string {
		if s.port[i] == 0 {
			return "8000"
		}
		return fmt.Sprint(s.port[i])
	}
	text := strings.ReplaceAll(configText, "%CONTROL%", control)
	testnet.Must(n.t, os.WriteFile(n.config, []byte(fill(text, map[string]string{
		"FAMILY": fmt.Sprint(s.family), "DIR": n.dir, "HOOKS": hooks(), "NAME": n.host.name, "MODE": s.mode, "MORE": s.relay, "BEAT": fmt.Sprint(cmp.Or(s.beat, 300)),
		"LISTENER": fmt.Sprint(!agent), "SECOND": second, "PORTA": port(0), "PORTB": port(1), "SUBNET": subnet,
		"SCHEME": scheme, "USER": s.user, "BACKUPS": backups,
	})), 0o644))
}

// start begins the server's process; its files are those of the run before.
func (n *node) start() {
	n.t.Helper()
	args := []string{testnet.Program(n.t), "serve", "-c", n.config}
	if n.runs == kea {
		args = []string{fmt.Sprintf("kea-dhcp%d", n.set.family), "-c", n.config}
	}
	if agent := filepath.Join(n.dir, "agent.json"); exists(agent) {
		if n.runs == ours {
			args = append(args, "-c", agent)
		} else if n.agent == nil {
			cmd := n.command("kea-ctrl-agent", "-c", agent)
			cmd.Env = append(cmd.Environ(), "KEA_PIDFILE_DIR="+n.dir, "KEA_LOCKFILE_DIR="+n.dir)
			n.agent = n.host.start(n.host.name+" (agent)", cmd)
			n.agent.Mentions("HTTP_SERVICE_STARTED")
		}
	}
	dir := n.dir
	if n.ownTmp {
		line := strings.ReplaceAll(strings.Join(args, " "), n.dir, "/tmp")
		line = strings.Replace(line, args[0], "/tmp/leasehold", 1)
		testnet.Must(n.t, copyFile(filepath.Join(n.dir, "leasehold"), args[0]))
		args, dir = []string{"unshare", "-m", "sh", "-c", "mount --bind " + n.dir + " /tmp && cd /tmp && exec " + line}, "/tmp"
	}
	cmd := n.command(args...)
	for _, v := range []string{"KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR", "KEA_DHCP_DATA_DIR"} {
		cmd.Env = append(cmd.Environ(), v+"="+dir)
	}
	n.Process = n.host.start(n.host.name+" ("+string(n.runs)+")", cmd)
	n.Mentions(fmt.Sprintf("DHCP%d_STARTED", n.set.family))
}

// withAgent gives the server a control agent at the address of its URL.
func (n *node) withAgent(address string, port int) {
	n.t.Helper()
	testnet.Must(n.t, os.WriteFile(filepath.Join(n.dir, "agent.json"), fmt.Appendf(nil, `{ "Control-agent": {
	"http-host": %q, "http-port": %d,
	"control-sockets": { "dhcp%d": { "socket-type": "unix", "socket-name": %q } },
	"loggers": [ { "name": "kea-ctrl-agent", "severity": "INFO", "output_options": [ { "output": "stdout" } ] } ]
} }`, address, port, n.set.family, strings.Replace(n.socket(), n.dir, map[bool]string{true: "/tmp", false: n.dir}[n.ownTmp], 1)), 0o644))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// socket is the path of the unix control socket.
func (n *node) socket() string {
	if n.ownTmp {
		return filepath.Join(n.dir, fmt.Sprintf("kea%d-ctrl-socket", n.set.family))
	}
	return filepath.Join(n.dir, "s")
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

// stop ends the process as a service manager does.
func (n *node) stop() {
	n.t.Helper()
	n.Signal(syscall.SIGTERM)
	if n.Wait() != 0 {
		n.t.Fatalf("%s ends with %v", n.Process.Name, n.Cmd.ProcessState)
	}
}

// awaitState waits until the server is in one of the states, by what it logs.
func (n *node) awaitState(states ...string) {
	n.t.Helper()
	n.Until(fmt.Sprintf("that it is in %v", states), func(lines []string) bool { return in(lines, states...) })
}

// in says whether a server that has said so much is in one of the states.
func in(lines []string, states ...string) bool {
	state := "WAITING"
	for _, line := range slices.Backward(lines) {
		if _, rest, ok := strings.Cut(line, transition); ok {
			state = strings.Fields(rest)[2]
			break
		}
	}
	return slices.ContainsFunc(states, func(s string) bool { return strings.EqualFold(s, state) })
}

// answer is what came of a command.
type answer struct {
	Result    int             `json:"result"`
	Text      string          `json:"text"`
	Arguments json.RawMessage `json:"arguments"`
}

// command sends a command to the unix control socket of the server.
func (n *node) tell(name, arguments string) answer {
	n.t.Helper()
	if arguments == "" {
		return n.raw(fmt.Sprintf(`{ "command": %q }`, name))
	}
	return n.raw(fmt.Sprintf(`{ "command": %q, "arguments": %s }`, name, arguments))
}

func (n *node) raw(request string) (a answer) {
	n.t.Helper()
	conn := testnet.Must1(net.Dial("unix", n.socket()))(n.t)
	defer conn.Close()
	testnet.Must(n.t, conn.SetDeadline(time.Now().Add(testnet.Patience)))
	testnet.Must1(io.WriteString(conn, request))(n.t)
	said := testnet.Must1(io.ReadAll(conn))(n.t)
	if err := json.Unmarshal(said, &a); err != nil {
		n.t.Fatalf("%s: %s: %v: %s", n.host.name, request, err, said)
	}
	return a
}

// want sends a command that must succeed.
func (n *node) want(name, arguments string) answer {
	n.t.Helper()
	a := n.tell(name, arguments)
	if a.Result != 0 && a.Result != 3 {
		n.t.Fatalf("%s: %s %s: %d %s", n.Process.Name, name, arguments, a.Result, a.Text)
	}
	return a
}

// relationship is what status-get says of the pair.
type relationship struct {
	Mode    string `json:"ha-mode"`
	Servers struct {
		Local struct {
			Scopes []string `json:"scopes"`
			State  string   `json:"state"`
		} `json:"local"`
		Remote struct {
			State string `json:"last-state"`
		} `json:"remote"`
	} `json:"ha-servers"`
}

func (n *node) status() relationship {
	n.t.Helper()
	var got struct {
		Pairs []relationship `json:"high-availability"`
	}
	testnet.Must(n.t, json.Unmarshal(n.want("status-get", "").Arguments, &got))
	if len(got.Pairs) != 1 {
		n.t.Fatalf("%s: status-get: %d relationships", n.Process.Name, len(got.Pairs))
	}
	return got.Pairs[0]
}

// scoped sends a request to serve some scopes until the server says that it
// does: a change of its state in between would give it others.
func (n *node) scoped(send func(request string) answer, request string, want int) {
	n.t.Helper()
	for begin := time.Now(); ; {
		if a := send(request); a.Result != 0 {
			n.t.Errorf("%s: %s: %d %s", n.host.name, request, a.Result, a.Text)
			return
		}
		got := n.status().Servers.Local.Scopes
		if len(got) == want {
			return
		}
		if time.Since(begin) > testnet.Patience {
			n.t.Errorf("%s serves %v after %s", n.host.name, got, request)
			return
		}
	}
}

// leases returns the leases of the server that are somebody's, by address.
// What is left of others each server keeps in its own way: Kea 2.2 deletes what
// we keep for the client to come back.
func (n *node) leases() map[string]map[string]any {
	n.t.Helper()
	var got struct {
		Leases []map[string]any `json:"leases"`
	}
	testnet.Must(n.t, json.Unmarshal(n.want(fmt.Sprintf("lease%d-get-all", n.set.family), "").Arguments, &got))
	found := map[string]map[string]any{}
	for _, l := range got.Leases {
		if l["state"].(float64) > 1 {
			continue
		}
		found[fmt.Sprint(l["type"], " ", l["ip-address"])] = l
	}
	return found
}

// counts is what the server has counted of messages.
func (n *node) counts() string {
	n.t.Helper()
	var all map[string][][]any
	testnet.Must(n.t, json.Unmarshal(n.want("statistic-get-all", "").Arguments, &all))
	var text []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if v := all[name]; strings.HasPrefix(name, "pkt") && len(v) > 0 && v[0][0] != 0.0 {
			text = append(text, fmt.Sprintf("%s %v", name, v[0][0]))
		}
	}
	return strings.Join(text, ", ")
}

// awaitFree waits until an address is nobody's for the server. A DHCPv4 client
// that releases gets no answer, and servers log it in their own ways: so the
// server is asked until it says so.
func (n *node) awaitFree(addr netip.Addr) {
	n.t.Helper()
	arguments := fmt.Sprintf(`{ "ip-address": %q, "type": "IA_NA" }`, addr)
	limit := time.After(testnet.Patience)
	for {
		a := n.tell(fmt.Sprintf("lease%d-get", n.set.family), arguments)
		var l struct {
			State int `json:"state"`
		}
		_ = json.Unmarshal(a.Arguments, &l) // no arguments, no lease
		if a.Result == 3 || l.State > 1 {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-limit:
			n.t.Fatalf("%s: %s is still somebody's", n.Process.Name, addr)
		}
	}
}
