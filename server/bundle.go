package server

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/server/engine"
	"leasehold/server/listen"
	"leasehold/server/wire"
)

// bundles knows the relays that may be sent several responses in one message,
// which the system cuts into datagrams on its way out (listen.Outgoing.Bundle):
// that saves half of what an exchange costs.
//
// A relay on this very machine, in a container, that reads a packet socket (ISC
// dhcrelay does) sees the message before it is cut, and takes it for a single
// response. So each relay is tried first: two offers leave in one message, and
// the relay is trusted when the client of the second goes on with a REQUEST. If
// that client asks anew instead, or never comes back, the relay gets each
// response by itself. Trust and distrust end after a while: another relay may
// have the address by then.
type bundles struct {
	mu     sync.Mutex
	relays map[netip.AddrPort]*relay
	trials map[string]*relay // by client
	open   atomic.Int32      // len(trials), for who does not hold mu
}

// relay is what is known of one address that responses to relays go to.
type relay struct {
	trust  trust
	until  time.Time // when it is untried again; while on trial, when that has failed
	client string    // on trial: whose REQUEST is awaited
}

type trust uint8

const (
	untried trust = iota
	onTrial
	trusted
	distrusted
)

const (
	trialTime  = 10 * time.Second
	trustTime  = 10 * time.Minute
	maxRelays  = 4096 // more are forgotten, all at once
	maxClients = 64   // on trial at once
)

// mark says which of the datagrams may leave together. out are those of
// responses, one each.
func (b *bundles) mark(now time.Time, version int, responses []*engine.Query, out []listen.Outgoing) {
	if len(out) < 2 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var r *relay
	for i, q := range responses {
		o := &out[i]
		if o.Frame || !isRelayed(q, version) {
			continue
		}
		if r == nil || o.Dst != out[i-1].Dst {
			r = b.relay(now, o.Dst)
		}
		switch r.trust {
		case trusted:
			o.Bundle = true
		case untried:
			b.try(now, version, r, i, responses, out)
		}
	}
}

// relay returns what is known of an address.
func (b *bundles) relay(now time.Time, a netip.AddrPort) *relay {
	r := b.relays[a]
	if r == nil {
		if b.relays == nil || len(b.relays) >= maxRelays {
			b.relays, b.trials = map[netip.AddrPort]*relay{}, map[string]*relay{}
			b.open.Store(0)
		}
		r = &relay{}
		b.relays[a] = r
	}
	if r.trust == untried || now.Before(r.until) {
		return r
	}
	if r.trust == onTrial {
		b.settle(now, r, distrusted)
	} else {
		r.trust = untried
	}
	return r
}

// try begins the trial of r if response i and one before it are offers that can
// leave together.
func (b *bundles) try(now time.Time, version int, r *relay, i int, responses []*engine.Query, out []listen.Outgoing) {
	if !isOffer(responses[i], version) || len(b.trials) >= maxClients {
		return
	}
	client := string(clientOf(responses[i], version))
	if client == "" || b.trials[client] != nil {
		return
	}
	for j := range i {
		if out[j].Dst == out[i].Dst && len(out[j].Data) == len(out[i].Data) &&
			isOffer(responses[j], version) && string(clientOf(responses[j], version)) != client {
			out[j].Bundle, out[i].Bundle = true, true
			*r = relay{trust: onTrial, until: now.Add(trialTime), client: client}
			b.trials[client] = r
			b.open.Store(int32(len(b.trials)))
			return
		}
	}
}

// note takes the evidence that a query is.
func (b *bundles) note(now time.Time, version int, q *engine.Query) {
	if b.open.Load() == 0 || q.Bad != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.trials[string(clientOf(q, version))]
	if r == nil {
		return
	}
	switch asks, selects := kindOf(q, version); {
	case asks:
		b.settle(now, r, distrusted)
	case selects && now.Before(r.until):
		b.settle(now, r, trusted)
	}
}

// settle ends a trial.
func (b *bundles) settle(now time.Time, r *relay, t trust) {
	delete(b.trials, r.client)
	b.open.Store(int32(len(b.trials)))
	*r = relay{trust: t, until: now.Add(trustTime)}
}

func isRelayed(q *engine.Query, version int) bool {
	if version == 6 {
		return len(q.M6.Relays()) > 0
	}
	return !q.M4.GIAddr().IsUnspecified()
}

// isOffer says whether the response to q is one that the client answers.
func isOffer(q *engine.Query, version int) bool {
	asks, _ := kindOf(q, version)
	return asks && !(version == 6 && q.M6.Has(wire.Opt6RapidCommit))
}

// kindOf says whether a query looks for servers, or selects one.
func kindOf(q *engine.Query, version int) (asks, selects bool) {
	if version == 6 {
		return q.M6.Type == wire.Solicit, q.M6.Type == wire.Request
	}
	return q.M4.Type == wire.Discover4, q.M4.Type == wire.Request4
}

func clientOf(q *engine.Query, version int) []byte {
	if version == 6 {
		id, _ := q.M6.Option(wire.Opt6ClientID)
		return id
	}
	return q.M4.CHAddr()
}
