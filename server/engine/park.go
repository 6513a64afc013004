package engine

import "leasehold/server/message"

// waiting is what a parked response still waits for.
type waiting struct {
	seq    uint64 // the last change it promises; 0 = none
	acks   int    // acknowledgements of peers
	failed bool   // a peer refused: drop when the disk has answered
}

// parkingLot holds responses until their promises are kept, in the order of
// their changes.
type parkingLot struct {
	queue   []*Query
	answers []parkedAnswer
	moved   bool // some of the queue may leave now
}

// parkedAnswer is the answer to a command that changed leases: it is given
// when the changes are durable, like a response.
type parkedAnswer struct {
	seq uint64
	Answered
}

// finish sends a decided query on its way: at once if it promises nothing,
// else when its changes are durable.
func (e *Engine) finish(q *Query) {
	if len(e.pairs) > 0 && len(e.journal) > e.mark {
		e.push(q)
	}
	if q.waiting.seq > e.durable && !e.diskless || q.waiting.acks > 0 {
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
	if q.Response == nil || q.waiting.failed {
		e.fx.Done = append(e.fx.Done, q)
		return
	}
	e.countSent(q)
	e.fx.Responses = append(e.fx.Responses, q)
}

// takeJournal hands the gathered changes out. Two rooms take turns, so that
// deciding goes on while one is being written.
func (e *Engine) takeJournal() {
	if len(e.journal) == 0 {
		return
	}
	e.fx.Journal = e.journal
	e.handed = e.journal[len(e.journal)-1].Seq
	clear(e.spare)
	e.journal, e.spare = e.spare[:0], e.journal
}

// appended releases what waited for the disk, or drops it when the disk
// failed: the client asks again, and the index keeps the change, which errs
// towards "taken".
func (e *Engine) appended(a Appended) {
	if a.Err == nil {
		e.durable = max(e.durable, a.Seq)
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
