package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"leasehold/server/testnet"
)

// shellConfig has every kind of HTTP door: with users of each role, with client
// certificates, and the control agent's.
const shellConfig = `{ "Dhcp4": {
	"interfaces-config": { "interfaces": [ ] },
	"lease-database": { "type": "memfile", "persist": false },
	"control-sockets": [
		{ "socket-type": "http", "socket-address": "127.0.0.1", "socket-port": 8004,
		  "authentication": { "type": "basic", "realm": "kea", "clients": [
			{ "user": "reader", "password": "r", "role": "read" },
			{ "user": "operator", "password": "o", "role": "operate" },
			{ "user": "boss", "password": "b" } ] } },
		{ "socket-type": "https", "socket-address": "127.0.0.1", "socket-port": 8443, "cert-required": true,
		  "trust-anchor": "%DIR%/cert.pem", "cert-file": "%DIR%/cert.pem", "key-file": "%DIR%/key.pem" } ],
	"hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" } ],
	"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ] } ]
} }`

// TestEndToEndKeaShell: Kea's own client, over every HTTP door, as every kind
// of user.
func TestEndToEndKeaShell(t *testing.T) {
	if isolate(t, "kea-shell") {
		return
	}
	s := prepare(t, "leasehold", shellConfig)
	writeCertificate(t, s.dir())
	s.configure(strings.ReplaceAll(shellConfig, "%DIR%", s.dir()))
	s.also = filepath.Join(s.dir(), "agent.json")
	testnet.Must(t, os.WriteFile(s.also, []byte(`{ "Control-agent": { "http-host": "127.0.0.1", "http-port": 8000 } }`), 0o644))
	s.start()
	certificate := "--host localhost --port 8443 --ca " + s.dir() + "/cert.pem"
	const lease = `"ip-address": "192.0.2.11", "hw-address": "02:00:00:00:00:01"`
	for _, tt := range []struct{ name, args, input, want string }{
		{"the agent routes", "--port 8000 --service dhcp4 config-hash-get", "", `"result": 0`},
		{"the agent itself", "--port 8000 config-get", "", `"Control-agent"`},
		{"a reader reads", "--port 8004 --auth-user reader --auth-password r --service dhcp4 list-commands", "", `"lease4-add"`},
		{"a reader changes nothing", "--port 8004 --auth-user reader --auth-password r lease4-add", lease, "403"},
		{"a wrong password", "--port 8004 --auth-user reader --auth-password x config-get", "", "401"},
		{"an operator adds a lease", "--port 8004 --auth-user operator --auth-password o lease4-add", lease, "Lease for address 192.0.2.11, subnet-id 1 added."},
		{"an operator reloads nothing", "--port 8004 --auth-user operator --auth-password o config-reload", "", "403"},
		{"the boss does", "--port 8004 --auth-user boss --auth-password b config-reload", "", "Configuration successful."},
		{"a certificate is enough", certificate + " --cert " + s.dir() + "/cert.pem --key " + s.dir() + "/key.pem lease4-get-all", "", "1 IPv4 lease(s) found."},
		// An alert of TLS, unless the end of the connection overtakes it.
		{"no certificate", certificate + " lease4-get-all", "", "Failed to run"},
	} {
		if got := keaShell(t, tt.input, strings.Fields(tt.args)...); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s\nis without %s", tt.name, got, tt.want)
		}
	}
	s.AwaitLine("the audit line", func(line string) bool {
		return strings.Contains(line, "LEASEHOLD_AUDIT user 'operator' from 127.0.0.1:") && strings.HasSuffix(line, "over http: lease4-add: result 0")
	})
	s.stop()
}

// keaShell runs a command and returns all that is said.
func keaShell(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("kea-shell", append([]string{"--timeout", "60"}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if _, refused := err.(*exec.ExitError); err != nil && !refused {
		t.Fatal(err)
	}
	return string(out)
}

// writeCertificate makes a certificate that is its own authority.
func writeCertificate(t *testing.T, dir string) {
	t.Helper()
	key := testnet.Must1(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	cert := testnet.Must1(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(t)
	private := testnet.Must1(x509.MarshalPKCS8PrivateKey(key))(t)
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		testnet.Must(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
}
