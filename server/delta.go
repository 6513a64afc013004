package server

import (
	"net/netip"
	"slices"
	"strings"

	"leasehold/config"
)

// identity are the members that say which element of a list is meant, by the
// list's key. Everything else of an element is what it consists of.
var identity = map[string][]string{
	"pools":       {"pool"},
	"pd-pools":    {"prefix", "prefix-len", "delegated-len"},
	"option-data": {"space", "code", "name"},
}

// subnetIdentity are the members that say which subnet is meant.
var subnetIdentity = []string{"id", "subnet"}

// addParts puts the members of delta into v; in lists of pools and options,
// elements replace their likes.
func addParts(v, delta *config.Value) { addTo(v, delta, subnetIdentity) }

func addTo(v, delta *config.Value, keys []string) {
	for _, m := range delta.Members {
		switch list := v.Get(m.Key); {
		case slices.Contains(keys, m.Key):
		case identity[m.Key] == nil || m.Value.Kind != config.List || list == nil:
			v.Set(m.Key, m.Value)
		default:
			for _, e := range m.Value.List {
				if i := like(list, e, m.Key); i >= 0 {
					addTo(list.List[i], e, identity[m.Key])
				} else {
					list.List = append(list.List, e)
				}
			}
		}
	}
}

// removeParts takes the members that delta names out of v. An element that is
// named by its identity alone goes as a whole; else the parts that it names.
func removeParts(v, delta *config.Value) { removeFrom(v, delta, subnetIdentity) }

func removeFrom(v, delta *config.Value, keys []string) {
	for _, m := range delta.Members {
		switch list := v.Get(m.Key); {
		case slices.Contains(keys, m.Key) || list == nil:
		case identity[m.Key] == nil || m.Value.Kind != config.List:
			v.Remove(m.Key)
		default:
			for _, e := range m.Value.List {
				i := like(list, e, m.Key)
				if i < 0 {
					continue
				}
				if m.Key == "option-data" || onlyIdentity(e, identity[m.Key]) {
					list.List = slices.Delete(list.List, i, i+1)
				} else {
					removeFrom(list.List[i], e, identity[m.Key])
				}
			}
		}
	}
}

// singleLifetimes drops bounds that only repeat a lifetime: they would hold a
// new one back.
func singleLifetimes(v *config.Value) {
	for _, name := range lifetimes {
		singleLifetime(v, name)
	}
}

var lifetimes = [...]string{"valid-lifetime", "preferred-lifetime"}

func singleLifetime(v *config.Value, name string) {
	x, low, high := v.Get(name), v.Get("min-"+name), v.Get("max-"+name)
	if x != nil && low != nil && high != nil && x.Int == low.Int && x.Int == high.Int {
		v.Remove("min-" + name)
		v.Remove("max-" + name)
	}
}

func onlyIdentity(e *config.Value, keys []string) bool {
	for _, m := range e.Members {
		if !slices.Contains(keys, m.Key) {
			return false
		}
	}
	return true
}

// like returns the index of the element that e means, or -1.
func like(list, e *config.Value, key string) int {
	return slices.IndexFunc(list.List, func(have *config.Value) bool {
		switch key {
		case "pools":
			return samePool(stringOf(have, "pool"), stringOf(e, "pool"))
		case "pd-pools":
			return stringOf(have, "prefix") == stringOf(e, "prefix") && intOf(have, "prefix-len") == intOf(e, "prefix-len") &&
				intOf(have, "delegated-len") == intOf(e, "delegated-len")
		}
		space := stringOf(e, "space")
		if space != "" && space != stringOf(have, "space") {
			return false
		}
		if code := e.Get("code"); code != nil {
			return intOf(have, "code") == code.Int
		}
		return stringOf(e, "name") != "" && stringOf(have, "name") == stringOf(e, "name")
	})
}

// samePool compares pools whatever way they are written.
func samePool(a, b string) bool {
	aFirst, aLast, aOK := poolRange(a)
	bFirst, bLast, bOK := poolRange(b)
	return aOK && bOK && aFirst == bFirst && aLast == bLast
}

func poolRange(text string) (first, last netip.Addr, ok bool) {
	text = strings.ReplaceAll(text, " ", "")
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked().Addr(), lastOf(p), true
	}
	from, to, _ := strings.Cut(text, "-")
	first, err1 := netip.ParseAddr(from)
	last, err2 := netip.ParseAddr(to)
	return first, last, err1 == nil && err2 == nil
}

// lastOf is the last address of a prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
