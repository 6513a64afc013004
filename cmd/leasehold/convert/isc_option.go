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

// definition is an option of dhcpd.conf, standard or its own.
type definition struct {
	space, name string
	code        uint16
	types       []string // Kea's; more than one for a record
	array       bool
	own         bool // defined in the file
	def         *config.OptionDef
}

// namesISC are options that Kea has under another name.
var namesISC = map[int]map[string]uint16{
	4: {
		"bootfile-name": 67, "vendor-class-identifier": 60, "dhcp-client-identifier": 61, "user-class": 77,
		"relay-agent-information": 82, "slp-directory-agent": 78, "slp-service-scope": 79, "domain-search": 119,
		"ieee802-3-encapsulation": 36, "default-url": 114, "pcode": 100, "tcode": 101, "capwap-ac-v4": 138,
		"loader-configfile": 209, "loader-pathprefix": 210, "loader-reboottime": 211, "sip-servers": 120,
		"pxe-system-type": 93, "pxe-interface-id": 94, "pxe-client-id": 97, "geoconf-civic": 99,
		"rfc3442-classless-static-routes": 121, "fqdn": 81, "nisplus-domain": 64, "nisplus-servers": 65,
	},
	6: {
		"name-servers": 23, "sip-servers-names": 21, "sip-servers-addresses": 22, "info-refresh-time": 32,
		"nisp-servers": 28, "nis-servers": 27, "nis-domain-name": 29, "nisp-domain-name": 30,
		"bcms-server-d": 33, "bcms-server-a": 34, "client-id": 1, "server-id": 2, "vendor-class": 16, "user-class": 15,
	},
}

// lookup finds an option by its name in dhcpd.conf: "name" or "space.name".
func (c *isc) lookup(name string) (*definition, error) {
	space, rest, ok := strings.Cut(name, ".")
	if !ok {
		space, rest = standardSpace(c.version), name
		if c.version == 6 {
			space = "dhcp4" // without a space, the option is of DHCPv4
		}
	}
	if space == "dhcp" {
		space = "dhcp4"
	}
	if d := c.defined[space+"."+strings.ToLower(rest)]; d != nil {
		return d, nil
	}
	if space != standardSpace(c.version) {
		return nil, errExpression(fmt.Sprintf("no option %q is known here", name))
	}
	rest = strings.ToLower(rest)
	def := c.defs.ByName(space, rest)
	if code := namesISC[c.version][rest]; code != 0 {
		def = c.defs.Lookup(space, code)
	}
	if number, ok := strings.CutPrefix(rest, "unknown-"); ok {
		if n, err := strconv.ParseUint(number, 10, 16); err == nil {
			return &definition{space: space, name: rest, code: uint16(n), types: []string{"binary"}}, nil
		}
	}
	if def == nil {
		return nil, errExpression(fmt.Sprintf("no option %q is known here", name))
	}
	d := &definition{space: space, name: def.Name, code: def.Code, types: []string{def.Type}, array: def.Array, def: def}
	if def.Type == "record" {
		d.types = def.Record
	}
	return d, nil
}

// defineOption reads "option [space.]name code N = type".
func (c *isc) defineOption(s *statement) {
	name := s.at(1)
	if !strings.Contains(name, ".") {
		name = standardSpace(c.version) + "." + name
	}
	name = strings.Replace(name, "dhcp.", "dhcp4.", 1)
	space, rest, _ := strings.Cut(name, ".")
	code, err := strconv.ParseUint(s.at(3), 10, 16)
	if err != nil {
		c.skip(s, "%q is no option code", s.at(3))
		return
	}
	d := &definition{space: space, name: rest, code: uint16(code), own: true}
	encapsulate, err := d.readTypes(s.words[5:])
	if err != nil {
		c.skip(s, "%v", err)
		return
	}
	c.defined[space+"."+strings.ToLower(rest)] = d
	if std := c.defs.Lookup(space, d.code); std != nil && space == standardSpace(c.version) {
		d.def, d.own = nil, false // the code has a format already: its values are written as octets
		return
	}
	v := config.NewMap(config.M("name", str(rest)), config.M("code", num(d.code)), config.M("space", str(space)))
	switch {
	case encapsulate != "":
		v.Set("type", str("empty"))
		v.Set("encapsulate", str(encapsulate))
	case len(d.types) > 1:
		v.Set("type", str("record"))
		v.Set("record-types", str(strings.Join(d.types, ", ")))
	default:
		v.Set("type", str(d.types[0]))
	}
	if d.array {
		v.Set("array", config.NewBool(true))
	}
	push(c.top, "option-def", v)
}

