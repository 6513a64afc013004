package control

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/testnet"
)

func TestEndpointsOfAConfiguration(t *testing.T) {
	addr := netip.MustParseAddrPort("127.0.0.1:8000")
	cfg := &config.Config{
		V4: &config.Family{Version: 4, ControlSockets: []config.ControlSocket{{Type: "unix", Path: "/a"}, {Type: "http", Addr: addr}}},
		V6: &config.Family{Version: 6, ControlSockets: []config.ControlSocket{{Type: "unix", Path: "/b"}}},
		Agent: &config.Agent{Addr: addr, TLS: config.TLSFiles{Cert: "c", Key: "k", TrustAnchor: "t"},
			Sockets: map[string]string{"d2": "/d2"}},
	}
	list := Endpoints(cfg, map[string]Handler{"dhcp4": daemon, "dhcp6": daemon}, nil)
	var got []string
	for _, e := range list {
		got = append(got, strings.Join([]string{e.Socket.Type, e.place(), e.Service}, " "))
	}
	const want = "unix /a |http 127.0.0.1:8000 dhcp4|unix /b |https 127.0.0.1:8000 "
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if a := list[3].Agent; a == nil || a.Sockets["d2"] != "/d2" || a.Local["dhcp6"] == nil {
		t.Errorf("agent is %+v", a)
	}
}

func TestDoorsFollowTheConfiguration(t *testing.T) {
	s := NewDoors(Options{}, time.Minute)
	defer s.Close()
	one, two := unixSocket(t), unixSocket(t)
	web := config.ControlSocket{Type: "http", Addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(testnet.Ports(t, 1)[0]))}
	at := func(s config.ControlSocket) Endpoint { return Endpoint{Socket: s, Handler: daemon} }
	reaches := func(network, address string, want bool) {
		t.Helper()
		c, err := net.Dial(network, address)
		if err == nil {
			c.Close()
		}
		if (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}

	if err := s.Apply([]Endpoint{at(one), at(web)}); err != nil {
		t.Fatal(err)
	}
	kept := s.open[web.Addr.String()]
	if err := s.Apply([]Endpoint{at(two), at(web)}); err != nil {
		t.Fatal(err)
	}
	if s.open[web.Addr.String()] != kept {
		t.Error("a door that stays was opened anew")
	}
	reaches("unix", one.Path, false)
	reaches("unix", two.Path, true)

	// A list that cannot be had whole changes nothing.
	broken := config.ControlSocket{Type: "https", Addr: web.Addr}
	for _, list := range [][]Endpoint{
		{at(one), at(config.ControlSocket{Type: "carrier pigeon"})},
		{at(two), at(two)},
		{at(one), at(broken)},
	} {
		if err := s.Apply(list); err == nil {
			t.Errorf("%+v was accepted", list)
		}
	}
	reaches("unix", one.Path, false)
	reaches("unix", two.Path, true)
	reaches("tcp", web.Addr.String(), true)
}

// config-set may take away the door it came in by, and is answered still.
func TestCommandMayCloseItsOwnDoor(t *testing.T) {
	s := NewDoors(Options{}, time.Minute)
	defer s.Close()
	socket := unixSocket(t)
	h := HandlerFunc(func(context.Context, *Command) Answer {
		if err := s.Apply(nil); err != nil {
			return Answer{Result: Failure, Text: err.Error()}
		}
		return Answer{Text: "done"}
	})
	if err := s.Apply([]Endpoint{{Socket: socket, Handler: h}}); err != nil {
		t.Fatal(err)
	}
	if got := tell(t, s.open[socket.Path], `{"command":"config-set"}`); got != `{ "result": 0, "text": "done" }` {
		t.Errorf("got %s", got)
	}
}
