package ha

import "time"

// maxConnecting bounds the clients that are remembered while contact is
// interrupted; the decision needs far fewer.
const maxConnecting = 16384

// partner is what we know of the other active server.
type partner struct {
	state      State
	since      time.Time // when state was first heard without a break
	scopes     []string
	contact    time.Time // last good heartbeat; the start of the machine before the first
	heard      bool      // a heartbeat was answered since the start
	gone       bool      // its process is known to have ended
	maintained bool      // it tells its state with ha-maintenance-notify: 2.7.5 or newer
	features   Features
	digest     string // of its configuration

	time      time.Time // its clock at the last good heartbeat
	measured  time.Time // our clock then
	skewKnown bool
	warned    time.Time // last warning about skew

	unsent  uint64 // its unsent-update-count
	settled uint64 // that count when we last had all of its leases
	stream  Stream // where its change stream stood

	analyzed uint64
	clients  map[string]bool // connecting clients; true = unacked
	unacked  int
	rejected map[string]time.Time // client → when its refusal is forgotten
	key      []byte               // scratch for the maps' keys
}

// enter records a state heard from the partner.
func (p *partner) enter(s State, now time.Time) {
	if p.state != s {
		p.state, p.since = s, now
	}
}

// skew returns how far the partner's clock is ahead of ours.
func (p *partner) skew() time.Duration {
	if !p.skewKnown {
		return 0
	}
	return p.time.Sub(p.measured).Truncate(time.Second)
}

// forgetClients is called when contact is back.
func (p *partner) forgetClients() {
	p.analyzed, p.unacked = 0, 0
	clear(p.clients)
}

// analyze counts a query of a client that the partner should have answered and
// says whether that made one more client unacked.
func (p *partner) analyze(q *Query, limit time.Duration) bool {
	p.analyzed++
	key := p.clientKey(q.HWAddr, q.ClientID)
	if len(key) == 2 { // neither address nor identifier
		return false
	}
	was, known := p.clients[string(key)]
	late := q.HasTried && q.Tried > limit
	if was || known && !late || len(p.clients) >= maxConnecting && !known {
		return false
	}
	if p.clients == nil {
		p.clients = make(map[string]bool)
	}
	p.clients[string(key)] = late
	if late {
		p.unacked++
	}
	return late
}

// reject remembers a client whose update the partner refused.
func (p *partner) reject(client []byte, now time.Time, limit uint32) {
	if limit == 0 || uint32(len(p.rejected)) >= limit {
		return
	}
	if p.rejected == nil {
		p.rejected = make(map[string]time.Time)
	}
	p.rejected[string(client)] = now.Add(rejectedFor)
}

// accept forgets the refusal of a client.
func (p *partner) accept(client []byte) {
	if len(p.rejected) > 0 {
		delete(p.rejected, string(client))
	}
}

// rejections returns how many clients' refusals still count.
func (p *partner) rejections(now time.Time) int {
	for client, end := range p.rejected {
		if !now.Before(end) {
			delete(p.rejected, client)
		}
	}
	return len(p.rejected)
}

// clientKey joins hardware address and identifier; valid until the next call.
func (p *partner) clientKey(hw, id []byte) []byte {
	p.key = appendClientKey(p.key[:0], hw, id)
	return p.key
}

func appendClientKey(dst, hw, id []byte) []byte {
	dst = append(dst, byte(len(hw)>>8), byte(len(hw)))
	dst = append(dst, hw...)
	return append(dst, id...)
}

// Secs4 returns how long a v4 client has tried. A value above 255 whose low
// byte is zero was written by a Windows client in the wrong byte order.
func Secs4(secs uint16) time.Duration {
	if secs > 255 && secs&0xff == 0 {
		secs = secs>>8 | secs<<8
	}
	return time.Duration(secs) * time.Second
}
