package config

import (
	"fmt"
	"net/netip"
)

// levels is the maps that a value is inherited through, the nearest first.
type levels []*Value

func (c levels) find(key string) *Value {
	for _, v := range c {
		if e := v.Get(key); e != nil {
			return e
		}
	}
	return nil
}

// findText is find for a string whose empty form means "not set here".
func (c levels) findText(key string) *Value {
	for _, v := range c {
		if e := v.Get(key); e != nil && e.Str != "" {
			return e
		}
	}
	return nil
}

func (c levels) flag(key string, absent bool) bool {
	if e := c.find(key); e != nil {
		return e.Bool
	}
	return absent
}

func (c levels) text(key, absent string) string {
	if e := c.find(key); e != nil {
		return e.Str
	}
	return absent
}

func (c levels) number(key string) Optional[uint32] {
	if e := c.find(key); e != nil {
		return Optional[uint32]{true, uint32(e.Int)}
	}
	return Optional[uint32]{}
}

func (c levels) real(key string) Optional[float64] {
	if e := c.find(key); e != nil {
		return Optional[float64]{true, e.float()}
	}
	return Optional[float64]{}
}

func (v *Value) float() float64 {
	if v.Kind == Int {
		return float64(v.Int)
	}
	return v.Real
}

// given says whether the nearest level itself has one of the keys: what a level
// only inherits was checked above it.
func (c levels) given(keys ...string) *Value {
	for _, k := range keys {
		if e := c[0].Get(k); e != nil {
			return e
		}
	}
	return nil
}

// params resolves the inheritable parameters of a level.
func (r *reader) params(c levels, t *trail) Params {
	p := Params{
		RenewTimer:            c.number("renew-timer"),
		RebindTimer:           c.number("rebind-timer"),
		CalculateTeeTimes:     c.flag("calculate-tee-times", r.version == 6),
		T1Percent:             0.5,
		T2Percent:             0.875,
		CacheThreshold:        c.real("cache-threshold"),
		CacheMaxAge:           c.number("cache-max-age"),
		AdaptiveThreshold:     c.real("adaptive-lease-time-threshold"),
		OfferLifetime:         c.number("offer-lifetime").Value,
		Allocator:             allocators[c.text("allocator", "iterative")],
		PDAllocator:           allocators[c.text("pd-allocator", "iterative")],
		ReservationsGlobal:    c.flag("reservations-global", false),
		ReservationsInSubnet:  c.flag("reservations-in-subnet", true),
		ReservationsOutOfPool: c.flag("reservations-out-of-pool", false),
		MatchClientID:         c.flag("match-client-id", true),
		Authoritative:         c.flag("authoritative", false),
		StoreExtendedInfo:     c.flag("store-extended-info", false),
		DDNS:                  r.ddns(c, t),
	}
	if r.version == 6 {
		p.T2Percent = 0.8
	}
	if x := c.real("t1-percent"); x.Set {
		p.T1Percent = x.Value
	}
	if x := c.real("t2-percent"); x.Set {
		p.T2Percent = x.Value
	}
	p.Lifetimes = r.lifetimes(c, t)
	r.bootFields(c, t, &p.NextServer, &p.ServerHostname, &p.BootFileName)
	r.checkTimes(c, &p, t)
	r.checkAllocators(c, t)
	return p
}

var allocators = map[string]Allocator{"iterative": Iterative, "random": Random, "flq": FreeLeaseQueue}

// lifetimes: the three keys of a triplet are inherited one by one; a bound that
// no level gives is the default itself.
func (r *reader) lifetimes(c levels, t *trail) Lifetimes {
	l := Lifetimes{Valid: r.triplet(c, t, "valid-lifetime")}
	if !l.Valid.Set {
		l.Valid = Triplet{Set: true, Min: 7200, Default: 7200, Max: 7200}
		if min := c.number("min-valid-lifetime"); min.Set {
			l.Valid.Min = min.Value
		}
		if max := c.number("max-valid-lifetime"); max.Set {
			l.Valid.Max = max.Value
		}
	}
	if r.version == 6 {
		l.Preferred = r.triplet(c, t, "preferred-lifetime")
		if !l.Preferred.Set {
			l.Preferred = Triplet{false, fiveEighths(l.Valid.Min), fiveEighths(l.Valid.Default), fiveEighths(l.Valid.Max)}
		}
	}
	return l
}

// fiveEighths of a lifetime; the infinite one stays infinite.
func fiveEighths(n uint32) uint32 {
	if n == maxUint32 {
		return n
	}
	return uint32(uint64(n) * 5 / 8)
}

