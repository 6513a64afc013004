package server

import (
	"leasehold/config"
	"leasehold/server/engine"
)

// hooked carries out what built-in hooks and DDNS want done. Nothing in it
// blocks: each has a bounded queue and goroutines of its own, which begin with
// the first thing to do.
type hooked struct {
	names   nameSender
	scripts scriptRunner
	legal   legalLog
	pings   pinger
}

// open makes ready what the configuration switches on.
func (h *hooked) open(f *family, c *config.Family) error {
	h.names.log, h.names.now = f.log, f.now
	h.scripts.log, h.legal.log = f.log, f.log
	h.pings.log, h.pings.listen = f.log, listenICMP
	h.pings.bring = func(r engine.Pinged) { f.bring(r) }
	if c.LegalLog != nil {
		return h.legal.open(c.LegalLog, f.now())
	}
	return nil
}

// carryOutHooks takes the hooked effects of a batch over.
func (f *family) carryOutHooks(h *engine.Hooked) {
	if !h.Any() {
		return
	}
	for i := range h.NameChanges {
		f.hooked.names.send(&h.NameChanges[i])
	}
	for _, s := range h.Scripts {
		f.hooked.scripts.run(s)
	}
	for _, l := range h.Legal {
		f.hooked.legal.add(l)
	}
	for _, p := range h.Pings {
		f.hooked.pings.ping(p)
	}
}

// close ends the goroutines; what is queued is still carried out.
func (h *hooked) close() {
	h.pings.close()
	h.names.close()
	h.scripts.close()
	h.legal.close()
}
