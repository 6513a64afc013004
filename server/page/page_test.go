package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// nasty is what a client may call itself.
const nasty = `<script>alert(1)</script>"'&`

// answers are those of a server with one DHCPv4 pool that is full, a pair whose
// partner is silent, and a client with a nasty name.
var answers = map[string]any{
	"leasehold-survey": map[string]any{
		"version": 4, "serving": true, "assigned": 10, "started": "2026-03-01T00:00:00Z", "reloaded": "2026-03-01T00:00:00Z",
		"counts": []any{map[string]any{"name": "pkt4-received", "value": 42}},
		"drops":  []any{map[string]any{"name": "no subnet", "value": 3}, map[string]any{"name": "malformed", "value": 7}},
		"subnets": []any{map[string]any{"id": 1, "prefix": "192.0.2.0/24", "network": nasty, "assigned": 10,
			"pools": []any{map[string]any{"first": "192.0.2.10", "last": "192.0.2.19", "size": 10, "free": 0}}}},
		"pairs": []any{map[string]any{"mode": "hot-standby", "this": "a", "partner": "b", "role": "primary", "state": "partner-down",
			"partner-state": "unavailable", "interrupted": true, "silence-ns": int64(90 * time.Second), "unacked-limit": 10,
			"conditions": []any{map[string]any{"name": "partner-state", "value": "unavailable", "met": true, "in-ns": 0}},
			"journal":    []any{map[string]any{"at": "2026-03-01T00:00:00Z", "from": "hot-standby", "to": "partner-down", "partner": "unavailable", "why": nasty}},
			"given-twice": []any{map[string]any{"ip-address": "192.0.2.77", "seen": "2026-03-02T00:00:00Z", "kept": true, "why": nasty,
				"ours":   map[string]any{"hw-address": "02:00:00:00:00:07", "hostname": nasty},
				"theirs": map[string]any{"client-id": "00:03:00:01:08"}}}}},
	},
	"leasehold-explain": map[string]any{
		"decisions": []any{map[string]any{"time": "2026-03-01T11:59:00Z", "type": "DHCPDISCOVER", "hw-address": "02:00:00:00:00:01",
			"hostname": nasty, "drop": "no subnet", "story": []any{"received DHCPDISCOVER on eth0", "no answer: no subnet"}}},
		"leases": []any{map[string]any{"ip-address": "192.0.2.10", "hw-address": "02:00:00:00:00:01", "hostname": nasty, "subnet-id": 1, "valid-lft": 600}},
	},
	"leasehold-what-if": map[string]any{
		"decision": map[string]any{"time": "2026-03-01T12:00:00Z", "type": "DHCPDISCOVER", "hw-address": "02:00:00:00:00:01", "response": "DHCPOFFER 192.0.2.10",
			"hostname": nasty, "story": []any{"received DHCPDISCOVER on eth0", "DHCPOFFER 192.0.2.10 for 600 s"}},
		"options": []any{map[string]any{"code": 12, "name": "host-name", "data": "3c", "value": nasty, "level": "subnet 1", "file": nasty, "line": 7},
			map[string]any{"code": 224, "name": "", "data": "c0ffee", "value": "", "level": "class " + nasty}},
	},
	"leasehold-leases": map[string]any{"next": "192.0.2.10", "leases": []any{map[string]any{"ip-address": "192.0.2.10", "hostname": nasty,
		"hw-address": "02:00:00:00:00:01", "valid-lft": infinite, "reason": "reserved", "pool": nasty, "partner": "queued", "subnet-id": 1}}},
}

