package config

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dirs are the directories that files of a configuration have to be in, as
// Kea 3 demands it. An empty one confines nothing: configurations of Kea 2.2
// have their files where they like.
type Dirs struct {
	Data, Log, Socket, Hooks, LegalLog string
}

// DirsBeside returns the directories of a Kea whose configuration is in
// PREFIX/etc/kea; none if file is somewhere else.
func DirsBeside(file string) Dirs {
	prefix, ok := strings.CutSuffix(filepath.Dir(absolute(file)), "/etc/kea")
	if !ok {
		return Dirs{}
	}
	return Dirs{Data: prefix + "/var/lib/kea", Log: prefix + "/var/log/kea", Socket: prefix + "/var/run/kea", LegalLog: prefix + "/var/log/kea"}
}

// or returns d with what it lacks taken from others.
func (d Dirs) or(others Dirs) Dirs {
	return Dirs{
		Data: cmp.Or(d.Data, others.Data), Log: cmp.Or(d.Log, others.Log), Socket: cmp.Or(d.Socket, others.Socket),
		Hooks: cmp.Or(d.Hooks, others.Hooks), LegalLog: cmp.Or(d.LegalLog, others.LegalLog),
	}
}

// forKea3 says whether the text has one of the keys that everyday setups of Kea
// 3 have and that Kea 2.2 does not know.
func forKea3(v *Value) bool {
	if v.Get("control-sockets") != nil {
		return true
	}
	return slices.ContainsFunc(elements(v.Get("loggers")), func(l *Value) bool { return l.Get("output-options") != nil })
}

// DirsOf reads the directories from the environment variables of Kea 3.
func DirsOf(getenv func(string) string) Dirs {
	return Dirs{
		Data: getenv("KEA_DHCP_DATA_DIR"), Log: getenv("KEA_LOG_FILE_DIR"), Socket: getenv("KEA_CONTROL_SOCKET_DIR"),
		Hooks: getenv("KEA_HOOKS_PATH"), LegalLog: getenv("KEA_LEGAL_LOG_DIR"),
	}
}

// CodePath is the code of a problem with a file that is in the wrong directory.
const CodePath = "path"

// Bare says whether a file name has no directory: the file is where its kind
// belongs.
func Bare(name string) bool {
	return name != "." && name != ".." && !strings.ContainsRune(name, os.PathSeparator)
}

// Within refuses a file that is not directly in a directory.
func Within(dir, name string) error {
	own := filepath.Dir(name)
	if !sameDir(own, dir) {
		return outside(own, dir)
	}
	return nil
}

// WithinByName is Within for who must name the directory as it is named here: a
// second name of it, by a link or a mount, is refused.
func WithinByName(dir, name string) error {
	own := filepath.Dir(name)
	if absolute(own) != absolute(dir) {
		return outside(own, dir)
	}
	return nil
}

func outside(own, dir string) error {
	return fmt.Errorf("invalid path specified: '%s', supported path is '%s'", own, dir)
}

// Same says whether two paths are one file, or would be if it were there.
func Same(a, b string) bool {
	return filepath.Base(a) == filepath.Base(b) && sameDir(filepath.Dir(a), filepath.Dir(b))
}

// sameDir says whether two paths are one directory, also where a link or a
// mount gives it a second name.
func sameDir(a, b string) bool {
	if absolute(a) == absolute(b) {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
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
		r.bad(CodePath, v.Pos, t, fmt.Sprintf(format, err), "move the file, or start with -X")
	}
}
