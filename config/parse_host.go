package config

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
)

// hostList is a reservations list that waits until every subnet has its id.
type hostList struct {
	subnet *Subnet // nil: global
	list   *Value
	t      *trail
}

func (r *reader) allHosts(v *Value, top *trail) {
	lists := r.hostLists
	if global := v.Get("reservations"); global != nil {
		lists = append([]hostList{{nil, global, top.key("reservations")}}, lists...)
	}
	for _, l := range lists {
		for i, e := range l.list.List {
			if h := r.host(e, l.subnet, l.t.at(i)); h != nil {
				r.hosts = append(r.hosts, h)
			}
		}
	}
	r.f.Hosts = newHosts(r.hosts)
}

// identifierKeys are the keys of reservations that identify a client, by type.
var identifierKeys = [...]string{HWAddress: "hw-address", DUID: "duid", CircuitID: "circuit-id", ClientIdentifier: "client-id", FlexID: "flex-id"}

// identifierLimits are the greatest lengths in bytes.
var identifierLimits = [...]int{HWAddress: 20, DUID: 130, CircuitID: 255, ClientIdentifier: 255, FlexID: 255}

func (r *reader) host(v *Value, s *Subnet, t *trail) *Host {
	h := &Host{Hostname: v.text("hostname"), UserContext: v.Get("user-context"), Pos: v.Pos}
	if s != nil {
		h.SubnetID = s.ID
	}
	if !r.identifier(h, v, t) {
		return nil
	}
	ok := true
	if r.version == 4 {
		ok = r.hostAddr(h, v, s, t)
		c := levels{v}
		r.bootFields(c, t, &h.NextServer, &h.ServerHostname, &h.BootFileName)
	} else {
		ok = r.hostAddrs(h, v, s, t) && r.hostPrefixes(h, v, t)
	}
	if !ok {
		return nil
	}
	h.Classes = r.interned(v.Get("client-classes"))
	h.Options = r.options(v, t, levelOther, r.f.Defs)
	if !r.newHost(h, t) {
		return nil
	}
	r.fillHost(v, h)
	return h
}

func (r *reader) identifier(h *Host, v *Value, t *trail) bool {
	var at *Value
	for i, key := range identifierKeys {
		e := v.Get(key)
		if e == nil {
			continue
		}
		if at != nil {
			r.bad("host-identifier", e.Pos, t, fmt.Sprintf("the '%s' and '%s' are mutually exclusive", identifierKeys[h.Type], key), "keep one of them")
			return false
		}
		at, h.Type = e, IdentifierType(i)
	}
	if at == nil {
		r.bad("host-identifier", v.Pos, t, "a reservation needs one of the identifiers: "+strings.Join(r.identifiersOfFamily(), ", "), "")
		return false
	}
	id, err := parseIdentifier(at.Str)
	if err == nil && len(id) > identifierLimits[h.Type] {
		err = fmt.Errorf("it has %d bytes, at most %d are possible", len(id), identifierLimits[h.Type])
	}
	if err != nil {
		r.bad("host-identifier", at.Pos, t, fmt.Sprintf("invalid value of %s %q: %v", identifierKeys[h.Type], at.Str, err), "")
		return false
	}
	h.Identifier = string(id)
	return true
}

func (r *reader) identifiersOfFamily() []string {
	if r.version == 6 {
		return []string{"hw-address", "duid", "flex-id"}
	}
	return identifierKeys[:]
}

// parseIdentifier reads 'text', octets of one or two digits between colons or
// blanks, or an unbroken run of digits with or without 0x.
func parseIdentifier(text string) ([]byte, error) {
	text = strings.TrimSpace(text)
	if len(text) >= 2 && text[0] == '\'' && text[len(text)-1] == '\'' {
		if len(text) == 2 {
			return nil, fmt.Errorf("it is empty")
		}
		return []byte(text[1 : len(text)-1]), nil
	}
	return parseHex(text)
}

