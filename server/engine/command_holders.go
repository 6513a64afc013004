package engine

import (
	"fmt"
	"net/netip"
	"strings"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/lease"
)

// holderCommands show leases to people, with why each is where it is, and end one.
func holderCommands(int) map[string]Command {
	return map[string]Command{"leasehold-leases": holders, "leasehold-release": endLease}
}

// Bounds of the leases that one answer carries.
const (
	holdersUsual = 100
	holdersMost  = 500
)

// Why a client has the address it has.
const (
	reasonReserved   = "reserved"    // for this client
	reasonAsked      = "asked-for"   // the client named it when it had none
	reasonPool       = "pool"        // the next free one of a pool
	reasonRegistered = "registered"  // the client made it itself, RFC 9686
	reasonOutside    = "outside"     // in no pool, and no reservation
	reasonDeclined   = "declined"    // a client found somebody else there
	reasonKept       = "kept-for-it" // given back or ended, kept for the client's return
)

// Whether the partner has a lease as it is here.
const (
	partnerHas     = "yes"
	partnerSoon    = "under-way" // sent, not yet acknowledged
	partnerQueued  = "queued"    // waits for the partner to come back
	partnerLacks   = "no"        // it was not sent
	partnerUnknown = "unknown"   // the two have not compared their leases since the start
)

// holders answers with leases by address. Arguments: client, or from (an
// address after which to begin) and subnet-id; limit.
func holders(e *Engine, c *CommandReceived) Answer {
	args, client, err := aboutClient(c)
	if err != nil {
		return failed(err)
	}
	limit, err := limitOf(args, holdersUsual, holdersMost)
	if err != nil {
		return failed(err)
	}
	var list []lease.Lease
	next := ""
	if client != "" {
		s := seek(client)
		list = e.held(&s)
	} else {
		if list, err = e.holdersFrom(args, int(limit)); err != nil {
			return failed(err)
		}
		if len(list) == int(limit) && limit > 0 {
			next = list[len(list)-1].Addr.String()
		}
	}
	values := config.NewList()
	histories, copies := e.histories(list), e.copies(list)
	for i := range list {
		values.List = append(values.List, e.holderValue(&list[i], &histories[i], copies[i]))
	}
	return Answer{Arguments: config.NewMap(config.M("leases", values), config.M("next", config.NewString(next)))}
}

func (e *Engine) holdersFrom(args *config.Value, limit int) ([]lease.Lease, error) {
	text, err := optionalString(args, "from")
	if err != nil {
		return nil, err
	}
	id, given, err := optionalUint32(args, "subnet-id")
	if err != nil {
		return nil, err
	}
	var after netip.Addr
	if text != "" {
		if after, err = parseAddr(text); err != nil {
			return nil, err
		}
	}
	s := e.subnets[id]
	switch {
	case given && s == nil:
		return nil, nil
	case given && (!after.IsValid() || after.Less(s.Prefix.Addr())):
		after = s.Prefix.Addr().Prev()
	}
	if after.IsValid() && family(after) != e.version {
		return nil, nil
	}
	list := e.store.Page(nil, after, limit)
	if given {
		for i := range list {
			if !s.Prefix.Contains(list[i].Addr) {
				return list[:i], nil
			}
		}
	}
	return list, nil
}

