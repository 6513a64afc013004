package listen

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"leasehold/server/testnet"
	"leasehold/server/wire"
)

// BenchmarkEcho sends a full batch to a socket, receives and answers it. One
// operation is one datagram through both directions of both ends; the sender
// uses sendmmsg and recvmmsg too. It must not allocate.
func BenchmarkEcho(b *testing.B) {
	if inNamespace(b) {
		return
	}
	up(b, "lo")
	sockets := make(chan *Socket, 1)
	s := New(Options{Family: V4, Port: 6767, Serve: func(s *Socket) { sockets <- s }})
	spec := specOf(true, "lo")
	testnet.Must(b, s.Apply(&spec))
	defer s.Close()
	sock := <-sockets

	fd := testnet.Must1(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0))(b)
	defer unix.Close(fd)
	testnet.Must(b, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	payload := make([]byte, 300)
	far := newMessages(maxBatch)
	for i := range far.hdrs {
		setIovec(&far.iovs[i], payload)
		far.hdrs[i].hdr.Namelen = far.names[i].putInet(netip.MustParseAddrPort("127.0.0.1:6767"), 0)
	}
	back := newMessages(maxBatch)
	room := make([]byte, Size4)
	batch := NewBatch(maxBatch, Size4)
	out := make([]Outgoing, 0, maxBatch)

	b.ReportAllocs()
	for n := 0; n < b.N; n += maxBatch {
		if sent, e := sendmmsg(uintptr(fd), far.hdrs); e != 0 || sent != maxBatch {
			b.Fatal(sent, e)
		}
		for answered := 0; answered < maxBatch; {
			n, err := sock.Receive(batch)
			testnet.Must(b, err)
			out = out[:0]
			for _, d := range batch[:n] {
				out = append(out, Outgoing{Data: d.Data, Departure: wire.Departure{Iface: d.Arrival.Iface, Src: d.Arrival.Dst, Dst: d.Arrival.Src}})
			}
			s.Send(out)
			answered += n
		}
		for i := range back.hdrs {
			back.prepare(i, room)
		}
		if got, e := recvmmsg(uintptr(fd), back.hdrs); e != 0 || got != maxBatch {
			b.Fatal(got, e)
		}
	}
}

// BenchmarkHeaders is the cost of an answer by frame before the system call.
func BenchmarkHeaders(b *testing.B) {
	var h [headerLen]byte
	payload := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		putHeaders(&h, frameSrc, frameDst, payload)
	}
}

func BenchmarkParseFrame(b *testing.B) {
	p := packetOf(string(make([]byte, 300)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := parseFrame(p); err != nil {
			b.Fatal(err)
		}
	}
}
