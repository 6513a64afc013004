package config

import "net/netip"

// Hosts is the index of all reservations of a Family.
type Hosts struct {
	list   []*Host
	byID   map[hostKey]*Host
	byAddr map[addrKey][]*Host
}

type hostKey struct {
	subnet uint32
	typ    IdentifierType
	id     string
}

type addrKey struct {
	subnet uint32
	addr   netip.Addr
}

// All returns every reservation in the order of the text.
func (h *Hosts) All() []*Host { return h.list }

// Find returns the reservation of an identifier in a subnet (0 = global), or
// nil. It does not allocate.
func (h *Hosts) Find(subnet uint32, t IdentifierType, id []byte) *Host {
	return h.byID[hostKey{subnet, t, string(id)}]
}

// ByAddr returns the reservations of an address, or of a prefix by its
// address, in a subnet. More than one only if ip-reservations-unique is false.
func (h *Hosts) ByAddr(subnet uint32, a netip.Addr) []*Host {
	return h.byAddr[addrKey{subnet, a}]
}

func newHosts(list []*Host) *Hosts {
	h := &Hosts{list: list, byID: make(map[hostKey]*Host, len(list)), byAddr: make(map[addrKey][]*Host)}
	for _, r := range list {
		h.byID[hostKey{r.SubnetID, r.Type, r.Identifier}] = r
		add := func(a netip.Addr) {
			k := addrKey{r.SubnetID, a}
			h.byAddr[k] = append(h.byAddr[k], r)
		}
		if r.Addr.IsValid() {
			add(r.Addr)
		}
		for _, a := range r.Addrs {
			add(a)
		}
		for _, p := range r.Prefixes {
			add(p.Addr())
		}
	}
	return h
}
