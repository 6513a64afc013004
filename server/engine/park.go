package engine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"leasehold/ha"
	"leasehold/lease"
	"leasehold/server/message"
)

// waiting is what a parked response still waits for.
type waiting struct {
	seq    uint64 // the last change it promises; 0 = none
	acks   int    // acknowledgements of peers
	token  uint64 // what the machine calls it; 0 = nothing to wait for
	failed bool   // a peer refused: drop when the disk has answered
}

// parkingLot holds responses until their promises are kept, in the order of
// their changes.
type parkingLot struct {
	queue   []*Query
	answers []parkedAnswer
	sends   []parkedSend
	moved   bool // some of the queue may leave now
}

// parkedMost bounds how many responses wait when a disk hangs.
const parkedMost = 1 << 16

// parkedAnswer is the answer to a command that changed leases: it is given
// when the changes are durable, like a response.
type parkedAnswer struct {
	seq uint64
	Answered
}

// parkedSend is a command that tells a peer what is not durable yet.
type parkedSend struct {
	seq uint64
	Send
}

// finish sends a decided query on its way: at once if it promises nothing,
// else when its changes are durable. One that waits for a Ping comes again.
func (e *Engine) finish(q *Query) {
	if q.pinging {
		return
	}
	if len(e.pairs) > 0 && len(e.journal) > e.mark {
		e.push(q)
	}
	if q.waiting.seq > e.durable && !e.diskless || q.waiting.acks > 0 {
		if len(e.parked.queue) >= parkedMost {
			e.drop(q, dropParked, nil)
			return
		}
		e.parked.queue = append(e.parked.queue, q)
		return
	}
	e.release(q)
}

// drop ends a query without an answer, counted and named.
func (e *Engine) drop(q *Query, d *Drop, m *message.Message) {
	e.silence(q, d, m)
	e.stats.count(d.Statistic)
	if e.version == 6 {
		e.stats.count(Pkt6ReceiveDrop)
	} else {
		e.stats.count(Pkt4ReceiveDrop)
	}
	e.fx.Done = append(e.fx.Done, q)
}

// silence takes the answer from a query that was processed and deserves none;
// it is no drop in the statistics.
func (e *Engine) silence(q *Query, d *Drop, m *message.Message) {
	q.drop = d
	q.Response = nil
	if m == nil || !e.on(m) {
		return
	}
	if q.Bad != nil {
		e.log(q, m, "%s: %v", d.Name, q.Bad)
	} else {
		e.log(q, m, "%s", d.Name)
	}
}

func (e *Engine) release(q *Query) {
	// The query may serve another datagram when the peer answers.
	delete(e.tokens, q.waiting.token)
	if q.waiting.failed && q.Response != nil {
		q.late = dropUnstored
	}
	e.recorder.settle(q.recorded, e.clock, q.late)
	if q.Response == nil || q.waiting.failed {
		e.fx.Done = append(e.fx.Done, q)
		return
	}
	e.countSent(q)
	e.fx.Responses = append(e.fx.Responses, q)
}

// takeJournal hands the gathered changes out. Two rooms take turns, so that
// deciding goes on while one is being written.
func (e *Engine) takeJournal(now bool) {
	if now && !e.unstored.retry.IsZero() {
		e.unstored.retry = e.clock
	}
	if !e.unsaved() {
		return
	}
	e.tryAgain()
	e.fx.Journal = e.journal
	e.handed = e.journal[len(e.journal)-1].Seq
	clear(e.spare)
	e.journal, e.spare = e.spare[:0], e.journal
}

// unstored are the changes that the disk did not take, the last one of each
// address. While there are any, the journal waits for the next attempt, so that
// no change is durable before those it builds upon.
type unstored struct {
	changes map[netip.Addr]lease.Change
	retry   time.Time // zero: nothing was refused
}

// retryPause is how long a disk that failed is left alone.
const retryPause = time.Second

// unsaved says whether there is a journal to be taken.
func (e *Engine) unsaved() bool {
	if !e.unstored.retry.IsZero() {
		return !e.clock.Before(e.unstored.retry)
	}
	return len(e.journal) > 0
}

