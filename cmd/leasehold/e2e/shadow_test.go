package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// keaServer starts the installed Kea on a configuration and returns its lease
// file. It is found by its own name, beside which ours lies.
func keaServer(t *testing.T, name, text string) (*testnet.Process, string) {
	t.Helper()
	dir := t.TempDir()
	conf, leases := filepath.Join(dir, "kea.json"), filepath.Join(dir, "leases.csv")
	testnet.Must(t, os.WriteFile(conf, []byte(keaText(text, dir, leases)), 0o644))
	cmd := exec.Command(testnet.Must1(exec.LookPath(name))(t), "-c", conf)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "KEA_LOGGER_DESTINATION=stdout")
	p := testnet.Start(t, "Kea", cmd)
	p.Await("_STARTED")
	return p, leases
}

// keaText is a configuration of the tests as a Kea reads it.
func keaText(text, dir, leases string) string {
	text = strings.ReplaceAll(text, "%LEASES%", leases)
	text = strings.Replace(text, `"cache-threshold": 0.0,`, "", 1) // Kea 2.2 has no zero
	if strings.Contains(text, `"Dhcp6"`) {
		text = strings.Replace(text, `"interfaces-config"`, `"data-directory": "`+dir+`", "interfaces-config"`, 1)
	}
	return text
}

// shadow watches beside a Kea.
type shadow struct {
	*testnet.Process
	t       *testing.T
	sockets string
}

// shadowReport is the answer to leasehold-shadow.
type shadowReport struct {
	Arguments struct {
		Totals struct {
			Queries, Answered, Differ int
			Seen                      int `json:"answers-seen"`
			Fields                    map[string]int
		}
		Lost int
	}
}

func startShadow(t *testing.T, text string) *shadow {
	t.Helper()
	dir := t.TempDir()
	conf := filepath.Join(dir, "config.json")
	testnet.Must(t, os.WriteFile(conf, []byte(text), 0o644))
	x := &shadow{t: t, sockets: dir}
	x.Process = testnet.Start(t, "shadow", exec.Command(testnet.Program(t), "serve", "--shadow", "-c", conf, "--shadow-sockets", dir))
	x.Await("watching lan")
	return x
}

func (x *shadow) run(args ...string) string {
	x.t.Helper()
	out, err := exec.Command(testnet.Program(x.t), args...).CombinedOutput()
	if err != nil {
		x.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// awaitSeen waits until the shadow has seen so many answers.
func (x *shadow) awaitSeen(family string, n int) (r shadowReport) {
	x.t.Helper()
	for end := time.Now().Add(testnet.Patience); ; {
		out := x.run("shadow", "--socket", filepath.Join(x.sockets, "shadow"+family), "--json")
		testnet.Must(x.t, json.Unmarshal([]byte(out), &r))
		if r.Arguments.Totals.Seen >= n {
			return r
		}
		if time.Now().After(end) {
			x.t.Fatalf("the shadow saw too little: %s", out)
		}
	}
}

// Two shadows watch a real Kea at work. The one with Kea's own configuration
// finds no difference; the one with another finds those, and no others. Neither
// says a word on the wire, or keeps the kernel from anything.
func TestEndToEndShadow(t *testing.T) {
	if isolate(t, "udhcpc", "dhclient", "kea-dhcp4", "tshark") {
		return
	}
	bridge(t, "lan", "192.0.2.1/24")
	wire := record(t, "lan")
	const calm = `"renew-timer": 200, "rebind-timer": 400`
	config := strings.Replace(config4, `"renew-timer": 3, "rebind-timer": 400`, calm, 1)
	first := newHost(t, "first")
	first.plug("eth0", "lan", clientMAC)
	kea, leases := keaServer(t, "kea-dhcp4", config)
	config = strings.ReplaceAll(config, "%LEASES%", leases)

	script := newScript(t, "udhcpc", configureAddress)
	c := udhcpc()
	c.start(first, script)
	script.await("bound")

	// From here on the first client's lease is in Kea's file.
	same := startShadow(t, config)
	other := startShadow(t, strings.Replace(config, `"name": "routers", "data": "192.0.2.1"`, `"name": "routers", "data": "192.0.2.254"`, 1))
	c.renew(first)
	script.await("renew")

	reserved := newHost(t, "reserved")
	reserved.plug("eth0", "lan", reservedMAC)
	script2 := newScript(t, "dhclient", configureAddress)
	d := dhclient(t)
	d.start(reserved, script2)
	script2.await("BOUND")
	c.release(first)
	again := newScript(t, "udhcpc", configureAddress)
	c.start(first, again)
	again.await("bound")

	const answered = 5 // an ACK to the renewal, two OFFERs and ACKs
	if r := same.awaitSeen("4", answered); r.Arguments.Totals.Differ != 0 {
		t.Errorf("with Kea's own configuration:\n%s", same.run("shadow", "--socket", filepath.Join(same.sockets, "shadow4")))
	}
	r := other.awaitSeen("4", answered)
	if n := r.Arguments.Totals.Fields["option 3 (routers)"]; n < answered || len(r.Arguments.Totals.Fields) != 1 {
		t.Errorf("with another router: %+v", r)
	}
	other.Await("LEASEHOLD_SHADOW_DIFFERS")
	out := other.run("explain", "--socket", filepath.Join(other.sockets, "shadow4"), reservedMAC.String())
	if !strings.Contains(out, "reservation by hw-address: 192.0.2.77") {
		t.Errorf("explain: %s", out)
	}
	if said := wire.tshark("dhcp.option.router == 192.0.2.254 || icmp && eth.src == 02:00:00:00:00:01"); said != "" {
		t.Errorf("a shadow was heard: %s", said)
	}
	for _, p := range []*testnet.Process{same.Process, other.Process, kea} {
		p.Signal(syscall.SIGTERM)
		p.Wait()
	}
	if !strings.Contains(same.Text(), "LEASEHOLD_SHADOW_TOTALS") {
		t.Errorf("no totals at the end:\n%s", same.Text())
	}
}

// The same with DHCPv6, where the server's identifier has to be learned.
func TestEndToEndShadow6(t *testing.T) {
	if isolate(t, "dhclient", "kea-dhcp6", "tshark") {
		return
	}
	bridge(t, "lan", "2001:db8:1::1/64")
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	kea, leases := keaServer(t, "kea-dhcp6", config6)
	config := strings.ReplaceAll(config6, "%LEASES%", leases)
	same := startShadow(t, config)
	other := startShadow(t, strings.Replace(config, `"valid-lifetime": 600`, `"valid-lifetime": 700`, 1))

	c := dhclient6(t)
	c.declines = false
	script := newScript(t, c.program, strings.Replace(c.script, squatted6, "none", 1))
	c.start(h, script)
	script.await("BOUND6")
	script.await("RENEW6", "REBIND6")
	c.release(h)

	const answered = 4 // ADVERTISE, REPLY, REPLY to RENEW, to RELEASE
	if r := same.awaitSeen("6", answered); r.Arguments.Totals.Differ != 0 {
		t.Errorf("with Kea's own configuration:\n%s", same.run("shadow", "-6", "--socket", filepath.Join(same.sockets, "shadow6")))
	}
	if r := other.awaitSeen("6", answered); r.Arguments.Totals.Differ < 3 {
		t.Errorf("with another lifetime: %+v", r)
	}
	kea.Signal(syscall.SIGTERM)
	kea.Wait()
}
