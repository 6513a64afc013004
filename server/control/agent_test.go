package control

import (
	"bytes"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestAgentAnswersAsKea(t *testing.T) {
	agent := &Agent{
		Local:   map[string]Handler{"dhcp4": daemon},
		Sockets: map[string]string{"dhcp6": filepath.Join(t.TempDir(), "nosuch")},
	}
	d := open(t, Endpoint{Socket: httpSocket(t), Agent: agent}, Options{})
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
	d := open(t, Endpoint{Socket: httpSocket(t), Agent: &Agent{Sockets: map[string]string{
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
