package logging

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/message"
)

var noon = time.Date(2026, 11, 21, 12, 3, 4, 5_600_000, time.Local)

func start(t testing.TB, o Options) (*Writer, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	o.Stdout, o.Stderr, o.PID = &out, &out, 4711
	o.Now = func() time.Time { return noon }
	w := Start(o)
	t.Cleanup(func() { w.Close() })
	return w, &out
}

func sink(t testing.TB, w *Writer, root string, loggers ...config.Logger) *Sink {
	t.Helper()
	s, err := w.Sink(root, loggers)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLayouts(t *testing.T) {
	for _, tt := range []struct{ name, pattern, want string }{
		{"Kea's own", "", "2026-11-21 12:03:04.005 INFO  [kea-dhcp4.leases/4711.4711] DHCP4_LEASE_ALLOC lease 192.0.2.1\n"},
		{"the date alone", "%D{%Y/%m/%d %y %j} %p%n", "2026/11/21 26 325 INFO\n"},
		{"fractions of seconds", "%D{%H:%M:%S.%q|%Q}\n", "12:03:04.005|005.600\n"},
		{"a date without format", "%D %c\n", "2026-11-21 12:03:04 kea-dhcp4.leases\n"},
		{"padding left and right", "[%7p][%-7p][%.2p][%-3.2p]\n", "[   INFO][INFO   ][FO][FO ]\n"},
		{"percent and unknown directives", "100%% %Z %w %", "100% %Z %w %"},
		{"an open brace", "%D{%Y", "2026-11-21 12:03:04{%Y"},
		{"JSON", "json", `{"level":"info","time":"` + noon.Format("2006-01-02T15:04:05.000Z07:00") +
			`","logger":"kea-dhcp4.leases","id":"DHCP4_LEASE_ALLOC","pid":4711,"message":"lease 192.0.2.1"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, out := start(t, Options{})
			s := sink(t, w, "kea-dhcp4", config.Logger{Name: "kea-dhcp4", Severity: "INFO",
				Outputs: []config.LogOutput{{Output: "stdout", Pattern: tt.pattern}}})
			s.Log(message.DHCP4LeaseAlloc, "lease %s", "192.0.2.1")
			w.Flush()
			if out.String() != tt.want {
				t.Errorf("got  %q\nwant %q", out, tt.want)
			}
		})
	}
}

func TestConsoleIsReadable(t *testing.T) {
	w, out := start(t, Options{Console: true})
	sink(t, w, "leasehold").Log(message.DHCP4LeaseAlloc, "lease 192.0.2.1")
	w.Flush()
	for _, part := range []string{"12:03:04.005", "INF", "DHCP4_LEASE_ALLOC", "lease 192.0.2.1"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q lacks %q", out, part)
		}
	}
}

func TestLoggersInheritFromTheOneAbove(t *testing.T) {
	w, _ := start(t, Options{})
	s := sink(t, w, "kea-dhcp4",
		config.Logger{Name: "kea-dhcp4", Severity: "WARN"},
		config.Logger{Name: "kea-dhcp4.leases", Severity: "debug", DebugLevel: 50},
		config.Logger{Name: "kea-dhcp4.packets", Severity: "NONE"},
		config.Logger{Name: "kea-dhcp6", Severity: "DEBUG", DebugLevel: 99})
	for _, tt := range []struct {
		m    *message.Message
		want bool
	}{
		{message.DHCP4Started, false},
		{message.DHCP4MultiThreadingInfo, false},
		{message.DHCPSrvOpenSocketFail, true},
		{message.DHCP4LeaseAlloc, true},
		{&message.Message{Logger: message.Leases, Level: message.Debug + 50}, true},
		{&message.Message{Logger: message.Leases, Level: message.Debug + 51}, false},
		{message.DHCP4PacketSendFail, false},
	} {
		if s.Enabled(tt.m) != tt.want {
			t.Errorf("%s %d: enabled %v", tt.m.ID, tt.m.Level, !tt.want)
		}
	}
}

func TestReloadChangesLevelsAndABadOneChangesNothing(t *testing.T) {
	w, _ := start(t, Options{})
	s := sink(t, w, "kea-dhcp6")
	if s.Enabled(message.DHCP6SubnetSelected) {
		t.Fatal("debug is on by default")
	}
	if err := s.Configure([]config.Logger{{Name: "kea-dhcp6", Severity: "DEBUG", DebugLevel: 99}}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []config.Logger{
		{Name: "kea-dhcp6", Severity: "LOUD"},
		{Name: "kea-dhcp6", Outputs: []config.LogOutput{{Output: "syslog:NOWHERE"}}},
		{Name: "kea-dhcp6", Outputs: []config.LogOutput{{Output: t.TempDir() + "/no/such/log"}}},
	} {
		if err := s.Configure([]config.Logger{bad}); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	if !s.Enabled(message.DHCP6SubnetSelected) {
		t.Error("a refused configuration took effect")
	}
}

func TestDebugOverridesSeverity(t *testing.T) {
	w, _ := start(t, Options{Debug: true})
	s := sink(t, w, "kea-dhcp4", config.Logger{Name: "kea-dhcp4", Severity: "ERROR"})
	if !s.Enabled(message.DHCP4QueryData) {
		t.Error("-d does not print everything")
	}
}

func TestBatchGoesToTheOutputsOfEachLogger(t *testing.T) {
	dir := t.TempDir()
	leases, rest := filepath.Join(dir, "leases.log"), filepath.Join(dir, "kea.log")
	w, _ := start(t, Options{})
	output := func(path string) []config.LogOutput {
		return []config.LogOutput{{Output: path, Pattern: "%c %m\n"}}
	}
	s := sink(t, w, "kea-dhcp4",
		config.Logger{Name: "kea-dhcp4", Outputs: output(rest)},
		config.Logger{Name: "kea-dhcp4.leases", Outputs: output(leases)})
	s6 := sink(t, w, "kea-dhcp6", config.Logger{Name: "kea-dhcp6", Outputs: output(rest)})

	text := []byte("onetwothree")
	s.Write(noon, []message.Entry{
		{Msg: message.DHCP4LeaseAlloc, Start: 0, End: 3},
		{Msg: message.DHCP4QueryData, Start: 0, End: 11}, // debug: not wanted
		{Msg: message.DHCP4PacketSendFail, Start: 3, End: 6},
		{Msg: message.DHCP4Release, Start: 6, End: 11},
	}, text)
	clear(text)
	s6.Log(message.DHCP6Started, "")
	w.Flush()

	for path, want := range map[string]string{
		leases: "kea-dhcp4.leases DHCP4_LEASE_ALLOC one\nkea-dhcp4.leases DHCP4_RELEASE three\n",
		rest:   "kea-dhcp4.packets DHCP4_PACKET_SEND_FAIL two\nkea-dhcp6.dhcp6 DHCP6_STARTED\n",
	} {
		if got, _ := os.ReadFile(path); string(got) != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestFilesRotateAndReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	w, _ := start(t, Options{})
	s := sink(t, w, "kea-dhcp4", config.Logger{Name: "kea-dhcp4",
		Outputs: []config.LogOutput{{Output: path, MaxSize: minRotation, MaxVer: 2, Pattern: "%m\n"}}})
	filler := strings.Repeat("x", minRotation/2)
	for i := range 7 {
		s.Log(message.DHCP4Started, "%d %s", i, filler)
		w.Flush()
	}
	for name, first := range map[string]string{path: "6", path + ".1": "5", path + ".2": "4"} {
		got, err := os.ReadFile(name)
		if err != nil || !strings.HasPrefix(string(got), "DHCP4_STARTED "+first) {
			t.Errorf("%s: %.20q, %v; want line %s", name, got, err, first)
		}
	}
	if _, err := os.Stat(path + ".3"); err == nil {
		t.Error("maxver 2 kept three old versions")
	}

	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	w.Reopen()
	s.Log(message.DHCP4Started, "again")
	w.Flush()
	if got, _ := os.ReadFile(path); string(got) != "DHCP4_STARTED again\n" {
		t.Errorf("after reopening: %q", got)
	}
}

// stuck is an output that accepts nothing until it is let go.
type stuck struct {
	entered, release chan struct{}
	bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	select {
	case s.entered <- struct{}{}:
		<-s.release
	default:
	}
	return s.Buffer.Write(p)
}

func TestSlowOutputDropsAndSaysSo(t *testing.T) {
	out := &stuck{entered: make(chan struct{}), release: make(chan struct{})}
	w := Start(Options{Stdout: out, PID: 1, Now: func() time.Time { return noon }})
	s := sink(t, w, "kea-dhcp4")
	s.Log(message.DHCP4Started, "first")
	<-out.entered
	for range queueLimit + 25 {
		s.Log(message.DHCP4Started, "more")
	}
	close(out.release)
	w.Close()
	if n := strings.Count(out.String(), "more"); n != queueLimit {
		t.Errorf("%d lines printed, want %d", n, queueLimit)
	}
	if !strings.Contains(out.String(), "LEASEHOLD_LOG_LINES_LOST 25 log lines") {
		t.Error("the lost lines were not reported")
	}
	s.Log(message.DHCP4Started, "after the end") // must not panic
	w.Flush()
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, fmt.Errorf("disk full") }

func TestFailingOutputIsReportedOnce(t *testing.T) {
	var errs bytes.Buffer
	w := Start(Options{Stdout: broken{}, Stderr: &errs, PID: 1})
	s := sink(t, w, "kea-dhcp4")
	for range 3 {
		s.Log(message.DHCP4Started, "x")
	}
	w.Close()
	if errs.String() != "write log: disk full\n" {
		t.Errorf("standard error says %q", errs.String())
	}
}

func FuzzPattern(f *testing.F) {
	for _, s := range []string{keaPattern, syslogPattern, "%-99999p%.0m%", "%D{", "%D{%}", "%5.3c{2}"} {
		f.Add(s)
	}
	l := line{now: noon, root: "kea-dhcp4", msg: message.DHCP4LeaseAlloc, text: []byte("text"), pid: 1}
	f.Fuzz(func(t *testing.T, s string) {
		if out := parsePattern(s).append(nil, l); len(out) > (len(s)+1)*2000 {
			t.Errorf("%d bytes from a pattern of %d", len(out), len(s))
		}
	})
}

func BenchmarkEnabled(b *testing.B) {
	w, _ := start(b, Options{})
	s := sink(b, w, "kea-dhcp4")
	for b.Loop() {
		s.Enabled(message.DHCP4LeaseAlloc)
	}
}

func BenchmarkKeaLayout(b *testing.B) {
	p := parsePattern(keaPattern)
	l := line{now: noon, root: "kea-dhcp4", msg: message.DHCP4LeaseAlloc, text: bytes.Repeat([]byte("x"), 100), pid: 1}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = p.append(buf[:0], l)
	}
}

func TestProcessesTakeTurnsInRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, bytes.Repeat([]byte{'x'}, minRotation), 0o640); err != nil {
		t.Fatal(err)
	}
	var files [2]*file
	for i := range files {
		w := &Writer{files: make(map[string]*file)}
		f, err := w.fileFor(config.LogOutput{Output: path, MaxSize: minRotation, MaxVer: 3})
		if err != nil {
			t.Fatal(err)
		}
		defer f.close()
		files[i] = f
	}
	for i, f := range files {
		if _, err := fmt.Fprintf(f, "process %d\n", i); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "process 0\nprocess 1\n" {
		t.Errorf("%q %v", text, err)
	}
	if _, err := os.Stat(path + ".2"); err == nil {
		t.Error("rotated twice")
	}
}
