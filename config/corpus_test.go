package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestShowAll(t *testing.T) {
	files, _ := filepath.Glob(os.Getenv("SHOW"))
	for _, f := range files {
		c, err := Load(f)
		if err != nil {
			t.Logf("%s: REFUSED\n%v\n", f, err)
			continue
		}
		t.Logf("%s ok, %d warnings\n%v", f, len(c.Warnings), c.Warnings)
	}
}
