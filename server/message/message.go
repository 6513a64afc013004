// Package message is the catalogue of log messages: Kea's identifiers, loggers
// and levels. The identifiers are what operators and monitoring search for.
package message

// Level is the severity of a message. Debug levels are Kea's 0…99.
type Level uint8

const (
	Fatal Level = iota
	Error
	Warn
	Info
	Debug // 0; Debug+n is debug level n
)

// Message is one kind of log line.
type Message struct {
	ID     string // DHCP4_LEASE_ALLOC
	Logger string // below the daemon's root: "leases" stands for kea-dhcp4.leases
	Level  Level
}

// Entry is one log line of a batch: which message, and its text (without the
// ID) in the batch's text buffer.
type Entry struct {
	Msg        *Message
	Start, End int
}
