package lease

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// keaProgram finds a program of Kea. Where tests must be complete (CI), its
// absence is an error.
func keaProgram(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/"} {
		if p, err := exec.LookPath(dir + name); err == nil {
			return p
		}
	}
	testnet.Missing(t, "%s is not installed", name)
	return ""
}

// keaLeases are leases of every kind that Kea 2.2 knows, a journal's worth.
func keaLeases(family int) []Lease {
	var ls []Lease
	for i := range 300 {
		l := Lease{
			Addr: netip.AddrFrom4([4]byte{192, 0, byte(2 + i/200), byte(i % 200)}), HWType: 1, SubnetID: 1,
			Valid: 4000, CLTT: time.Now().Unix() - int64(i),
			HWAddr: fmt.Sprintf("\x02\x00\x00\x00\x00%c", i%128), ClientID: fmt.Sprintf("\x01id%d", i),
			Hostname: fmt.Sprintf("h%d.example.org", i), FQDNFwd: i%3 == 0, FQDNRev: i%2 == 0,
		}
		switch i % 10 {
		case 1:
			l.State, l.HWAddr, l.ClientID, l.Hostname, l.FQDNFwd, l.FQDNRev = Declined, "", "", "", false, false
		case 2:
			l.State, l.Valid = Reclaimed, 10
		case 3:
			l.UserContext = `{ "a": "x,y&z", "n": [ 1, { "m": true } ] }`
		case 4:
			l.Valid = Infinite
		case 5:
			l.PoolID = 7
		case 6:
			l.Hostname = "odd,&#x2c;\x01name"
		}
		if family == 6 {
			l.Addr = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: byte(i >> 8), 15: byte(i)})
			l.PrefixLen, l.IAID, l.Preferred = 128, uint32(i), l.Valid/2
			if l.ClientID != "" {
				l.ClientID = "\x00\x03\x00\x01" + l.HWAddr
			}
			if l.HWAddr == "" {
				l.HWType, l.Preferred = 0, 0
			} else {
				l.HWSource = 2
			}
			if i%10 == 7 {
				l.Addr = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb9, 4: byte(i >> 8), 5: byte(i)})
				l.Type, l.PrefixLen = PD, 56
			}
		}
		ls = append(ls, l)
	}
	return ls
}

