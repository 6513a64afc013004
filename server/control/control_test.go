package control

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/logging"
)

// daemon answers like the daemon behind the recorded sockets.
var daemon = HandlerFunc(func(_ context.Context, c *Command) Answer {
	switch c.Name {
	case "config-backend-pull":
		return Answer{Result: Empty, Text: "No config backend."}
	case "build-report":
		return Answer{Text: "built"}
	case "list-commands":
		return Answer{Arguments: []byte(`[ "build-report", "list-commands" ]`)}
	}
	return Answer{Result: Unsupported, Text: fmt.Sprintf("'%s' command not supported.", c.Name)}
})

var date = time.Date(2026, 11, 21, 20, 28, 37, 0, time.UTC)

// open opens a door that closes with the test.
func open(t testing.TB, e Endpoint, o Options) *Door {
	t.Helper()
	if e.Handler == nil && e.Agent == nil {
		e.Handler = daemon
	}
	d, err := Open(e, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close(time.Second) })
	return d
}

func unixSocket(t testing.TB) config.ControlSocket {
	return config.ControlSocket{Type: "unix", Path: filepath.Join(t.TempDir(), "s")}
}

func httpSocket(testing.TB) config.ControlSocket {
	return config.ControlSocket{Type: "http", Addr: netip.MustParseAddrPort("127.0.0.1:0")}
}

func dial(t testing.TB, d *Door) net.Conn {
	t.Helper()
	c, err := net.Dial(d.Addr().Network(), d.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// tell sends a request and returns everything until the other side closes.
func tell(t testing.TB, d *Door, request string) string {
	t.Helper()
	c := dial(t, d)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// post is the text of an HTTP request whose connection ends with it.
func post(body string, headers ...string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n%s\r\n%s",
		len(body), strings.Join(append(headers, ""), "\r\n"), body)
}

// transcript reads the pairs of a recording.
func transcript(t *testing.T, file string, pair func(t *testing.T, request, mark, answer string)) {
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	request, lines := "", bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		mark, rest, _ := strings.Cut(lines.Text(), " ")
		switch mark {
		case ">":
			request = strings.ReplaceAll(rest, `\n`, "\n")
		case "<", "~":
			t.Run(request, func(t *testing.T) { pair(t, request, mark, rest) })
		}
	}
}

// logTo gives a sink that prints into buf, readable after Flush.
func logTo(t testing.TB, buf *bytes.Buffer) (*logging.Writer, *logging.Sink) {
	w := logging.Start(logging.Options{Stdout: buf, PID: 1, Now: func() time.Time { return date }})
	t.Cleanup(func() { w.Close() })
	s, err := w.Sink("kea-dhcp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	return w, s
}

func TestSilentCallersAreToldAndDropped(t *testing.T) {
	for _, tt := range []struct {
		name, request, want string
		socket              func(testing.TB) config.ControlSocket
	}{
		{"partial command", `{"command":"x`, `{ "result": 1, "text": "Connection over control channel timed out, discarded partial command of 13 bytes" }`, unixSocket},
		{"nothing", "", `{ "result": 1, "text": "Connection over control channel timed out" }`, unixSocket},
		{"request line", "POST / HTTP/1.1\r\n", `{ "result": 408, "text": "Request Timeout" }`, httpSocket},
		{"half a body", post("{}")[:len(post("{}"))-1], `{ "result": 408, "text": "Request Timeout" }`, httpSocket},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// A slow caller is dropped before it has said what it wants to: it is
			// given more time then.
			for silence := 20 * time.Millisecond; ; silence *= 2 {
				d := open(t, Endpoint{Socket: tt.socket(t)}, Options{Silence: silence, Idle: silence})
				c := dial(t, d)
				_, _ = io.WriteString(c, tt.request)
				got, _ := io.ReadAll(c)
				if strings.HasSuffix(string(got), tt.want) {
					return
				}
				if silence > 10*time.Second {
					t.Fatalf("got  %s\nwant %s", got, tt.want)
				}
			}
		})
	}
}

