package config

import (
	"fmt"
	"path"
	"slices"
)

// hookReader reads the parameters of the built-in hooks. Kea's libraries read
// them themselves, so nothing has looked at their types before.
type hookReader struct {
	*reader
	pos Pos // of the entry in hooks-libraries
}

// hookParameters reads what hooks-libraries gives its libraries. Expressions
// name options and classes, so it comes after these.
func (r *reader) hookParameters(top *trail) {
	t := top.key("hooks-libraries")
	for i, e := range elements(r.top.Get("hooks-libraries")) {
		hook := r.f.Hook(path.Base(e.text("library")))
		if hook == nil || hook.Pos != e.Pos {
			continue
		}
		h, at := hookReader{r, e.Pos}, t.at(i).key("parameters")
		if p := hook.Parameters; p != nil && p.Kind != Map {
			r.bad("hook-parameter", p.Pos, at, "parameters must be a map", "")
			continue
		}
		switch hook.Name {
		case "libdhcp_flex_id.so":
			h.flexID(hook.Parameters, at)
		case "libdhcp_run_script.so":
			h.runScript(hook.Parameters, at)
		case "libdhcp_limits.so":
			h.limits(top)
		case "libdhcp_legal_log.so":
			h.legalLog(hook.Parameters, at, top)
		case "libdhcp_ping_check.so":
			h.pingCheck(hook.Parameters, at, top)
		case "libdhcp_flex_option.so":
			h.flexOptions(hook.Parameters, at)
		}
	}
}

// position is v's place, or that of the hook if v is absent.
func (v *Value) position(absent Pos) Pos {
	if v == nil {
		return absent
	}
	return v.Pos
}

// known reports parameters that the hook does not have.
func (h hookReader) known(v *Value, t *trail, keys ...string) {
	if v == nil {
		return
	}
	for i := range v.Members {
		m := &v.Members[i]
		if slices.Contains(keys, m.Key) || m.Key == "user-context" || m.Key == "comment" {
			continue
		}
		cure := ""
		if near := nearest(m.Key, slices.Values(keys)); near != "" {
			cure = fmt.Sprintf("did you mean %q?", near)
		}
		h.bad("hook-parameter", m.Pos, t, fmt.Sprintf("unknown parameter '%s'", m.Key), cure)
	}
}

// flag, text and integer read a parameter of one type; another is reported.
func (h hookReader) flag(v *Value, key string, absent bool, t *trail) bool {
	e := v.Get(key)
	if e == nil {
		return absent
	}
	if e.Kind != Bool {
		h.bad("hook-parameter", e.Pos, t.key(key), fmt.Sprintf("'%s' must be a boolean", key), "")
		return absent
	}
	return e.Bool
}

func (h hookReader) text(v *Value, key string, t *trail) string {
	e := v.Get(key)
	if e == nil {
		return ""
	}
	if e.Kind != String {
		h.bad("hook-parameter", e.Pos, t.key(key), fmt.Sprintf("'%s' must be a string", key), "")
		return ""
	}
	return e.Str
}

func (h hookReader) integer(v *Value, key string, absent, lo, hi int64, t *trail) int64 {
	e := v.Get(key)
	if e == nil {
		return absent
	}
	if e.Kind != Int || e.Int < lo || e.Int > hi {
		h.bad("hook-parameter", e.Pos, t.key(key), fmt.Sprintf("'%s' must be an integer from %d to %d", key, lo, hi), "")
		return absent
	}
	return e.Int
}

// expression compiles a parameter; nil if it is absent, empty or wrong.
func (h hookReader) expression(v *Value, key string, wantBool bool, t *trail) *Expr {
	text := h.text(v, key, t)
	if v.Get(key) == nil {
		return nil
	}
	if text == "" {
		h.bad("hook-expression", v.posOf(key), t.key(key), fmt.Sprintf("'%s' must not be empty", key), "")
		return nil
	}
	x, err := ParseExpression(text, wantBool, h.version, h.f)
	if err != nil {
		h.bad("hook-expression", v.posOf(key), t.key(key), fmt.Sprintf("expression: [%s] error: %v", text, err), "")
		return nil
	}
	return x
}
