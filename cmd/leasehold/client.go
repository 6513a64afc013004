package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"leasehold/server"
)

// client sends commands to a running server.
type client struct {
	socket, url        string
	user, passwordFile string
	ca                 string
	v6, json           bool
	timeout            time.Duration
	secret             *string     // the password, where it is known already
	tls                *tls.Config // instead of ca
}

// answer is one answer of a server. Arguments keep their text.
type answer struct {
	Result    int             `json:"result"`
	Text      string          `json:"text"`
	Arguments json.RawMessage `json:"arguments"`
	raw       []byte
}

// Codes of answers. Success and Empty (nothing was found) are no failure.
const (
	resultSuccess     = 0
	resultUnsupported = 2
	resultEmpty       = 3
)

func (c *client) flags(f *pflag.FlagSet) {
	f.StringVar(&c.socket, "socket", "", "control socket `PATH` (default $LEASEHOLD_SOCKET, or Kea's)")
	f.StringVar(&c.url, "url", "", "HTTP(S) control socket or agent, instead of --socket")
	f.StringVar(&c.user, "user", "", "user for --url; the password is $LEASEHOLD_PASSWORD or in --password-file")
	f.StringVar(&c.passwordFile, "password-file", "", "`FILE` with the password")
	f.StringVar(&c.ca, "ca", "", "`FILE` of CA certificates to trust for --url")
	f.BoolVarP(&c.v6, "ipv6", "6", false, "ask the DHCPv6 server")
	f.BoolVar(&c.json, "json", false, "print the answer as it came")
	f.DurationVar(&c.timeout, "timeout", time.Minute, "how long to wait for an answer")
}

func (c *client) family() string {
	if c.v6 {
		return "6"
	}
	return "4"
}

// version is that of the family asked.
func (c *client) version() int {
	if c.v6 {
		return 6
	}
	return 4
}

// send carries out one command. arguments is JSON or nil. A result other than
// success or "nothing found" is an error.
func (c *client) send(ctx context.Context, command string, arguments json.RawMessage) (*answer, error) {
	request := struct {
		Command   string          `json:"command"`
		Service   []string        `json:"service,omitempty"`
		Arguments json.RawMessage `json:"arguments,omitempty"`
	}{Command: command, Arguments: arguments}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	exchange := c.overSocket
	if c.url != "" {
		exchange = c.overHTTP
		request.Service = []string{"dhcp" + c.family()}
	}
	text, err := json.Marshal(request)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", command, err)
	}
	raw, err := exchange(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("send %s: %w", command, err)
	}
	a := &answer{raw: raw}
	if err := json.Unmarshal(unwrap(raw), a); err != nil {
		return nil, fmt.Errorf("read answer to %s: %w", command, err)
	}
	if hook := hookOf(command); a.Result == resultUnsupported && hook != "" {
		return a, fmt.Errorf("%s: %s: the server's configuration has no hooks-libraries entry %s", command, a.Text, hook)
	}
	if a.Result != resultSuccess && a.Result != resultEmpty {
		return a, fmt.Errorf("%s: %s (result %d)", command, a.Text, a.Result)
	}
	return a, nil
}

// hookOf is the library that a server must have been configured with to know a
// command; "" for none.
func hookOf(command string) string {
	name := strings.NewReplacer("4", "X", "6", "X").Replace(command)
	for _, d := range server.CommandDocs() {
		if d.Name == name {
			return d.Hook
		}
	}
	return ""
}

// unwrap takes the one answer out of the list that HTTP gives.
func unwrap(raw []byte) []byte {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
		return list[0]
	}
	return raw
}

func (c *client) overSocket(ctx context.Context, request []byte) ([]byte, error) {
	path := c.socket
	if path == "" {
		path = os.Getenv("LEASEHOLD_SOCKET")
	}
	if path == "" {
		path = "/run/kea/kea" + c.family() + "-ctrl-socket"
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	return io.ReadAll(conn)
}

func (c *client) overHTTP(ctx context.Context, request []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(request))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if c.user != "" {
		password, err := c.password()
		if err != nil {
			return nil, err
		}
		req.SetBasicAuth(c.user, password)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	if transport.TLSClientConfig = c.tls; c.tls == nil && c.ca != "" {
		text, err := os.ReadFile(c.ca)
		if err != nil {
			return nil, fmt.Errorf("read CA file: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("read CA file: no certificate in %s", c.ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func (c *client) password() (string, error) {
	if c.secret != nil {
		return *c.secret, nil
	}
	if c.passwordFile == "" {
		p, ok := os.LookupEnv("LEASEHOLD_PASSWORD")
		if !ok {
			return "", errors.New("no password: set LEASEHOLD_PASSWORD or give --password-file")
		}
		return p, nil
	}
	text, err := os.ReadFile(c.passwordFile)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}
