package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every command of ours that README.md shows exists, with the flags that it shows.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for i, block := range strings.Split(string(text), "\n```\n") {
		if i%2 == 0 {
			for _, m := range regexp.MustCompile("`leasehold ([^`]*)`").FindAllStringSubmatch(block, -1) {
				commands = append(commands, m[1])
			}
			continue
		}
		for line := range strings.Lines(block) {
			command, _, _ := strings.Cut(line, "   ") // what it does stands beside it
			if command, ours := strings.CutPrefix(command, "leasehold "); ours {
				commands = append(commands, command)
			}
		}
	}
	if len(commands) < 20 {
		t.Fatalf("only %d commands were found", len(commands))
	}
	for _, c := range commands {
		root := newRoot()
		root.SetArgs(append(strings.Fields(c), "--help"))
		root.SetOut(&strings.Builder{})
		root.SetErr(&strings.Builder{})
		if err := root.Execute(); err != nil {
			t.Errorf("leasehold %s: %v", strings.TrimSpace(c), err)
		}
	}
}
