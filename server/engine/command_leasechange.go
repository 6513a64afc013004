package engine

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"leasehold/config"
	"leasehold/lease"
)

// leaseChanges are the commands of libdhcp_lease_cmds that change leases.
func leaseChanges(version int) map[string]Command {
	m := map[string]Command{
		"add": leaseAdd, "update": leaseUpdate, "del": leaseDel, "wipe": leaseWipe, "resend-ddns": leaseResendDDNS,
	}
	if version == 6 {
		m["bulk-apply"] = leaseBulkApply
	}
	return prefixed(fmt.Sprintf("lease%d-", version), m)
}

// replace stores l in place of what is known of its address and counts the difference.
func (e *Engine) replace(l lease.Lease) {
	if old, ok := e.store.Get(l.Addr); ok {
		e.tally(&old, -1)
	}
	if p := e.holder(&l); p != nil {
		l.PoolID = p.ID
	}
	e.put(l)
	e.tally(&l, 1)
}

// discard deletes a lease that a command gives up.
func (e *Engine) discard(l *lease.Lease) {
	e.tally(l, -1)
	e.remove(l)
}

// tally counts a lease that appears (1) or disappears (-1) without a client's
// doing: it is not cumulative.
func (e *Engine) tally(l *lease.Lease, n int64) {
	s, p := e.subnets[l.SubnetID], e.holder(l)
	switch l.State {
	case lease.Registered:
		e.countScoped(e.global(scRegistered), scRegistered, s, nil, n)
		return
	case lease.Declined:
		e.countScoped(e.global(scDeclined), scDeclined, s, p, n)
	case lease.Default:
	default:
		return
	}
	assigned, _ := assignedStat(l)
	e.countScoped(e.global(assigned), assigned, s, p, n)
}

var errRegistered = errors.New("DHCPv4 leases do not support registered state")

func leaseAdd(e *Engine, c *CommandReceived) Answer {
	if c.Arguments == nil {
		return failure("no parameters specified for the command")
	}
	l, err := e.parseLease(c.Arguments)
	if err == nil && e.version == 4 && l.State == lease.Registered {
		err = errRegistered
	}
	if err != nil {
		return failed(err)
	}
	if _, ok := e.store.Get(l.Addr); ok {
		return failed(conflicts("IPv%d lease already exists.", e.version))
	}
	e.replace(l.Lease)
	e.legalCommand(c, "added", &l.Lease, "", nil)
	if l.Type == lease.PD {
		return Answer{Text: fmt.Sprintf("Lease for prefix %s/%d, subnet-id %d added.", l.Addr, l.PrefixLen, l.SubnetID)}
	}
	return Answer{Text: fmt.Sprintf("Lease for address %s, subnet-id %d added.", l.Addr, l.SubnetID)}
}

func leaseUpdate(e *Engine, c *CommandReceived) Answer {
	if c.Arguments == nil {
		return failure("no parameters specified for lease%d-update command", e.version)
	}
	l, err := e.parseLease(c.Arguments)
	if err != nil {
		return failed(err)
	}
	l.told = toldByPartner(c.Arguments)
	existed, err := e.applyLease(&l, l.force)
	if err != nil {
		return failed(err)
	}
	e.legalCommand(c, "updated", &l.Lease, "", nil)
	if existed {
		return Answer{Text: fmt.Sprintf("IPv%d lease updated.", e.version)}
	}
	return Answer{Text: fmt.Sprintf("IPv%d lease added.", e.version)}
}

// applyLease stores l in place of what there is; without force there must be.
func (e *Engine) applyLease(l *leaseArgs, force bool) (existed bool, err error) {
	old, existed := e.store.Get(l.Addr)
	registered := l.State == lease.Registered
	switch {
	case e.version == 4 && registered:
		return existed, errRegistered
	case !existed && !force:
		return false, conflicts("failed to update the lease with address %s either because the lease has been deleted "+
			"or it has changed in the database, in both cases a retry might succeed", l.Addr)
	case existed && !registered && old.State == lease.Registered:
		return true, fmt.Errorf("illegal reuse of registered address %s", l.Addr)
	case existed && registered && (old.State == lease.Default || old.State == lease.Declined):
		return true, fmt.Errorf("address in use: %s can't be registered", l.Addr)
	}
	if !e.superseded(&l.Lease, l.told) {
		e.replace(l.Lease)
	}
	return existed, nil
}

