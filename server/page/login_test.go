package page

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/control"
)

// gate is a page with users, behind its guard.
type gate struct {
	t     *testing.T
	h     http.Handler
	now   time.Time
	users []config.Credential
	acts  []string // commands that were carried out
	notes []string
	later []func() // what is to be done after a while
	state string   // members of the pair in place of its state
}

func newGate(t *testing.T) *gate {
	g := &gate{t: t, now: noon, users: []config.Credential{{User: "rita", Password: "r", Role: "read"},
		{User: "otto", Password: "o", Role: "operate"}, {User: "clara", Password: "c", Role: "change"}}}
	mux := http.NewServeMux()
	p := New(Options{Ask: g.answer, Families: func() []Family { return serving4 }, Now: func() time.Time { return g.now },
		Users:   func() []config.Credential { return g.users },
		Demands: func(name string) (control.Role, bool) { return demanded[name], demanded[name] > control.Read },
		Note:    func(_ bool, text string) { g.notes = append(g.notes, text) },
		Act: func(_ context.Context, _ int, c control.Caller, name string, arguments any) (string, error) {
			g.acts = append(g.acts, fmt.Sprint(c.User, " ", name, " ", arguments))
			return "done", nil
		}})
	p.drills.after = func(d time.Duration, f func()) { g.later = append(g.later, f) }
	p.Register(mux)
	mux.HandleFunc("GET /healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /metrics", func(http.ResponseWriter, *http.Request) {})
	g.h = p.Guard(mux)
	return g
}

// answer is recorded, but for the state of the pair.
func (g *gate) answer(ctx context.Context, version int, command string, arguments any) (json.RawMessage, error) {
	raw, err := recorded(ctx, version, command, arguments)
	if g.state != "" {
		raw = []byte(strings.ReplaceAll(string(raw), `"state":"partner-down"`, g.state))
	}
	return raw, err
}

var demanded = map[string]control.Role{cmdRelease: control.Operate, cmdMaintenance: control.Operate, cmdCancel: control.Operate, cmdReserve: control.Change}

func (g *gate) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	g.h.ServeHTTP(w, r)
	return w
}

func (g *gate) get(path string, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	r.Header.Set("Accept", "text/html")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return g.ask(r)
}

