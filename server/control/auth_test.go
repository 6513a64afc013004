package control

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/message"
)

func TestBasicAuthenticationAndRoles(t *testing.T) {
	socket := httpSocket(t)
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

// Kea answers 401 to credentials of any length, and goes on.
func TestHTTPHugeCredentials(t *testing.T) {
	socket := httpSocket(t)
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
	socket := httpSocket(t)
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
