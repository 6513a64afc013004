package main

import (
	"fmt"
	"os"
	"sync"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// descriptorStore is where the service manager keeps our sockets while the
// process is replaced (FileDescriptorStoreMax= in systemd.service(5)).
type descriptorStore struct {
	manager unix.Sockaddr
	conn    int

	mu   sync.Mutex
	left map[string]int // by a former process, not taken over yet
}

// openDescriptorStore returns nil where no service manager is.
func openDescriptorStore() (*descriptorStore, error) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil, nil
	}
	conn, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket to the service manager: %w", err)
	}
	s := &descriptorStore{manager: &unix.SockaddrUnix{Name: path}, conn: conn, left: map[string]int{}}
	for _, f := range activation.Files(true) {
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		f.Close()
		if err == nil {
			s.left[f.Name()] = fd
		}
	}
	return s, nil
}

func (s *descriptorStore) Take(name string) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fd, ok := s.left[name]
	delete(s.left, name)
	return fd, ok
}

// Keep asks for no watch (FDPOLL=0): an interface that is down for a while is
// no reason to lose its socket. A manager without room for descriptors says
// nothing, and a restart opens new sockets.
func (s *descriptorStore) Keep(name string, fd int) {
	s.tell("FDSTORE=1\nFDPOLL=0\nFDNAME="+name, unix.UnixRights(fd))
}

func (s *descriptorStore) Forget(name string) {
	s.tell("FDSTOREREMOVE=1\nFDNAME="+name, nil)
}

func (s *descriptorStore) tell(what string, rights []byte) {
	if err := unix.Sendmsg(s.conn, []byte(what), rights, s.manager, unix.MSG_NOSIGNAL); err != nil {
		fmt.Fprintf(os.Stderr, "tell the service manager about sockets: %v\n", err)
	}
}

// forgetLeft closes what nobody took over: the configuration no longer asks for
// it.
func (s *descriptorStore) forgetLeft() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, fd := range s.left {
		unix.Close(fd)
		s.Forget(name)
	}
	clear(s.left)
}
