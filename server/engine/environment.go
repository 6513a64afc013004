package engine

import (
	"math/bits"
	"net/netip"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/wire"
)

// Ports are the UDP ports to answer from and to; tests change them.
type ports struct{ server, client uint16 }

// Addresses tells the engine the addresses of the open sockets: a query may
// name any of them as server identifier.
type Addresses struct{ Own []netip.Addr }

func (Addresses) input() {}

// Identity replaces the server's DUID (v6).
type Identity struct{ DUID []byte }

func (Identity) input() {}

// Adopt makes changes that another server decided our own.
type Adopt struct{ Changes []lease.Change }

func (Adopt) input() {}

// hooks are the built-in features that hooks-libraries switches on.
type hooks struct{ bootp bool }

func (e *Engine) ownAddr(a netip.Addr) bool { return e.own[a] }

func (e *Engine) setAddresses(a []netip.Addr) {
	e.own = make(map[netip.Addr]bool, len(a))
	for _, x := range a {
		e.own[x] = true
	}
}

// tellsUnicast says whether a configuration tells any client to send to an
// address of the server.
func tellsUnicast(f *config.Family) bool {
	told := len(f.Options.Lookup(wire.Opt6Unicast)) > 0
	note := func(o *config.OptionSet) { told = told || len(o.Lookup(wire.Opt6Unicast)) > 0 }
	for _, n := range f.Networks {
		note(&n.Options)
	}
	for _, c := range f.Classes {
		note(&c.Options)
	}
	for _, h := range f.Hosts.All() {
		note(&h.Options)
	}
	for _, s := range f.Subnets {
		note(&s.Options)
		for _, p := range s.Pools {
			note(&p.Options)
		}
		for _, p := range s.PDPools {
			note(&p.Options)
		}
	}
	return told
}

// derive computes what a configuration implies beyond subnets and pools.
func (e *Engine) derive(f *config.Family) {
	e.hooks = hooks{bootp: f.Hook("libdhcp_bootp.so") != nil}
	e.classByID = make([]*config.Class, f.ClassCount())
	for _, c := range f.Classes {
		e.classByID[c.ID] = c
	}
	e.unicast = f.Version == 6 && tellsUnicast(f)
	e.serverIDs = map[netip.Addr]bool{}
	note := func(o *config.OptionSet) {
		for _, x := range o.Lookup(wire.OptServerID) {
			if len(x.Data) == 4 {
				e.serverIDs[netip.AddrFrom4([4]byte(x.Data))] = true
			}
		}
	}
	if f.Version == 4 {
		note(&f.Options)
		for _, n := range f.Networks {
			note(&n.Options)
		}
		for _, s := range f.Subnets {
			note(&s.Options)
		}
	}
}

func trailing(b uint64) int { return bits.TrailingZeros64(b) }

// subject returns q as class expressions see it.
func (q *Query) subject(version int) config.Subject {
	if version == 6 {
		return &q.q6
	}
	return &q.q4
}