// toldByPartner says whether a command names a partner as its origin.
func toldByPartner(args *config.Value) bool {
	o := args.Get("origin")
	return o != nil && o.Str == "ha-partner"
}

func leaseDel(e *Engine, c *CommandReceived) Answer {
	q, err := e.parseLeaseQuery(c.Arguments)
	if err == nil {
		err = e.refused(q.by, "Delete")
	}
	if err != nil {
		return failed(err)
	}
	l, ok := e.lookUp(&q)
	if !ok {
		return Answer{Result: Empty, Text: fmt.Sprintf("IPv%d lease not found.", e.version)}
	}
	if q.updateDDNS {
		e.dnsRemove(&l)
	}
	e.discard(&l)
	e.legalCommand(c, "deleted", &l, q.by, q.id)
	return Answer{Text: fmt.Sprintf("IPv%d lease deleted.", e.version)}
}

// leaseWipe deletes the leases of one configured subnet, or of all.
func leaseWipe(e *Engine, c *CommandReceived) Answer {
	id, _, err := optionalUint32(c.Arguments, "subnet-id")
	if err != nil {
		return failed(err)
	}
	doomed, at, more := e.wiped(c, id)
	for i := range doomed {
		e.discard(&doomed[i])
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Deleted %d IPv%d lease(s) from subnet(s)", at.count, e.version)
	if id != 0 {
		fmt.Fprintf(&text, " %d", id)
	} else {
		for _, s := range e.ordered {
			fmt.Fprintf(&text, " %d", s.ID)
		}
	}
	a := Answer{Text: text.String()}
	if at.count == 0 {
		a.Result = Empty
	}
	if more {
		a.Next = at
	}
	return a
}

// wiped are the leases that a turn of wiping deletes: those of a subnet, 0: of
// every subnet that is configured.
func (e *Engine) wiped(c *CommandReceived, id uint32) (doomed []lease.Lease, at *Cursor, more bool) {
	if id == 0 {
		doomed, at = e.walk(c, func(l *lease.Lease) bool { return e.subnets[l.SubnetID] != nil })
		return doomed, at, e.more()
	}
	at = &Cursor{}
	if c.Next != nil {
		*at = *c.Next
	}
	var done bool
	doomed, at.place, done = e.store.InGroup(c.Room, lease.Group{Subnet: id, AnyState: true}, at.place, leaseTurn)
	at.count += len(doomed)
	return doomed, at, !done
}

// leaseResendDDNS asks again for the DNS records of a lease.
func leaseResendDDNS(e *Engine, c *CommandReceived) Answer {
	v := c.Arguments.Get("ip-address")
	switch {
	case v == nil:
		return failure("'ip-address' parameter is missing.")
	case v.Kind != config.String:
		return failure("'ip-address' is not a string.")
	}
	a, err := parseAddr(v.Str)
	if err != nil {
		return failure("'%s' is not a valid IP address.", v.Str)
	}
	if family(a) != e.version {
		return failure("Invalid IPv%d address specified: %s", e.version, v.Str)
	}
	if !e.cfg.D2.Enable {
		return failure("DDNS updating is not enabled")
	}
	l, ok := e.store.Get(a)
	switch {
	case !ok:
		return Answer{Result: Empty, Text: fmt.Sprintf("No lease found for: %s", a)}
	case l.Hostname == "":
		return failure("Lease for: %s, has no hostname, nothing to update", a)
	case !l.FQDNFwd && !l.FQDNRev:
		return failure("Neither forward nor reverse updates enabled for lease for: %s", a)
	}
	d := e.ddnsOf(&l)
	if d == nil {
		return failure("subnet id %d of the lease is not configured", l.SubnetID)
	}
	e.changeName(d, &l, false)
	return Answer{Text: fmt.Sprintf("NCR generated for: %s, hostname: %s", a, l.Hostname)}
}

// maxBulk bounds the leases of one lease6-bulk-apply.
const maxBulk = 10000

// leaseBulkApply is how an HA partner brings all leases of one exchange. A
// malformed entry refuses the whole; then each entry fails on its own.
func leaseBulkApply(e *Engine, c *CommandReceived) Answer {
	deletes, updates, err := e.bulkArgs(c.Arguments)
	if err != nil {
		// An unknown subnet is malformed here, too, not a conflict.
		return Answer{Result: Failure, Text: err.Error()}
	}
	done, told := 0, toldByPartner(c.Arguments)
	failedDeletes, failedUpdates := config.NewList(), config.NewList()
	for _, q := range deletes {
		l, ok := e.lookUp(&q)
		if !ok {
			failedDeletes.List = append(failedDeletes.List, failedLease(q.typ, q.addr, Empty, "lease not found"))
			continue
		}
		if q.updateDDNS {
			e.dnsRemove(&l)
		}
		e.discard(&l)
		e.legalCommand(nil, "deleted", &l, "", nil)
		done++
	}
	for i := range updates {
		l := &updates[i]
		l.told = told
		if _, err := e.applyLease(l, true); err != nil {
			failedUpdates.List = append(failedUpdates.List, failedLease(l.Type, l.Addr, failed(err).Result, err.Error()))
			continue
		}
		e.legalCommand(nil, "updated", &l.Lease, "", nil)
		done++
	}
	a := Answer{Text: fmt.Sprintf("Bulk apply of %d IPv6 leases completed.", done)}
	if done == 0 {
		a.Result = Empty
	}
	for name, list := range map[string]*config.Value{"failed-deleted-leases": failedDeletes, "failed-leases": failedUpdates} {
		if len(list.List) > 0 {
			if a.Arguments == nil {
				a.Arguments = config.NewMap()
			}
			a.Arguments.Set(name, list)
		}
	}
	if a.Arguments != nil {
		a.Arguments = sorted(a.Arguments)
	}
	return a
}

func failedLease(t lease.Type, a netip.Addr, result int, text string) *config.Value {
	name := "IA_NA"
	if t == lease.PD {
		name = "IA_PD"
	}
	return config.NewMap(config.M("error-message", config.NewString(text)), config.M("ip-address", config.NewString(a.String())),
		config.M("result", config.NewInt(int64(result))), config.M("type", config.NewString(name)))
}

func (e *Engine) bulkArgs(args *config.Value) (deletes []leaseQuery, updates []leaseArgs, err error) {
	if args == nil || args.Kind != config.Map {
		return nil, nil, errors.New("Command arguments missing or a not a map.")
	}
	gone, kept := args.Get("deleted-leases"), args.Get("leases")
	switch {
	case gone == nil && kept == nil:
		return nil, nil, errors.New("neither 'deleted-leases' nor 'leases' parameter specified")
	case gone != nil && gone.Kind != config.List:
		return nil, nil, errors.New("the 'deleted-leases' parameter must be a list")
	case kept != nil && kept.Kind != config.List:
		return nil, nil, errors.New("the 'leases' parameter must be a list")
	}
	if gone != nil {
		for _, v := range gone.List {
			q, err := e.parseLeaseQuery(v)
			if err != nil {
				return nil, nil, err
			}
			deletes = append(deletes, q)
		}
	}
	if kept != nil {
		for _, v := range kept.List {
			l, err := e.parseLease(v)
			if err != nil {
				return nil, nil, err
			}
			updates = append(updates, l)
		}
	}
	if n := len(deletes) + len(updates); n > maxBulk {
		return nil, nil, fmt.Errorf("%d leases at once are more than %d", n, maxBulk)
	}
	return deletes, updates, nil
}
