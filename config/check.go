package config

import (
	"fmt"
	"slices"
)

// checkOverlap finds pools of one type that share addresses within a subnet.
// Across subnets Kea allows it.
func (r *reader) checkOverlap(s *Subnet, pools []*Pool, t *trail) {
	if len(pools) < 2 {
		return
	}
	place := make(map[*Pool]int, len(pools))
	for i, p := range pools {
		place[p] = i
	}
	sorted := slices.Clone(pools)
	slices.SortFunc(sorted, func(a, b *Pool) int {
		if c := a.First.Compare(b.First); c != 0 {
			return c
		}
		return place[a] - place[b]
	})
	widest := sorted[0]
	for _, p := range sorted[1:] {
		if p.First.Compare(widest.Last) <= 0 {
			later, earlier := p, widest
			if place[later] < place[earlier] {
				later, earlier = earlier, later
			}
			r.bad("pool-overlap", later.Pos, t.at(place[later]), fmt.Sprintf("subnet configuration failed: a pool of type %s, with the following address range: %s overlaps with an existing pool in the subnet: %s to which it is being added",
				later.typeName(), later.rangeText(), s.Text), fmt.Sprintf("the other pool is %s", earlier.rangeText()))
		}
		if widest.Last.Less(p.Last) {
			widest = p
		}
	}
}

// checkMembers compares the subnets of a network: they share one link.
func (r *reader) checkMembers(n *Network, v *Value, t *trail) {
	if len(n.Subnets) == 0 {
		return
	}
	first := n.Subnets[0]
	for _, s := range n.Subnets[1:] {
		if s.Params.Authoritative != first.Params.Authoritative {
			r.bad("network-member", s.Pos, t, fmt.Sprintf("the subnets %s and %s of shared network %s have different values of authoritative", first.Text, s.Text, n.Name), "")
			break
		}
	}
	var rapid, link *Subnet
	for _, s := range n.Subnets {
		if rapid == nil {
			rapid = s
		} else if s.RapidCommit != rapid.RapidCommit {
			r.bad("network-member", s.Pos, t, fmt.Sprintf("the subnets %s and %s of shared network %s have different values of rapid-commit", rapid.Text, s.Text, n.Name), "")
			break
		}
	}
	for _, s := range n.Subnets {
		want := n.Interface
		if link != nil {
			want = link.Interface
		}
		if want != "" && s.Interface != want {
			r.bad("network-member", s.Pos, t, fmt.Sprintf("the subnet %s of shared network %s has interface %q, others have %q", s.Text, n.Name, s.Interface, want), "")
			break
		}
		if link == nil && s.Interface != "" {
			link = s
		}
	}
}

// checkHAServers: with several relationships every subnet belongs to one of
// them, which its ha-server-name tells.
func (r *reader) checkHAServers(top *trail) {
	if len(r.f.Relationships) < 2 {
		return
	}
	for _, s := range r.f.Subnets {
		known := slices.ContainsFunc(r.f.Relationships, func(rel *Relationship) bool { return rel.Peer(s.HAServer) != nil })
		if !known {
			r.warn("ha-server-name", s.Pos, top.key(r.subnetKey()), fmt.Sprintf("subnet %s names no peer of a relationship in its ha-server-name", s.Text), "add it to the user-context of the subnet or its shared network")
		}
	}
}
