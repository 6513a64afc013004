package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// leasehold reads the keys that only this server has.
func (r *reader) leasehold(v *Value, t *trail) {
	l := &r.f.Leasehold
	l.Records = v.number32("explain-records", 4096)
	l.InstallPDRoutes = v.flag("install-pd-routes", false)
	if e := v.Get("events"); e != nil {
		l.Events = e.number32("keep", defaultEvents)
	}
	for i, e := range elements(v.Get("webhooks")) {
		if w, ok := r.webhook(e, t.key("webhooks").at(i)); ok {
			l.Webhooks = append(l.Webhooks, w)
		}
	}
	if len(l.Webhooks) > 0 && l.Events == 0 {
		l.Events = defaultEvents
	}
	if http := v.Get("http"); http != nil {
		r.http(http, t.key("http"))
	}
}

const defaultEvents = 16384

// http reads where the page is served, and to whom.
func (r *reader) http(v *Value, t *trail) {
	l := &r.f.Leasehold
	text := v.textOr("address", "127.0.0.1")
	a, err := netip.ParseAddr(text)
	if err != nil {
		r.bad("http-address", v.posOf("address"), t.key("address"), fmt.Sprintf("%q is no address", text), "write it like 127.0.0.1 or ::1")
		return
	}
	l.HTTP = netip.AddrPortFrom(a, uint16(v.number("port", 9547)))
	l.TLS = TLSFiles{Cert: v.text("cert-file"), Key: v.text("key-file")}
	if (l.TLS.Cert == "") != (l.TLS.Key == "") {
		r.bad("tls", v.Pos, t, "cert-file and key-file: both or none must be set", "")
	}
	if auth := r.authentication(v.Get("authentication"), t.key("authentication")); auth != nil {
		l.Users = auth.Clients
	}
	switch {
	case a.IsLoopback():
	case len(l.Users) == 0:
		r.warn("http-exposed", v.posOf("address"), t.key("address"),
			"the page and the metrics have no login: everybody who reaches "+text+" sees leases and clients",
			"add users under authentication, or serve on 127.0.0.1 behind a proxy with a login")
	case !l.TLS.On():
		r.warn("http-plain", v.posOf("address"), t.key("address"),
			"passwords and leases cross the network unencrypted", "set cert-file and key-file, or serve on 127.0.0.1 behind a proxy with TLS")
	}
}

// minSecret is the shortest secret of a webhook: 128 bits in base64 are longer.
const minSecret = 16

func (r *reader) webhook(v *Value, t *trail) (w Webhook, ok bool) {
	w = Webhook{URL: v.text("url"), Secret: v.text("secret"), TrustAnchor: v.text("trust-anchor")}
	u, err := url.Parse(w.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		r.bad("webhook-url", v.posOf("url"), t.key("url"), fmt.Sprintf("%q is no http or https address", w.URL), "write it like https://host/path")
		return w, false
	}
	file := v.Get("secret-file")
	if w.Secret != "" && file != nil {
		r.bad("webhook-secret", file.Pos, t.key("secret-file"), "secret and secret-file are mutually exclusive", "")
		return w, false
	}
	if !r.secret(file, "", t, &w.Secret) {
		return w, false
	}
	if len(w.Secret) < minSecret {
		r.bad("webhook-secret", v.Pos, t, fmt.Sprintf("the secret has %d characters, at least %d are needed", len(w.Secret), minSecret),
			"make one: openssl rand -base64 24")
		return w, false
	}
	for i, e := range elements(v.Get("types")) {
		if !slices.Contains(EventTypes, e.Str) {
			r.bad("webhook-type", e.Pos, t.key("types").at(i), fmt.Sprintf("unknown type of event %q", e.Str), "admitted: "+strings.Join(EventTypes, ", "))
			return w, false
		}
		w.Types = append(w.Types, e.Str)
	}
	return w, true
}
