package server

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
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// writeCertificate writes a certificate for a name and its key into dir.
func writeCertificate(t *testing.T, dir, name string, stamp time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: certificate}, "key": {Type: "PRIVATE KEY", Bytes: private}} {
		path := filepath.Join(dir, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, stamp, stamp); err != nil {
			t.Fatal(err)
		}
	}
}

// The page over TLS takes up a renewed certificate, and goes back to plain HTTP
// at the same address when the files are taken away.
func TestPageOverTLS(t *testing.T) {
	dir := t.TempDir()
	s := newServer(t, "web", []byte(webConfig4), nil)
	port := strconv.Itoa(testnet.Ports(t, 1)[0])
	set := func(files string) {
		t.Helper()
		request := `{ "command": "config-set", "arguments": { "Dhcp4": { "lease-database": { "type": "memfile", "persist": false }, "subnet4": [],
			"leasehold": { "http": { "port": ` + port + files + ` } } } } }`
		if answer := tell(t, s, 4, request); !strings.Contains(answer, `"result": 0`) {
			t.Fatal(answer)
		}
	}
	writeCertificate(t, dir, "first", time.Now().Add(-time.Hour))
	set(`, "cert-file": "` + dir + `/cert", "key-file": "` + dir + `/key"`)
	t.Cleanup(s.closeWeb)
	name := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.0\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(c); !strings.Contains(string(text), "200 OK") {
			t.Errorf("%s", text)
		}
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := name(); got != "first" {
		t.Errorf("certificate of %s", got)
	}
	writeCertificate(t, dir, "second", time.Now())
	for end := time.Now().Add(testnet.Patience); name() != "second"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the new certificate is not taken up")
		}
	}
	set(``)
	resp, err := http.Get("http://127.0.0.1:" + port + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if answer := tell(t, s, 4, `{ "command": "config-set", "arguments": { "Dhcp4": { "lease-database": { "type": "memfile", "persist": false }, "subnet4": [],
		"leasehold": { "http": { "port": `+port+`, "cert-file": "/nowhere", "key-file": "/nowhere" } } } } }`); !strings.Contains(answer, "read certificate") {
		t.Errorf("a certificate that is not there: %s", answer)
	}
	if resp, err := http.Get("http://127.0.0.1:" + port + "/healthz"); err != nil {
		t.Errorf("after the refused configuration: %v", err)
	} else {
		resp.Body.Close()
	}
}

// Who comes when all places are taken is turned away; a place is free again
// when somebody goes.
func TestConnectionsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &crowded{Listener: l, places: make(chan struct{}, 1)}
	defer c.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	dial()
	first := <-accepted
	if _, err := io.ReadAll(dial()); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Error(err)
	}
	first.Close()
	first.Close()
	dial()
	(<-accepted).Close()
}