// readTypes reads the format of an option.
func (d *definition) readTypes(words []word) (encapsulate string, err error) {
	at := func(i int) string {
		if i < len(words) {
			return strings.ToLower(words[i].text)
		}
		return ""
	}
	if len(words) == 0 {
		return "", errExpression("there is no type")
	}
	if at(0) == "array" && at(1) == "of" {
		d.array = true
		words = words[2:]
	}
	if at(0) == "encapsulate" && len(words) > 1 {
		d.types = []string{"empty"}
		return words[1].text, nil
	}
	record := at(0) == "{"
	for i := 0; i < len(words); {
		switch at(i) {
		case "{", "}", ",":
			i++
			continue
		}
		n, typ := typeISC(at(i), at(i+1), at(i+2))
		if n == 0 {
			return "", errExpression(fmt.Sprintf("the type %q has no counterpart", at(i)))
		}
		if typ == "fqdn" {
			d.array = true // a domain-list
			if at(i+1) == "compressed" {
				n++
			}
		}
		d.types = append(d.types, typ)
		i += n
	}
	if len(d.types) == 0 || record && d.array {
		return "", errExpression("an array of records has no counterpart")
	}
	return "", nil
}

// typeISC returns Kea's type, and of how many words dhcpd's consists.
func typeISC(a, b, c string) (int, string) {
	switch a {
	case "boolean":
		return 1, "boolean"
	case "text":
		return 1, "string"
	case "string":
		return 1, "binary"
	case "ip-address":
		return 1, "ipv4-address"
	case "ip6-address":
		return 1, "ipv6-address"
	case "domain-name", "domain-list":
		return 1, "fqdn"
	case "integer":
		return 2, "int" + b
	case "unsigned":
		return 3, "uint" + c
	case "signed":
		return 3, "int" + c
	}
	return 0, ""
}

// option reads "option name value, …" into the scope.
func (c *isc) option(s *statement, to *scope) {
	if key := map[string]string{"dhcp-renewal-time": "renew-timer", "dhcp-rebinding-time": "rebind-timer"}[s.at(1)]; key != "" {
		c.setNumber(s, to, key, s.at(2)) // of DHCPv6, too
		return
	}
	d, err := c.lookup(s.at(1))
	if err != nil {
		c.skip(s, "%v", err)
		return
	}
	if c.ownOption(s, d, to) {
		return
	}
	v := config.NewMap()
	if d.space != standardSpace(c.version) {
		v.Set("space", str(d.space))
	}
	if d.def != nil || d.own {
		v.Set("name", str(d.name))
	}
	v.Set("code", num(d.code))
	data, csv, err := d.value(s.words[2:])
	if err != nil {
		c.skip(s, "%v", err)
		return
	}
	if !csv {
		v.Set("csv-format", config.NewBool(false))
	}
	v.Set("data", str(data))
	to.setOption(&option{d.space, d.code, v, s})
}

// Options with a meaning of their own.
const (
	codeSubnetMask = 1
	codeHostName   = 12
	codeLeaseTime  = 51
	codeClientID   = 61
	codeVendor4    = 43
)

