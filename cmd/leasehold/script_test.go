package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/testnet"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"leasehold": main, "kea-dhcp4": main, "kea-dhcp6": main})
}

// The stories in testdata call the program under each of its names. They have
// words of their own: answers, notified, signal.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE") != "",
		Setup: func(env *testscript.Env) error {
			env.Setenv("KEA_PIDFILE_DIR", env.WorkDir)
			env.Setenv("KEA_DHCP_DATA_DIR", env.WorkDir)
			data, err := filepath.Abs("testdata")
			if err != nil {
				return err
			}
			env.Setenv("DATA", data)
			return listenNotify(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"answers":  cmdAnswers,
			"notified": cmdNotified,
			"signal":   cmdSignal,
		},
	})
}

// notifyKey finds the notifications of a story.
type notifyKey struct{}

// listenNotify is the service manager of one story: the program reports to it.
func listenNotify(env *testscript.Env) error {
	// A path of a socket is short; the work directory may be deep.
	dir, err := os.MkdirTemp("", "notify")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "s")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	env.Defer(func() { c.Close(); os.RemoveAll(dir) })
	env.Setenv("NOTIFY_SOCKET", path)
	env.Values[notifyKey{}] = c
	return nil
}

// notified WORD waits until the program tells the service manager WORD.
func cmdNotified(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: notified WORD")
	}
	c := ts.Value(notifyKey{}).(*net.UnixConn)
	ts.Check(c.SetReadDeadline(time.Now().Add(testnet.Patience)))
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if err != nil {
			ts.Fatalf("waiting for %s: %v", args[0], err)
		}
		if strings.Contains(string(buf[:n]), args[0]) {
			return
		}
	}
}

// signal NAME FILE sends a signal to the process that a PID file names.
func cmdSignal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signal HUP|TERM FILE")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Check(syscall.Kill(pid, map[string]syscall.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}[args[0]]))
}

// answers FILE serves $SOCKET and $URL with the answers in FILE: lines of a
// command's name and the answer, in the order they are asked for.
func cmdAnswers(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: answers FILE")
	}
	script := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[0])))
	var lines []string
	for script.Scan() {
		lines = append(lines, script.Text())
	}
	next := make(chan string, len(lines))
	for _, l := range lines {
		next <- l
	}
	h := control.HandlerFunc(func(_ context.Context, c *control.Command) control.Answer {
		select {
		case line := <-next:
			name, answer, _ := strings.Cut(line, " ")
			if want, given, ok := strings.Cut(answer, " => "); ok {
				if got := string(c.Arguments.AppendJSON(nil)); got != want {
					return control.Answer{Result: 1, Text: fmt.Sprintf("arguments are %s, want %s", got, want)}
				}
				answer = given
			}
			if name == c.Name {
				return control.Answer{Raw: []byte(answer)}
			}
			return control.Answer{Result: 1, Text: fmt.Sprintf("asked for %s, want %s", c.Name, name)}
		default:
			return control.Answer{Result: 1, Text: "nothing more was expected"}
		}
	})
	dir, err := os.MkdirTemp("", "door")
	ts.Check(err)
	ts.Defer(func() { os.RemoveAll(dir) })
	for key, socket := range map[string]config.ControlSocket{
		"SOCKET": {Type: "unix", Path: filepath.Join(dir, "s")},
		"URL": {Type: "http", Addr: netip.MustParseAddrPort("127.0.0.1:0"), Auth: &config.Authentication{
			Clients: []config.Credential{{User: "boss", Password: "secret"}}}},
	} {
		d, err := control.Open(control.Endpoint{Socket: socket, Handler: h, Service: "dhcp4"}, control.Options{})
		ts.Check(err)
		ts.Defer(func() { d.Close(0) })
		ts.Setenv(key, d.Addr().String())
		if key == "URL" {
			ts.Setenv(key, "http://"+d.Addr().String()+"/")
		}
	}
}
