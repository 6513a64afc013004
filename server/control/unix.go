package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"leasehold/server/message"
)

// listenUnix makes a control socket with a lock file beside it. The lock tells
// a socket in use from one that a dead process left behind.
func listenUnix(path string, mode uint32) (net.Listener, func(), error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("open control socket: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil, fmt.Errorf("open control socket: %s is in use by another process", path)
		}
		return nil, nil, fmt.Errorf("lock control socket: %w", err)
	}
	listener, err := bindUnix(path, mode)
	if err != nil {
		lock.Close()
		return nil, nil, fmt.Errorf("open control socket: %w", err)
	}
	return listener, func() {
		os.Remove(path + ".lock")
		lock.Close()
	}, nil
}

func bindUnix(path string, mode uint32) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("%s exists and is no socket", path)
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	if mode == 0 {
		mode = 0o770
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, os.FileMode(mode)); err != nil {
		listener.Close()
		return nil, err
	}
	return listener, nil
}

// serveUnix answers the one command of a connection.
func (d *Door) serveUnix(c net.Conn) {
	e := d.endpoint.Load()
	r := d.newArrival(c)
	defer r.giveBack()
	text, err := d.readUnix(r)
	unread := err != nil
	var answer Answer
	switch {
	case errors.Is(err, errGone):
		return
	case err != nil:
		answer = d.refuse(err)
	default:
		cmd, err := parseEnvelope(text)
		if err != nil {
			answer = d.refuse(err)
			break
		}
		cmd.Caller = Caller{Transport: "unix", Addr: e.Socket.Path, Role: Change}
		answer = d.run(e.Handler, cmd)
	}
	if err := d.writePieces(c, answer.pieces()); err != nil {
		d.log(message.CommandSocketWriteFail, "Error while writing to command socket: %v", err)
	} else if unread {
		d.linger(c)
	}
}

// readUnix reads until the JSON of a request is complete. The error is errGone
// or the text of an answer.
func (d *Door) readUnix(r *arrival) ([]byte, error) {
	var f framer
	for {
		p, err := r.more()
		if f.feed(p) {
			return r.text[:f.n], f.err
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			d.log(message.CommandSocketConnectionTimeout, "Timeout occurred for connection over socket %s", r.c.LocalAddr())
			text := "Connection over control channel timed out"
			if len(r.text) > 0 {
				text += fmt.Sprintf(", discarded partial command of %d bytes", len(r.text))
			}
			return nil, errors.New(text)
		}
		if err != nil {
			return nil, err
		}
	}
}

// ask sends a request to the unix socket of another process and returns its
// answer. The size of the answer is bounded by limit.
func ask(ctx context.Context, path string, request []byte, limit int64) ([]byte, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(longAgo) })
	defer stop()
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	var f framer
	var answer []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := c.Read(buf)
		done := f.feed(buf[:n])
		answer = append(answer, buf[:n]...)
		switch {
		case done && f.err == nil:
			return answer[:f.n], nil
		case done || int64(len(answer)) > limit:
			return nil, errors.New("answer is no JSON or too large")
		case err == io.EOF:
			return nil, errEndOfFile
		case err != nil:
			return nil, err
		}
	}
}

var errEndOfFile = errors.New("End of file")
