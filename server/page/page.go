// Package page is the server's own view for the browser: what is served and what
// is not, subnets and pools, leases, high availability, queries without an answer,
// and the story of a client. It only reads, needs no script, and knows nothing but
// the answers to commands: what it shows, the command line can show, too.
//
// Names and identifiers come from the network. They reach the page through
// html/template alone, and the browser is told to run nothing.
package page

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

//go:embed html
var files embed.FS

// Ask carries out a command for a family and returns the arguments of its answer;
// nil if nothing was found.
type Ask func(ctx context.Context, version int, command string, arguments any) (json.RawMessage, error)

// Page serves the page.
type Page struct {
	ask      Ask
	release  string
	families func() []Family
	now      func() time.Time
	views    map[string]*template.Template
}

// Family is what the page is told of a family beside the answers to commands.
type Family struct {
	Version int
	Sockets []string // open ones
	Trouble []string // why others are not
	Broken  string   // what is wrong with the configuration file that is not served, "" if it is
	Unready string   // why it serves nobody; "" if it does
}

// Options are what a Page needs; all are required.
type Options struct {
	Ask      Ask
	Families func() []Family
	Release  string
	Now      func() time.Time
}

// maxQuery bounds what can be searched for.
const maxQuery = 400

// New returns a Page.
func New(o Options) *Page {
	p := &Page{ask: o.Ask, release: o.Release, families: o.Families, now: o.Now, views: map[string]*template.Template{}}
	for _, name := range []string{"overview", "subnets", "leases", "pairs", "drops", "explain", "trouble"} {
		p.views[name] = template.Must(template.New("frame.html").Funcs(p.functions()).
			ParseFS(files, "html/frame.html", "html/story.html", "html/"+name+".html"))
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
	Query                string // what was asked for
	Found                []found
	Trouble              string
	Refresh              int // seconds; 0 = never
}

// Register adds the page to mux.
func (p *Page) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", p.serve("overview", "Overview", 10, (*Page).overview))
	mux.HandleFunc("GET /subnets", p.serve("subnets", "Subnets and pools", 30, (*Page).overview))
	mux.HandleFunc("GET /pairs", p.serve("pairs", "High availability", 5, (*Page).overview))
	mux.HandleFunc("GET /drops", p.serve("drops", "Without an answer", 0, (*Page).drops))
	mux.HandleFunc("GET /leases", p.serve("leases", "Leases", 0, (*Page).leases))
	mux.HandleFunc("GET /explain", p.serve("explain", "Explain", 0, (*Page).explain))
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		w.Header().Set("Cache-Control", "max-age=3600")
		http.ServeFileFS(w, r, files, "html/style.css")
	})
}

// secure tells the browser to run nothing, load nothing from elsewhere and be
// framed by nobody.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

func (p *Page) serve(name, title string, refresh int, gather view) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := &sight{Title: title, View: name, Release: p.release, Now: p.now(), Families: p.families(), Refresh: refresh}
		s.Query = strings.TrimSpace(r.URL.Query().Get("q"))
		code := http.StatusOK
		if len(s.Query) > maxQuery {
			code, s.Trouble = http.StatusRequestURITooLong, "That is too long to be the name of a client."
			s.Query = ""
		} else if err := gather(p, r, s); err != nil {
			code, s.Trouble = http.StatusServiceUnavailable, err.Error()
		}
		t := p.views[name]
		if s.Trouble != "" {
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
}

// answer asks every family and decodes what comes into a new T each.
func answer[T any](ctx context.Context, p *Page, s *sight, command string, arguments any) ([]*T, error) {
	var all []*T
	for _, f := range s.Families {
		raw, err := p.ask(ctx, f.Version, command, arguments)
		if err != nil {
			return nil, fmt.Errorf("ask DHCPv%d for %s: %w", f.Version, command, err)
		}
		x := new(T)
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, x); err != nil {
				return nil, fmt.Errorf("read the answer to %s: %w", command, err)
			}
		}
		all = append(all, x)
	}
	return all, nil
}

func (p *Page) overview(r *http.Request, s *sight) (err error) {
	s.Surveys, err = answer[survey](r.Context(), p, s, "leasehold-survey", nil)
	return err
}

func (p *Page) drops(r *http.Request, s *sight) error {
	if err := p.overview(r, s); err != nil {
		return err
	}
	return p.find(r, s, "leasehold-explain", map[string]any{"dropped": true, "limit": 50})
}

func (p *Page) explain(r *http.Request, s *sight) error {
	arguments := map[string]any{"limit": 30}
	if s.Query != "" {
		arguments["client"] = s.Query
	}
	return p.find(r, s, "leasehold-explain", arguments)
}

// leasePage is how many leases are listed.
const leasePage = 100

func (p *Page) leases(r *http.Request, s *sight) error {
	if s.Query != "" {
		return p.find(r, s, "leasehold-explain", map[string]any{"client": s.Query, "limit": 0})
	}
	for i, f := range s.Families {
		from := r.URL.Query().Get(fmt.Sprintf("from%d", f.Version))
		if from == "" || len(from) > 60 {
			from = "start"
		}
		raw, err := p.ask(r.Context(), f.Version, fmt.Sprintf("lease%d-get-page", f.Version), map[string]any{"from": from, "limit": leasePage})
		if err != nil {
			return err
		}
		s.Found = append(s.Found, found{Version: f.Version})
		if len(raw) == 0 {
			continue
		}
		x := &s.Found[i]
		if err := json.Unmarshal(raw, x); err != nil {
			return fmt.Errorf("read leases: %w", err)
		}
		if len(x.Leases) == leasePage {
			x.Next = x.Leases[leasePage-1].Address
		}
	}
	return nil
}

func (p *Page) find(r *http.Request, s *sight, command string, arguments any) error {
	all, err := answer[found](r.Context(), p, s, command, arguments)
	for i, x := range all {
		x.Version = s.Families[i].Version
		s.Found = append(s.Found, *x)
	}
	return err
}
