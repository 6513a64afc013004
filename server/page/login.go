package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/server/control"
)

// Bounds of sessions.
const (
	sessionIdle = time.Hour
	sessionAge  = 12 * time.Hour
	sessionMost = 1000
	formBytes   = 16 << 10
)

// visitor is who asks for a page.
type visitor struct {
	User    string
	Role    control.Role
	Users   bool // there are users: one can log in
	session *session
	page    *Page
}

// Token is what a form has to bring back.
func (v visitor) Token() string {
	if v.session == nil {
		return ""
	}
	return v.session.token
}

type visitorKey struct{}

func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// open are the paths that nobody has to log in for.
var open = map[string]bool{
	"/login": true, "/style.css": true, "/icon.svg": true, "/live.js": true, "/healthz": true, "/readyz": true,
}

// Guard lets requests through to next: changes from our own pages only, and,
// where there are users, nobody who is not one of them. Programs log in with
// every request (basic authentication), browsers once.
func (p *Page) Guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, code := p.recognize(r)
		switch {
		case code == http.StatusTooManyRequests:
			w.Header().Set("Retry-After", "60")
			http.Error(w, "too many wrong passwords; wait a minute", code)
			return
		case code != 0 && !open[r.URL.Path]:
			p.turnAway(w, r)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	}))
}

// recognize says who sent a request; code is not 0 if it is nobody that may read.
func (p *Page) recognize(r *http.Request) (v visitor, code int) {
	users := p.o.Users()
	if len(users) == 0 {
		return visitor{Role: control.Read}, 0
	}
	v.Users = true
	for _, name := range []string{secureCookie, plainCookie} {
		if c, err := r.Cookie(name); err == nil {
			if s := p.sessions.find(c.Value); s != nil {
				if role, ok := s.role(users); ok {
					return visitor{User: s.user, Role: role, Users: true, session: s}, 0
				}
			}
		}
	}
	user, password, given := r.BasicAuth()
	if !given {
		return v, http.StatusUnauthorized
	}
	role, ok, wait := p.admit(r, user, password)
	switch {
	case wait:
		return v, http.StatusTooManyRequests
	case !ok:
		return v, http.StatusUnauthorized
	}
	return visitor{User: user, Role: role, Users: true}, 0
}

// admit checks a password, unless its sender has been wrong too often.
func (p *Page) admit(r *http.Request, user, password string) (role control.Role, ok, wait bool) {
	from := source(r)
	if p.guesses.exhausted(from) {
		return 0, false, true
	}
	if role, ok = control.Identify(p.o.Users(), user, password); !ok {
		p.guesses.wrong(from)
		p.o.Note(true, fmt.Sprintf("user '%s' from %s over the page has wrong credentials", printable(user), r.RemoteAddr))
	}
	return role, ok, false
}

// turnAway shows browsers the way to log in, and tells programs to.
func (p *Page) turnAway(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if r.Header.Get("Sec-Fetch-Mode") == "" { // a browser would ask for a password itself
		w.Header().Set("WWW-Authenticate", `Basic realm="leasehold", charset="UTF-8"`)
	}
	http.Error(w, "log in", http.StatusUnauthorized)
}

// Names of the cookie. A browser takes the first only over TLS, from this very
// host.
const (
	secureCookie = "__Host-leasehold"
	plainCookie  = "leasehold"
)

func (p *Page) logIn(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formBytes)
	s := p.sight(r, "login", "Sign in")
	if err := r.ParseForm(); err != nil {
		s.Trouble = "That form cannot be read."
		p.show(w, "login", http.StatusBadRequest, s)
		return
	}
	s.Next = local(r.PostForm.Get("next"))
	user, password := r.PostForm.Get("user"), r.PostForm.Get("password")
	role, ok, wait := p.admit(r, user, password)
	switch {
	case wait:
		w.Header().Set("Retry-After", "60")
		s.Trouble = "Too many wrong passwords came from your address. Wait a minute."
		p.show(w, "login", http.StatusTooManyRequests, s)
		return
	case !ok:
		s.Trouble = "That user name and password do not belong together."
		p.show(w, "login", http.StatusForbidden, s)
		return
	}
	c := &http.Cookie{Name: plainCookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Value: p.sessions.begin(user, password)}
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		c.Name, c.Secure = secureCookie, true
	}
	http.SetCookie(w, c)
	p.o.Note(false, fmt.Sprintf("user '%s' from %s logged in to the page as %s", printable(user), r.RemoteAddr, role))
	http.Redirect(w, r, s.Next, http.StatusSeeOther)
}

