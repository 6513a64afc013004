package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"leasehold/config"
)

// facet is one thing that a configuration says, named so that the same thing
// has the same name whatever the order of the text.
type facet struct {
	name   string
	value  string // of a thing without parts
	hidden bool   // the value is compared, never shown
	pos    config.Pos
	parts  []*facet
	byName map[string]*facet
}

// add takes up a part. One of a name that is taken gets a number, one that was
// filled in has the place of the whole.
func (f *facet) add(name, value string, pos config.Pos) *facet {
	if f.byName == nil {
		f.byName = map[string]*facet{}
	}
	if pos.Line == 0 {
		pos = f.pos
	}
	p := &facet{name: name, value: value, pos: pos}
	for n := 2; f.byName[p.name] != nil; n++ {
		p.name = fmt.Sprintf("%s #%d", name, n)
	}
	f.parts = append(f.parts, p)
	f.byName[p.name] = p
	return p
}

// ofItsOwn are the keys that the servers of a pair may have different: of the
// top map and of a subnet.
var ofItsOwn = map[string]bool{
	"interfaces-config": true, "control-socket": true, "control-sockets": true, "lease-database": true,
	"hosts-database": true, "hosts-databases": true, "config-control": true, "loggers": true, "hooks-libraries": true,
	"multi-threading": true, "dhcp-ddns": true, "server-id": true, "server-tag": true, "sanity-checks": true,
	"data-directory": true, "leasehold": true, "dhcp-queue-control": true, "statistic-default-sample-age": true,
	"statistic-default-sample-count": true, "parked-packet-limit": true, "dhcp4o6-port": true, "hash": true,
	"expired-leases-processing": true, "user-context": true, "comment": true, "interface": true, "4o6-interface": true,
}

// facetsOf returns what a configuration says that its partner's must say alike,
// with credentials or without.
func facetsOf(f *config.Family, secrets bool) *facet {
	top := &facet{}
	for _, rel := range f.Relationships {
		name := "high-availability"
		if len(f.Relationships) > 1 {
			name += "[" + cmp.Or(rel.Peers[0].Name, rel.ThisServer) + "]"
		}
		top.addRelationship(name, rel, secrets)
	}
	for _, h := range f.Hooks {
		if h.Name == "libdhcp_ha.so" {
			continue
		}
		hook := top.add("hooks-libraries["+h.Name+"]", "", h.Pos)
		if h.Parameters != nil {
			hook.addMap(h.Parameters)
		}
	}
	top.addMap(f.Tree)
	return top
}

// addRelationship takes up what both servers of a relationship must agree on.
func (f *facet) addRelationship(name string, r *config.Relationship, secrets bool) {
	x := f.add(name, "", r.Pos)
	number := func(key string, v any) { x.add(key, fmt.Sprint(v), r.Pos) }
	wait := func(key string, d time.Duration) { number(key, d.Milliseconds()) }
	number("mode", r.Mode)
	number("send-lease-updates", r.SendUpdates)
	number("sync-leases", r.SyncLeases)
	wait("sync-timeout", r.SyncTimeout)
	number("sync-page-limit", r.SyncPageLimit)
	number("delayed-updates-limit", r.DelayedUpdates)
	wait("heartbeat-delay", r.HeartbeatDelay)
	wait("max-response-delay", r.MaxResponse)
	wait("max-ack-delay", r.MaxAck)
	number("max-unacked-clients", r.MaxUnacked)
	number("max-rejected-lease-updates", r.MaxRejected)
	number("wait-backup-ack", r.WaitBackupAck)
	for _, p := range r.Peers {
		y := x.add("peers["+p.Name+"]", "", p.Pos)
		y.add("url", strings.TrimSuffix(p.URL, "/"), p.Pos)
		y.add("role", p.Role, p.Pos)
		y.add("auto-failover", fmt.Sprint(p.AutoFailover), p.Pos)
		y.add("tls", fmt.Sprint(p.TLS.On()), p.Pos)
		if !secrets {
			continue
		}
		y.add("basic-auth-user", p.User, p.Pos)
		if p.Password != "" {
			y.add("basic-auth-password", p.Password, p.Pos).hidden = true
		}
	}
}

// addMap takes up the members of a map.
func (f *facet) addMap(v *config.Value) {
	for i := range v.Members {
		m := &v.Members[i]
		if ofItsOwn[m.Key] {
			continue
		}
		if m.Value.Kind == config.List && m.Key == "shared-networks" {
			f.addNetworks(m.Value)
			continue
		}
		f.addMember(m)
	}
}

