package engine

import (
	"encoding/binary"

	"leasehold/config"
	"leasehold/lease"
	"leasehold/server/message"
	"leasehold/server/wire"
)

// identifyFlex makes the flexible identifier of a query. With
// replace-client-id it stands in for the client identifier or DUID, too, as
// one of type 0; the client gets its own back.
func (e *Engine) identifyFlex(q *Query) {
	x := e.cfg.FlexibleID
	if x.IgnoreIAID {
		q.ignoreIAIDs()
	}
	if x.Identifier == nil {
		return
	}
	v, err := x.Identifier.Value(q.subject(e.version), &e.scratch)
	defer e.scratch.Reset()
	if err != nil {
		e.log(q, message.FlexIDExpressionEvaluateFail, "expression %q: %v", x.Identifier.Text, err)
		return
	}
	if len(v) == 0 {
		return
	}
	typ := 1
	if e.version == 6 {
		typ = 2
	}
	q.flexBuf = append(append(q.flexBuf[:0], 0, 0)[:typ], v...)
	q.flexID = q.flexBuf[typ:]
	if e.on(message.FlexIDExpressionEvaluated) {
		e.log(q, message.FlexIDExpressionEvaluated, "expression %q makes %x", x.Identifier.Text, q.flexID)
	}
	switch {
	case !x.ReplaceClientID:
	case e.version == 6:
		q.duid = q.flexBuf
	default:
		q.clientID = q.flexBuf
	}
}

// ignoreIAIDs lets leases be kept under IAID 0, so that a client which changes
// its IAID keeps them. That works only for one association of each type.
func (q *Query) ignoreIAIDs() {
	var of [lease.PD + 1]int
	for i := range q.ias {
		of[q.ias[i].typ]++
	}
	for i := range q.ias {
		if x := &q.ias[i]; of[x.typ] == 1 {
			x.iaid = 0
		}
	}
}

// responseOptions are the options of a response, of either family.
type responseOptions interface {
	has(code uint16) bool
	add(code uint16, value []byte)
	copied(value []byte) []byte
	remove(code uint16)
	at(code uint16, n int) *[]byte
	drop(code uint16, value *[]byte)
}

type options4 struct{ *wire.Writer4 }

func (w options4) has(code uint16) bool            { return w.Has(byte(code)) }
func (w options4) add(code uint16, value []byte)   { w.Add(byte(code), value) }
func (w options4) copied(value []byte) []byte      { return w.Copy(value) }
func (w options4) remove(code uint16)              { w.Remove(byte(code)) }
func (w options4) at(code uint16, n int) *[]byte   { return w.At(byte(code), n) }
func (w options4) drop(code uint16, value *[]byte) { w.Drop(byte(code), value) }

type options6 struct{ *wire.Writer6 }

func (w options6) has(code uint16) bool            { return w.Has(code) }
func (w options6) add(code uint16, value []byte)   { w.Add(code, value) }
func (w options6) copied(value []byte) []byte      { return w.Copy(value) }
func (w options6) remove(code uint16)              { w.Remove(code) }
func (w options6) at(code uint16, n int) *[]byte   { return w.At(code, n) }
func (w options6) drop(code uint16, value *[]byte) { w.Drop(code, value) }

// flexOptions changes the options of a response as libdhcp_flex_option says.
func (e *Engine) flexOptions(q *Query) {
	var w responseOptions = options4{&q.W4}
	if e.version == 6 {
		w = options6{&q.W6}
	}
	for i := range e.cfg.FlexOptions {
		o := &e.cfg.FlexOptions[i]
		if o.Class != config.NoClass && !q.classes.has(o.Class) {
			continue
		}
		if len(o.Subs) > 0 {
			e.flexSubOptions(q, w, o)
		} else {
			e.flexOption(q, w, o)
		}
	}
}