func (e *Engine) behind() int {
	if e.diskless {
		return 0
	}
	return int(e.store.Seq() - e.judged)
}

// refuse keeps the journal that was handed out last.
func (e *Engine) refuse() {
	r := &e.unstored
	if r.changes == nil {
		r.changes = make(map[netip.Addr]lease.Change)
	}
	for _, c := range e.spare {
		r.changes[c.Lease.Addr] = c
	}
	if len(r.changes) > 0 {
		r.retry = e.clock.Add(retryPause)
	}
}

// tryAgain puts what was refused before the journal, each lease as it is now.
func (e *Engine) tryAgain() {
	r := &e.unstored
	if r.retry.IsZero() {
		return
	}
	all := make([]lease.Change, 0, len(r.changes)+len(e.journal))
	for a, c := range r.changes {
		if l, ok := e.store.Get(a); ok {
			c.Lease, c.Delete = l, false
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b lease.Change) int { return int(int64(a.Seq - b.Seq)) })
	e.journal = append(all, e.journal...)
	clear(r.changes)
	r.retry = time.Time{}
}

// appended releases what waited for the disk, or drops it when the disk
// failed: the client asks again. The index keeps the change, which errs towards
// "taken", and the disk gets it again.
func (e *Engine) appended(a Appended) {
	e.judged = max(e.judged, a.Seq)
	if a.Err == nil {
		e.durable = max(e.durable, a.Seq)
	} else {
		e.refuse()
	}
	for _, q := range e.parked.queue {
		if q.waiting.seq <= a.Seq {
			if a.Err != nil {
				q.waiting.failed = true
			}
			q.waiting.seq = 0
		}
	}
	e.parked.moved = true
	e.releaseAnswers(a)
	e.releaseSends(a)
}

// changeDisk begins or ends to keep changes. What is undecided at the end is as
// durable as it will ever be.
func (e *Engine) changeDisk(diskless bool) {
	e.diskless = diskless
	e.handed = e.store.Seq()
	if diskless {
		e.unstored = unstored{}
		e.appended(Appended{Seq: e.handed})
	}
	e.durable, e.judged = e.handed, e.handed
}

// sweep lets go of the parked queries whose promises are kept or broken, in
// their order. A broken promise still waits for the disk: the room of the query
// is in use as long as its changes are.
func (e *Engine) sweep() {
	if !e.parked.moved {
		return
	}
	e.parked.moved = false
	kept := e.parked.queue[:0]
	for _, q := range e.parked.queue {
		if (q.waiting.seq == 0 || q.waiting.seq <= e.durable || e.diskless) && (q.waiting.acks == 0 || q.waiting.failed) {
			e.release(q)
			continue
		}
		kept = append(kept, q)
	}
	clear(e.parked.queue[len(kept):])
	e.parked.queue = kept
}

// releaseSends lets commands go whose pledge holds; those whose pledge is
// broken fail as if the peer had not been reached.
func (e *Engine) releaseSends(a Appended) {
	held := e.parked.sends
	e.parked.sends = nil
	for _, p := range held {
		switch {
		case p.seq > a.Seq:
			e.parked.sends = append(e.parked.sends, p)
		case a.Err != nil:
			err := fmt.Errorf("store the leases of the partner: %w", a.Err)
			e.peerAnswered(&PeerAnswered{Pair: p.Pair, ID: p.Action.ID, Answer: ha.Answer{Err: err}})
		default:
			e.fx.Sends = append(e.fx.Sends, p.Send)
		}
	}
}

func (e *Engine) releaseAnswers(a Appended) {
	kept := e.parked.answers[:0]
	for _, p := range e.parked.answers {
		if p.seq > a.Seq {
			kept = append(kept, p)
			continue
		}
		if a.Err != nil {
			p.Answer = failure("store the change of leases: %v", a.Err)
		}
		e.fx.Answers = append(e.fx.Answers, p.Answered)
	}
	clear(e.parked.answers[len(kept):])
	e.parked.answers = kept
}

// promise makes q's response wait for every change decided so far: its own,
// and those of an earlier query that it builds upon.
func (e *Engine) promise(q *Query) { q.waiting.seq = e.store.Seq() }
