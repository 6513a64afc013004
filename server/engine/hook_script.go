package engine

import (
	"net/netip"
	"strconv"

	"leasehold/lease"
	"leasehold/server/wire"
)

// Script is one run of the operator's script (libdhcp_run_script): the hook
// point is its only argument, what happened is in its environment.
type Script struct {
	Path  string
	Event string
	Env   []string // NAME=value
}

// leaseEvent tells scripts what happens to one lease; kind is the last part of
// Kea's hook point: renew, rebind, release, decline, recover. q may be nil.
func (e *Engine) leaseEvent(q *Query, kind string, l *lease.Lease) {
	if e.cfg.RunScript == nil {
		return
	}
	env := e.scriptQuery(q)
	switch {
	case kind != "renew" && kind != "rebind":
	case e.version == 4:
		env.subnet4(q.subnet)
		env.add("PKT4_CLIENT_ID", hexText(string(q.clientID)))
		env.add("PKT4_HWADDR", hexText(string(q.hw)))
		env.number("PKT4_HWADDR_TYPE", uint64(q.M4.HType()))
	default:
		env.association6(l)
	}
	env.lease(e.eventName("LEASE#", ""), l)
	e.runScript("lease#_"+kind, env)
}

// expireEvent is leaseEvent for a lease that ended; remove: it is deleted.
func (e *Engine) expireEvent(l *lease.Lease, remove bool) {
	if e.cfg.RunScript == nil {
		return
	}
	var env scriptEnv
	env.lease(e.eventName("LEASE#", ""), l)
	env.flag("REMOVE_LEASE", remove)
	e.runScript("lease#_expire", env)
}

// commitEvent tells scripts and the legal log how a query ended: which leases
// it made or changed, and which it took away.
func (e *Engine) commitEvent(q *Query) {
	if e.cfg.RunScript == nil && e.cfg.LegalLog == nil {
		return
	}
	var made, gone []lease.Lease
	if e.version == 4 {
		made, gone = q.committed4()
	} else {
		made, gone = q.committed6()
	}
	if e.cfg.LegalLog != nil {
		e.legalEvent(q, made, gone)
	}
	if e.cfg.RunScript != nil {
		e.scriptCommit(q, made, gone)
	}
}

func (e *Engine) scriptCommit(q *Query, made, gone []lease.Lease) {
	env := e.scriptQuery(q)
	for _, list := range [...]struct {
		prefix string
		leases []lease.Lease
	}{{"LEASES#", made}, {"DELETED_LEASES#", gone}} {
		prefix := e.eventName(list.prefix, "_")
		env.number(prefix+"SIZE", uint64(len(list.leases)))
		for i := range list.leases {
			env.lease(prefix+"AT"+strconv.Itoa(i), &list.leases[i])
		}
	}
	e.runScript("leases#_committed", env)
}

// committed4 and committed6 return the leases that a query made or changed,
// and those that it ended.
func (q *Query) committed4() (made, gone []lease.Lease) {
	gone = q.removed
	switch {
	case q.granted && q.M4.Type == wire.Release4:
		gone = append(gone, q.lease)
	case q.granted:
		made = append(made, q.lease)
	}
	return made, gone
}

func (q *Query) committed6() (made, gone []lease.Lease) {
	gone = q.removed
	for i := range q.grants {
		if l := &q.grants[i].lease; l.ReuseableValid == 0 {
			made = append(made, *l)
		}
	}
	if q.M6.Type == wire.Decline {
		made = append(made, q.ended...)
	} else {
		gone = append(gone, q.ended...)
	}
	return made, gone
}

// eventName puts the family into a name.
func (e *Engine) eventName(name, tail string) string {
	for i := range name {
		if name[i] == '#' {
			return name[:i] + strconv.Itoa(e.version) + name[i+1:] + tail
		}
	}
	return name + tail
}