func form(path string, values ...string) *http.Request {
	v := url.Values{}
	for i := 0; i < len(values); i += 2 {
		v.Set(values[i], values[i+1])
	}
	r := httptest.NewRequest("POST", path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// logIn returns the cookie of a session and the token of its forms.
func (g *gate) logIn(user, password string) (*http.Cookie, string) {
	g.t.Helper()
	w := g.ask(form("/login", "user", user, "password", password))
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(cookies) != 1 {
		g.t.Fatalf("%d %v\n%s", w.Code, cookies, w.Body)
	}
	_, after, ok := strings.Cut(g.get("/", cookies[0]).Body.String(), `name="token" value="`)
	if !ok {
		g.t.Fatal("no token")
	}
	token, _, _ := strings.Cut(after, `"`)
	return cookies[0], token
}

func TestNobodyGetsInWithoutLogin(t *testing.T) {
	g := newGate(t)
	for _, path := range paths {
		w := g.get(path)
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/login?next=") {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Location"))
		}
	}
	for _, path := range []string{"/metrics", "/live", "/events"} {
		w := g.ask(httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/login", "/style.css", "/healthz"} {
		if w := g.get(path); w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/metrics", nil)
	r.SetBasicAuth("rita", "r")
	if w := g.ask(r); w.Code != http.StatusOK {
		t.Errorf("a program with a password: %d", w.Code)
	}
}

func TestSessions(t *testing.T) {
	g := newGate(t)
	c, _ := g.logIn("rita", "r")
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure {
		t.Errorf("%+v", c)
	}
	r := form("/login", "user", "rita", "password", "r")
	r.TLS = &tls.ConnectionState{}
	if s := g.ask(r).Result().Cookies()[0]; !s.Secure || !strings.HasPrefix(s.Name, "__Host-") {
		t.Errorf("over TLS: %+v", s)
	}
	g.now = g.now.Add(sessionIdle - time.Second)
	if w := g.get("/", c); w.Code != http.StatusOK {
		t.Errorf("an hour later: %d", w.Code)
	}
	g.now = g.now.Add(sessionIdle + time.Second)
	if w := g.get("/", c); w.Code != http.StatusSeeOther {
		t.Errorf("after the session: %d", w.Code)
	}
	c, token := g.logIn("clara", "c")
	g.users[2].Password = "other"
	if w := g.get("/", c); w.Code != http.StatusSeeOther {
		t.Errorf("after the password was changed: %d", w.Code)
	}
	g.users[2].Password = "c"
	out := form("/logout", "token", token)
	out.AddCookie(c)
	g.ask(out)
	if w := g.get("/", c); w.Code != http.StatusSeeOther {
		t.Errorf("after signing out: %d", w.Code)
	}
	for range sessionMost + 10 {
		g.ask(form("/login", "user", "rita", "password", "r"))
	}
	for next, want := range map[string]string{"/leases?q=x": "/leases?q=x", "//evil.example": "/", "https://evil.example/": "/", "/\\evil": "/", "": "/"} {
		if got := g.ask(form("/login", "user", "rita", "password", "r", "next", next)).Header().Get("Location"); got != want {
			t.Errorf("login leads from %q to %q", next, got)
		}
	}
}

// Changes need the role, a form of the same session, and a page of ours.
func TestChangesAreGuarded(t *testing.T) {
	g := newGate(t)
	rita, ritas := g.logIn("rita", "r")
	otto, ottos := g.logIn("otto", "o")
	release := func(token string) *http.Request {
		return form("/change", "token", token, "do", "release", "family", "4", "address", "192.0.2.10", "back", "//evil.example")
	}
	for name, c := range map[string]struct {
		r      *http.Request
		cookie *http.Cookie
		change func(*http.Request)
		code   int
	}{
		"without login":              {r: release(ottos), code: http.StatusUnauthorized},
		"role too small":             {r: release(ritas), cookie: rita, code: http.StatusForbidden},
		"no token":                   {r: release(""), cookie: otto, code: http.StatusForbidden},
		"somebody else's token":      {r: release(ritas), cookie: otto, code: http.StatusForbidden},
		"another site":               {r: release(ottos), cookie: otto, change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, code: http.StatusForbidden},
		"another origin":             {r: release(ottos), cookie: otto, change: func(r *http.Request) { r.Header.Del("Sec-Fetch-Site"); r.Header.Set("Origin", "http://evil.example") }, code: http.StatusForbidden},
		"no such change":             {r: form("/change", "token", ottos, "do", "shutdown", "family", "4"), cookie: otto, code: http.StatusBadRequest},
		"no such family":             {r: form("/change", "token", ottos, "do", "release", "family", "6"), cookie: otto, code: http.StatusBadRequest},
		"command is not there":       {r: form("/change", "token", ottos, "do", "continue", "family", "4"), cookie: otto, code: http.StatusBadRequest},
		"change of a higher one":     {r: form("/change", "token", ottos, "do", "reserve", "family", "4", "address", "192.0.2.10"), cookie: otto, code: http.StatusForbidden},
		"oversized":                  {r: form("/change", "token", ottos, "do", strings.Repeat("x", formBytes)), cookie: otto, code: http.StatusBadRequest},
		"password with each request": {r: release(ottos), change: func(r *http.Request) { r.SetBasicAuth("otto", "o") }, code: http.StatusForbidden},
		"as a query":                 {r: httptest.NewRequest("GET", "/change?do=release&family=4&token="+ottos, nil), cookie: otto, code: http.StatusMethodNotAllowed},
	} {
		if c.cookie != nil {
			c.r.AddCookie(c.cookie)
		}
		if c.change != nil {
			c.change(c.r)
		}
		if w := g.ask(c.r); w.Code != c.code || len(g.acts) > 0 {
			t.Errorf("%s: %d, done %v", name, w.Code, g.acts)
		}
	}
	r := release(ottos)
	r.AddCookie(otto)
	w := g.ask(r)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" || len(g.acts) != 1 || g.acts[0] != "otto leasehold-release map[ip-address:192.0.2.10]" {
		t.Errorf("%d to %s, done %v", w.Code, w.Header().Get("Location"), g.acts)
	}
	if text := g.get("/", otto).Body.String(); !strings.Contains(text, "<p>done</p>") {
		t.Error("what came of it is not told")
	}
	if text := g.get("/", otto).Body.String(); strings.Contains(text, "<p>done</p>") {
		t.Error("it is told twice")
	}
	clara, claras := g.logIn("clara", "c")
	r = form("/change", "token", claras, "do", "reserve", "family", "4", "address", "192.0.2.10")
	r.AddCookie(clara)
	g.ask(r)
	if want := "clara reservation-add map[reservation:map[hw-address:02:00:00:00:00:01 ip-address:192.0.2.10 subnet-id:1]]"; g.acts[len(g.acts)-1] != want {
		t.Errorf("done %v", g.acts)
	}
}

