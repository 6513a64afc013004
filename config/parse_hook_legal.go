package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// LegalLog is libdhcp_legal_log, which keeps who had which address when.
type LegalLog struct {
	Path, BaseName string // directory; first part of file names
	Unit           string // time-unit: second, day, month, year
	Count          uint32 // units until the next file; 0 = never
	Before, After  string // prerotate, postrotate: programs; "" = none
	TimeFormat     string // of strftime
	Request        *Expr  // request-parser-format; nil with Response nil: our own text
	Response       *Expr  // response-parser-format
	Silent         map[uint32]bool
}

// legalLog reads the parameters of libdhcp_legal_log.
func (h hookReader) legalLog(v *Value, t *trail, top *trail) {
	if typ := h.text(v, "type", t); typ != "" && typ != "logfile" {
		h.bad("hook-parameter", v.posOf("type"), t.key("type"), fmt.Sprintf("legal logging to %s is not built in", typ), `use "logfile"`)
		return
	}
	h.known(v, t, "type", "path", "base-name", "time-unit", "count", "prerotate", "postrotate", "timestamp-format", "request-parser-format", "response-parser-format")
	l := &LegalLog{
		Path: v.textOr("path", cmp.Or(h.opts.Dirs.LegalLog, "/var/log/kea")), BaseName: v.textOr("base-name", "kea-legal"), Unit: v.textOr("time-unit", "day"),
		Count:  uint32(h.integer(v, "count", 1, 0, maxUint32, t)),
		Before: h.text(v, "prerotate", t), After: h.text(v, "postrotate", t),
		TimeFormat: v.textOr("timestamp-format", "%Y-%m-%d %H:%M:%S %Z"),
		Request:    h.expression(v, "request-parser-format", false, t),
		Response:   h.expression(v, "response-parser-format", false, t),
		Silent:     map[uint32]bool{},
	}
	for _, key := range []string{"path", "base-name", "time-unit", "timestamp-format"} {
		h.text(v, key, t)
	}
	if dir := h.opts.Dirs.LegalLog; dir != "" {
		if err := Within(dir, l.Path+"/"); err != nil {
			h.bad("path", v.posOf("path"), t.key("path"), fmt.Sprintf("An error occurred loading the library: %v", err), "")
		}
	}
	units := []string{"second", "day", "month", "year"}
	if !slices.Contains(units, l.Unit) {
		h.bad("hook-parameter", v.posOf("time-unit"), t.key("time-unit"), fmt.Sprintf("unknown time unit %q", l.Unit), "admitted: "+strings.Join(units, ", "))
	}
	if strings.ContainsRune(l.BaseName, '/') {
		h.bad("hook-parameter", v.posOf("base-name"), t.key("base-name"), "base-name must not contain a slash", "name the directory in path")
	}
	for i, s := range h.f.Subnets {
		switch on := s.UserContext.Get("legal-logging"); {
		case on == nil:
		case on.Kind != Bool:
			h.bad("hook-parameter", on.Pos, top.key(h.subnetKey()).at(i), "legal-logging must be a boolean", "")
		case !on.Bool:
			l.Silent[s.ID] = true
		}
	}
	h.f.LegalLog = l
}
