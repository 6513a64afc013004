package engine

import (
	"fmt"
	"math"
	"time"

	"leasehold/config"
	"leasehold/ha"
)

// serviceCommands are dhcp-disable, dhcp-enable and leases-reclaim, and the
// engine's part of status-get.
func serviceCommands(int) map[string]Command {
	return map[string]Command{
		"status-get":     status,
		"dhcp-disable":   dhcpDisable,
		"dhcp-enable":    dhcpEnable,
		"leases-reclaim": leasesReclaim,
	}
}

// origin reads who switches the service: origin-id wins over origin.
func origin(args *config.Value) (uint32, error) {
	if id := args.Get("origin-id"); id != nil {
		if id.Kind != config.Int {
			return 0, fmt.Errorf("'origin-id' argument must be a number")
		}
		return uint32(id.Int), nil
	}
	o := args.Get("origin")
	switch {
	case o == nil:
		return ha.UserOrigin, nil
	case o.Kind == config.Int:
		return uint32(o.Int), nil
	case o.Kind != config.String:
		return 0, fmt.Errorf("'origin' argument must be a string or a number")
	case o.Str == "":
		return 0, fmt.Errorf("invalid value used for 'origin' parameter: (empty string)")
	case o.Str == "user":
		return ha.UserOrigin, nil
	case o.Str == "ha-partner":
		return ha.RemoteOrigin, nil
	}
	return 0, fmt.Errorf("invalid value used for 'origin' parameter: %s", o.Str)
}

func (e *Engine) familyName() string { return fmt.Sprintf("DHCPv%d", e.version) }

func dhcpDisable(e *Engine, c *CommandReceived) Answer {
	args := c.Arguments
	if args != nil && args.Kind != config.Map {
		return failure("arguments for the 'dhcp-disable' command must be a map")
	}
	who, err := origin(args)
	if err != nil {
		return failure("%v", err)
	}
	var period time.Duration
	text := e.familyName() + " service disabled"
	if p := args.Get("max-period"); p != nil {
		if p.Kind != config.Int {
			return failure("'max-period' argument must be a number")
		}
		if p.Int <= 0 {
			return failure("'max-period' must be positive integer")
		}
		period = time.Duration(p.Int) * time.Second
		text = fmt.Sprintf("%s for %d seconds", text, p.Int)
	}
	if !e.service.Disable(who, e.clock, period) {
		return failure("too many origins have the service disabled")
	}
	return Answer{Text: text}
}

func dhcpEnable(e *Engine, c *CommandReceived) Answer {
	args := c.Arguments
	if args != nil && args.Kind != config.Map {
		return failure("arguments for the 'dhcp-enable' command must be a map")
	}
	who, err := origin(args)
	if err != nil {
		return failure("%v", err)
	}
	e.service.Enable(who)
	return Answer{Text: "DHCP service successfully enabled"}
}

// leasesReclaim reclaims every expired lease, in turns; remove deletes them
// instead of keeping them for affinity.
func leasesReclaim(e *Engine, c *CommandReceived) Answer {
	r := c.Arguments.Get("remove")
	switch {
	case r == nil:
		return failure("Missing mandatory 'remove' parameter.")
	case r.Kind != config.Bool:
		return failure("'remove' parameter expected to be a boolean.")
	}
	e.found = e.store.Expired(e.found[:0], e.now, reclaimTurn)
	for i := range e.found {
		e.reclaimLease(&e.found[i], r.Bool)
	}
	a := Answer{Text: "Reclamation of expired leases is complete."}
	if len(e.found) == reclaimTurn {
		a.Next = &Cursor{}
	}
	return a
}

// status is what the engine knows of the state of the server.
func status(e *Engine, _ *CommandReceived) Answer {
	origins := func(from, to uint32) *config.Value {
		v := config.NewList()
		for _, o := range e.service.Off(nil, from, to) {
			v.List = append(v.List, config.NewInt(int64(o)))
		}
		return v
	}
	seconds := func(since time.Time) *config.Value { return config.NewInt(int64(e.clock.Sub(since) / time.Second)) }
	return Answer{Arguments: config.NewMap(
		config.M("dhcp-state", config.NewMap(
			config.M("disabled-by-db-connection", origins(ha.DatabaseOrigin, math.MaxUint32)),
			config.M("disabled-by-local-command", origins(ha.LocalOrigin, ha.RemoteOrigin)),
			config.M("disabled-by-remote-command", origins(ha.RemoteOrigin, ha.DatabaseOrigin)),
			config.M("disabled-by-user", config.NewBool(len(e.service.Off(nil, ha.UserOrigin, ha.UserOrigin+1)) > 0)),
			config.M("globally-disabled", config.NewBool(!e.service.On())),
		)),
		config.M("packet-queue-statistics", config.NewList(
			config.NewReal(e.crowd[0]), config.NewReal(e.crowd[1]), config.NewReal(e.crowd[2]))),
		config.M("reload", seconds(e.reloaded)),
		config.M("uptime", seconds(e.started)),
	), Raw: e.pairStatus()}
}
