// Package logging prints the messages of package message where the loggers of
// a configuration want them: standard output, syslog, rotated files.
//
// Start makes the one Writer of the process; Writer.Sink gives each daemon
// (kea-dhcp4, kea-dhcp6, leasehold) its Sink. An engine asks Sink.Enabled
// before it writes the text of a line, collects lines as message.Entry values,
// and hands over the whole batch with Sink.Write. Nothing here ever makes a
// caller wait: the queue to the writer is bounded, what does not fit is
// dropped, counted, and reported in a line of its own.
//
// Layouts: Kea's own (the default), log4cplus patterns (`pattern`), JSON
// (`"pattern": "json"`, ours) and, on a terminal, a readable coloured one.
//
// Left out on purpose: what to say and when. That is decided where it happens.
package logging
