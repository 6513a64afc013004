package server

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
	"leasehold/server/wire"
)

// described6 is a DHCPv6 query as arguments describe it.
type described6 struct {
	typ         byte
	duid        []byte
	iaid        uint32
	address     netip.Addr
	prefix      netip.Prefix
	wantsPrefix bool
	link        netip.Addr
	interfaceID []byte
	more        []byte // options, ready
}

var describedTypes6 = map[string]byte{
	"solicit": wire.Solicit, "request": wire.Request, "renew": wire.Renew, "rebind": wire.Rebind, "information-request": wire.InformationRequest,
}

// describedQuery6 builds the DHCPv6 message that arguments describe.
func describedQuery6(f *family, args *config.Value) ([]byte, error) {
	if args == nil || args.Kind != config.Map {
		return nil, errors.New("arguments must be a map that describes a query")
	}
	d := &described6{typ: wire.Solicit, iaid: 1}
	for _, x := range args.Members {
		if err := d.describe(x.Key, stringOf(args, x.Key), intOf(args, x.Key)); err != nil {
			return nil, err
		}
	}
	if len(d.duid) == 0 {
		return nil, errors.New("a client is described by its duid, or hw-address")
	}
	return d.message(f), nil
}

func (d *described6) describe(key, text string, n int64) (err error) {
	switch key {
	case "interface":
	case "type":
		var ok bool
		if d.typ, ok = describedTypes6[text]; !ok {
			return fmt.Errorf("type is solicit, request, renew, rebind or information-request, not %q", text)
		}
	case "duid":
		if d.duid, err = octetsOf(text); err != nil || len(d.duid) < 3 || len(d.duid) > 130 {
			return fmt.Errorf("%q is no DUID", text)
		}
	case "hw-address":
		hw, err := net.ParseMAC(text)
		if err != nil {
			return fmt.Errorf("read hw-address: %w", err)
		}
		if d.duid == nil { // DUID-LL, RFC 9915 §11.4
			d.duid = append([]byte{0, duidLL, 0, 1}, hw...)
		}
	case "iaid":
		d.iaid = uint32(n)
	case "relay":
		if d.link, err = netip.ParseAddr(text); err != nil || d.link.Is4() {
			return fmt.Errorf("relay is no IPv6 address: %q", text)
		}
	case "interface-id":
		d.interfaceID = []byte(text)
	case "prefix":
		d.wantsPrefix = true
	case "requested":
		if p, err := netip.ParsePrefix(text); err == nil {
			d.prefix, d.wantsPrefix = p, true
			break
		}
		if d.address, err = netip.ParseAddr(text); err != nil || d.address.Is4() {
			return fmt.Errorf("requested is no IPv6 address or prefix: %q", text)
		}
	case "hostname":
		d.more = append6(d.more, wire.Opt6FQDN, append([]byte{0}, labels(text)...))
	case "vendor-class":
		v := binary.BigEndian.AppendUint16([]byte{0, 0, 0, 0}, uint16(len(text)))
		d.more = append6(d.more, wire.Opt6VendorClass, append(v, text...))
	default:
		return fmt.Errorf("%q describes nothing: use duid, hw-address, iaid, hostname, interface, interface-id, prefix, relay, requested, type, vendor-class", key)
	}
	return nil
}

func octetsOf(text string) ([]byte, error) {
	return hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(text))
}

// labels writes a name in wire form; without a dot at the end it is partial.
func labels(name string) (out []byte) {
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		part = part[:min(len(part), 63)]
		out = append(append(out, byte(len(part))), part...)
	}
	if strings.HasSuffix(name, ".") {
		out = append(out, 0)
	}
	return out
}

func append6(b []byte, code uint16, v []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(v))), v...)
}

// message writes the described query. It asks for all that could be configured.
func (d *described6) message(f *family) []byte {
	m := append6([]byte{d.typ, 0, 0, 1}, wire.Opt6ClientID, d.duid)
	if d.typ == wire.Request || d.typ == wire.Renew {
		m = append6(m, wire.Opt6ServerID, f.engine.DUID())
	}
	m = append6(m, wire.Opt6ElapsedTime, []byte{0, 0})
	var asked []byte
	served := []uint16{wire.Opt6ClientID, wire.Opt6ServerID, wire.Opt6IANA, 4, wire.Opt6IAAddr, wire.Opt6IAPD, wire.Opt6IAPrefix, wire.Opt6StatusCode}
	for code := uint16(7); code < 150; code++ {
		if !slices.Contains(served, code) {
			asked = binary.BigEndian.AppendUint16(asked, code)
		}
	}
	m = append(append6(m, wire.Opt6ORO, asked), d.more...)
	if d.typ != wire.InformationRequest {
		m = d.associations(m)
	}
	if !d.link.IsValid() && d.interfaceID == nil {
		return m
	}
	link, peer := netip.IPv6Unspecified().As16(), describedPeer.As16()
	if d.link.IsValid() {
		link = d.link.As16()
	}
	r := slices.Concat([]byte{wire.RelayForw, 0}, link[:], peer[:])
	if d.interfaceID != nil {
		r = append6(r, wire.Opt6InterfaceID, d.interfaceID)
	}
	return append6(r, wire.Opt6RelayMsg, m)
}

// associations adds an IA_NA and, if it is wanted, an IA_PD.
func (d *described6) associations(m []byte) []byte {
	ia := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, d.iaid), 0)
	na := ia
	if d.address.IsValid() {
		na = append6(slices.Clone(ia), wire.Opt6IAAddr, append(d.address.AsSlice(), make([]byte, 8)...))
	}
	m = append6(m, wire.Opt6IANA, na)
	if !d.wantsPrefix {
		return m
	}
	pd := ia
	if d.prefix.IsValid() {
		v := append(make([]byte, 8, 25), byte(d.prefix.Bits()))
		pd = append6(slices.Clone(ia), wire.Opt6IAPrefix, append(v, d.prefix.Addr().AsSlice()...))
	}
	return append6(m, wire.Opt6IAPD, pd)
}

// describedPeer is the client's address on its link.
var describedPeer = netip.MustParseAddr("fe80::1")

func (f *family) describedArrival6(args *config.Value) wire.Arrival {
	name := stringOf(args, "interface")
	a := wire.Arrival{Iface: interfaceNamed(name), Src: netip.AddrPortFrom(describedPeer, 546), Multi: true}
	if a.Iface == nil && name != "" {
		a.Iface = &wire.Interface{Name: name}
	}
	a.Local = netip.MustParseAddr("fe80::2")
	return a
}
