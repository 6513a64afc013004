package lease

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// FS is the part of a file system that a Memfile needs. OS is the real one;
// package faultfs has one that fails and crashes on demand.
type FS interface {
	Open(name string) (File, error)   // for reading
	Append(name string) (File, error) // for writing at the end; made when missing
	Create(name string) (File, error) // for writing; emptied when it exists
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(dir string) error // makes created, renamed and removed names durable
	// Lock takes a lock that others who call Lock respect, or returns an
	// error at once. It ends with Close, or with the process.
	Lock(name string) (io.Closer, error)
}

// File is an open file of an FS.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	Sync() error // makes the content and the size durable
}

// ErrLocked is what Lock returns when another process has the lock.
var ErrLocked = errors.New("in use by another server")

// OS is the file system of the machine.
var OS FS = osFS{}

type osFS struct{}

type osFile struct{ *os.File }

func openOS(name string, flag int) (File, error) {
	// Kea's own mode: leases are nobody else's business.
	f, err := os.OpenFile(name, flag|syscall.O_CLOEXEC, 0o640)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Open(name string) (File, error) { return openOS(name, os.O_RDONLY) }

func (osFS) Append(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_APPEND)
}

func (osFS) Create(name string) (File, error) {
	return openOS(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
}

func (osFS) Rename(from, to string) error { return os.Rename(from, to) }
func (osFS) Remove(name string) error     { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_CLOEXEC, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if err == syscall.EWOULDBLOCK {
			err = ErrLocked
		}
		return nil, &os.PathError{Op: "lock", Path: name, Err: err}
	}
	return f, nil
}

func (f osFile) Size() (int64, error) {
	fi, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return fi.Size(), nil
}

func (f osFile) Sync() error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			if err != nil {
				err = &os.PathError{Op: "sync", Path: f.Name(), Err: err}
			}
			return err
		}
	}
}

// cleaner returns the number of the live kea-lfc process that a pid file
// names, 0 when there is none. A number that another program has by now, as
// after a reboot, does not count.
func cleaner(fsys FS, name string) (int, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid <= 0 {
		return 0, nil
	}
	if err := syscall.Kill(pid, 0); err != nil && err != syscall.EPERM {
		return 0, nil
	}
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err == nil && strings.TrimSpace(string(comm)) != "kea-lfc" {
		return 0, nil
	}
	return pid, nil
}

func exists(fsys FS, name string) (bool, error) {
	f, err := fsys.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return true, f.Close()
}

// removeIfThere is Remove for a file that may be missing.
func removeIfThere(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove lease file: %w", err)
	}
	return nil
}
