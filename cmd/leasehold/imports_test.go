package main

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "leasehold"

// mayImport says which packages of this module each part may know. A part
// includes what is below it; server/… may know all of server.
var mayImport = map[string][]string{
	"config":           {},
	"lease":            {},
	"ha":               {"config", "lease"},
	"server/message":   {},
	"server/wire":      {},
	"server/engine":    {"config", "ha", "lease", "server/message", "server/wire"},
	"server/listen":    {"config", "server/message", "server/wire"},
	"server/logging":   {"config", "server/message"},
	"server/control":   {"config", "server/logging", "server/message"},
	"server":           {"config", "ha", "lease", "server"},
	"cmd":              {"config", "ha", "lease", "server"},
	"server/page":      {"config", "ha", "lease", "server/control", "server/events", "server/logging", "server/message"},
	"server/simulator": {"config", "ha", "lease", "server"},
	"server/testnet":   {}, // which tests import, and nobody else
}

// pure are the parts that decide: no clock of their own, no socket, no file, no log.
var pure = []string{"ha", "server/engine", "server/wire", "server/message"}

// impure are packages that a pure part must not import.
var impure = []string{
	"os", "net", "net/http", "log", "log/syslog", "math/rand", "crypto/rand", "syscall", "database/sql",
	"golang.org/x/sys/unix", "github.com/rs/zerolog",
}

// reserved are the outside packages that only some parts may import. Of the
// codec: the server, and what plays clients.
var reserved = map[string][]string{
	"github.com/insomniacslk/dhcp":   {"server", "cmd/leasehold/bench", "cmd/leasehold/demo"},
	"github.com/mattn/go-sqlite3":    {"lease"},
	"github.com/mdlayher/packet":     {"server/listen"},
	"github.com/rs/zerolog":          {"server/logging"},
	"github.com/spf13/cobra":         {"cmd"},
	"github.com/coreos/go-systemd":   {"cmd"},
	"github.com/prometheus":          {"server"},
	"github.com/vishvananda/netlink": {"server/listen", "server/route", "server/testnet", "cmd"},
}

func within(pkg, part string) bool { return pkg == part || strings.HasPrefix(pkg, part+"/") }

func withinAny(pkg string, parts []string) bool {
	for _, p := range parts {
		if within(pkg, p) {
			return true
		}
	}
	return false
}

// partOf returns the longest part that pkg belongs to.
func partOf(pkg string) string {
	best := ""
	for part := range mayImport {
		if within(pkg, part) && len(part) > len(best) {
			best = part
		}
	}
	return best
}

// The direction cmd → server → ha → {lease, config} holds, decisions stay
// pure, and what is outside is known in one place.
func TestImportDirection(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if !within(fields[0], module) {
			continue
		}
		pkg := strings.TrimPrefix(fields[0], module+"/")
		part := partOf(pkg)
		if part == "" {
			t.Errorf("%s is not in the table of parts", pkg)
			continue
		}
		for _, imported := range fields[1:] {
			if own, ok := strings.CutPrefix(imported, module+"/"); ok {
				if own == "server/testnet" || !within(own, part) && !withinAny(own, mayImport[part]) {
					t.Errorf("%s imports %s", pkg, own)
				}
				continue
			}
			for _, p := range impure {
				if imported == p && withinAny(pkg, pure) && !within(pkg, "ha/link") {
					t.Errorf("%s decides and imports %s", pkg, imported)
				}
			}
			for outside, parts := range reserved {
				if within(imported, outside) && !withinAny(pkg, parts) {
					t.Errorf("%s imports %s", pkg, imported)
				}
			}
		}
	}
}
