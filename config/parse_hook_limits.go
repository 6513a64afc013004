package config

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Limits are what libdhcp_limits keeps classes and subnets to.
type Limits struct {
	Classes   map[ClassID]*Limit
	Templates map[ClassID]*Limit // for each class that the template spawns
	Subnets   map[uint32]*Limit
}

// Limit is what one class or subnet is kept to.
type Limit struct {
	Addresses Optional[uint32] // leases at a time
	Prefixes  Optional[uint32] // likewise, v6
	Packets   uint32           // per Per; 0 with Per 0: no limit
	Per       time.Duration    // 0: no limit
}

// Units of rate-limit, as long as Kea takes them to be.
var rateUnits = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	"week": 7 * 24 * time.Hour, "month": 30 * 24 * time.Hour, "year": 365 * 24 * time.Hour,
}

var rateText = regexp.MustCompile(`^\s*(\d+)\s+packets?\s+per\s+(\w+)\s*$`)

// limits reads user-context/limits of every class and subnet.
func (h hookReader) limits(top *trail) {
	f := h.f
	f.Limits = &Limits{Classes: map[ClassID]*Limit{}, Templates: map[ClassID]*Limit{}, Subnets: map[uint32]*Limit{}}
	t := top.key("client-classes")
	for i, c := range f.Classes {
		l := h.limit(c.UserContext, t.at(i))
		switch {
		case l == nil:
		case c.Template != nil:
			f.Limits.Templates[c.ID] = l
		default:
			f.Limits.Classes[c.ID] = l
		}
	}
	t = top.key(h.subnetKey())
	for i, s := range f.Subnets {
		if l := h.limit(s.UserContext, t.at(i)); l != nil {
			f.Limits.Subnets[s.ID] = l
		}
	}
}

func (h hookReader) limit(context *Value, t *trail) *Limit {
	v := context.Get("limits")
	if v == nil {
		return nil
	}
	t = t.key("user-context").key("limits")
	if v.Kind != Map {
		h.bad("hook-parameter", v.Pos, t, "limits must be a map", "")
		return nil
	}
	// Kea takes prefix-limit for DHCPv4, too, where it limits nothing.
	h.known(v, t, "address-limit", "prefix-limit", "rate-limit")
	l := &Limit{}
	for key, at := range map[string]*Optional[uint32]{"address-limit": &l.Addresses, "prefix-limit": &l.Prefixes} {
		if v.Get(key) != nil {
			*at = Optional[uint32]{true, uint32(h.integer(v, key, 0, 0, maxUint32, t))}
		}
	}
	if text := h.text(v, "rate-limit", t); v.Get("rate-limit") != nil {
		n, per, ok := parseRate(text)
		if !ok {
			h.bad("hook-parameter", v.posOf("rate-limit"), t.key("rate-limit"), fmt.Sprintf("%q is no rate", text), `write "<number> packets per <second, minute, hour, day, week, month or year>"`)
		}
		l.Packets, l.Per = n, per
	}
	return l
}

// parseRate reads "3 packets per second".
func parseRate(text string) (n uint32, per time.Duration, ok bool) {
	m := rateText.FindStringSubmatch(text)
	if m == nil || rateUnits[m[2]] == 0 {
		return 0, 0, false
	}
	packets, err := strconv.ParseUint(m[1], 10, 32)
	return uint32(packets), rateUnits[m[2]], err == nil
}
