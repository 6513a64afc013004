package server

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/control"
	"leasehold/server/engine"
)

// answerWriter encodes what the engine answered, part by part, outside its lock.
type answerWriter struct {
	version int
	leases  []byte   // the elements of the list that came last
	before  [][]byte // those before them
	count   int
	stats   []engine.Statistic
	rows    [][]engine.Number
}

func (w *answerWriter) add(a *engine.Answer) {
	if len(w.leases) >= leasePiece-leaseRoom {
		w.before, w.leases = append(w.before, w.leases), nil
	}
	if w.leases == nil && a.Next != nil {
		w.leases = make([]byte, 0, leasePiece)
	}
	for i := range a.Leases {
		if w.count++; w.count > 1 {
			w.leases = append(w.leases, ", "...)
		}
		w.leases = lease.AppendJSON(w.leases, &a.Leases[i], w.version)
	}
	w.stats = append(w.stats, a.Statistics...)
	if a.Table != nil {
		w.rows = append(w.rows, a.Table.Rows...)
	}
}

// finish returns the answer once a, the last part, was added.
func (w *answerWriter) finish(a *engine.Answer, now time.Time) control.Answer {
	out := control.Answer{Result: a.Result, Text: a.Text}
	switch {
	case a.List:
		w.leaseList(&out, a.Count)
	case w.count > 0:
		out.Arguments = w.leases
	case a.Stats:
		out.Arguments = w.statistics()
	case a.Table != nil:
		out.Arguments = appendTable(nil, a.Table.Columns, w.rows, now)
	case a.Explanation != nil:
		out.Arguments = appendExplanation(nil, a.Explanation)
	case a.Survey != nil:
		out.Arguments = encodeSurvey(a.Survey)
	case a.Arguments != nil:
		out.Arguments = a.Arguments.AppendJSON(nil)
	}
	return out
}

// A long list is gathered in pieces of leasePiece bytes, of which one turn of the
// engine fills leaseRoom at most, more or less.
const (
	leasePiece = 2 << 20
	leaseRoom  = 256 << 10
)

func (w *answerWriter) leaseList(out *control.Answer, count bool) {
	b := make([]byte, 0, 64)
	b = append(b, "{ "...)
	if count {
		b = strconv.AppendInt(append(b, `"count": `...), int64(w.count), 10)
		b = append(b, ", "...)
	}
	b = append(b, `"leases": [ `...)
	if w.before == nil {
		out.Arguments = append(append(b, w.leases...), " ] }"...)
		return
	}
	out.Parts = append(append([][]byte{b}, w.before...), w.leases, []byte(" ] }"))
}

// statistics encodes a map of name to list of [value, time].
func (w *answerWriter) statistics() []byte {
	slices.SortFunc(w.stats, func(a, b engine.Statistic) int { return strings.Compare(a.Name, b.Name) })
	b := append([]byte(nil), "{ "...)
	for i, s := range w.stats {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(control.AppendString(b, s.Name), ": [ "...)
		for j, x := range s.Samples {
			if j > 0 {
				b = append(b, ", "...)
			}
			b = x.Value.Append(append(b, "[ "...))
			b = append(x.At.AppendFormat(append(b, `, "`...), sampleTime), `" ]`...)
		}
		b = append(b, " ]"...)
	}
	return append(b, " }"...)
}

// sampleTime is how Kea writes times of statistics: local time.
const sampleTime = "2006-01-02 15:04:05.000000"

func appendTable(b []byte, columns []string, rows [][]engine.Number, now time.Time) []byte {
	names := make([]*config.Value, len(columns))
	for i, c := range columns {
		names[i] = config.NewString(c)
	}
	b = append(b, `{ "result-set": { "columns": `...)
	b = config.NewList(names...).AppendJSON(b)
	b = append(b, `, "rows": [ `...)
	for i, row := range rows {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, "[ "...)
		for j, n := range row {
			if j > 0 {
				b = append(b, ", "...)
			}
			b = n.Append(b)
		}
		b = append(b, " ]"...)
	}
	b = append(b, ` ], "timestamp": "`...)
	b = now.Local().AppendFormat(b, sampleTime)
	return append(b, `" } }`...)
}

func appendExplanation(b []byte, x *engine.Explanation) []byte {
	b = append(b, `{ "decisions": [ `...)
	for i := range x.Decisions {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = x.Decisions[i].Value().AppendJSON(b)
	}
	b = append(b, ` ], "leases": [ `...)
	for i := range x.Leases {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = lease.AppendJSON(b, &x.Leases[i], x.Version)
	}
	return append(b, " ] }"...)
}

func encodeSurvey(x *engine.Survey) []byte {
	b, err := json.Marshal(x)
	if err != nil { // no field can fail
		return nil
	}
	return b
}
