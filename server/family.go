package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"leasehold/config"
	"leasehold/server/engine"
	"leasehold/server/listen"
	"leasehold/server/logging"
	"leasehold/server/message"
	"leasehold/server/metrics"
	"leasehold/server/route"
)

// family is one engine with everything around it.
type family struct {
	version int
	engine  *engine.Engine
	sockets *listen.Set
	peers   *peers
	disk    *disk
	memory  *keeper
	routes  *route.Table
	log     *logging.Sink
	meters  *metrics.Meters
	now     func() time.Time
	hooked  hooked
	bundles bundles

	happening *happening
	listener  listener

	queries sync.Pool
	rooms   sync.Pool
	began   time.Time    // what wake counts from: no setting of the clock moves it
	wake    atomic.Int64 // nanoseconds until the next Tick; 0 = none
	rearm   chan struct{}
	nextID  atomic.Uint64
	answers sync.Map // of chan engine.Answer by ID of the command

	cleaning chan struct{} // cleanUp is to look at the configuration

	cfg     atomic.Pointer[config.Family]
	broken  atomic.Pointer[string] // what is wrong with the file; nil: nothing is known to be
	doors   []*door                // guarded by Server.changing
	confirm *confirmation          // guarded by Server.changing; nil: none is awaited
}

// batchSize is how many datagrams are decided at once at most.
const batchSize = 64

// carrier is what one goroutine needs to bring batches to the engine.
type carrier struct {
	in  []engine.Input
	fx  engine.Effects
	out []listen.Outgoing
}

// serve brings what arrives on a socket to the engine until it is closed.
func (f *family) serve(s *listen.Socket) {
	size := listen.Size4
	if f.version == 6 {
		size = listen.Size6
	}
	f.rooms.New = func() any { return listen.NewBatch(1, size)[0] }
	batch := listen.NewBatch(batchSize, size)
	c := &carrier{}
	var o overload
	for {
		n, err := s.Receive(batch)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			f.log.Log(message.DHCPSrvOpenSocketFail, "%v", err)
			return
		}
		now := f.now()
		f.weigh(now, &o, s, n == len(batch))
		c.in = c.in[:0]
		for i, d := range batch[:n] {
			if o.drops(f.version, d.Data) {
				continue
			}
			kept := len(c.in)
			batch[kept], batch[i] = d, batch[kept]
			q := f.queries.Get().(*engine.Query)
			q.Reset()
			q.Data, q.Arrival, q.Room = d.Data, d.Arrival, d
			if f.version == 4 {
				q.Decode4()
			} else {
				q.Decode6()
			}
			f.bundles.note(now, f.version, q)
			c.in = append(c.in, q)
		}
		f.meters.Batch.Observe(float64(n))
		kept := len(c.in)
		if kept < n {
			c.in = append(c.in, engine.Shed{Count: n - kept})
		}
		began := time.Now()
		f.step(c)
		f.meters.Took.Observe(time.Since(began).Seconds())
		f.refill(c, batch[:kept])
		f.disk.letCatchUp(c.fx.Behind)
	}
}

// weigh tells o how much waits on a socket: nothing, unless a whole batch came.
func (f *family) weigh(now time.Time, o *overload, s *listen.Socket, full bool) {
	switch {
	case full:
		o.see(s.Backlog())
	case o.shedding:
		o.see(0, 1)
	}
	if dropped, due := o.report(now); due {
		f.log.Log(message.Overload, "more arrives on %s than can be answered: %d messages of new clients were dropped unread",
			s.Serving(), dropped)
	}
}

// refill takes the buffers of finished queries back into the batch, and gives
// it fresh ones for those that are parked. Which are parked only the effects
// say: a parked query may be gone already.
func (f *family) refill(c *carrier, batch []*listen.Datagram) {
	i := 0
	for _, list := range [...][]*engine.Query{c.fx.Responses, c.fx.Done} {
		for _, q := range list {
			batch[i] = q.Room.(*listen.Datagram)
			i++
			q.Room = nil
			f.queries.Put(q)
		}
	}
	for ; i < len(batch); i++ {
		batch[i] = f.rooms.Get().(*listen.Datagram)
	}
}

// step enters the engine with c.in and carries out the effects, except for
// queries that c brought itself: refill takes those back.
func (f *family) step(c *carrier) {
	now := f.now()
	c.fx.Reset()
	f.engine.Step(now, c.in, &c.fx)
	f.carryOut(now, c)
	if c.fx.Waiting {
		f.disk.kick(len(c.in))
	}
}

