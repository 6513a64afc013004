package replay

import (
	"cmp"
	"slices"
)

// Totals are what became of many exchanges.
type Totals struct {
	Queries  int `json:"queries"`
	Ours     int `json:"answered"`      // by the Side
	Theirs   int `json:"answers-seen"`  // of the other server
	Differ   int `json:"differ"`        // exchanges with a difference that counts
	Choices  int `json:"other-address"` // another free address was offered
	Partner  int `json:"left-to-partner"`
	Repeated int `json:"repeated"`        // queries that a client sent again before it was answered
	Unasked  int `json:"answers-unasked"` // whose query was not seen
	// Fields counts the differences by what differs.
	Fields map[string]int `json:"fields"`
}

func (t *Totals) note(x *Exchange) {
	switch x.Verdict {
	case Choice:
		t.Choices++
	case Partner:
		t.Partner++
	case Differs:
		t.Differ++
		t.Note(x.Differences)
	}
}

// Note counts the fields of one exchange that differ.
func (t *Totals) Note(ds []Difference) {
	if t.Fields == nil {
		t.Fields = map[string]int{}
	}
	for _, d := range ds {
		if _, known := t.Fields[d.Field]; known || len(t.Fields) < 1000 {
			t.Fields[d.Field]++
		}
	}
}

// Count is how often a field differed.
type Count struct {
	Field string
	N     int
}

// Most returns the fields that differed, the most frequent first.
func (t *Totals) Most() []Count {
	var list []Count
	for field, n := range t.Fields {
		list = append(list, Count{field, n})
	}
	slices.SortFunc(list, func(a, b Count) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Field, b.Field)) })
	return list
}
