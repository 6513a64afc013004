package convert

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"leasehold/config"
)

// dnsmasq converts one dnsmasq.conf.
type dnsmasq struct {
	notes
	o       Options
	version int
	defs    *config.OptionDefs
	top     *config.Value
	line    setting // at hand

	ranges  []*dhcpRange
	hosts   []*dhcpHost
	options []*dhcpOption
	boots   []*dhcpBoot
	tags    []*tag // in the order they come up
	ifaces  []string
	dns     bool // it is a name server, too
	depth   int
}

// setting is one line: key, or key=value.
type setting struct {
	file       string
	line       int
	key, value string
}

// tag is what a class is made of.
type tag struct {
	name   string
	tests  []string
	class  *config.Value // nil: nothing needs it
	ranged bool          // set by a dhcp-range
}

// Dnsmasq converts what a dnsmasq.conf says about DHCP.
func Dnsmasq(file string, text []byte, o Options) (*Result, error) {
	d := &dnsmasq{o: o, version: o.Version, top: config.NewMap(), dns: true}
	if d.version == 0 {
		d.version = versionDnsmasq(string(text))
	}
	d.defs = standardDefs(d.version)
	if err := d.read(file, string(text)); err != nil {
		return nil, err
	}
	d.finish()
	return &Result{config.NewMap(config.M(fmt.Sprintf("Dhcp%d", d.version), d.top)), d.notes.sorted()}, nil
}

// versionDnsmasq is 6 if there are ranges, and all are of IPv6.
func versionDnsmasq(text string) int {
	version := 4
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "dhcp-range="); ok {
			if !strings.Contains(value, "::") && !strings.Contains(value, "constructor:") {
				return 4
			}
			version = 6
		}
	}
	return version
}

func (d *dnsmasq) read(file, text string) error {
	if d.depth++; d.depth > deepest {
		return fmt.Errorf("%s: files include one another", file)
	}
	defer func() { d.depth-- }()
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = uncommented(line)
		if line == "" {
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		d.line = setting{file, n, strings.TrimSpace(key), strings.TrimSpace(value)}
		if d.line.key == "conf-file" && d.o.Read != nil {
			name := d.line.value
			if !filepath.IsAbs(name) {
				name = filepath.Join(filepath.Dir(file), name)
			}
			text, err := d.o.Read(name)
			if err == nil {
				err = d.read(name, string(text))
			}
			if err != nil {
				return fmt.Errorf("%s:%d: conf-file: %w", file, n, err)
			}
			continue
		}
		d.setting()
	}
	return nil
}

// uncommented takes a comment off: # at the start, or behind a blank.
func uncommented(line string) string {
	quoted := false
	for i := range len(line) {
		switch {
		case line[i] == '"':
			quoted = !quoted
		case line[i] == '#' && !quoted && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return strings.TrimSpace(line[:i])
		}
	}
	return strings.TrimSpace(line)
}

// skip notes that the line at hand is not carried over, and why.
func (d *dnsmasq) skip(format string, args ...any) { d.skipAt(d.line, format, args...) }

func (d *dnsmasq) skipAt(s setting, format string, args ...any) {
	text := s.key
	if s.value != "" {
		text += "=" + s.value
	}
	d.add(s.file, s.line, "%s: %s", shortened(text), fmt.Sprintf(format, args...))
}

// words cuts a value at its commas.
func words(value string) []string {
	var list []string
	from, quoted := 0, false
	for i := range len(value) {
		switch {
		case value[i] == '"':
			quoted = !quoted
		case value[i] == ',' && !quoted:
			list = append(list, strings.Trim(strings.TrimSpace(value[from:i]), `"`))
			from = i + 1
		}
	}
	return append(list, strings.Trim(strings.TrimSpace(value[from:]), `"`))
}

// tagged takes the tags off the front of words: set gives, tag demands.
func tagged(list []string) (set, demanded, rest []string) {
	for i, w := range list {
		kind, name, ok := strings.Cut(w, ":")
		switch {
		case ok && kind == "set":
			set = append(set, name)
		case ok && (kind == "tag" || kind == "net"):
			demanded = append(demanded, name)
		default:
			return set, demanded, list[i:]
		}
	}
	return set, demanded, nil
}

