package link

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/ha"
	"leasehold/server/testnet"
)

const okBody = `[ { "arguments": { "date-time": "Sat, 21 Nov 2026 20:28:37 GMT", "scopes": [ "server1" ], "state": "hot-standby", "unsent-update-count": 5 }, "result": 0, "text": "HA peer status returned." } ]`

// serveLoopback starts a listener that answers ha-heartbeat.
func serveLoopback(t *testing.T, l *Listener) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		testnet.Missing(t, "no loopback: %v", err)
	}
	if l.Handler == nil {
		l.Handler = func(_ context.Context, r *ha.Request) (int, []byte) {
			if r.Name == "panic" {
				return 500, nil
			}
			return 200, []byte(okBody)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return ln.Addr().String()
}

// talkRaw sends text on a connection of its own and returns all that comes
// back until the other side closes, or n bytes of a body have come.
func talkRaw(t *testing.T, address, text string) string {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(testnet.Patience))
	_, _ = io.WriteString(conn, text) // who is slow meets a closed connection
	return readResponse(t, bufio.NewReader(conn))
}

func readResponse(t *testing.T, in *bufio.Reader) string {
	var out strings.Builder
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return out.String()
		}
		if strings.HasPrefix(line, "Date:") {
			continue
		}
		out.WriteString(line)
		fmt.Sscanf(line, "Content-Length: %d", &length)
		if line == "\r\n" {
			break
		}
	}
	body := make([]byte, length)
	n, err := io.ReadFull(in, body)
	if err != nil {
		t.Errorf("body of %d bytes: %v", length, err)
	}
	return out.String() + string(body[:n])
}

