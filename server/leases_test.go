package server

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"leasehold/config"
	"leasehold/lease"
)

// TestLeasesFollowTheirDatabase: whatever config-set makes of lease-database,
// every lease is there afterwards, in memory and in the database that counts.
func TestLeasesFollowTheirDatabase(t *testing.T) {
	s, _ := fromFile(t, nil)
	dir := s.o.DataDir
	want := 0
	add := func() {
		t.Helper()
		want++
		contains(t, tell(t, s, 4, fmt.Sprintf(`{"command":"lease4-add","arguments":{"ip-address":"192.0.2.%d","hw-address":"02:00:00:00:00:01"}}`, 9+want)), `"result": 0`)
	}
	for _, db := range []string{
		`"type": "memfile", "name": "one.csv"`,
		`"type": "memfile", "name": "one.csv", "durability": "flush", "lfc-interval": 60`,
		`"type": "memfile", "name": "two.csv"`,
		`"type": "sqlite", "name": "three.db", "durability": "flush"`,
		`"type": "sqlite", "name": "three.db"`,
		`"type": "memfile", "persist": false`,
		`"type": "memfile", "name": "one.csv"`, // with the leases of the first time
	} {
		add()
		text := strings.Replace(allHooks, `"type": "memfile", "persist": false`, db, 1)
		contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+text+`}`), `"result": 0`)
		add()
		contains(t, tell(t, s, 4, `{"command":"lease4-get-all"}`), fmt.Sprintf("%d IPv4 lease(s) found", want))
		contains(t, tell(t, s, 4, `{"command":"stat-lease4-get"}`), fmt.Sprintf("[ 1, 10, 0, %d, 0 ]", want))
		if s.v4.cfg.Load().LeaseDB.Persist {
			if got := remembered(t, s); got != want {
				t.Errorf("%s: the database has %d leases, want %d", db, got, want)
			}
		}
		if want == 8 {
			// The pool is full: make room, without the database noticing.
			want = 0
			tell(t, s, 4, `{"command":"lease4-wipe","arguments":{"subnet-id":1}}`)
		}
	}
	// A lease that only the other database knows comes along.
	other := filepath.Join(dir, "other.csv")
	if err := os.WriteFile(other, []byte(`address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
192.0.2.19,02:00:00:00:00:09,,7200,4000000000,1,0,0,,0,,0
`), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+
		strings.Replace(allHooks, `"type": "memfile", "persist": false`, `"type": "memfile", "name": "other.csv"`, 1)+`}`), `"result": 0`)
	contains(t, tell(t, s, 4, `{"command":"lease4-get","arguments":{"ip-address":"192.0.2.19"}}`), "02:00:00:00:00:09")
	contains(t, tell(t, s, 4, `{"command":"lease4-get","arguments":{"ip-address":"192.0.2.10"}}`), "IPv4 lease found")
}

// TestLeasesMoveWhileTheyChange: what is decided while leases are on their way
// to another database is in it, too.
func TestLeasesMoveWhileTheyChange(t *testing.T) {
	s, _ := fromFile(t, nil)
	moved := make(chan struct{})
	added := make(chan int)
	go func() {
		n := 0
		defer func() { added <- n }()
		for last := false; !last; n++ {
			select {
			case <-moved:
				last = true
			default:
			}
			tell(t, s, 4, fmt.Sprintf(`{"command":"lease4-update","arguments":{"ip-address":"192.0.2.%d","hw-address":"02:00:00:00:%02x:%02x","force-create":true}}`,
				n%250, n>>8&0xff, n&0xff))
		}
	}()
	for i := range 12 {
		text := strings.Replace(allHooks, `"type": "memfile", "persist": false`, fmt.Sprintf(`"type": "memfile", "name": "%d.csv"`, i%3), 1)
		contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+text+`}`), `"result": 0`)
	}
	close(moved)
	n := <-added
	if got, want := remembered(t, s), min(n, 250); got != want {
		t.Errorf("the database has %d leases after %d changes, want %d", got, n, want)
	}
	last := fmt.Sprintf("02:00:00:00:%02x:%02x", (n-1)>>8&0xff, (n-1)&0xff)
	text, err := os.ReadFile(s.o.leaseFile(s.v4.cfg.Load()))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), last) {
		t.Errorf("the last change, of %s, is not in the file", last)
	}
}

// remembered counts what a restart would find.
func remembered(t *testing.T, s *Server) int {
	t.Helper()
	cfg := s.v4.cfg.Load()
	path := s.o.leaseFile(cfg)
	if cfg.LeaseDB.Type == "sqlite" {
		n := 0
		if err := lease.ReadDB(path, 4, func(lease.Lease) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.csv")
	if err := os.WriteFile(copied, text, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := lease.OpenMemfile(lease.MemfileOptions{Path: copied, Family: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	n := 0
	if err := m.Load(func(lease.Lease) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// A database that cannot be had changes nothing, and lets go of the files.
func TestLeaseDatabaseThatCannotBeHad(t *testing.T) {
	s, _ := fromFile(t, nil)
	file := filepath.Join(s.o.DataDir, "mine.csv")
	mine := strings.Replace(allHooks, `"type": "memfile", "persist": false`, `"type": "memfile", "name": "mine.csv"`, 1)
	contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+mine+`}`), `"result": 0`)
	tell(t, s, 4, `{"command":"lease4-add","arguments":{"ip-address":"192.0.2.15","hw-address":"02:00:00:00:00:01"}}`)
	for _, bad := range []string{
		strings.Replace(mine, `"memfile", "name": "mine.csv"`, `"sqlite", "name": "mine.csv"`, 1), // no SQLite file
		strings.Replace(mine, "mine.csv", "/nowhere/x.csv", 1),
		// The log that comes after the leases cannot be opened.
		strings.Replace(strings.Replace(mine, "mine.csv", "free.csv", 1), `"subnet4"`,
			`"loggers": [ { "name": "kea-dhcp4", "output-options": [ { "output": "/nowhere/x.log" } ] } ], "subnet4"`, 1),
	} {
		contains(t, tell(t, s, 4, `{"command":"config-set","arguments":`+bad+`}`), `"result": 1`)
	}
	if _, err := lease.OpenMemfile(lease.MemfileOptions{Path: file, Family: 4}); err == nil {
		t.Error("the lease file is not locked any more")
	}
	m, err := lease.OpenMemfile(lease.MemfileOptions{Path: filepath.Join(s.o.DataDir, "free.csv"), Family: 4})
	if err != nil {
		t.Errorf("a file that was not used is still locked: %v", err)
	} else if err := m.Close(); err != nil {
		t.Error(err)
	}
	contains(t, tell(t, s, 4, `{"command":"lease4-get","arguments":{"ip-address":"192.0.2.15"}}`), "IPv4 lease found")
	if cfg, err := config.Parse("x", []byte(mine)); err != nil || s.v4.cfg.Load().Hash != cfg.V4.Hash {
		t.Errorf("another configuration is in force: %v", err)
	}
}
