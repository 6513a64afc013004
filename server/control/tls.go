package control

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"leasehold/config"
	"leasehold/server/message"
)

// lookEvery is how often the TLS files may be looked at for a change.
const lookEvery = time.Second

// certificates is a TLS configuration that follows its files. A change that
// cannot be read is logged, and the last good one stays.
type certificates struct {
	door *Door

	mu       sync.Mutex // guards the rest
	files    config.TLSFiles
	required bool
	current  *tls.Config
	stamp    string // of the files when current was read, or tried to be
	looked   time.Time
}

func loadCertificates(files config.TLSFiles, required bool, d *Door) (*certificates, error) {
	c := &certificates{door: d}
	if err := c.use(files, required); err != nil {
		return nil, err
	}
	return c, nil
}

// use reads other files in place of the present ones.
func (c *certificates) use(files config.TLSFiles, required bool) error {
	stamp := stampOf(files)
	current, err := readTLS(files, required)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files, c.required, c.current, c.stamp = files, required, current, stamp
	return nil
}

// config returns what a new connection uses.
func (c *certificates) config() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.door.opts.Now()
	if now.Sub(c.looked) < lookEvery && !now.Before(c.looked) {
		return c.current
	}
	c.looked = now
	stamp := stampOf(c.files)
	if stamp == c.stamp {
		return c.current
	}
	c.stamp = stamp
	current, err := readTLS(c.files, c.required)
	if err != nil {
		c.door.log(message.CertReloadFail, "keeping the certificate in use: %v", err)
		return c.current
	}
	c.door.log(message.CertReloaded, "certificate %s was read again", c.files.Cert)
	c.current = current
	return c.current
}

// stampOf tells versions of the files apart.
func stampOf(files config.TLSFiles) string {
	var b strings.Builder
	for _, name := range []string{files.TrustAnchor, files.Cert, files.Key} {
		if info, err := os.Stat(name); err == nil {
			fmt.Fprintf(&b, "%d %d;", info.ModTime().UnixNano(), info.Size())
		}
	}
	return b.String()
}

func readTLS(files config.TLSFiles, required bool) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, fmt.Errorf("read certificate and key: %w", err)
	}
	t := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	if files.TrustAnchor == "" {
		if required {
			return nil, errors.New("client certificates are required, but there is no trust anchor")
		}
		return t, nil
	}
	if t.ClientCAs, err = readTrustAnchor(files.TrustAnchor); err != nil {
		return nil, err
	}
	t.ClientAuth = tls.VerifyClientCertIfGiven
	if required {
		t.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return t, nil
}

// readTrustAnchor reads a file of CA certificates, or every file of a directory.
func readTrustAnchor(path string) (*x509.CertPool, error) {
	names := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("read trust anchor: %w", err)
		}
		names = names[:0]
		for _, e := range entries {
			if !e.IsDir() {
				names = append(names, filepath.Join(path, e.Name()))
			}
		}
	}
	pool, found := x509.NewCertPool(), false
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read trust anchor: %w", err)
		}
		found = pool.AppendCertsFromPEM(text) || found
	}
	if !found {
		return nil, fmt.Errorf("read trust anchor: no certificate in %s", path)
	}
	return pool, nil
}