// TestListenerTreatsRequestsAsKea: the cases of recording 18.
func TestListenerTreatsRequestsAsKea(t *testing.T) {
	address := serveLoopback(t, &Listener{ReadTimeout: testnet.Patience, Admit: func(c string) bool { return c != "config-get" }})
	post := func(version, fields, body string) string {
		return fmt.Sprintf("POST / %s\r\nHost: 192.0.2.1\r\n%sContent-Length: %d\r\n\r\n%s", version, fields, len(body), body)
	}
	const beat = `{"command":"ha-heartbeat","service":["dhcp4"]}`
	const typed = "Content-Type: application/json\r\n"
	for _, c := range []struct {
		name, request string
		status        string
		body          string
	}{
		{"command", post("HTTP/1.1", typed, beat), "HTTP/1.1 200 OK", okBody},
		{"any path", strings.Replace(post("HTTP/1.1", typed, beat), "POST /", "POST /some/path", 1), "HTTP/1.1 200 OK", okBody},
		{"no Host", strings.Replace(post("HTTP/1.1", typed, beat), "Host: 192.0.2.1\r\n", "", 1), "HTTP/1.1 200 OK", okBody},
		{"lower-case fields", post("HTTP/1.1", "content-type: application/json\r\n", beat), "HTTP/1.1 200 OK", okBody},
		{"HTTP/1.0", post("HTTP/1.0", typed, beat), "HTTP/1.0 200 OK", okBody},
		{"GET", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"PUT", strings.Replace(post("HTTP/1.1", typed, beat), "POST", "PUT", 1), "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"charset", post("HTTP/1.1", "Content-Type: application/json; charset=utf-8\r\n", beat), "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"no type", post("HTTP/1.1", "", beat), "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"chunked", "POST / HTTP/1.1\r\n" + typed + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"two lengths", "POST / HTTP/1.1\r\n" + typed + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"expect", post("HTTP/1.1", typed+"Expect: 100-continue\r\n", beat), "HTTP/1.1 200 OK", okBody},
		{"empty body", post("HTTP/1.1", typed, ""), "HTTP/1.1 200 OK", `[ { "result": 1, "text": "Command processing failed: NULL command parameter" } ]`},
		{"garbage", post("HTTP/1.1", typed, "garbage{"), "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"a gigabyte", "POST / HTTP/1.1\r\n" + typed + "Content-Length: 1073741824\r\n\r\n", "HTTP/1.1 400 Bad Request", `{ "result": 400, "text": "Bad Request" }`},
		{"not admitted", post("HTTP/1.1", typed, `{"command":"config-get"}`), "HTTP/1.1 403 Forbidden", `{ "result": 403, "text": "Forbidden" }`},
		{"handler in trouble", post("HTTP/1.1", typed, `{"command":"panic"}`), "HTTP/1.1 500 Internal Server Error", `{ "result": 500, "text": "Internal Server Error" }`},
	} {
		got := talkRaw(t, address, c.request)
		status, _, _ := strings.Cut(got, "\r\n")
		_, body, _ := strings.Cut(got, "\r\n\r\n")
		if status != c.status || body != c.body {
			t.Errorf("%s: %q %q", c.name, status, body)
		}
		if !strings.Contains(got, fmt.Sprintf("Content-Length: %d\r\nContent-Type: application/json\r\n", len(c.body))) {
			t.Errorf("%s: fields %q", c.name, got)
		}
	}
}

// Who does not go on is told so, if he had begun by then.
func TestListenerDropsSlowCallers(t *testing.T) {
	const begin = "POST / HTTP/1.1\r\n"
	for _, request := range []string{begin, begin + "Content-Type: application/json\r\nContent-Length: 20\r\n\r\n{"} {
		for limit := 20 * time.Millisecond; ; limit *= 2 {
			got := talkRaw(t, serveLoopback(t, &Listener{ReadTimeout: limit}), request)
			if strings.HasPrefix(got, "HTTP/1.1 408 Request Timeout\r\n") && strings.HasSuffix(got, "\r\n\r\n"+`{ "result": 408, "text": "Request Timeout" }`) {
				break
			}
			if limit > 10*time.Second {
				t.Fatalf("%q is answered with %q", request, got)
			}
		}
	}
}

func TestListenerKeepsConnections(t *testing.T) {
	address := serveLoopback(t, &Listener{})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for range 3 {
		io.WriteString(conn, "POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"command\":\"ha-heartbeat\"}")
		if got := readResponse(t, in); !strings.HasSuffix(got, okBody) {
			t.Fatalf("%q", got)
		}
	}
}

func TestListenerAsksForCredentials(t *testing.T) {
	address := serveLoopback(t, &Listener{User: "hauser", Password: "s3cret"})
	for header, want := range map[string]string{
		"": "401", "Authorization: Basic aGF1c2VyOmJhZA==\r\n": "401", "Authorization: Basic ???\r\n": "401",
		"Authorization: Basic aGF1c2VyOnMzY3JldA==\r\n": "200",
	} {
		got := talkRaw(t, address, "POST / HTTP/1.1\r\n"+header+"Content-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"command\":\"ha-heartbeat\"}")
		if !strings.HasPrefix(got, "HTTP/1.1 "+want) {
			t.Errorf("%q: %q", header, got)
		}
		if want == "401" && (!strings.Contains(got, "WWW-Authenticate: Basic realm=") || !strings.HasSuffix(got, `{ "result": 401, "text": "Unauthorized" }`)) {
			t.Errorf("%q: %q", header, got)
		}
	}
}

// scripted is a partner that answers every request with the same bytes.
func scripted(t *testing.T, answer func(n int) (text string, end bool)) (*config.Peer, <-chan string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		testnet.Missing(t, "no loopback: %v", err)
	}
	t.Cleanup(func() { ln.Close() })
	requests := make(chan string, 100)
	var n atomic.Int32
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					request := readResponse(t, in)
					if request == "" {
						return
					}
					requests <- request
					text, end := answer(int(n.Add(1)))
					io.WriteString(conn, text)
					if end {
						return
					}
				}
			}()
		}
	}()
	return &config.Peer{Name: "server2", URL: "http://" + ln.Addr().String() + "/", User: "hauser", Password: "s3cret"}, requests
}

