package packaging

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"leasehold/server/testnet"
)

// unit is all that the machine does.
const unit = `[Unit]
Description=The life of the package
SuccessAction=exit
FailureAction=exit
FailureActionExitStatus=1
[Service]
Type=oneshot
ExecStart=/test/machine.sh
StandardOutput=file:/test/transcript
StandardError=file:/test/transcript
`

// On a machine that served with Kea the package is installed, takes over, is
// upgraded under load, killed, and removed: every lease and every query
// survives.
func TestPackageOnAMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a machine")
	}
	if os.Getuid() != 0 {
		testnet.Missing(t, "only root can boot a machine")
	}
	testnet.Need(t, "systemd-nspawn", "dpkg", "kea-dhcp4", "busybox", "man")
	root := newMachine(t)
	for _, version := range []string{"old", "new"} {
		pack(t, "v1.0.0-"+version, filepath.Join(root, "test", version))
	}
	script, err := os.ReadFile("testdata/machine.sh")
	testnet.Must(t, err)
	testnet.Must(t, os.WriteFile(filepath.Join(root, "test/machine.sh"), script, 0o755))
	testnet.Must(t, os.WriteFile(filepath.Join(root, "etc/systemd/system/life.service"), []byte(unit), 0o644))

	boot := exec.Command("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
		"--directory="+root, fmt.Sprintf("--machine=leasehold-%d", os.Getpid()), "--link-journal=no", "--console=pipe", "--boot", "--", "--unit=life.service")
	boot.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	console, err := boot.CombinedOutput()
	transcript, _ := os.ReadFile(filepath.Join(root, "test/transcript"))
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, console, transcript)
	}
	if !strings.HasSuffix(strings.TrimSpace(string(transcript)), ": The whole life.") {
		t.Fatalf("the machine ended early:\n%s", transcript)
	}
}

// newMachine lays a file system over that of this machine, so that nothing here
// changes.
func newMachine(t *testing.T) string {
	t.Helper()
	over := t.TempDir()
	testnet.Must(t, syscall.Mount("tmpfs", over, "tmpfs", 0, ""))
	t.Cleanup(func() { testnet.Must(t, syscall.Unmount(over, syscall.MNT_DETACH)) })
	root := filepath.Join(over, "root")
	for _, dir := range []string{"root", "upper", "work"} {
		testnet.Must(t, os.Mkdir(filepath.Join(over, dir), 0o755))
	}
	options := "lowerdir=/,upperdir=" + over + "/upper,workdir=" + over + "/work"
	if err := syscall.Mount("overlay", root, "overlay", 0, options); err != nil {
		testnet.Missing(t, "no file system can be laid over another here: %v", err)
	}
	t.Cleanup(func() { testnet.Must(t, syscall.Unmount(root, syscall.MNT_DETACH)) })
	testnet.Must(t, os.Mkdir(filepath.Join(root, "test"), 0o755))
	return root
}

func pack(t *testing.T, release, dist string) {
	t.Helper()
	cmd := exec.Command("make", "--no-print-directory", "-C", "../../..", "package", "RELEASE="+release, "FORMATS=deb", "DIST="+dist)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Debian's and Red Hat's own tools find nothing wrong with the packages.
func TestPackagesAreWellFormed(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages")
	}
	testnet.Need(t, "lintian", "rpm")
	dist := t.TempDir()
	cmd := exec.Command("make", "--no-print-directory", "-C", "../../..", "package", "RELEASE=v1.0.0", "DIST="+dist)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	debs, _ := filepath.Glob(dist + "/*.deb")
	rpms, _ := filepath.Glob(dist + "/*.rpm")
	if len(debs) != 1 || len(rpms) != 1 {
		t.Fatalf("packages: %v %v", debs, rpms)
	}
	if out, err := exec.Command("lintian", "--allow-root", "--fail-on", "error", debs[0]).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := exec.Command("rpm", "--query", "--list", "--package", rpms[0]).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, file := range []string{"/usr/bin/leasehold", "/usr/lib/systemd/system/leasehold-dhcp4.service", "/usr/share/man/man8/leasehold.8.gz"} {
		if !strings.Contains(string(out), file+"\n") {
			t.Errorf("the rpm has no %s", file)
		}
	}
}