func (p *Page) logOut(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, formBytes)
	v := visitorOf(r)
	if v.session != nil && sameToken(r, v) {
		p.sessions.end(v.session)
		for _, name := range []string{secureCookie, plainCookie} {
			http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: name == secureCookie})
		}
	}
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// sameToken says whether a form came from a page of the same session.
func sameToken(r *http.Request, v visitor) bool {
	return v.session != nil && subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(v.session.token)) == 1
}

// local returns a path of this server, whatever was asked for.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

// session is a user that has logged in.
type session struct {
	user  string
	sum   [sha256.Size]byte // of the credentials: they may be taken away
	token string
	begun time.Time
	key   [sha256.Size]byte

	seen   time.Time // guarded by sessions.mu
	notice *notice   // guarded by sessions.mu
}

// notice is what came of a change.
type notice struct {
	Bad   bool
	Text  string
	Write int // family whose configuration can be written to its file now; 0 = none
}

func fingerprint(user, password string) [sha256.Size]byte {
	return sha256.Sum256([]byte(user + ":" + password))
}

// role is what the user may do now.
func (s *session) role(users []config.Credential) (role control.Role, ok bool) {
	for _, c := range users {
		if fingerprint(c.User, c.Password) == s.sum && !ok {
			role, ok = control.ParseRole(c.Role)
		}
	}
	return role, ok
}

// sessions are kept in memory: a restart ends them.
type sessions struct {
	now func() time.Time

	mu  sync.Mutex // guards the rest
	all map[[sha256.Size]byte]*session
}

// begin makes a session and returns the value of its cookie, which is kept as
// a digest only.
func (x *sessions) begin(user, password string) string {
	value, token := rand.Text()+rand.Text(), rand.Text()
	now := x.now()
	s := &session{user: user, sum: fingerprint(user, password), token: token, begun: now, seen: now, key: sha256.Sum256([]byte(value))}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.all == nil {
		x.all = map[[sha256.Size]byte]*session{}
	}
	x.prune(now)
	x.all[s.key] = s
	return value
}

// prune forgets what is over, and the one that was not seen for longest if
// there are too many.
func (x *sessions) prune(now time.Time) {
	var oldest *session
	for k, s := range x.all {
		if x.over(s, now) {
			delete(x.all, k)
		} else if oldest == nil || s.seen.Before(oldest.seen) {
			oldest = s
		}
	}
	if len(x.all) >= sessionMost {
		delete(x.all, oldest.key)
	}
}

func (x *sessions) over(s *session, now time.Time) bool {
	return now.Sub(s.seen) > sessionIdle || now.Sub(s.begun) > sessionAge
}

func (x *sessions) find(value string) *session {
	now := x.now()
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.all[sha256.Sum256([]byte(value))]
	if s == nil || x.over(s, now) {
		return nil
	}
	s.seen = now
	return s
}

func (x *sessions) end(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.all, s.key)
}

func (x *sessions) tell(s *session, n *notice) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s.notice = n
}

func (x *sessions) take(s *session) *notice {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := s.notice
	s.notice = nil
	return n
}

// Bounds of wrong passwords: five at once from one address, then one in twelve
// seconds.
const (
	guessBurst   = 5
	guessEvery   = 12 * time.Second
	guessSources = 4096
)

// guesses counts wrong passwords by sender.
type guesses struct {
	now func() time.Time

	mu   sync.Mutex               // guards the rest
	till map[netip.Addr]time.Time // when the sender will have waited for all of them
}

// source is who counts as one sender: of IPv6 a whole /64.
func source(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := a.Addr().Unmap().WithZone("")
	if p, err := addr.Prefix(64); err == nil && addr.Is6() {
		return p.Addr()
	}
	return addr
}

func (g *guesses) exhausted(a netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	a = g.entry(a)
	return g.till[a].Sub(g.now()) > (guessBurst-1)*guessEvery
}

func (g *guesses) wrong(a netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	a = g.entry(a)
	if g.till == nil {
		g.till = map[netip.Addr]time.Time{}
	}
	from := g.till[a]
	if from.Before(now) {
		from = now
	}
	g.till[a] = from.Add(guessEvery)
}

// entry is where a sender is counted: together with all others that have no
// entry when there is no room.
func (g *guesses) entry(a netip.Addr) netip.Addr {
	if _, ok := g.till[a]; ok || len(g.till) < guessSources {
		return a
	}
	now := g.now()
	for k, t := range g.till {
		if t.Before(now) {
			delete(g.till, k)
		}
	}
	if len(g.till) < guessSources {
		return a
	}
	return netip.Addr{}
}

// printable keeps a caller from writing lines of its own into the log.
func printable(s string) string {
	if len(s) > 100 {
		s = s[:100]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r == '\'' || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}
