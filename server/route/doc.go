// Package route keeps the routes to delegated prefixes in the system's table.
//
// Start with New and Table.Apply, which takes what an engine's Step wants. The
// work is done by a goroutine of the Table's own: no answer waits for the kernel.
//
// Every route of ours bears the number Protocol, and no other is ever touched:
// where somebody else has routed a prefix, that is reported and stays. Routes
// outlive the process, so that a restart of the server interrupts no customer;
// the first complete Routes after it bring the table in order.
//
// Left out on purpose: which routes there ought to be (package engine).
package route
