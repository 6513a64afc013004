package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"leasehold/config"
)

// configDigest tells configurations apart that give clients other leases,
// options or names: subnets, pools, classes, parameters, DDNS, options and
// reservations, as they apply, in whatever way and order they are written. What
// may differ between the servers of a pair (interfaces, sockets, files, loggers)
// is not in it.
func configDigest(f *config.Family) string {
	h := sha256.New()
	d := digest{h, f}
	d.global()
	d.classes()
	subnets := slices.Clone(f.Subnets)
	slices.SortFunc(subnets, func(a, b *config.Subnet) int { return cmp.Compare(a.ID, b.ID) })
	for _, s := range subnets {
		network := ""
		if s.Network != nil {
			network = s.Network.Name
			d.options("network", &s.Network.Options)
		}
		fmt.Fprintf(h, "subnet %d %s %q %v %v %v %q %q %t\n", s.ID, s.Prefix, network, d.names(s.Guard), d.names(s.Additional), s.Relay,
			s.HAServer, s.InterfaceID, s.RapidCommit)
		d.params(&s.Params)
		if f.Limits != nil {
			d.limit(f.Limits.Subnets[s.ID])
		}
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

// global is what holds for all subnets, or decides which one is meant.
func (d *digest) global() {
	f := d.f
	d.options("global", &f.Options)
	fmt.Fprintf(d.w, "global %d %t %t %t %t %t %t %v %v %v %+v %t\n", f.DeclineProbation, f.EchoClientID, f.StashAgentOptions,
		f.EarlyGlobalReservations, f.ReservationsLookupFirst, f.ReservationsUnique, f.AllowAddressRegistration,
		f.MACSources, f.RelaySuppliedOptions, f.HostIdentifiers, f.Compat, f.D2.Enable)
	if x := f.FlexibleID; x != nil {
		fmt.Fprintf(d.w, "flex-id %q %t %t\n", d.expression(x.Identifier), x.ReplaceClientID, x.IgnoreIAID)
	}
	d.flexOptions(f.FlexOptions)
}

func (d *digest) flexOptions(list []config.FlexOption) {
	for i := range list {
		x := &list[i]
		class := ""
		if x.Class != config.NoClass {
			class = d.f.ClassName(x.Class)
		}
		fmt.Fprintf(d.w, "flex-option %d %d %d %q %t %q %t %t\n", x.Code, x.Vendor, x.Action, d.expression(x.Expr), x.Def != nil,
			class, x.ContainerAdd, x.ContainerRemove)
		d.flexOptions(x.Subs)
	}
}

// limit is what libdhcp_limits keeps a class or subnet to.
func (d *digest) limit(x *config.Limit) {
	if x != nil {
		fmt.Fprintf(d.w, "limit %+v\n", *x)
	}
}

// classes are in the order of their evaluation.
func (d *digest) classes() {
	for _, c := range d.f.Classes {
		fmt.Fprintf(d.w, "class %q %q %q %t %+v %+v %v %q %q\n", c.Name, d.expression(c.Test), d.expression(c.Template), c.OnlyAdditional,
			c.Lifetimes, c.OfferLifetime, c.NextServer, c.ServerHostname, c.BootFileName)
		d.options("class", &c.Options)
		if l := d.f.Limits; l != nil {
			d.limit(l.Classes[c.ID])
			d.limit(l.Templates[c.ID])
		}
	}
}

// expression is its text, however it is laid out.
func (d *digest) expression(x *config.Expr) string {
	if x == nil {
		return ""
	}
	return strings.Join(strings.Fields(x.Text), " ")
}

// params are those that change answers, leases or names.
func (d *digest) params(p *config.Params) { fmt.Fprintf(d.w, "params %+v\n", *p) }

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
		fmt.Fprintf(d.w, "pool %s %s %d %v %v %v %+v\n", p.First, p.Last, p.DelegatedLen, p.Excluded, d.names(p.Guard), d.names(p.Additional), p.DDNS)
		d.options("pool", &p.Options)
	}
}

func (d *digest) options(at string, s *config.OptionSet) {
	for _, o := range slices.Concat(s.All(), s.VendorAll()) {
		fmt.Fprintf(d.w, "option %s %d %d %x %x %t %t %v\n", at, o.Enterprise, o.Code, o.Data, o.More, o.AlwaysSend, o.NeverSend, d.names(o.Classes))
	}
}
