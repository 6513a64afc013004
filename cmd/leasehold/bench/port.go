package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"leasehold/config"
	"leasehold/server/listen"
	"leasehold/server/wire"
)

// How often expired messages are looked for and, in the open loop, new
// exchanges started.
const (
	openTick   = time.Millisecond
	closedTick = 20 * time.Millisecond
)

// few is up to how many responses at once --coalesce waits for more.
const few = 16

// port is the way to the server: sockets of the side a client or relay is on.
type port struct {
	set      *listen.Set
	to       wire.Departure
	coalesce atomic.Int64 // nanoseconds

	mu     sync.Mutex
	run    *run // nil: nothing is being measured
	start  time.Time
	failed int64
	out    []listen.Outgoing
	over   chan struct{} // closed when the run is over
}

func openRelay(v6 bool, iface string, local, server netip.Addr) (*port, error) {
	number := uint16(67)
	if v6 {
		number = 547
	}
	p := &port{to: wire.Departure{
		Src: netip.AddrPortFrom(local, number),
		Dst: netip.AddrPortFrom(server, number),
	}}
	spec := config.InterfacesConfig{UDP: !v6, Interfaces: []config.InterfaceSpec{{Name: iface, Addr: local}}}
	return p, p.open(v6, number, &spec)
}

// openDirect is on the server's link. DHCPv4 clients there have no address:
// their frames are made by hand and answers to all are taken.
func openDirect(v6 bool, iface string) (*port, error) {
	p := &port{}
	spec := config.InterfacesConfig{Interfaces: []config.InterfaceSpec{{Name: iface}}}
	number := uint16(68)
	if v6 {
		number = 546
	}
	if err := p.open(v6, number, &spec); err != nil {
		return nil, err
	}
	at, err := p.set.Interface(iface)
	if err != nil {
		p.close()
		return nil, err
	}
	p.to = wire.Departure{
		Iface: at,
		Src:   netip.MustParseAddrPort("0.0.0.0:68"),
		Dst:   netip.MustParseAddrPort("255.255.255.255:67"),
		Frame: true,
		HWDst: [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	}
	if v6 {
		p.to = wire.Departure{Iface: at, Dst: netip.MustParseAddrPort("[ff02::1:2]:547")}
	}
	return p, nil
}

func (p *port) open(v6 bool, number uint16, spec *config.InterfacesConfig) error {
	family := listen.V4
	if v6 {
		family = listen.V6
	}
	p.set = listen.New(listen.Options{Family: family, Port: number, Serve: p.serve,
		Failed: func(*listen.Outgoing, error) { p.failed++ }}) // Send is called under the lock
	if err := p.set.Apply(spec); err != nil {
		return err
	}
	if st := p.set.Status(); len(st.Errors) > 0 {
		p.close()
		return errors.New(strings.Join(st.Errors, "; "))
	}
	return nil
}

func (p *port) close() { p.set.Close() }

// drive carries r out and returns how long it took.
func (p *port) drive(ctx context.Context, r *run) time.Duration {
	p.mu.Lock()
	p.run, p.start, p.failed, p.over = r, time.Now(), 0, make(chan struct{})
	r.begin(0)
	p.flush()
	over := p.over
	p.mu.Unlock()

	tick := closedTick
	if r.rate > 0 {
		tick = openTick
	}
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		select {
		case <-over:
		case <-ctx.Done():
		case <-ticker.C:
			p.turn(nil)
			continue
		}
		break
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = nil
	r.figures.SendErrors = p.failed
	if r.figures.Completed == r.figures.Started {
		return r.figures.lastDone
	}
	return time.Since(p.start)
}

func (p *port) serve(s *listen.Socket) {
	batch := listen.NewBatch(64, listen.Size4)
	for {
		n, err := s.Receive(batch)
		if err != nil {
			return
		}
		p.turn(batch[:n])
		if n < few {
			time.Sleep(time.Duration(p.coalesce.Load()))
		}
	}
}

// turn gives the run what arrived and the time, and sends what it wants sent.
func (p *port) turn(batch []*listen.Datagram) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.run
	if r == nil {
		return
	}
	now := time.Since(p.start)
	for _, d := range batch {
		r.receive(d.Data, now)
	}
	r.expire(now)
	r.begin(now)
	p.flush()
	if r.over(now) {
		p.run = nil
		close(p.over)
	}
}

func (p *port) flush() {
	p.out = p.out[:0]
	for _, b := range p.run.out.take() {
		p.out = append(p.out, listen.Outgoing{Data: b, Departure: p.to})
	}
	p.run.out.reset()
	p.set.Send(p.out)
}

// cpuOf returns the user and system time of a process, in steps of 10 ms.
func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read CPU time of process %d: %w", pid, err)
	}
	// proc(5): the second field is the name, in parentheses, with any bytes.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("read CPU time of process %d: no times in its stat file", pid)
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read CPU time of process %d: %w", pid, err)
		}
		ticks += n
	}
	const ticksPerSecond = 100 // USER_HZ, the same on every architecture Go runs on
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
