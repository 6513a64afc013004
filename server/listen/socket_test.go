package listen

import (
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// However a socket waits for datagrams, the end of its service ends the wait,
// also one that begins later.
func TestTheEndOfServiceEndsTheWait(t *testing.T) {
	ends := map[string]func(*Socket){
		"closed": func(s *Socket) { s.close() },
		"quiet": func(s *Socket) {
			s.set.quiet.Store(true)
			s.interrupt()
		},
	}
	for name, end := range ends {
		for _, alone := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				fd := testnet.Must1(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0))(t)
				s := testnet.Must1(newSocket(New(Options{Family: V4}), key{kind: unicast4}, fd, alone))(t)
				defer s.file.Close()
				defer s.served()
				ended := make(chan error)
				for range 2 {
					go func() {
						_, err := s.Receive(NewBatch(1, Size4))
						ended <- err
					}()
					end(s)
					select {
					case err := <-ended:
						if !errors.Is(err, net.ErrClosed) {
							t.Errorf("alone %v: %v", alone, err)
						}
					case <-time.After(time.Minute):
						t.Fatalf("alone %v: still waits", alone)
					}
				}
			})
		}
	}
}
