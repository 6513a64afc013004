package engine

import "leasehold/config"

// pass is a step of the first evaluation of classes: one class, or several in a
// row whose tests compare the same part of the query with constants. Those are
// looked up, so that a query costs the same with two of them as with hundreds.
type pass struct {
	classes []*config.Class
	part    *config.Expr // nil: a single class
	equal   map[string][]*config.Class
}

// fewest is from how many on a look-up is worth it.
const fewest = 4

// planPasses notes in which steps classes are evaluated before, and which
// after KNOWN or UNKNOWN is settled.
func (e *Engine) planPasses() {
	e.first, e.second = e.first[:0], e.second[:0]
	var run []*config.Class
	var part *config.Expr
	flush := func() {
		if len(run) >= fewest {
			e.first = append(e.first, newLookup(part, run))
		} else {
			for _, c := range run {
				e.first = append(e.first, pass{classes: []*config.Class{c}})
			}
		}
		run, part = nil, nil
	}
	for _, c := range e.cfg.Classes {
		switch {
		case c.OnlyAdditional:
			continue
		case c.DependsOnKnown:
			e.second = append(e.second, c)
			continue
		}
		p, ok := comparedPart(c)
		if !ok || part == nil || !p.Same(part) {
			flush()
		}
		run = append(run, c)
		if part = p; !ok {
			flush()
		}
	}
	flush()
}

func comparedPart(c *config.Class) (*config.Expr, bool) {
	if c.Test == nil {
		return nil, false
	}
	part, _, ok := c.Test.Equality()
	if !ok {
		return nil, false
	}
	return part, true
}

func newLookup(part *config.Expr, classes []*config.Class) pass {
	p := pass{classes: classes, part: part, equal: make(map[string][]*config.Class, len(classes))}
	for _, c := range classes {
		_, constant, _ := c.Test.Equality()
		p.equal[string(constant)] = append(p.equal[string(constant)], c)
	}
	return p
}

func (e *Engine) firstPass(q *Query) {
	for i := range e.first {
		p := &e.first[i]
		classes := p.classes
		if p.part != nil {
			v, err := p.part.Value(e.subject(q), &e.scratch)
			if err == nil {
				classes = p.equal[string(v)]
			} // else each class reports the error
			e.scratch.Reset()
		}
		for _, c := range classes {
			e.evaluate(q, c)
		}
	}
}