func sendOne(c *Client, p *config.Peer, timeout time.Duration, series uint64) ha.Answer {
	done := make(chan ha.Answer, 1)
	command := &ha.Command{Name: "ha-heartbeat", Family: 4, Server: "server1"}
	c.Send(&ha.Action{Peer: p, Command: command, Timeout: timeout, Fresh: series != 0, Series: series}, 2, func(a ha.Answer) { done <- a })
	return <-done
}

// TestClientTolerance: what a partner may answer, with Kea's verdicts of
// recording 19. Answers without length are no trouble for us.
func TestClientTolerance(t *testing.T) {
	reply := func(head, body string) string {
		return fmt.Sprintf("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
	}
	for _, c := range []struct {
		name, text string
		end        bool
		ok         bool
	}{
		{"as Kea", reply("HTTP/1.1 200 OK\r\nContent-Type: application/json", okBody), false, true},
		{"lower-case fields", "HTTP/1.1 200 OK\r\ncontent-length: " + fmt.Sprint(len(okBody)) + "\r\n\r\n" + okBody, false, true},
		{"chunked", fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(okBody), okBody), false, true},
		{"until closed", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + okBody, true, true},
		{"close with length", reply("HTTP/1.1 200 OK\r\nConnection: close", okBody), true, true},
		{"HTTP/1.0", reply("HTTP/1.0 200 OK", okBody), true, true},
		{"status 500 with a list", reply("HTTP/1.1 500 Internal Server Error", okBody), false, true},
		{"a map", reply("HTTP/1.1 200 OK", okBody[2:len(okBody)-2]), false, false},
		{"unauthorized", reply("HTTP/1.1 401 Unauthorized", `{ "result": 401, "text": "Unauthorized" }`), false, false},
		{"unknown state", reply("HTTP/1.1 200 OK", strings.Replace(okBody, "hot-standby", "weird", 1)), false, false},
		{"no date-time", reply("HTTP/1.1 200 OK", strings.Replace(okBody, "date-time", "x", 1)), false, false},
		{"ISO date-time", reply("HTTP/1.1 200 OK", strings.Replace(okBody, "Sat, 21 Nov 2026 20:28:37 GMT", "2026-11-21T20:28:37Z", 1)), false, false},
		{"count is a string", reply("HTTP/1.1 200 OK", strings.Replace(okBody, `5 }`, `"5" }`, 1)), false, false},
		{"more arguments", reply("HTTP/1.1 200 OK", strings.Replace(okBody, `{ "date-time"`, `{ "x": { "y": [ 1, null ] }, "date-time"`, 1)), false, true},
		{"result 2", reply("HTTP/1.1 200 OK", `[ { "result": 2, "text": "unsupported" } ]`), false, false},
		{"result 3 without arguments", reply("HTTP/1.1 200 OK", `[ { "result": 3 } ]`), false, false},
		{"empty list", reply("HTTP/1.1 200 OK", `[ ]`), false, false},
		{"newline at the end", reply("HTTP/1.1 200 OK", okBody+"\n"), false, true},
	} {
		p, requests := scripted(t, func(int) (string, bool) { return c.text, c.end })
		client := NewClient()
		a := sendOne(client, p, testnet.Patience, 0)
		if (a.Failure() == "") != c.ok {
			t.Errorf("%s: %s", c.name, a.Failure())
		}
		want := "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic aGF1c2VyOnMzY3JldA==\r\nContent-Length: 96\r\nContent-Type: application/json\r\n\r\n" +
			`{ "arguments": { "server-name": "server1" }, "command": "ha-heartbeat", "service": [ "dhcp4" ] }`
		if got := <-requests; got != want {
			t.Errorf("request %q", got)
		}
		client.Close()
	}
}

