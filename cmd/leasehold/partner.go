package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"leasehold/config"
	"leasehold/ha/link"
)

var errNoPair = errors.New("high availability is not configured")

// toward returns a client for an address that an operator names: a URL, with
// the credentials of the command line, or the path of a control socket.
func (c *client) toward(address string) *client {
	other := *c
	if strings.Contains(address, "://") {
		other.url = address
	} else {
		other.url, other.socket = "", address
	}
	return &other
}

// toPeer returns a client for the address at which a peer hears other servers.
func (c *client) toPeer(p *config.Peer) (*client, error) {
	other := &client{url: p.URL, v6: c.v6, timeout: c.timeout, user: p.User, secret: &p.Password}
	if !p.TLS.On() {
		return other, nil
	}
	other.url = "https" + strings.TrimPrefix(strings.TrimPrefix(p.URL, "https"), "http") // TLS is on whatever the scheme says
	var err error
	if other.tls, err = link.ClientTLS(p.TLS); err != nil {
		return nil, fmt.Errorf("connect to %s: %w", p.Name, err)
	}
	return other, nil
}

// configuration returns what the server runs on.
func (c *client) configuration(ctx context.Context) (*config.Family, error) {
	return c.parsed(ctx, "config-get")
}

// relationships returns those of the server, at least one.
func (c *client) relationships(ctx context.Context) ([]*config.Relationship, error) {
	f, err := c.configuration(ctx)
	if err != nil {
		return nil, err
	}
	if len(f.Relationships) == 0 {
		return nil, errNoPair
	}
	return f.Relationships, nil
}
