// Package bench is the load generator behind `leasehold bench`.
//
// It plays many clients, behind one relay agent or on the server's own link,
// either closed loop (a number of exchanges in flight) or open loop (a number
// started per second), and reports what was completed, how long it took and
// what it cost the server. Command is where to start; run is the state of all
// exchanges, without sockets or clock; codec writes and reads the messages.
//
// `leasehold bench beside` (comparison) starts servers in network namespaces of
// their own, loads one after the other, and reports ours beside Kea's.
//
// A client sends every message once: what is not answered in time is a drop.
package bench
