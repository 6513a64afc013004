package config

import (
	"net/netip"
	"time"
)

// Config is what one or more configuration files say. It is immutable.
type Config struct {
	V4, V6 *Family
	Agent  *Agent // the Control-agent map, if a file has one
	// Warnings do not keep the server from starting: tolerated syntax, keys
	// without effect here, interfaces that do not exist now.
	Warnings Problems
}

// Family is one Dhcp4 or Dhcp6 map, checked, defaulted and with everything
// inherited resolved.
type Family struct {
	Version int    // 4 or 6
	File    string // the file it came from; "" if it came by a command
	Tree    *Value // the map as config-get prints it: defaults filled in
	Hash    string // SHA-256 of Tree's text, 64 hex digits

	Interfaces     InterfacesConfig
	LeaseDB        LeaseDB
	ControlSockets []ControlSocket
	Hooks          []Hook
	Loggers        []Logger
	Relationships  []*Relationship // high availability; empty without libdhcp_ha
	D2             D2              // dhcp-ddns
	Expired        ExpiredLeases
	Sanity         SanityChecks
	MultiThreading MultiThreading
	Compat         Compatibility
	ServerID       ServerID // v6

	DeclineProbation         uint32 // seconds
	ParkedPacketLimit        uint32 // 0 = no limit
	EchoClientID             bool   // v4
	StashAgentOptions        bool   // v4
	EarlyGlobalReservations  bool
	ReservationsLookupFirst  bool
	ReservationsUnique       bool // ip-reservations-unique
	AllowAddressRegistration bool // v6
	ServerTag                string
	DataDirectory            string
	MACSources               []MACSource // v6, in the order to try them
	RelaySuppliedOptions     []uint16    // v6
	HostIdentifiers          []IdentifierType
	StatisticSampleCount     uint32
	StatisticSampleAge       time.Duration
	DHCP4o6Port              uint16
	UserContext              *Value
	Leasehold                Leasehold

	Params   Params // the global level, for queries without a subnet
	Defs     *OptionDefs
	Options  OptionSet // global option-data
	Classes  []*Class  // in the order of the text
	Subnets  []*Subnet // every subnet, those of networks too, by ascending ID
	Networks []*Network
	Hosts    *Hosts

	// What the built-in hooks are to do; nil or empty: not switched on.
	FlexibleID  *FlexibleID
	FlexOptions []FlexOption
	RunScript   *RunScript
	Limits      *Limits
	LegalLog    *LegalLog
	PingCheck   *PingCheck

	classIDs   map[string]ClassID
	classNames []string
}

// Leasehold are the parameters that Kea does not have.
type Leasehold struct {
	HTTP    netip.AddrPort // of page, metrics and health; invalid: not served
	TLS     TLSFiles       // of HTTP; no trust anchor
	Users   []Credential   // of HTTP; none: everybody may read, nobody may change
	Records uint32         // how many decisions are kept for explain
	// InstallPDRoutes has the server keep a route to each delegated prefix (v6).
	InstallPDRoutes bool

	Events   uint32 // how many events are kept at least; 0 = none are
	Webhooks []Webhook
}

// Webhook is where events are sent.
type Webhook struct {
	URL         string
	Secret      string   // signs what is sent
	TrustAnchor string   // CA file or directory; "" = those of the machine
	Types       []string // of events; none = all
}

// EventTypes are the types of events.
var EventTypes = []string{"lease-stored", "lease-deleted", "ha-state", "start", "gap"}

// ClassID stands for a class name within one Family: small, dense, from 0.
// Names that the configuration never mentions have none.
type ClassID int32

// NoClass is the ClassID of a name that the configuration does not mention.
const NoClass ClassID = -1

// ClassID returns the ID of a class name, or NoClass.
func (f *Family) ClassID(name string) ClassID {
	if id, ok := f.classIDs[name]; ok {
		return id
	}
	return NoClass
}

// ClassIDBytes is ClassID for a name that is still in a packet; it does not allocate.
func (f *Family) ClassIDBytes(name []byte) ClassID {
	if id, ok := f.classIDs[string(name)]; ok {
		return id
	}
	return NoClass
}

// ClassName returns the name behind an ID.
func (f *Family) ClassName(id ClassID) string { return f.classNames[id] }

// ClassCount returns how many names have an ID: IDs are 0 … ClassCount()-1.
func (f *Family) ClassCount() int { return len(f.classNames) }

// intern gives name an ID. Only used while the Family is being built.
func (f *Family) intern(name string) ClassID {
	if id, ok := f.classIDs[name]; ok {
		return id
	}
	if f.classIDs == nil {
		f.classIDs = make(map[string]ClassID)
	}
	id := ClassID(len(f.classNames))
	f.classNames = append(f.classNames, name)
	f.classIDs[name] = id
	return id
}

// The names that are always interned, in this order, so that their IDs are
// the constants below. A test holds the two together.
var builtinClasses = []string{"ALL", "KNOWN", "UNKNOWN", "BOOTP", "DROP", "REJECT", "SKIP_DDNS", "STASH_AGENT_OPTIONS"}

// IDs of the built-in classes, the same in every Family.
const (
	ClassAll ClassID = iota
	ClassKnown
	ClassUnknown
	ClassBOOTP
	ClassDrop
	ClassReject
	ClassSkipDDNS
	ClassStashAgentOptions
)

// Class is one definition of client-classes.
type Class struct {
	ID             ClassID
	Name           string
	Test           *Expr // nil: only set by reservations, additional lists, built-in rules
	Template       *Expr // template-test; spawns SPAWN_<Name>_<value>
	DependsOnKnown bool  // evaluated in the second pass: uses KNOWN or UNKNOWN, directly or not
	UsesMember     bool  // the test asks for membership of other classes
	OnlyAdditional bool  // only-in-additional-list, only-if-required
	Options        OptionSet
	Defs           *OptionDefs // class-local option-def (43, 224..254; v4); nil if none
	Lifetimes
	OfferLifetime  Optional[uint32]
	NextServer     netip.Addr // zero: not set
	ServerHostname string
	BootFileName   string
	UserContext    *Value
	Pos            Pos
}

