// Package page is the server's own view for the browser: what is served and what
// is not, subnets and pools, leases, high availability, queries without an answer,
// the story of a client, and what one would get. It knows nothing but the answers to commands: what it
// shows, the command line can show, too. Reading needs no script; the one there is
// only looks again when something has happened (live.go).
//
// Names and identifiers come from the network. They reach the page through
// html/template alone, and the browser is told to run nothing but that script.
//
// Where users are configured everybody has to log in (login.go), and may do what
// the role admits (change.go). Without users there is nothing but reading.
package page

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/events"
)

//go:embed html
var files embed.FS

// Ask carries out a command for a family and returns the arguments of its answer;
// nil if nothing was found.
type Ask func(ctx context.Context, version int, command string, arguments any) (json.RawMessage, error)

// Act carries out a command that changes something, if the role of the caller
// admits it, notes it in the log, and returns the text of the answer.
type Act func(ctx context.Context, version int, caller control.Caller, command string, arguments any) (string, error)

// Page serves the page.
type Page struct {
	o        Options
	views    map[string]*template.Template
	sessions sessions
	guesses  guesses
	trend    trend
	live     live
	drills   drills
	// evaluating is held by the one who has a query evaluated.
	evaluating sync.Mutex
}

// Family is what the page is told of a family beside the answers to commands.
type Family struct {
	Version int
	Sockets []string // open ones
	Trouble []string // why others are not
	Broken  string   // what is wrong with the configuration file that is not served, "" if it is
	Unready string   // why it serves nobody; "" if it does
	File    string   // of the configuration; "" = none
}

// Options are what a Page needs. Ask, Families and Now are required.
type Options struct {
	Ask      Ask
	Act      Act // nil: nothing can be changed
	Families func() []Family
	Release  string
	Now      func() time.Time
	// Users are those who may log in, as they are now.
	Users func() []config.Credential
	// Demands says which role a command demands; ok is false if there is none of
	// that name.
	Demands func(command string) (role control.Role, ok bool)
	// Partner returns the partner's answer to status-get for the relationship of
	// a server name; nil: nobody asks.
	Partner func(ctx context.Context, version int, this string) (json.RawMessage, error)
	// Hooks returns how the webhooks stand.
	Hooks func() []events.HookState
	// Note hears of logins, and of what was refused.
	Note func(refused bool, text string)
	// Streams bounds what is live; Watched hears of pages that become live (1)
	// and cease to be (-1).
	Streams *events.Streams
	Watched func(n int)
}

// maxQuery bounds what can be searched for.
const maxQuery = 400

// New returns a Page.
func New(o Options) *Page {
	p := &Page{o: o, views: map[string]*template.Template{}}
	if p.o.Users == nil {
		p.o.Users = func() []config.Credential { return nil }
	}
	if p.o.Demands == nil {
		p.o.Demands = func(string) (control.Role, bool) { return control.Change, false }
	}
	if p.o.Note == nil {
		p.o.Note = func(bool, string) {}
	}
	if p.o.Streams == nil {
		p.o.Streams = &events.Streams{Limit: 256}
	}
	if p.o.Watched == nil {
		p.o.Watched = func(int) {}
	}
	p.sessions.now, p.guesses.now = o.Now, o.Now
	p.live.wake = make(chan struct{})
	p.drills.after = func(d time.Duration, f func()) { time.AfterFunc(d, f) }
	for _, name := range []string{"overview", "subnets", "leases", "pairs", "drops", "explain", "whatif", "trouble", "login"} {
		p.views[name] = template.Must(template.New("frame.html").Funcs(p.functions()).
			ParseFS(files, "html/frame.html", "html/parts.html", "html/"+name+".html"))
	}
	return p
}

// view gathers what one page shows.
type view func(p *Page, r *http.Request, s *sight) error

// sight is what a template is given.
type sight struct {
	Title, View, Release string
	Now                  time.Time
	Families             []Family
	Surveys              []*survey
	Hooks                []events.HookState
	Query                string // what was asked for
	Found                []found
	Trouble              string
	Live                 bool // the script looks again by itself
	Refresh              int  // seconds, for browsers without scripts; 0 = never
	Who                  visitor
	Notice               *notice // what came of the last change
	Next                 string  // where a login leads
	WhatIf               *whatIf
}

// May says whether the visitor may have a command carried out.
func (s *sight) May(command string) bool {
	role, ok := s.Who.page.o.Demands(command)
	return ok && s.Who.session != nil && s.Who.Role >= role && s.Who.page.o.Act != nil
}

// Register adds the page to mux.
func (p *Page) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.serve("overview", "Overview", 10, (*Page).overview))
	mux.HandleFunc("GET /subnets", p.serve("subnets", "Subnets and pools", 30, (*Page).subnets))
	mux.HandleFunc("GET /pairs", p.serve("pairs", "High availability", 5, (*Page).pairs))
	mux.HandleFunc("GET /drops", p.serve("drops", "Without an answer", 0, (*Page).drops))
	mux.HandleFunc("GET /leases", p.serve("leases", "Leases", 0, (*Page).leases))
	mux.HandleFunc("GET /explain", p.serve("explain", "Explain", 0, (*Page).explain))
	mux.HandleFunc("GET /what-if", p.serve("whatif", "What if", 0, (*Page).whatIf))
	mux.HandleFunc("GET /login", p.serve("login", "Sign in", 0, func(p *Page, r *http.Request, s *sight) error {
		s.Next = local(r.URL.Query().Get("next"))
		return nil
	}))
	mux.HandleFunc("POST /login", p.logIn)
	mux.HandleFunc("POST /logout", p.logOut)
	mux.HandleFunc("POST /change", p.change)
	mux.HandleFunc("GET /live", p.serveLive)
	for _, name := range []string{"style.css", "live.js", "icon.svg"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, files, "html/"+name)
		})
	}
}

