// Package replay asks engines what was once asked on a wire, and compares what
// they say with one another or with what a server answered then.
//
// Start with Side, one engine that answers without sockets or files, and Ask.
// Compare tells the differences of two responses, field by field. Watch follows a
// wire on which another server answers: it puts queries to a Side, waits for that
// server's answers, and has the Side take the other's leases over, so that one
// difference does not make others.
//
// Nothing here reads a clock: time is that of the frames. Left out on purpose:
// reading files (package capture), sockets, printing.
package replay
