package engine

import (
	"fmt"

	"leasehold/config"
	"leasehold/server/wire"
)

// Origin says where an option of a response comes from.
type Origin struct {
	Level string // "reservation", "subnet 1 (192.0.2.0/24)", "class x", "global"; or what the server makes it of
	Pos   config.Pos
}

// Origin returns where an option of the response to q comes from. It is for
// engines that nobody else enters.
func (e *Engine) Origin(q *Query, code uint16) Origin {
	made := made4
	if e.version == 6 {
		made = made6
	}
	for _, s := range e.optionScopes(q) {
		list := s.Lookup(code)
		for i := range list {
			o := &list[i]
			if (len(o.Classes) == 0 || q.classes.allows(o.Classes)) && !o.NeverSend {
				return Origin{e.levelOf(q, s), o.Pos}
			}
		}
	}
	if text := made[code]; text != "" {
		return Origin{Level: text}
	}
	for _, s := range e.optionScopes(q) {
		if all := s.VendorAll(); len(all) > 0 && (code == wire.OptVIVendorOptions || code == wire.Opt6VendorOpts) {
			return Origin{e.levelOf(q, s), all[0].Pos}
		}
	}
	return Origin{Level: "the server"}
}

// What the server makes options of that are in no option-data.
var (
	made4 = map[uint16]string{
		wire.OptSubnetMask: "the prefix of the subnet", wire.OptHostName: "the name of the client", wire.OptLeaseTime: "valid-lifetime",
		wire.OptMessageType: "the server", wire.OptServerID: "the address of the server", wire.OptRenewalTime: "renew-timer",
		wire.OptRebindingTime: "rebind-timer", wire.OptClientID: "the query", wire.OptFQDN: "the name of the client",
		wire.OptAgentOptions: "the query", wire.OptSubnetSelection: "the query",
	}
	made6 = map[uint16]string{
		wire.Opt6ClientID: "the query", wire.Opt6ServerID: "the DUID of the server", wire.Opt6IANA: "the lease", wire.Opt6IAPD: "the lease",
		wire.Opt6StatusCode: "the server", wire.Opt6FQDN: "the name of the client", wire.Opt6RapidCommit: "the query",
	}
)

// levelOf names the level that a set of options belongs to.
func (e *Engine) levelOf(q *Query, s *config.OptionSet) string {
	if h := q.hosts.current(q.subnet); h != nil && s == &h.Options {
		return "reservation"
	}
	if q.hosts.global != nil && s == &q.hosts.global.Options {
		return "global reservation"
	}
	pools := q.pools
	if q.pool != nil {
		pools = append(pools[:len(pools):len(pools)], q.pool)
	}
	for _, p := range pools {
		if s == &p.Options {
			return fmt.Sprintf("pool %s - %s", p.First, p.Last)
		}
	}
	if x := q.subnet; x != nil {
		if s == &x.Options {
			return fmt.Sprintf("subnet %d (%s)", x.ID, x.Prefix)
		}
		if x.network != nil && s == &x.network.Options {
			return "shared-network " + x.network.Name
		}
	}
	for _, id := range q.classes.order {
		if c := e.class(id); c != nil && s == &c.Options {
			return "class " + c.Name
		}
	}
	return "global"
}

// DUID returns the server's identifier (v6).
func (e *Engine) DUID() []byte { return e.duid }
