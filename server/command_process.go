package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"leasehold/config"
	"leasehold/server/control"
	"leasehold/server/engine"
	"leasehold/server/wire"
)

func listCommands(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	list := config.NewList()
	for _, name := range commandNames(f.cfg.Load()) {
		list.List = append(list.List, config.NewString(name))
	}
	return control.Answer{Arguments: list.AppendJSON(nil)}
}

func versionGet(_ context.Context, s *Server, _ *family, _ *control.Command) control.Answer {
	extended := fmt.Sprintf("%s\nLeasehold %s, compatible with Kea %s\nbuilt with %s for %s/%s",
		Version, s.o.Release, Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return control.Answer{Text: Version, Arguments: arguments(config.M("extended", config.NewString(extended)))}
}

func buildReport(_ context.Context, s *Server, _ *family, _ *control.Command) control.Answer {
	var b strings.Builder
	fmt.Fprintf(&b, "Leasehold %s, compatible with Kea %s\n", s.o.Release, Version)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, x := range info.Settings {
			fmt.Fprintf(&b, "%s=%s\n", x.Key, x.Value)
		}
		for _, m := range info.Deps {
			fmt.Fprintf(&b, "%s %s\n", m.Path, m.Version)
		}
	}
	return control.Answer{Text: b.String()}
}

func serverTagGet(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	return control.Answer{Arguments: arguments(config.M("server-tag", config.NewString(f.cfg.Load().ServerTag)))}
}

// Exit ends Run because a shutdown command asked for it, with its exit-value.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("shutdown with exit value %d", int(e)) }

// ExitCode is the exit status that the process should have.
func (e Exit) ExitCode() int { return int(e) }

func shutdown(_ context.Context, s *Server, _ *family, c *control.Command) control.Answer {
	value := int64(0)
	if c.Arguments != nil {
		if c.Arguments.Kind != config.Map {
			return failure("Argument must be a map")
		}
		if v := c.Arguments.Get("exit-value"); v != nil {
			if v.Kind != config.Int {
				return failure("parameter 'exit-value' is not an integer")
			}
			value = v.Int
		}
	}
	s.end(Exit(value & 0xff))
	return control.Answer{Text: "Shutting down."}
}

// statusGet says how the process and its services are.
func statusGet(ctx context.Context, s *Server, f *family, _ *control.Command) control.Answer {
	cfg := f.cfg.Load()
	state, err := f.ask(ctx, engine.CommandReceived{Name: "status-get"})
	if err != nil {
		return failure("%v", err)
	}
	v := state.Arguments
	v.Set("pid", config.NewInt(int64(os.Getpid())))
	v.Set("multi-threading-enabled", config.NewBool(cfg.MultiThreading.Enabled))
	if cfg.MultiThreading.Enabled {
		threads := int64(cfg.MultiThreading.ThreadPool)
		if threads == 0 {
			threads = int64(runtime.NumCPU())
		}
		v.Set("thread-pool-size", config.NewInt(threads))
		v.Set("packet-queue-size", config.NewInt(int64(cfg.MultiThreading.QueueSize)))
	} else {
		v.Remove("packet-queue-statistics")
	}
	if cfg.LeaseDB.Type == "memfile" && cfg.LeaseDB.Persist {
		v.Set("csv-lease-file", config.NewString(s.o.leaseFile(cfg)))
	}
	if text := f.broken.Load(); text != nil {
		v.Set("last-good", config.NewString(*text))
	}
	v.Set("sockets", f.socketStatus())
	if state.Raw != nil {
		pairs, _, err := config.ParseValue("status", state.Raw, false)
		if err != nil {
			return failure("read the state of high availability: %v", err)
		}
		v.Set("high-availability", pairs)
	}
	sortMembers(v)
	return control.Answer{Arguments: v.AppendJSON(nil)}
}

func (f *family) socketStatus() *config.Value {
	st := f.sockets.Status()
	v := config.NewMap()
	if len(st.Errors) > 0 {
		errs := config.NewList()
		for _, e := range st.Errors {
			errs.List = append(errs.List, config.NewString(e))
		}
		v.Set("errors", errs)
	}
	v.Set("status", config.NewString(st.State))
	return v
}

// interfaceNamed returns an interface of the machine, or nil.
func interfaceNamed(name string) *wire.Interface {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	w := &wire.Interface{Name: i.Name, Index: i.Index, MAC: i.HardwareAddr}
	addrs, err := i.Addrs()
	if err != nil {
		return w
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		switch {
		case err != nil:
		case p.Addr().Is4():
			w.V4 = append(w.V4, p)
		default:
			w.V6 = append(w.V6, p)
		}
	}
	return w
}

func interfaceList(_ context.Context, _ *Server, f *family, _ *control.Command) control.Answer {
	all, err := net.Interfaces()
	if err != nil {
		return failure("Unexpected error while retrieving the list of detected interfaces: %v", err)
	}
	used := make(map[string]bool)
	for _, x := range f.sockets.Status().Serving {
		used[x.Interface] = true
	}
	list := config.NewList()
	for i := range all {
		list.List = append(list.List, interfaceValue(&all[i], used[all[i].Name]))
	}
	return control.Answer{Text: fmt.Sprintf("%d interfaces detected.", len(all)), Arguments: arguments(config.M("interfaces", list))}
}

func interfaceValue(i *net.Interface, used bool) *config.Value {
	w := interfaceNamed(i.Name)
	addrs := config.NewList()
	if w != nil {
		for _, p := range append(w.V4, w.V6...) {
			addrs.List = append(addrs.List, config.NewString(p.Addr().String()))
		}
	}
	flag := func(f net.Flags) *config.Value { return config.NewBool(i.Flags&f != 0) }
	return config.NewMap(
		config.M("addresses", addrs),
		config.M("flag-broadcast", flag(net.FlagBroadcast)),
		config.M("flag-loopback", flag(net.FlagLoopback)),
		config.M("flag-multicast", flag(net.FlagMulticast)),
		config.M("flag-running", flag(net.FlagRunning)),
		config.M("flag-up", flag(net.FlagUp)),
		config.M("in-use", config.NewBool(used)),
		config.M("index", config.NewInt(int64(i.Index))),
		config.M("mac", config.NewString(i.HardwareAddr.String())),
		config.M("name", config.NewString(i.Name)),
	)
}

func interfaceRedetect(ctx context.Context, s *Server, f *family, c *control.Command) control.Answer {
	if err := f.sockets.Apply(&f.cfg.Load().Interfaces); err != nil {
		return failure("Unexpected error while detecting interfaces: %v", err)
	}
	return interfaceList(ctx, s, f, c)
}