// show asks a page for a path; ask answers for the server.
func show(t testing.TB, ask Ask, families []Family, path string) (int, string, http.Header) {
	t.Helper()
	mux := http.NewServeMux()
	New(Options{Ask: ask, Families: func() []Family { return families }, Release: "test",
		Now:     func() time.Time { return noon },
		Partner: func(context.Context, int, string) (json.RawMessage, error) { return nil, errors.New(nasty) }}).Register(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, string(body), w.Result().Header
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func recorded(_ context.Context, _ int, command string, _ any) (json.RawMessage, error) {
	return json.Marshal(answers[command])
}

func empty(context.Context, int, string, any) (json.RawMessage, error) { return nil, nil }

var paths = []string{"/", "/subnets", "/pairs", "/drops", "/leases", "/leases?q=x", "/explain", "/explain?q=02:00:00:00:00:01",
	"/what-if", "/what-if?client=02:00:00:00:00:01&relay=%3Cscript%3E%22'%26"}

var serving4 = []Family{{Version: 4, Sockets: []string{"eth0 raw 192.0.2.1"}}}

func TestPagesShowWhatTheServerSays(t *testing.T) {
	for path, wants := range map[string][]string{
		"/":        {">serving<", "eth0 raw 192.0.2.1", "100.0", "malformed", ">full<", "partner-down", "silent for 90 s", "<dd>42</dd>"},
		"/subnets": {"192.0.2.0/24", "192.0.2.10 – 192.0.2.19", `0 <span class="soft">of 10`},
		"/pairs": {"silent for 90 s", "partner-state", ">met<", "0 of 10", "2026-03-01 00:00:00Z",
			"192.0.2.77", "02:00:00:00:00:07", "00:03:00:01:08", "a’s: "},
		"/drops":   {"no subnet", "no answer: no subnet"},
		"/leases":  {"<code>192.0.2.10</code>", "never", "reserved for it", "queued", "/leases?from4=192.0.2.10"},
		"/explain": {"received DHCPDISCOVER on eth0", "2026-03-01 11:59:00Z", `href="/what-if"`},
		"/what-if": {"Evaluate", "Hardware address"},
		"/what-if?client=02:00:00:00:00:01&relay=192.0.2.1": {`value="192.0.2.1"`, "DHCPOFFER 192.0.2.10 for 600 s", ", &lt;script&gt;", ":7<", "c0ffee"},
	} {
		code, text, _ := show(t, recorded, serving4, path)
		if code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not say %q:\n%s", path, want, text)
			}
		}
	}
}

// Nothing from the network reaches the browser as anything but text, and the
// browser would not run it.
func TestEverythingIsEscaped(t *testing.T) {
	for _, path := range append(paths, "/leases?q="+"%3Cscript%3Ealert(1)%3C/script%3E%22%27%26", "/explain?q=%3Cscript%3E%22") {
		for name, ask := range map[string]Ask{"full": recorded, "empty": empty, "failing": func(context.Context, int, string, any) (json.RawMessage, error) {
			return nil, errors.New(nasty)
		}} {
			_, text, h := show(t, ask, []Family{{Version: 4, Unready: nasty, Trouble: []string{nasty}}}, path)
			text = strings.Replace(text, `<script src="/live.js" defer></script>`, "", 1)
			if strings.Contains(text, "<script") || strings.Contains(text, `"'&`) {
				t.Errorf("%s (%s) is not escaped:\n%s", path, name, text)
			}
			csp := h.Get("Content-Security-Policy")
			if !strings.HasPrefix(csp, "default-src 'none'; style-src 'self'; script-src 'self';") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: policy %q", path, csp)
			}
			if strings.Contains(text, "style=") || strings.Contains(text, " on"+"click") {
				t.Errorf("%s has what the policy forbids", path)
			}
		}
	}
}

