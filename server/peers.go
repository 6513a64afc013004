package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/ha/link"
	"leasehold/server/control"
	"leasehold/server/engine"
	"leasehold/server/message"
)

// peers ties a family's pairs to the network: one client for all that the
// machines send, and a listener for each relationship that has its own.
type peers struct {
	s      *Server
	f      *family
	client *link.Client

	mu        sync.Mutex
	listeners map[string]*peerListener // by address
}

type peerListener struct {
	cancel context.CancelFunc
	done   chan struct{}
	rel    *config.Relationship
}

func newPeers(s *Server, f *family) *peers {
	p := &peers{s: s, f: f, client: link.NewClient(), listeners: make(map[string]*peerListener)}
	p.client.OnClosed = func(peer string) { f.bring(engine.PeerClosed{Peer: peer}) }
	p.client.OnResponse = func(peer *config.Peer, body []byte) {
		if f.log.Enabled(message.HTTPResponseReceived) {
			f.log.Log(message.HTTPResponseReceived, "%s (%s) answered: %.10000s", peer.Name, peer.URL, body)
		}
	}
	return p
}

// send carries out what the machines want sent. Outcomes come back as inputs.
func (p *peers) send(sends []engine.Send) {
	for i := range sends {
		pair, id := sends[i].Pair, sends[i].Action.ID
		p.client.Send(&sends[i].Action, int(pair.Relationship().ClientThreads), func(a ha.Answer) {
			p.f.bring(&engine.PeerAnswered{Pair: pair, ID: id, Answer: a})
		})
	}
}

// listen opens the dedicated listeners of a configuration and closes those
// that it has no more.
func (p *peers) listen(c *config.Family) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[string]bool{}
	for _, rel := range c.Relationships {
		if !rel.Listener {
			continue
		}
		addr, err := link.Address(rel)
		if err != nil {
			return fmt.Errorf("listen for peers: %w", err)
		}
		wanted[addr] = true
		if old := p.listeners[addr]; old != nil {
			if sameListener(old.rel, rel) {
				continue
			}
			p.end(addr)
		}
		if err := p.begin(addr, rel); err != nil {
			return fmt.Errorf("listen for peers: %w", err)
		}
	}
	for addr := range p.listeners {
		if !wanted[addr] {
			p.end(addr)
		}
	}
	return nil
}

// sameListener says whether a listener can go on as it is.
func sameListener(a, b *config.Relationship) bool {
	x, y := a.This(), b.This()
	return x.TLS == y.TLS && x.User == y.User && x.Password == y.Password &&
		a.RequireClientCerts == b.RequireClientCerts && a.RestrictCommands == b.RestrictCommands
}

func (p *peers) begin(addr string, rel *config.Relationship) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &peerListener{cancel: cancel, done: make(chan struct{}), rel: rel}
	p.listeners[addr] = l
	h := link.NewListener(rel, p.answer)
	go func() {
		defer close(l.done)
		if err := h.Serve(ctx, ln); err != nil && !errors.Is(err, context.Canceled) {
			p.f.log.Log(message.ForPair("HA_LISTENER_FAILED", "error"), "%s: %v", addr, err)
		}
	}()
	return nil
}

func (p *peers) end(addr string) {
	p.listeners[addr].cancel()
	<-p.listeners[addr].done
	delete(p.listeners, addr)
}

// close stops listening and sending.
func (p *peers) close() {
	p.mu.Lock()
	for addr := range p.listeners {
		p.end(addr)
	}
	p.mu.Unlock()
	p.client.Close()
}

// answer is what the dedicated listeners do with a command: those of package
// ha take the short way to the engine, all others that of every command.
func (p *peers) answer(ctx context.Context, r *ha.Request) (int, []byte) {
	if reply, ok := p.f.pairRequest(ctx, r); ok {
		return 200, reply.Append(nil)
	}
	c := control.Command{Name: r.Name, Caller: control.Caller{Transport: "peer", Role: control.Change}}
	if r.Arguments != nil {
		v, _, err := config.ParseValue("<wire>", r.Arguments, false)
		if err != nil {
			return 400, []byte(`{ "result": 400, "text": "Bad Request" }`)
		}
		c.Arguments = v
	}
	a := p.s.handle(ctx, p.f, &c)
	b := a.Append([]byte("[ "))
	return 200, append(b, " ]"...)
}

// pairRequest has the engine answer a command between servers; ok is false for
// any other command.
func (f *family) pairRequest(ctx context.Context, r *ha.Request) (reply *ha.Reply, ok bool) {
	input, err := pairInput(f.version, r)
	if err == nil && input == nil {
		return nil, false
	}
	var a engine.Answer
	if err == nil {
		a, err = f.await(ctx, input)
	}
	if err != nil {
		return &ha.Reply{Result: engine.Failure, Text: err.Error()}, true
	}
	return pairReply(&a), true
}

// pairInput returns what brings a command between servers to the engine; nil
// for any other command.
func pairInput(version int, r *ha.Request) (func(id uint64) engine.Input, error) {
	switch {
	case ha.Handles(r.Name):
		if err := r.ParseArguments(); err != nil {
			return nil, err
		}
		return func(id uint64) engine.Input { return &engine.PairCommand{ID: id, Request: *r} }, nil
	case r.Name == ha.LeaseBatch:
		changes, bad, err := r.ParseBatch(version)
		if err != nil {
			return nil, err
		}
		return func(id uint64) engine.Input { return &engine.LeaseBatch{ID: id, Changes: changes, Bad: bad} }, nil
	case r.Name == ha.LeaseChanges:
		if err := r.ParseArguments(); err != nil {
			return nil, err
		}
		return func(id uint64) engine.Input { return &engine.StreamRead{ID: id, Point: r.Point, Limit: r.Limit} }, nil
	}
	return nil, nil
}

func pairReply(a *engine.Answer) *ha.Reply {
	if a.HA == nil {
		return &ha.Reply{Result: a.Result, Text: a.Text}
	}
	return a.HA
}

// pairRun is the entry of the command table for commands between servers that
// come through a control socket.
func pairRun(ctx context.Context, _ *Server, f *family, c *control.Command) control.Answer {
	r := &ha.Request{Name: c.Name}
	if c.Arguments != nil {
		r.Arguments = c.Arguments.AppendJSON(nil)
	}
	reply, ok := f.pairRequest(ctx, r)
	if !ok {
		return control.Answer{Result: control.Unsupported, Text: fmt.Sprintf("'%s' command not supported.", c.Name)}
	}
	return control.Answer{Raw: reply.AppendMap(nil)}
}

// goodbye lets the partners know that this server stops, so that they take
// over at once.
func (f *family) goodbye() {
	ctx, cancel := context.WithTimeout(context.Background(), goodbyeTime)
	defer cancel()
	// Whether it was heard changes nothing: the process ends.
	_, _ = f.await(ctx, func(id uint64) engine.Input { return engine.Leave{ID: id} })
}

// goodbyeTime is how long the end of the process may be held up for partners.
const goodbyeTime = 2 * time.Second