// why are lines about DHCP that have no counterpart.
var whyNot = map[string]string{
	"dhcp-leasefile": "lease-database says it; leasehold leases import reads the old file", "dhcp-lease-max": "pools bound the leases",
	"dhcp-script": "libdhcp_run_script.so calls a program", "dhcp-luascript": "libdhcp_run_script.so calls a program",
	"dhcp-scriptuser": "libdhcp_run_script.so calls a program", "leasefile-ro": "leases are always kept",
	"except-interface": "name the interfaces that are served", "listen-address": "interfaces-config has addresses: name/address",
	"dhcp-relay": "it is no relay agent", "dhcp-proxy": "it is no relay agent", "dhcp-no-override": "the fixed fields hold what is configured",
	"dhcp-broadcast": "answers are broadcast where the client asks for it", "read-ethers": "write /etc/ethers as reservations",
	"dhcp-hostsfile": "write it as reservations", "dhcp-optsfile": "write it as option-data", "dhcp-hostsdir": "write it as reservations",
	"dhcp-optsdir": "write it as option-data", "enable-tftp": "files come from a TFTP server of their own", "tftp-root": "files come from a TFTP server of their own",
	"pxe-service": "boot menus are of a PXE server", "pxe-prompt": "boot menus are of a PXE server", "enable-ra": "router advertisements are radvd's",
	"ra-param": "router advertisements are radvd's", "dhcp-fqdn": "names are qualified by ddns-qualifying-suffix", "quiet-dhcp": "loggers say what is logged",
	"quiet-dhcp6": "loggers say what is logged", "log-dhcp": "loggers say what is logged", "dhcp-alternate-port": "the port is always the standard one",
	"dhcp-duid": "server-id says it", "dhcp-client-update": "ddns-override-client-update says it", "bootp-dynamic": "BOOTP clients are answered with libdhcp_bootp.so only",
	"no-ping": "addresses are not probed anyway", "dhcp-rapid-commit": "RFC 4039 is not supported", "dhcp-generate-names": "ddns-replace-client-name makes names",
	"shared-network": "write shared-networks", "dhcp-subscrid": "write a class with relay4[6]", "dhcp-pxe-vendor": "write a class",
}

// setting takes one line.
func (d *dnsmasq) setting() {
	switch key := d.line.key; key {
	case "dhcp-range":
		d.dhcpRange()
	case "dhcp-host":
		d.dhcpHost()
	case "dhcp-option", "dhcp-option-force":
		d.dhcpOption()
	case "dhcp-boot":
		d.dhcpBoot()
	case "dhcp-match", "dhcp-vendorclass", "dhcp-userclass", "dhcp-mac", "dhcp-circuitid", "dhcp-remoteid", "dhcp-name-match", "tag-if":
		d.setTag()
	case "dhcp-ignore":
		_, demanded, _ := tagged(words(d.line.value))
		if len(demanded) > 0 {
			d.tag("DROP").tests = append(d.tag("DROP").tests, d.demand(demanded))
		}
	case "interface":
		d.ifaces = append(d.ifaces, d.line.value)
	case "port":
		d.dns = d.line.value != "0"
	case "domain":
		name, rest, _ := strings.Cut(d.line.value, ",")
		if rest != "" {
			d.skip("a domain for some addresses: give the option in their subnet")
			return
		}
		if name != "#" {
			d.options = append(d.options, &dhcpOption{at: d.line, code: map[int]uint16{4: 15, 6: 24}[d.version], values: []string{name}, weak: true})
		}
	case "dhcp-authoritative":
		if d.version == 4 {
			d.top.Set("authoritative", config.NewBool(true))
		}
	case "dhcp-sequential-ip":
	case "conf-dir":
		d.skip("convert the files one by one")
	case "bind-interfaces", "bind-dynamic", "user", "group", "pid-file", "log-facility", "keep-in-foreground", "no-daemon", "log-async":
		d.skip("it is about the process")
	default:
		why := whyNot[key]
		if why == "" {
			why = "it is not about leases: it stays with dnsmasq, or another name server"
		}
		d.skip("%s", why)
	}
}

// tag returns a tag by name.
func (d *dnsmasq) tag(name string) *tag {
	if i := slices.IndexFunc(d.tags, func(t *tag) bool { return t.name == name }); i >= 0 {
		return d.tags[i]
	}
	t := &tag{name: name}
	d.tags = append(d.tags, t)
	return t
}

// className is the class of a tag.
func className(tag string) string {
	switch tag {
	case "known":
		return "KNOWN"
	case "!known":
		return "UNKNOWN"
	}
	return tag
}

// demand is the test of tags that must all be there; "!" denies one.
func (d *dnsmasq) demand(tags []string) string {
	var parts []string
	for _, t := range tags {
		name, denied := strings.CutPrefix(t, "!")
		switch {
		case name == "known":
			parts = append(parts, member(className(t)))
		case denied:
			parts = append(parts, "not "+member(name))
		default:
			parts = append(parts, member(name))
		}
	}
	return strings.Join(parts, " and ")
}

