package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"leasehold/server/engine"
	"leasehold/server/testnet"
)

const webConfig4 = `{ "Dhcp4": { "lease-database": { "type": "memfile", "persist": false },
  "interfaces-config": { "interfaces": [ ] },
  "shared-networks": [ { "name": "floor \"1\"\\", "subnet4": [
    { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.19" } ] } ] } ] } }`

const webConfig6 = `{ "Dhcp6": { "lease-database": { "type": "memfile", "persist": false },
  "interfaces-config": { "interfaces": [ ] },
  "subnet6": [ { "id": 1, "subnet": "2001:db8::/64", "pools": [ { "pool": "2001:db8::/64" } ],
    "pd-pools": [ { "prefix": "2001:db8:8000::", "prefix-len": 36, "delegated-len": 56 } ] } ] } }`

// get asks the HTTP server of s for a path.
func get(t testing.TB, s *Server, path string) (int, string, http.Header) {
	t.Helper()
	w := httptest.NewRecorder()
	s.webHandler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body), w.Result().Header
}

func TestMetrics(t *testing.T) {
	for _, c := range []struct {
		version int
		config  string
		lines   []string
	}{
		{4, webConfig4, []string{
			`leasehold_pool_size{family="4",network="floor \"1\"\\",pool="192.0.2.10-192.0.2.19",subnet="192.0.2.0/24",subnet_id="1"} 10`,
			`leasehold_pool_free{family="4",network="floor \"1\"\\",pool="192.0.2.10-192.0.2.19",subnet="192.0.2.0/24",subnet_id="1"} 10`,
			`leasehold_packets_received_total{family="4",type="discover"} 0`,
			`leasehold_service_enabled{family="4"} 0`,
			`leasehold_response_wait_seconds_count{family="4"} 0`,
			`leasehold_lease_append_seconds_count{family="4"} 0`,
			`leasehold_build_info{`, `leasehold_batch_seconds_count{family="4"} 0`, `leasehold_streams_open 0`, `go_goroutines `,
		}},
		{6, webConfig6, []string{
			`leasehold_pool_size{family="6",network="",pool="2001:db8::-2001:db8::ffff:ffff:ffff:ffff",subnet="2001:db8::/64",subnet_id="1"} 1.8446744073709552e+19`,
			`leasehold_pool_size{family="6",network="",pool="2001:db8:8000::-2001:db8:8fff:ffff:ffff:ffff:ffff:ffff/56",subnet="2001:db8::/64",subnet_id="1"} 1.048576e+06`,
			`leasehold_packets_received_total{family="6",type="all"} 0`,
			`leasehold_ready{family="6"} 0`,
		}},
	} {
		s := newServer(t, "web", []byte(c.config), nil)
		tell(t, s, c.version, `{ "command": "dhcp-disable" }`)
		code, text, _ := get(t, s, "/metrics")
		if code != http.StatusOK {
			t.Fatalf("%d: %s", code, text)
		}
		for _, line := range c.lines {
			if !strings.Contains(text, line) {
				t.Errorf("no line %s", line)
			}
		}
		if t.Failed() {
			t.Log(text)
		}
		promtool, err := exec.LookPath("promtool")
		if err != nil {
			testnet.Missing(t, "promtool is not installed")
		}
		check := exec.Command(promtool, "check", "metrics")
		check.Stdin = strings.NewReader(text)
		if out, err := check.CombinedOutput(); err != nil {
			t.Errorf("promtool: %v\n%s", err, out)
		}
	}
}

// A server that waits for its sockets lives, and is not ready.
func TestHealth(t *testing.T) {
	s := newServer(t, "web", []byte(webConfig4), nil)
	if code, text, _ := get(t, s, "/healthz"); code != http.StatusOK || text != "ok" {
		t.Errorf("healthz: %d %s", code, text)
	}
	code, text, _ := get(t, s, "/readyz")
	if code != http.StatusServiceUnavailable || text != "dhcp4: no socket is open\n" {
		t.Errorf("readyz: %d %s", code, text)
	}
	if code, _, _ := get(t, s, "/nothing"); code != http.StatusNotFound {
		t.Errorf("unknown path: %d", code)
	}
}

// The address is opened, kept and closed by what the configuration says.
func TestWebFollowsTheConfiguration(t *testing.T) {
	s := newServer(t, "web", []byte(webConfig4), nil)
	port := strconv.Itoa(testnet.Ports(t, 1)[0])
	with := func(members string) string {
		return `{ "command": "config-set", "arguments": { "Dhcp4": { "lease-database": { "type": "memfile", "persist": false }, "subnet4": []` + members + ` } } }`
	}
	url := "http://127.0.0.1:" + port + "/healthz"
	if answer := tell(t, s, 4, with(`, "leasehold": { "http": { "port": `+port+` } }`)); !strings.Contains(answer, `"result": 0`) {
		t.Fatal(answer)
	}
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	w := s.webs[0]
	if answer := tell(t, s, 4, with(``)); !strings.Contains(answer, `"result": 0`) {
		t.Fatal(answer)
	}
	if len(s.webs) != 0 {
		t.Error("the address is still served")
	}
	w.close()
	if _, err := http.Get(url); err == nil {
		t.Error("somebody answers still")
	}
}

func TestUnready(t *testing.T) {
	s := newServer(t, "web", []byte(webConfig4), nil)
	if got := s.v4.unready(&engine.Survey{Unstored: 3, Serving: true}); got != "no socket is open" {
		t.Error(got)
	}
}
