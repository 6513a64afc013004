package server

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"leasehold/config"
)

func TestDUIDFromConfigurationAndFile(t *testing.T) {
	const stored = "00:01:00:01:2a:2b:2c:2d:02:00:5e:00:00:01"
	mac := []byte{2, 0, 0, 0, 0, 9}
	cases := []struct {
		name   string
		c      config.ServerID
		stored string
		want   string // hex; a trailing * stands for what was made up
		keep   string // what the file says afterwards, "" = no file
	}{
		{"kept", config.ServerID{Type: "LLT", Persist: true}, stored, "000100012a2b2c2d02005e000001", stored},
		{"new time", config.ServerID{Type: "LLT", Time: 5, Persist: true}, stored,
			"000100010000000502005e000001", "00:01:00:01:00:00:00:05:02:00:5e:00:00:01"},
		{"LL", config.ServerID{Type: "LL", HType: 8, Identifier: mac, Persist: true}, stored,
			"00030008020000000009", "00:03:00:08:02:00:00:00:00:09"},
		{"LLT of now", config.ServerID{Type: "LLT", Identifier: mac, Persist: true}, "",
			"0001000100000064020000000009", "00:01:00:01:00:00:00:64:02:00:00:00:00:09"},
		{"EN", config.ServerID{Type: "EN", EnterpriseID: 9, Identifier: mac, Persist: true}, stored,
			"000200000009020000000009", "00:02:00:00:00:09:02:00:00:00:00:09"},
		{"EN made up", config.ServerID{Type: "EN", Persist: true}, "", "0002000009bf*", "00:02:00:00:09:bf*"},
		{"not persistent", config.ServerID{Type: "LL", HType: 1, Identifier: mac}, stored, "00030001020000000009", stored},
		{"garbage in the file", config.ServerID{Type: "LL", HType: 1, Identifier: mac, Persist: true}, "xyz",
			"00030001020000000009", "00:03:00:01:02:00:00:00:00:09"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if c.stored != "" {
				if err := os.WriteFile(duidFile(dir), []byte(c.stored), 0o640); err != nil {
					t.Fatal(err)
				}
			}
			d, err := openDUID(&c.c, dir, time.Unix(duidEpoch+100, 0), rand.New(rand.NewPCG(1, 1)))
			if err != nil {
				t.Fatal(err)
			}
			matches(t, "DUID", hex.EncodeToString(d), c.want)
			text, _ := os.ReadFile(duidFile(dir))
			matches(t, "file", string(text), c.keep)
		})
	}
}

func matches(t *testing.T, what, got, want string) {
	t.Helper()
	if head, ok := strings.CutSuffix(want, "*"); ok && strings.HasPrefix(got, head) && len(got) > len(head) {
		return
	}
	if got != want {
		t.Errorf("%s %q, want %q", what, got, want)
	}
}

func TestDUIDThatCannotBeKept(t *testing.T) {
	c := config.ServerID{Type: "LL", HType: 1, Identifier: []byte{1, 2, 3, 4, 5, 6}, Persist: true}
	if _, err := openDUID(&c, t.TempDir()+"/nowhere", time.Unix(duidEpoch, 0), nil); err == nil {
		t.Error("no error though the file cannot be written")
	}
	c.Persist = false
	if _, err := openDUID(&c, t.TempDir()+"/nowhere", time.Unix(duidEpoch, 0), nil); err != nil {
		t.Errorf("not persistent: %v", err)
	}
}
