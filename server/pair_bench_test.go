package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"leasehold/config"
	"leasehold/server/logging"
	"leasehold/server/testnet"
)

// BenchmarkPair is what four messages with a new client cost one server, and two
// that are partners, everything real and in one process: sockets on loopback,
// lease files, the link between the servers. The client's part is the same in all.
func BenchmarkPair(b *testing.B) {
	for _, durability := range []string{"flush", "sync"} {
		for _, mode := range []string{"", "hot-standby", "load-balancing"} {
			name := durability + "/" + mode
			if mode == "" {
				name += "alone"
			}
			b.Run(name, func(b *testing.B) {
				ports := testnet.Ports(b, 4)
				if mode == "" {
					benchServer(b, mode, durability, 0, ports)
					exchange(b, ports[2:3])
					return
				}
				two := []*Server{benchServer(b, mode, durability, 0, ports), benchServer(b, mode, durability, 1, ports)}
				for _, s := range two {
					for end := time.Now().Add(time.Minute); !strings.Contains(tell(b, s, 4, `{"command":"status-get"}`), `"state": "`+mode+`"`); {
						if time.Now().After(end) {
							b.Fatal("not in the normal state")
						}
						time.Sleep(20 * time.Millisecond)
					}
				}
				if mode == "hot-standby" {
					ports = ports[:3]
				}
				exchange(b, ports[2:])
			})
		}
	}
}

// benchServer runs a server, the partner of another if there is a mode. ports
// are two for the link, then those of the servers.
func benchServer(b *testing.B, mode, durability string, number int, ports []int) *Server {
	b.Helper()
	hooks := ""
	if mode != "" {
		second := map[string]string{"hot-standby": "standby", "load-balancing": "secondary"}[mode]
		hooks = fmt.Sprintf(`, "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" }, { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {
			"this-server-name": %q, "mode": %q, "heartbeat-delay": 1000, "max-unacked-clients": 0,
			"multi-threading": { "enable-multi-threading": true, "http-dedicated-listener": true, "http-client-threads": 2 },
			"peers": [ { "name": "a", "url": "http://127.0.0.1:%d/", "role": "primary" }, { "name": "b", "url": "http://127.0.0.1:%d/", "role": %q } ] } ] } } ]`,
			"ab"[number:number+1], mode, ports[0], ports[1], second)
	}
	dir := b.TempDir()
	text := fmt.Sprintf(`{ "Dhcp4": { "valid-lifetime": 86400, "interfaces-config": { "interfaces": [ "lo" ], "dhcp-socket-type": "udp" },
		"lease-database": { "type": "memfile", "name": %q, "lfc-interval": 0, "durability": %q },
		"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8", "pools": [ { "pool": "10.64.0.0 - 10.191.255.255" } ] } ]%s } }`,
		filepath.Join(dir, "leases.csv"), durability, hooks)
	cfg, err := config.Parse(filepath.Join(dir, "server.json"), []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	w := logging.Start(logging.Options{Stdout: io.Discard, Now: time.Now})
	s, err := New(cfg, Options{Log: w, DataDir: dir, SocketDir: dir, Release: "test", ServerPort4: uint16(ports[2+number]), ToSource: true})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		w.Close()
	})
	select {
	case <-s.Ready():
	case err := <-done:
		done <- err
		b.Fatal(err)
	}
	return s
}

// exchange has b.N new clients served, 64 at a time, by whoever answers first.
func exchange(b *testing.B, ports []int) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	query := append([]byte{1, 1, 6, 1}, make([]byte, 236, 300)...)
	copy(query[24:], []byte{10, 0, 0, 9}) // giaddr
	copy(query[236:], []byte{0x63, 0x82, 0x53, 0x63})
	send := func(client uint32, options ...byte) {
		binary.BigEndian.PutUint32(query[4:], client)
		binary.BigEndian.PutUint32(query[30:], client)
		for _, p := range ports {
			if _, err := conn.WriteTo(append(query, options...), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: p}); err != nil {
				b.Fatal(err)
			}
		}
	}
	var from, to syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &from)
	b.ResetTimer()
	next, done, lost := uint32(1), 0, 0
	begin := func(clients int) {
		for range clients {
			send(next, 53, 1, 1, 255)
			next++
		}
	}
	begin(64)
	room := make([]byte, 1500)
	for done < b.N {
		conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := conn.Read(room)
		if errors.Is(err, os.ErrDeadlineExceeded) && lost < 60 {
			lost++
			begin(64) // the socket's queue was full
			continue
		}
		if err != nil {
			b.Fatal(err)
		}
		options := room[240:n]
		server := bytes.Index(options, []byte{54, 4})
		if client := binary.BigEndian.Uint32(room[4:]); bytes.Contains(options, []byte{53, 1, 2}) {
			request := append([]byte{53, 1, 3, 50, 4}, room[16:20]...)
			send(client, append(append(request, options[server:server+6]...), 255)...)
		} else {
			done++
			begin(1)
		}
	}
	b.StopTimer()
	syscall.Getrusage(syscall.RUSAGE_SELF, &to)
	b.ReportMetric(float64(to.Utime.Nano()+to.Stime.Nano()-from.Utime.Nano()-from.Stime.Nano())/float64(b.N), "cpu-ns/op")
}
