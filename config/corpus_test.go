package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// examplesRefused are Kea's examples that ask for what this server does not
// do: the codes of the refusals and the lines' keys that they point at.
var examplesRefused = map[string][]string{
	"kea4/all-keys.json":           {"hook", "hook", "not-supported", "not-supported"},
	"kea4/all-keys-netconf.json":   {"hook", "hook", "not-supported", "not-supported"},
	"kea4/config-backend.json":     {"hook", "not-supported"},
	"kea4/hooks-radius.json":       {"hook", "hook"},
	"kea4/hooks.json":              {"hook", "hook"},
	"kea4/mysql-reservations.json": {"hook", "not-supported"},
	"kea6/all-keys.json":           {"hook", "hook", "not-supported", "not-supported"},
	"kea6/all-keys-netconf.json":   {"hook", "hook", "not-supported", "not-supported"},
	"kea6/config-backend.json":     {"hook", "not-supported"},
	"kea6/hooks.json":              {"hook", "hook"},
	"kea6/pgsql-reservations.json": {"hook", "not-supported"},
}

func TestKeaExamples(t *testing.T) {
	files := glob(t, "testdata/config/kea/*/*.json")
	if len(files) != 42 {
		t.Fatalf("%d examples, want 42", len(files))
	}
	for _, file := range files {
		name := strings.TrimPrefix(filepath.ToSlash(file), "testdata/config/kea/")
		t.Run(name, func(t *testing.T) {
			_, err := LoadWith(Options{ReadFile: fakeSecrets}, file)
			var codes []string
			if err != nil {
				for _, p := range err.(Problems).errors() {
					codes = append(codes, p.Code)
					if p.Pos.Line == 0 || p.Path == "" {
						t.Errorf("without place: %v", p)
					}
				}
			}
			slices.Sort(codes)
			if !slices.Equal(codes, examplesRefused[name]) {
				t.Errorf("refused for %v, want %v: %v", codes, examplesRefused[name], err)
			}
		})
	}
}

// TestRecordedPairsLoad: the configurations of the pairs that were recorded.
func TestRecordedPairsLoad(t *testing.T) {
	for _, file := range glob(t, "testdata/config/ha/*/*.json") {
		t.Run(file, func(t *testing.T) {
			c, err := LoadWith(Options{ReadFile: fakeSecrets}, file)
			if err != nil {
				t.Fatal(err)
			}
			f := c.V4
			if f == nil {
				f = c.V6
			}
			if f == nil {
				if c.Agent == nil || !c.Agent.Addr.IsValid() || len(c.Agent.Services) == 0 {
					t.Errorf("agent %+v", c.Agent)
				}
				return
			}
			if len(f.Relationships) == 0 {
				t.Fatal("no relationship")
			}
			for _, rel := range f.Relationships {
				if rel.This() == nil || rel.Peers[0].Role != "primary" {
					t.Errorf("relationship %+v", rel)
				}
				if (rel.Partner() == nil) != (rel.Mode == "passive-backup") {
					t.Errorf("partner %+v in mode %s", rel.Partner(), rel.Mode)
				}
			}
		})
	}
}