func parseHex(text string) ([]byte, error) {
	if text == "" {
		return nil, fmt.Errorf("it is empty")
	}
	sep := ""
	if strings.Contains(text, ":") {
		sep = ":"
	} else if strings.Contains(text, " ") {
		sep = " "
	}
	if sep == "" {
		text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
		if len(text)%2 != 0 {
			text = "0" + text
		}
		b, err := hex.DecodeString(text)
		if err == nil && len(b) == 0 {
			err = fmt.Errorf("it is empty")
		}
		return b, err
	}
	b := make([]byte, 0, len(text)/2+1)
	for part := range strings.SplitSeq(text, sep) {
		n, ok := hexOctet(part)
		if !ok {
			return nil, fmt.Errorf("%q is no octet of one or two hexadecimal digits", part)
		}
		b = append(b, n)
	}
	return b, nil
}

func hexOctet(s string) (n byte, ok bool) {
	if len(s) < 1 || len(s) > 2 {
		return 0, false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		n = n<<4 | c
	}
	return n, true
}

func (r *reader) hostAddr(h *Host, v *Value, s *Subnet, t *trail) bool {
	e := v.Get("ip-address")
	if e == nil {
		return true
	}
	a, err := netip.ParseAddr(e.Str)
	switch {
	case err != nil || a.Zone() != "":
		r.bad("host-address", e.Pos, t, notAddress(e.Str), "")
	case !a.Is4():
		r.bad("host-address", e.Pos, t, fmt.Sprintf("address '%s' is not a valid IPv4 address", a), "")
	case a.IsUnspecified() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		r.bad("host-address", e.Pos, t, fmt.Sprintf("must not make reservation for the '%s' address", a), "")
	case s != nil && !s.Prefix.Contains(a):
		r.bad("host-outside", e.Pos, t, fmt.Sprintf("specified reservation '%s' is not within the IPv4 subnet '%s'", a, s.Text), "")
	default:
		h.Addr = a
		return true
	}
	return false
}

// notAddress is how Kea says that a text is no address at all.
func notAddress(text string) string {
	return fmt.Sprintf("Failed to convert string to address '%s': Invalid argument", text)
}

func (r *reader) hostAddrs(h *Host, v *Value, s *Subnet, t *trail) bool {
	for i, e := range elements(v.Get("ip-addresses")) {
		at := t.key("ip-addresses").at(i)
		a, err := netip.ParseAddr(e.Str)
		switch {
		case err != nil || a.Zone() != "":
			r.bad("host-address", e.Pos, at, notAddress(e.Str), "")
		case a.Is4() || a.IsUnspecified() || a.IsMulticast():
			// Kea: an address is a prefix of length 128 to it.
			r.bad("host-address", e.Pos, at, fmt.Sprintf("invalid prefix '%s' for new IPv6 reservation", a), "")
		case s != nil && !s.Prefix.Contains(a):
			r.bad("host-outside", e.Pos, at, fmt.Sprintf("specified reservation '%s' is not within the IPv6 subnet '%s'", a, s.Text), "")
		default:
			h.Addrs = append(h.Addrs, a)
			continue
		}
		return false
	}
	return true
}

func (r *reader) hostPrefixes(h *Host, v *Value, t *trail) bool {
	for i, e := range elements(v.Get("prefixes")) {
		p, why := r.reservedPrefix(e, t)
		if why != "" {
			r.bad("host-prefix", e.Pos, t.key("prefixes").at(i), fmt.Sprintf("%s: %q", why, e.Str), "write prefix/length")
			return false
		}
		h.Prefixes = append(h.Prefixes, p)
	}
	excluded := v.Get("excluded-prefixes")
	if excluded == nil || len(excluded.List) == 0 {
		return true
	}
	if len(excluded.List) != len(h.Prefixes) {
		r.bad("host-excluded", excluded.Pos, t, fmt.Sprintf("%d excluded-prefixes do not match %d prefixes", len(excluded.List), len(h.Prefixes)), `"" stands for none`)
		return false
	}
	for i, e := range excluded.List {
		if e.Str == "" {
			h.Excluded = append(h.Excluded, netip.Prefix{})
			continue
		}
		p, why := r.reservedPrefix(e, t)
		if why == "" && (p.Bits() <= h.Prefixes[i].Bits() || !h.Prefixes[i].Contains(p.Addr())) {
			why = fmt.Sprintf("an excluded prefix must lie in %s and be longer", h.Prefixes[i])
		}
		if why != "" {
			r.bad("host-excluded", e.Pos, t.key("excluded-prefixes").at(i), fmt.Sprintf("%s: %q", why, e.Str), "")
			return false
		}
		h.Excluded = append(h.Excluded, p)
	}
	return true
}