// carryOut sends, logs and re-arms the timer.
func (f *family) carryOut(now time.Time, c *carrier) {
	if len(c.fx.Sends) > 0 { // first: the partner works meanwhile
		f.peers.send(c.fx.Sends)
	}
	if len(c.fx.Responses) > 0 {
		c.out = c.out[:0]
		for _, q := range c.fx.Responses {
			c.out = append(c.out, listen.Outgoing{Data: q.Response, Departure: q.Departure})
		}
		f.bundles.mark(now, f.version, c.fx.Responses, c.out)
		f.sockets.Send(c.out)
	}
	if len(c.fx.Log) > 0 {
		f.log.Write(now, c.fx.Log, c.fx.LogText)
	}
	if c.fx.Routes.Seq != 0 {
		f.routes.Apply(&c.fx.Routes)
	}
	f.carryOutHooks(&c.fx.Hooked)
	f.deliver(c.fx.Answers)
	if c.fx.Memory != nil {
		f.memory.keep(c.fx.Memory)
	}
	if c.fx.Reports != nil {
		f.memory.report(c.fx.Reports)
	}
	if c.fx.Stirred {
		f.stirred()
	}
	f.arm(c.fx.Wake)
}

// giveBack returns queries that were parked to the pools.
func (f *family) giveBack(fx *engine.Effects) {
	for _, list := range [...][]*engine.Query{fx.Responses, fx.Done} {
		for _, q := range list {
			if d, ok := q.Room.(*listen.Datagram); ok {
				f.rooms.Put(d)
			}
			q.Room = nil
			f.queries.Put(q)
		}
	}
}

// arm sees to it that a Tick comes at t at the latest.
func (f *family) arm(t time.Time) {
	if t.IsZero() {
		return
	}
	n := max(int64(t.Sub(f.began)), 1)
	for {
		old := f.wake.Load()
		if old != 0 && old <= n {
			return
		}
		if f.wake.CompareAndSwap(old, n) {
			break
		}
	}
	select {
	case f.rearm <- struct{}{}:
	default:
	}
}

// tick lets time pass in the engine when it asked for it.
func (f *family) tick(ctx context.Context) {
	c := &carrier{in: []engine.Input{engine.Tick{}}}
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.rearm:
			if w := f.wake.Load(); w != 0 {
				t.Reset(time.Duration(w) - f.now().Sub(f.began))
			}
		case <-t.C:
			f.wake.Store(0)
			f.step(c)
			f.giveBack(&c.fx)
		}
	}
}

// bring takes inputs to the engine that come one at a time.
func (f *family) bring(in ...engine.Input) {
	c := &carrier{in: in}
	f.step(c)
	f.giveBack(&c.fx)
}

// ask has the engine answer a command. The answer comes when what it promises
// is durable, by whoever brings that news to the engine.
func (f *family) ask(ctx context.Context, c engine.CommandReceived) (engine.Answer, error) {
	return f.await(ctx, func(id uint64) engine.Input {
		c.ID = id
		return &c
	})
}

// await brings an input that is answered under an ID, and waits.
func (f *family) await(ctx context.Context, input func(id uint64) engine.Input) (engine.Answer, error) {
	id := f.nextID.Add(1)
	answer := make(chan engine.Answer, 1)
	f.answers.Store(id, answer)
	defer f.answers.Delete(id)
	f.bring(input(id))
	select {
	case a := <-answer:
		return a, nil
	case <-ctx.Done():
		return engine.Answer{}, fmt.Errorf("wait for the answer: %w", context.Cause(ctx))
	}
}

// deliver hands answers to those who wait for them.
func (f *family) deliver(answers []engine.Answered) {
	for _, a := range answers {
		if ch, ok := f.answers.Load(a.ID); ok {
			ch.(chan engine.Answer) <- a.Answer
		}
	}
}

// changed hears of every change of what is served.
func (f *family) changed(ch listen.Change) {
	for _, s := range ch.Opened {
		f.log.Log(message.DHCPSrvCfgMgrAddIface, "listening on %s", s)
	}
	for _, s := range ch.Closed {
		f.log.Log(message.DHCPSrvCfgMgrAddIface, "no longer listening on %s", s)
	}
	for _, err := range ch.Problems {
		f.log.Log(message.DHCPSrvOpenSocketFail, "%v", err)
	}
	if len(ch.Status.Serving) == 0 {
		f.log.Log(message.DHCPSrvNoSocketsOpen, "no socket is open: no client can be served")
	}
	own := make([]netip.Addr, 0, len(ch.Status.Serving))
	for _, s := range ch.Status.Serving {
		if a, err := netip.ParseAddr(s.Address); err == nil {
			own = append(own, a)
		}
	}
	f.bring(engine.Addresses{Own: own})
}
