// Package server is the shell around the engines: it opens sockets, files and
// doors, carries batches in and effects out, and reloads. It decides nothing.
//
// # The life of a query
//
//  1. A goroutine per socket (listen.Socket.Receive) takes what has arrived,
//     up to 64 datagrams, each with its interface, addresses and, from the
//     link-layer socket, the client's MAC. A filter in the kernel has dropped
//     what is not DHCP. When the socket's queue fills up, messages that look
//     for a server are dropped here, unread (overload.go).
//  2. The same goroutine decodes: wire.Message4 or Message6 notes where each
//     option lies. Nothing is copied.
//  3. It enters the engine of the family once with the whole batch
//     (engine.Engine.Step). There, one query after the other is judged: is the
//     service on, is it well-formed, is it for us, is it in our scope; then
//     classified, located in a subnet, matched with reservations; then an
//     address is found and a response built. Every way to end without an answer
//     is a named drop with a statistic.
//  4. An OFFER, a NAK, an answer without a lease promises nothing: it is among
//     the effects and leaves by the same goroutine, one system call for many,
//     and to a relay even one message for many (bundle.go).
//  5. A response that promises a lease is parked. Its change is in the journal,
//     which a writer takes as a whole, appends to the lease file and syncs
//     once, while the next batch is decided. In a pair, the partner gets the
//     change at the same time. When the disk (Appended) and everybody whose
//     acknowledgement counts have answered, the response leaves. If either
//     fails it is dropped, and the client asks again. Who is thousands of
//     changes ahead of the disk waits for it: the rest stays in the sockets.
//  6. Log lines were written into the effects' buffer and go to the log's own
//     goroutine in one piece.
//
// # Who owns what
//
// The engine owns leases, parked responses and statistics, under its one lock.
// The configuration is an immutable value that a reload replaces between two
// batches. Everything in this package is wiring: family.go ties one engine to
// its sockets, its lease file and its timer; disk.go is the group commit.
package server
