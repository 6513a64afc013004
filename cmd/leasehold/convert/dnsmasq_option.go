package convert

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"leasehold/config"
)

// dhcpOption is one dhcp-option, or what dnsmasq gives unasked.
type dhcpOption struct {
	at     setting
	tags   []string
	code   uint16
	values []string
	force  bool
	weak   bool // a stated one goes before it
}

// dhcpBoot is one dhcp-boot.
type dhcpBoot struct {
	at                 setting
	tags               []string
	file, name, server string
}

// namesDnsmasq are the names of options, behind option: and option6:.
var namesDnsmasq = map[int]map[string]uint16{
	4: {
		"netmask": 1, "time-offset": 2, "router": 3, "dns-server": 6, "log-server": 7, "lpr-server": 9, "boot-file-size": 13,
		"domain-name": 15, "swap-server": 16, "root-path": 17, "extension-path": 18, "ip-forward-enable": 19,
		"non-local-source-routing": 20, "policy-filter": 21, "max-datagram-reassembly": 22, "default-ttl": 23, "mtu": 26,
		"all-subnets-local": 27, "broadcast": 28, "router-discovery": 31, "router-solicitation": 32, "static-route": 33,
		"trailer-encapsulation": 34, "arp-timeout": 35, "ethernet-encap": 36, "tcp-ttl": 37, "tcp-keepalive": 38,
		"nis-domain": 40, "nis-server": 41, "ntp-server": 42, "vendor-encap": 43, "netbios-ns": 44, "netbios-dd": 45,
		"netbios-nodetype": 46, "netbios-scope": 47, "x-windows-fs": 48, "x-windows-dm": 49, "vendor-class": 60,
		"nis+-domain": 64, "nis+-server": 65, "tftp-server": 66, "bootfile-name": 67, "mobile-ip-home": 68, "smtp-server": 69,
		"pop3-server": 70, "nntp-server": 71, "irc-server": 74, "user-class": 77, "client-arch": 93, "client-interface-id": 94,
		"client-machine-id": 97, "posix-timezone": 100, "tzdb-timezone": 101, "ipv6-only": 108, "subnet-select": 118,
		"domain-search": 119, "sip-server": 120, "classless-static-route": 121, "vendor-id-encap": 125, "tftp-server-address": 150,
	},
	6: {
		"preference": 7, "unicast": 12, "user-class": 15, "vendor-class": 16, "sip-server-domain": 21, "sip-server": 22,
		"dns-server": 23, "domain-search": 24, "nis-server": 27, "nis+-server": 28, "nis-domain": 29, "nis+-domain": 30,
		"sntp-server": 31, "information-refresh-time": 32, "ntp-server": 56, "bootfile-url": 59, "bootfile-param": 60,
	},
}

// optionCode reads 42, option:ntp-server, option6:23. An option of the other
// family has the error errFamily.
func (d *dnsmasq) optionCode(text string) (uint16, error) {
	version := 4
	name, named := strings.CutPrefix(text, "option:")
	if !named {
		if name, named = strings.CutPrefix(text, "option6:"); named {
			version = 6
		}
	}
	n, err := strconv.ParseUint(name, 10, 16)
	switch {
	case (named || d.version == 6) && version != d.version:
		return 0, errFamily
	case err == nil:
		return uint16(n), nil
	}
	if code := namesDnsmasq[version][name]; named && code != 0 {
		return code, nil
	}
	return 0, errExpression(fmt.Sprintf("%q is no option", text))
}

const errFamily = errExpression("it is of the other family")

func (d *dnsmasq) dhcpOption() {
	o := &dhcpOption{at: d.line, force: d.line.key == "dhcp-option-force"}
	var set, rest []string
	set, o.tags, rest = tagged(words(d.line.value))
	// Old files name tags without a word in front.
	for len(rest) > 1 && len(set) == 0 && !strings.Contains(rest[0], ":") && !isNumber(rest[0]) {
		o.tags, rest = append(o.tags, rest[0]), rest[1:]
	}
	if len(rest) == 0 {
		d.skip("there is no option")
		return
	}
	switch kind, _, _ := strings.Cut(rest[0], ":"); kind {
	case "encap", "vi-encap", "vendor":
		d.skip("options inside options: write option-def and option-data")
		return
	}
	code, err := d.optionCode(rest[0])
	if err != nil {
		d.skip("%v", err)
		return
	}
	o.code, o.values = code, rest[1:]
	d.options = append(d.options, o)
}

func isNumber(s string) bool { _, err := strconv.Atoi(s); return err == nil }

