package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"leasehold/server"
	"leasehold/server/testnet"
)

// The units may do little: systemd itself says how little.
func TestUnitsAreConfined(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		testnet.Missing(t, "systemd-analyze is not installed")
	}
	level := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)
	for _, unit := range []string{"leasehold-dhcp4.service", "leasehold-dhcp6.service"} {
		out, err := exec.Command(analyze, "security", "--offline=true", "packaging/"+unit).CombinedOutput()
		m := level.FindSubmatch(out)
		if m == nil {
			testnet.Missing(t, "systemd-analyze cannot judge offline: %v %s", err, out)
		}
		if x, err := strconv.ParseFloat(string(m[1]), 64); err != nil || x > 2.5 {
			t.Errorf("%s: exposure %s, want at most 2.5", unit, m[1])
		}
	}
}

func TestAlertRules(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		testnet.Missing(t, "promtool is not installed")
	}
	if out, err := exec.Command(promtool, "check", "rules", "packaging/alerts.yaml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Dashboard and alerts ask for metrics that there are.
func TestMetricsThatAreAskedForExist(t *testing.T) {
	source := ""
	files, err := filepath.Glob("../../server/metrics/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source += string(text)
	}
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`d\("([a-z_]+)"`).FindAllStringSubmatch(source, -1) {
		known["leasehold_"+m[1]] = true
	}
	for _, m := range regexp.MustCompile(`Name: "([a-z_]+)"`).FindAllStringSubmatch(source, -1) {
		known[m[1]] = true
	}
	for _, file := range []string{"dashboard.json", "alerts.yaml"} {
		text, err := os.ReadFile("packaging/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, ".json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
		names := regexp.MustCompile(`leasehold_[a-z_]+`).FindAllString(string(text), -1)
		if len(names) < 10 {
			t.Errorf("%s asks for %d metrics", file, len(names))
		}
		for _, name := range names {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if !known[name] && !known[base] {
				t.Errorf("%s asks for %s, which is not there", file, name)
			}
		}
	}
}

// Every command and verb has a manual page or a line in one.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	root := newRoot()
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"leasehold.8", "leasehold-serve.8", "leasehold-check.8", "leasehold-explain.8", "leasehold.conf.5"} {
		if _, err := os.Stat(filepath.Join(dir, verb)); err != nil {
			t.Error(err)
		}
	}
	page, err := os.ReadFile(filepath.Join(dir, "leasehold-commands.7"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(page), `\-`, "-")
	for _, c := range server.CommandDocs() {
		if !strings.Contains(text, c.Name) {
			t.Errorf("no line about %s", c.Name)
		}
	}
}