// classOf returns the class that options of some tags go to: that of the one tag,
// or one of its own.
func (d *dnsmasq) classOf(tags []string) *config.Value {
	name := strings.Join(tags, "+")
	t := d.tag(className(name))
	if t.class == nil {
		t.class = classMap(t.name, "")
	}
	if (len(tags) > 1 || strings.HasPrefix(name, "!") && name != "!known") && len(t.tests) == 0 {
		t.tests = []string{d.demand(tags)}
	}
	return t.class
}

// setTag reads the lines that tell which clients have a tag.
func (d *dnsmasq) setTag() {
	set, demanded, rest := tagged(words(d.line.value))
	if len(set) == 0 && len(rest) > 1 && d.line.key != "tag-if" {
		set, rest = rest[:1], rest[1:] // as older versions have it
	}
	test, err := d.test(demanded, rest)
	if err != nil {
		d.skip("%v", err)
		return
	}
	for _, name := range set {
		d.tag(name).tests = append(d.tag(name).tests, test)
	}
}

func (d *dnsmasq) test(demanded, rest []string) (string, error) {
	if d.line.key == "tag-if" {
		if len(demanded) == 0 {
			return "", errExpression("there is no condition")
		}
		return d.demand(demanded), nil
	}
	if len(rest) == 0 {
		return "", errExpression("there is no value")
	}
	value := strings.Join(rest, ",")
	option := map[string]string{"dhcp-circuitid": "relay4[1]", "dhcp-remoteid": "relay4[2]", "dhcp-name-match": "option[12]"}[d.line.key]
	switch d.line.key {
	case "dhcp-vendorclass", "dhcp-userclass":
		option = map[string]string{"dhcp-vendorclass4": "option[60]", "dhcp-vendorclass6": "option[16]", "dhcp-userclass4": "option[77]", "dhcp-userclass6": "option[15]"}[d.line.key+fmt.Sprint(d.version)]
		if strings.Contains(value, "enterprise:") {
			return "", errExpression("enterprise numbers: write a class with vendor-class")
		}
		return "match('.*" + regexpText(value) + ".*', " + option + ".hex)", nil
	case "dhcp-mac":
		return macTest(value)
	case "dhcp-match":
		return d.matchTest(rest)
	}
	if b, ok := octets(value); ok && strings.Contains(value, ":") {
		return fmt.Sprintf("%s.hex == 0x%x", option, b), nil
	}
	return option + ".hex == " + quotedText(value), nil
}

// matchTest is that of dhcp-match: an option, and maybe its value.
func (d *dnsmasq) matchTest(rest []string) (string, error) {
	code, err := d.optionCode(rest[0])
	if err != nil {
		return "", err
	}
	if len(rest) == 1 {
		return fmt.Sprintf("option[%d].exists", code), nil
	}
	data, _, err := d.data(code, rest[1:])
	if err != nil {
		return "", err
	}
	value := rest[1]
	if def := d.defs.Lookup(standardSpace(d.version), code); def != nil && strings.HasPrefix(def.Type, "uint") {
		var n uint64
		fmt.Sscan(data, &n)
		return fmt.Sprintf("option[%d].hex == 0x%0*x", code, width(def.Type)*2, n), nil
	}
	if prefix, ok := strings.CutSuffix(value, "*"); ok {
		return fmt.Sprintf("substring(option[%d].hex, 0, %d) == %s", code, len(prefix), quotedText(prefix)), nil
	}
	if b, ok := octets(value); ok && strings.Contains(value, ":") {
		return fmt.Sprintf("option[%d].hex == 0x%x", code, b), nil
	}
	return fmt.Sprintf("option[%d].hex == %s", code, quotedText(value)), nil
}

// regexpText makes a text match itself.
func regexpText(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0 {
			b.WriteByte('[')
			b.WriteByte(c)
			b.WriteByte(']')
			continue
		}
		b.WriteByte(c)
	}
	return strings.ReplaceAll(b.String(), "'", ".")
}

// macTest compares the octets of a pattern that are not *.
func macTest(pattern string) (string, error) {
	var tests []string
	for i, part := range strings.Split(pattern, ":") {
		if part == "*" {
			continue
		}
		b, ok := octets(part)
		if !ok || i > 5 {
			return "", errExpression("it is no Ethernet address")
		}
		tests = append(tests, fmt.Sprintf("substring(pkt4.mac, %d, 1) == 0x%02x", i, b[0]))
	}
	return strings.Join(tests, " and "), nil
}

func parsePrefix(a netip.Addr, bits int) netip.Prefix {
	p, _ := a.Prefix(bits)
	return p
}
