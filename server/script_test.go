package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/server/engine"
)

// script writes a shell script.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestScriptGetsEventAndEnvironment(t *testing.T) {
	log, said := listening(t)
	out := filepath.Join(t.TempDir(), "out")
	t.Setenv("SECRET", "ours")
	r := scriptRunner{log: log}
	r.run(engine.Script{Path: script(t, `echo "$1 $# $LEASE4_ADDRESS ${SECRET:-none}" > "$OUT"`), Event: "lease4_renew",
		Env: []string{"LEASE4_ADDRESS=192.0.2.1", "OUT=" + out}})
	r.close()
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err, said())
	}
	if want := "lease4_renew 1 192.0.2.1 none\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScriptThatFailsIsLogged(t *testing.T) {
	for _, c := range []struct{ name, path, want string }{
		{"exit status", script(t, "exit 3"), "lease4_renew: exit status 3"},
		{"no such file", "/nonexistent/script.sh", "no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, said := listening(t)
			r := scriptRunner{log: log}
			r.run(engine.Script{Path: c.path, Event: "lease4_renew"})
			r.close()
			if got := said(); !strings.Contains(got, c.want) {
				t.Errorf("log %q, want %q", got, c.want)
			}
		})
	}
}