// TestClientTriesOnceMoreOnStaleConnection: Kea closes after 30 idle seconds,
// maybe in the moment in which we send.
func TestClientTriesOnceMoreOnStaleConnection(t *testing.T) {
	ok := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(okBody), okBody)
	p, requests := scripted(t, func(n int) (string, bool) {
		if n == 2 {
			return "", true // the second request meets a close
		}
		return ok, false
	})
	client := NewClient()
	defer client.Close()
	for range 2 {
		if a := sendOne(client, p, testnet.Patience, 7); a.Failure() != "" {
			t.Fatal(a.Failure())
		}
	}
	if n := len(requests); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
	// A first request that is not answered is not sent twice.
	p, requests = scripted(t, func(int) (string, bool) { return "", true })
	if a := sendOne(client, p, testnet.Patience, 0); a.Err == nil || a.Refused {
		t.Errorf("%+v", a)
	}
	if n := len(requests); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestClientTellsRefusalFromSilence(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		testnet.Missing(t, "no loopback: %v", err)
	}
	p := &config.Peer{Name: "server2", URL: "http://" + ln.Addr().String() + "/"}
	client := NewClient()
	defer client.Close()
	if a := sendOne(client, p, 50*time.Millisecond, 0); a.Err == nil || a.Refused {
		t.Errorf("silence: %+v", a)
	}
	ln.Close()
	if a := sendOne(client, p, testnet.Patience, 0); !a.Refused {
		t.Errorf("refusal: %+v", a)
	}
}

func TestClientNoticesClosedConnections(t *testing.T) {
	ok := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(okBody), okBody)
	p, _ := scripted(t, func(int) (string, bool) { return ok, true })
	client := NewClient()
	defer client.Close()
	closed := make(chan string, 1)
	client.OnClosed = func(peer string) { closed <- peer }
	if a := sendOne(client, p, testnet.Patience, 0); a.Failure() != "" {
		t.Fatal(a.Failure())
	}
	if peer := <-closed; peer != "server2" {
		t.Error(peer)
	}
}

// TestManyCommandsOverFewConnections: each answered once, and none lost at
// the end.
func TestManyCommandsOverFewConnections(t *testing.T) {
	address := serveLoopback(t, &Listener{})
	client := NewClient()
	p := &config.Peer{Name: "server2", URL: "http://" + address + "/"}
	const n = 500
	answers := make(chan ha.Answer, n)
	for range n {
		client.Send(&ha.Action{Peer: p, Command: &ha.Command{Name: "ha-heartbeat", Family: 4}, Timeout: testnet.Patience}, 3, func(a ha.Answer) { answers <- a })
	}
	for range n {
		if a := <-answers; a.Failure() != "" {
			t.Fatal(a.Failure())
		}
	}
	client.Close()
	client.Send(&ha.Action{Peer: p, Command: &ha.Command{}}, 1, func(a ha.Answer) { answers <- a })
	if a := <-answers; a.Err == nil {
		t.Error("a closed client sent")
	}
}

// TestSendKeepsNothingOfItsAction: the caller uses the action's room again at
// once, fresh connection or not.
func TestSendKeepsNothingOfItsAction(t *testing.T) {
	address := serveLoopback(t, &Listener{})
	client := NewClient()
	defer client.Close()
	p := &config.Peer{Name: "server2", URL: "http://" + address + "/"}
	answers := make(chan ha.Answer, 1)
	var a ha.Action
	for i := range 100 {
		a = ha.Action{Peer: p, Fresh: i%2 == 0, Series: uint64(i), Command: &ha.Command{Name: "ha-heartbeat", Family: 4}, Timeout: testnet.Patience}
		client.Send(&a, 1, func(a ha.Answer) { answers <- a })
		a = ha.Action{}
		if got := <-answers; got.Failure() != "" {
			t.Fatal(got.Failure())
		}
	}
}

