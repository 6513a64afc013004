// Package message is the catalogue of log messages: Kea's identifiers, loggers
// and levels. The identifiers are what operators and monitoring search for.
//
// The packages that decide something name a message of catalogue.go and write
// its parameters in the order of that message; server/logging prints it.
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

var levelNames = [...]string{"FATAL", "ERROR", "WARN", "INFO", "DEBUG"}

// String returns Kea's word for the level, without the number of a debug level.
func (l Level) String() string { return levelNames[min(l, Debug)] }

// Logger is a logger below the daemon's root: Leases stands for
// kea-dhcp4.leases in one daemon and kea-dhcp6.leases in the other. A small
// number, so that asking whether a message is wanted costs two loads.
type Logger uint8

const (
	Root Logger = iota // the root itself: kea-dhcp4
	AllocEngine
	BadPackets
	Commands
	Database
	DDNS
	DHCPSrv
	Eval
	Family4
	Family6
	FlexID
	HAHooks
	Hooks
	Hosts
	HTTP
	LeaseCmdsHooks
	Leases
	LegalLogHooks
	LimitsHooks
	Options
	Packets
	PingCheckHooks
	RunScriptHooks
	StatCmdsHooks
	SubnetCmdsHooks
	TCP
	Loggers // how many there are
)

var loggerNames = [Loggers]string{
	Root: "", AllocEngine: "alloc-engine", BadPackets: "bad-packets", Commands: "commands",
	Database: "database", DDNS: "ddns", DHCPSrv: "dhcpsrv", Eval: "eval", Family4: "dhcp4",
	Family6: "dhcp6", FlexID: "flex-id-hooks", HAHooks: "ha-hooks", Hooks: "hooks", Hosts: "hosts",
	HTTP: "http", LeaseCmdsHooks: "lease-cmds-hooks", Leases: "leases",
	LegalLogHooks: "legal-log-hooks", LimitsHooks: "limits-hooks", Options: "options",
	Packets: "packets", PingCheckHooks: "ping-check-hooks", RunScriptHooks: "run-script-hooks",
	StatCmdsHooks: "stat-cmds-hooks", SubnetCmdsHooks: "subnet-cmds-hooks", TCP: "tcp",
}

// String returns the name below the root, "" for Root.
func (l Logger) String() string { return loggerNames[l] }

// Message is one kind of log line.
type Message struct {
	ID     string // DHCP4_LEASE_ALLOC
	Logger Logger
	Level  Level
}

// Entry is one log line of a batch: which message, and its text (without the
// ID) in the batch's text buffer.
type Entry struct {
	Msg        *Message
	Start, End int
}