func TestEmptyAndErrorStates(t *testing.T) {
	for path, want := range map[string]string{
		"/subnets": "No subnet is configured", "/pairs": "High availability is not configured", "/leases": "There are no leases", "/login": "Password",
		"/leases?q=x": "No lease of “x”", "/explain?q=x": "Nothing was heard of “x”", "/explain": "No query has come yet",
		"/drops": "Every query got its answer",
	} {
		if code, text, _ := show(t, empty, serving4, path); code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, does not say %q:\n%s", path, code, want, text)
		}
	}
	failing := func(context.Context, int, string, any) (json.RawMessage, error) {
		return nil, errors.New("the engine is stuck")
	}
	if code, text, _ := show(t, failing, serving4, "/"); code != http.StatusServiceUnavailable || !strings.Contains(text, "the engine is stuck") {
		t.Errorf("%d\n%s", code, text)
	}
	if code, _, _ := show(t, recorded, serving4, "/explain?q="+strings.Repeat("x", maxQuery+1)); code != http.StatusRequestURITooLong {
		t.Errorf("a long query: %d", code)
	}
	if code, _, _ := show(t, recorded, nil, "/"); code != http.StatusOK {
		t.Errorf("no family: %d", code)
	}
	if code, text, h := show(t, recorded, serving4, "/style.css"); code != http.StatusOK || !strings.Contains(text, "prefers-color-scheme") || !strings.HasPrefix(h.Get("Content-Type"), "text/css") {
		t.Errorf("style: %d %v", code, h)
	}
	if code, _, _ := show(t, recorded, serving4, "/html/frame.html"); code != http.StatusNotFound {
		t.Errorf("sources: %d", code)
	}
}

// The form asks as the command line does, of one family, and once at a time.
func TestWhatIfAsks(t *testing.T) {
	both := []Family{{Version: 4}, {Version: 6}}
	for path, want := range map[string]string{
		"/what-if": "",
		"/what-if?client=02:00:00:00:00:01&relay=+&interface=eth0":                    `4 {"hw-address":"02:00:00:00:00:01","interface":"eth0"}`,
		"/what-if?client=02:00:00:00:00:01&family=6&prefix=1":                         `6 {"hw-address":"02:00:00:00:00:01","prefix":true}`,
		"/what-if?client=00:01:02:03:04:05:06&family=6&type=renew":                    `6 {"duid":"00:01:02:03:04:05:06","type":"renew"}`,
		"/what-if?client=02:00:00:00:00:01&hostname=" + strings.Repeat("x", maxQuery): "",
	} {
		asked := ""
		ask := func(_ context.Context, version int, command string, arguments any) (json.RawMessage, error) {
			text, err := json.Marshal(arguments)
			asked = fmt.Sprintf("%d %s", version, text)
			if command != "leasehold-what-if" {
				t.Errorf("asked for %s", command)
			}
			return nil, errors.Join(err, errors.New("address x: no address"))
		}
		code, text, _ := show(t, ask, both, path)
		if code != http.StatusOK || asked != want || strings.Contains(text, "no address") != (want != "") {
			t.Errorf("%s: %d, asked %s, want %s\n%s", path, code, asked, want, text)
		}
	}
	p := New(Options{Ask: recorded, Families: func() []Family { return both }, Now: func() time.Time { return noon }})
	mux := http.NewServeMux()
	p.Register(mux)
	p.evaluating.Lock()
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/what-if?client=02:00:00:00:00:01", nil))
	if !strings.Contains(w.Body.String(), "Try again") {
		t.Errorf("two at once:\n%s", w.Body)
	}
}

// FuzzQuery: no query makes a page fail or is shown unescaped.
func FuzzQuery(f *testing.F) {
	f.Add("02:00:00:00:00:01")
	f.Add(nasty)
	f.Add("\xff\x00")
	f.Fuzz(func(t *testing.T, q string) {
		mux := http.NewServeMux()
		New(Options{Ask: empty, Families: func() []Family { return serving4 }, Now: func() time.Time { return time.Unix(0, 0) }}).Register(mux)
		for _, path := range []string{"/explain", "/leases", "/what-if"} {
			r := httptest.NewRequest("GET", path, nil)
			v := r.URL.Query()
			v.Set("q", q)
			v.Set("client", q)
			v.Set("type", q)
			r.URL.RawQuery = v.Encode()
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if w.Code >= 500 || strings.Count(w.Body.String(), "<script") != 1 {
				t.Fatalf("%d\n%s", w.Code, w.Body)
			}
		}
	})
}
