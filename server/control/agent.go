package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"leasehold/config"
)

// maxServices bounds how often one request is carried out.
const maxServices = 16

// forwardTime is how long another process may take for its answer. Kea: 60 s.
const forwardTime = 60 * time.Second

// Agent is Kea's control agent: it routes a command by its `service`, and the
// answer is a list with one element for each.
type Agent struct {
	Own     Handler            // commands without a service; nil = none
	Local   map[string]Handler // services of this process: dhcp4, dhcp6
	Sockets map[string]string  // services of other processes: their unix sockets
}

// notForUs is Kea's hint to who forgot the service.
const notForUs = "'%s' command not supported. You did not include \"service\" parameter in the command, " +
	"which indicates that Kea Control Agent should process this command rather than forward it to one or more Kea servers. " +
	"If you aimed to send this command to one of the Kea servers you should include the \"service\" parameter in your request, " +
	"e.g. \"service\": [ \"dhcp4\" ] to forward the command to the DHCPv4 server, or " +
	"\"service\": [ \"dhcp4\", \"dhcp6\", \"d2\" ] to forward it to DHCPv4, DHCPv6 and D2 servers etc."

func (d *Door) route(a *Agent, c *Command) []Answer {
	switch {
	case c.Service == nil || c.Service.Kind == config.List && len(c.Service.List) == 0:
		return []Answer{d.runOwn(a, c)}
	case c.Service.Kind != config.List:
		return []Answer{{Result: Failure, Text: "service value must be a list"}}
	case len(c.Service.List) > maxServices:
		return []Answer{{Result: Failure, Text: fmt.Sprintf("service value has more than %d items", maxServices)}}
	}
	for _, s := range c.Service.List {
		if s.Kind != config.String {
			return []Answer{{Result: Failure, Text: "Error during command processing: service value must be a list of strings"}}
		}
	}
	var answers []Answer
	for _, s := range c.Service.List {
		name := strings.TrimSpace(s.Str) // Kea's manual has "dhcp4 " in places
		h := a.Local[name]
		if path := a.Sockets[name]; h == nil && path != "" {
			h = d.forwarder(name, path)
		}
		if h == nil {
			answers = append(answers, Answer{Result: Failure,
				Text: "forwarding socket is not configured for the server type " + name})
			continue
		}
		answers = append(answers, d.run(h, c))
	}
	return answers
}

func (d *Door) runOwn(a *Agent, c *Command) Answer {
	if a.Own != nil {
		if answer := d.run(a.Own, c); answer.Result != Unsupported {
			return answer
		}
	}
	return Answer{Result: Unsupported, Text: fmt.Sprintf(notForUs, c.Name)}
}

// forwarder sends commands to the unix socket of another process.
func (d *Door) forwarder(service, path string) Handler {
	return HandlerFunc(func(ctx context.Context, c *Command) Answer {
		ctx, cancel := context.WithTimeout(ctx, forwardTime)
		defer cancel()
		raw, err := ask(ctx, path, c.Text, maxForwarded)
		if err != nil {
			return Answer{Result: Failure, Text: fmt.Sprintf(
				"unable to forward command to the %s service: %s. The server is likely to be offline", service, systemText(err))}
		}
		return Answer{Raw: raw}
	})
}

// maxForwarded bounds the answer of another process.
const maxForwarded = 1 << 30

// systemText words an error as the C library does: Kea's texts carry that.
func systemText(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
