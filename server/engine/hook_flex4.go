package engine

import (
	"encoding/binary"

	"leasehold/config"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// identifyFlex4 makes the flexible identifier of a query. With
// replace-client-id it stands in for the client identifier, too, as one of
// type 0; the client gets its own back.
func (e *Engine) identifyFlex4(q *Query) {
	x := e.cfg.FlexibleID
	if x.Identifier == nil {
		return
	}
	v, err := x.Identifier.Value(q.subject(4), &e.scratch)
	defer e.scratch.Reset()
	if err != nil {
		e.log(q, message.FlexIDExpressionEvaluateFail, "expression %q: %v", x.Identifier.Text, err)
		return
	}
	if len(v) == 0 {
		return
	}
	q.flexBuf = append(append(q.flexBuf[:0], 0), v...)
	q.flexID = q.flexBuf[1:]
	if e.on(message.FlexIDExpressionEvaluated) {
		e.log(q, message.FlexIDExpressionEvaluated, "expression %q makes %x", x.Identifier.Text, q.flexID)
	}
	if x.ReplaceClientID {
		q.clientID = q.flexBuf
	}
}

// flexOptions4 changes the options of a response as libdhcp_flex_option says.
func (e *Engine) flexOptions4(q *Query) {
	for i := range e.cfg.FlexOptions {
		o := &e.cfg.FlexOptions[i]
		if o.Class != config.NoClass && !q.classes.has(o.Class) {
			continue
		}
		if len(o.Subs) > 0 {
			e.flexSubOptions4(q, o)
		} else {
			e.flexOption4(q, o)
		}
	}
}

func (e *Engine) flexOption4(q *Query, o *config.FlexOption) {
	w, code := &q.W4, byte(o.Code)
	switch o.Action {
	case config.FlexAdd:
		if w.Has(code) {
			return
		}
		if v := e.flexValue(q, o); len(v) > 0 {
			w.Add(code, w.Copy(v))
		}
	case config.FlexSupersede:
		if v := e.flexValue(q, o); len(v) > 0 {
			w.Set(code, w.Copy(v))
		}
	case config.FlexRemove:
		if e.flexTest(q, o) {
			w.Remove(code)
		}
	}
}

// flexValue evaluates what an option is to hold; empty: leave it alone. The
// result lives until the next evaluation.
func (e *Engine) flexValue(q *Query, o *config.FlexOption) []byte {
	e.scratch.Reset()
	v, err := o.Expr.Value(q.subject(e.version), &e.scratch)
	if err == nil && len(v) > 0 && o.Def != nil {
		v, err = o.Def.Encode(string(v))
	}
	if err != nil {
		e.log(q, message.FlexOptionProcessError, "option %d, expression %q: %v", o.Code, o.Expr.Text, err)
		return nil
	}
	return v
}

func (e *Engine) flexTest(q *Query, o *config.FlexOption) bool {
	e.scratch.Reset()
	ok, err := o.Expr.Test(q.subject(e.version), &e.scratch)
	if err != nil {
		e.log(q, message.FlexOptionProcessError, "option %d, expression %q: %v", o.Code, o.Expr.Text, err)
	}
	return ok
}

// flexSubOptions4 changes sub-options within one container, or within the data
// of one enterprise of option 125.
func (e *Engine) flexSubOptions4(q *Query, o *config.FlexOption) {
	w, code := &q.W4, byte(o.Code)
	head := 0
	if o.Vendor != 0 {
		if code != wire.OptVIVendorOptions {
			return
		}
		head = 5 // RFC 3925 §4: enterprise and length before the sub-options
	}
	slot := w.At(code, 0)
	for n := 0; slot != nil && o.Vendor != 0; n++ {
		if slot = w.At(code, n); slot == nil || len(*slot) >= head && binary.BigEndian.Uint32(*slot) == o.Vendor {
			break
		}
	}
	var run []byte
	if slot != nil {
		run = append(run, (*slot)[min(head, len(*slot)):]...)
	}
	changed, create, discard := false, slot != nil, false
	for i := range o.Subs {
		s := &o.Subs[i]
		if s.Class != config.NoClass && !q.classes.has(s.Class) {
			continue
		}
		_, has := wire.SubOption4(run, byte(s.Code))
		switch s.Action {
		case config.FlexAdd, config.FlexSupersede:
			if !create && !s.ContainerAdd || has && s.Action == config.FlexAdd {
				continue
			}
			v := e.flexValue(q, s)
			if len(v) == 0 || len(v) > 255 {
				continue
			}
			run = withoutSubOption(run, byte(s.Code))
			run = append(append(run, byte(s.Code), byte(len(v))), v...)
			changed, create = true, true
		case config.FlexRemove:
			if has && e.flexTest(q, s) {
				run = withoutSubOption(run, byte(s.Code))
				changed, discard = true, s.ContainerRemove
			}
		}
	}
	if !changed {
		return
	}
	var v []byte
	if o.Vendor != 0 {
		v = append(binary.BigEndian.AppendUint32(nil, o.Vendor), byte(min(len(run), 255)))
		run = run[:min(len(run), 255)]
	}
	v = append(v, run...)
	switch {
	case len(run) == 0 && discard:
		w.Drop(code, slot)
	case slot != nil:
		*slot = v
	default:
		w.Add(code, v)
	}
}

// withoutSubOption takes every sub-option of a code out of a run.
func withoutSubOption(run []byte, code byte) []byte {
	kept := run[:0]
	for len(run) >= 2 {
		n := 2 + int(run[1])
		if n > len(run) {
			break
		}
		if run[0] != code {
			kept = append(kept, run[:n]...)
		}
		run = run[n:]
	}
	return kept
}
