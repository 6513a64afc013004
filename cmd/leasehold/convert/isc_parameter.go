package convert

import (
	"net/netip"
	"strconv"
	"strings"

	"leasehold/config"
)

// needless are statements about what is done anyway, or about nothing here.
var needless = map[string]string{
	"log-facility":                  "loggers say where the log goes",
	"pid-file-name":                 "--pid-file says it",
	"lease-file-name":               "lease-database says it; leasehold leases import reads the old file",
	"omapi-port":                    "control-socket is what commands come through",
	"omapi-key":                     "control-socket is what commands come through",
	"local-port":                    "the port is always the standard one",
	"remote-port":                   "the port is always the standard one",
	"local-address":                 "interfaces-config has addresses: name/address",
	"ping-check":                    "addresses are not probed before they are offered",
	"ping-timeout":                  "addresses are not probed before they are offered",
	"always-broadcast":              "answers are broadcast where the client asks for it",
	"always-reply-rfc1048":          "answers always have options",
	"one-lease-per-client":          "a client has one lease in a subnet",
	"min-secs":                      "a class can test pkt4.secs",
	"delayed-ack":                   "leases are always written before they are acknowledged",
	"max-ack-delay":                 "leases are always written before they are acknowledged",
	"get-lease-hostnames":           "names come from clients and reservations",
	"dynamic-bootp-lease-cutoff":    "BOOTP clients are answered with libdhcp_bootp.so only",
	"dynamic-bootp-lease-length":    "BOOTP clients are answered with libdhcp_bootp.so only",
	"adaptive-lease-time-threshold": "lifetimes do not follow the use of pools",
	"ddns-rev-domainname":           "the DDNS server has a file of its own, kea-dhcp-ddns.conf",
	"ddns-ttl":                      "the DDNS server has a file of its own, kea-dhcp-ddns.conf",
	"ddns-local-address4":           "the DDNS server has a file of its own, kea-dhcp-ddns.conf",
	"ddns-local-address6":           "the DDNS server has a file of its own, kea-dhcp-ddns.conf",
	"do-forward-updates":            "the client and ddns-override flags decide",
	"do-reverse-updates":            "the client and ddns-override flags decide",
	"update-optimization":           "ddns-update-on-renew says it",
	"update-static-leases":          "reserved leases are updated like others",
	"ddns-hostname":                 "the hostname of a reservation is what is used",
	"server-duid":                   "server-id says it; copy the old server's DUID there if clients know it",
	"limit-addrs-per-ia":            "there is no such limit",
	"limit-prefs-per-ia":            "there is no such limit",
	"prefix-length-mode":            "the length is the one of the pd-pool",
	"dhcpv6-lease-file-name":        "lease-database says it; leasehold leases import reads the old file",
	"dhcpv6-pid-file-name":          "--pid-file says it",
	"check-secs-byte-order":         "the order is always that of the RFC",
	"ignore-client-uids":            "match-client-id says it",
	"infinite-is-reserved":          "an infinite lease is no reservation",
	"site-option-space":             "private options are defined in the standard space",
	"persist-eui-64-leases":         "leases are always kept",
	"db-time-format":                "the lease file is Kea's",
	"use-eui-64":                    "addresses come from pools",
}

// ofFamily are statements of one family alone.
var ofFamily = map[string]int{
	"preferred-lifetime": 6, "prefix6": 6, "range6": 6,
	"next-server": 4, "filename": 4, "server-name": 4, "server-identifier": 4, "authoritative": 4, "range": 4, "stash-agent-options": 4,
}

// parameter reads a statement without a block.
func (c *isc) parameter(s *statement, to *scope) {
	name := strings.ToLower(s.at(0))
	if of := ofFamily[name]; of != 0 && of != c.version {
		c.skip(s, "it is of DHCPv%d", of)
		return
	}
	switch name {
	case "option":
		switch {
		case s.is("option", "space") || strings.EqualFold(s.at(2), "code") && s.at(4) == "=":
		default:
			c.option(s, to)
		}
	case "range", "range6":
		c.rangeOf(s, to)
	case "prefix6":
		c.prefix6(s, to)
	case "default-lease-time":
		c.setNumber(s, to, "valid-lifetime", s.at(1))
	case "max-lease-time":
		c.setNumber(s, to, "max-valid-lifetime", s.at(1))
	case "min-lease-time":
		c.setNumber(s, to, "min-valid-lifetime", s.at(1))
	case "preferred-lifetime":
		c.setNumber(s, to, "preferred-lifetime", s.at(1))
	case "dhcp-renewal-time", "dhcp-rebinding-time":
		c.skip(s, "it is an option")
	case "next-server":
		if a, err := netip.ParseAddr(s.at(1)); err == nil {
			to.v.Set("next-server", str(a.String()))
		} else {
			c.skip(s, "%q is a name: write its address", s.at(1))
		}
	case "filename":
		to.v.Set("boot-file-name", str(s.at(1)))
	case "server-name":
		to.v.Set("server-hostname", str(s.at(1)))
	case "server-identifier":
		to.setOption(&option{"dhcp4", 54, config.NewMap(config.M("name", str("dhcp-server-identifier")), config.M("data", str(s.at(1)))), s})
	case "authoritative":
		to.v.Set("authoritative", config.NewBool(true))
	case "not":
		if c.version == 4 {
			to.v.Set("authoritative", config.NewBool(false))
		}
	case "interface":
		to.v.Set("interface", str(s.at(1)))
	case "allow", "deny", "ignore":
		c.permit(s, to)
	case "boot-unknown-clients":
		if field, err := field("boolean", word{text: s.at(1)}); err == nil && field == "false" {
			to.permits.denied = append(to.permits.denied, member("UNKNOWN"))
		}
	case "vendor-option-space":
		c.vendorSpace(s, to)
	default:
		c.parameterOfOthers(s, to, name)
	}
}

