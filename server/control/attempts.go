package control

import (
	"net/netip"
	"sync"
	"time"
)

// attempts bounds how fast credentials can be guessed: so many wrong ones an
// address has at once, and one more each pause. Beyond that nobody looks at
// what it brings. The networks of IPv6 hosts count as one address.
type attempts struct {
	mu   sync.Mutex
	debt map[netip.Prefix]time.Time // when an address has all its attempts again
}

const (
	attemptsAtOnce = 10
	attemptPause   = time.Second
	// attemptsKept bounds the addresses that are remembered.
	attemptsKept = 4096
)

// sourceOf is whom an attempt counts for.
func sourceOf(addr string) netip.Prefix {
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 32
	if !a.Addr().Unmap().Is4() {
		bits = 64
	}
	p, _ := a.Addr().Unmap().WithZone("").Prefix(bits)
	return p
}

// open says whether an address may try.
func (a *attempts) open(from netip.Prefix, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.debt[from].Sub(now) <= (attemptsAtOnce-1)*attemptPause
}

// wrong notes wrong credentials. It says whether they were the last that the
// address has for now.
func (a *attempts) wrong(from netip.Prefix, now time.Time) (last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.debt == nil {
		a.debt = make(map[netip.Prefix]time.Time)
	}
	if len(a.debt) >= attemptsKept {
		a.forget(now)
	}
	t := a.debt[from]
	if t.Before(now) {
		t = now
	}
	a.debt[from] = t.Add(attemptPause)
	return a.debt[from].Sub(now) > (attemptsAtOnce-1)*attemptPause
}

// forget makes room: of those that owe nothing, or, in a flood from everywhere,
// of anybody.
func (a *attempts) forget(now time.Time) {
	for from, t := range a.debt {
		if !t.After(now) {
			delete(a.debt, from)
		}
	}
	for from := range a.debt {
		if len(a.debt) < attemptsKept {
			return
		}
		delete(a.debt, from)
	}
}
