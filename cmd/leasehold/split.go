package main

import (
	"fmt"
	"math/big"
	"net/netip"
	"strings"

	"leasehold/config"
)

// splitAll gives each server of a load-balancing pair one half of every pool,
// as the protocol demands: two servers must not give the same address away.
func (x *newPair) splitAll(family *config.Value) {
	key := fmt.Sprintf("subnet%d", x.version)
	subnets := []*config.Value{family.Get(key)}
	if networks := family.Get("shared-networks"); networks != nil {
		for _, n := range networks.List {
			subnets = append(subnets, n.Get(key))
		}
	}
	for _, list := range subnets {
		if list == nil {
			continue
		}
		for _, s := range list.List {
			x.splitPools(s.Get("pools"), halvePool)
			x.splitPools(s.Get("pd-pools"), halvePrefixes)
		}
	}
}

// splitPools replaces each pool that is nobody's by its halves.
func (x *newPair) splitPools(pools *config.Value, halve func(pool *config.Value) []*config.Value) {
	if pools == nil {
		return
	}
	var split []*config.Value
	for _, p := range pools.List {
		halves := []*config.Value{p}
		if p.Get("client-class") == nil && p.Get("client-classes") == nil {
			halves = halve(p)
		}
		if len(halves) == 2 {
			for i, h := range halves {
				h.Set("client-class", config.NewString("HA_"+x.names[i]))
				h.Remove("pool-id")
			}
		}
		split = append(split, halves...)
	}
	pools.List = split
}

// halvePool returns the halves of a pool of addresses, or the pool itself if
// it cannot be divided.
func halvePool(pool *config.Value) []*config.Value {
	from, to, ok := strings.Cut(poolRange(str(pool, "pool")), " - ")
	first, err := netip.ParseAddr(from)
	last, err2 := netip.ParseAddr(to)
	if !ok || err != nil || err2 != nil || !first.Less(last) {
		return []*config.Value{pool}
	}
	lo, hi := new(big.Int).SetBytes(first.AsSlice()), new(big.Int).SetBytes(last.AsSlice())
	middle := new(big.Int).Add(lo, hi)
	middle.Rsh(middle, 1)
	end, _ := netip.AddrFromSlice(middle.FillBytes(make([]byte, len(first.AsSlice()))))
	a, b := pool.Clone(), pool.Clone()
	a.Set("pool", config.NewString(first.String()+" - "+end.String()))
	b.Set("pool", config.NewString(end.Next().String()+" - "+last.String()))
	return []*config.Value{a, b}
}

// halvePrefixes is halvePool for a pool of prefixes.
func halvePrefixes(pool *config.Value) []*config.Value {
	length, delegated := pool.Get("prefix-len"), pool.Get("delegated-len")
	base, err := netip.ParseAddr(str(pool, "prefix"))
	if err != nil || length == nil || delegated == nil || length.Int >= delegated.Int || length.Int < 0 || length.Int > 127 ||
		pool.Get("excluded-prefix") != nil {
		return []*config.Value{pool}
	}
	upper := base.As16()
	upper[length.Int/8] |= 1 << (7 - length.Int%8)
	a, b := pool.Clone(), pool.Clone()
	b.Set("prefix", config.NewString(netip.AddrFrom16(upper).String()))
	for _, h := range []*config.Value{a, b} {
		h.Set("prefix-len", config.NewInt(length.Int+1))
	}
	return []*config.Value{a, b}
}
