package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
)

// What a configuration sends to syslog arrives at the daemon's socket with the
// facility, the severity and the name that belong to it; a daemon that is
// started anew is found again.
func TestEndToEndSyslog(t *testing.T) {
	if isolate(t, "udhcpc") {
		return
	}
	daemon := listenSyslog(t)
	bridge(t, "lan", "192.0.2.1/24")
	s := prepare(t, "kea-dhcp4", strings.Replace(config4, `"Dhcp4": {`, `"Dhcp4": { "loggers": [ { "name": "kea-dhcp4",
		"output-options": [ { "output": "syslog:local3" }, { "output": "stdout" } ], "severity": "INFO" } ],`, 1))
	s.start()
	const local3, info, failure = 19 << 3, 6, 3
	daemon.await(local3|info, "kea-dhcp4", "DHCP4_STARTED")

	daemon.conn.Close()
	daemon = listenSyslog(t)
	h := newHost(t, "client")
	h.plug("eth0", "lan", clientMAC)
	c := udhcpc()
	script := newScript(t, c.program, c.script)
	c.start(h, script)
	addr := script.await("bound").env["ip"]
	daemon.await(local3|info, "kea-dhcp4", "DHCP4_LEASE_ALLOC")

	s.configure(`{ "Dhcp4": { "subnet4": [ { "subnet": "nonsense" } ] } }`)
	s.Signal(unix.SIGHUP)
	daemon.await(local3|failure, "kea-dhcp4", "DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
	c.renew(h)
	script.await("renew").check(t, map[string]string{"ip": addr})
	s.stop()
}

// syslogDaemon is what programs of this test's namespaces take for the syslog
// daemon.
type syslogDaemon struct {
	t     *testing.T
	conn  *net.UnixConn
	heard chan string // is read whether a test waits or not: who logs waits for the daemon
}

// listenSyslog puts a socket where programs look for the daemon's, before the
// one that was there.
func listenSyslog(t *testing.T) *syslogDaemon {
	t.Helper()
	place, err := filepath.EvalSymlinks("/dev/log")
	if err != nil {
		place = "/run/log"
		if info, err := os.Stat(place); err != nil || info.IsDir() {
			testnet.Must(t, unix.Mount("tmpfs", "/run", "tmpfs", 0, "size=1m"))
			testnet.Must(t, os.WriteFile(place, nil, 0o666))
		}
	}
	path := filepath.Join(t.TempDir(), "log")
	d := &syslogDaemon{t: t, heard: make(chan string, 10_000)}
	d.conn = testnet.Must1(net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}))(t)
	t.Cleanup(func() { d.conn.Close() })
	testnet.Must(t, unix.Mount(path, place, "", unix.MS_BIND, ""))
	t.Cleanup(func() { unix.Unmount(place, unix.MNT_DETACH) })
	go func() {
		buf := make([]byte, 8192)
		for {
			n, err := d.conn.Read(buf)
			if err != nil {
				return
			}
			d.heard <- string(buf[:n])
		}
	}()
	return d
}

// await waits for a line with a priority, of a program, with a word in it.
func (d *syslogDaemon) await(priority int, program, word string) {
	d.t.Helper()
	limit := time.After(testnet.Patience)
	for {
		select {
		case line := <-d.heard:
			if !strings.Contains(line, word) {
				continue
			}
			if !strings.HasPrefix(line, fmt.Sprintf("<%d>", priority)) || !strings.Contains(line, " "+program+"[") {
				d.t.Errorf("syslog heard %q, want priority %d and the name %s", line, priority, program)
			}
			return
		case <-limit:
			d.t.Fatalf("syslog never heard %q", word)
		}
	}
}
