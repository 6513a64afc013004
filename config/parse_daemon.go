package config

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// daemon reads what concerns the whole process of one family.
func (r *reader) daemon(v *Value, top *trail) {
	f := r.f
	r.interfaces(v.Get("interfaces-config"), top.key("interfaces-config"))
	r.leaseDB(v.Get("lease-database"), top.key("lease-database"))
	r.controlSockets(v, top)
	f.Loggers = r.loggers(v.Get("loggers"), top.key("loggers"))
	r.d2(v.Get("dhcp-ddns"), top.key("dhcp-ddns"))
	e := v.Get("expired-leases-processing")
	f.Expired = ExpiredLeases{
		ReclaimWait: e.seconds("reclaim-timer-wait-time", 10), FlushWait: e.seconds("flush-reclaimed-timer-wait-time", 25),
		HoldReclaimed: e.seconds("hold-reclaimed-time", 3600), MaxLeases: e.number32("max-reclaim-leases", 100),
		MaxTime: e.milliseconds("max-reclaim-time", 250), UnwarnedCycles: e.number32("unwarned-reclaim-cycles", 5),
	}
	e = v.Get("sanity-checks")
	f.Sanity = SanityChecks{LeaseChecks: e.textOr("lease-checks", "warn"), ExtendedInfoChecks: e.textOr("extended-info-checks", "fix")}
	e = v.Get("multi-threading")
	f.MultiThreading = MultiThreading{Enabled: e.flag("enable-multi-threading", !olderStyle(v)),
		ThreadPool: e.number32("thread-pool-size", 0), QueueSize: e.number32("packet-queue-size", 64)}
	e = v.Get("compatibility")
	f.Compat = Compatibility{LenientOptionParsing: e.flag("lenient-option-parsing", false), IgnoreServerID: e.flag("ignore-dhcp-server-identifier", false),
		IgnoreRAILinkSelection: e.flag("ignore-rai-link-selection", false), ExcludeFirstLast24: e.flag("exclude-first-last-24", false)}
	f.DeclineProbation = v.number32("decline-probation-period", 86400)
	f.ParkedPacketLimit = v.number32("parked-packet-limit", 256)
	f.EchoClientID = v.flag("echo-client-id", true)
	f.StashAgentOptions = v.flag("stash-agent-options", false)
	f.EarlyGlobalReservations = v.flag("early-global-reservations-lookup", false)
	f.ReservationsLookupFirst = v.flag("reservations-lookup-first", false)
	f.ReservationsUnique = v.flag("ip-reservations-unique", true)
	f.AllowAddressRegistration = r.version == 6 && v.flag("allow-address-registration", true)
	f.ServerTag, f.DataDirectory = v.text("server-tag"), v.text("data-directory")
	f.StatisticSampleCount = v.number32("statistic-default-sample-count", 20)
	f.StatisticSampleAge = v.seconds("statistic-default-sample-age", 0)
	f.DHCP4o6Port = uint16(v.number("dhcp4o6-port", 0))
	if f.DHCP4o6Port > 0 {
		r.warn("no-effect", v.posOf("dhcp4o6-port"), top.key("dhcp4o6-port"), "dhcp4o6-port has no effect: DHCPv4 over DHCPv6 is not served", "set 0")
	}
	f.UserContext = v.Get("user-context")
	r.leasehold(v.Get("leasehold"), top.key("leasehold"))
	r.hostIdentifiers(v.Get("host-reservation-identifiers"), top.key("host-reservation-identifiers"))
	if r.version == 6 {
		r.serverID(v.Get("server-id"), top.key("server-id"))
		r.macSources(v.Get("mac-sources"), top.key("mac-sources"))
	}
}

// olderStyle says whether a text is written for Kea 2.2: its only control
// socket is spelled in the singular, which Kea 3.3 no longer reads, and it does
// not say itself how many threads it wants. Such a text expects 2.2's defaults
// where 3.x changed them: no threads and, with them, no dedicated listener of
// high availability, so that the peers' URLs are those of control agents.
func olderStyle(v *Value) bool {
	return v.Get("control-socket") != nil && v.Get("multi-threading") == nil
}

// forKea22 says whether the text has the one key of every Kea 2.2 setup that
// newer releases spell otherwise. Two defaults differ there: young leases are
// not reused, and the preferred lifetime is fixed instead of 5/8 of the valid one.
func forKea22(v *Value) bool { return v.Get("control-socket") != nil }

