package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// The functions here complete the maps of a text to what config-get prints:
// every effective default, the spelling of the text kept.

// fillDefaults adds the table's defaults of a level where nothing is given.
func fillDefaults(v *Value, version int, l level, only inheritance) {
	for name, k := range keysAt(version, l) {
		if k.def == "" || k.inherit != only || v.Get(name) != nil {
			continue
		}
		v.Set(name, defaultValue(k))
	}
}

// defaultValue parses a default of the table; keys_test.go proves them sound.
func defaultValue(k *key) *Value {
	v, _, err := ParseValue("default of "+k.name, []byte(k.def), false)
	if err != nil {
		panic("config: " + err.Error())
	}
	v.clearPos()
	return v
}

func (v *Value) clearPos() {
	v.Pos = Pos{}
	for _, e := range v.List {
		e.clearPos()
	}
}

func setMissing(v *Value, key string, val *Value) {
	if v.Get(key) == nil {
		v.Set(key, val)
	}
}

// fillGlobal completes the top map.
func (r *reader) fillGlobal(v *Value) {
	hasMode := v.Get("ddns-use-conflict-resolution") != nil
	sender := v.Get("dhcp-ddns").Get("sender-ip") != nil
	for _, kind := range []inheritance{own, derived, fetched} {
		fillDefaults(v, r.version, lvGlobal, kind)
	}
	if hasMode {
		v.Remove("ddns-conflict-resolution-mode")
	}
	setMissing(v.Get("lease-database"), "type", NewString("memfile"))
	for key, l := range map[string]level{"interfaces-config": lvInterfaces, "expired-leases-processing": lvExpired, "multi-threading": lvThreads,
		"sanity-checks": lvSanity, "dhcp-queue-control": lvQueue, "dhcp-ddns": lvD2, "server-id": lvServerID} {
		if m := v.Get(key); m != nil {
			fillDefaults(m, r.version, l, own)
		}
	}
	v.Get("multi-threading").Set("enable-multi-threading", NewBool(r.f.MultiThreading.Enabled))
	if r.version == 6 {
		codes := NewList()
		for _, code := range r.f.RelaySuppliedOptions {
			codes.List = append(codes.List, NewString(strconv.Itoa(int(code))))
		}
		v.Set("relay-supplied-options", codes)
	}
	if !sender {
		v.Get("dhcp-ddns").Set("sender-ip", NewString(r.f.D2.Sender.Addr().String()))
	}
	for _, l := range elements(v.Get("loggers")) {
		fillDefaults(l, r.version, lvLogger, own)
		for _, key := range []string{"output-options", "output_options"} {
			for _, o := range elements(l.Get(key)) {
				fillDefaults(o, r.version, lvLogOutput, own)
			}
		}
	}
	if one := v.Get("control-socket"); one != nil {
		r.fillSocket(one)
	}
	for _, s := range elements(v.Get("control-sockets")) {
		r.fillSocket(s)
	}
	for _, d := range elements(v.Get("option-def")) {
		fillDefaults(d, r.version, lvOptionDef, own)
	}
	r.fillOptions(v, r.f.Defs)
}

func (r *reader) fillSocket(v *Value) {
	if a := v.Get("authentication"); a != nil {
		fillDefaults(a, r.version, lvAuth, own)
	}
}

// fillDerived adds what a network or subnet shows although it does not give it.
func (r *reader) fillDerived(v *Value, p *Params, relay []netip.Addr) {
	set := func(key string, val *Value) { setMissing(v, key, val) }
	triplet := func(name string, t Triplet) {
		if !t.Set {
			return
		}
		set(name, NewInt(int64(t.Default)))
		set("min-"+name, NewInt(int64(t.Min)))
		set("max-"+name, NewInt(int64(t.Max)))
	}
	triplet("valid-lifetime", p.Valid)
	triplet("preferred-lifetime", p.Preferred)
	number := func(key string, n Optional[uint32]) {
		if n.Set {
			set(key, NewInt(int64(n.Value)))
		}
	}
	real := func(key string, x Optional[float64]) {
		if x.Set {
			set(key, NewReal(x.Value))
		}
	}
	number("renew-timer", p.RenewTimer)
	number("rebind-timer", p.RebindTimer)
	set("calculate-tee-times", NewBool(p.CalculateTeeTimes))
	set("t1-percent", NewReal(p.T1Percent))
	set("t2-percent", NewReal(p.T2Percent))
	set("store-extended-info", NewBool(p.StoreExtendedInfo))
	real("cache-threshold", p.CacheThreshold)
	number("cache-max-age", p.CacheMaxAge)
	real("adaptive-lease-time-threshold", p.AdaptiveThreshold)
	if p.OfferLifetime > 0 {
		set("offer-lifetime", NewInt(int64(p.OfferLifetime)))
	}
	set("allocator", NewString(allocatorNames[p.Allocator]))
	if r.version == 6 {
		set("pd-allocator", NewString(allocatorNames[p.PDAllocator]))
	}
	set("relay", NewMap())
	addrs := NewList()
	for _, a := range relay {
		addrs.List = append(addrs.List, NewString(a.String()))
	}
	v.Get("relay").Set("ip-addresses", addrs)
	r.fillOptions(v, r.f.Defs)
}

