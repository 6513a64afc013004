package engine

import "leasehold/ha"

// Report are the addresses that both servers of a relationship gave away.
type Report struct {
	This      string        `json:"this-server"`
	Partner   string        `json:"partner"`
	Total     uint64        `json:"total"`     // ever noticed
	Conflicts []ha.Conflict `json:"conflicts"` // the last 256, oldest first
}

func (r *Report) of(p *Pair) bool {
	rel := p.Relationship()
	other := rel.Partner()
	return other != nil && r.Partner == other.Name && r.This == rel.ThisServer
}

// report gathers the reports of all pairs, and keeps those of pairs that are no more.
func (e *Engine) report() []Report {
	list := make([]Report, 0, len(e.pairs))
	for _, p := range e.pairs {
		r := Report{This: p.Relationship().ThisServer, Conflicts: []ha.Conflict{}}
		if other := p.Relationship().Partner(); other != nil {
			r.Partner = other.Name
		}
		r.Conflicts, r.Total = p.machine.Conflicts(r.Conflicts)
		list = append(list, r)
	}
	for _, r := range e.reports {
		known := false
		for _, p := range e.pairs {
			known = known || r.of(p)
		}
		if !known && r.Total > 0 && len(list) < maxReports {
			list = append(list, r)
		}
	}
	return list
}

// maxReports bounds the relationships that are remembered.
const maxReports = 16