func (r *reader) triplet(c levels, t *trail, name string) Triplet {
	def, lo, hi := c.number(name), c.number("min-"+name), c.number("max-"+name)
	own := c.given(name, "min-"+name, "max-"+name)
	if !def.Set {
		isValid := name == "valid-lifetime" && len(c) > 0 && c[len(c)-1] == r.top
		if isValid { // the global default stands behind it
			def = Optional[uint32]{true, 7200}
		} else if lo.Set && hi.Set {
			if own != nil {
				r.bad("lifetime-bounds", own.Pos, t, fmt.Sprintf("have min-%s and max-%s but no %s (default)", name, name, name), "add "+name)
			}
			return Triplet{}
		} else if lo.Set {
			def = lo
		} else if hi.Set {
			def = hi
		} else {
			return Triplet{}
		}
	}
	x := Triplet{true, def.Value, def.Value, def.Value}
	if lo.Set {
		x.Min = lo.Value
	}
	if hi.Set {
		x.Max = hi.Value
	}
	if own == nil {
		return x
	}
	switch {
	case lo.Set && x.Min > x.Default:
		r.bad("lifetime-bounds", own.Pos, t, fmt.Sprintf("the value of min-%s (%d) is not less than (default) %s (%d)", name, x.Min, name, x.Default), "")
	case hi.Set && x.Max < x.Default:
		r.bad("lifetime-bounds", own.Pos, t, fmt.Sprintf("the value of (default) %s (%d) is not between min-%s and max-%s (%d)", name, x.Default, name, name, x.Max), "")
	}
	return x
}

// checkTimes: renew-timer above rebind-timer makes Kea 2.2 refuse and Kea 3
// warn; T1 is then not sent.
func (r *reader) checkTimes(c levels, p *Params, t *trail) {
	if own := c.given("renew-timer", "rebind-timer"); own != nil && p.RenewTimer.Set && p.RebindTimer.Set && p.RenewTimer.Value > p.RebindTimer.Value {
		r.warn("renew-after-rebind", own.Pos, t, fmt.Sprintf("the value of renew-timer (%d) is greater than the value of rebind-timer (%d)", p.RenewTimer.Value, p.RebindTimer.Value), "T1 will not be sent")
	}
	if own := c.given("t1-percent", "t2-percent", "calculate-tee-times"); own != nil && p.CalculateTeeTimes {
		switch {
		case p.T1Percent <= 0 || p.T1Percent >= 1:
			r.bad("tee-percent", own.Pos, t, fmt.Sprintf("t1-percent: %v is invalid, it must be greater than 0.0 and less than 1.0", p.T1Percent), "")
		case p.T2Percent <= 0 || p.T2Percent >= 1:
			r.bad("tee-percent", own.Pos, t, fmt.Sprintf("t2-percent: %v is invalid, it must be greater than 0.0 and less than 1.0", p.T2Percent), "")
		case p.T1Percent >= p.T2Percent:
			r.bad("tee-percent", own.Pos, t, fmt.Sprintf("t1-percent: %v is invalid, it must be less than t2-percent: %v", p.T1Percent, p.T2Percent), "")
		}
	}
	if own := c.given("cache-threshold"); own != nil && (own.float() < 0 || own.float() >= 1) {
		r.bad("cache-threshold", own.Pos, t, fmt.Sprintf("cache-threshold: %v is invalid, it must be at least 0.0 and less than 1.0", own.float()), "")
	}
	if own := c.given("adaptive-lease-time-threshold"); own != nil && (own.float() <= 0 || own.float() > 1) {
		r.bad("adaptive-threshold", own.Pos, t, fmt.Sprintf("adaptive-lease-time-threshold: %v is invalid, it must be greater than 0.0 and at most 1.0", own.float()), "")
	}
}

func (r *reader) checkAllocators(c levels, t *trail) {
	if own := c.given("allocator"); own != nil {
		if own.Str == "flq" && r.version == 6 {
			r.bad("allocator", own.Pos, t, "the flq allocator does not serve IPv6 addresses", "use iterative or random")
		}
		if own.Str == "shared-flq" {
			r.bad("allocator", own.Pos, t, "the shared-flq allocator needs an SQL lease database: "+noSQL, "use flq")
		}
	}
	if own := c.given("pd-allocator"); own != nil && own.Str == "shared-flq" {
		r.bad("allocator", own.Pos, t, "the shared-flq allocator needs an SQL lease database: "+noSQL, "use flq")
	}
}

