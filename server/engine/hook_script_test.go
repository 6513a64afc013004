package engine

import (
	"slices"
	"strings"
	"testing"
)

// scripts returns the runs of the last step, sorted.
func (h *house) scripts() string {
	var runs []string
	for _, s := range h.fx.Hooked.Scripts {
		if s.Path != "/x/script.sh" {
			h.t.Errorf("path %s", s.Path)
		}
		slices.Sort(s.Env)
		runs = append(runs, s.Event+"\n  "+strings.Join(s.Env, "\n  ")+"\n")
	}
	slices.Sort(runs)
	return strings.Join(runs, "")
}

const runScript = `"hooks-libraries": [ { "library": "libdhcp_run_script.so", "parameters": { "name": "/x/script.sh", "sync": false } } ], `

// A script that works with Kea finds the same arguments and environment.
func TestScriptsRunAsThoseOfKea4(t *testing.T) {
	tellStory4(t, "testdata/script4-kea2.2.txt", runScript, (*house).scripts)
}

func TestScriptsRunAsThoseOfKea6(t *testing.T) {
	tellStory6(t, "testdata/script6-kea2.2.txt", runScript, (*house).scripts)
}
