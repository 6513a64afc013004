package control

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/logging"
	"leasehold/server/message"
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

func httpSocket() config.ControlSocket {
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

func TestAgentAnswersAsKea(t *testing.T) {
	agent := &Agent{
		Local:   map[string]Handler{"dhcp4": daemon},
		Sockets: map[string]string{"dhcp6": filepath.Join(t.TempDir(), "nosuch")},
	}
	d := open(t, Endpoint{Socket: httpSocket(), Agent: agent}, Options{})
	transcript(t, "agent-2.2.txt", func(t *testing.T, request, _, want string) {
		response := tell(t, d, post(request))
		head, body, _ := strings.Cut(response, "\r\n\r\n")
		if got := head[len("HTTP/1.1 "):][:3] + " " + body; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestAgentForwardsToOtherProcesses(t *testing.T) {
	other := open(t, Endpoint{Socket: unixSocket(t)}, Options{})
	silent, err := net.Listen("unix", filepath.Join(t.TempDir(), "silent"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			c.Read(make([]byte, 100))
			c.Close()
		}
	}()
	var log bytes.Buffer
	w, sink := logTo(t, &log)
	d := open(t, Endpoint{Socket: httpSocket(), Agent: &Agent{Sockets: map[string]string{
		"dhcp6": other.Addr().String(), "d2": silent.Addr().String()}}},
		Options{Log: sink, Role: func(string) Role { return Operate }})
	got := tell(t, d, post(`{"command":"config-backend-pull","service":["dhcp6","d2"]}`))
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	const want = `[ { "result": 3, "text": "No config backend." }, { "result": 1, "text": "unable to forward command to the d2 service: End of file. The server is likely to be offline" } ]`
	if body != want {
		t.Errorf("got  %s\nwant %s", body, want)
	}
	w.Flush()
	if !strings.Contains(log.String(), "config-backend-pull: result 3") {
		t.Errorf("the result of a forwarded command is not in the audit log:\n%s", &log)
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

// Kea 2.2.0's answers to unusual HTTP requests; the dossier's table, row by row.
func TestHTTPSocketAnswersAsKea(t *testing.T) {
	d := open(t, Endpoint{Socket: httpSocket(), Service: "dhcp4"}, Options{})
	const json = "Content-Type: application/json\r\n"
	const bad = `400 Bad Request|{ "result": 400, "text": "Bad Request" }`
	const fine = `200 OK|[ { "result": 3, "text": "No config backend." } ]`
	const pull = `{"command":"config-backend-pull"}`
	n := fmt.Sprintf("Content-Length: %d\r\n", len(pull))
	for _, tt := range []struct{ name, request, want string }{
		{"a command", "POST / HTTP/1.1\r\nHost: a\r\n" + json + n + "Connection: close\r\n\r\n" + pull, fine},
		{"any path, no Host", "POST /some/path HTTP/1.1\r\n" + json + n + "Connection: close\r\n\r\n" + pull, fine},
		{"HTTP/1.0", "POST / HTTP/1.0\r\n" + json + n + "\r\n" + pull, fine},
		{"GET", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", bad},
		{"PUT", "PUT / HTTP/1.1\r\n" + json + n + "Connection: close\r\n\r\n" + pull, bad},
		{"no content type", "POST / HTTP/1.1\r\n" + n + "Connection: close\r\n\r\n" + pull, bad},
		{"another content type", "POST / HTTP/1.1\r\nContent-Type: text/plain\r\n" + n + "Connection: close\r\n\r\n" + pull, bad},
		{"content type with charset", "POST / HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\n" + n + "Connection: close\r\n\r\n" + pull, bad},
		{"chunked", "POST / HTTP/1.1\r\n" + json + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", bad},
		{"no length", "POST / HTTP/1.1\r\n" + json + "Connection: close\r\n\r\n", bad},
		{"nonsense", "nonsense\r\n\r\n", bad},
		{"a huge head", "POST / HTTP/1.1\r\nX: " + strings.Repeat("x", maxHead) + "\r\n\r\n", bad},
		{"empty body", post(""), `200 OK|[ { "result": 1, "text": "Command processing failed: NULL command parameter" } ]`},
		{"no JSON", post("garbage"), bad},
		{"comments", post("{} // c"), bad},
		{"unknown command", post(`{"command":"nosuchcmd"}`), `200 OK|[ { "result": 2, "text": "'nosuchcmd' command not supported." } ]`},
		{"a list", post(`[1]`), `200 OK|[ { "result": 1, "text": "Error during command processing: invalid command: expected toplevel entry to be a map, got list instead" } ]`},
		{"foreign service", post(`{"command":"x","service":["dhcp6"]}`), `200 OK|[ { "result": 1, "text": "unsupported service 'dhcp6', expected 'dhcp4'" } ]`},
		{"two services", post(`{"command":"x","service":["d2","dhcp4"]}`), `200 OK|[ { "result": 1, "text": "service value has more than one item" } ]`},
		{"own service", post(`{"command":"config-backend-pull","service":["dhcp4"]}`), fine},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tell(t, d, tt.request)
			status, rest, _ := strings.Cut(got, "\r\n")
			_, body, _ := strings.Cut(rest, "\r\n\r\n")
			if _, status, _ = strings.Cut(status, " "); status+"|"+body != tt.want {
				t.Errorf("got  %s|%s\nwant %s", status, body, tt.want)
			}
		})
	}
}

func TestHTTPHead(t *testing.T) {
	socket := httpSocket()
	socket.Headers = []config.Header{{Name: "X-Frame", Value: "deny"}}
	d := open(t, Endpoint{Socket: socket}, Options{})
	got := tell(t, d, post(`{"command":"config-backend-pull"}`))
	head, _, _ := strings.Cut(got, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	if len(lines) != 5 || lines[0] != "HTTP/1.1 200 OK" || lines[1] != "Content-Length: 49" ||
		lines[2] != "Content-Type: application/json" || !strings.HasPrefix(lines[3], "Date: ") || lines[4] != "X-Frame: deny" {
		t.Errorf("head is\n%s", head)
	}
}

func TestHTTPConnectionIsKept(t *testing.T) {
	d := open(t, Endpoint{Socket: httpSocket()}, Options{})
	c := dial(t, d)
	br := bufio.NewReader(c)
	request := strings.Replace(post(`{"command":"config-backend-pull"}`), "Connection: close\r\n", "", 1)
	refused := strings.Replace(request, "application/json", "text/plain", 1)
	for _, tt := range []struct{ request, status string }{{request, "200"}, {refused, "400"}, {request + request, "200"}, {"", "200"}} {
		io.WriteString(c, tt.request)
		line, err := br.ReadString('\n')
		if err != nil || !strings.Contains(line, tt.status) {
			t.Fatalf("%q, %v; want %s", line, err, tt.status)
		}
		length := 0
		for line != "\r\n" && err == nil {
			line, err = br.ReadString('\n')
			fmt.Sscanf(line, "Content-Length: %d", &length)
		}
		io.CopyN(io.Discard, br, int64(length))
	}
}

func TestBasicAuthenticationAndRoles(t *testing.T) {
	socket := httpSocket()
	socket.Auth = &config.Authentication{Realm: "hacap", Clients: []config.Credential{
		{User: "reader", Password: "r", Role: "read"}, {User: "boss", Password: "b"}}}
	var log bytes.Buffer
	w, sink := logTo(t, &log)
	d := open(t, Endpoint{Socket: socket}, Options{Log: sink, Role: func(name string) Role {
		if name == "config-set" {
			return Change
		}
		return Read
	}})
	basic := func(credentials string) string { return "Authorization: Basic " + credentials + "\r\n" }
	for _, tt := range []struct{ name, credentials, command, status, body string }{
		{"nobody", "", "build-report", "401 Unauthorized", `{ "result": 401, "text": "Unauthorized" }`},
		{"wrong password", basic("Ym9zczp4"), "build-report", "401 Unauthorized", `{ "result": 401, "text": "Unauthorized" }`},
		{"no base64", basic("?"), "build-report", "401 Unauthorized", `{ "result": 401, "text": "Unauthorized" }`},
		{"reader reads", basic("cmVhZGVyOnI="), "build-report", "200 OK", `[ { "result": 0, "text": "built" } ]`},
		{"reader changes", basic("cmVhZGVyOnI="), "config-set", "403 Forbidden", `{ "result": 403, "text": "Forbidden" }`},
		{"boss changes", basic("Ym9zczpi"), "config-set", "200 OK", `[ { "result": 2, "text": "'config-set' command not supported." } ]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := tell(t, d, post(`{"command":"`+tt.command+`"}`, strings.TrimSuffix(tt.credentials, "\r\n")))
			head, body, _ := strings.Cut(got, "\r\n\r\n")
			if !strings.HasPrefix(head, "HTTP/1.1 "+tt.status) || body != tt.body {
				t.Errorf("got %s", got)
			}
			if has := strings.Contains(head, `WWW-Authenticate: Basic realm="hacap"`); has != (tt.status[0:3] == "401") {
				t.Errorf("WWW-Authenticate: %v", has)
			}
		})
	}
	w.Flush()
	if n := strings.Count(log.String(), message.AuditCommand.ID); n != 1 {
		t.Errorf("%d audit lines, want the one of the change:\n%s", n, &log)
	}
	if !strings.Contains(log.String(), "user 'boss' from 127.0.0.1:") {
		t.Errorf("the audit line does not name the user:\n%s", &log)
	}
}

func TestRestrictedListenerAdmitsPartnersCommandsOnly(t *testing.T) {
	d := open(t, Endpoint{Socket: httpSocket(), Admit: func(name string) bool { return name == "build-report" }}, Options{})
	if got := tell(t, d, post(`{"command":"build-report","service":["dhcp6"]}`)); !strings.Contains(got, "200 OK") {
		t.Errorf("admitted command: %s", got)
	}
	if got := tell(t, d, post(`{"command":"config-get"}`)); !strings.HasPrefix(got, "HTTP/1.1 403 Forbidden") ||
		!strings.HasSuffix(got, "\r\n\r\n"+`{ "result": 403, "text": "Forbidden" }`) {
		t.Errorf("other command: %s", got)
	}
}

func TestSilentCallersAreToldAndDropped(t *testing.T) {
	o := Options{Silence: 20 * time.Millisecond, Idle: 20 * time.Millisecond}
	u := open(t, Endpoint{Socket: unixSocket(t)}, o)
	h := open(t, Endpoint{Socket: httpSocket()}, o)
	for _, tt := range []struct {
		name, request, want string
		door                *Door
	}{
		{"partial command", `{"command":"x`, `{ "result": 1, "text": "Connection over control channel timed out, discarded partial command of 13 bytes" }`, u},
		{"nothing", "", `{ "result": 1, "text": "Connection over control channel timed out" }`, u},
		{"request line", "POST / HTTP/1.1\r\n", `{ "result": 408, "text": "Request Timeout" }`, h},
		{"half a body", post("{}")[:len(post("{}"))-1], `{ "result": 408, "text": "Request Timeout" }`, h},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tell(t, tt.door, tt.request); !strings.HasSuffix(got, tt.want) {
				t.Errorf("got  %s\nwant %s", got, tt.want)
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
	h := open(t, Endpoint{Socket: httpSocket()}, o)
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
	h.Close(time.Second)
	u.Close(time.Second)
	if left := budget.left.Load(); left != 1<<20 {
		t.Errorf("%d bytes of the budget are gone", 1<<20-left)
	}
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
	e := Endpoint{Socket: httpSocket(), Handler: daemon}
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

func BenchmarkUnixCommand(b *testing.B) {
	d := open(b, Endpoint{Socket: unixSocket(b)}, Options{})
	for b.Loop() {
		tell(b, d, `{"command":"build-report"}`)
	}
}

// Whatever a caller writes over HTTP: no panic, and every response begins with
// a status line and has a length.
func FuzzHTTP(f *testing.F) {
	f.Add([]byte(post(`{"command":"build-report"}`)))
	f.Add([]byte("POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}"))
	f.Add([]byte("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: -1\r\nExpect: 100-continue\r\n\r\n"))
	e := Endpoint{Socket: httpSocket(), Handler: daemon, Service: "dhcp4"}
	d, err := Open(e, Options{MaxRequest: 1 << 16, Silence: 2 * time.Millisecond, Idle: time.Millisecond})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { d.Close(0) })
	f.Fuzz(func(t *testing.T, request []byte) {
		ours, theirs := net.Pipe()
		served := make(chan struct{})
		go func() { d.serveHTTP(ours); ours.Close(); close(served) }()
		go theirs.Write(request)
		br := bufio.NewReader(theirs)
		line, err := br.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "HTTP/1.") {
			t.Errorf("response begins with %q", line)
		}
		theirs.Close()
		<-served
	})
}

// Kea answers 401 to credentials of any length, and goes on.
func TestHTTPHugeCredentials(t *testing.T) {
	socket := httpSocket()
	socket.Auth = &config.Authentication{Realm: "kea", Clients: []config.Credential{{User: "a", Password: "b"}}}
	d := open(t, Endpoint{Socket: socket}, Options{})
	got := tell(t, d, strings.Replace(post(`{"command":"x"}`), "\r\n", "\r\nAuthorization: Basic "+strings.Repeat("YWRt", 1<<20)+"\r\n", 1))
	if !strings.HasPrefix(got, "HTTP/1.1 401 ") || !strings.HasSuffix(got, `{ "result": 401, "text": "Unauthorized" }`) {
		t.Errorf("answer is %.200s", got)
	}
}

// Ten wrong credentials at once, and one a second: what is beyond is not looked
// at, even if it is right. Nothing is held against callers without any.
func TestGuessingIsSlow(t *testing.T) {
	now := date
	socket := httpSocket()
	socket.Auth = &config.Authentication{Realm: "kea", Clients: []config.Credential{{User: "a", Password: "b"}}}
	d := open(t, Endpoint{Socket: socket}, Options{Now: func() time.Time { return now }})
	caller := &Caller{Addr: "192.0.2.1:1000"}
	try := func(credentials, addr string) int {
		req := &http.Request{Header: http.Header{}}
		if credentials != "" {
			user, password, _ := strings.Cut(credentials, ":")
			req.SetBasicAuth(user, password)
		}
		caller.Addr = addr
		resp, ok := d.admit(socket.Auth, req, caller)
		if ok {
			return http.StatusOK
		}
		return resp.status
	}
	const here, there = "192.0.2.1:1000", "[2001:db8::1]:1000"
	for i := range attemptsAtOnce {
		if got := try("", here); got != http.StatusUnauthorized {
			t.Errorf("without credentials: %d", got)
		}
		if got := try("a:x", here); got != http.StatusUnauthorized {
			t.Errorf("attempt %d: %d", i, got)
		}
	}
	for _, credentials := range []string{"a:x", "a:b"} {
		if got := try(credentials, here); got != http.StatusTooManyRequests {
			t.Errorf("%s is looked at: %d", credentials, got)
		}
	}
	if got := try("a:b", there); got != http.StatusOK {
		t.Errorf("somebody else: %d", got)
	}
	now = now.Add(attemptPause)
	if got := try("a:b", here); got != http.StatusOK {
		t.Errorf("a second later: %d", got)
	}
	if try("a:x", here); try("a:x", here) != http.StatusTooManyRequests {
		t.Error("right credentials gave the attempts back")
	}
}

func TestAttemptsAreBounded(t *testing.T) {
	var a attempts
	for i := range 3 * attemptsKept {
		a.wrong(sourceOf(fmt.Sprintf("[2001:db8:%x::1]:1", i)), date)
	}
	if len(a.debt) > attemptsKept {
		t.Errorf("%d addresses are remembered", len(a.debt))
	}
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
	head, body, _ := strings.Cut(tell(t, open(t, Endpoint{Socket: httpSocket(), Handler: h}, Options{}), post(`{"command":"x"}`)), "\r\n\r\n")
	if body != "[ "+string(want)+" ]" || !strings.Contains(head, fmt.Sprintf("Content-Length: %d\r\n", len(body))) {
		t.Errorf("over HTTP: %s, %d bytes", head, len(body))
	}
}

// Descriptions are there for whoever may come in, on the same connection.
func TestHTTPDocuments(t *testing.T) {
	socket := httpSocket()
	socket.Auth = &config.Authentication{Realm: "kea", Clients: []config.Credential{{User: "a", Password: "b", Role: "read"}}}
	d := open(t, Endpoint{Socket: socket, Documents: map[string]func() []byte{"/x.json": func() []byte { return []byte(`{"x":1}`) }}}, Options{})
	const user = "Authorization: Basic YTpi\r\n"
	for _, tt := range []struct{ request, status, body string }{
		{"GET /x.json HTTP/1.1\r\n" + user + "Connection: close\r\n\r\n", "HTTP/1.1 200 OK", `{"x":1}`},
		{"GET /x.json HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 401 Unauthorized", `{ "result": 401, "text": "Unauthorized" }`},
		{"GET /y.json HTTP/1.1\r\n" + user + "Connection: close\r\n\r\n", "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
	} {
		head, body, _ := strings.Cut(tell(t, d, tt.request), "\r\n\r\n")
		if status, _, _ := strings.Cut(head, "\r\n"); status != tt.status || body != tt.body {
			t.Errorf("%s: %s %s", tt.request, status, body)
		}
	}
}
