package page

import (
	"net/http"
	"sync"
	"time"
)

// live tells open pages that something has happened. They look again
// themselves: what is told is only that it is worth looking.
type live struct {
	mu     sync.Mutex // guards the rest
	wake   chan struct{}
	leases uint64 // how often something happened
	moves  uint64 // how often a server of a pair changed its state
}

// Bounds of what open pages are told.
const (
	livePace  = 2 * time.Second  // between news of leases; those of pairs come at once
	liveQuiet = 15 * time.Second // after which a comment shows that the stream lives
	liveTime  = time.Hour        // then the browser has to show who it is again
)

// Stir tells open pages that leases changed; moved says that a server of a
// pair changed its state, too.
func (p *Page) Stir(moved bool) {
	l := &p.live
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leases++
	if moved {
		l.moves++
	}
	close(l.wake)
	l.wake = make(chan struct{})
}

func (l *live) state() (leases, moves uint64, wake <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leases, l.moves, l.wake
}

// serveLive is the stream that the script listens to.
func (p *Page) serveLive(w http.ResponseWriter, r *http.Request) {
	write, leave, ok := p.o.Streams.Begin(w)
	if !ok {
		return
	}
	defer leave()
	p.o.Watched(1)
	defer p.o.Watched(-1)
	leases, moves, _ := p.live.state()
	if write([]byte("retry: 3000\nevent: ready\ndata:\n\n")) != nil {
		return
	}
	quiet, end := time.NewTicker(liveQuiet), time.NewTimer(liveTime)
	defer quiet.Stop()
	defer end.Stop()
	pace := time.NewTimer(0)
	defer pace.Stop()
	paced := false // leases may be told of
	for {
		newLeases, newMoves, wake := p.live.state()
		text := ""
		switch {
		case newMoves != moves:
			text = "event: ha\ndata:\n\n"
		case newLeases != leases && paced:
			text = "event: lease\ndata:\n\n"
		}
		if text != "" {
			leases, moves, paced = newLeases, newMoves, false
			pace.Reset(livePace)
			if write([]byte(text)) != nil {
				return
			}
		}
		select {
		case <-wake:
		case <-pace.C:
			paced = true
		case <-quiet.C:
			if write([]byte(":\n\n")) != nil {
				return
			}
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		}
	}
}
