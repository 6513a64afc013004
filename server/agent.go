package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"leasehold/config"
	"leasehold/server/control"
)

// agentDoor is the control agent's endpoint: a door of this process.
type agentDoor struct {
	*control.Door
	s   *Server
	cfg *config.Agent // guarded by Server.changing
}

// openAgent opens the control agent's endpoint, if a file has one.
func (s *Server) openAgent() error {
	if s.cfg.Agent == nil {
		return nil
	}
	a := &agentDoor{s: s, cfg: s.cfg.Agent}
	d, err := control.Open(a.endpoint(a.cfg), control.Options{Log: s.families()[0].log, Now: s.o.Now, Role: Role})
	if err != nil {
		return fmt.Errorf("open the control agent's socket: %w", err)
	}
	a.Door = d
	s.agent = a
	return nil
}

// endpoint is where and how a configuration wants the agent to answer.
func (a *agentDoor) endpoint(c *config.Agent) control.Endpoint {
	typ := "http"
	if c.TLS.On() {
		typ = "https"
	}
	routes := &control.Agent{Own: control.HandlerFunc(a.handle), Local: make(map[string]control.Handler), Sockets: c.Sockets}
	for _, f := range a.s.families() {
		routes.Local[fmt.Sprintf("dhcp%d", f.version)] = a.s.Handler(f.version)
	}
	return control.Endpoint{
		Socket: config.ControlSocket{Type: typ, Addr: c.Addr, Auth: c.Auth, TLS: c.TLS, CertRequired: c.CertRequired},
		Agent:  routes, Documents: a.s.documents(),
	}
}

// agentCommands are what the agent answers itself: commands without a service.
var agentCommands = []string{"build-report", "config-get", "config-reload", "config-set", "config-test", "config-write",
	"list-commands", "shutdown", "status-get", "version-get"}

func (a *agentDoor) handle(ctx context.Context, c *control.Command) control.Answer {
	if !slices.Contains(agentCommands, c.Name) {
		return control.Answer{Result: control.Unsupported}
	}
	switch c.Name {
	case "build-report":
		return buildReport(ctx, a.s, nil, c)
	case "version-get":
		return versionGet(ctx, a.s, nil, c)
	case "list-commands":
		list := config.NewList()
		for _, name := range agentCommands {
			list.List = append(list.List, config.NewString(name))
		}
		return control.Answer{Arguments: list.AppendJSON(nil)}
	case "shutdown":
		// Kea: the agent alone. The servers have commands of their own.
		go a.Close(doorGrace)
		return control.Answer{Text: "Control Agent is shutting down"}
	}
	a.s.changing.Lock()
	defer a.s.changing.Unlock()
	switch c.Name {
	case "config-get":
		return control.Answer{Arguments: arguments(config.M(agentRoot, shownTo(c, a.shown())))}
	case "config-write":
		return a.write(c)
	case "config-reload":
		return a.reload()
	case "status-get":
		up := config.NewInt(int64(a.s.o.Now().Sub(a.s.families()[0].began).Seconds()))
		return control.Answer{Arguments: arguments(config.M("pid", config.NewInt(int64(os.Getpid()))), config.M("reload", up), config.M("uptime", up))}
	}
	return a.set(c, c.Name == "config-test")
}

const agentRoot = "Control-agent"

// shown is the agent's configuration with the servers behind it: clients look
// there for what they can ask for. Those of this process need not be named.
func (a *agentDoor) shown() *config.Value {
	v := a.cfg.Tree.Clone()
	sockets := v.Get("control-sockets")
	if sockets == nil {
		sockets = config.NewMap()
		v.Set("control-sockets", sockets)
	}
	for _, f := range a.s.families() {
		service := fmt.Sprintf("dhcp%d", f.version)
		for _, x := range f.cfg.Load().ControlSockets {
			if x.Type == "unix" && sockets.Get(service) == nil {
				sockets.Set(service, config.NewMap(config.M("socket-name", config.NewString(x.Path)), config.M("socket-type", config.NewString("unix"))))
			}
		}
	}
	sortMembers(v)
	return v
}

// set checks or takes another configuration of the agent.
func (a *agentDoor) set(c *control.Command, test bool) control.Answer {
	if c.Arguments == nil || c.Arguments.Kind != config.Map {
		return failure("Missing mandatory 'arguments' parameter.")
	}
	tree := c.Arguments.Get(agentRoot)
	if tree == nil {
		return failure("Missing mandatory '%s' parameter.", agentRoot)
	}
	next, err := config.ParseWith(a.s.parsing(), "<wire>", arguments(config.M(agentRoot, tree)))
	if err != nil {
		return failure("%v", worded(err))
	}
	if test {
		return control.Answer{Text: "Configuration check successful"}
	}
	next.Agent.File = a.cfg.File
	return a.take(next.Agent)
}

// reload reads the agent's file again.
func (a *agentDoor) reload() control.Answer {
	if a.cfg.File == "" {
		return failure("there is no configuration file")
	}
	next, err := config.LoadWith(a.s.parsing(), a.cfg.File)
	if err == nil && next.Agent == nil {
		err = fmt.Errorf("%s has no %s map any more", a.cfg.File, agentRoot)
	}
	if err != nil {
		return failure("%v", worded(err))
	}
	return a.take(next.Agent)
}

// take makes a configuration that of the agent. Its address stays: whoever
// changes that restarts the process.
func (a *agentDoor) take(next *config.Agent) control.Answer {
	if next.Addr != a.cfg.Addr || next.TLS.On() != a.cfg.TLS.On() {
		return failure("the address of the control agent, and whether it uses TLS, change with a restart only")
	}
	if err := a.Reconfigure(a.endpoint(next)); err != nil {
		return failure("%v", err)
	}
	a.cfg = next
	return control.Answer{Text: "Configuration applied successfully."}
}

func (a *agentDoor) write(c *control.Command) control.Answer {
	file := a.cfg.File
	if v := c.Arguments.Get("filename"); v != nil {
		if v.Kind != config.String {
			return failure("passed parameter 'filename' is not a string")
		}
		file = v.Str
	}
	file, err := beside(a.cfg.File, file, config.WithinByName)
	if err != nil {
		return failure("not allowed to write config into %s: %v", file, err)
	}
	text := append(appendIndented(nil, config.NewMap(config.M(agentRoot, a.cfg.Tree)), ""), '\n')
	if err := writeFile(file, text); err != nil {
		return failure("Error during config-write: %v", err)
	}
	return control.Answer{Text: "Configuration written to " + file + " successful",
		Arguments: arguments(config.M("filename", config.NewString(file)), config.M("size", config.NewInt(int64(len(text)))))}
}

// reloadAgent is reload for a signal.
func (s *Server) reloadAgent() error {
	if s.agent == nil {
		return nil
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if a := s.agent.reload(); a.Result != control.Success {
		return errors.New(a.Text)
	}
	return nil
}