func (e *Engine) runScript(event string, env scriptEnv) {
	e.fx.Hooked.Scripts = append(e.fx.Hooked.Scripts, Script{e.cfg.RunScript.Path, e.eventName(event, ""), env})
}

// scriptEnv is an environment with Kea's names. Addresses are text, identifiers
// colon separated octets, unknown values empty.
type scriptEnv []string

func (v *scriptEnv) add(name, value string) { *v = append(*v, name+"="+value) }

func (v *scriptEnv) number(name string, n uint64) { v.add(name, strconv.FormatUint(n, 10)) }

func (v *scriptEnv) flag(name string, on bool) { v.add(name, strconv.FormatBool(on)) }

func (v *scriptEnv) addr(name string, a netip.Addr) { v.add(name, a.WithZone("").String()) }

func hexText(b string) string { return string(appendHex(nil, []byte(b))) }

func (v *scriptEnv) iface(prefix string, i *wire.Interface) {
	if i == nil {
		i = &wire.Interface{}
	}
	v.number(prefix+"IFACE_INDEX", uint64(i.Index))
	v.add(prefix+"IFACE_NAME", i.Name)
}

func (v *scriptEnv) lease(prefix string, l *lease.Lease) {
	prefix += "_"
	v.addr(prefix+"ADDRESS", l.Addr)
	v.add(prefix+"CLTT", strconv.FormatInt(l.CLTT, 10))
	v.add(prefix+"HOSTNAME", l.Hostname)
	v.add(prefix+"HWADDR", hexText(l.HWAddr))
	switch {
	case l.Addr.Is4():
		v.number(prefix+"HWADDR_TYPE", uint64(max(l.HWType, 1)))
	case l.HWAddr == "":
		v.add(prefix+"HWADDR_TYPE", "")
	default:
		v.number(prefix+"HWADDR_TYPE", uint64(max(l.HWType, 1)))
	}
	v.add(prefix+"STATE", stateNames[min(int(l.State), len(stateNames)-1)])
	v.number(prefix+"SUBNET_ID", uint64(l.SubnetID))
	v.number(prefix+"VALID_LIFETIME", uint64(l.Valid))
	if l.Addr.Is4() {
		v.add(prefix+"CLIENT_ID", hexText(l.ClientID))
		return
	}
	v.add(prefix+"DUID", hexText(l.ClientID))
	v.number(prefix+"IAID", uint64(l.IAID))
	v.number(prefix+"PREFERRED_LIFETIME", uint64(l.Preferred))
	v.number(prefix+"PREFIX_LEN", uint64(l.PrefixLen))
	v.add(prefix+"TYPE", [...]string{"IA_NA", "IA_TA", "IA_PD"}[min(l.Type, lease.PD)])
}

func (v *scriptEnv) subnet4(s *subnet) {
	v.number("SUBNET4_ID", uint64(s.ID))
	v.add("SUBNET4_NAME", s.Prefix.String())
	v.addr("SUBNET4_PREFIX", s.Prefix.Addr())
	v.number("SUBNET4_PREFIX_LEN", uint64(s.Prefix.Bits()))
}

// scriptQuery describes the query; q may be nil.
func (e *Engine) scriptQuery(q *Query) scriptEnv {
	var v scriptEnv
	switch {
	case q == nil:
	case e.version == 4:
		v.query4(q)
	default:
		v.query6(q)
	}
	return v
}

var typeNames4 = [...]string{"", "DHCPDISCOVER", "DHCPOFFER", "DHCPREQUEST", "DHCPDECLINE", "DHCPACK", "DHCPNAK", "DHCPRELEASE", "DHCPINFORM"}

