package control

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"leasehold/config"
)

// Kea 2.2.0's answers to unusual HTTP requests; the dossier's table, row by row.
func TestHTTPSocketAnswersAsKea(t *testing.T) {
	d := open(t, Endpoint{Socket: httpSocket(t), Service: "dhcp4"}, Options{})
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
	socket := httpSocket(t)
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
	d := open(t, Endpoint{Socket: httpSocket(t)}, Options{})
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

func TestRestrictedListenerAdmitsPartnersCommandsOnly(t *testing.T) {
	d := open(t, Endpoint{Socket: httpSocket(t), Admit: func(name string) bool { return name == "build-report" }}, Options{})
	if got := tell(t, d, post(`{"command":"build-report","service":["dhcp6"]}`)); !strings.Contains(got, "200 OK") {
		t.Errorf("admitted command: %s", got)
	}
	if got := tell(t, d, post(`{"command":"config-get"}`)); !strings.HasPrefix(got, "HTTP/1.1 403 Forbidden") ||
		!strings.HasSuffix(got, "\r\n\r\n"+`{ "result": 403, "text": "Forbidden" }`) {
		t.Errorf("other command: %s", got)
	}
}

// Whatever a caller writes over HTTP: no panic, and every response begins with
// a status line and has a length.
func FuzzHTTP(f *testing.F) {
	f.Add([]byte(post(`{"command":"build-report"}`)))
	f.Add([]byte("POST / HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{}"))
	f.Add([]byte("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"))
	f.Add([]byte("POST / HTTP/1.1\r\nContent-Length: -1\r\nExpect: 100-continue\r\n\r\n"))
	e := Endpoint{Socket: httpSocket(f), Handler: daemon, Service: "dhcp4"}
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

// Descriptions are there for whoever may come in, on the same connection.
func TestHTTPDocuments(t *testing.T) {
	socket := httpSocket(t)
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