var allocatorNames = [...]string{Iterative: "iterative", Random: "random", FreeLeaseQueue: "flq"}

func (r *reader) fillNetwork(v *Value, n *Network) {
	fillList(v, r.subnetKey())
	if r.version == 6 {
		setMissing(v, "rapid-commit", NewBool(false))
	}
	r.fillDerived(v, &n.Params, n.Relay)
}

func (r *reader) fillSubnet(v *Value, s *Subnet) {
	v.Set("id", NewInt(int64(s.ID)))
	v.Get("subnet").Str = s.Text
	fillList(v, "pools")
	fillList(v, "reservations")
	if r.version == 6 {
		fillList(v, "pd-pools")
		if s.Network == nil {
			setMissing(v, "rapid-commit", NewBool(s.RapidCommit))
		}
	} else {
		for _, key := range [...]string{"4o6-interface", "4o6-interface-id", "4o6-subnet"} {
			setMissing(v, key, NewString(""))
		}
	}
	r.fillDerived(v, &s.Params, s.Relay)
}

func fillList(v *Value, key string) { setMissing(v, key, NewList()) }

// fillPool: a range that is a prefix is written as one.
func (r *reader) fillPool(v *Value, p *Pool) {
	if e := v.Get("pool"); e != nil {
		*e = Value{Kind: String, Pos: e.Pos, Str: p.rangeText()}
		if prefix, ok := prefixOf(p.First, p.Last); ok {
			e.Str = prefix.String()
		}
	}
	r.fillOptions(v, r.f.Defs)
}

func (r *reader) fillClass(v *Value, defs *OptionDefs) {
	if r.version == 4 {
		r.fillBootFields(v)
		fillList(v, "option-def")
		for _, d := range elements(v.Get("option-def")) {
			fillDefaults(d, r.version, lvOptionDef, own)
		}
	}
	r.fillOptions(v, defs)
}

func (r *reader) fillBootFields(v *Value) {
	setMissing(v, "next-server", NewString("0.0.0.0"))
	setMissing(v, "server-hostname", NewString(""))
	setMissing(v, "boot-file-name", NewString(""))
}

// fillHost: hardware addresses and DUIDs are written with colons, the other
// identifiers without.
func (r *reader) fillHost(v *Value, h *Host) {
	id := colonHex(h.Identifier)
	if h.Type > DUID {
		id = strings.ToUpper(strings.ReplaceAll(id, ":", ""))
	}
	e := v.Get(identifierKeys[h.Type])
	*e = Value{Kind: String, Pos: e.Pos, Str: id}
	setMissing(v, "hostname", NewString(""))
	fillList(v, "client-classes")
	if r.version == 4 {
		r.fillBootFields(v)
	} else {
		fillList(v, "ip-addresses")
		fillList(v, "prefixes")
	}
	r.fillOptions(v, r.f.Defs)
}

// fillOptions completes the option-data entries of a scope: what identifies the
// option, where the text left it to the definitions. Data that is not csv is
// written as plain hexadecimal digits.
func (r *reader) fillOptions(v *Value, defs *OptionDefs) {
	list := v.Get("option-data")
	if list == nil {
		v.Set("option-data", NewList())
		return
	}
	for _, e := range list.List {
		r.fillOption(e, defs)
	}
}

func (r *reader) fillOption(e *Value, defs *OptionDefs) {
	fillDefaults(e, r.version, lvOptionData, own)
	space, name := e.text("space"), e.text("name")
	var def *OptionDef
	if code := e.Get("code"); code != nil {
		def = defs.Lookup(space, uint16(code.Int))
	} else if def = defs.ByName(space, name); def != nil {
		e.Set("code", NewInt(int64(def.Code)))
	}
	if def != nil && name == "" {
		e.Set("name", NewString(def.Name))
	}
	setMissing(e, "csv-format", NewBool(def != nil))
	data := e.Get("data")
	if data == nil || e.flag("csv-format", true) {
		return
	}
	if b, err := decodeHexData(data.Str); err == nil {
		*data = Value{Kind: String, Pos: data.Pos, Str: fmt.Sprintf("%X", b)}
	}
}