// bootFields reads siaddr, sname and file of a level. Kea: an empty string in a
// scope means "not set", 0.0.0.0 means "explicitly none".
func (r *reader) bootFields(c levels, t *trail, next *netip.Addr, sname, file *string) {
	if r.version != 4 {
		return
	}
	if v := c.findText("next-server"); v != nil {
		a, err := netip.ParseAddr(v.Str)
		switch {
		case err == nil && a.Is4():
			if !a.IsUnspecified() {
				*next = a
			}
		case c.given("next-server") != nil:
			r.bad("next-server", v.Pos, t, fmt.Sprintf("invalid parameter next-server: %q is no IPv4 address", v.Str), "")
		}
	}
	if v := c.findText("server-hostname"); v != nil {
		*sname = v.Str
	}
	if v := c.findText("boot-file-name"); v != nil {
		*file = v.Str
	}
	if own := c.given("server-hostname"); own != nil && len(own.Str) > 63 {
		r.bad("server-hostname", own.Pos, t, fmt.Sprintf("server-hostname must be at most 63 bytes long, it is %d", len(own.Str)), "")
	}
	limit := 127
	if c[0].Get("subnet") != nil {
		limit++ // Kea takes one more at this level, and the field has room for it
	}
	if own := c.given("boot-file-name"); own != nil && len(own.Str) > limit {
		r.bad("boot-file-name", own.Pos, t, fmt.Sprintf("boot-file-name must be at most %d bytes long, it is %d", limit, len(own.Str)), "")
	}
}

// ddns resolves the name parameters. The four TTL keys count as one: the
// nearest level that gives any of them decides whether the TTL is fixed.
func (r *reader) ddns(c levels, t *trail) DDNS {
	d := DDNS{
		SendUpdates:          c.flag("ddns-send-updates", true),
		OverrideNoUpdate:     c.flag("ddns-override-no-update", false),
		OverrideClientUpdate: c.flag("ddns-override-client-update", false),
		ReplaceClientName:    replaceModes[c.text("ddns-replace-client-name", "never")],
		GeneratedPrefix:      c.text("ddns-generated-prefix", "myhost"),
		QualifyingSuffix:     c.text("ddns-qualifying-suffix", ""),
		UpdateOnRenew:        c.flag("ddns-update-on-renew", false),
		ConflictResolution:   conflictResolution(c),
		CharReplacement:      c.text("hostname-char-replacement", ""),
	}
	r.charSet(c, t, &d)
	for i, v := range c {
		rest := c[i:]
		if v.Get("ddns-ttl") != nil {
			d.TTL = rest.number("ddns-ttl")
			break
		}
		if rest[:1].given("ddns-ttl-percent", "ddns-ttl-min", "ddns-ttl-max") != nil {
			d.TTLPercent, d.TTLMin, d.TTLMax = rest.real("ddns-ttl-percent"), rest.number("ddns-ttl-min"), rest.number("ddns-ttl-max")
			break
		}
	}
	if own := c.given("ddns-ttl"); own != nil && c.given("ddns-ttl-percent", "ddns-ttl-min", "ddns-ttl-max") != nil {
		r.bad("ddns-ttl", own.Pos, t, "cannot specify both ddns-ttl and ddns-ttl-percent, ddns-ttl-min or ddns-ttl-max", "")
	}
	if own := c.given("ddns-ttl-min", "ddns-ttl-max"); own != nil && d.TTLMin.Set && d.TTLMax.Set && d.TTLMax.Value < d.TTLMin.Value {
		r.bad("ddns-ttl", own.Pos, t, fmt.Sprintf("ddns-ttl-max: %d must be greater than ddns-ttl-min: %d", d.TTLMax.Value, d.TTLMin.Value), "")
	}
	if own := c.given("ddns-ttl-percent"); own != nil && own.float() < 0 {
		r.bad("ddns-ttl", own.Pos, t, "ddns-ttl-percent must not be negative", "")
	}
	return d
}

var replaceModes = map[string]ReplaceClientName{"never": ReplaceNever, "always": ReplaceAlways, "when-present": ReplaceWhenPresent, "when-not-present": ReplaceWhenNotPresent}

// conflictResolution reads either spelling at each level.
func conflictResolution(c levels) string {
	for _, v := range c {
		if e := v.Get("ddns-conflict-resolution-mode"); e != nil {
			return e.Str
		}
		if e := v.Get("ddns-use-conflict-resolution"); e != nil {
			if e.Bool {
				return "check-with-dhcid"
			}
			return "no-check-with-dhcid"
		}
	}
	return "check-with-dhcid"
}

func (r *reader) charSet(c levels, t *trail, d *DDNS) {
	v := c.find("hostname-char-set")
	set := "[^A-Za-z0-9.-]"
	if v != nil {
		set = v.Str
	}
	if set == "" {
		return
	}
	compiled, known := r.charSets[set]
	var err error
	if !known {
		compiled, err = compileCharSet(set)
	}
	if err != nil {
		if own := c.given("hostname-char-set"); own != nil {
			r.bad("hostname-char-set", own.Pos, t, fmt.Sprintf("hostname-char-set %q is not a valid regular expression: %v", set, err), "")
		}
		return
	}
	r.charSets[set] = compiled
	d.CharSet = compiled
}
