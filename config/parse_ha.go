package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// States of the high availability machine that state-machine may name.
var haStates = []string{"backup", "communication-recovery", "hot-standby", "load-balancing", "in-maintenance", "partner-down",
	"partner-in-maintenance", "passive-backup", "ready", "syncing", "terminated", "waiting"}

var haModes = []string{"load-balancing", "hot-standby", "passive-backup"}
var haRoles = []string{"primary", "secondary", "standby", "backup"}

// haReader reads the parameters of libdhcp_ha. Kea ignores unknown keys there,
// so that a newer text starts an older server; misspelt ones are warned about.
type haReader struct {
	*reader
}

var relationshipKeys = []string{"this-server-name", "mode", "send-lease-updates", "sync-leases", "sync-timeout", "sync-page-limit", "delayed-updates-limit",
	"heartbeat-delay", "max-response-delay", "max-ack-delay", "max-unacked-clients", "max-rejected-lease-updates", "wait-backup-ack", "multi-threading",
	"trust-anchor", "cert-file", "key-file", "require-client-certs", "restrict-commands", "state-machine", "peers", "user-context", "comment"}

var peerKeys = []string{"name", "url", "role", "auto-failover", "basic-auth-user", "basic-auth-password", "basic-auth-user-file", "basic-auth-password-file",
	"trust-anchor", "cert-file", "key-file", "user-context", "comment"}

var threadKeys = []string{"enable-multi-threading", "http-dedicated-listener", "http-listener-threads", "http-client-threads", "user-context", "comment"}

// unknown warns about keys that nobody reads.
func (h haReader) unknown(v *Value, known []string, t *trail) {
	if v == nil {
		return
	}
	for i := range v.Members {
		m := &v.Members[i]
		if slices.Contains(known, m.Key) {
			continue
		}
		cure := ""
		if near := nearest(m.Key, slices.Values(known)); near != "" {
			cure = fmt.Sprintf("did you mean %q?", near)
		}
		h.warn("ha-unknown-key", m.Pos, t, fmt.Sprintf("%q is no parameter of high availability, Kea ignores it", m.Key), cure)
	}
}

// highAvailability reads the list of relationships.
func (r *reader) highAvailability(params, hook *Value, t *trail) {
	h := haReader{r}
	if params == nil || params.Get("high-availability") == nil {
		r.bad("ha-missing", hook.Pos, t, "missing parameter 'high-availability'", "describe the pair, or remove libdhcp_ha.so")
		return
	}
	list := params.Get("high-availability")
	t = t.key("high-availability")
	if list.Kind != List {
		r.bad("ha-type", list.Pos, t, "HA configuration must be a list", "")
		return
	}
	if len(list.List) == 0 {
		r.bad("ha-missing", list.Pos, t, "the list of relationships is empty", "")
	}
	owner := make(map[string]Pos)
	listeners := make(map[string]bool)
	for i, v := range list.List {
		at := t.at(i)
		if v.Kind != Map {
			r.bad("ha-type", v.Pos, at, "a relationship must be a map", "")
			continue
		}
		before := len(r.ps.errors())
		rel := h.relationship(v, i, at)
		if len(list.List) > 1 && rel.Mode != "hot-standby" {
			r.bad("ha-relationships", v.posOf("mode"), at, "several relationships must all be hot-standby", "")
		}
		for _, p := range rel.Peers {
			if first, twice := owner[p.Name]; twice {
				r.bad("ha-peer-name", p.Pos, at, fmt.Sprintf("peer '%s' is in two relationships", p.Name), "the first is at "+first.String())
			}
			owner[p.Name] = p.Pos
		}
		if this := rel.This(); this != nil && rel.Listener {
			if listeners[this.URL] {
				r.bad("ha-url", this.Pos, at, fmt.Sprintf("two relationships listen on %s", this.URL), "give each an own port")
			}
			listeners[this.URL] = true
		}
		if len(r.ps.errors()) == before {
			r.f.Relationships = append(r.f.Relationships, rel)
		}
	}
}

