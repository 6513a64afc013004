package e2e

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"leasehold/server/testnet"
)

// The demo needs no namespace of the test's: it makes its own.
func TestEndToEndDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("end-to-end tests take their time")
	}
	bin := testnet.Program(t)
	t.Run("one round", func(t *testing.T) {
		out, err := exec.Command(bin, "demo", "--once").CombinedOutput()
		if err != nil && strings.Contains(string(out), "namespaces") {
			testnet.Missing(t, "no namespaces can be made here: %s", out)
		}
		if n := strings.Count(string(out), "RELEASE"); err != nil || n != 4 {
			t.Errorf("%d clients had a lease, want 4: %v\n%s", n, err, out)
		}
	})
	t.Run("until Ctrl-C", func(t *testing.T) {
		cmd := exec.Command(bin, "demo")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		p := testnet.Start(t, "demo", cmd)
		p.Await("REQUEST")
		testnet.Must(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
		if code := p.Wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}
