package config

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
)

func (r *reader) controlSockets(v *Value, top *trail) {
	if one := v.Get("control-socket"); one != nil {
		r.controlSocket(one, top.key("control-socket"))
		return
	}
	t := top.key("control-sockets")
	unix := 0
	for i, e := range elements(v.Get("control-sockets")) {
		r.controlSocket(e, t.at(i))
		if e.text("socket-type") == "unix" {
			if unix++; unix == 2 {
				r.bad("control-socket", e.Pos, t.at(i), "more than one unix control socket", "keep one of them")
			}
		}
	}
}

func (r *reader) controlSocket(v *Value, t *trail) {
	s := ControlSocket{Type: v.text("socket-type"), Path: v.text("socket-name"), CertRequired: v.flag("cert-required", true)}
	foreign := []string{"socket-address", "socket-port", "authentication", "trust-anchor", "cert-file", "key-file", "http-headers"}
	switch s.Type {
	case "unix":
		if s.Path == "" {
			r.bad("control-socket", v.Pos, t, "a unix control socket needs a socket-name", "")
		}
		r.confine(r.opts.Dirs.Socket, v.Get("socket-name"), t.key("socket-name"), "'socket-name' is invalid: %v")
	case "http", "https":
		foreign = []string{"socket-name"}
		s.Addr = netip.AddrPortFrom(r.addr(v, "socket-address", "127.0.0.1", t), uint16(v.number("socket-port", 8000)))
		s.TLS = r.tls(v, t)
		s.Auth = r.authentication(v.Get("authentication"), t.key("authentication"))
		for _, e := range elements(v.Get("http-headers")) {
			s.Headers = append(s.Headers, Header{e.text("name"), e.text("value")})
		}
		if s.Type == "https" && !s.TLS.On() {
			r.bad("control-socket", v.Pos, t, "an https control socket needs trust-anchor, cert-file and key-file", "")
		}
		if s.Auth == nil {
			r.warn("no-authentication", v.Pos, t, "everyone who reaches this control socket may command the server", "add authentication")
		}
	default: // reported by the walk
		return
	}
	for _, key := range foreign {
		if e := v.Get(key); e != nil {
			r.bad("control-socket", e.Pos, t.key(key), fmt.Sprintf("%s is no parameter of a %s control socket", key, s.Type), "remove it")
		}
	}
	r.f.ControlSockets = append(r.f.ControlSockets, s)
}

// tls reads the three files: all or none.
func (r *reader) tls(v *Value, t *trail) TLSFiles {
	f := TLSFiles{v.text("trust-anchor"), v.text("cert-file"), v.text("key-file")}
	given := 0
	for _, s := range []string{f.TrustAnchor, f.Cert, f.Key} {
		if s != "" {
			given++
		}
	}
	if given != 0 && given != 3 {
		r.bad("tls", v.Pos, t, "trust-anchor, cert-file and key-file: all or none must be set", "")
	}
	return f
}

func (r *reader) authentication(v *Value, t *trail) *Authentication {
	if v == nil {
		return nil
	}
	a := &Authentication{Realm: v.text("realm")}
	dir := v.text("directory")
	t = t.key("clients")
	for i, e := range elements(v.Get("clients")) {
		if c, ok := r.credential(e, dir, t.at(i)); ok {
			a.Clients = append(a.Clients, c)
		}
	}
	return a
}

func (r *reader) credential(v *Value, dir string, t *trail) (c Credential, ok bool) {
	c = Credential{Role: v.textOr("role", "change")}
	user, userFile := v.Get("user"), v.Get("user-file")
	password, passwordFile := v.Get("password"), v.Get("password-file")
	switch {
	case user != nil && userFile != nil:
		r.bad("credential", userFile.Pos, t, "user and user-file are mutually exclusive", "")
		return c, false
	case password != nil && passwordFile != nil:
		r.bad("credential", passwordFile.Pos, t, "password and password-file are mutually exclusive", "")
		return c, false
	case user == nil && userFile == nil && passwordFile == nil:
		r.bad("credential", v.Pos, t, "user is missing", "")
		return c, false
	}
	if user != nil {
		c.User = user.Str
	}
	if password != nil {
		c.Password = password.Str
	}
	if !r.secret(userFile, dir, t, &c.User) || !r.secret(passwordFile, dir, t, &c.Password) {
		return c, false
	}
	if user == nil && userFile == nil {
		var both bool
		if c.User, c.Password, both = strings.Cut(c.Password, ":"); !both {
			r.bad("credential", passwordFile.Pos, t, "a password-file without user must hold user:password", "")
			return c, false
		}
	}
	if c.User == "" || strings.Contains(c.User, ":") {
		r.bad("credential", v.Pos, t, fmt.Sprintf("user '%s' must not be empty or contain a ':'", c.User), "")
		return c, false
	}
	r.defaultPassword(v, t)
	return c, true
}

// secret reads the first line of the file that v names into dst.
func (r *reader) secret(v *Value, dir string, t *trail, dst *string) bool {
	if v == nil {
		return true
	}
	name := v.Str
	if dir != "" && !filepath.IsAbs(name) {
		name = filepath.Join(dir, name)
	}
	read := r.opts.ReadFile
	if read == nil {
		read = os.ReadFile
	}
	text, err := read(name)
	if err != nil {
		r.bad("credential-file", v.Pos, t, fmt.Sprintf("read credential: %v", err), "")
		return false
	}
	line, _, _ := strings.Cut(string(text), "\n")
	*dst = strings.TrimSuffix(line, "\r")
	return true
}
