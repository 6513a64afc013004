package server

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"leasehold/config"
)

// crowded is a listener that turns away who comes when all places are taken,
// instead of letting everybody wait.
type crowded struct {
	net.Listener
	places chan struct{}
}

func (l *crowded) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			c.Close()
		}
	}
}

// placed is a connection that has a place.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// certificate is one that follows its files: who renews it need not tell us.
type certificate struct {
	files config.TLSFiles

	mu      sync.Mutex // guards the rest
	current *tls.Certificate
	stamp   time.Time // of the newer file when it was read
	looked  time.Time
}

// certificateLook is how often the files may be looked at.
const certificateLook = time.Second

// openCertificate reads a certificate; without TLS there is none to read.
func openCertificate(files config.TLSFiles) (*certificate, error) {
	c := &certificate{files: files}
	if !files.On() {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	c.current, c.stamp = &pair, c.changed()
	return c, nil
}

func (c *certificate) changed() (newest time.Time) {
	for _, name := range []string{c.files.Cert, c.files.Key} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: c.get}
}

// get returns the certificate in its newest readable version.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.looked) < certificateLook {
		return c.current, nil
	}
	c.looked = now
	if stamp := c.changed(); !stamp.Equal(c.stamp) {
		if pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key); err == nil {
			c.current, c.stamp = &pair, stamp
		}
	}
	return c.current, nil
}
