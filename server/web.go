package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/message"
	"leasehold/server/metrics"
)

// web is the HTTP server of the page, the metrics and the health of one address.
type web struct {
	addr   netip.AddrPort
	files  config.TLSFiles
	http   *http.Server
	cancel context.CancelFunc // ends the streams
}

// Bounds of the HTTP server: it is for people and scrapers.
const (
	webHeaderTime   = 5 * time.Second
	webWriteTime    = 30 * time.Second
	webIdleTime     = 2 * time.Minute
	webHeaderBytes  = 16 << 10
	webReadingTime  = 5 * time.Second
	webShutdownTime = 2 * time.Second
	webConnections  = 1024
	webStreams      = 256
)

// openWeb makes the HTTP addresses that are served those that the families
// want, with c in place of f's configuration.
func (s *Server) openWeb(f *family, c *config.Family) error {
	wanted := map[netip.AddrPort]config.TLSFiles{}
	for _, x := range s.families() {
		l := &x.cfg.Load().Leasehold
		if x == f {
			l = &c.Leasehold
		}
		if _, twice := wanted[l.HTTP]; l.HTTP.IsValid() && (!twice || l.TLS.On()) {
			wanted[l.HTTP] = l.TLS
		}
	}
	s.webs = slices.DeleteFunc(s.webs, func(w *web) bool {
		files, ok := wanted[w.addr]
		switch {
		case !ok:
			go w.close()
			return true
		case files != w.files: // the address has to be free again
			w.close()
			return true
		}
		return false
	})
	for a, files := range wanted {
		if slices.ContainsFunc(s.webs, func(w *web) bool { return w.addr == a }) {
			continue
		}
		w, err := s.startWeb(f, a, files)
		if err != nil {
			return err
		}
		s.webs = append(s.webs, w)
	}
	return nil
}

func (s *Server) startWeb(f *family, a netip.AddrPort, files config.TLSFiles) (*web, error) {
	certificate, err := openCertificate(files)
	if err != nil {
		return nil, fmt.Errorf("serve page and metrics: %w", err)
	}
	l, err := net.Listen("tcp", a.String())
	if err != nil {
		return nil, fmt.Errorf("serve page and metrics: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &web{addr: a, files: files, cancel: cancel, http: &http.Server{
		Handler: s.webHandler(), ReadHeaderTimeout: webHeaderTime, ReadTimeout: webHeaderTime,
		WriteTimeout: webWriteTime, IdleTimeout: webIdleTime, MaxHeaderBytes: webHeaderBytes,
		BaseContext: func(net.Listener) context.Context { return ctx },
		// What handshakes and requests are broken is not worth a line of our log.
		ErrorLog: log.New(io.Discard, "", 0),
	}}
	scheme := "http"
	l = &crowded{Listener: l, places: make(chan struct{}, webConnections)}
	if files.On() {
		scheme = "https"
		l = tls.NewListener(l, certificate.config())
	}
	f.log.Log(message.WebStarted, "page and metrics on %s://%s", scheme, a)
	go func() {
		if err := w.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			f.log.Log(message.WebFail, "page and metrics on %s://%s: %v", scheme, a, err)
		}
	}()
	return w, nil
}

func (w *web) close() {
	w.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), webShutdownTime)
	defer cancel()
	if w.http.Shutdown(ctx) != nil {
		w.http.Close()
	}
}

// served says whether there is a page to look at.
func (s *Server) served() bool {
	s.changing.Lock()
	defer s.changing.Unlock()
	return len(s.webs) > 0
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
	mux.HandleFunc("GET /events", s.serveEvents)
	s.page.Register(mux)
	return s.page.Guard(mux)
}

// serveEvents answers with the stream of events.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	log := s.happening.log.Load()
	if log == nil {
		plain(w, http.StatusNotFound, "events are not kept: add \"events\": { \"keep\": 16384 } to \"leasehold\"\n")
		return
	}
	log.Serve(r.Context(), s.streams, w, r)
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
