package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"leasehold/server/control"
	"leasehold/server/engine"
	"leasehold/server/replay"
)

// shadowDifference is one exchange as leasehold-shadow shows it.
type shadowDifference struct {
	Time        time.Time           `json:"time"`
	Type        string              `json:"type"`
	Client      string              `json:"client"`
	Ours        string              `json:"would-answer"`
	Theirs      string              `json:"answered"`
	Story       []string            `json:"story"`
	Differences []shadowFieldOfBoth `json:"differences"`
}

type shadowFieldOfBoth struct {
	Field  string `json:"field"`
	Ours   string `json:"would-be"`
	Theirs string `json:"is"`
}

// handle answers the commands of a Shadow: its own, and those of the engine that
// only look.
func (f *shadowed) handle(_ context.Context, c *control.Command) control.Answer {
	x, known := commands[f.cfg.Version][c.Name]
	switch {
	case c.Name == "leasehold-shadow":
		return f.report()
	case known && x.run == nil && x.role == control.Read:
		return f.ask(c)
	}
	return control.Answer{Result: control.Unsupported, Text: fmt.Sprintf("'%s' command not supported by a shadow.", c.Name)}
}

// ask has the engine answer, which changes nothing.
func (f *shadowed) ask(c *control.Command) control.Answer {
	in := &engine.CommandReceived{Name: c.Name, Arguments: c.Arguments}
	w := answerWriter{version: f.cfg.Version}
	for {
		fx := &engine.Effects{}
		f.watch.Side().Engine().Step(f.now(), []engine.Input{in}, fx)
		if len(fx.Answers) == 0 {
			return failure("the engine does not answer %s", c.Name)
		}
		a := &fx.Answers[0].Answer
		w.add(a)
		if a.Next == nil {
			return w.finish(a, f.now())
		}
		in = &engine.CommandReceived{Name: c.Name, Arguments: c.Arguments, Next: a.Next}
	}
}

// report answers leasehold-shadow: totals, and the last differences.
func (f *shadowed) report() control.Answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []shadowDifference
	for _, x := range f.last {
		d := &x.Ours.Decision
		story := d.Story()
		story[len(story)-1] = d.Outcome() // nothing is sent
		y := shadowDifference{
			Time: x.Query.At.UTC(), Type: d.Type(), Client: d.Client(), Ours: d.Outcome(),
			Theirs: replay.Summary(f.cfg, x.Theirs), Story: story,
		}
		for _, z := range x.Differences {
			y.Differences = append(y.Differences, shadowFieldOfBoth{z.Field, z.Ours, z.Theirs})
		}
		list = append(list, y)
	}
	text, err := json.Marshal(map[string]any{
		"since": f.begun.UTC(), "totals": f.watch.Totals, "lost": f.lost, "differences": list,
	})
	if err != nil {
		return failure("%v", err)
	}
	return control.Answer{Arguments: text, Text: f.summaryLocked()}
}

func (f *shadowed) summary() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.summaryLocked()
}

func (f *shadowed) summaryLocked() string {
	t := &f.watch.Totals
	text := fmt.Sprintf("%d queries, %d answers seen, %d would differ", t.Queries, t.Theirs, t.Differ)
	var fields []string
	for _, c := range t.Most() {
		fields = append(fields, fmt.Sprintf("%s %d", c.Field, c.N))
	}
	if len(fields) > 0 {
		text += " (" + strings.Join(fields[:min(len(fields), 8)], ", ") + ")"
	}
	if f.lost > 0 {
		text += fmt.Sprintf("; %d frames were lost", f.lost)
	}
	return text
}
