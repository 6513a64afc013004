package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"leasehold/config"
)

// configDigest tells configurations apart that give clients other leases or
// options: subnets, pools, lifetimes, timers, options and reservations, as they
// apply, in whatever way and order they are written. What may differ between the
// servers of a pair (interfaces, sockets, files, loggers) is not in it.
func configDigest(f *config.Family) string {
	h := sha256.New()
	d := digest{h, f}
	d.options("global", &f.Options)
	subnets := slices.Clone(f.Subnets)
	slices.SortFunc(subnets, func(a, b *config.Subnet) int { return cmp.Compare(a.ID, b.ID) })
	for _, s := range subnets {
		network := ""
		if s.Network != nil {
			network = s.Network.Name
			d.options("network", &s.Network.Options)
		}
		p := &s.Params
		fmt.Fprintf(h, "subnet %d %s %q %v %v %v %v %v %v %v %v %v\n", s.ID, s.Prefix, network, d.names(s.Guard), s.Relay, s.HAServer,
			p.Lifetimes, p.RenewTimer, p.RebindTimer, p.MatchClientID, p.NextServer, p.BootFileName)
		d.options("subnet", &s.Options)
		d.pools(s.Pools)
		d.pools(s.PDPools)
	}
	hosts := slices.Clone(f.Hosts.All())
	slices.SortFunc(hosts, func(a, b *config.Host) int {
		return cmp.Or(cmp.Compare(a.SubnetID, b.SubnetID), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Identifier, b.Identifier))
	})
	for _, x := range hosts {
		fmt.Fprintf(h, "host %d %d %x %v %v %v %q %v %v %q\n", x.SubnetID, x.Type, x.Identifier, x.Addr, x.Addrs, x.Prefixes,
			x.Hostname, d.names(x.Classes), x.NextServer, x.BootFileName)
		d.options("host", &x.Options)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

type digest struct {
	w io.Writer
	f *config.Family
}

func (d *digest) names(ids []config.ClassID) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = d.f.ClassName(id)
	}
	slices.Sort(names)
	return names
}

func (d *digest) pools(pools []*config.Pool) {
	list := slices.Clone(pools)
	slices.SortFunc(list, func(a, b *config.Pool) int { return a.First.Compare(b.First) })
	for _, p := range list {
		fmt.Fprintf(d.w, "pool %s %s %d %v %v\n", p.First, p.Last, p.DelegatedLen, p.Excluded, d.names(p.Guard))
		d.options("pool", &p.Options)
	}
}

func (d *digest) options(at string, s *config.OptionSet) {
	for _, o := range slices.Concat(s.All(), s.VendorAll()) {
		fmt.Fprintf(d.w, "option %s %d %d %x %x %t %t %v\n", at, o.Enterprise, o.Code, o.Data, o.More, o.AlwaysSend, o.NeverSend, d.names(o.Classes))
	}
}