// ownOption takes the options that are parameters in Kea.
func (c *isc) ownOption(s *statement, d *definition, to *scope) bool {
	if d.space != "dhcp4" || d.own || d.def == nil {
		return false
	}
	switch {
	case d.code == codeSubnetMask:
		if !to.prefix.IsValid() || maskLen(s.at(2)) != to.prefix.Bits() {
			c.skip(s, "the mask always is that of the subnet")
		}
	case d.code == codeLeaseTime:
		c.skip(s, "write default-lease-time in its place")
	case d.code == codeHostName && to.kind == inHost && len(s.words) == 3:
		to.v.Set("hostname", str(s.at(2)))
	case d.code == codeClientID && to.kind == inHost:
		c.identify(to, "client-id", s)
	default:
		return false
	}
	return true
}

// value writes the words of a value as Kea's data: fields with commas, or octets.
func (d *definition) value(words []word) (data string, csv bool, err error) {
	if !d.own && d.def == nil || len(d.types) == 1 && d.types[0] == "binary" {
		b, err := d.octets(words)
		return hex.EncodeToString(b), false, err
	}
	var fields []string
	n := 0
	for _, w := range words {
		if w.text == "," && !w.quoted || w.text == "{" || w.text == "}" {
			continue
		}
		text, err := field(d.types[min(n, len(d.types)-1)], w)
		if err != nil {
			return "", false, err
		}
		fields = append(fields, text)
		n++
	}
	if len(fields) == 0 {
		return "", false, errExpression("there is no value")
	}
	if len(d.types) == 1 && !d.array && d.types[0] == "string" {
		return strings.Join(fields, ""), true, nil
	}
	return strings.Join(fields, ", "), true, nil
}

// field writes one field of a type.
func field(typ string, w word) (string, error) {
	text := strings.ToLower(w.text)
	switch typ {
	case "boolean":
		switch text {
		case "on", "true":
			return "true", nil
		case "off", "false":
			return "false", nil
		}
	case "ipv4-address", "ipv6-address":
		if a, err := netip.ParseAddr(text); err == nil && a.Is4() == (typ == "ipv4-address") {
			return a.String(), nil
		}
		return "", errExpression(fmt.Sprintf("%q is a name: write its address", w.text))
	case "string":
		return escaped(w.text), nil
	case "fqdn":
		return strings.TrimSuffix(w.text, "."), nil
	default:
		if strings.HasPrefix(typ, "int") || strings.HasPrefix(typ, "uint") {
			if n, err := strconv.ParseInt(text, 0, 64); err == nil {
				return strconv.FormatInt(n, 10), nil
			}
			if n, ok := map[string]string{"infinite": "4294967295"}[text]; ok {
				return n, nil
			}
		}
	}
	return "", errExpression(fmt.Sprintf("%q cannot be written as %s", w.text, typ))
}

// octets encodes a value by dhcpd's own types.
func (d *definition) octets(words []word) (out []byte, err error) {
	n := 0
	for _, w := range words {
		if w.text == "," && !w.quoted || w.text == "{" || w.text == "}" {
			continue
		}
		typ := d.types[min(n, len(d.types)-1)]
		n++
		if w.quoted {
			out = append(out, w.text...)
			continue
		}
		if b, ok := octets(w.text); ok && (typ == "binary" || strings.Contains(w.text, ":") && typ != "ipv6-address") {
			out = append(out, b...)
			continue
		}
		if a, err := netip.ParseAddr(w.text); err == nil {
			out = append(out, a.AsSlice()...)
			continue
		}
		x, err := strconv.ParseInt(w.text, 0, 64)
		if err != nil {
			return nil, errExpression(fmt.Sprintf("%q cannot be written as octets", w.text))
		}
		b := binary.BigEndian.AppendUint64(nil, uint64(x))
		out = append(out, b[8-width(typ):]...)
	}
	return out, nil
}

// width is the number of octets of an integer type.
func width(typ string) int {
	bits, err := strconv.Atoi(strings.TrimLeft(typ, "uint"))
	if err != nil || bits > 64 {
		return 1
	}
	return bits / 8
}

func maskLen(text string) int {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return -1
	}
	b := a.As4()
	n, x := 0, binary.BigEndian.Uint32(b[:])
	for x&(1<<31) != 0 {
		n, x = n+1, x<<1
	}
	if x != 0 {
		return -1
	}
	return n
}