func (h haReader) relationship(v *Value, index int, t *trail) *Relationship {
	rel := &Relationship{Index: index, Pos: v.Pos}
	h.unknown(v, relationshipKeys, t)
	rel.ThisServer = strings.TrimSpace(h.required(v, "this-server-name", t))
	rel.Mode = h.word(v, "mode", haModes, t)
	rel.SendUpdates = h.flag(v, "send-lease-updates", true, t)
	rel.SyncLeases = h.flag(v, "sync-leases", true, t)
	rel.SyncTimeout = h.milliseconds(v, "sync-timeout", 60000, t)
	rel.SyncPageLimit = h.number(v, "sync-page-limit", 10000, t)
	delayed := uint32(0)
	if rel.Mode == "load-balancing" {
		delayed = 100
	}
	rel.DelayedUpdates = h.number(v, "delayed-updates-limit", delayed, t)
	rel.HeartbeatDelay = h.milliseconds(v, "heartbeat-delay", 10000, t)
	rel.MaxResponse = h.milliseconds(v, "max-response-delay", 60000, t)
	rel.MaxAck = h.milliseconds(v, "max-ack-delay", 10000, t)
	rel.MaxUnacked = h.number(v, "max-unacked-clients", 10, t)
	rel.MaxRejected = h.number(v, "max-rejected-lease-updates", 10, t)
	rel.WaitBackupAck = h.flag(v, "wait-backup-ack", false, t)
	rel.RequireClientCerts = h.flag(v, "require-client-certs", true, t)
	rel.RestrictCommands = h.flag(v, "restrict-commands", !olderStyle(h.top), t)
	if rel.SyncPageLimit == 0 {
		h.bad("ha-page-limit", v.posOf("sync-page-limit"), t, "sync-page-limit 0 makes every synchronization fail", "set at least 1")
	}
	h.threads(rel, v, t)
	h.pauses(rel, v, t)
	sound := len(h.ps)
	h.peers(rel, v, t)
	if len(h.ps[sound:].errors()) == 0 { // a peer that is wrong itself would only be missed here
		h.checkMode(rel, v, t)
	}
	return rel
}

// threads: Kea falls back to no HA threads while its core has none. We do so
// only where the text says that it has none: a pair that asks for a listener
// would wait for each other in vain.
func (h haReader) threads(rel *Relationship, v *Value, t *trail) {
	m := h.submap(v, "multi-threading", t)
	t = t.key("multi-threading")
	h.unknown(m, threadKeys, t)
	threads := !olderStyle(h.top)
	rel.MultiThreading = h.flag(m, "enable-multi-threading", threads, t)
	rel.Listener = h.flag(m, "http-dedicated-listener", threads, t)
	rel.ListenerThreads = h.number(m, "http-listener-threads", 0, t)
	rel.ClientThreads = h.number(m, "http-client-threads", 0, t)
	if rel.MultiThreading && !h.f.MultiThreading.Enabled && h.top.Get("multi-threading") != nil {
		rel.MultiThreading = false
		if m != nil {
			h.warn("ha-threads", m.Pos, t, "high availability threads are off while multi-threading of the server is", "")
		}
	}
	if !rel.MultiThreading {
		rel.Listener = false
	}
}

func (h haReader) pauses(rel *Relationship, v *Value, t *trail) {
	machine := h.submap(v, "state-machine", t)
	if machine == nil {
		return
	}
	t = t.key("state-machine").key("states")
	states := machine.Get("states")
	if states == nil || states.Kind != List {
		h.bad("ha-states", machine.Pos, t, "'states' must be a list", "")
		return
	}
	rel.Pauses = make(map[string]string)
	for i, e := range states.List {
		if e.Kind != Map {
			h.bad("ha-states", e.Pos, t.at(i), "a state must be a map", "")
			continue
		}
		state := strings.ToLower(h.required(e, "state", t.at(i)))
		if state != "" && !slices.Contains(haStates, state) {
			h.bad("ha-states", e.posOf("state"), t.at(i), "unknown state "+state, "known: "+strings.Join(haStates, ", "))
		}
		if _, twice := rel.Pauses[state]; twice {
			h.bad("ha-states", e.posOf("state"), t.at(i), fmt.Sprintf("duplicated configuration for the '%s' state", state), "")
		}
		rel.Pauses[state] = h.word(e, "pause", []string{"never", "once", "always"}, t.at(i))
	}
}