func (v *Value) textOr(key, absent string) string {
	if e := v.Get(key); e != nil && e.Kind == String {
		return e.Str
	}
	return absent
}

func (r *reader) interfaces(v *Value, t *trail) {
	c := InterfacesConfig{
		UDP: v.text("dhcp-socket-type") == "udp", UseRouting: v.text("outbound-interface") == "use-routing",
		ReDetect: v.flag("re-detect", true), RequireAll: v.flag("service-sockets-require-all", false),
		MaxRetries: v.number32("service-sockets-max-retries", 0), RetryWait: v.milliseconds("service-sockets-retry-wait-time", 5000),
	}
	t = t.key("interfaces")
	seen := make(map[string]bool) // what was written, and names
	bare := make(map[string]bool) // names without an address
	for i, e := range elements(v.Get("interfaces")) {
		name, addr, hasAddr := strings.Cut(strings.TrimSpace(e.Str), "/")
		spec := InterfaceSpec{Name: name, Pos: e.Pos}
		// In DHCPv6 an address adds a unicast socket to the interface, in DHCPv4
		// it narrows the interface down.
		if seen[e.Str] || r.version == 4 && (bare[name] || !hasAddr && seen[name]) {
			r.bad("interface-twice", e.Pos, t.at(i), fmt.Sprintf("Failed to select interface: %s is listed twice", e.Str), "")
			continue
		}
		seen[e.Str], seen[name] = true, seen[name] || r.version == 4
		bare[name] = bare[name] || !hasAddr
		switch {
		case name == "":
			r.bad("interface-name", e.Pos, t.at(i), "Failed to select interface: the name is empty", "")
			continue
		case name == "*" && hasAddr:
			r.bad("interface-name", e.Pos, t.at(i), "Failed to select interface: * cannot have an address", "")
			continue
		case name == "*":
			c.All = true
			continue
		case hasAddr:
			a, err := parseAddr(addr, r.version)
			if err != nil {
				r.bad("interface-address", e.Pos, t.at(i), "Failed to select interface: "+err.Error(), "")
				continue
			}
			spec.Addr = a
		}
		r.checkInterface(e, name, t.at(i), "interface-unknown")
		c.Interfaces = append(c.Interfaces, spec)
	}
	r.f.Interfaces = c
}

func (r *reader) leaseDB(v *Value, t *trail) {
	if v.flag("persist", true) {
		r.confine(r.opts.Dirs.Data, v.Get("name"), t.key("name"), "Unable to open database: %v")
	}
	r.f.LeaseDB = LeaseDB{
		Type: v.textOr("type", "memfile"), Name: v.text("name"), Persist: v.flag("persist", true),
		LFCInterval: v.seconds("lfc-interval", 3600), MaxRowErrors: v.number32("max-row-errors", 0),
		Flush: v.text("durability") == "flush",
	}
	switch r.f.LeaseDB.Type {
	case "memfile", "sqlite":
	case "mysql", "postgresql":
		r.bad("lease-backend", v.posOf("type"), t, fmt.Sprintf("lease database type %s is not supported: %s", r.f.LeaseDB.Type, noSQL), "use memfile or sqlite")
	default:
		r.bad("lease-backend", v.posOf("type"), t, fmt.Sprintf("unknown lease database type %q", r.f.LeaseDB.Type), "use memfile or sqlite")
	}
	r.defaultPassword(v, t)
}

// Passwords of Kea's examples.
var wellKnownPasswords = []string{"1234", "keatest", "*****"}

func (r *reader) defaultPassword(v *Value, t *trail) {
	if p := v.Get("password"); p != nil && slices.Contains(wellKnownPasswords, p.Str) {
		r.warn("default-password", p.Pos, t.key("password"), "illegal use of a default value as secret: the password is one of the examples", "choose another one")
	}
}

// LoggersOf reads no more than the loggers of a text, so that what is wrong
// with the rest can be told where the operator looks. Nil if even that fails.
func LoggersOf(name string, text []byte) []Logger {
	v, _, err := ParseValue(name, text, true)
	if err != nil || v.Kind != Map || len(v.Members) == 0 {
		return nil
	}
	m := v.Members[0]
	list := m.Value.Get("loggers")
	if list == nil || list.Kind != List {
		return nil
	}
	r := &reader{version: 4, f: &Family{}}
	return r.loggers(list, &trail{name: m.Key, index: -1})
}

