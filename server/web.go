package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/engine"
	"leasehold/server/message"
	"leasehold/server/metrics"
	"leasehold/server/page"
)

// web is the HTTP server of the page, the metrics and the health of one address.
type web struct {
	addr netip.AddrPort
	http *http.Server
}

// Bounds of the HTTP server: it is for people and scrapers.
const (
	webHeaderTime   = 5 * time.Second
	webWriteTime    = 30 * time.Second
	webIdleTime     = 2 * time.Minute
	webHeaderBytes  = 16 << 10
	webReadingTime  = 5 * time.Second
	webShutdownTime = 2 * time.Second
)

// openWeb makes the HTTP addresses that are served those that the families
// want, with c in place of f's configuration.
func (s *Server) openWeb(f *family, c *config.Family) error {
	var wanted []netip.AddrPort
	for _, x := range s.families() {
		cfg := x.cfg.Load()
		if x == f {
			cfg = c
		}
		if a := cfg.Leasehold.HTTP; a.IsValid() && !slices.Contains(wanted, a) {
			wanted = append(wanted, a)
		}
	}
	for _, a := range wanted {
		if slices.ContainsFunc(s.webs, func(w *web) bool { return w.addr == a }) {
			continue
		}
		w, err := s.startWeb(f, a)
		if err != nil {
			return err
		}
		s.webs = append(s.webs, w)
	}
	s.webs = slices.DeleteFunc(s.webs, func(w *web) bool {
		gone := !slices.Contains(wanted, w.addr)
		if gone {
			go w.close()
		}
		return gone
	})
	return nil
}

func (s *Server) startWeb(f *family, a netip.AddrPort) (*web, error) {
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		return nil, fmt.Errorf("serve page and metrics: %w", err)
	}
	w := &web{addr: a, http: &http.Server{
		Handler: s.webHandler(), ReadHeaderTimeout: webHeaderTime, ReadTimeout: webHeaderTime,
		WriteTimeout: webWriteTime, IdleTimeout: webIdleTime, MaxHeaderBytes: webHeaderBytes,
	}}
	f.log.Log(message.WebStarted, "page and metrics on http://%s", a)
	go func() {
		if err := w.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.log.Log(message.WebFail, "page and metrics on http://%s: %v", a, err)
		}
	}()
	return w, nil
}

func (w *web) close() {
	ctx, cancel := context.WithTimeout(context.Background(), webShutdownTime)
	defer cancel()
	if w.http.Shutdown(ctx) != nil {
		w.http.Close()
	}
}

// closeWeb ends all HTTP serving.
func (s *Server) closeWeb() {
	s.changing.Lock()
	webs := s.webs
	s.webs = nil
	s.changing.Unlock()
	for _, w := range webs {
		w.close()
	}
}

func (s *Server) webHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	page.New(page.Options{Ask: s.askEngine, Families: s.pageFamilies, Release: s.o.Release, Now: s.o.Now}).Register(mux)
	return mux
}

// askEngine has the engine of a family answer a command that only looks,
// whether or not the configuration opens it to operators. It is nil if nothing
// was found.
func (s *Server) askEngine(ctx context.Context, version int, name string, args any) (json.RawMessage, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("encode arguments: %w", err)
	}
	c := &control.Command{Name: name}
	if args != nil {
		if c.Arguments, _, err = config.ParseValue("arguments", text, false); err != nil {
			return nil, err
		}
	}
	for _, f := range s.families() {
		if f.version != version {
			continue
		}
		switch a := f.command(ctx, c); a.Result {
		case control.Success:
			return a.Arguments, nil
		case control.Empty:
			return nil, nil
		default:
			return nil, errors.New(a.Text)
		}
	}
	return nil, fmt.Errorf("DHCPv%d is not configured", version)
}

// pageFamilies is what the page is told of the sockets.
func (s *Server) pageFamilies() []page.Family {
	ctx, cancel := context.WithTimeout(context.Background(), webReadingTime)
	defer cancel()
	var all []page.Family
	for _, f := range s.families() {
		st := f.sockets.Status()
		p := page.Family{Version: f.version, Trouble: st.Errors}
		if text := f.broken.Load(); text != nil {
			p.Broken = *text
		}
		for _, v := range st.Serving {
			p.Sockets = append(p.Sockets, v.String())
		}
		if x, err := f.survey(ctx); err != nil {
			p.Unready = err.Error()
		} else {
			p.Unready = f.unready(x)
		}
		all = append(all, p)
	}
	return all
}

// survey returns the figures of a family's engine.
func (f *family) survey(ctx context.Context) (*engine.Survey, error) {
	a, err := f.await(ctx, func(id uint64) engine.Input { return engine.TakeSurvey{ID: id} })
	return a.Survey, err
}

// reading is what the metrics show of a family; nil if its engine is stuck.
func (f *family) reading() *metrics.Reading {
	ctx, cancel := context.WithTimeout(context.Background(), webReadingTime)
	defer cancel()
	x, err := f.survey(ctx)
	if err != nil {
		return nil
	}
	return &metrics.Reading{
		Survey: x, Ready: f.unready(x) == "", Sockets: len(f.sockets.Status().Serving),
		Lost: f.sockets.Lost(), Rejected: f.sockets.Rejected(),
	}
}

// unready says why a family cannot serve clients; "" if it does, or if it
// stands by for a partner that it sees.
func (f *family) unready(x *engine.Survey) string {
	if len(f.sockets.Status().Serving) == 0 {
		return "no socket is open"
	}
	if x.Unstored > 0 {
		return fmt.Sprintf("the disk refused %d lease changes", x.Unstored)
	}
	if x.Serving {
		return ""
	}
	for i := range x.Pairs {
		if x.Pairs[i].Seen() {
			return ""
		}
	}
	return "the service is disabled"
}

// healthz answers 200 as long as every engine takes a step.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	if err := s.Beat(r.Context()); err != nil {
		plain(w, http.StatusServiceUnavailable, err.Error())
		return
	}
	plain(w, http.StatusOK, "ok")
}

// readyz answers 200 if every family can serve clients.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	code, text := http.StatusOK, ""
	for _, f := range s.families() {
		why := ""
		x, err := f.survey(r.Context())
		if err == nil {
			why = f.unready(x)
		} else {
			why = err.Error()
		}
		if why == "" {
			why = "ready"
		} else {
			code = http.StatusServiceUnavailable
		}
		text += fmt.Sprintf("dhcp%d: %s\n", f.version, why)
		if broken := f.broken.Load(); broken != nil {
			text += fmt.Sprintf("dhcp%d: %s\n", f.version, *broken)
		}
	}
	plain(w, code, text)
}

func plain(w http.ResponseWriter, code int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text)
}

// Beat has every engine take a step and returns when all have: a process whose
// engines answer is alive.
func (s *Server) Beat(ctx context.Context) error {
	for _, f := range s.families() {
		if _, err := f.await(ctx, func(id uint64) engine.Input { return engine.Beat{ID: id} }); err != nil {
			return fmt.Errorf("DHCPv%d: %w", f.version, err)
		}
	}
	return nil
}

// Ready is closed once every family has tried to open its sockets and the
// control sockets are open. Where a configured interface is missing the server
// goes on without it.
func (s *Server) Ready() <-chan struct{} { return s.ready }