func (d *dnsmasq) dhcpBoot() {
	if d.version == 6 {
		d.skip("it is of DHCPv4")
		return
	}
	b := &dhcpBoot{at: d.line}
	var rest []string
	_, b.tags, rest = tagged(words(d.line.value))
	for i, w := range rest {
		switch i {
		case 0:
			b.file = w
		case 1:
			b.name = w
		case 2:
			a, err := netip.ParseAddr(w)
			if err != nil {
				d.skip("%q is a name: write its address", w)
				continue
			}
			b.server = a.String()
		}
	}
	if b.server == "" && d.o.Address.Is4() {
		b.server = d.o.Address.String() // dnsmasq has a TFTP server itself
	}
	d.boots = append(d.boots, b)
}

// entry is the option-data of an option; nil if it cannot be written.
func (d *dnsmasq) entry(o *dhcpOption) *config.Value {
	v := config.NewMap()
	if def := d.defs.Lookup(standardSpace(d.version), o.code); def != nil {
		v.Set("name", str(def.Name))
	}
	v.Set("code", num(o.code))
	if len(o.values) == 0 || len(o.values) == 1 && o.values[0] == "" {
		v.Set("never-send", config.NewBool(true)) // an option without a value is not given
		return v
	}
	data, csv, err := d.data(o.code, o.values)
	if err != nil {
		d.skipAt(o.at, "%v", err)
		return nil
	}
	if !csv {
		v.Set("csv-format", config.NewBool(false))
	}
	v.Set("data", str(data))
	if o.force {
		v.Set("always-send", config.NewBool(true))
	}
	return v
}

// data writes values as Kea's data: fields with commas, or octets.
func (d *dnsmasq) data(code uint16, values []string) (data string, csv bool, err error) {
	own := make([]string, len(values))
	for i, w := range values {
		own[i] = strings.Trim(w, "[]")
		if own[i] == "0.0.0.0" && code != 121 || own[i] == "::" {
			if !d.o.Address.IsValid() || d.o.Address.Is4() != (d.version == 4) {
				return "", false, errExpression(own[i] + " stands for dnsmasq's own address: say it by --address")
			}
			own[i] = d.o.Address.String()
		}
	}
	if code == 121 && d.version == 4 {
		b, err := routes(own)
		return hex.EncodeToString(b), false, err
	}
	def := d.defs.Lookup(standardSpace(d.version), code)
	if def == nil || def.Type == "binary" || def.Type == "internal" || def.Type == "record" {
		b, err := guessed(own)
		return hex.EncodeToString(b), false, err
	}
	if def.Type == "string" && !def.Array {
		return escaped(strings.Join(own, ",")), true, nil
	}
	var fields []string
	for _, w := range own {
		text, err := field(def.Type, word{text: w})
		if err != nil {
			return "", false, err
		}
		fields = append(fields, text)
	}
	return strings.Join(fields, ", "), true, nil
}

// routes encodes pairs of network and router, RFC 3442.
func routes(values []string) (out []byte, err error) {
	for i := 0; i+1 < len(values); i += 2 {
		text := values[i]
		if !strings.Contains(text, "/") {
			text += "/32"
		}
		p, err1 := netip.ParsePrefix(text)
		a, err2 := netip.ParseAddr(values[i+1])
		if err1 != nil || err2 != nil || !p.Addr().Is4() || !a.Is4() {
			return nil, errExpression("a route is a network and a router")
		}
		n := p.Masked().Addr().As4()
		out = append(append(append(out, byte(p.Bits())), n[:(p.Bits()+7)/8]...), a.AsSlice()...)
	}
	return out, nil
}

// guessed encodes values as dnsmasq does where it does not know the option.
func guessed(values []string) (out []byte, err error) {
	for _, w := range values {
		if a, err := netip.ParseAddr(w); err == nil {
			out = append(out, a.AsSlice()...)
			continue
		}
		if b, ok := octets(w); ok && strings.Contains(w, ":") {
			out = append(out, b...)
			continue
		}
		size, text := 0, w
		if n := len(w) - 1; n > 0 {
			if i := strings.IndexByte("bsi", w[n]); i >= 0 && isNumber(w[:n]) {
				size, text = []int{1, 2, 4}[i], w[:n]
			}
		}
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil {
			out = append(out, w...)
			continue
		}
		for size == 0 || size < 4 && n>>(8*size) != 0 {
			size = map[int]int{0: 1, 1: 2, 2: 4}[size]
		}
		b := binary.BigEndian.AppendUint32(nil, uint32(n))
		out = append(out, b[4-size:]...)
	}
	return out, nil
}
