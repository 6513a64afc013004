package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// server is the program under test with its files.
type server struct {
	*testnet.Process
	t      *testing.T
	as     string               // the name it is started by
	config string               // path
	also   string               // path of a second configuration; "" = none
	leases string               // path
	logged string               // what it says when it serves
	rights *syscall.SysProcAttr // nil: those of the test
}

// serve starts the program by one of its names on a configuration. %LEASES% in
// the text is the path of its lease file.
func serve(t *testing.T, as, text string) *server {
	t.Helper()
	s := prepare(t, as, text)
	s.start()
	return s
}

// prepare is serve without the start.
func prepare(t *testing.T, as, text string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, as: as, config: filepath.Join(dir, "config.json"), leases: filepath.Join(dir, "leases.csv"), logged: "DHCP4_STARTED"}
	if strings.Contains(text, `"Dhcp6"`) {
		s.logged = "DHCP6_STARTED"
	}
	s.configure(text)
	return s
}

// dir is where the server keeps its files.
func (s *server) dir() string { return filepath.Dir(s.config) }

// configure writes the configuration file. %SOCKET% in the text is the path of
// its control socket.
func (s *server) configure(text string) {
	s.t.Helper()
	text = strings.NewReplacer("%LEASES%", s.leases, "%SOCKET%", filepath.Join(s.dir(), "s")).Replace(text)
	testnet.Must(s.t, os.WriteFile(s.config, []byte(text), 0o644))
}

// start begins the process and returns when it serves.
func (s *server) start() {
	s.t.Helper()
	s.Process = s.copy()
	s.Await(s.logged)
}

// copy begins one more process on the same files.
func (s *server) copy() *testnet.Process {
	s.t.Helper()
	args := []string{"-c", s.config}
	if s.also != "" {
		args = append(args, "-c", s.also)
	}
	if s.as == "leasehold" {
		args = append([]string{"serve"}, args...)
	}
	cmd := exec.Command(filepath.Join(filepath.Dir(testnet.Program(s.t)), s.as), args...)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+s.dir(), "KEA_DHCP_DATA_DIR="+s.dir())
	cmd.SysProcAttr = s.rights
	return testnet.Start(s.t, s.as, cmd)
}

// keaCommand is ISC's server, with its files in one directory.
func keaCommand(name, config, dir string) *exec.Cmd {
	cmd := exec.Command(name, "-c", config)
	cmd.Env = append(os.Environ(), "KEA_PIDFILE_DIR="+dir, "KEA_DHCP_DATA_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "KEA_LOGGER_DESTINATION=stdout")
	return cmd
}

// runs runs a program to its end, which must be a good one.
func runs(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
}

// stop ends the process as a service manager does.
func (s *server) stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != 0 {
		s.t.Fatalf("%s ends with exit code %d", s.as, code)
	}
}

// row is a lease in the lease file, by the names of its columns.
type row map[string]string

// lifetime is the valid lifetime in seconds.
func (r row) lifetime() int { n, _ := strconv.Atoi(r["valid_lifetime"]); return n }

// held: a client has the lease.
func (r row) held() bool { return r != nil && r["state"] == "0" && r.lifetime() > 0 }

func (r row) declined() bool { return r != nil && r["state"] == "1" }

// rows returns the last row of each address in the lease file.
func (s *server) rows() map[string]row {
	s.t.Helper()
	return readLeases(s.t, s.leases)
}

func readLeases(t *testing.T, path string) map[string]row {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	found := map[string]row{}
	var columns []string
	for line := range strings.Lines(string(b)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ",")
		if columns == nil {
			columns = fields
			continue
		}
		r := row{}
		for i, f := range fields[:min(len(fields), len(columns))] {
			r[columns[i]] = f
		}
		found[r["address"]] = r
	}
	return found
}

// awaitRow waits until the lease file says of an address what ok wants.
func (s *server) awaitRow(addr, what string, ok func(row) bool) {
	s.t.Helper()
	await(s.t, s.leases, addr+" "+what, func() bool { return ok(s.rows()[addr]) })
}

// await waits for a change of the file at path after which ok holds.
func await(t *testing.T, path, what string, ok func() bool) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	testnet.Must(t, err)
	f := os.NewFile(uintptr(fd), "inotify")
	defer f.Close()
	testnet.Must1(unix.InotifyAddWatch(fd, filepath.Dir(path), unix.IN_MODIFY|unix.IN_MOVED_TO|unix.IN_CREATE))(t)
	testnet.Must(t, f.SetReadDeadline(time.Now().Add(testnet.Patience)))
	buf := make([]byte, 4096)
	for !ok() {
		if _, err := f.Read(buf); err != nil {
			b, _ := os.ReadFile(path)
			t.Fatalf("%s: waited in vain for: %s\n%s", filepath.Base(path), what, b)
		}
	}
}