// parameterOfOthers reads what belongs to hosts, classes, pairs and DDNS.
func (c *isc) parameterOfOthers(s *statement, to *scope, name string) {
	on := func() bool { text, _ := field("boolean", word{text: s.at(1)}); return text == "true" }
	switch name {
	case "hardware", "fixed-address", "fixed-address6", "fixed-prefix6", "host-identifier", "dynamic", "deleted":
		c.identity(s, to)
	case "match", "spawn", "lease":
		c.skip(s, "it belongs into a class")
	case "subclass":
		c.subclass(s, to)
	case "use-host-decl-names":
		to.declNames = on()
	case "stash-agent-options":
		c.top.Set("stash-agent-options", config.NewBool(on()))
	case "failover":
		to.failover = true
	case "ddns-update-style":
		c.ddns = s.at(1) != "none" && s.at(1) != "ad-hoc"
	case "ddns-updates":
		to.v.Set("ddns-send-updates", config.NewBool(on()))
	case "ddns-domainname":
		to.v.Set("ddns-qualifying-suffix", str(strings.TrimSuffix(s.at(1), ".")))
	case "update-conflict-detection":
		if !on() {
			to.v.Set("ddns-conflict-resolution-mode", str("no-check-with-dhcid"))
		}
	case "duplicates":
	default:
		why, known := needless[name]
		if !known {
			why = "there is no counterpart"
		}
		c.skip(s, "%s", why)
	}
}

// setNumber sets a parameter of seconds.
func (c *isc) setNumber(s *statement, to *scope, key, text string) {
	n, err := strconv.ParseInt(text, 0, 64)
	switch {
	case strings.EqualFold(text, "infinite") || n == -1:
		n = 1<<32 - 1
	case err != nil || n < 0 || n > 1<<32-1:
		c.skip(s, "%q is no number of seconds", text)
		return
	}
	to.v.Set(key, num(n))
}

// vendorSpace makes option 43 consist of the options of a space.
func (c *isc) vendorSpace(s *statement, to *scope) {
	if c.version == 6 {
		c.skip(s, "it is of DHCPv4")
		return
	}
	def := config.NewMap(config.M("name", str("vendor-encapsulated-options")), config.M("code", num(codeVendor4)),
		config.M("type", str("empty")), config.M("encapsulate", str(s.at(1))))
	switch {
	case to.kind == inClass || to.kind == inCondition:
		push(to.v, "option-def", def)
	case c.vendor == s.at(1) && c.top.Get("vendor-space") == nil:
		push(c.top, "option-def", def)
		c.top.Set("vendor-space", config.NewBool(true)) // taken out at the end
	case c.vendor != s.at(1):
		c.skip(s, "outside classes there is one vendor-option-space: %s", c.vendor)
		return
	}
	to.setOption(&option{"dhcp4", codeVendor4, config.NewMap(config.M("name", str("vendor-encapsulated-options"))), s})
}

// permit reads allow, deny and ignore.
func (c *isc) permit(s *statement, to *scope) {
	allow := s.is("allow")
	at := 1
	what := strings.ToLower(s.at(at))
	if what == "dynamic" || what == "all" || what == "authenticated" || what == "unauthenticated" || what == "known" || what == "unknown" {
		what += "-" + strings.ToLower(s.at(2))
	}
	test := ""
	switch what {
	case "members":
		test = member(s.at(3))
	case "known-clients":
		test = member("KNOWN")
	case "unknown-clients":
		test = member("UNKNOWN")
	case "client-updates":
		if !allow {
			to.v.Set("ddns-override-client-update", config.NewBool(true))
		}
		return
	case "booting":
		if !allow && to.kind == inHost {
			push(to.v, "client-classes", str("DROP"))
		}
		return
	case "all-clients", "duplicates", "bootp", "declines", "leasequery", "dynamic-bootp", "after":
		if !allow || what == "after" || what == "leasequery" {
			c.skip(s, "there is no counterpart")
		}
		return
	default:
		c.skip(s, "there is no counterpart")
		return
	}
	switch {
	case to.kind == inPool && allow:
		to.permits.allowed = append(to.permits.allowed, test)
	case !allow:
		to.permits.denied = append(to.permits.denied, test)
	default: // outside pools, allow takes a deny back
	}
}
