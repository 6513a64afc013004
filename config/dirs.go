package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Dirs are the directories that files of a configuration have to be in, as
// Kea 3 demands it. An empty one confines nothing: configurations of Kea 2.2
// have their files where they like.
type Dirs struct {
	Data, Log, Socket, Hooks, LegalLog string
}

// DirsOf reads the directories from the environment variables of Kea 3.
func DirsOf(getenv func(string) string) Dirs {
	return Dirs{
		Data: getenv("KEA_DHCP_DATA_DIR"), Log: getenv("KEA_LOG_FILE_DIR"), Socket: getenv("KEA_CONTROL_SOCKET_DIR"),
		Hooks: getenv("KEA_HOOKS_PATH"), LegalLog: getenv("KEA_LEGAL_LOG_DIR"),
	}
}

// Bare says whether a file name has no directory: the file is where its kind
// belongs.
func Bare(name string) bool {
	return name != "." && name != ".." && !strings.ContainsRune(name, os.PathSeparator)
}

// Within refuses a file that is not directly in a directory.
func Within(dir, name string) error {
	own := filepath.Dir(name)
	if absolute(own) != absolute(dir) {
		return fmt.Errorf("invalid path specified: '%s', supported path is '%s'", own, dir)
	}
	return nil
}

// absolute is a path without links looked up; one that cannot be made absolute
// stays as it is.
func absolute(path string) string {
	if a, err := filepath.Abs(path); err == nil {
		return a
	}
	return path
}

// confine reports a file outside the directory of its kind; format is how Kea
// says so.
func (r *reader) confine(dir string, v *Value, t *trail, format string) {
	if dir == "" || v == nil || v.Kind != String || v.Str == "" || Bare(v.Str) {
		return
	}
	if err := Within(dir, v.Str); err != nil {
		r.bad("path", v.Pos, t, fmt.Sprintf(format, err), "move the file, or start with -X")
	}
}