func (v *scriptEnv) query4(q *Query) {
	m, a := &q.M4, &q.Arrival
	v.add("QUERY4_TYPE", typeNames4[min(int(m.Type), len(typeNames4)-1)])
	v.number("QUERY4_TXID", uint64(m.XID()))
	v.addr("QUERY4_LOCAL_ADDR", a.Dst.Addr())
	v.number("QUERY4_LOCAL_PORT", uint64(a.Dst.Port()))
	v.addr("QUERY4_REMOTE_ADDR", a.Src.Addr())
	v.number("QUERY4_REMOTE_PORT", uint64(a.Src.Port()))
	v.iface("QUERY4_", a.Iface)
	v.number("QUERY4_HOPS", uint64(m.Hops()))
	v.number("QUERY4_SECS", uint64(m.Secs()))
	v.number("QUERY4_FLAGS", uint64(m.Flags()))
	v.addr("QUERY4_CIADDR", m.CIAddr())
	v.addr("QUERY4_SIADDR", m.SIAddr())
	v.addr("QUERY4_YIADDR", m.YIAddr())
	v.addr("QUERY4_GIADDR", m.GIAddr())
	v.flag("QUERY4_RELAYED", !m.GIAddr().IsUnspecified())
	v.add("QUERY4_HWADDR", hexText(string(m.CHAddr())))
	v.number("QUERY4_HWADDR_TYPE", uint64(m.HType()))
	local, remote, typ := "", "", ""
	if a.Link { // only a frame has these
		local, remote, typ = "ff:ff:ff:ff:ff:ff", hexText(string(a.HWSrc[:])), "1"
		if !a.Multi && a.Iface != nil {
			local = hexText(string(a.Iface.MAC))
		}
	}
	v.add("QUERY4_LOCAL_HWADDR", local)
	v.add("QUERY4_LOCAL_HWADDR_TYPE", typ)
	v.add("QUERY4_REMOTE_HWADDR", remote)
	v.add("QUERY4_REMOTE_HWADDR_TYPE", typ)
	if o, ok := m.Option(wire.OptAgentOptions); ok {
		v.add("QUERY4_OPTION_82", "0x"+string(appendUpperHex(nil, o)))
		for _, code := range [...]byte{wire.RAICircuitID, wire.RAIRemoteID} {
			if s, ok := wire.SubOption4(o, code); ok {
				v.add("QUERY4_OPTION_82_SUB_OPTION_"+strconv.Itoa(int(code)), "0x"+string(appendUpperHex(nil, s)))
			}
		}
	}
}

func (v *scriptEnv) query6(q *Query) {
	m, a := &q.M6, &q.Arrival
	v.add("QUERY6_TYPE", typeName6(m.Type))
	v.number("QUERY6_TXID", uint64(m.XID()))
	v.addr("QUERY6_LOCAL_ADDR", a.Dst.Addr())
	v.number("QUERY6_LOCAL_PORT", 0) // Kea's socket does not know it
	v.addr("QUERY6_REMOTE_ADDR", a.Src.Addr())
	v.number("QUERY6_REMOTE_PORT", uint64(a.Src.Port()))
	v.iface("QUERY6_", a.Iface)
	v.add("QUERY6_REMOTE_HWADDR", "")
	v.add("QUERY6_REMOTE_HWADDR_TYPE", "")
	v.add("QUERY6_PROTO", "UDP")
	v.add("QUERY6_CLIENT_ID", hexText(string(q.duid)))
}

// association6 describes the IA that a lease is to be sent in. Kea tells of it
// before it knows T1 and T2.
func (v *scriptEnv) association6(l *lease.Lease) {
	code := uint64(wire.Opt6IANA)
	if l.Type == lease.PD {
		code = wire.Opt6IAPD
	}
	v.number("PKT6_IA_IAID", uint64(l.IAID))
	v.number("PKT6_IA_IA_TYPE", code)
	v.number("PKT6_IA_IA_T1", 0)
	v.number("PKT6_IA_IA_T2", 0)
}

// appendUpperHex writes octets as Kea does behind 0x.
func appendUpperHex(t, b []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range b {
		t = append(t, digits[c>>4], digits[c&15])
	}
	return t
}