// secure tells the browser to run nothing but our script, load nothing from
// elsewhere and be framed by nobody.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

func (p *Page) serve(name, title string, refresh int, gather view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := p.sight(r, name, title)
		s.Refresh, s.Live = refresh, refresh > 0
		s.Query = strings.TrimSpace(r.URL.Query().Get("q"))
		code := http.StatusOK
		if len(s.Query) > maxQuery {
			code, s.Trouble = http.StatusRequestURITooLong, "That is too long to be the name of a client."
			s.Query = ""
		} else if err := gather(p, r, s); err != nil {
			code, s.Trouble = http.StatusServiceUnavailable, err.Error()
		}
		p.show(w, name, code, s)
	}
}

func (p *Page) sight(r *http.Request, name, title string) *sight {
	s := &sight{Title: title, View: name, Release: p.o.Release, Now: p.o.Now(), Families: p.o.Families(), Who: visitorOf(r)}
	s.Who.page = p
	if s.Who.session != nil {
		s.Notice = p.sessions.take(s.Who.session)
	}
	return s
}

// show writes a view, or why there is none.
func (p *Page) show(w http.ResponseWriter, name string, code int, s *sight) {
	t := p.views[name]
	if s.Trouble != "" && name != "login" {
		t, s.Refresh = p.views["trouble"], 0
	}
	var b bytes.Buffer
	if err := t.Execute(&b, s); err != nil {
		http.Error(w, "show the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	secure(w.Header())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = b.WriteTo(w)
}

// answer asks every family and decodes what comes into a new T each.
func answer[T any](ctx context.Context, p *Page, s *sight, command string, arguments any) ([]*T, error) {
	var all []*T
	for _, f := range s.Families {
		raw, err := p.o.Ask(ctx, f.Version, command, arguments)
		if err != nil {
			return nil, fmt.Errorf("ask DHCPv%d for %s: %w", f.Version, command, err)
		}
		x := new(T)
		if len(raw) > 0 {
			if err := decode(raw, x); err != nil {
				return nil, fmt.Errorf("read the answer to %s: %w", command, err)
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// survey asks every family how it stands.
func (p *Page) survey(r *http.Request, s *sight) (err error) {
	s.Surveys, err = answer[survey](r.Context(), p, s, "leasehold-survey", nil)
	for i, x := range s.Surveys {
		x.Version = s.Families[i].Version
		x.page = p
	}
	return err
}

func (p *Page) overview(r *http.Request, s *sight) error {
	if p.o.Hooks != nil {
		s.Hooks = p.o.Hooks()
	}
	return p.survey(r, s)
}

func (p *Page) subnets(r *http.Request, s *sight) error { return p.survey(r, s) }

// partnerTime is how long a page waits for the partner's view.
const partnerTime = 1500 * time.Millisecond

func (p *Page) pairs(r *http.Request, s *sight) error {
	if err := p.survey(r, s); err != nil {
		return err
	}
	if p.o.Partner == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.Context(), partnerTime)
	defer cancel()
	for _, x := range s.Surveys {
		for i := range x.Pairs {
			if x.Pairs[i].Partner != "" {
				x.Pairs[i].askPartner(ctx, p, x.Version)
			}
		}
	}
	return nil
}

func (p *Page) drops(r *http.Request, s *sight) error {
	if err := p.survey(r, s); err != nil {
		return err
	}
	return p.find(r, s, "leasehold-explain", map[string]any{"dropped": true, "limit": 50})
}

func (p *Page) explain(r *http.Request, s *sight) error {
	arguments := map[string]any{"limit": 30}
	if s.Query != "" {
		arguments["client"] = s.Query
	}
	if err := p.find(r, s, "leasehold-explain", arguments); err != nil || s.Query == "" {
		return err
	}
	held, err := answer[found](r.Context(), p, s, "leasehold-leases", map[string]any{"client": s.Query})
	for i, x := range held {
		s.Found[i].Leases = x.Leases
		s.Found[i].adopt(p)
	}
	return err
}

// leasePage is how many leases are listed.
const leasePage = 50

func (p *Page) leases(r *http.Request, s *sight) error {
	if s.Query != "" {
		return p.find(r, s, "leasehold-leases", map[string]any{"client": s.Query})
	}
	for _, f := range s.Families {
		arguments := map[string]any{"limit": leasePage}
		if from := r.URL.Query().Get(fmt.Sprintf("from%d", f.Version)); from != "" && len(from) <= 60 {
			arguments["from"] = from
		}
		raw, err := p.o.Ask(r.Context(), f.Version, "leasehold-leases", arguments)
		if err != nil {
			return err
		}
		x := found{}
		if len(raw) > 0 {
			if err := decode(raw, &x); err != nil {
				return fmt.Errorf("read leases: %w", err)
			}
		}
		x.Version, x.From = f.Version, arguments["from"] != nil
		x.adopt(p)
		s.Found = append(s.Found, x)
	}
	return nil
}

func (p *Page) find(r *http.Request, s *sight, command string, arguments any) error {
	all, err := answer[found](r.Context(), p, s, command, arguments)
	for i, x := range all {
		x.Version = s.Families[i].Version
		x.adopt(p)
		s.Found = append(s.Found, *x)
	}
	return err
}

// errNoFamily is the answer to a change of what is not served.
var errNoFamily = errors.New("that family is not served")