func TestRequestsAreBounded(t *testing.T) {
	budget := NewBudget(1 << 20)
	o := Options{MaxRequest: 100 << 10, Budget: budget}
	big := `{"command":"` + strings.Repeat("x", 200<<10) + `"}`
	u := open(t, Endpoint{Socket: unixSocket(t)}, o)
	c := dial(t, u)
	go io.WriteString(c, big)
	if got, _ := io.ReadAll(c); !strings.HasPrefix(string(got), `{ "result": 1, "text": "request is larger than`) {
		t.Errorf("oversized request: %s", got)
	}
	h := open(t, Endpoint{Socket: httpSocket(t)}, o)
	c = dial(t, h)
	go io.WriteString(c, post(big))
	line, _ := bufio.NewReader(c).ReadString('\n')
	if line != "HTTP/1.1 413 Request Entity Too Large\r\n" {
		t.Errorf("oversized body: %s", line)
	}
	deep := `{"command":"build-report","arguments":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}"
	if got := tell(t, u, deep); !strings.HasPrefix(got, `{ "result": 1,`) {
		t.Errorf("deep nesting: %s", got)
	}
	h.Close(time.Minute)
	u.Close(time.Minute)
	if left := budget.left.Load(); left != 1<<20 {
		t.Errorf("%d bytes of the budget are gone", 1<<20-left)
	}
}

func TestCloseWaitsForCommandsAtWork(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	slow := HandlerFunc(func(context.Context, *Command) Answer {
		close(entered)
		<-release
		return Answer{Text: "done"}
	})
	d := open(t, Endpoint{Socket: unixSocket(t), Handler: slow}, Options{})
	idle, busy := dial(t, d), dial(t, d)
	io.WriteString(idle, `{"comm`)
	io.WriteString(busy, `{"command":"x"}`)
	<-entered
	closed := make(chan struct{})
	go func() { d.Close(time.Minute); close(closed) }()
	if got, _ := io.ReadAll(idle); len(got) != 0 {
		t.Errorf("idle caller got %s", got)
	}
	close(release)
	if got, _ := io.ReadAll(busy); string(got) != `{ "result": 0, "text": "done" }` {
		t.Errorf("busy caller got %s", got)
	}
	<-closed
}

func TestReconfigureTakesEffectBetweenCommands(t *testing.T) {
	e := Endpoint{Socket: httpSocket(t), Handler: daemon}
	d := open(t, e, Options{})
	e.Socket.Auth = &config.Authentication{Clients: []config.Credential{{User: "a", Password: "b"}}}
	if err := d.Reconfigure(e); err != nil {
		t.Fatal(err)
	}
	if got := tell(t, d, post(`{"command":"build-report"}`)); !strings.Contains(got, "401") {
		t.Errorf("got %s", got)
	}
	e.Socket.Addr = netip.MustParseAddrPort("127.0.0.1:1")
	if err := d.Reconfigure(e); err == nil {
		t.Error("another address was accepted")
	}
}

func TestAppendAnswer(t *testing.T) {
	for _, tt := range []struct {
		a    Answer
		want string
	}{
		{Answer{Text: "ok"}, `{ "result": 0, "text": "ok" }`},
		{Answer{Arguments: []byte(`{  }`)}, `{ "arguments": {  }, "result": 0 }`},
		{Answer{Result: 3, Text: "tab\t\"quote\" \\ ü\x01", Arguments: []byte("[ 1 ]")},
			`{ "arguments": [ 1 ], "result": 3, "text": "tab\t\"quote\" \\ \u00c3\u00bc\u0001" }`},
	} {
		got := string(tt.a.Append(nil))
		if got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		if n := (Answer{Raw: []byte(got)}).result(); n != tt.a.Result {
			t.Errorf("%s: result %d", got, n)
		}
	}
}

// Whatever arrives in whatever pieces: the end of a request is found at the
// same byte, and parsing it never panics.
func FuzzEnvelope(f *testing.F) {
	for _, s := range []string{`{"command":"x"}`, `{"a":"\"}"} tail`, `[[/* ] */]]`, "{ # }\n}", `{"arguments":{"a":1.5e3}, "service":[1]}`, "/x{}", `"x"`} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		var whole, pieces framer
		done := whole.feed(text)
		cut = max(0, min(cut, len(text)))
		donePieces := pieces.feed(text[:cut]) || pieces.feed(text[cut:])
		if done != donePieces || done && whole.n != pieces.n {
			t.Fatalf("end at %d (%v) in one piece, at %d (%v) in two", whole.n, done, pieces.n, donePieces)
		}
		if done && whole.err == nil {
			text = text[:whole.n]
		}
		if c, err := parseEnvelope(text); err == nil && c == nil {
			t.Fatal("neither command nor error")
		}
	})
}

// A long list is written in pieces; its caller sees one answer.
func TestAnswerInPieces(t *testing.T) {
	a := Answer{Text: "x", Parts: [][]byte{[]byte(`{ "l": [ `), bytes.Repeat([]byte("1, "), 50_000), []byte(`1 ] }`)}}
	h := HandlerFunc(func(context.Context, *Command) Answer { return a })
	want := AppendAnswer(nil, 0, "x", bytes.Join(a.Parts, nil))
	if got := a.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("appended: %.60s … %s", got, got[len(got)-60:])
	}
	if got := tell(t, open(t, Endpoint{Socket: unixSocket(t), Handler: h}, Options{}), `{"command":"x"}`); got != string(want) {
		t.Errorf("over a unix socket: %.60s …, %d bytes", got, len(got))
	}
	head, body, _ := strings.Cut(tell(t, open(t, Endpoint{Socket: httpSocket(t), Handler: h}, Options{}), post(`{"command":"x"}`)), "\r\n\r\n")
	if body != "[ "+string(want)+" ]" || !strings.Contains(head, fmt.Sprintf("Content-Length: %d\r\n", len(body))) {
		t.Errorf("over HTTP: %s, %d bytes", head, len(body))
	}
}
