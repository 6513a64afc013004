package link

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"leasehold/ha"
)

// pipes is a network in memory, so that its time can be that of the test.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.done:
	default:
		close(p.done)
	}
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestIdleConnectionIsKept: a Kea whose heartbeats are half a minute apart finds
// its connection open; one that nobody uses ends.
func TestIdleConnectionIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		l := &Listener{Handler: func(context.Context, *ha.Request) (int, []byte) { return 200, []byte(okBody) }}
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error)
		go func() { served <- l.Serve(ctx, p) }()
		ours, theirs := net.Pipe()
		p.conns <- theirs
		in := bufio.NewReader(ours)
		const body = `{ "command": "ha-heartbeat", "service": [ "dhcp4" ] }`
		for range 3 {
			_, err := io.WriteString(ours, "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 53\r\n\r\n"+body)
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r.Body)
			if err != nil || r.StatusCode != 200 || !strings.Contains(string(got), `"hot-standby"`) {
				t.Fatalf("%v: %d %s", err, r.StatusCode, got)
			}
			time.Sleep(31 * time.Second)
		}
		before := time.Now()
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("an idle connection ends with %v", err)
		}
		if idle := 31*time.Second + time.Since(before); idle > 2*time.Minute {
			t.Errorf("an idle connection is kept for %v", idle)
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