func (f *facet) addMember(m *config.Member) {
	v := m.Value
	switch {
	case v.Kind == config.Map:
		if len(v.Members) > 0 {
			f.add(m.Key, "", v.Pos).addMap(v)
		}
	case v.Kind == config.List && slices.ContainsFunc(v.List, func(e *config.Value) bool { return e.Kind == config.Map }):
		for i, e := range v.List {
			f.addElement(m.Key, i, e)
		}
		if m.Key == "client-classes" && len(v.List) > 1 { // evaluated in their order
			f.add("client-classes/order", strings.Join(names(v), " "), v.Pos)
		}
	case v.Kind == config.List:
		if len(v.List) > 0 {
			f.add(m.Key, text(v), v.Pos)
		}
	default:
		f.add(m.Key, text(v), v.Pos)
	}
}

// addNetworks takes up shared networks. A subnet is the same subnet in a
// network and beside it, so that what differs is only that.
func (f *facet) addNetworks(list *config.Value) {
	for _, n := range list.List {
		name := str(n, "name")
		x := f.add("shared-networks["+name+"]", "", n.Pos)
		for i := range n.Members {
			m := &n.Members[i]
			switch {
			case ofItsOwn[m.Key]:
			case m.Key == "subnet4" || m.Key == "subnet6":
				for i, s := range m.Value.List {
					f.addElement(m.Key, i, s).add("shared-network", name, s.Pos)
				}
			default:
				x.addMember(m)
			}
		}
	}
}

// addElement takes up a map of a list under a name that says which it is.
func (f *facet) addElement(key string, i int, v *config.Value) *facet {
	if key == "option-data" {
		return f.addOption(v)
	}
	x := f.add(key+"["+identity(key, i, v)+"]", "", v.Pos)
	x.addMap(v)
	return x
}

// identity is what tells an element of a list from the others.
func identity(key string, i int, v *config.Value) string {
	switch key {
	case "subnet4", "subnet6":
		return prefix(str(v, "subnet"))
	case "pools":
		return poolRange(str(v, "pool"))
	case "pd-pools":
		return prefix(str(v, "prefix")+"/"+text(v.Get("prefix-len"))) + " by /" + text(v.Get("delegated-len"))
	case "client-classes":
		return str(v, "name")
	case "option-def":
		return str(v, "space") + " " + text(v.Get("code"))
	case "reservations":
		for _, id := range []string{"hw-address", "duid", "client-id", "circuit-id", "flex-id"} {
			if s := str(v, id); s != "" {
				return id + " " + strings.ToLower(s)
			}
		}
	}
	return fmt.Sprint(i)
}

// addOption takes up an option: its code and tags name it, its data is compared
// without blanks that mean nothing.
func (f *facet) addOption(v *config.Value) *facet {
	name := fmt.Sprintf("option-data[%s %s", str(v, "space"), cmp.Or(str(v, "name"), text(v.Get("code"))))
	if tags := v.Get("client-classes"); tags != nil && len(tags.List) > 0 {
		name += " for " + text(tags)
	}
	data := str(v, "data")
	if on := v.Get("csv-format"); on == nil || on.Bool {
		fields := strings.Split(data, ",")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		data = strings.Join(fields, ", ")
	} else if b, err := hex.DecodeString(strings.TrimPrefix(strings.NewReplacer(" ", "", ":", "").Replace(data), "0x")); err == nil {
		data = fmt.Sprintf("%X", b)
	}
	for _, flag := range []string{"always-send", "never-send"} {
		if on := v.Get(flag); on != nil && on.Bool {
			data += " (" + flag + ")"
		}
	}
	return f.add(name+"]", cmp.Or(data, "(empty)"), v.Pos)
}

func names(list *config.Value) (all []string) {
	for _, v := range list.List {
		all = append(all, str(v, "name"))
	}
	return all
}

func str(v *config.Value, key string) string {
	if m := v.Get(key); m != nil && m.Kind == config.String {
		return m.Str
	}
	return ""
}

func text(v *config.Value) string {
	if v == nil {
		return ""
	}
	if v.Kind == config.String && v.Str != "" {
		return v.Str
	}
	return string(v.AppendJSON(nil))
}

// prefix is a prefix in its canonical form.
func prefix(s string) string {
	if p, err := netip.ParsePrefix(strings.ReplaceAll(s, " ", "")); err == nil {
		return p.Masked().String()
	}
	return s
}

// poolRange is the range of a pool, of either way to write it.
func poolRange(s string) string {
	s = strings.ReplaceAll(s, " ", "")
	if p, err := netip.ParsePrefix(s); err == nil {
		p = p.Masked()
		last := p.Addr().AsSlice()
		for i := p.Bits(); i < p.Addr().BitLen(); i++ {
			last[i/8] |= 1 << (7 - i%8)
		}
		end, _ := netip.AddrFromSlice(last)
		return p.Addr().String() + " - " + end.String()
	}
	first, last, _ := strings.Cut(s, "-")
	return first + " - " + last
}