func (h haReader) peers(rel *Relationship, v *Value, t *trail) {
	list := v.Get("peers")
	t = t.key("peers")
	switch {
	case list == nil:
		h.bad("ha-peers", v.Pos, t, "'peers' parameter missing in HA configuration", "")
		return
	case list.Kind != List:
		h.bad("ha-peers", list.Pos, t, "'peers' parameter must be a list", "")
		return
	}
	for i, e := range list.List {
		if e.Kind != Map {
			h.bad("ha-peers", e.Pos, t.at(i), "a peer must be a map", "")
			continue
		}
		p := h.peer(e, v, t.at(i))
		if rel.Peer(p.Name) != nil && p.Name != "" {
			h.bad("ha-peer-name", e.posOf("name"), t.at(i), fmt.Sprintf("peer with name '%s' already specified", p.Name), "")
			continue
		}
		rel.Peers = append(rel.Peers, p)
	}
	slices.SortStableFunc(rel.Peers, func(a, b Peer) int {
		if d := slices.Index(haRoles, a.Role) - slices.Index(haRoles, b.Role); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	switch {
	case v.Get("this-server-name") == nil:
	case rel.ThisServer == "":
		h.bad("ha-this", v.posOf("this-server-name"), t, "'this-server-name' value must not be empty", "")
	case rel.This() == nil:
		h.bad("ha-this", v.posOf("this-server-name"), t, fmt.Sprintf("no peer configuration specified for the '%s'", rel.ThisServer), "name one of the peers")
	}
}

func (h haReader) peer(v, up *Value, t *trail) Peer {
	p := Peer{Name: strings.TrimSpace(h.required(v, "name", t)), Role: h.word(v, "role", haRoles, t), URL: h.required(v, "url", t),
		AutoFailover: h.flag(v, "auto-failover", true, t), Pos: v.Pos}
	h.unknown(v, peerKeys, t)
	if v.Get("name") != nil && p.Name == "" {
		h.bad("ha-peer-name", v.posOf("name"), t, "peer name must not be empty", "")
	}
	file := func(key string) string {
		if e := v.Get(key); e != nil {
			return h.text(v, key, t)
		}
		return h.text(up, key, t)
	}
	p.TLS = TLSFiles{file("trust-anchor"), file("cert-file"), file("key-file")}
	given := 0
	for _, s := range []string{p.TLS.TrustAnchor, p.TLS.Cert, p.TLS.Key} {
		if s != "" {
			given++
		}
	}
	if given != 0 && given != 3 {
		h.bad("ha-tls", v.Pos, t, fmt.Sprintf("bad TLS config for server %s: all or none of TLS parameters must be set", p.Name), "set trust-anchor, cert-file and key-file")
	}
	h.checkURL(&p, v, t)
	h.basicAuth(&p, v, t)
	return p
}

// checkURL: a host name would need a resolver while a pair is forming.
func (h haReader) checkURL(p *Peer, v *Value, t *trail) {
	if p.URL == "" {
		return
	}
	pos := v.posOf("url")
	t = t.key("url")
	if !strings.HasPrefix(p.URL, "http://") && !strings.HasPrefix(p.URL, "https://") {
		h.bad("ha-url", pos, t, fmt.Sprintf("invalid URL: url %s lacks http or https scheme for server %s", p.URL, p.Name), "write http://address:port/")
		return
	}
	u, err := url.Parse(p.URL)
	if err != nil {
		h.bad("ha-url", pos, t, fmt.Sprintf("bad url '%s' for server %s: %v", p.URL, p.Name, err), "")
		return
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err != nil {
		h.bad("ha-url", pos, t, fmt.Sprintf("bad url '%s' for server %s: the host is no IP address", p.URL, p.Name), "write the address")
	} else if _, err := net.LookupPort("tcp", u.Port()); err != nil && u.Port() != "" {
		h.bad("ha-url", pos, t, fmt.Sprintf("bad url '%s' for server %s: %q is no port", p.URL, p.Name, u.Port()), "")
	} else if u.Port() == "" {
		h.warn("ha-url", pos, t, fmt.Sprintf("url '%s' has no port", p.URL), "give one: Kea takes the missing port as 0")
	}
	if u.Scheme == "https" && !p.TLS.On() {
		h.bad("ha-url", pos, t, fmt.Sprintf("bad url '%s': https scheme is not supported for server %s where TLS is disabled", p.URL, p.Name), "set trust-anchor, cert-file and key-file")
	}
}

func (h haReader) basicAuth(p *Peer, v *Value, t *trail) {
	secret := func(key string) string {
		file := v.Get(key + "-file")
		if file == nil {
			return h.text(v, key, t)
		}
		if v.Get(key) != nil {
			h.bad("ha-credential", file.Pos, t, fmt.Sprintf("only one of %s and %s-file parameter can be configured in peer '%s'", key, key, p.Name), "")
			return ""
		}
		var s string
		if file.Kind == String {
			h.secret(file, "", t, &s)
		}
		return s
	}
	p.User = secret("basic-auth-user")
	p.Password = secret("basic-auth-password")
	if strings.Contains(p.User, ":") {
		h.bad("ha-credential", v.posOf("basic-auth-user"), t, fmt.Sprintf("user '%s' must not contain a ':' in peer '%s'", p.User, p.Name), "")
	}
	if p.User == "" {
		p.Password = ""
	}
}

// checkMode: which roles a mode needs and which it forbids.
func (h haReader) checkMode(rel *Relationship, v *Value, t *trail) {
	count := make(map[string]int)
	for _, p := range rel.Peers {
		count[p.Role]++
	}
	fail := func(format string, args ...any) { h.bad("ha-mode", v.Pos, t, fmt.Sprintf(format, args...), "") }
	for _, role := range haRoles[:3] {
		if count[role] > 1 {
			fail("multiple %s servers specified", role)
		}
	}
	var need, forbidden []string
	switch rel.Mode {
	case "load-balancing":
		need, forbidden = []string{"primary", "secondary"}, []string{"standby"}
	case "hot-standby":
		need, forbidden = []string{"primary", "standby"}, []string{"secondary"}
	case "passive-backup":
		need, forbidden = []string{"primary"}, []string{"secondary", "standby"}
	default:
		return
	}
	mode := strings.ReplaceAll(rel.Mode, "-", " ")
	for _, role := range need {
		if count[role] == 0 {
			fail("%s server required in the %s configuration", role, mode)
		}
	}
	for _, role := range forbidden {
		if count[role] > 0 {
			fail("%s servers not allowed in the %s configuration", role, mode)
		}
	}
	if rel.WaitBackupAck && rel.Mode != "passive-backup" {
		fail("'wait-backup-ack' must be set to false in the %s configuration", mode)
	}
	if rel.DelayedUpdates > 0 && rel.Mode != "load-balancing" {
		fail("'delayed-updates-limit' must be set to 0 in the %s configuration", mode)
	}
}

// The members of hook parameters are not in the key table: their types are
// checked where they are read.

func (h haReader) member(v *Value, key string, kind Kind, t *trail) *Value {
	e := v.Get(key)
	if e == nil {
		return nil
	}
	if e.Kind != kind {
		h.bad("ha-type", e.Pos, t.key(key), fmt.Sprintf("invalid type specified for parameter '%s': %s where %s is expected", key, kindNames[e.Kind], kindNames[kind]), typeCure(e, kind))
		return nil
	}
	return e
}

func (h haReader) submap(v *Value, key string, t *trail) *Value {
	return h.member(v, key, Map, t)
}

func (h haReader) text(v *Value, key string, t *trail) string {
	if e := h.member(v, key, String, t); e != nil {
		return e.Str
	}
	return ""
}

func (h haReader) required(v *Value, key string, t *trail) string {
	if v.Get(key) == nil {
		h.bad("ha-missing", v.Pos, t, fmt.Sprintf("missing parameter '%s'", key), "")
	}
	return h.text(v, key, t)
}

func (h haReader) word(v *Value, key string, words []string, t *trail) string {
	s := h.required(v, key, t)
	if e := v.Get(key); e != nil && e.Kind == String && !slices.Contains(words, s) {
		h.bad("ha-word", e.Pos, t.key(key), fmt.Sprintf("unsupported value '%s' for %s parameter", s, key), "admitted: "+strings.Join(words, ", "))
	}
	return s
}

func (h haReader) flag(v *Value, key string, absent bool, t *trail) bool {
	if e := h.member(v, key, Bool, t); e != nil {
		return e.Bool
	}
	return absent
}

func (h haReader) number(v *Value, key string, absent uint32, t *trail) uint32 {
	e := h.member(v, key, Int, t)
	switch {
	case e == nil:
		return absent
	case e.Int < 0:
		h.bad("ha-range", e.Pos, t.key(key), fmt.Sprintf("'%s' must not be negative", key), "")
		return absent
	case e.Int > maxUint32:
		h.bad("ha-range", e.Pos, t.key(key), fmt.Sprintf("'%s' must not be greater than %d", key, int64(maxUint32)), "")
		return absent
	}
	return uint32(e.Int)
}

func (h haReader) milliseconds(v *Value, key string, absent uint32, t *trail) time.Duration {
	return time.Duration(h.number(v, key, absent, t)) * time.Millisecond
}
