package server

import "leasehold/server/engine"

// hooked carries out what built-in hooks and DDNS want done. Nothing in it
// blocks: each has a bounded queue and goroutines of its own, which begin with
// the first thing to do.
type hooked struct {
	names nameSender
}

func (h *hooked) open(f *family) {
	h.names.log, h.names.now = f.log, f.now
}

// carryOutHooks takes the hooked effects of a batch over.
func (f *family) carryOutHooks(h *engine.Hooked) {
	if !h.Any() {
		return
	}
	for i := range h.NameChanges {
		f.hooked.names.send(&h.NameChanges[i])
	}
}

// close ends the goroutines; what is queued is still carried out.
func (h *hooked) close() {
	h.names.close()
}
