package listen

import (
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// Keeper holds sockets while no process of ours does: what arrives between the
// end of one process and the start of the next waits in their queues. Its
// methods must not call the Set.
type Keeper interface {
	// Take hands over the socket that a former process kept under a name. It is
	// the caller's from then on.
	Take(name string) (fd int, ok bool)
	// Keep holds a duplicate of fd under a name, until Forget.
	Keep(name string, fd int)
	Forget(name string)
}

// Quiet ends every Receive and waits until each Serve has returned. The sockets
// stay open: responses can leave, and what arrives waits for whoever takes the
// sockets over.
func (s *Set) Quiet() {
	s.mu.Lock()
	s.quiet.Store(true)
	for _, sock := range s.sockets {
		sock.interrupt()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// name is what a socket is kept under. It has no colon: a Keeper may not allow
// it.
func (s *Set) name(k key) string {
	name := fmt.Sprintf("dhcp%d-%d-%s-%d", s.opts.Family, s.port, k.kind, k.ifindex)
	if k.addr.IsValid() {
		name += "-" + strings.ReplaceAll(k.addr.String(), ":", "_")
	}
	return name
}

// take returns the socket that a former process kept for k, with the filter of
// w, or false.
func (s *Set) take(k key, w wanted) (int, bool) {
	if s.opts.Keeper == nil {
		return -1, false
	}
	fd, ok := s.opts.Keeper.Take(s.name(k))
	if !ok {
		return -1, false
	}
	if s.isBound(fd, k) {
		setBuffers(fd)
		if setFilter(fd, s.filterOf(k, w)) == nil {
			return fd, true
		}
	}
	unix.Close(fd)
	s.opts.Keeper.Forget(s.name(k))
	return -1, false
}

// isBound reports whether fd is bound as bind would bind it: a name alone is no
// proof.
func (s *Set) isBound(fd int, k key) bool {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch sa := sa.(type) {
	case *unix.SockaddrLinklayer:
		return k.kind == packet4 && sa.Ifindex == k.ifindex && sa.Protocol == htons(unix.ETH_P_IP)
	case *unix.SockaddrInet4:
		return sa.Port == int(s.port) && netip.AddrFrom4(sa.Addr) == k.addr
	case *unix.SockaddrInet6:
		return sa.Port == int(s.port) && netip.AddrFrom16(sa.Addr) == k.addr
	}
	return false
}

func (s *Set) keep(k key, fd int) {
	if s.opts.Keeper != nil {
		s.opts.Keeper.Keep(s.name(k), fd)
	}
}

func (s *Set) forget(k key) {
	if s.opts.Keeper != nil {
		s.opts.Keeper.Forget(s.name(k))
	}
}
