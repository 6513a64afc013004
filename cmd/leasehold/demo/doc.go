// Package demo is `leasehold demo`: real servers and simulated clients on a
// wire that exists nowhere else.
//
// The command calls itself three times over. The first process makes user,
// network and process namespaces for the second, the stage. The stage has a
// bridge, the wire, to which it connects clients, which it plays itself, and
// nodes: processes in network namespaces of their own that become `leasehold
// serve`. When the stage ends, the kernel ends everything on it.
package demo