// Lifetimes are the valid and preferred lifetime triplets of a class or subnet.
type Lifetimes struct {
	Valid, Preferred Triplet
}

// Triplet is a lifetime in seconds with the bounds a client may ask within.
// Kea: without explicit bounds, Min = Default = Max. 0xffffffff is infinite.
type Triplet struct {
	Set               bool // given at this level or one above it
	Min, Default, Max uint32
}

// Clamp returns the lifetime for a client that asked for want seconds.
func (t Triplet) Clamp(want uint32) uint32 {
	return min(max(want, t.Min), t.Max)
}

// Optional is a value that may not have been given at any level.
type Optional[T any] struct {
	Set   bool
	Value T
}

// Params are the inheritable parameters, resolved for their level.
type Params struct {
	Lifetimes
	RenewTimer, RebindTimer Optional[uint32] // T1, T2 in seconds
	CalculateTeeTimes       bool
	T1Percent, T2Percent    float64
	CacheThreshold          Optional[float64]
	CacheMaxAge             Optional[uint32]
	AdaptiveThreshold       Optional[float64] // adaptive-lease-time-threshold
	OfferLifetime           uint32            // 0 = off
	Allocator, PDAllocator  Allocator
	ReservationsGlobal      bool
	ReservationsInSubnet    bool
	ReservationsOutOfPool   bool
	MatchClientID           bool
	Authoritative           bool
	StoreExtendedInfo       bool
	NextServer              netip.Addr // zero: not set
	ServerHostname          string
	BootFileName            string
	DDNS                    DDNS
}

// Allocator is a rule for choosing among free addresses.
type Allocator uint8

const (
	Iterative Allocator = iota
	Random
	FreeLeaseQueue
)

// Network is a shared network.
type Network struct {
	Name        string
	Subnets     []*Subnet // by ascending ID
	Guard       []ClassID // any of these suffices; empty = everyone
	Additional  []ClassID // evaluate-additional-classes
	Relay       []netip.Addr
	Interface   string
	InterfaceID string // v6
	Options     OptionSet
	Params      Params
	UserContext *Value
	Pos         Pos
}

// Subnet is one subnet4 or subnet6.
type Subnet struct {
	ID          uint32
	Prefix      netip.Prefix // masked
	Text        string       // as written, the address in its canonical form
	Network     *Network     // nil: not in a shared network
	Guard       []ClassID
	Additional  []ClassID
	Pools       []*Pool
	PDPools     []*Pool      // v6; Type PD
	Relay       []netip.Addr // own list, else the network's
	Interface   string       // own, else the network's
	InterfaceID string       // v6; own, else the network's
	RapidCommit bool         // v6
	Options     OptionSet
	Params      Params
	HAServer    string // user-context ha-server-name, own or the network's
	Over6       Over6
	UserContext *Value
	Pos         Pos
}

// Over6 is what selects a subnet for DHCPv4-over-DHCPv6 queries: any of its
// members that is set. Such queries are not served, only commands look at it.
type Over6 struct {
	Interface, InterfaceID string
	Prefix                 netip.Prefix // of clients' IPv6 addresses
}

// Pool is an address pool or, with DelegatedLen > 0, a prefix pool.
type Pool struct {
	ID           uint32       // pool-id; 0 = none
	First, Last  netip.Addr   // inclusive; prefix pools: first and last address of Prefix
	Prefix       netip.Prefix // prefix pools
	DelegatedLen uint8
	Excluded     netip.Prefix // prefix pools; zero = none
	Guard        []ClassID
	Additional   []ClassID
	Options      OptionSet
	DDNS         DDNS // resolved; P-level keys included
	UserContext  *Value
	Pos          Pos
}

// IdentifierType says what identifies a client of a host reservation.
type IdentifierType uint8

// Kea's numbers of identifier types.
const (
	HWAddress IdentifierType = iota
	DUID
	CircuitID
	ClientIdentifier
	FlexID
)

// Host is one reservation.
type Host struct {
	SubnetID       uint32 // 0 = global
	Type           IdentifierType
	Identifier     string         // raw bytes
	Addr           netip.Addr     // v4; zero = none
	Addrs          []netip.Addr   // v6
	Prefixes       []netip.Prefix // v6
	Excluded       []netip.Prefix // v6; parallel to Prefixes or empty; zero = none
	Hostname       string
	Classes        []ClassID
	Options        OptionSet
	NextServer     netip.Addr // zero = not set
	ServerHostname string
	BootFileName   string
	UserContext    *Value
	Pos            Pos
}

// DDNS are the ddns-* and hostname-char-* parameters of one level, resolved.
type DDNS struct {
	SendUpdates          bool
	OverrideNoUpdate     bool
	OverrideClientUpdate bool
	ReplaceClientName    ReplaceClientName
	GeneratedPrefix      string
	QualifyingSuffix     string
	UpdateOnRenew        bool
	ConflictResolution   string // ddns-conflict-resolution-mode
	TTL, TTLMin, TTLMax  Optional[uint32]
	TTLPercent           Optional[float64]
	CharSet              *CharSet // nil = no sanitising
	CharReplacement      string
}

// ReplaceClientName says when the server makes up the client's name.
type ReplaceClientName uint8

const (
	ReplaceNever ReplaceClientName = iota
	ReplaceAlways
	ReplaceWhenPresent
	ReplaceWhenNotPresent
)
