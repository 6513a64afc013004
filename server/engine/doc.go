// Package engine decides. One Engine per address family owns everything that
// changes while serving: the lease index, the free-address maps, the high
// availability machines, parked responses, statistics. It is entered through
// Step with a batch of inputs and the time, and gives back effects for others
// to carry out: responses to send, changes to store, commands to answer.
//
// Nothing in here starts a goroutine, reads a clock, draws a global random
// number, opens a socket or file, or writes a log line; the one lock is taken
// once per Step. So a test, or the simulator, runs the whole server in memory
// with a clock of its own.
//
// Start reading at Engine.Step (engine.go), then follow one query: receive4
// (dhcp4.go) → classify.go → select.go → host.go → alloc4.go → respond4.go →
// park.go; or receive6 (dhcp6.go) and the files whose names end in 6. Files
// without a number serve both families.
package engine
