package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"leasehold/config"
)

// explainCommands tell why clients got what they got.
func explainCommands(int) map[string]Command {
	return map[string]Command{
		"leasehold-explain": explain,
		"leasehold-survey":  func(e *Engine, _ *CommandReceived) Answer { return Answer{Survey: e.survey()} },
	}
}

// Bounds of the decisions that one answer carries.
const (
	explainUsual = 20
	explainMost  = 1000
)

// explain answers with the last decisions about a client, oldest first, and the
// leases it holds. Arguments: client (all if absent), limit, dropped.
func explain(e *Engine, c *CommandReceived) Answer {
	args, client, err := aboutClient(c)
	if err != nil {
		return failed(err)
	}
	s := seek(client)
	if s.dropped, err = optionalBool(args, "dropped"); err != nil {
		return failed(err)
	}
	limit, err := limitOf(args, explainUsual, explainMost)
	if err != nil {
		return failed(err)
	}
	x := &Explanation{Decisions: e.decisions(&s, int(limit)), Leases: e.held(&s), Version: e.version}
	a := Answer{Explanation: x, Text: fmt.Sprintf("%d decision(s), %d lease(s)", len(x.Decisions), len(x.Leases))}
	if len(x.Decisions)+len(x.Leases) == 0 {
		a.Result = Empty
	}
	return a
}

// aboutClient returns the arguments of a command, which may be left out, and the
// client that they name, if they do.
func aboutClient(c *CommandReceived) (args *config.Value, client string, err error) {
	if args = c.Arguments; args == nil {
		args = config.NewMap()
	}
	if args.Kind != config.Map {
		return nil, "", errors.New("arguments must be a map")
	}
	client, err = optionalString(args, "client")
	return args, strings.TrimSpace(client), err
}

// limitOf returns how many of something are asked for.
func limitOf(args *config.Value, usual, most uint32) (uint32, error) {
	n, given, err := optionalUint32(args, "limit")
	if err != nil || !given {
		return usual, err
	}
	return min(n, most), nil
}

// Value is the decision as an answer shows it.
func (d *Decision) Value() *config.Value {
	x := &d.record
	v := config.NewMap(
		config.M("time", config.NewString(d.At().Format(time.RFC3339Nano))),
		config.M("type", config.NewString(d.typeName())),
		config.M("xid", config.NewInt(int64(x.xid))),
	)
	text := func(key, s string) {
		if s != "" {
			v.Set(key, config.NewString(s))
		}
	}
	addr := func(key string, a *octets) {
		if a := a.addr(); a.IsValid() {
			text(key, a.String())
		}
	}
	text("interface", zeroEnded(x.iface[:]))
	addr("source", &x.source)
	addr("relay", &x.relay)
	addr("requested", &x.asked)
	text("hw-address", string(appendHex(nil, x.hw[:x.hwLen])))
	id := "client-id"
	if d.version == 6 {
		id = "duid"
	}
	text(id, string(appendHex(nil, x.id[:min(int(x.idLen), recordedID)])))
	text("hostname", string(x.name[:x.nameLen]))
	v.Set("classes", stringList(d.classes))
	if d.others != nil {
		v.Set("classes-false", stringList(d.others))
	}
	text("scope", scopeText[x.scope])
	if x.subnet != 0 {
		v.Set("subnet-id", config.NewInt(int64(x.subnet)))
	} else if x.selected != 0 {
		v.Set("subnet-id", config.NewInt(int64(x.selected)))
	}
	if d.prefix.IsValid() {
		text("subnet", d.prefix.String())
	}
	text("shared-network", d.network)
	text("selected-by", selectedByText[x.how])
	text("reservation", d.reservation())
	if a := x.first.addr(); a.IsValid() {
		text("pool", fmt.Sprintf("%s - %s", a, x.last.addr()))
	}
	if x.sent != 0 {
		text("response", d.sentName())
	}
	if r := d.resource(); r != "" {
		text("resource", r)
		v.Set("valid-lft", config.NewInt(int64(x.valid)))
	}
	text("drop", d.Drop())
	v.Set("story", stringList(d.Story()))
	return v
}

func stringList(list []string) *config.Value {
	v := config.NewList()
	for _, s := range list {
		v.List = append(v.List, config.NewString(s))
	}
	return v
}
