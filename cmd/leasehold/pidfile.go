package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const defaultPIDDir = "/run/kea"

// keaPIDFile is where Kea's scripts look for the process of a configuration file.
func keaPIDFile(configFile, program, dir string) string {
	if dir == "" {
		dir = defaultPIDDir
	}
	base := filepath.Base(configFile)
	return filepath.Join(dir, strings.TrimSuffix(base, filepath.Ext(base))+"."+program+".pid")
}

// pidFile is a PID file that is ours.
type pidFile string

type alreadyRunning struct {
	path string
	pid  int
}

func (a *alreadyRunning) Error() string {
	return fmt.Sprintf("PID file %s names the live process %d", a.path, a.pid)
}

// writePIDFile says where we run. The error is *alreadyRunning if the file
// names another live process.
func writePIDFile(path string) (pidFile, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read PID file: %w", err)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && pid > 0 && pid != os.Getpid() && alive(pid) {
		return "", &alreadyRunning{path, pid}
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o640); err != nil {
		return "", fmt.Errorf("write PID file: %w", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		return "", fmt.Errorf("write PID file: %w", err)
	}
	return pidFile(path), nil
}

func alive(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func (p pidFile) remove() { os.Remove(string(p)) }