var severities = []string{"FATAL", "ERROR", "WARN", "INFO", "DEBUG", "NONE"}

func (r *reader) loggers(list *Value, t *trail) (out []Logger) {
	for i, v := range elements(list) {
		l := Logger{Name: v.text("name"), Severity: strings.ToUpper(v.textOr("severity", "INFO")), DebugLevel: int(v.number("debuglevel", 0))}
		if v.Get("name") != nil && l.Name == "" {
			r.bad("logger-name", v.posOf("name"), t.at(i), "the name of a logger must not be empty", "")
		}
		if !slices.Contains(severities, l.Severity) { // Kea goes on with its default
			r.warn("logger-severity", v.posOf("severity"), t.at(i), fmt.Sprintf("unknown severity %q, INFO is used", l.Severity), "admitted: "+strings.Join(severities, ", "))
			l.Severity = "INFO"
		}
		outputs, key := v.Get("output-options"), "output-options"
		if outputs == nil {
			outputs, key = v.Get("output_options"), "output_options"
		}
		for j, e := range elements(outputs) {
			o := LogOutput{Output: e.text("output"), Flush: e.flag("flush", true), MaxSize: uint64(e.number("maxsize", 10240000)), MaxVer: uint(e.number("maxver", 1)), Pattern: e.text("pattern")}
			r.confine(r.opts.Dirs.Log, e.Get("output"), t.at(i).key(key).at(j), "%v")
			if e.Get("output") != nil && o.Output == "" {
				r.bad("logger-output", e.posOf("output"), t.at(i).key(key).at(j), "the output must not be empty", "")
			}
			l.Outputs = append(l.Outputs, o)
		}
		out = append(out, l)
	}
	return out
}

func (r *reader) d2(v *Value, t *trail) {
	server := r.addr(v, "server-ip", "127.0.0.1", t)
	anySender := "0.0.0.0"
	if server.Is6() {
		anySender = "::"
	}
	sender := r.addr(v, "sender-ip", anySender, t)
	d := D2{
		Enable:       v.flag("enable-updates", false),
		Server:       netip.AddrPortFrom(server, uint16(v.number("server-port", 53001))),
		Sender:       netip.AddrPortFrom(sender, uint16(v.number("sender-port", 0))),
		MaxQueueSize: v.number32("max-queue-size", 1024),
	}
	switch {
	case server.Is4() != sender.Is4() && server.IsValid() && sender.IsValid():
		r.bad("d2-address", v.posOf("sender-ip"), t, "D2 client config error: server-ip and sender-ip are of different families", "")
	case d.Server == d.Sender:
		r.bad("d2-address", v.posOf("server-ip"), t, "D2 client config error: server and sender have the same address and port", "")
	}
	r.f.D2 = d
}

// addr reads an address of any family.
func (r *reader) addr(v *Value, key, absent string, t *trail) netip.Addr {
	text := v.text(key)
	if text == "" {
		text = absent
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		r.bad("address", v.posOf(key), t.key(key), fmt.Sprintf("%q is no IP address", text), "")
	}
	return a
}

func (r *reader) hostIdentifiers(list *Value, t *trail) {
	byName := map[string]IdentifierType{"hw-address": HWAddress, "duid": DUID, "flex-id": FlexID}
	if r.version == 4 {
		byName["circuit-id"], byName["client-id"] = CircuitID, ClientIdentifier
	}
	standard := []IdentifierType{HWAddress, DUID}
	if r.version == 4 {
		standard = append(standard, CircuitID, ClientIdentifier)
	}
	if list == nil {
		r.f.HostIdentifiers = standard
		return
	}
	if len(list.List) == 0 {
		r.bad("host-identifiers", list.Pos, t, "host-reservation-identifiers must not be empty", "leave it out for the default")
	}
	for i, e := range list.List {
		id, ok := byName[e.Str]
		switch {
		case e.Str == "auto" && len(list.List) == 1:
			r.f.HostIdentifiers = standard
		case e.Str == "auto":
			r.bad("host-identifiers", e.Pos, t.at(i), "auto stands only alone", "")
		case !ok:
			r.bad("host-identifiers", e.Pos, t.at(i), fmt.Sprintf("unsupported identifier %q", e.Str), "")
		case slices.Contains(r.f.HostIdentifiers, id):
			r.bad("host-identifiers", e.Pos, t.at(i), fmt.Sprintf("duplicate identifier %q", e.Str), "")
		default:
			r.f.HostIdentifiers = append(r.f.HostIdentifiers, id)
		}
	}
}