func (e *Engine) holderValue(l *lease.Lease, h *history, partner string) *config.Value {
	v := config.NewMap(
		config.M("ip-address", config.NewString(l.Addr.String())),
		config.M("subnet-id", config.NewInt(int64(l.SubnetID))),
		config.M("state", config.NewInt(int64(l.State))),
		config.M("cltt", config.NewInt(l.CLTT)),
		config.M("valid-lft", config.NewInt(int64(l.Valid))),
		config.M("hw-address", config.NewString(string(appendHex(nil, []byte(l.HWAddr))))),
		config.M("hostname", config.NewString(l.Hostname)),
		config.M("reason", config.NewString(e.reason(l, h))),
		config.M("renewals", config.NewInt(int64(h.renewals))),
		config.M("partner", config.NewString(partner)),
	)
	id := "client-id"
	if e.version == 6 {
		id = "duid"
		v.Set("prefix-len", config.NewInt(int64(l.PrefixLen)))
		v.Set("iaid", config.NewInt(int64(l.IAID)))
	}
	v.Set(id, config.NewString(string(appendHex(nil, []byte(l.ClientID)))))
	if p := e.holder(l); p != nil {
		v.Set("pool", config.NewString(p.First.String()+" - "+p.Last.String()))
	}
	return v
}

// history is what the recorder remembers of an address.
type history struct {
	asked    bool // the client named it when it had no lease
	renewals int
	granted  bool
}

// histories looks once through the recorder for all of the leases.
func (e *Engine) histories(list []lease.Lease) []history {
	all := make([]history, len(list))
	where := make(map[octets]int, len(list))
	for i := range list {
		var a octets
		a.set(list[i].Addr)
		where[a] = i
	}
	r := &e.recorder
	oldest := uint64(1)
	if n := uint64(len(r.ring)); r.next > n {
		oldest = r.next - n
	}
	for number := oldest; number < r.next; number++ {
		x := r.slot(number)
		i, ok := where[x.given]
		if !ok || x.number != number || x.drop != nil || x.given == (octets{}) {
			continue
		}
		h, l := &all[i], &list[i]
		if same := string(x.hw[:x.hwLen]) == l.HWAddr || l.ClientID != "" && x.isID([]byte(l.ClientID)); !same {
			*h = history{}
			continue
		}
		switch {
		case x.stored && h.granted:
			h.renewals++
		case x.stored:
			h.granted = true
		case !h.granted:
			h.asked = x.asked == x.given
		}
	}
	return all
}

func (e *Engine) reason(l *lease.Lease, h *history) string {
	switch {
	case l.State == lease.Declined:
		return reasonDeclined
	case l.State == lease.Reclaimed || l.State == lease.Released:
		return reasonKept
	case l.State == lease.Registered:
		return reasonRegistered
	case e.reservedTo(l):
		return reasonReserved
	case h.asked:
		return reasonAsked
	case e.holder(l) != nil:
		return reasonPool
	}
	return reasonOutside
}

// reservedTo says whether a reservation gives the lease to its holder. Who is
// identified by what a lease does not keep (circuit-id, flex-id) counts as its
// holder.
func (e *Engine) reservedTo(l *lease.Lease) bool {
	for _, subnet := range [...]uint32{l.SubnetID, 0} {
		for _, h := range e.cfg.Hosts.ByAddr(subnet, l.Addr) {
			switch h.Type {
			case config.HWAddress:
				if h.Identifier != l.HWAddr {
					continue
				}
			case config.ClientIdentifier:
				if h.Identifier != l.ClientID {
					continue
				}
			case config.DUID:
				if h.Identifier != l.ClientID && !(len(l.ClientID) > 5 && l.ClientID[0] == 255 && h.Identifier == l.ClientID[5:]) {
					continue
				}
			}
			return true
		}
	}
	return false
}

// copies says of each lease whether the partner has it; "" without a partner.
func (e *Engine) copies(list []lease.Lease) []string {
	all := make([]string, len(list))
	where := make(map[netip.Addr]int, len(list))
	for i := range list {
		if p := e.pairOfLease(&list[i]); p != nil && p.machine.Partnered() {
			where[list[i].Addr] = i
			all[i] = partnerHas
			if _, ok := e.doubtful[list[i].Addr]; ok {
				all[i] = partnerSoon
			}
			if _, ok := e.unshared[list[i].Addr]; ok {
				all[i] = partnerLacks
			}
		}
	}
	if len(where) == 0 {
		return all
	}
	for _, p := range e.pairs {
		if from, to := p.machine.Unsent(); to > 0 {
			e.lacking(p, list, where, all, from, to)
		}
		p.machine.EachQueued(func(c *lease.Change) {
			if i, ok := where[c.Lease.Addr]; ok {
				all[i] = partnerQueued
			}
		})
	}
	return all
}

