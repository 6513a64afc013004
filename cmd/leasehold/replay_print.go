package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/server/replay"
)

// asked is a query with the replies of one or two configurations.
type asked struct {
	m           *replay.Message
	ours        replay.Reply
	theirs      *replay.Reply
	differences []replay.Difference
}

// printingReplay prints what replay finds.
type printingReplay struct {
	w                    io.Writer
	json, brief, stories bool
	compared             bool // with a second configuration, or the capture

	queries, answered, differ int
	fields                    replay.Totals // only Fields
	totals                    []replay.Totals
}

// replayJSON is one query as `replay --json` prints it.
type replayJSON struct {
	Time        time.Time        `json:"time"`
	Family      int              `json:"family"`
	Type        string           `json:"type"`
	Client      string           `json:"client"`
	Relay       string           `json:"from"`
	Reply       string           `json:"reply"`
	Story       []string         `json:"story"`
	Other       *string          `json:"other,omitempty"` // reply of what is compared with
	Verdict     string           `json:"verdict,omitempty"`
	Differences []differenceJSON `json:"differences,omitempty"`
}

type differenceJSON struct {
	Field string `json:"field"`
	New   string `json:"new"`
	Other string `json:"other"`
}

func (p *printingReplay) asked(f *config.Family, e *asked) {
	if e.theirs == nil {
		p.print(f, e.m, &e.ours, "", nil, "")
		return
	}
	verdict := replay.Same
	if len(e.differences) > 0 {
		verdict = replay.Differs
	}
	p.print(f, e.m, &e.ours, e.theirs.Decision.Outcome(), e.differences, verdict.String())
}

func (p *printingReplay) exchange(f *config.Family, e *replay.Exchange) {
	ds := e.Differences
	if e.Verdict != replay.Differs {
		ds = nil
	}
	p.print(f, e.Query, &e.Ours, replay.Summary(f, e.Theirs), ds, e.Verdict.String())
}

// print prints a query. other is the reply to compare with, "" for none.
func (p *printingReplay) print(f *config.Family, m *replay.Message, r *replay.Reply, other string, ds []replay.Difference, verdict string) {
	p.queries++
	if r.Data != nil {
		p.answered++
	}
	if len(ds) > 0 {
		p.differ++
		p.fields.Note(ds)
	} else if p.brief {
		return
	}
	d := &r.Decision
	story := d.Story()
	story[len(story)-1] = d.Outcome() // it was not sent
	if p.json {
		v := replayJSON{
			Time: m.At, Family: f.Version, Type: d.Type(), Client: d.Client(), Relay: m.Src.Addr().String(),
			Reply: d.Outcome(), Story: story, Verdict: verdict,
		}
		if other != "" {
			v.Other = &other
		}
		for _, x := range ds {
			v.Differences = append(v.Differences, differenceJSON{x.Field, x.Ours, x.Theirs})
		}
		p.line(v)
		return
	}
	fmt.Fprintf(p.w, "%s  %s  %s  from %s\n", m.At.UTC().Format("2006-01-02 15:04:05.000"), d.Type(), d.Client(), m.Src.Addr())
	if p.stories {
		for _, line := range story[:len(story)-1] {
			fmt.Fprintf(p.w, "    %s\n", line)
		}
	}
	fmt.Fprintf(p.w, "    %s\n", d.Outcome())
	if verdict == replay.Choice.String() || verdict == replay.Partner.String() {
		fmt.Fprintf(p.w, "    in the capture: %s (%s)\n", other, verdict)
	}
	for _, x := range ds {
		fmt.Fprintf(p.w, "  * %s: %s, was %s\n", x.Field, nameOr(x.Ours, "none"), nameOr(x.Theirs, "none"))
	}
}

func (p *printingReplay) line(v any) {
	text, err := json.Marshal(v)
	if err == nil {
		fmt.Fprintf(p.w, "%s\n", text)
	}
}

// end prints the totals.
func (p *printingReplay) end(r *replay.Recording) {
	if p.json {
		p.line(map[string]any{
			"frames": r.Frames, "fragments": r.Fragments, "doubles": r.Doubles, "cut": r.Cut,
			"queries": p.queries, "answered": p.answered, "differ": p.differ, "compared": p.compared,
		})
		return
	}
	if p.queries > 0 && (!p.brief || p.differ > 0) {
		fmt.Fprintln(p.w)
	}
	fmt.Fprintf(p.w, "%d queries in %d frames, %d answered", p.queries, r.Frames, p.answered)
	if p.compared {
		fmt.Fprintf(p.w, "; %d differ", p.differ)
	}
	fmt.Fprintln(p.w)
	for _, c := range p.fields.Most() {
		fmt.Fprintf(p.w, "  %d × %s\n", c.N, c.Field)
	}
	for _, note := range p.notes(r) {
		fmt.Fprintln(p.w, note)
	}
}

func (p *printingReplay) notes(r *replay.Recording) (notes []string) {
	note := func(n int, text string) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", n, text))
		}
	}
	for _, t := range p.totals {
		note(t.Choices, "offers were of another free address, which is no difference")
		note(t.Partner, "queries were left to the partner")
		note(t.Repeated, "queries were repeated before they were answered: the last one counts")
		note(t.Unasked, "answers are in the capture whose query is not")
	}
	note(r.Fragments, "fragments were left out")
	note(r.Doubles, "datagrams were seen more than once")
	if r.Cut {
		notes = append(notes, "the capture ends within a frame")
	}
	if !slices.ContainsFunc(r.Messages, func(m *replay.Message) bool { return m.Response }) && len(r.Messages) > 0 {
		notes = append(notes, "the capture has no answers: name the server by --server for its identifier")
	}
	return notes
}