// reservedPrefix reads prefix/length. Bits behind the length, which Kea 2.2
// takes and Kea 3 refuses, are cut with a warning.
func (r *reader) reservedPrefix(v *Value, t *trail) (p netip.Prefix, why string) {
	text := strings.TrimSpace(v.Str)
	addr, _, ok := strings.Cut(text, "/")
	if !ok {
		return p, "prefix reservation requires prefix length"
	}
	p, why = parsePrefix(text, 6)
	switch {
	case why != "":
	case p.Bits() == 0:
		why = "prefix length is not between 1 and 128"
	case netip.MustParseAddr(addr) != p.Addr():
		r.warn("host-prefix-bits", v.Pos, t, fmt.Sprintf("%q has bits beyond the prefix length", text), "reserved is "+p.String())
	}
	return p, why
}

// newHost refuses a second host with an identifier or an address of its subnet.
func (r *reader) newHost(h *Host, t *trail) bool {
	id := hostKey{h.SubnetID, h.Type, h.Identifier}
	if first, twice := r.hostAt[id]; twice {
		r.bad("host-duplicate", h.Pos, t, fmt.Sprintf("failed to add new host using the %s to the IPv%d subnet id '%d' as this host has already been added",
			h.identity(), r.version, h.SubnetID), "the first is at "+first.String())
		return false
	}
	r.hostAt[id] = h.Pos
	if !r.f.ReservationsUnique {
		return true
	}
	addrs := append([]netip.Addr{}, h.Addrs...)
	if h.Addr.IsValid() {
		addrs = append(addrs, h.Addr)
	}
	for _, p := range h.Prefixes {
		addrs = append(addrs, p.Addr())
	}
	for _, a := range addrs {
		k := addrKey{h.SubnetID, a}
		if first, twice := r.addrAt[k]; twice {
			r.bad("host-address-taken", h.Pos, t, h.takenText(a, r.version), "the first is at "+first.String())
			return false
		}
		r.addrAt[k] = h.Pos
	}
	return true
}

// identity and takenText are texts that test suites match.
func (h *Host) identity() string {
	names := [...]string{HWAddress: "HW address", DUID: "DUID", CircuitID: "circuit-id", ClientIdentifier: "client-id", FlexID: "flex-id"}
	return fmt.Sprintf("%s '%s'", names[h.Type], colonHex(h.Identifier))
}

func (h *Host) takenText(a netip.Addr, version int) string {
	hw, duid := "(null)", "(null)"
	switch h.Type {
	case HWAddress:
		hw = colonHex(h.Identifier)
	case DUID:
		duid = colonHex(h.Identifier)
	}
	if version == 4 {
		return fmt.Sprintf("failed to add new host using the HW address '%s and DUID '%s' to the IPv4 subnet id '%d' for the address %s: There's already a reservation for this address", hw, duid, h.SubnetID, a)
	}
	return fmt.Sprintf("failed to add address reservation for host using the HW address '%s and DUID '%s' to the IPv6 subnet id '%d' for address/prefix %s: There's already reservation for this address/prefix", hw, duid, h.SubnetID, a)
}

func colonHex(id string) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 3*len(id))
	for i := range len(id) {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[id[i]>>4], digits[id[i]&15])
	}
	return string(b)
}
