package config

import "fmt"

// RunScript is libdhcp_run_script.
type RunScript struct {
	Path string // of the program
}

// runScript reads the parameters of libdhcp_run_script. Whether the program is
// there is asked when it runs: it may come later, and lint may run elsewhere.
func (h hookReader) runScript(v *Value, t *trail) {
	h.known(v, t, "name", "sync")
	name := h.text(v, "name", t)
	if name == "" {
		h.bad("hook-parameter", v.position(h.pos), t, "The 'name' parameter must be specified", "name the script")
		return
	}
	if h.flag(v, "sync", false, t) {
		h.bad("hook-parameter", v.posOf("sync"), t, fmt.Sprintf("'sync' cannot be true: no response waits for %s", name), "set it to false")
	}
	h.f.RunScript = &RunScript{Path: name}
}