// journal writes leases, cleans up in between, and deletes some.
func journal(t *testing.T, path string, family int, cleanup bool) *Store {
	t.Helper()
	m, err := OpenMemfile(MemfileOptions{Path: path, Family: family})
	if err != nil {
		t.Fatal(err)
	}
	s := NewStore(family, 1)
	for i, l := range keaLeases(family) {
		cs := []Change{s.Put(l)}
		if i%11 == 10 {
			c, _ := s.Delete(l.Addr)
			cs = append(cs, c)
		}
		if i%13 == 12 {
			l.CLTT++
			cs = append(cs, s.Put(l))
		}
		if err := m.Append(cs); err != nil {
			t.Fatal(err)
		}
		if cleanup && i == 150 {
			if err := m.Cleanup(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return s
}

func reload(t *testing.T, path string, family int) *Store {
	t.Helper()
	m, err := OpenMemfile(MemfileOptions{Path: path, Family: family})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s := NewStore(family, 2)
	if err := s.Restore(m); err != nil {
		t.Fatal(err)
	}
	if r := m.Report(); r.Bad != 0 {
		t.Errorf("bad rows: %v", r.Errors)
	}
	return s
}

// sameLeases leaves pool_id out: Kea 2.2 does not know it.
func sameLeases(t *testing.T, got, want *Store) {
	t.Helper()
	a, b := got.Page(nil, netip.Addr{}, 1000), want.Page(nil, netip.Addr{}, 1000)
	if len(a) != len(b) {
		t.Errorf("%d leases, want %d", len(a), len(b))
		return
	}
	for i := range a {
		a[i].PoolID, b[i].PoolID = 0, 0
		if a[i] != b[i] {
			t.Errorf("got  %+v\nwant %+v", a[i], b[i])
		}
	}
}

// Kea's own cleanup reads what we write, and we read what it makes of it.
func TestKeaLFCCleansUpOurFiles(t *testing.T) {
	lfc := keaProgram(t, "kea-lfc")
	for _, family := range []int{4, 6} {
		t.Run(fmt.Sprint("v", family), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "leases.csv")
			s := journal(t, path, family, true)
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(lfc, fmt.Sprint("-", family), "-d", "-x", path+".2", "-i", path+".1", "-o", path+".output",
				"-f", path+".completed", "-p", path+".pid", "-c", "ignored")
			cmd.Env = append(os.Environ(), "KEA_LOCKFILE_DIR="+dir, "KEA_PIDFILE_DIR="+dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if _, err := os.Stat(path + ".1"); err == nil {
				t.Fatal("kea-lfc did nothing")
			}
			sameLeases(t, reload(t, path, family), s)
		})
	}
}

// Kea's server opens our files and answers with the same leases, and we open
// what it leaves when it is killed.
func TestKeaServesFromOurFiles(t *testing.T) {
	const hook = "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"
	if _, err := os.Stat(hook); err != nil {
		testnet.Missing(t, "%v", err)
	}
	for _, family := range []int{4, 6} {
		t.Run(fmt.Sprint("v", family), func(t *testing.T) {
			program := keaProgram(t, fmt.Sprint("kea-dhcp", family))
			// A socket's path must be short.
			dir, err := os.MkdirTemp("", "kea")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			path, socket := filepath.Join(dir, "leases.csv"), filepath.Join(dir, "s")
			s := journal(t, path, family, true)
			subnet, more := "192.0.0.0/16", ""
			if family == 6 {
				subnet, more = "2001:db8::/31", fmt.Sprintf(`"data-directory": %q,`, dir)
			}
			config := fmt.Sprintf(`{ "Dhcp%d": { %s "interfaces-config": { "interfaces": [] },
				"lease-database": { "type": "memfile", "name": %q, "lfc-interval": 0 },
				"expired-leases-processing": { "reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0 },
				"control-socket": { "socket-type": "unix", "socket-name": %q },
				"hooks-libraries": [ { "library": %q } ],
				"subnet%[1]d": [ { "id": 1, "subnet": %[6]q } ] } }`, family, more, path, socket, hook, subnet)
			if err := os.WriteFile(filepath.Join(dir, "kea.conf"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			kea := exec.Command(program, "-c", filepath.Join(dir, "kea.conf"))
			kea.Env = append(os.Environ(), "KEA_LOCKFILE_DIR="+dir, "KEA_PIDFILE_DIR="+dir)
			var log bytes.Buffer
			kea.Stdout, kea.Stderr = &log, &log
			if err := kea.Start(); err != nil {
				t.Fatal(err)
			}
			got := askKea(socket, fmt.Sprintf(`{ "command": "lease%d-get-all" }`, family))
			kea.Process.Kill()
			kea.Wait()
			for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // its cleanup goes on without it
				if pid, _ := cleaner(OS, path+".pid"); pid == 0 || time.Now().After(end) {
					break
				}
			}
			if got == nil {
				t.Fatalf("no answer\n%s", log.Bytes())
			}
			want := map[string]bool{}
			s.Each(func(l *Lease) bool {
				c := *l
				c.PoolID = 0
				want[plainJSON(t, AppendJSON(nil, &c, family))] = true
				return true
			})
			for _, l := range got {
				text := plainJSON(t, bytes.ReplaceAll(l, []byte(`"duid": "00"`), []byte(`"duid": "00:00:00"`)))
				if !want[text] {
					t.Errorf("Kea has %s", text)
				}
				delete(want, text)
			}
			for text := range want {
				t.Errorf("Kea lacks %s", text)
			}
			sameLeases(t, reload(t, path, family), s)
		})
	}
}

// plainJSON brings the order of members into one form.
func plainJSON(t *testing.T, b []byte) string {
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	b, _ = json.Marshal(v)
	return string(b)
}

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// askKea waits for the server's socket and returns the leases it answers.
func askKea(socket, command string) []json.RawMessage {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		c, err := net.Dial("unix", socket)
		if err != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		defer c.Close()
		io.WriteString(c, command)
		b, _ := io.ReadAll(c)
		var answer struct {
			Arguments struct {
				Leases []json.RawMessage `json:"leases"`
			} `json:"arguments"`
		}
		if json.Unmarshal(b, &answer) != nil || len(answer.Arguments.Leases) == 0 {
			return nil
		}
		return answer.Arguments.Leases
	}
	return nil
}

func TestForeignCleanerIsRespected(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "leases.csv")
	sleep, err := os.ReadFile("/bin/sleep")
	if err != nil {
		testnet.Missing(t, "%v", err)
	}
	cleaner := filepath.Join(dir, "kea-lfc")
	if err := os.WriteFile(cleaner, sleep, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(cleaner, "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".pid", fmt.Appendln(nil, cmd.Process.Pid), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenMemfile(MemfileOptions{Path: path, Family: 4})
	cmd.Process.Kill()
	cmd.Wait()
	if err == nil || !strings.Contains(err.Error(), "kea-lfc works on it") {
		t.Errorf("error %v", err)
	}
	m, err := OpenMemfile(MemfileOptions{Path: path, Family: 4})
	if err != nil {
		t.Errorf("after it has ended: %v", err)
	}
	m.Close()
}