func (e *Engine) flexOption(q *Query, w responseOptions, o *config.FlexOption) {
	switch o.Action {
	case config.FlexAdd:
		if w.has(o.Code) {
			return
		}
		if v := e.flexValue(q, o); len(v) > 0 {
			w.add(o.Code, w.copied(v))
		}
	case config.FlexSupersede:
		if v := e.flexValue(q, o); len(v) > 0 {
			w.remove(o.Code)
			w.add(o.Code, w.copied(v))
		}
	case config.FlexRemove:
		if e.flexTest(q, o) {
			w.remove(o.Code)
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

// container finds the option whose sub-options are to change, nil if the
// response has none, and how many octets stand before its sub-options; false if
// it cannot have what is asked of it.
func (e *Engine) container(w responseOptions, o *config.FlexOption) (slot *[]byte, head int, ok bool) {
	switch {
	case o.Vendor == 0:
		return w.at(o.Code, 0), 0, true
	case e.version == 4 && o.Code == wire.OptVIVendorOptions:
		head = 5 // RFC 3925 §4: enterprise and length
	case e.version == 6 && o.Code == wire.Opt6VendorOpts:
		head = 4 // RFC 9915 §21.17: enterprise
	default:
		return nil, 0, false
	}
	for n := 0; ; n++ {
		slot = w.at(o.Code, n)
		if slot == nil || len(*slot) >= head && binary.BigEndian.Uint32(*slot) == o.Vendor {
			return slot, head, true
		}
	}
}

// flexSubOptions changes sub-options within one container, or within the data
// of one enterprise of the vendor option.
func (e *Engine) flexSubOptions(q *Query, w responseOptions, o *config.FlexOption) {
	slot, head, ok := e.container(w, o)
	if !ok {
		return
	}
	var run []byte
	if slot != nil {
		run = append(run, (*slot)[min(head, len(*slot)):]...)
	}
	form := subForm4
	if e.version == 6 {
		form = subForm6
	}
	changed, create, discard := false, slot != nil, false
	for i := range o.Subs {
		s := &o.Subs[i]
		if s.Class != config.NoClass && !q.classes.has(s.Class) {
			continue
		}
		has := form.has(run, s.Code)
		switch s.Action {
		case config.FlexAdd, config.FlexSupersede:
			if !create && !s.ContainerAdd || has && s.Action == config.FlexAdd {
				continue
			}
			v := e.flexValue(q, s)
			if len(v) == 0 || len(v) > form.most {
				continue
			}
			run = form.add(form.without(run, s.Code), s.Code, v)
			changed, create = true, true
		case config.FlexRemove:
			if has && e.flexTest(q, s) {
				run = form.without(run, s.Code)
				changed, discard = true, s.ContainerRemove
			}
		}
	}
	if !changed {
		return
	}
	switch v := vendorHead(head, o.Vendor, &run); {
	case len(run) == 0 && discard:
		w.drop(o.Code, slot)
	case slot != nil:
		*slot = append(v, run...)
	default:
		w.add(o.Code, append(v, run...))
	}
}

// vendorHead makes the octets before the sub-options of a vendor; a run that is
// longer than they can say is cut.
func vendorHead(n int, vendor uint32, run *[]byte) []byte {
	if n == 0 {
		return nil
	}
	head := binary.BigEndian.AppendUint32(nil, vendor)
	if n > len(head) {
		*run = (*run)[:min(len(*run), 255)]
		head = append(head, byte(len(*run)))
	}
	return head
}

// subForm is how sub-options are laid down: width octets of code, as many of
// length, then at most most of value.
type subForm struct{ width, most int }

var subForm4, subForm6 = subForm{1, 255}, subForm{2, 65535}

func (f subForm) number(b []byte) int {
	if f.width == 1 {
		return int(b[0])
	}
	return int(binary.BigEndian.Uint16(b))
}

// next returns the code and the whole length of the first sub-option; 0, 0 if
// there is none that is well-formed.
func (f subForm) next(run []byte) (code uint16, n int) {
	if len(run) < 2*f.width {
		return 0, 0
	}
	if n = 2*f.width + f.number(run[f.width:]); n > len(run) {
		return 0, 0
	}
	return uint16(f.number(run)), n
}

func (f subForm) has(run []byte, code uint16) bool {
	for c, n := f.next(run); n > 0; c, n = f.next(run) {
		if c == code {
			return true
		}
		run = run[n:]
	}
	return false
}

// without takes every sub-option of a code out of a run, and what is malformed.
func (f subForm) without(run []byte, code uint16) []byte {
	kept := run[:0]
	for c, n := f.next(run); n > 0; c, n = f.next(run) {
		if c != code {
			kept = append(kept, run[:n]...)
		}
		run = run[n:]
	}
	return kept
}

func (f subForm) add(run []byte, code uint16, v []byte) []byte {
	if f.width == 1 {
		run = append(run, byte(code), byte(len(v)))
	} else {
		run = binary.BigEndian.AppendUint16(run, code)
		run = binary.BigEndian.AppendUint16(run, uint16(len(v)))
	}
	return append(run, v...)
}