func (r *reader) serverID(v *Value, t *trail) {
	id := ServerID{Type: v.textOr("type", "LLT"), Time: v.number32("time", 0), HType: uint16(v.number("htype", 0)),
		EnterpriseID: v.number32("enterprise-id", 0), Persist: v.flag("persist", true)}
	if text := v.text("identifier"); text != "" {
		b, err := hex.DecodeString(text)
		if err != nil {
			r.bad("server-id", v.posOf("identifier"), t.key("identifier"), fmt.Sprintf("%q is no even run of hexadecimal digits", text), "")
		}
		id.Identifier = b
	}
	r.f.ServerID = id
}

var macSources = map[string]MACSource{
	"any": MACAny, "raw": MACRaw, "duid": MACDUID, "ipv6-link-local": MACLinkLocal,
	"client-link-addr-option": MACClientLinkAddr, "rfc6939": MACClientLinkAddr,
	"remote-id": MACRemoteID, "rfc4649": MACRemoteID, "subscriber-id": MACSubscriberID, "rfc4580": MACSubscriberID,
	"docsis-cmts": MACDOCSISCMTS, "docsis-modem": MACDOCSISModem,
}

func (r *reader) macSources(list *Value, t *trail) {
	if list == nil {
		r.f.MACSources = []MACSource{MACAny}
		return
	}
	if len(list.List) == 0 {
		r.bad("mac-sources", list.Pos, t, "mac-sources must not be empty", "leave it out for the default")
	}
	for i, e := range list.List {
		source, ok := macSources[e.Str]
		switch {
		case !ok:
			r.bad("mac-sources", e.Pos, t.at(i), fmt.Sprintf("unknown source of hardware addresses %q", e.Str), "")
		case slices.Contains(r.f.MACSources, source):
			r.bad("mac-sources", e.Pos, t.at(i), fmt.Sprintf("%q is listed twice", e.Str), "")
		default:
			r.f.MACSources = append(r.f.MACSources, source)
		}
	}
}

// relaySupplied: option 65 is always among them. RFC 6422 §8.
func (r *reader) relaySupplied(list *Value, t *trail) {
	r.f.RelaySuppliedOptions = []uint16{65}
	for i, e := range elements(list) {
		n, err := strconv.ParseInt(e.Str, 10, 64)
		if err != nil {
			var ok bool
			if n, ok = r.optionCode(e.Str); !ok {
				r.bad("relay-supplied", e.Pos, t.at(i), fmt.Sprintf("unable to find option code for %q", e.Str), "")
				continue
			}
		}
		if n < 0 || n > maxUint16 {
			r.bad("relay-supplied", e.Pos, t.at(i), fmt.Sprintf("option code %d is out of range", n), "")
			continue
		}
		if !slices.Contains(r.f.RelaySuppliedOptions, uint16(n)) {
			r.f.RelaySuppliedOptions = append(r.f.RelaySuppliedOptions, uint16(n))
		}
	}
}

func (r *reader) optionCode(name string) (int64, bool) {
	if d := r.f.Defs.ByName("dhcp6", name); d != nil {
		return int64(d.Code), true
	}
	return 0, false
}

// agent reads a Control-agent map.
func (r *reader) agent(v *Value, t *trail) *Agent {
	a := &Agent{Tree: v, Sockets: make(map[string]string), CertRequired: v.flag("cert-required", true)}
	a.Addr = netip.AddrPortFrom(r.addr(v, "http-host", "127.0.0.1", t), uint16(v.number("http-port", 8000)))
	a.Auth = r.authentication(v.Get("authentication"), t.key("authentication"))
	a.TLS = r.tls(v, t)
	sockets := v.Get("control-sockets")
	if sockets != nil {
		for _, m := range sockets.Members {
			if m.Key == "dhcp4" || m.Key == "dhcp6" {
				a.Services = append(a.Services, m.Key)
				a.Sockets[m.Key] = m.Value.text("socket-name")
			}
		}
	}
	slices.Sort(a.Services)
	a.Loggers = r.loggers(v.Get("loggers"), t.key("loggers"))
	if e := v.Get("hooks-libraries"); len(elements(e)) > 0 {
		r.bad("hook", e.Pos, t.key("hooks-libraries"), "the control agent of this server loads no hooks", "remove them")
	}
	return a
}
