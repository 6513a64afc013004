package control

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"leasehold/config"
)

// writeCertificate makes a self-signed certificate that is its own CA.
func writeCertificate(t *testing.T, files config.TLSFiles, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		files.Cert:        {Type: "CERTIFICATE", Bytes: cert},
		files.TrustAnchor: {Type: "CERTIFICATE", Bytes: cert},
		files.Key:         {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		// A file system may know no times that are so close.
		stamp := time.Unix(serial, 0)
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
}

// tellTLS posts a command and returns the response and the serial number of
// the certificate that the server showed.
func tellTLS(t *testing.T, d *Door, own []tls.Certificate) (string, int64) {
	t.Helper()
	c := tls.Client(dial(t, d), &tls.Config{InsecureSkipVerify: true, Certificates: own})
	if err := c.Handshake(); err != nil {
		return err.Error(), 0
	}
	io.WriteString(c, post(`{"command":"build-report"}`))
	answer, _ := io.ReadAll(c)
	return string(answer), c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

func TestHTTPSFollowsItsFiles(t *testing.T) {
	dir := t.TempDir()
	files := config.TLSFiles{TrustAnchor: filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, files, 1)
	socket := httpSocket(t)
	socket.Type, socket.TLS = "https", files
	var offset atomic.Int64
	d := open(t, Endpoint{Socket: socket}, Options{Now: func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }})

	if answer, serial := tellTLS(t, d, nil); !strings.HasPrefix(answer, "HTTP/1.1 200 OK") || serial != 1 {
		t.Fatalf("certificate %d: %s", serial, answer)
	}
	writeCertificate(t, files, 22)
	offset.Add(int64(2 * lookEvery))
	if _, serial := tellTLS(t, d, nil); serial != 22 {
		t.Errorf("after a change the server shows certificate %d", serial)
	}
	if err := os.WriteFile(files.Cert, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	offset.Add(int64(2 * lookEvery))
	if _, serial := tellTLS(t, d, nil); serial != 22 {
		t.Errorf("after a broken change the server shows certificate %d", serial)
	}
}

func TestClientCertificates(t *testing.T) {
	dir := t.TempDir()
	files := config.TLSFiles{TrustAnchor: filepath.Join(dir, "ca"), Cert: filepath.Join(dir, "cert"), Key: filepath.Join(dir, "key")}
	writeCertificate(t, files, 1)
	socket := httpSocket(t)
	socket.Type, socket.TLS, socket.CertRequired = "https", files, true
	d := open(t, Endpoint{Socket: socket}, Options{})
	if answer, _ := tellTLS(t, d, nil); strings.Contains(answer, "200 OK") {
		t.Error("a caller without a certificate was let in")
	}
	own, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	if answer, _ := tellTLS(t, d, []tls.Certificate{own}); !strings.Contains(answer, "200 OK") {
		t.Errorf("a caller with a certificate got %q", answer)
	}

	socket.TLS.TrustAnchor = ""
	if _, err := Open(Endpoint{Socket: socket, Handler: daemon}, Options{}); err == nil {
		t.Error("client certificates without a trust anchor were accepted")
	}
	socket.TLS = config.TLSFiles{Cert: filepath.Join(dir, "nosuch"), Key: files.Key}
	if _, err := Open(Endpoint{Socket: socket, Handler: daemon}, Options{}); err == nil {
		t.Error("a missing certificate was accepted")
	}
	dirAnchor := filepath.Join(dir, "anchors")
	os.Mkdir(dirAnchor, 0o700)
	if _, err := readTrustAnchor(dirAnchor); err == nil {
		t.Error("an empty directory is a trust anchor")
	}
}
