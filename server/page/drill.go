package page

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"leasehold/server/control"
)

// drills are take-overs that end by themselves: what shows that one server is
// enough, on a day when both are there.
type drills struct {
	// after calls f once d has passed.
	after func(d time.Duration, f func())
	mu    sync.Mutex     // guards the rest
	turns map[string]int // by relationship: how often somebody began or ended a take-over here
}

// Bounds of a drill.
const (
	drillUsual = 5 * time.Minute
	drillMost  = time.Hour
	// drillSlack is what the clocks of a drill may differ by.
	drillSlack = 5 * time.Second
	drillTime  = time.Minute // for its end to be carried out
)

// drillLength reads for how many minutes a drill is wanted.
func drillLength(minutes string) (time.Duration, error) {
	if minutes == "" {
		return drillUsual, nil
	}
	n, err := strconv.Atoi(minutes)
	if d := time.Duration(n) * time.Minute; err == nil && d > 0 && d <= drillMost {
		return d, nil
	}
	return 0, fmt.Errorf("a drill takes 1 to %d minutes, not %.20q", int(drillMost.Minutes()), minutes)
}

// turn notes that a take-over began or ended here, and returns its number.
func (d *drills) turn(key string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.turns == nil {
		d.turns = map[string]int{}
	}
	d.turns[key]++
	return d.turns[key]
}

// begin has a take-over end after a while, unless it is another one by then.
func (p *Page) begin(version int, caller control.Caller, server string, length time.Duration) {
	key := fmt.Sprint(version, " ", server)
	number := p.drills.turn(key)
	p.drills.after(length, func() {
		p.drills.mu.Lock()
		same := p.drills.turns[key] == number
		p.drills.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), drillTime)
		defer cancel()
		if !same || !p.lasts(ctx, version, server, length-drillSlack) {
			return
		}
		if _, err := p.o.Act(ctx, version, caller, cmdCancel, map[string]any{"server-name": server}); err != nil {
			p.o.Note(true, fmt.Sprintf("the drill of %s does not end: %v", printable(server), err))
		}
	})
}

// lasts says whether a server has taken over from its partner for so long.
func (p *Page) lasts(ctx context.Context, version int, server string, length time.Duration) bool {
	raw, err := p.o.Ask(ctx, version, "leasehold-survey", nil)
	if err != nil {
		return false
	}
	var s survey
	if decode(raw, &s) != nil {
		return false
	}
	for _, x := range s.Pairs {
		if x.This == server {
			return x.State == "partner-in-maintenance" && x.Since() >= length
		}
	}
	return false
}
