package link

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"leasehold/config"
)

// certificates are the files of one peer entry, read again when they change.
type certificates struct {
	files config.TLSFiles

	mu     sync.Mutex
	stamp  [3]time.Time
	pair   tls.Certificate
	roots  *x509.CertPool
	loaded bool
}

// load returns certificate and trust anchors. Where a changed file cannot be
// read the old content stays in use: renewals write files one after the other.
func (c *certificates) load() (tls.Certificate, *x509.CertPool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	stamp := [3]time.Time{modified(c.files.Cert), modified(c.files.Key), modified(c.files.TrustAnchor)}
	if c.loaded && stamp == c.stamp {
		return c.pair, c.roots, nil
	}
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err == nil {
		var roots *x509.CertPool
		if roots, err = readRoots(c.files.TrustAnchor); err == nil {
			c.pair, c.roots, c.stamp, c.loaded = pair, roots, stamp, true
		}
	}
	if err != nil && !c.loaded {
		return pair, nil, fmt.Errorf("read certificates: %w", err)
	}
	return c.pair, c.roots, nil
}

func modified(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// readRoots reads a file of certificates, or a directory of such files.
func readRoots(path string) (*x509.CertPool, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(path, "*")); err != nil {
			return nil, err
		}
	}
	pool, found := x509.NewCertPool(), false
	for _, file := range files {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found = pool.AppendCertsFromPEM(pem) || found
	}
	if !found {
		return nil, fmt.Errorf("no certificate in %s", path)
	}
	return pool, nil
}

// ClientTLS returns the settings for connections to a peer.
func ClientTLS(files config.TLSFiles) (*tls.Config, error) {
	return (&certificates{files: files}).client()
}

// client returns the settings for connections to a peer. As Kea, we verify the
// chain and not the name: peers are addresses.
func (c *certificates) client() (*tls.Config, error) {
	pair, roots, err := c.load()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		Certificates:       []tls.Certificate{pair},
		InsecureSkipVerify: true, // VerifyConnection does it, without the name
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("server sent no certificate")
			}
			more := x509.NewCertPool()
			for _, cert := range s.PeerCertificates[1:] {
				more.AddCert(cert)
			}
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: more})
			return err
		},
	}, nil
}

// server returns the settings of a listener.
func (c *certificates) server(demand bool) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			pair, roots, err := c.load()
			if err != nil {
				return nil, err
			}
			s := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
			if demand {
				s.ClientAuth, s.ClientCAs = tls.RequireAndVerifyClientCert, roots
			}
			return s, nil
		},
	}
}