// TestTLSBothWays: chain checked, names not; without a certificate of ours
// nothing is answered; renewed files are read again.
func TestTLSBothWays(t *testing.T) {
	dir := t.TempDir()
	files := writeCertificates(t, dir, "one")
	address := serveLoopback(t, &Listener{TLS: files, DemandCerts: true})
	client := NewClient()
	defer client.Close()
	p := &config.Peer{Name: "server2", URL: "https://" + address + "/", TLS: files}
	if a := sendOne(client, p, testnet.Patience, 0); a.Failure() != "" {
		t.Fatal(a.Failure())
	}
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err == nil { // TLS 1.3 tells with the first read
		conn.SetDeadline(time.Now().Add(testnet.Patience))
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if err == nil {
		t.Error("a client without certificate was taken")
	}
	strange := &config.Peer{Name: "server3", URL: p.URL, TLS: writeCertificates(t, t.TempDir(), "two")}
	if a := sendOne(client, strange, testnet.Patience, 0); a.Err == nil {
		t.Error("a server of another authority was taken")
	}
	writeCertificates(t, dir, "three")
	for _, f := range []string{files.Cert, files.Key, files.TrustAnchor} {
		later := time.Now().Add(time.Hour)
		os.Chtimes(f, later, later)
	}
	if a := sendOne(client, p, testnet.Patience, 99); a.Failure() != "" {
		t.Error("after renewal:", a.Failure())
	}
}

func writeCertificates(t *testing.T, dir, name string) config.TLSFiles {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	files := config.TLSFiles{TrustAnchor: filepath.Join(dir, "ca.pem"), Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, text := range map[string][]byte{files.TrustAnchor: cert, files.Cert: cert,
		files.Key: pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestAnswersOfAnySize: our listener's own, over one connection.
func TestAnswersOfAnySize(t *testing.T) {
	size := 0
	address := serveLoopback(t, &Listener{Handler: func(context.Context, *ha.Request) (int, []byte) {
		return 200, []byte(strings.Replace(okBody, "HA peer", strings.Repeat("x", size), 1))
	}})
	p := &config.Peer{Name: "server2", URL: "http://" + address + "/"}
	client := NewClient()
	defer client.Close()
	for _, size = range []int{0, 1 << 10, 60 << 10, 100 << 10, 3 << 20, 70 << 10, 0} {
		for series := range uint64(2) {
			a := sendOne(client, p, time.Minute, series)
			if a.Failure() != "" || len(a.Text) < size {
				t.Errorf("%d bytes: %s, %d", size, a.Failure(), len(a.Text))
			}
		}
	}
	size = maxAnswer
	if a := sendOne(client, p, time.Minute, 0); a.Err == nil {
		t.Error("a longer answer was read")
	}
}

// TestSendDoesNotWait: a peer that reads nothing keeps nobody up, and gets the
// whole request once it reads.
func TestSendDoesNotWait(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		testnet.Missing(t, "no loopback: %v", err)
	}
	defer ln.Close()
	sent := make(chan struct{})
	lengths := make(chan int, 2)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for i := range 2 {
			if i == 1 {
				<-sent
			}
			request := readResponse(t, in)
			lengths <- len(request)
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(okBody), okBody)
		}
	}()
	p := &config.Peer{Name: "server2", URL: "http://" + ln.Addr().String() + "/"}
	client := NewClient()
	defer client.Close()
	if a := sendOne(client, p, time.Minute, 0); a.Failure() != "" {
		t.Fatal(a.Failure())
	}
	small := <-lengths
	c := &ha.Command{Name: "ha-heartbeat", Family: 4, Server: strings.Repeat("x", 32<<20)}
	done := make(chan ha.Answer, 1)
	client.Send(&ha.Action{Peer: p, Command: c, Timeout: time.Minute}, 1, func(a ha.Answer) { done <- a })
	close(sent)
	if a := <-done; a.Failure() != "" {
		t.Fatal(a.Failure())
	}
	if n := <-lengths; n < small+len(c.Server)-10 {
		t.Errorf("%d bytes arrived", n)
	}
}
