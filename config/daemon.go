package config

import (
	"net/netip"
	"time"
)

// InterfacesConfig is interfaces-config.
type InterfacesConfig struct {
	All        bool // "*"
	Interfaces []InterfaceSpec
	UDP        bool // dhcp-socket-type udp (v4)
	UseRouting bool // outbound-interface use-routing (v4)
	ReDetect   bool
	RequireAll bool
	MaxRetries uint32
	RetryWait  time.Duration
}

// InterfaceSpec is one entry of interfaces: a name, or name/address.
type InterfaceSpec struct {
	Name string
	Addr netip.Addr // zero: every address (v4), no unicast socket (v6)
	Pos  Pos
}

// LeaseDB is lease-database.
type LeaseDB struct {
	Type         string // "memfile", "sqlite"
	Name         string // file; "" = default of the data directory
	Persist      bool
	LFCInterval  time.Duration // 0 = never
	MaxRowErrors uint32        // 0 = unlimited
	Flush        bool          // durability "flush": what Kea does; default is "sync"
}

// ControlSocket is one entry of control-sockets, or control-socket.
type ControlSocket struct {
	Type         string // unix, http, https
	Path         string // unix
	Addr         netip.AddrPort
	Auth         *Authentication // nil = none
	TLS          TLSFiles
	CertRequired bool
	Headers      []Header
}

// Header is one extra response header of an HTTP control socket.
type Header struct{ Name, Value string }

// Authentication is basic authentication of an HTTP control socket.
type Authentication struct {
	Realm   string
	Clients []Credential
}

// Credential is one user. Files are read at load. Role is a key of our own:
// "read", "operate" or "change" (the default: Kea knows no roles).
type Credential struct{ User, Password, Role string }

// TLSFiles names a trust anchor (CA file or directory), certificate and key.
type TLSFiles struct{ TrustAnchor, Cert, Key string }

// On says whether TLS is configured.
func (t TLSFiles) On() bool { return t.Cert != "" }

// Agent is a Control-agent map: Kea's HTTP endpoint in front of unix sockets.
// Here the same process answers; the sockets only say which services exist.
type Agent struct {
	Addr         netip.AddrPort
	Auth         *Authentication
	TLS          TLSFiles
	CertRequired bool
	Services     []string          // dhcp4, dhcp6
	Sockets      map[string]string // service → unix socket path, for services of other processes
	Loggers      []Logger
	Tree         *Value
	File         string
}

// Hook is one entry of hooks-libraries, told by the base name of its path.
type Hook struct {
	Name       string // libdhcp_ha.so
	Path       string // as written
	Parameters *Value // nil or a map
	Pos        Pos
}

// Hook returns the hook of that base name (e.g. "libdhcp_lease_cmds.so") or nil.
func (f *Family) Hook(name string) *Hook {
	for i := range f.Hooks {
		if f.Hooks[i].Name == name {
			return &f.Hooks[i]
		}
	}
	return nil
}

// Logger is one entry of loggers.
type Logger struct {
	Name       string
	Severity   string // FATAL ERROR WARN INFO DEBUG NONE
	DebugLevel int
	Outputs    []LogOutput
}

// LogOutput is one entry of output-options.
type LogOutput struct {
	Output  string // stdout, stderr, syslog, syslog:FACILITY, a path
	Flush   bool
	MaxSize uint64
	MaxVer  uint
	Pattern string
}

// D2 is dhcp-ddns: where name change requests go.
type D2 struct {
	Enable       bool
	Server       netip.AddrPort
	Sender       netip.AddrPort
	MaxQueueSize uint32
}

// ExpiredLeases is expired-leases-processing.
type ExpiredLeases struct {
	ReclaimWait    time.Duration // 0 = off
	FlushWait      time.Duration // 0 = no affinity
	HoldReclaimed  time.Duration // 0 = no affinity
	MaxLeases      uint32        // per cycle; 0 = no limit
	MaxTime        time.Duration // per cycle; 0 = no limit
	UnwarnedCycles uint32
}

// Affinity says whether reclaimed and released leases are kept for a while.
func (e ExpiredLeases) Affinity() bool { return e.FlushWait > 0 && e.HoldReclaimed > 0 }

// SanityChecks is sanity-checks.
type SanityChecks struct {
	LeaseChecks        string // none, warn, fix, fix-del, del
	ExtendedInfoChecks string // none, fix, strict, pedantic
}

// MultiThreading is multi-threading: accepted, reported, without effect on us.
type MultiThreading struct {
	Enabled    bool
	ThreadPool uint32
	QueueSize  uint32
}

// Compatibility is compatibility.
type Compatibility struct {
	LenientOptionParsing   bool
	IgnoreServerID         bool
	IgnoreRAILinkSelection bool
	ExcludeFirstLast24     bool
}

// ServerID is server-id of Dhcp6. Zero fields are kept from the file or made up.
type ServerID struct {
	Type         string // LLT, EN, LL
	Identifier   []byte
	Time         uint32
	HType        uint16
	EnterpriseID uint32
	Persist      bool
}

// MACSource is one way to learn a v6 client's hardware address (mac-sources).
type MACSource uint8

const (
	MACAny MACSource = iota
	MACRaw
	MACDUID
	MACLinkLocal
	MACClientLinkAddr
	MACRemoteID
	MACSubscriberID
	MACDOCSISCMTS
	MACDOCSISModem
)
