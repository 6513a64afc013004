package server

import (
	"fmt"

	"leasehold/config"
	"leasehold/server/message"
)

// LastGood is where the last configuration that worked is kept, beside its file.
func LastGood(file string) string { return file + ".last-good" }

// startedWith keeps a configuration that a family started with as its last good
// one, unless it is that one already: then it says so as loudly as it can.
func (s *Server) startedWith(f *family, c *config.Family) {
	wrong, ok := s.o.Broken[c.File]
	if !ok {
		s.fileIsGood(f)
		return
	}
	text := fmt.Sprintf("%s is broken (%v): the server started with the last good configuration, %s", c.File, worded(wrong), LastGood(c.File))
	f.broken.Store(&text)
	f.log.Log(message.LastGoodServed, "%s", text)
}

// fileIsGood notes that the running configuration is what its file says, and
// keeps it beside the file. That is a help for another day: a failure is told
// and changes nothing.
func (s *Server) fileIsGood(f *family) {
	f.broken.Store(nil)
	cfg := f.cfg.Load()
	if cfg.File == "" {
		return
	}
	if err := writeFile(LastGood(cfg.File), fileText(cfg)); err != nil {
		f.log.Log(message.LastGoodFail, "keep the last good configuration: %v", err)
	}
}
