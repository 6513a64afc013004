package server

import (
	"path/filepath"
	"strings"
	"testing"

	"leasehold/lease"
)

// A backup of a database is a database, made while leases go on changing, and
// never by the name of the database itself.
func TestLeaseWriteCopiesADatabase(t *testing.T) {
	dir := t.TempDir()
	text := strings.ReplaceAll(allHooks, `"type": "memfile", "persist": false`, `"type": "sqlite", "name": "`+dir+`/leases.db"`)
	s := newServer(t, "backup", []byte(text), nil)
	add := func(last string) {
		t.Helper()
		contains(t, tell(t, s, 4, `{ "command": "lease4-add", "arguments": { "ip-address": "192.0.2.`+last+`", "hw-address": "02:00:00:00:00:01", "subnet-id": 1 } }`), `"result": 0`)
	}
	leases := func(name string) (n int) {
		t.Helper()
		if err := lease.ReadDB(filepath.Join(dir, name), 4, func(lease.Lease) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	add("11")
	contains(t, tell(t, s, 4, `{ "command": "lease4-write", "arguments": { "filename": "copy.db" } }`), `"result": 0`, "copy.db")
	add("12")
	contains(t, tell(t, s, 4, `{ "command": "lease4-write", "arguments": { "filename": "leases.db" } }`), `"result": 0`)
	if a, b := leases("copy.db"), leases("leases.db"); a != 1 || b != 2 {
		t.Errorf("%d leases in the copy, %d in the database, want 1 and 2", a, b)
	}
	contains(t, tell(t, s, 4, `{ "command": "lease4-write", "arguments": { "filename": "copy.db" } }`), `"result": 0`)
	if n := leases("copy.db"); n != 2 {
		t.Errorf("%d leases in the second copy, want 2", n)
	}
}
