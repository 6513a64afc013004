package server

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"leasehold/config"
	"leasehold/server/control"
)

var pid = regexp.MustCompile(`"pid": \d+`)

// TestAgentAnswersItself: what the control agent is asked without a service.
func TestAgentAnswersItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent.conf")
	text := []byte(`{ "Control-agent": { "http-host": "127.0.0.1", "http-port": 0 } }`)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, "test", []byte(strings.Replace(allHooks, `"subnet4"`, `"control-socket": { "socket-type": "unix", "socket-name": "/tmp/s4" }, "subnet4"`, 1)), nil)
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	s.cfg.Agent = cfg.Agent
	if err := s.openAgent(); err != nil {
		t.Fatal(err)
	}
	recording, err := os.ReadFile("testdata/commands/agent.txt")
	if err != nil {
		t.Fatal(err)
	}
	request := ""
	for lines := bufio.NewScanner(bytes.NewReader(recording)); lines.Scan(); {
		switch mark, line, _ := strings.Cut(lines.Text(), " "); mark {
		case ">":
			request = line
		case "<", "=":
			v, _, err := config.ParseValue("<wire>", []byte(request), false)
			if err != nil {
				t.Fatal(err)
			}
			c := &control.Command{Name: stringOf(v, "command"), Arguments: v.Get("arguments")}
			a := s.agent.handle(context.Background(), c)
			if got := pid.ReplaceAllString(string(a.Append(nil)), `"pid": …`); got != line {
				t.Errorf("%s\n got  %s\n want %s", request, got, line)
			}
		}
	}
}
