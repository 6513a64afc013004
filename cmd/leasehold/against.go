package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"leasehold/config"
	leases "leasehold/lease"
	"leasehold/server"
)

// running is the configuration of a server at work, or in another file, and the
// way to ask how many leases it has.
type running struct {
	c      *client // nil: leases counts them
	family *config.Family
	leases map[uint32]int64 // of a file: in use, by subnet
	where  string           // "the running server", or the file
}

// fromFile reads another configuration file, with the leases in its lease file.
// It is nil if the file has nothing of the family.
func fromFile(path, leaseFile string, version int) (*running, error) {
	cfg, err := config.LoadWith(config.Options{}, path)
	if err != nil {
		return nil, err
	}
	f := cfg.V4
	if version == 6 {
		f = cfg.V6
	}
	if f == nil {
		return nil, nil
	}
	r := &running{family: f, leases: make(map[uint32]int64), where: path}
	if leaseFile == "" && f.LeaseDB.Type == "memfile" {
		leaseFile = f.LeaseDB.Name
		if leaseFile == "" {
			leaseFile = fmt.Sprintf("/var/lib/kea/kea-leases%d.csv", version)
		}
	}
	if leaseFile == "" {
		return r, nil
	}
	store := leases.NewStore(version, 1)
	if _, err := leases.ReadBeside(leaseFile, store); err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	now := time.Now().Unix()
	store.Each(func(l *leases.Lease) bool {
		if l.State == leases.Default && !l.Expired(now) {
			r.leases[l.SubnetID]++
		}
		return true
	})
	return r, nil
}

// askRunning fetches the configuration of the server behind a control socket.
func askRunning(ctx context.Context, c *client, version int) (*running, error) {
	c.v6 = version == 6
	f, err := c.parsed(ctx, "config-get")
	if err != nil {
		return nil, err
	}
	return &running{c: c, family: f, where: "the running server"}, nil
}

// parsed reads the configuration that a command answers with.
func (c *client) parsed(ctx context.Context, command string) (*config.Family, error) {
	a, err := c.send(ctx, command, nil)
	if err != nil {
		return nil, err
	}
	v, _, err := config.ParseValue(command, a.Arguments, false)
	if err != nil {
		return nil, fmt.Errorf("read the running configuration: %w", err)
	}
	tree := v.Get(fmt.Sprintf("Dhcp%d", c.version()))
	if tree == nil {
		return nil, fmt.Errorf("the server behind %s has no DHCPv%d", c.socket, c.version())
	}
	f, _, err := config.ParseFamily(c.version(), tree)
	if err != nil {
		return nil, fmt.Errorf("read the running configuration: %w", err)
	}
	return f, nil
}

// assigned asks how many leases of a subnet are in use; 0 if that is not known.
func (r *running) assigned(ctx context.Context, subnet uint32) int64 {
	if r.c == nil {
		return r.leases[subnet]
	}
	names := []string{"assigned-addresses"}
	if r.family.Version == 6 {
		names = []string{"assigned-nas", "assigned-pds"}
	}
	var sum int64
	for _, name := range names {
		name = fmt.Sprintf("subnet[%d].%s", subnet, name)
		request, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			continue
		}
		a, err := r.c.send(ctx, "statistic-get", request)
		if err != nil {
			continue
		}
		var samples map[string][][]any
		if json.Unmarshal(a.Arguments, &samples) != nil || len(samples[name]) == 0 || len(samples[name][0]) == 0 {
			continue
		}
		if n, ok := samples[name][0][0].(float64); ok {
			sum += int64(n)
		}
	}
	return sum
}

// compare tells what a reload of next would change, and warns of what would be
// lost by it.
func (r *running) compare(ctx context.Context, w io.Writer, next *config.Family) config.Problems {
	var ps config.Problems
	warn := func(code string, pos config.Pos, what, cure string) {
		ps = append(ps, &config.Problem{Code: code, Pos: pos, Path: fmt.Sprintf("Dhcp%d", next.Version), What: what, Cure: cure, Warning: true})
	}
	d := server.Compare(r.family, next)
	before, after := subnetsByID(r.family), subnetsByID(next)
	if len(d.Parameters) > 0 {
		fmt.Fprintf(w, "changes %s\n", strings.Join(d.Parameters, ", "))
	}
	for _, id := range d.Added {
		fmt.Fprintf(w, "adds subnet %d %s\n", id, after[id].Text)
	}
	for _, id := range d.Changed {
		fmt.Fprintf(w, "changes subnet %d %s\n", id, after[id].Text)
		if was := before[id]; was.Prefix != after[id].Prefix {
			if n := r.assigned(ctx, id); n > 0 {
				warn("subnet-id-reused", after[id].Pos, fmt.Sprintf("id %d was %s, whose %d leases would count for %s", id, was.Text, n, after[id].Text), "give the new subnet an id of its own")
			}
		}
	}
	for _, id := range d.Removed {
		n := r.assigned(ctx, id)
		fmt.Fprintf(w, "removes subnet %d %s (%d leases in use)\n", id, before[id].Text, n)
		if s := sameNetwork(next, before[id]); s != nil {
			warn("subnet-id-changed", s.Pos, fmt.Sprintf("%s has id %d in %s, and %d here: its %d leases keep the old one", s.Text, id, r.where, s.ID, n), fmt.Sprintf(`write "id": %d`, id))
		} else if n > 0 {
			warn("subnet-removed", next.Tree.Pos, fmt.Sprintf("subnet %d %s is not here any more: its %d clients would be refused", id, before[id].Text, n), "")
		}
	}
	if len(d.Parameters)+len(d.Added)+len(d.Changed)+len(d.Removed) == 0 {
		fmt.Fprintf(w, "changes nothing in DHCPv%d\n", next.Version)
	}
	return ps
}

func subnetsByID(f *config.Family) map[uint32]*config.Subnet {
	m := make(map[uint32]*config.Subnet, len(f.Subnets))
	for _, s := range f.Subnets {
		m[s.ID] = s
	}
	return m
}

func sameNetwork(f *config.Family, s *config.Subnet) *config.Subnet {
	for _, x := range f.Subnets {
		if x.Prefix == s.Prefix {
			return x
		}
	}
	return nil
}
