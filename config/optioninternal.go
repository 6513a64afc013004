package config

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// internalFormat returns the codec of an option whose text has a syntax of its
// own, or nil.
func (d *OptionDef) internalFormat() func(text string) ([]byte, error) {
	if d.Type != "internal" {
		return nil
	}
	switch {
	case d.Code == 121:
		return encodeRoutes
	case d.Code == 162:
		return encodeResolvers4
	}
	return encodeResolver6
}

// encodeRoutes reads "destination/length - router, …" (RFC 3442).
func encodeRoutes(text string) ([]byte, error) {
	var out []byte
	for _, route := range splitCSV(text) {
		dest, router, ok := strings.Cut(route, "-")
		p, err1 := netip.ParsePrefix(strings.TrimSpace(dest))
		gw, err2 := netip.ParseAddr(strings.TrimSpace(router))
		if !ok || err1 != nil || err2 != nil || !p.Addr().Is4() || !gw.Is4() {
			return nil, fmt.Errorf("'%s' is not 'destination/length - router'", route)
		}
		a := p.Masked().Addr().As4()
		out = append(out, byte(p.Bits()))
		out = append(out, a[:(p.Bits()+7)/8]...)
		out = append(out, gw.AsSlice()...)
	}
	if out == nil {
		return nil, errors.New("no option value specified")
	}
	return out, nil
}

// encodeResolvers4 reads v4-dnr: instances separated by pipes (RFC 9463 §5.1).
func encodeResolvers4(text string) ([]byte, error) {
	var out []byte
	for _, instance := range splitEscaped(text, '|', false) {
		r, err := parseResolver(instance, 4)
		if err != nil {
			return nil, err
		}
		body := binary.BigEndian.AppendUint16(nil, r.priority)
		if len(r.name) > 255 || len(r.addrs) > 255 {
			return nil, fmt.Errorf("'%s' has more than 255 octets of addresses", instance)
		}
		body = append(append(body, byte(len(r.name))), r.name...)
		if !r.nameOnly {
			body = append(append(body, byte(len(r.addrs))), r.addrs...)
			body = append(body, r.params...)
		}
		if len(body) > 65535 {
			return nil, fmt.Errorf("'%s' is too long", instance)
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(body))), body...)
	}
	if out == nil {
		return nil, errors.New("no option value specified")
	}
	return out, nil
}

// encodeResolver6 reads v6-dnr: one instance (RFC 9463 §4.1).
func encodeResolver6(text string) ([]byte, error) {
	r, err := parseResolver(text, 6)
	if err != nil {
		return nil, err
	}
	out := binary.BigEndian.AppendUint16(nil, r.priority)
	out = append(binary.BigEndian.AppendUint16(out, uint16(len(r.name))), r.name...)
	if !r.nameOnly {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(r.addrs))), r.addrs...)
		out = append(out, r.params...)
	}
	if len(out) > 65535 {
		return nil, errors.New("the resolver's data are too long")
	}
	return out, nil
}

// resolver is one encrypted resolver of the DNR options.
type resolver struct {
	priority            uint16
	name, addrs, params []byte // as on the wire, without lengths
	nameOnly            bool
}

// parseResolver reads "priority, name[, address …[, key=value …]]".
func parseResolver(text string, version int) (*resolver, error) {
	fields := splitCSV(text)
	if len(fields) < 2 || len(fields) > 4 {
		return nil, fmt.Errorf("'%s' is not 'priority, name[, addresses[, parameters]]'", text)
	}
	r := &resolver{nameOnly: len(fields) == 2}
	n, err := strconv.ParseUint(fields[0], 10, 16)
	if err != nil {
		return nil, fmt.Errorf("'%s' is not a priority", fields[0])
	}
	r.priority = uint16(n)
	if r.name, err = appendName(nil, fields[1]); err != nil {
		return nil, err
	}
	if r.nameOnly {
		return r, nil
	}
	for _, s := range strings.Fields(fields[2]) {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" || a.Is4() != (version == 4) {
			return nil, fmt.Errorf("'%s' is not an IPv%d address", s, version)
		}
		r.addrs = append(r.addrs, a.AsSlice()...)
	}
	if len(fields) == 4 {
		r.params, err = encodeServiceParams(fields[3])
	}
	return r, err
}

// The SvcParamKeys of RFC 9460 §14.3.2 and RFC 9461 that a resolver may have.
var serviceParamKeys = map[string]uint16{
	"mandatory": 0, "alpn": 1, "no-default-alpn": 2, "port": 3, "ech": 5, "dohpath": 7,
}

// encodeServiceParams reads "key=value …"; RFC 9460 §2.2 has them ascending.
func encodeServiceParams(text string) ([]byte, error) {
	values := map[uint16][]byte{}
	for _, param := range strings.Fields(text) {
		name, value, ok := strings.Cut(param, "=")
		key, known := serviceParamKeys[name]
		if !known {
			if n, err := strconv.ParseUint(strings.TrimPrefix(name, "key"), 10, 16); err == nil {
				key, known = uint16(n), true
			}
		}
		if !known || !ok || value == "" {
			return nil, fmt.Errorf("'%s' is not a service parameter", param)
		}
		if values[key] != nil {
			return nil, fmt.Errorf("service parameter %s is given twice", name)
		}
		v, err := encodeServiceParam(key, value)
		if err != nil {
			return nil, err
		}
		values[key] = v
	}
	keys := make([]uint16, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var out []byte
	for _, k := range keys {
		out = binary.BigEndian.AppendUint16(out, k)
		out = binary.BigEndian.AppendUint16(out, uint16(len(values[k])))
		out = append(out, values[k]...)
	}
	return out, nil
}

func encodeServiceParam(key uint16, value string) ([]byte, error) {
	switch key {
	case 1:
		var out []byte
		for id := range strings.SplitSeq(value, ",") {
			if id = strings.TrimSpace(id); id == "" || len(id) > 255 {
				return nil, fmt.Errorf("'%s' is not a list of protocols", value)
			}
			out = append(append(out, byte(len(id))), id...)
		}
		return out, nil
	case 3:
		port, err := strconv.ParseUint(value, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("'%s' is not a port", value)
		}
		return binary.BigEndian.AppendUint16(nil, uint16(port)), nil
	case 7:
		return []byte(value), nil
	}
	return nil, fmt.Errorf("service parameter %d cannot be configured; alpn, port and dohpath can", key)
}
