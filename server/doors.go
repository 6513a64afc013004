package server

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"leasehold/config"
	"leasehold/server/control"
)

// door is an open control socket of a family.
type door struct {
	*control.Door
	socket config.ControlSocket
}

// doorGrace is how long commands at work may go on when their socket closes.
const doorGrace = 5 * time.Second

// at says whether two control sockets have one address.
func at(a, b *config.ControlSocket) bool {
	return a.Type == b.Type && a.Path == b.Path && a.Addr == b.Addr
}

// openDoors makes the control sockets of a family those of a configuration.
// Sockets that stay are open all the time. It fails as a whole.
func (s *Server) openDoors(f *family, sockets []config.ControlSocket) error {
	var kept, opened []*door
	for i := range sockets {
		e := s.endpoint(f, &sockets[i])
		j := slices.IndexFunc(f.doors, func(d *door) bool { return at(&d.socket, &sockets[i]) })
		if j >= 0 {
			if err := f.doors[j].Reconfigure(e); err != nil {
				closeDoors(opened)
				return err
			}
			f.doors[j].socket = sockets[i]
			kept = append(kept, f.doors[j])
			continue
		}
		d, err := control.Open(e, control.Options{Log: f.log, Now: s.o.Now, Role: Role})
		if err != nil {
			closeDoors(opened)
			return fmt.Errorf("open control socket: %w", err)
		}
		opened = append(opened, &door{d, sockets[i]})
	}
	var gone []*door
	for _, d := range f.doors {
		if !slices.Contains(kept, d) {
			gone = append(gone, d)
		}
	}
	f.doors = append(kept, opened...)
	// The command that closes a socket may have come through it.
	go closeDoors(gone)
	return nil
}

func (s *Server) endpoint(f *family, c *config.ControlSocket) control.Endpoint {
	e := control.Endpoint{Socket: *c, Handler: s.Handler(f.version)}
	if c.Type == "unix" && filepath.Base(c.Path) == c.Path {
		e.Socket.Path = filepath.Join(s.o.SocketDir, c.Path)
	}
	if c.Type != "unix" {
		e.Service, e.Documents = fmt.Sprintf("dhcp%d", f.version), s.documents()
	}
	return e
}

func closeDoors(doors []*door) error {
	var errs []error
	for _, d := range doors {
		errs = append(errs, d.Close(doorGrace))
	}
	return errors.Join(errs...)
}
