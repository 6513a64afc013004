package control

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestUnixSocketAnswersAsKea(t *testing.T) {
	d := open(t, Endpoint{Socket: unixSocket(t)}, Options{})
	transcript(t, "unix-2.2.txt", func(t *testing.T, request, mark, want string) {
		got := tell(t, d, request)
		if mark == "~" {
			got, _, _ = strings.Cut(got, ",")
			want, _, _ = strings.Cut(want, ",")
		}
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestHalfClosedCallerGetsItsAnswer(t *testing.T) {
	d := open(t, Endpoint{Socket: unixSocket(t)}, Options{})
	c := dial(t, d).(*net.UnixConn)
	io.WriteString(c, ` {"command":"build-report"}`)
	c.CloseWrite()
	if got, _ := io.ReadAll(c); string(got) != `{ "result": 0, "text": "built" }` {
		t.Errorf("got %s", got)
	}
	c = dial(t, d).(*net.UnixConn)
	io.WriteString(c, `{"command":`)
	c.CloseWrite()
	if got, err := io.ReadAll(c); len(got) != 0 || err != nil {
		t.Errorf("half a command: %s, %v", got, err)
	}
}

func TestSocketFile(t *testing.T) {
	socket := unixSocket(t)
	// What a process that was killed leaves behind.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket.Path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	stale.SetUnlinkOnClose(false)
	stale.Close()

	d, err := Open(Endpoint{Socket: socket, Handler: daemon}, Options{})
	if err != nil {
		t.Fatalf("stale socket: %v", err)
	}
	info, err := os.Stat(socket.Path)
	if err != nil || info.Mode().Perm() != 0o770 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if _, err := os.Stat(socket.Path + ".lock"); err != nil {
		t.Error(err)
	}
	if _, err := Open(Endpoint{Socket: socket, Handler: daemon}, Options{}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("second owner: %v", err)
	}
	d.Close(time.Second)
	for _, path := range []string{socket.Path, socket.Path + ".lock"} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left behind: %v", path, err)
		}
	}
	if err := os.WriteFile(socket.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Endpoint{Socket: socket, Handler: daemon}, Options{}); err == nil {
		t.Error("a plain file was replaced by a socket")
	}
}

func BenchmarkUnixCommand(b *testing.B) {
	d := open(b, Endpoint{Socket: unixSocket(b)}, Options{})
	for b.Loop() {
		tell(b, d, `{"command":"build-report"}`)
	}
}