// lacking marks the leases that changed in a range of the change stream which
// the partner was not sent. Where the stream is not remembered, nobody knows.
func (e *Engine) lacking(p *Pair, list []lease.Lease, where map[netip.Addr]int, all []string, from, to uint64) {
	const turn = 512
	var room [turn]lease.Change
	seq := from - 1
	changes, ok := e.store.Changes(room[:0], seq, turn)
	if !ok {
		for i := range list {
			if all[i] == partnerHas && e.pairOfLease(&list[i]) == p {
				all[i] = partnerUnknown
			}
		}
		seq = e.store.Oldest()
		changes, _ = e.store.Changes(room[:0], seq, turn)
	}
	for len(changes) > 0 {
		for i := range changes {
			if changes[i].Seq > to {
				return
			}
			if j, ok := where[changes[i].Lease.Addr]; ok && changes[i].Seq >= from {
				all[j] = partnerLacks
			}
		}
		changes, _ = e.store.Changes(room[:0], changes[len(changes)-1].Seq, turn)
	}
}

// endLease ends a lease as if the client had given it back: the address is
// free, DNS and the partner are told. Arguments: ip-address.
func endLease(e *Engine, c *CommandReceived) Answer {
	if c.Arguments == nil || c.Arguments.Kind != config.Map {
		return failure("arguments must be a map")
	}
	a, err := addrArg(c.Arguments, "ip-address")
	if err != nil {
		return failed(err)
	}
	if family(a) != e.version {
		return failure("%s is no address of DHCPv%d", a, e.version)
	}
	l, ok := e.store.Get(a)
	if !ok {
		return Answer{Result: Empty, Text: "there is no lease of " + a.String()}
	}
	e.mark = len(e.journal)
	e.dnsRemove(&l)
	e.discard(&l)
	e.legalCommand(c, "deleted", &l, "", nil)
	if p := e.pairOfLease(&l); p != nil && len(e.journal) > e.mark {
		x := &p.event
		x.On, x.Token, x.Changes = ha.OnCommitted, 0, e.journal[e.mark:]
		x.HWAddr, x.ClientID = []byte(l.HWAddr), []byte(l.ClientID)
		e.stepPair(p)
		x.Changes = nil
	}
	e.mark = len(e.journal)
	return Answer{Text: "the lease of " + a.String() + " has ended"}
}

// maxUnshared bounds what is remembered of leases that operators changed.
const maxUnshared = 10000

// noteUnshared remembers the leases that a command changed on this server only:
// as with Kea, what an operator does is not sent to the partner. What the
// partner does itself comes as commands, too, and says so.
func (e *Engine) noteUnshared(c *CommandReceived, before uint64) {
	if e.store.Seq() == before || len(e.pairs) == 0 || !strings.HasPrefix(c.Name, fmt.Sprintf("lease%d-", e.version)) || strings.HasSuffix(c.Name, "-bulk-apply") {
		return
	}
	origin, force := c.Arguments.Get("origin"), c.Arguments.Get("force-create")
	if origin != nil && origin.Str == "ha-partner" || force != nil && force.Bool {
		return
	}
	changes, ok := e.store.Changes(nil, before, maxUnshared)
	if !ok {
		return
	}
	if e.unshared == nil {
		e.unshared = map[netip.Addr]struct{}{}
	}
	for i := range changes {
		if a := changes[i].Lease.Addr; changes[i].Delete {
			delete(e.unshared, a)
		} else if len(e.unshared) < maxUnshared {
			e.unshared[a] = struct{}{}
		}
	}
}
