package bench

import "time"

// ringSize is the limit on exchanges in flight.
const ringSize = 1 << 16

// load says what to run.
type load struct {
	renew   bool          // renewals of known clients, else new clients
	count   int           // exchanges to start; 0: no limit
	during  time.Duration // how long to start them; 0: no limit
	window  int           // closed loop: exchanges in flight
	rate    float64       // open loop if not 0: exchanges started per second
	timeout time.Duration // a message unanswered for so long is dropped
	keep    bool          // remember the clients that were served
}

// exchange is one slot of the ring. xid is the sequence number plus salt.
type exchange struct {
	client
	seq   uint32
	step  step
	began time.Duration
	sent  time.Duration
}

// deadline is a message that waits for its answer; they expire in order.
type deadline struct {
	seq  uint32
	step step
	at   time.Duration
}

// run is the state of all exchanges. Times are since its start. Its methods
// append the messages to send to out.
type run struct {
	load
	codec   codec
	clients []client // renew: who renews, in turn; else those served, if keep
	next    uint64   // number of the next new client
	salt    uint32

	ring      []exchange
	seq       uint32
	deadlines []deadline
	expired   int // deadlines before this one are over
	inFlight  int
	out       outbox
	figures   figures
}

// outbox holds the messages of one turn, in buffers used again.
type outbox struct {
	bufs [][]byte
	n    int
}

func (o *outbox) add(write func(buf []byte) []byte) {
	if o.n == len(o.bufs) {
		o.bufs = append(o.bufs, make([]byte, 0, 600))
	}
	o.bufs[o.n] = write(o.bufs[o.n][:0])
	o.n++
}

func (o *outbox) take() [][]byte { return o.bufs[:o.n] }
func (o *outbox) reset()         { o.n = 0 }

func newRun(l load, c codec, firstClient uint64, salt uint32) *run {
	return &run{load: l, codec: c, next: firstClient, salt: salt, ring: make([]exchange, ringSize)}
}

// begin starts what is due now.
func (r *run) begin(now time.Duration) {
	if r.rate == 0 {
		for r.inFlight < r.window && r.more(now) {
			r.start(now)
		}
		return
	}
	due := int64(now.Seconds() * r.rate)
	for r.figures.Started+r.figures.NotStarted < due && r.more(now) {
		r.start(now)
	}
}

// more says whether exchanges are still to be started.
func (r *run) more(now time.Duration) bool {
	return (r.count == 0 || r.figures.Started+r.figures.NotStarted < int64(r.count)) &&
		(r.during == 0 || now < r.during)
}

// over says whether nothing is left to do.
func (r *run) over(now time.Duration) bool { return r.inFlight == 0 && !r.more(now) }

func (r *run) start(now time.Duration) {
	e := &r.ring[r.seq%ringSize]
	if e.step != idle {
		r.figures.NotStarted++ // the server is a whole ring behind
		r.seq++
		return
	}
	*e = exchange{seq: r.seq, began: now}
	r.seq++
	s := first
	if r.renew {
		e.client = r.clients[int(r.figures.Started)%len(r.clients)]
		s = renew
	} else {
		e.number = r.next
		r.next++
	}
	r.figures.Started++
	r.inFlight++
	r.send(e, s, now)
}

func (r *run) send(e *exchange, s step, now time.Duration) {
	e.step, e.sent = s, now
	r.out.add(func(buf []byte) []byte {
		return r.codec.query(buf, s, (e.seq+r.salt)&r.codec.xidMask(), &e.client)
	})
	r.deadlines = append(r.deadlines, deadline{e.seq, s, now + r.timeout})
}

// receive takes a datagram from the server.
func (r *run) receive(b []byte, now time.Duration) {
	var c client
	xid, a, ok := r.codec.response(b, &c)
	if !ok {
		r.figures.Bad++
		return
	}
	mask := r.codec.xidMask()
	seq := (xid - r.salt) & mask
	e := &r.ring[seq%ringSize]
	switch {
	case e.step == idle || e.seq&mask != seq:
		r.figures.Unexpected++
	case a == refused:
		r.figures.Refused++
		r.end(e)
	case a == offered && e.step == first:
		r.figures.first.add(now - e.sent)
		e.addr, e.server = c.addr, c.server
		r.send(e, second, now)
	case a == granted && e.step != first:
		r.figures.last.add(now - e.sent)
		r.figures.whole.add(now - e.began)
		r.figures.Completed++
		r.figures.lastDone = now
		if r.keep {
			e.addr, e.server = c.addr, c.server
			r.clients = append(r.clients, e.client)
		}
		r.end(e)
	default:
		r.figures.Unexpected++
	}
}

// expire drops what has waited too long.
func (r *run) expire(now time.Duration) {
	for ; r.expired < len(r.deadlines) && r.deadlines[r.expired].at <= now; r.expired++ {
		d := r.deadlines[r.expired]
		e := &r.ring[d.seq%ringSize]
		if e.seq != d.seq || e.step != d.step {
			continue
		}
		if d.step == first {
			r.figures.DroppedFirst++
		} else {
			r.figures.DroppedLast++
		}
		r.end(e)
	}
	if r.expired > ringSize {
		r.deadlines = r.deadlines[:copy(r.deadlines, r.deadlines[r.expired:])]
		r.expired = 0
	}
}

func (r *run) end(e *exchange) {
	e.step = idle
	r.inFlight--
}
