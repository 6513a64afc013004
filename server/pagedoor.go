package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"leasehold/config"
	"leasehold/ha/link"
	"leasehold/server/control"
	"leasehold/server/events"
	"leasehold/server/message"
	"leasehold/server/metrics"
	"leasehold/server/page"
)

// newPage returns the page of the server.
func (s *Server) newPage() *page.Page {
	return page.New(page.Options{
		Ask: s.askEngine, Act: s.act, Families: s.pageFamilies, Release: s.o.Release, Now: s.o.Now,
		Users: s.users, Demands: demands, Partner: s.askPartner, Streams: s.streams,
		Hooks: s.hookStates,
		Note: func(refused bool, text string) {
			m := message.AuditPage
			if refused {
				m = message.AccessRefused
			}
			s.families()[0].log.Log(m, "%s", text)
		},
		Watched: func(n int) { s.happening.listeners.Add(int64(n)) },
	})
}

func (s *Server) hookStates() []events.HookState {
	if h := s.happening.running.Load(); h != nil {
		return h.States()
	}
	return nil
}

// readers are the figures of those who read what happens.
func (s *Server) readers() metrics.Readers {
	r := metrics.Readers{Streams: s.streams.Open(), StreamLimit: int(s.streams.Limit), Hooks: s.hookStates()}
	if log := s.happening.log.Load(); log != nil {
		r.Events, r.Last = true, log.Last()
	}
	return r
}

// users are those who may log in to the page: of every family.
func (s *Server) users() []config.Credential {
	var all []config.Credential
	for _, f := range s.families() {
		all = append(all, f.cfg.Load().Leasehold.Users...)
	}
	return all
}

// demands says which role a command demands, if there is one of that name.
func demands(name string) (control.Role, bool) {
	for _, m := range commands {
		if c, ok := m[name]; ok {
			return c.role, true
		}
	}
	return control.Change, false
}

// askEngine has the engine of a family, or a copy of it, answer a command that
// only looks, whether or not the configuration opens it to operators. It is nil
// if nothing was found.
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
		answer := f.command
		if name == "leasehold-what-if" {
			answer = func(ctx context.Context, c *control.Command) control.Answer { return whatIf(ctx, s, f, c) }
		}
		switch a := answer(ctx, c); a.Result {
		case control.Success:
			if a.Parts != nil {
				return bytes.Join(a.Parts, nil), nil
			}
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
		p := page.Family{Version: f.version, Trouble: st.Errors, File: f.cfg.Load().File}
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

// act carries out a command for somebody at the page, whether or not the
// configuration opens it to programs.
func (s *Server) act(ctx context.Context, version int, caller control.Caller, name string, args any) (string, error) {
	c := &control.Command{Name: name, Caller: caller}
	if args != nil {
		text, err := json.Marshal(args)
		if err != nil {
			return "", fmt.Errorf("encode arguments: %w", err)
		}
		if c.Arguments, _, err = config.ParseValue("arguments", text, false); err != nil {
			return "", err
		}
	}
	x, ok := commands[version][name]
	if !ok {
		return "", fmt.Errorf("there is no command %s for DHCPv%d", name, version)
	}
	if caller.Role < x.role {
		return "", fmt.Errorf("that takes the role %s", x.role)
	}
	for _, f := range s.families() {
		if f.version != version {
			continue
		}
		var a control.Answer
		if x.run != nil {
			a = x.run(ctx, s, f, c)
		} else {
			a = f.command(ctx, c)
		}
		result, text := outcome(a)
		f.log.Log(message.AuditPage, "user '%s' from %s over the page: %s %s: result %d", caller.User, caller.Addr, name, argumentsText(c), result)
		if result != control.Success {
			return "", errors.New(text)
		}
		return text, nil
	}
	return "", fmt.Errorf("DHCPv%d is not configured", version)
}

// outcome reads result and text of an answer, whoever made it.
func outcome(a control.Answer) (result int, text string) {
	if a.Raw == nil {
		return a.Result, a.Text
	}
	var x struct {
		Result int
		Text   string
	}
	if err := json.Unmarshal(a.Raw, &x); err != nil {
		return control.Failure, "the answer cannot be read: " + err.Error()
	}
	return x.Result, x.Text
}

// argumentsText shows what was asked for in one line, cut to what is useful.
func argumentsText(c *control.Command) string {
	if c.Arguments == nil {
		return ""
	}
	text := c.Arguments.AppendJSON(nil)
	return string(text[:min(len(text), 300)])
}

// maxStatus bounds what a partner may say of itself.
const maxStatus = 1 << 20

// askPartner returns the partner's answer to status-get for the relationship
// of a server name.
func (s *Server) askPartner(ctx context.Context, version int, this string) (json.RawMessage, error) {
	var peer *config.Peer
	for _, f := range s.families() {
		for _, rel := range f.cfg.Load().Relationships {
			if f.version == version && rel.ThisServer == this {
				peer = rel.Partner()
			}
		}
	}
	if peer == nil {
		return nil, errors.New("there is no partner")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	target := peer.URL
	if peer.TLS.On() {
		// TLS is on whatever the scheme says.
		target = "https" + strings.TrimPrefix(strings.TrimPrefix(target, "https"), "http")
		settings, err := link.ClientTLS(peer.TLS)
		if err != nil {
			return nil, fmt.Errorf("ask %s: %w", peer.Name, err)
		}
		client.Transport.(*http.Transport).TLSClientConfig = settings
	}
	body := fmt.Sprintf(`{ "command": "status-get", "service": [ "dhcp%d" ] }`, version)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", peer.Name, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if peer.User != "" {
		r.SetBasicAuth(peer.User, peer.Password)
	}
	resp, err := client.Do(r)
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", peer.Name, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxStatus))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", peer.Name, err)
	}
	var answers []struct {
		Result    int
		Text      string
		Arguments json.RawMessage
	}
	switch err := json.Unmarshal(text, &answers); {
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("ask %s: it answers %s", peer.Name, resp.Status)
	case err != nil || len(answers) == 0:
		return nil, fmt.Errorf("ask %s: its answer cannot be read", peer.Name)
	case answers[0].Result != control.Success:
		return nil, fmt.Errorf("ask %s: %s", peer.Name, answers[0].Text)
	}
	return answers[0].Arguments, nil
}