// Without users nothing can be changed, whoever asks.
func TestWithoutUsersThereIsOnlyReading(t *testing.T) {
	g := newGate(t)
	g.users = nil
	if w := g.get("/leases"); w.Code != http.StatusOK || strings.Contains(w.Body.String(), "/change") {
		t.Errorf("%d", w.Code)
	}
	for _, r := range []*http.Request{form("/change", "do", "release", "family", "4", "address", "192.0.2.10", "token", ""), form("/login", "user", "", "password", "")} {
		if w := g.ask(r); w.Code != http.StatusForbidden || len(g.acts) > 0 {
			t.Errorf("%s: %d, done %v", r.URL, w.Code, g.acts)
		}
	}
}

// Wrong passwords are counted by address, with each request and in the form.
func TestWrongPasswordsAreLimited(t *testing.T) {
	g := newGate(t)
	from := func(addr string, right bool, basic bool) int {
		password := "wrong"
		if right {
			password = "c"
		}
		r := form("/login", "user", "clara", "password", password)
		if basic {
			r = httptest.NewRequest("GET", "/metrics", nil)
			r.SetBasicAuth("clara", password)
		}
		r.RemoteAddr = addr
		return g.ask(r).Code
	}
	for i := range guessBurst {
		if code, want := from("192.0.2.66:1", false, i%2 == 0), map[bool]int{true: 401, false: 403}[i%2 == 0]; code != want {
			t.Errorf("guess %d: %d", i, code)
		}
	}
	for _, basic := range []bool{false, true} {
		if code := from("192.0.2.66:2", true, basic); code != http.StatusTooManyRequests {
			t.Errorf("the right one after too many wrong ones: %d", code)
		}
	}
	if code := from("192.0.2.67:1", true, true); code != http.StatusOK {
		t.Errorf("somebody else: %d", code)
	}
	g.now = g.now.Add(guessEvery + time.Second)
	if code := from("192.0.2.66:3", true, false); code != http.StatusSeeOther {
		t.Errorf("after a while: %d", code)
	}
	for i := range guessSources + 100 {
		from(fmt.Sprintf("[2001:db8:%x:%x::1]:1", i>>16, i&0xffff), false, true)
	}
	if code := from("[2001:db8:ffff::1]:1", true, true); code != http.StatusTooManyRequests {
		t.Errorf("when nobody can be told apart any more: %d", code)
	}
	for _, n := range g.notes {
		if strings.ContainsAny(n, "\r\n") {
			t.Errorf("a note of two lines: %q", n)
		}
	}
}

// A drill ends by itself, but never a take-over that somebody began since.
func TestADrillEnds(t *testing.T) {
	g := newGate(t)
	otto, token := g.logIn("otto", "o")
	do := func(what, minutes string) {
		t.Helper()
		r := form("/change", "token", token, "do", what, "family", "4", "server", "a", "minutes", minutes, "back", "/pairs")
		r.AddCookie(otto)
		if w := g.ask(r); w.Code != http.StatusSeeOther {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	const begin, end = "otto ha-maintenance-start map[server-name:a]", "otto ha-maintenance-cancel map[server-name:a]"
	for _, wrong := range []string{"0", "61", "x", "-5"} {
		if do("drill", wrong); len(g.acts) > 0 || len(g.later) > 0 {
			t.Errorf("%s minutes: %v", wrong, g.acts)
		}
	}
	for _, c := range []struct {
		name, state string
		meanwhile   string
		ends        bool
	}{
		{"the state lasts", `"state":"partner-in-maintenance","seconds-in-state":300`, "", true},
		{"it was ended", `"state":"hot-standby","seconds-in-state":300`, "", false},
		{"it is another one", `"state":"partner-in-maintenance","seconds-in-state":20`, "", false},
		{"it was begun anew here", `"state":"partner-in-maintenance","seconds-in-state":300`, "maintenance", false},
	} {
		g.acts, g.later, g.state = nil, nil, c.state
		do("drill", "5")
		if c.meanwhile != "" {
			do(c.meanwhile, "")
		}
		g.later[0]()
		if last := g.acts[len(g.acts)-1]; g.acts[0] != begin || (last == end) != c.ends {
			t.Errorf("%s: %v", c.name, g.acts)
		}
	}
}
